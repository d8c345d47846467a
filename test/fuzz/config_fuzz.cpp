// Bytes as a config, and behind the first zero byte as settings for it. Whatever is wrong with them must be told in one
// line, and nothing else may happen. Nothing is built: a good config may ask for more memory than there is.

#include <allot/config/config.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t count) {
  const std::string_view all(reinterpret_cast<const char*>(bytes), count);
  const std::size_t end = all.find('\0');
  const std::string_view settings = end != all.npos ? all.substr(end + 1) : std::string_view();
  try {
    allot::check_config(all.substr(0, end), "fuzz", {settings});
  } catch (const allot::config_error& error) {
    const std::string_view what = error.what();
    const bool one_line = what.find('\n') == what.npos && what.size() < 4000;
    if (!one_line || (error.file() != "fuzz" && error.file() != "settings")) std::abort();
  }
  return 0;
}
