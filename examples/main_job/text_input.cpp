#include "text_input.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <new>
#include <range/v3/algorithm/contains.hpp>
#include <range/v3/range/conversion.hpp>
#include <range/v3/view/filter.hpp>
#include <range/v3/view/subrange.hpp>
#include <range/v3/view/transform.hpp>
#include <stdexcept>
#include <system_error>

namespace fs = std::filesystem;

namespace main_job {

namespace {

std::system_error last_error() { return std::system_error(errno, std::generic_category()); }

/// @throws std::system_error, std::runtime_error, std::bad_alloc
std::string read_file(const std::string& path) {
  const auto type = fs::status(path).type();
  if (type == fs::file_type::character || type == fs::file_type::block) {
    throw std::runtime_error("is a device");  // may never end
  }
  struct close_file {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, close_file> file(std::fopen(path.c_str(), "rb"));
  if (!file) throw last_error();

  // In pieces and to the end: a pipe has no size, and the size of a file is not a promise.
  std::string text;
  std::array<char, std::size_t{1} << 16> piece;
  while (const std::size_t got = std::fread(piece.data(), 1, piece.size(), file.get())) text.append(piece.data(), got);
  if (std::ferror(file.get()) != 0) throw last_error();
  if (text.empty()) throw std::runtime_error("is empty");
  return text;
}

/// The regular files below a folder that `wanted` accepts. Links are left out: what they lead to is there as well.
template <class Predicate>
std::vector<std::string> files_below(const fs::path& folder, Predicate wanted) {
  std::error_code ignored;
  auto found = fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied, ignored);
  auto paths = ranges::make_subrange(fs::begin(found), fs::end(found)) |
               ranges::views::filter([](const fs::directory_entry& entry) {
                 return !entry.is_symlink() && entry.is_regular_file() && entry.file_size() != 0;
               }) |
               ranges::views::filter([&](const fs::directory_entry& entry) { return wanted(entry.path()); }) |
               ranges::views::transform([](const fs::directory_entry& entry) { return entry.path().string(); }) |
               ranges::to<std::vector<std::string>>();
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

std::vector<text_file> read_files(const std::vector<std::string>& paths, const on_unreadable& unreadable) {
  std::vector<text_file> files;
  for (const std::string& path : paths) {
    try {
      files.push_back({path, read_file(path)});
    } catch (const std::bad_alloc&) {
      unreadable(path, "does not fit in memory");
    } catch (const std::system_error& error) {
      unreadable(path, error.code().message());
    } catch (const std::exception& error) {
      unreadable(path, error.what());
    }
  }
  return files;
}

std::vector<std::string> default_files() {
  auto paths = files_below("/usr/share/common-licenses", [](const fs::path&) { return true; });
  const auto is_source = [](const fs::path& path) {
    static const std::array<fs::path, 5> extensions{".hpp", ".cpp", ".md", ".txt", ".cmake"};
    return ranges::contains(extensions, path.extension());
  };
  for (const char* folder : {"include", "lib", "test", "examples", "docs"}) {
    const auto sources = files_below(fs::path(ALLOT_PROJECT_DIR) / folder, is_source);
    paths.insert(paths.end(), sources.begin(), sources.end());
  }
  return paths;
}

}  // namespace main_job
