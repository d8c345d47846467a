#include "inspect/browser.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

namespace allot::test {

namespace fs = std::filesystem;

temporary_folder::temporary_folder() {
  std::string name = (fs::temp_directory_path() / "allot_test_XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = name;
}

temporary_folder::~temporary_folder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void write_file(const fs::path& to, const std::string& text) { std::ofstream(to, std::ios::binary) << text; }

std::string read_file(const fs::path& from) {
  std::ifstream in(from, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

command_outcome run_command(const std::string& command) {
  command_outcome outcome;
  std::FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return outcome;
  std::array<char, 4096> part{};
  for (std::size_t n; (n = std::fread(part.data(), 1, part.size(), pipe)) != 0;) outcome.output.append(part.data(), n);
  const int status = ::pclose(pipe);
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

bool has_command(const std::string& name) {
  return run_command("command -v " + name + " >/dev/null 2>&1").exit_code == 0;
}

std::string browser::run(const std::string& arguments) const {
  // A sanitizer's options and preloaded libraries are not for the browser.
  const std::string command =
      "env -u LD_PRELOAD -u ASAN_OPTIONS -u TSAN_OPTIONS -u UBSAN_OPTIONS timeout 100 chromium" +
      std::string(" --headless --no-sandbox --disable-gpu --no-first-run --disable-extensions") +
      " --disable-background-networking --hide-scrollbars --force-device-scale-factor=1" +
      " --window-size=1240,900 --user-data-dir='" + (profile_ / "profile").string() +
      "' --blink-settings=preferredColorScheme=" + (dark_ ? "0 " : "1 ") + arguments + " 2>/dev/null";
  return run_command(command).output;
}

std::string browser::elements(const fs::path& page) const {
  return run("--virtual-time-budget=3000 --dump-dom 'file://" + page.string() + "'");
}

void browser::picture(const fs::path& page, const fs::path& to) const {
  (void)run("--screenshot='" + to.string() + "' 'file://" + page.string() + "'");
}

}  // namespace allot::test
