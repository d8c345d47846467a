#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>

#include "reader.hpp"
#include "words.hpp"

namespace allot::config {

std::string read_file(const std::string& path, std::string_view named_by) {
  const auto source = std::make_shared<const std::string>(path);
  const auto refuse = [&](const std::string& reason) {
    fail({source, 0, 0}, "",
         "cannot be read: " + reason + (named_by.empty() ? "" : " (named by " + std::string(named_by) + ")"));
  };
  std::error_code ignored;
  // A pipe would be waited for, and a device may have no end.
  const std::filesystem::file_status status = std::filesystem::status(path, ignored);
  if (std::filesystem::is_directory(status)) refuse("it is a directory");
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
    refuse("it is a pipe, a device or the like, and must be a regular file");
  errno = 0;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (file == nullptr) refuse(std::generic_category().message(errno));
  std::string text;
  char buffer[4096];
  while (text.size() <= longest_text) {
    const std::size_t count = std::fread(buffer, 1, sizeof buffer, file.get());
    text.append(buffer, count);
    if (count != sizeof buffer) break;
  }
  if (text.size() > longest_text) refuse("it is longer than the 4 MiB a config may have; is it the right file?");
  if (std::ferror(file.get()) != 0) refuse(std::generic_category().message(errno));
  return text;
}

}  // namespace allot::config
