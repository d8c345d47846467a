#pragma once

// What the tests of pictures of heaps share: heaps to draw, and the pictures as strings.

#include <allot/core/byte_size.hpp>
#include <allot/inspect/heap_picture.hpp>
#include <array>
#include <cstddef>
#include <random>
#include <sstream>
#include <string>

#include "inspect/told_blocks.hpp"
#include "support/machine.hpp"

namespace allot::test {

using namespace allot::literals;

inline bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

inline std::string text_of(const resource& memory, const text_picture_options& options = {}) {
  std::ostringstream out;
  write_text(out, take_heap_map(memory), options);
  return out.str();
}
inline std::string svg_of(const resource& memory, const svg_picture_options& options = {}) {
  std::ostringstream out;
  write_svg(out, take_heap_map(memory), options);
  return out.str();
}
inline std::string html_of(const resource& memory, const html_picture_options& options = {}) {
  std::ostringstream out;
  write_html(out, take_heap_map(memory), options);
  return out.str();
}

/// 2000 bytes: used, free, used, unknown.
inline void tell_four(told_blocks& memory) {
  memory.add(0, 1000, block_state::used);
  memory.add(1000, 500, block_state::free, false);
  memory.add(1500, 100, block_state::used);
  memory.add(1600, 400, block_state::unknown);
}

/// As many blocks as that, a third of them free.
inline void tell_many(told_blocks& memory, std::size_t count) {
  std::mt19937 random(8);
  std::size_t at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t size = 16 + random() % 1000;
    memory.add(at, size, random() % 3 == 0 ? block_state::free : block_state::used);
    at += size + (i % 997 == 0 ? 1_MiB : 0);
  }
}

/// Names that would do harm if they were taken for markup, for escape codes or for UTF-8.
inline constexpr std::array<const char*, 7> bad_names{"</script><script>owned=1</script>",
                                                      "<img src=x onerror=owned=1>",
                                                      "\"><b onload='x'>&amp;",
                                                      "]]>--><!--",
                                                      "\x1b[31mred\a\n\r\t",
                                                      "\xff\xc0\x80 \xed\xa0\x80 \xf5 \xe2\x82",
                                                      "caf\xc3\xa9 \xe2\x80\xae\xef\xbf\xbf"};

/// Of the text, before the map.
inline constexpr std::size_t address_columns = narrow ? 11 : 19;

}  // namespace allot::test
