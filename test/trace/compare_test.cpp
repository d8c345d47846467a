// Candidates compared, and what a trace is like.

#include <algorithm>
#include <allot/pool/pool_resource.hpp>
#include <allot/trace/compare.hpp>
#include <allot/trace/trace_profile.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "trace/made_up.hpp"
#include "trace/rows.hpp"

using namespace allot;
using namespace allot::test;

namespace {

replay_program some_program() {
  made_up events;
  for (std::uint64_t i = 1; i <= 10; ++i) events.allocate(i * 0x100, 24);
  for (std::uint64_t i = 10; i >= 1; --i) events.deallocate(i * 0x100, 24);
  return events.program();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(comparisons)

BOOST_AUTO_TEST_CASE(a_profile_counts_sizes_ages_and_ends_of_blocks) {
  made_up events;
  events.allocate(0x100, 24).allocate(0x200, 24).allocate(0x300, 48, 64).allocate(0x400, 1000);
  events.deallocate(0x400, 1000);  // the newest
  events.deallocate(0x100, 24);    // the oldest
  events.allocate(0x500, 24);
  events.deallocate(0x300, 48, 64);  // neither
  events.release();                  // two blocks
  events.allocate(0x600, 7);         // left at the end
  const trace_profile profile = profile_of(events.program());
  BOOST_TEST(profile.blocks == 6u);
  BOOST_TEST(profile.bytes == 3u * 24 + 48 + 1000 + 7);
  BOOST_TEST(profile.sizes == 4u);
  BOOST_TEST(profile.commonest[0].bytes == 24u);
  BOOST_TEST(profile.commonest[0].blocks == 3u);
  BOOST_TEST(profile.commonest[1].bytes == 7u);
  BOOST_TEST(profile.largest == 1000u);
  BOOST_TEST(profile.aligned == 1u);
  BOOST_TEST(profile.freed == 3u);
  BOOST_TEST(profile.freed_newest == 1u);
  BOOST_TEST(profile.freed_oldest == 1u);
  BOOST_TEST(profile.released == 3u);
  BOOST_TEST(profile.threads == 1u);
  BOOST_TEST(profile.peak_live == 24u + 24 + 48 + 1000);
}

BOOST_AUTO_TEST_CASE(traits_are_told_in_sentences) {
  BOOST_TEST(traits_of(trace_profile()) == std::vector<std::string>{"no block was allocated"},
             boost::test_tools::per_element());
  const std::vector<std::string> of_a_stack{"100 % of the blocks have one size: 24 bytes",
                                            "100 % of the frees are of the newest block"};
  BOOST_TEST(traits_of(profile_of(some_program())) == of_a_stack, boost::test_tools::per_element());

  made_up many;
  for (std::uint64_t i = 1; i <= 100; ++i) many.allocate(i * 0x100, i, 64);
  for (std::uint64_t i = 1; i <= 100; ++i) many.deallocate(i * 0x100, i, 64);
  const std::vector<std::string> of_a_queue{"there are 100 different sizes",
                                            "100 % of the frees are of the oldest block",
                                            "100 % of the blocks have large alignments"};
  BOOST_TEST(traits_of(profile_of(many.program())) == of_a_queue, boost::test_tools::per_element());

  made_up frames;
  for (std::uint64_t frame = 0; frame < 50; ++frame) {
    for (std::uint64_t i = 1; i <= 30; ++i) frames.allocate(i * 0x100, i % 3 == 0 ? 16 : 32);
    frames.release();
  }
  const std::vector<std::string> of_frames{"100 % of the blocks have one of 2 sizes: 16 and 32 bytes",
                                           "100 % of the blocks are never freed one by one",
                                           "at most 2 % of the bytes live at a time"};
  BOOST_TEST(traits_of(profile_of(frames.program())) == of_frames, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(all_candidates_have_a_turn_in_each_round) {
  std::string turns;
  const auto turn_of = [&](char name) {
    return replay_candidate{std::string(1, name), [&turns, name](std::string_view) {
                              turns += name;
                              return std::make_unique<pool_resource>();
                            }};
  };
  compare_options options;
  options.rounds = 3;
  const auto rows = compare(some_program(), {turn_of('a'), turn_of('b')}, options);
  BOOST_TEST_REQUIRE(turns.size() == 2u * 6);  // three rounds more with looks at the clock
  for (std::size_t round = 0; round < 6; ++round) BOOST_TEST(turns[2 * round] != turns[2 * round + 1]);
  BOOST_TEST(turns.find("aa") + turns.find("bb") != 2 * std::string::npos);  // not always in the same order
  BOOST_TEST_REQUIRE(rows.size() == 2u);
  BOOST_TEST(rows[1].name == "b");
  for (const comparison& each : rows) {
    BOOST_TEST(each.fastest <= each.seconds);
    BOOST_TEST(each.seconds <= each.slowest);
    BOOST_TEST(each.result.operations == 20u);
    BOOST_TEST(each.rounds.size() == 3u);
    BOOST_TEST(each.latencies.size() == 3u);
    BOOST_TEST(each.result.latency.calls == 20u);
  }
  options.latency_rounds = 0;
  BOOST_TEST(compare(some_program(), {turn_of('a')}, options).front().result.latency.calls == 0u);
  options.rounds = 0;
  BOOST_CHECK_THROW((void)compare(some_program(), {turn_of('a')}, options), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(progress_is_told_from_none_to_all) {
  const replay_candidate pool{"pool", [](std::string_view) { return std::make_shared<pool_resource>(); }};
  compare_options options;
  options.rounds = 2;
  options.latency_rounds = 1;
  std::string told;
  options.progress = [&](std::size_t done, std::size_t of) {
    told += std::to_string(done) + "/" + std::to_string(of) + " ";
  };
  (void)compare(some_program(), {pool, pool}, options);
  BOOST_TEST(told == "0/6 1/6 2/6 3/6 4/6 5/6 6/6 ");
  options.progress = [](std::size_t done, std::size_t) {
    if (done == 3) throw std::runtime_error("enough");
  };
  BOOST_CHECK_THROW((void)compare(some_program(), {pool, pool}, options), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(a_comparison_prints_as_a_table) {
  std::vector<comparison> rows{row("pool", {0.001, 0.00125, 0.0015}, std::size_t{64} << 10),
                               row("a longer name", {0.002, 0.0025, 0.0025}, 0)};
  rows[0].result.peak_live = std::size_t{16} << 10;
  rows[0].result.fragmentation = 0.8;
  rows[0].result.neighbours = 0.5;
  rows[0].result.latency.calls = 10;
  rows[0].result.latency.p999 = 1234;
  rows[1].result.refused = 3;
  std::ostringstream out;
  print(out, rows);
  BOOST_TEST(out.str() ==
             "candidate        ms  of best  spread      peak  waste  frag.  near  99.9 %  refused\n"
             "pool           1.25     1.00    40 %  64.0 KiB   75 %   80 %  50 %  1.2 us        0\n"
             "a longer name  2.50     2.00    20 %         -      -      -   0 %       -        3\n");
}

BOOST_AUTO_TEST_CASE(a_table_is_no_wider_than_a_hundred_characters_where_names_are_not) {
  for (std::size_t length = 1; length < 70; ++length) {
    std::vector<comparison> rows{row(std::string(length, 'n'), {1.2, 1.3, 1.4}, 123456)};
    rows[0].result.damaged = 1;
    std::ostringstream out;
    print(out, rows);
    BOOST_TEST(out.str().find('\n') <= std::max<std::size_t>(100, length + 49));
    BOOST_TEST(out.str().find("of best") != std::string::npos);
    BOOST_TEST(out.str().find("damaged") != std::string::npos);
  }
}

BOOST_AUTO_TEST_SUITE_END()
