#pragma once

#include <cstddef>
#include <memory_resource>
#include <string>
#include <unordered_map>
#include <vector>

#include "text_input.hpp"

namespace main_job {

/// Where a word begins: the file's place in the list from 0; line and column (in bytes) from 1.
struct occurrence {
  std::size_t file;
  std::size_t line;
  std::size_t column;

  friend bool operator==(const occurrence& a, const occurrence& b) noexcept {
    return a.file == b.file && a.line == b.line && a.column == b.column;
  }
};

/// Each word, ASCII letters in lower case, with all its places in order of appearance.
using word_index = std::pmr::unordered_map<std::pmr::string, std::pmr::vector<occurrence>>;

/// The index, its keys and its lists are all in `memory`.
word_index build_index(const std::vector<text_file>& files, std::pmr::memory_resource& memory);

}  // namespace main_job
