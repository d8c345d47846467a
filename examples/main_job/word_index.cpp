#include "word_index.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "words.hpp"

namespace main_job {

namespace {

constexpr char lower_case(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

word_index build_index(const std::vector<text_file>& files, std::pmr::memory_resource& memory) {
  word_index index(&memory);
  std::pmr::string key(&memory);  // one for all look-ups: only a new word is copied
  for (std::size_t file = 0; file < files.size(); ++file) {
    for_each_word(files[file].text, [&](std::string_view word, std::size_t line, std::size_t column) {
      key.clear();
      std::transform(word.begin(), word.end(), std::back_inserter(key), lower_case);
      index.try_emplace(key).first->second.push_back({file, line, column});
    });
  }
  return index;
}

}  // namespace main_job
