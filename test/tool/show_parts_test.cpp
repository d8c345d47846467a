// What `allot show` counts with, on traces of any times and addresses.

#include <algorithm>
#include <allot/trace/live_blocks.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "command/show/address_ranges.hpp"
#include "command/show/census.hpp"
#include "command/show/raster.hpp"
#include "command/show/timeline.hpp"
#include "command/words.hpp"
#include "tool/told_traces.hpp"

using namespace allot;
using namespace allot::tool;
using kind = memory_event_kind;

namespace {

/// Tells a listener of events.
struct teller {
  explicit teller(live_blocks::listener& listener) : hears(listener) {}

  void tell(kind what, std::uint64_t nanoseconds, std::uint64_t address, std::uint64_t bytes,
            std::uint32_t resource = 1) {
    trace_record event;
    event.kind = what;
    event.nanoseconds = nanoseconds;
    event.address = address;
    event.bytes = event.new_bytes = bytes;
    event.resource = resource;
    live.take(event, hears);
  }

  live_blocks live;
  live_blocks::listener& hears;
};

using numbers = std::vector<std::uint64_t>;

}  // namespace

BOOST_AUTO_TEST_SUITE(timelines)

BOOST_AUTO_TEST_CASE(each_part_of_time_has_the_most_that_lived_in_it) {
  timeline times;
  teller to(times);
  to.tell(kind::allocate, 0, 1, 10);
  to.tell(kind::allocate, 2, 2, 20);
  to.tell(kind::deallocate, 2, 2, 20);
  to.tell(kind::allocate, 5, 3, 5, 2);
  to.tell(kind::deallocate, 7, 1, 10);
  BOOST_TEST(times.stretch() == 1u);
  BOOST_TEST(times.most_live(8) == (numbers{10, 10, 30, 10, 10, 15, 15, 15}), boost::test_tools::per_element());
  BOOST_TEST(times.most_live(4) == (numbers{10, 30, 15, 15}), boost::test_tools::per_element());
  BOOST_TEST(times.most_live(100).size() == 8u);
  BOOST_TEST(times.most_live(1, 4) == (numbers{10, 30, 10, 10}), boost::test_tools::per_element());
  BOOST_TEST(times.most_live(2, 4) == (numbers{0, 0, 5, 5}), boost::test_tools::per_element());
  BOOST_TEST(times.most_live(3, 4).empty());
}

BOOST_AUTO_TEST_CASE(however_long_it_takes_there_are_no_more_stretches_and_no_peak_is_lost) {
  timeline times;
  teller to(times);
  std::mt19937_64 random(4);
  std::map<std::uint64_t, std::uint64_t> most;  // by time
  std::uint64_t now = 0;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    now += random() % 5000;
    to.tell(kind::allocate, now, i, 100);
    most[now] = std::max(most[now], to.live.bytes());
    if (random() % 2 == 0) to.tell(kind::deallocate, now, random() % (i + 1), 100);
  }
  BOOST_TEST(times.stretches() <= timeline::most_stretches);
  BOOST_TEST(times.stretches() > timeline::most_stretches / 2);
  const numbers parts = times.most_live(timeline::most_stretches);
  for (const auto& [when, bytes] : most) BOOST_TEST_REQUIRE(parts[when / times.stretch()] >= bytes);
  BOOST_TEST(
      *std::max_element(parts.begin(), parts.end()) ==
      (*std::max_element(most.begin(), most.end(), [](auto& a, auto& b) { return a.second < b.second; })).second);

  to.tell(kind::allocate, ~std::uint64_t{0}, ~std::uint64_t{0}, 1);
  BOOST_TEST(times.stretches() == timeline::most_stretches);
  to.tell(kind::allocate, 5, 5000, 7);  // a clock that goes back
  BOOST_TEST(times.most_live(timeline::most_stretches).back() == to.live.bytes());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(rasters)

BOOST_AUTO_TEST_CASE(ranges_join_where_blocks_touch_and_stay_few) {
  address_ranges ranges;
  ranges.add(0x1000, 100);
  ranges.add(0x1100, 0x100);
  ranges.add(0x2000, 1);
  ranges.add(~std::uint64_t{0}, 5);
  const std::map<std::uint64_t, std::uint64_t> expected{
      {0x1000, 0x11ff}, {0x2000, 0x20ff}, {~std::uint64_t{0xff}, ~std::uint64_t{0}}};
  BOOST_TEST((ranges.ranges() == expected));
  std::mt19937_64 random(5);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> all;
  for (int i = 0; i < 5000; ++i) {
    all.emplace_back(random() >> random() % 30, random() % 100000);
    ranges.add(all.back().first, all.back().second);
  }
  const auto found = ranges.ranges();
  BOOST_TEST(found.size() <= address_ranges::most_ranges);
  for (const auto& [address, bytes] : all) {
    const auto in = std::prev(found.upper_bound(address));
    BOOST_TEST_REQUIRE(in->second >= last_byte(address, bytes));
  }
  std::uint64_t end = 0;
  for (const auto& [first, last] : found) {
    BOOST_TEST_REQUIRE((first == 0 || first > end));
    end = last;
  }
  ranges.add(0, ~std::uint64_t{0});
  BOOST_TEST(ranges.ranges().size() == 1u);
}

BOOST_AUTO_TEST_CASE(cells_are_as_full_as_the_blocks_in_them_and_empty_again_when_these_end) {
  address_ranges addresses;
  addresses.add(0x1000, 0x1000);
  addresses.add(0x100000, 0x1000);
  raster drawn(addresses, {1, 2});
  BOOST_TEST_REQUIRE(drawn.ranges().size() == 2u);
  const raster::range first = drawn.ranges()[0];
  BOOST_TEST(first.cells > 100u);
  BOOST_TEST(drawn.cells() <= raster::most_cells);
  const std::string empty = drawn.levels();
  BOOST_TEST(empty == std::string(drawn.cells(), '0'));

  teller to(drawn);
  to.tell(kind::allocate, 0, 0x1000, 2 * first.bytes_each, 1);
  to.tell(kind::allocate, 0, 0x1000 + 2 * first.bytes_each, 1, 2);
  to.tell(kind::allocate, 0, 0x100000, 0x1000, 7);
  const std::string full = drawn.levels();
  BOOST_TEST(full[0] == '_');
  BOOST_TEST(full[1] == '_');
  BOOST_TEST(full[2] != '0');
  BOOST_TEST(full[2] != '_');
  BOOST_TEST(full[3] == '0');
  BOOST_TEST(full.substr(drawn.ranges()[1].first_cell, 20) == std::string(20, '_'));
  const std::string leading = drawn.leading();
  BOOST_TEST(leading[1] == '0');
  BOOST_TEST(leading[2] == '1');
  BOOST_TEST(leading[drawn.ranges()[1].first_cell] == '1');  // resources beyond the last layer count as it
  to.tell(kind::expand, 0, 0x1000, first.bytes_each, 1);
  BOOST_TEST(drawn.levels()[0] == '_');
  BOOST_TEST(drawn.levels()[1] == '0');
  to.tell(kind::release, 0, 0, 0, 1);
  to.tell(kind::release, 0, 0, 0, 2);
  to.tell(kind::deallocate, 0, 0x100000, 0x1000, 7);
  BOOST_TEST(drawn.levels() == empty);
}

BOOST_AUTO_TEST_CASE(any_blocks_can_come_and_go) {
  std::mt19937_64 random(6);
  const std::uint64_t extremes[] = {0, 1, ~std::uint64_t{0}, std::uint64_t{1} << 63, 4096};
  const auto any = [&] { return random() % 2 == 0 ? random() : extremes[random() % std::size(extremes)]; };
  std::vector<std::pair<std::uint64_t, std::uint64_t>> all;
  address_ranges addresses;
  for (int i = 0; i < 500; ++i) {
    all.emplace_back(any(), any());
    addresses.add(all.back().first, all.back().second);
  }
  raster drawn(addresses, {1});
  BOOST_TEST(drawn.cells() <= raster::most_cells);
  teller to(drawn);
  for (const auto& [address, bytes] : all) to.tell(kind::allocate, 0, address, bytes);
  BOOST_TEST(drawn.levels().find_first_not_of('0') != std::string::npos);
  to.tell(kind::release, 0, 0, 0);
  BOOST_TEST(drawn.levels() == std::string(drawn.cells(), '0'));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(censuses)

BOOST_AUTO_TEST_CASE(what_lives_at_the_peak_is_exact_for_each_tag_though_nothing_is_copied) {
  test::told_trace trace;
  std::mt19937_64 random(7);
  std::map<std::string, std::uint64_t> live, at_peak;
  std::map<std::uint64_t, std::pair<std::string, std::uint64_t>> blocks;
  std::uint64_t all = 0;
  std::uint64_t peak = 0;
  trace.resource("r");
  for (std::uint64_t i = 0; i < 3000; ++i) {
    const std::uint64_t address = random() % 200;
    if (const auto there = blocks.find(address); there != blocks.end()) {
      trace.tell(kind::deallocate, address);
      live[there->second.first] -= there->second.second;
      all -= there->second.second;
      blocks.erase(there);
      continue;
    }
    const std::string tag = "tag " + std::to_string(random() % 5);
    const std::uint64_t bytes = random() % 1000;
    trace.tag(tag).tell(kind::allocate, address, bytes);
    blocks[address] = {tag, bytes};
    live[tag] += bytes;
    all += bytes;
    if (all <= peak) continue;
    peak = all;
    at_peak = live;
  }
  recording read(trace.path());
  census counted;
  counted.read(read);
  BOOST_TEST(counted.all.peak == peak);
  BOOST_TEST(counted.tags.size() == 5u);
  for (const auto& [number, use] : counted.tags) {
    BOOST_TEST(use.at_peak == at_peak[read.tag(number)]);
    BOOST_TEST(use.live == live[read.tag(number)]);
  }
}

BOOST_AUTO_TEST_CASE(sizes_beyond_what_is_kept_are_counted_together) {
  size_counts counts;
  for (std::uint64_t i = 0; i < 300; ++i) counts.add(i % 30, i % 30 < 10 ? 1 : 0);
  BOOST_TEST(counts.sizes() == 10u);
  BOOST_TEST(counts.others() == 200u);
  const auto commonest = counts.commonest(3);
  BOOST_TEST_REQUIRE(commonest.size() == 3u);
  BOOST_TEST(commonest[2].bytes == 2u);
  BOOST_TEST(commonest[2].blocks == 10u);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(words_of_the_tool)

BOOST_AUTO_TEST_CASE(bytes_times_and_dates_are_rounded_for_people) {
  BOOST_TEST(bytes_text(0) == "0 bytes");
  BOOST_TEST(bytes_text(1) == "1 byte");
  BOOST_TEST(bytes_text(1023) == "1023 bytes");
  BOOST_TEST(bytes_text(1024) == "1.0 KiB");
  BOOST_TEST(bytes_text(1024 * 1024 - 1) == "1.0 MiB");
  BOOST_TEST(bytes_text(~std::uint64_t{0}) == "16.0 EiB");
  BOOST_TEST(time_text(999) == "999 ns");
  BOOST_TEST(time_text(1500) == "1.50 us");
  BOOST_TEST(time_text(999999) == "1.00 ms");
  BOOST_TEST(time_text(90000000000) == "90.00 s");
  BOOST_TEST(date_text(0) == "1970-01-01 00:00:00 UTC");
  BOOST_TEST(date_text(~std::uint64_t{0}) == "2554-07-21 23:34:33 UTC");
}

BOOST_AUTO_TEST_CASE(printable_text_is_utf8_and_controls_nothing) {
  BOOST_TEST(printable("caf\xc3\xa9 \xf0\x9f\x98\x80") == "caf\xc3\xa9 \xf0\x9f\x98\x80");
  BOOST_TEST(printable("a\nb\x1b\x7f") == "a?b??");
  BOOST_TEST(printable("a\nb\r", keep_lines::yes) == "a\nb?");
  BOOST_TEST(printable("\xff\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80\xe2\x82") == std::string(12, '?'));
  BOOST_TEST(printable("\xc2\x9b"
                       "31m\xe2\x80\xae") == "?31m?");
}

BOOST_AUTO_TEST_SUITE_END()
