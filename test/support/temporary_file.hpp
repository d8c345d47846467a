#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

namespace allot::test {

/// The name of a file that is gone at the end of the case.
class temporary_file {
 public:
  explicit temporary_file(const std::string& name)
      : path_((std::filesystem::temp_directory_path() / (name + "." + std::to_string(unique()))).string()) {}
  ~temporary_file() { std::filesystem::remove(path_); }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;

  const std::string& path() const noexcept { return path_; }

  std::vector<char> content() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  void set_content(const std::vector<char>& bytes) const {
    std::ofstream(path_, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }

 private:
  /// Drawn once for the process, so that cases which run side by side have other files, and counted on.
  static std::uint64_t unique() {
    static std::random_device random;
    static std::uint64_t last = std::uint64_t{random()} << 32 | random();
    return ++last;
  }

  std::string path_;
};

}  // namespace allot::test
