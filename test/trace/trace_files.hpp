#pragma once

#include <allot/trace/trace_reader.hpp>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
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
  static std::size_t unique() {
    static std::size_t last = 0;
    return ++last + static_cast<std::size_t>(std::filesystem::file_time_type::clock::now().time_since_epoch().count());
  }

  std::string path_;
};

inline std::vector<trace_record> all_of(trace_reader& reader) {
  std::vector<trace_record> events;
  for (trace_record event; reader.next(event);) events.push_back(event);
  return events;
}

inline std::vector<trace_record> events_in(const std::string& file) {
  trace_reader reader(file);
  return all_of(reader);
}

}  // namespace allot::test
