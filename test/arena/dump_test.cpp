#include <algorithm>
#include <allot/arena/chained_arena.hpp>
#include <allot/arena/local_arena.hpp>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/arena/scratch_pair.hpp>
#include <allot/block/page_block.hpp>
#include <allot/core/memory_tools.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstring>
#include <iomanip>
#include <sstream>
#include <string>
#include <string_view>

#include "support/child.hpp"

using namespace allot;

namespace {

std::string dumped(const arena& memory) {
  std::ostringstream out;
  memory.dump(out);
  return out.str();
}

void write(arena& memory, std::string_view text) { std::memcpy(memory.push(text.size(), 1), text.data(), text.size()); }

std::string hex(const void* p) {
  std::ostringstream out;
  out << "0x" << std::hex << reinterpret_cast<std::uintptr_t>(p);
  return out.str();
}

std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

BOOST_AUTO_TEST_SUITE(dumps)

BOOST_AUTO_TEST_CASE(a_dump_says_what_it_is_of_and_shows_whole_lines_and_a_part_of_one) {
  alignas(16) std::array<std::byte, 256> buffer;
  monotonic_arena_options options;
  options.name = "orders";
  monotonic_arena memory(buffer.data(), buffer.size(), options);
  write(memory, "Forty-two bytes: two full lines and a bit.");
  const std::string expected =
      "monotonic_arena 'orders': 42 bytes in use, 214 available\n"
      "at " +
      hex(buffer.data()) +
      ", 42 bytes:\n"
      "  00000000  46 6f 72 74 79 2d 74 77 6f 20 62 79 74 65 73 3a  |Forty-two bytes:|\n"
      "  00000010  20 74 77 6f 20 66 75 6c 6c 20 6c 69 6e 65 73 20  | two full lines |\n"
      "  00000020  61 6e 64 20 61 20 62 69 74 2e                    |and a bit.|\n";
  BOOST_TEST(dumped(memory) == expected);
  BOOST_TEST(memory.position() == 42u);
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_text_show_as_dots) {
  local_arena<256> memory;
  auto* const p = static_cast<unsigned char*>(memory.push(256, 1));
  for (unsigned value = 0; value < 256; ++value) p[value] = static_cast<unsigned char>(value);
  const std::string text = dumped(memory);
  BOOST_TEST(lines(text) == 18u);
  BOOST_TEST(has(text, "00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f  |................|\n"));
  BOOST_TEST(has(text, "  00000020  20 21 22 23"));
  BOOST_TEST(has(text, "| !\"#$%&'()*+,-./|\n"));
  BOOST_TEST(has(text, "70 71 72 73 74 75 76 77 78 79 7a 7b 7c 7d 7e 7f  |pqrstuvwxyz{|}~.|\n"));
  BOOST_TEST(has(text, "  000000f0  f0 f1 f2 f3 f4 f5 f6 f7 f8 f9 fa fb fc fd fe ff  |................|\n"));
  BOOST_TEST(text.rfind("local_arena: 256 bytes in use, 0 available\n", 0) == 0u);
}

BOOST_AUTO_TEST_CASE(a_dump_shows_every_block_of_a_chain) {
  chained_arena_options options;
  options.first_block = 128;
  options.growth_percent = 100;
  chained_arena memory(options);
  write(memory, "first");
  write(memory, std::string(300, 'x'));
  for (int i = 0; i < 10; ++i) write(memory, "small, thirty-two bytes of them ");
  const std::string text = dumped(memory);
  std::size_t regions = 0;
  std::size_t expected_lines = 1;
  memory.for_each_block([&](const block_info& region) {
    if (region.state != block_state::used) return;
    ++regions;
    expected_lines += 1 + (region.bytes + 15) / 16;
    BOOST_TEST(has(text, "at " + hex(region.begin) + ", " + std::to_string(region.bytes) + " bytes:\n"));
  });
  BOOST_TEST(regions >= 3u);
  BOOST_TEST(lines(text) == expected_lines);
  BOOST_TEST(has(text, "chained_arena: " + std::to_string(memory.position()) + " bytes in use"));
  for (const char* part : {"|first", "|xxxxxxxxxxxxxxxx|\n", "small, th"}) BOOST_TEST(has(text, part), part);
}

BOOST_AUTO_TEST_CASE(memory_of_a_scope_can_be_looked_at) {
  scratch_pair pair;
  scratch temporary = pair.get();
  std::memcpy(temporary.push(8), "passing!", 8);
  const std::string text = dumped(temporary.whole_arena());
  BOOST_TEST(text.rfind("chained_arena 'scratch': 8 bytes in use, ", 0) == 0u);
  BOOST_TEST(has(text, "  00000000  70 61 73 73 69 6e 67 21                          |passing!|\n"));
}

BOOST_AUTO_TEST_CASE(an_empty_arena_has_a_head_line_alone) {
  chained_arena chain;
  BOOST_TEST(dumped(chain) == "chained_arena: 0 bytes in use, 0 available\n");
  (void)chain.push(100);
  chain.clear();
  BOOST_TEST(lines(dumped(chain)) == 1u);
  local_arena<64> local;
  BOOST_TEST(dumped(local) == "local_arena: 0 bytes in use, 64 available\n");
  const monotonic_arena unused(4096, std::pmr::null_memory_resource());
  BOOST_TEST(dumped(unused) == "monotonic_arena: 0 bytes in use, 4096 available\n");
}

BOOST_AUTO_TEST_CASE(a_dead_arena_has_a_head_line_alone) {
  const std::string nothing = "monotonic_arena: 0 bytes in use, 0 available\n";
  monotonic_arena parent(4096);
  monotonic_arena slice = parent.carve(100);
  (void)slice.push(10);
  slice.release();
  BOOST_TEST(dumped(slice) == nothing);
  monotonic_arena from(4096);
  (void)from.push(10);
  const monotonic_arena to(std::move(from));
  BOOST_TEST(dumped(from) == nothing);
  BOOST_TEST(has(dumped(to), "10 bytes in use"));
}

BOOST_AUTO_TEST_CASE(an_arena_whose_block_was_taken_away_is_not_read) {
  page_block block(4096);
  monotonic_arena_options options;
  options.checked = true;
  monotonic_arena memory(block, options);
  std::memset(memory.allocate(100), 1, 100);
  BOOST_TEST(lines(dumped(memory)) > 8u);
  block.release();
  BOOST_TEST(memory.dead());
  BOOST_TEST(memory.check());
  BOOST_TEST(lines(dumped(memory)) == 1u);
}

BOOST_AUTO_TEST_CASE(bytes_a_memory_tool_holds_for_unreadable_show_as_dashes) {
  if (!memory_tools::active()) return test::skip("no memory tool watches");
  monotonic_arena memory(4096);
  std::memcpy(memory.allocate(8), "readable", 8);
  const std::string text = dumped(memory);
  BOOST_TEST(has(text, "72 65 61 64 61 62 6c 65 -- -- -- -- -- -- -- --  |readable--------|\n"));
}

BOOST_AUTO_TEST_CASE(the_callers_stream_is_as_before_and_does_not_shape_the_dump) {
  local_arena<256> memory;
  write(memory, "the same whatever the stream is told");
  const std::string plain = dumped(memory);
  std::ostringstream out;
  out << std::hex << std::showbase << std::uppercase << std::left << std::setfill('*') << std::setprecision(3);
  const std::ios_base::fmtflags flags = out.flags();
  out << std::setw(100);
  memory.dump(out);
  BOOST_TEST((out.flags() == flags));
  BOOST_TEST(out.fill() == '*');
  BOOST_TEST(out.precision() == 3);
  BOOST_TEST(out.width() == 100);
  BOOST_TEST(out.str() == plain);
}

BOOST_AUTO_TEST_SUITE_END()
