#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace allot::test {

/// A folder of its own, gone with the object.
class temporary_folder {
 public:
  temporary_folder();
  ~temporary_folder();
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

void write_file(const std::filesystem::path& to, const std::string& text);
std::string read_file(const std::filesystem::path& from);

/// What a shell command prints on standard output, and its exit code.
struct command_outcome {
  int exit_code = -1;
  std::string output;
};
command_outcome run_command(const std::string& command);
bool has_command(const std::string& name);

/// A headless Chromium; where there is none its cases are skipped.
class browser {
 public:
  static bool there() { return has_command("chromium"); }

  explicit browser(bool dark) : dark_(dark) {}
  /// The page's elements after its scripts ran, as text.
  std::string elements(const std::filesystem::path& page) const;
  /// Writes a picture of the page in PNG.
  void picture(const std::filesystem::path& page, const std::filesystem::path& to) const;

 private:
  std::string run(const std::string& arguments) const;

  temporary_folder profile_;
  bool dark_;
};

}  // namespace allot::test
