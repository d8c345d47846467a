#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace main_job {

struct text_file {
  std::string path;
  std::string text;
};

/// Told why a file is left out.
using on_unreadable = std::function<void(const std::string& path, std::string_view reason)>;

/// Reads files and pipes whole. What cannot be read, is empty, or is no file goes to `unreadable`; the rest is returned
/// in order.
std::vector<text_file> read_files(const std::vector<std::string>& paths, const on_unreadable& unreadable);

/// The licence texts of a Debian system and this project's own sources and pages, sorted; what is not there is left
/// out.
std::vector<std::string> default_files();

}  // namespace main_job
