#include <allot/core/memory_tools.hpp>
#include <boost/test/unit_test.hpp>
#include <cctype>
#include <cstring>
#include <sstream>
#include <string>
#include <utility>

#include "arena/arena_kinds.hpp"
#include "support/child.hpp"

using namespace allot;
using test::arena_kind;

namespace {

std::string dumped(const arena& memory) {
  std::ostringstream out;
  memory.dump(out);
  return out.str();
}

/// The two hexadecimal digits of a byte, in lower case.
std::string hex(unsigned value) {
  constexpr char digits[] = "0123456789abcdef";
  return {digits[value / 16 % 16], digits[value % 16]};
}

/// Without spaces and in lower case, so that grouping and case are left open.
std::string squeezed(const std::string& text) {
  std::string result;
  for (const char c : text)
    if (c != ' ') result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(arena_dumps)

BOOST_AUTO_TEST_CASE(a_dump_shows_what_was_pushed_as_hexadecimal_bytes_and_text) {
  test::for_each_arena([](const arena_kind& kind) {
    const auto memory = kind.make();
    constexpr char text[] = "what is in it!";
    std::memcpy(memory->push(16), "what is in it!!\x01", 16);
    const std::string out = dumped(*memory);
    BOOST_TEST(out.find("what is in it!!") != std::string::npos, out);
    std::string bytes;
    for (const char c : std::string(text, 8)) bytes += hex(static_cast<unsigned char>(c));
    BOOST_TEST(squeezed(out).find(bytes) != std::string::npos, out);
    BOOST_TEST(out.find('\x01') == std::string::npos);  // what is no text does not reach the terminal
    BOOST_TEST(memory->position() == 16u);
    BOOST_TEST(memory->check());
  });
}

BOOST_AUTO_TEST_CASE(a_dump_counts_its_lines_by_offsets) {
  monotonic_arena memory(4096);
  for (unsigned i = 0; i < 64; ++i) test::fill(memory.push(16, 1), 16, i);
  const std::string out = dumped(memory);
  BOOST_TEST(squeezed(out).find("3f3f3f3f") != std::string::npos);
  BOOST_TEST(squeezed(out).find("10") != std::string::npos);
  BOOST_TEST(squeezed(out).find("3f0") != std::string::npos);  // the offset of the last line of 16 bytes
}

BOOST_AUTO_TEST_CASE(a_dump_stops_at_the_position_and_leaves_the_streams_format_alone) {
  monotonic_arena memory(4096);
  test::fill(memory.push(100, 1), 100, 0xab);
  memory.pop(92);
  std::ostringstream out;
  memory.dump(out);
  out << 255;
  BOOST_TEST(out.str().substr(out.str().size() - 3) == "255");
  std::size_t shown = 0;
  const std::string squeezed_out = squeezed(out.str());
  for (std::size_t at = 0; (at = squeezed_out.find("ab", at)) != std::string::npos; at += 2) ++shown;
  BOOST_TEST(shown == 8u);
}

BOOST_AUTO_TEST_CASE(an_empty_and_a_dead_arena_can_be_dumped) {
  test::for_each_arena([](const arena_kind& kind) {
    const auto memory = kind.make();
    (void)dumped(*memory);
    (void)memory->push(100);
    memory->clear();
    (void)dumped(*memory);
    memory->release();
    (void)dumped(*memory);
    BOOST_TEST(memory->check());
  });
  monotonic_arena from(100);
  (void)from.push(10);
  const monotonic_arena to(std::move(from));
  (void)dumped(from);
  page_block block(100);
  monotonic_arena viewing(block);
  (void)viewing.push(100);
  block.release();
  (void)dumped(viewing);  // whose memory is gone
  BOOST_TEST(viewing.check());
}

BOOST_AUTO_TEST_CASE(a_dump_leaves_out_what_a_tool_holds_for_unreadable) {
  if (!memory_tools::active()) return test::skip("no tool watches");
  monotonic_arena memory(4096);
  test::fill(memory.allocate(16), 16, 0x41);
  test::fill(memory.allocate(16), 16, 0x42);  // with poison between them
  const std::string out = dumped(memory);
  BOOST_TEST(out.find("--") != std::string::npos);
  BOOST_TEST(squeezed(out).find("42424242") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
