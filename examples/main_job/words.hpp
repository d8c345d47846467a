#pragma once

#include <cstddef>
#include <string_view>

namespace main_job {

/// ASCII letters, and every byte of a longer UTF-8 character. All else separates words, so any file will do, binary
/// ones too.
constexpr bool is_letter(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte >= 0x80;
}

/// Calls visit(word, line, column) for each word from front to back; line and column (in bytes) count from 1.
template <class Visit>
void for_each_word(std::string_view text, Visit visit) {
  std::size_t line = 1;
  std::size_t line_begin = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    if (!is_letter(text[at])) {
      if (text[at++] == '\n') {
        ++line;
        line_begin = at;
      }
      continue;
    }
    const std::size_t begin = at;
    while (at < text.size() && is_letter(text[at])) ++at;
    visit(text.substr(begin, at - begin), line, begin - line_begin + 1);
  }
}

}  // namespace main_job
