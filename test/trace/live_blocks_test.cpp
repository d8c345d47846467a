#include <allot/trace/live_blocks.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <set>
#include <string>
#include <utility>

using namespace allot;

namespace {

using kind = memory_event_kind;

/// Puts what it hears into words.
class diary final : public live_blocks::listener {
 public:
  std::string text;

 private:
  void event(const trace_record&) override { text += '.'; }
  void begins(const live_block& block) override { text += '+' + std::to_string(block.address); }
  void resized(const live_block& block, std::uint64_t before) override {
    text += '=' + std::to_string(before) + '/' + std::to_string(block.bytes);
  }
  void ends(const live_block& block, bool newest, bool oldest) override {
    text += '-' + std::to_string(block.address) + (newest ? "n" : "") + (oldest ? "o" : "");
  }
};

struct followed {
  void take(kind what, std::uint64_t address, std::uint64_t bytes, std::uint64_t position = 0,
            std::uint32_t resource = 1) {
    trace_record event;
    event.kind = what;
    event.order = ++order;
    event.address = address;
    event.bytes = bytes;
    event.new_bytes = 2 * bytes;
    event.position = position;
    event.resource = resource;
    live.take(event, heard);
  }
  std::string words() { return std::exchange(heard.text, {}); }

  live_blocks live;
  diary heard;
  std::uint64_t order = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(live_blocks_of_a_trace)

BOOST_AUTO_TEST_CASE(blocks_begin_change_and_end_and_are_counted_meanwhile) {
  followed at;
  at.take(kind::allocate, 1, 10);
  at.take(kind::allocate, 2, 20);
  at.take(kind::allocate, 3, 30);
  BOOST_TEST(at.live.blocks() == 3u);
  BOOST_TEST(at.live.bytes() == 60u);
  at.take(kind::expand, 2, 20);
  BOOST_TEST(at.live.bytes() == 80u);
  at.take(kind::deallocate, 2, 40);
  at.take(kind::deallocate, 3, 30);
  at.take(kind::deallocate, 1, 10);
  BOOST_TEST(at.words() == ".+1.+2.+3.=20/40.-2.-3n.-1no");
  BOOST_TEST(at.live.blocks() == 0u);
  BOOST_TEST(at.live.bytes() == 0u);
  BOOST_TEST(at.live.mended() == 0u);
}

BOOST_AUTO_TEST_CASE(what_an_arena_gives_up_ends_the_newest_first) {
  followed at;
  at.take(kind::push, 1, 10, 10);
  at.take(kind::mark, 0, 0, 10);
  at.take(kind::push, 2, 10, 20);
  at.take(kind::push, 3, 10, 30);
  at.take(kind::rewind, 0, 0, 10);
  BOOST_TEST(at.words() == ".+1..+2.+3.-3n-2n");
  at.take(kind::push, 4, 10, 20);
  at.take(kind::clear, 0, 0, 0);
  BOOST_TEST(at.words() == ".+4.-4n-1no");
}

BOOST_AUTO_TEST_CASE(a_release_ends_the_blocks_of_its_resource_and_no_other) {
  followed at;
  at.take(kind::allocate, 1, 10, 0, 1);
  at.take(kind::allocate, 1, 20, 0, 2);
  at.take(kind::allocate, 2, 10, 0, 1);
  at.take(kind::release, 0, 0, 0, 1);
  BOOST_TEST(at.words() == ".+1.+1.+2.-2n-1no");
  std::set<std::uint64_t> left;
  at.live.for_each([&](const live_block& block) { left.insert(block.bytes); });
  BOOST_TEST((left == std::set<std::uint64_t>{20}));
}

BOOST_AUTO_TEST_CASE(what_makes_no_sense_is_mended_and_counted) {
  followed at;
  at.take(kind::deallocate, 7, 10);
  at.take(kind::expand, 7, 10);
  at.take(kind::allocate, 1, 10);
  at.take(kind::allocate, 1, 30);
  BOOST_TEST(at.words() == "...+1.-1no+1");
  BOOST_TEST(at.live.mended() == 3u);
  BOOST_TEST(at.live.bytes() == 30u);
}

BOOST_AUTO_TEST_CASE(events_about_no_block_change_none) {
  followed at;
  at.take(kind::allocate, 1, 10);
  at.take(kind::refuse, 0, ~std::uint64_t{0});
  at.take(kind::trim, 0, 100);
  at.take(kind::grow, 1, 100);
  at.take(kind::push, 0, 0, 8);
  BOOST_TEST(at.live.blocks() == 1u);
  BOOST_TEST(at.live.bytes() == 10u);
}

BOOST_AUTO_TEST_SUITE_END()
