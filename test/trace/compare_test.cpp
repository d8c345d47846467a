// Which strategy a trace asks for, and why.

#include <allot/arena/chained_arena.hpp>
#include <allot/heap/coalescing_heap.hpp>
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

using namespace allot;
using namespace allot::test;

namespace {

replay_program some_program() {
  made_up events;
  for (std::uint64_t i = 1; i <= 10; ++i) events.allocate(i * 0x100, 24);
  for (std::uint64_t i = 10; i >= 1; --i) events.deallocate(i * 0x100, 24);
  return events.program();
}

comparison row(const char* name, double fastest, double median, double slowest, std::size_t committed = 1000) {
  comparison made;
  made.name = name;
  made.fastest = fastest;
  made.seconds = median;
  made.slowest = slowest;
  made.result.peak_committed = committed;
  return made;
}

template <class Resource>
replay_candidate fresh(const char* name) {
  return {name, [](std::string_view) { return std::make_unique<Resource>(); }};
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

BOOST_AUTO_TEST_CASE(the_fastest_is_recommended_and_those_that_may_be_as_fast_are_named) {
  const replay_program program = some_program();
  const std::vector<comparison> rows{row("slow", 2.0, 2.2, 2.3), row("close", 1.0, 1.15, 1.3),
                                     row("fast", 0.9, 1.1, 1.2)};
  const recommendation made = recommend(program, rows);
  BOOST_TEST(made.best == 2u);
  BOOST_TEST_REQUIRE(made.as_good.size() == 1u);
  BOOST_TEST(made.as_good.front() == 1u);
  BOOST_TEST_REQUIRE(made.reasons.size() == 5u);
  BOOST_TEST(made.reasons[2] == "fast takes 1100.00 ms");
  BOOST_TEST(made.reasons[3] == "slow takes 2.00 times as much");
  BOOST_TEST(made.reasons[4] == "close is as good, as far as these rounds can tell");
}

BOOST_AUTO_TEST_CASE(for_memory_the_one_that_needs_least_is_recommended) {
  const replay_program program = some_program();
  const std::vector<comparison> rows{row("fast", 1, 1, 1, 5000), row("small", 9, 9, 9, 1000),
                                     row("about", 5, 5, 5, 1005), row("foreign", 1, 1, 1, 0)};
  const recommendation made = recommend(program, rows, recommend_for::memory);
  BOOST_TEST(made.best == 1u);
  BOOST_TEST_REQUIRE(made.as_good.size() == 1u);
  BOOST_TEST(made.as_good.front() == 2u);
}

BOOST_AUTO_TEST_CASE(one_that_cannot_serve_is_never_recommended) {
  const replay_program program = some_program();
  std::vector<comparison> rows{row("full", 1, 1, 1), row("broken", 2, 2, 2), row("good", 3, 3, 3)};
  rows[0].result.refused = 1;
  rows[1].result.damaged = 1;
  const recommendation made = recommend(program, rows);
  BOOST_TEST(made.best == 2u);
  BOOST_TEST(made.as_good.empty());
  BOOST_TEST(made.reasons.back() == "broken cannot serve all requests");
  rows.pop_back();
  BOOST_CHECK_THROW((void)recommend(program, rows), std::invalid_argument);
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
  BOOST_TEST(turns == "ababab");
  BOOST_TEST_REQUIRE(rows.size() == 2u);
  BOOST_TEST(rows[1].name == "b");
  for (const comparison& each : rows) {
    BOOST_TEST(each.fastest <= each.seconds);
    BOOST_TEST(each.seconds <= each.slowest);
    BOOST_TEST(each.result.operations == 20u);
  }
  options.rounds = 0;
  BOOST_CHECK_THROW((void)compare(some_program(), {turn_of('a')}, options), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(a_comparison_prints_as_a_table) {
  std::vector<comparison> rows{row("pool", 0.001, 0.00125, 0.0015, std::size_t{64} << 10),
                               row("a longer name", 0.002, 0.0025, 0.0025, 0)};
  rows[0].result.peak_live = std::size_t{16} << 10;
  rows[1].result.refused = 3;
  std::ostringstream out;
  print(out, rows);
  BOOST_TEST(out.str() ==
             "candidate              ms     of best      spread        peak       waste     refused\n"
             "pool                 1.25        1.00        40 %    64.0 KiB        75 %           0\n"
             "a longer name        2.50        2.00        20 %           -           -           3\n");
}

BOOST_AUTO_TEST_SUITE_END()
