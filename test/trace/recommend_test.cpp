// Which candidate is recommended, and why.

#include <algorithm>
#include <allot/trace/compare.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "trace/made_up.hpp"
#include "trace/rows.hpp"

using namespace allot;
using namespace allot::test;

namespace {

replay_program some_program() { return made_up().allocate(0x100, 24).deallocate(0x100, 24).program(); }

std::vector<std::string> why(const std::vector<comparison>& rows, recommend_for what = recommend_for::time) {
  std::vector<std::string> reasons = recommend(some_program(), rows, what).reasons;
  reasons.erase(reasons.begin(), std::find_if(reasons.begin(), reasons.end(), [](const std::string& each) {
                  return each.find("frees are of the newest") != std::string::npos;
                }));
  reasons.erase(reasons.begin());
  return reasons;
}

comparison timed(const char* name, std::vector<double> latencies, std::size_t committed = 1000) {
  comparison made = row(name, {1, 1, 1}, committed);
  made.latencies = latencies;
  std::sort(latencies.begin(), latencies.end());
  made.result.latency.calls = 100;
  made.result.latency.p999 = latencies[latencies.size() / 2];
  return made;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(recommendations)

BOOST_AUTO_TEST_CASE(the_fastest_is_recommended_with_how_much_more_others_take) {
  const std::vector<comparison> rows{row("slow", {2.0, 2.2, 2.3}), row("fast", {1.0, 1.1, 1.15})};
  const recommendation made = recommend(some_program(), rows);
  BOOST_TEST(made.best == 1u);
  BOOST_TEST(made.as_good.empty());
  BOOST_TEST(made.reasons.front() == "100 % of the blocks have one size: 24 bytes");
  const std::vector<std::string> expected{"fast takes 1100.00 ms", "slow takes 2.00 times as much"};
  BOOST_TEST(why(rows) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_common_to_a_round_is_no_noise) {
  // Rounds differ by half, and the second is slower by a tenth in each.
  const std::vector<comparison> rows{row("fast", {1.0, 1.5, 1.2, 1.4, 1.1}),
                                     row("slow", {1.1, 1.65, 1.32, 1.54, 1.21})};
  BOOST_TEST(recommend(some_program(), rows).as_good.empty());
}

BOOST_AUTO_TEST_CASE(what_takes_less_round_by_round_counts_for_more_than_the_medians) {
  // The machine was slower in the last rounds; the median of the first is less.
  const std::vector<comparison> rows{row("a", {1.0, 1.01, 1.02, 2.0, 2.0}), row("b", {1.1, 1.1, 0.918, 1.8, 1.8}),
                                     row("c", {1.5, 1.5, 1.5, 3.0, 3.0})};
  BOOST_TEST(rows[0].seconds < rows[1].seconds);
  const recommendation made = recommend(some_program(), rows);
  BOOST_TEST(made.best == 1u);
  BOOST_TEST(made.as_good.empty());
}

BOOST_AUTO_TEST_CASE(those_within_the_noise_are_as_good_and_the_smallest_of_them_is_chosen) {
  std::vector<comparison> rows{row("big", {1.0, 1.2, 0.9, 1.1, 1.0}, 5000),
                               row("small", {1.02, 1.0, 1.02, 1.0, 1.02}, 1000),
                               row("smaller, slow", {2, 2, 2, 2, 2}, 500)};
  recommendation made = recommend(some_program(), rows);
  BOOST_TEST(made.best == 1u);
  BOOST_TEST_REQUIRE(made.as_good.size() == 1u);
  BOOST_TEST(made.as_good.front() == 0u);
  const std::vector<std::string> expected{
      "small takes 1020.00 ms", "small needs 1.0 KiB, so it is chosen among those that are as good; big needs 4.9 KiB",
      "big is as good, as far as these rounds can tell: it differs by 2.0 %, and they are sure to 16 %",
      "smaller, slow takes 1.96 times as much"};
  BOOST_TEST(why(rows) == expected, boost::test_tools::per_element());
  rows[0].result.peak_committed = 1005;  // about the same: then the faster one
  made = recommend(some_program(), rows);
  BOOST_TEST(made.best == 0u);
  BOOST_TEST(made.as_good.front() == 1u);
  rows[0].result.peak_committed = 0;  // a foreign one, that does not tell
  BOOST_TEST(recommend(some_program(), rows).best == 1u);
  rows[1].result.peak_committed = 0;
  BOOST_TEST(recommend(some_program(), rows).best == 0u);
}

BOOST_AUTO_TEST_CASE(noise_is_no_reason_to_take_far_more) {
  const std::vector<comparison> rows{row("least", {1.0, 1.2, 0.9, 1.1, 1.0}, 5000),
                                     row("noisy", {1.3, 0.8, 1.6, 0.9, 1.3}, 100)};
  const recommendation made = recommend(some_program(), rows);
  BOOST_TEST(made.best == 0u);
  BOOST_TEST(made.as_good.size() == 1u);
}

BOOST_AUTO_TEST_CASE(one_percent_does_not_matter) {
  const std::vector<comparison> rows{row("a", {1.0, 1.0, 1.0}, 5000), row("b", {1.009, 1.009, 1.009}, 1000),
                                     row("c", {1.02, 1.02, 1.02}, 100)};
  BOOST_TEST(recommend(some_program(), rows).best == 1u);
  BOOST_TEST(why(rows)[2] == "a is as good: it differs by 0.9 %, which does not matter");
}

BOOST_AUTO_TEST_CASE(of_one_or_two_rounds_a_quarter_is_noise) {
  for (const std::size_t rounds : {std::size_t{1}, std::size_t{2}, std::size_t{3}}) {
    const std::vector<comparison> rows{row("a", std::vector<double>(rounds, 1.0)),
                                       row("b", std::vector<double>(rounds, 1.2)),
                                       row("c", std::vector<double>(rounds, 1.3))};
    BOOST_TEST(recommend(some_program(), rows).as_good.size() == (rounds < 3 ? 1u : 0u));
  }
}

BOOST_AUTO_TEST_CASE(for_memory_the_one_that_needs_least_is_recommended_and_of_equal_ones_the_fastest) {
  const std::vector<comparison> rows{row("fast", {1, 1, 1}, 5000), row("small", {9, 9, 9}, 1000),
                                     row("about", {5, 5, 5}, 1005), row("foreign", {1, 1, 1}, 0)};
  const recommendation made = recommend(some_program(), rows, recommend_for::memory);
  BOOST_TEST(made.best == 2u);
  BOOST_TEST_REQUIRE(made.as_good.size() == 1u);
  BOOST_TEST(made.as_good.front() == 1u);
  const std::vector<std::string> reasons = why(rows, recommend_for::memory);
  BOOST_TEST(reasons[1] ==
             "about takes 5000.00 ms, so it is chosen among those that are as good; small takes 9000.00 ms");
  BOOST_TEST(reasons.back() == "foreign does not tell what memory it needs");
  BOOST_CHECK_THROW((void)recommend(some_program(), {rows[3]}, recommend_for::memory), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(for_latency_the_slowest_call_of_a_thousand_counts) {
  const std::vector<comparison> rows{timed("late", {900, 950, 1000}), timed("prompt", {100, 110, 105}),
                                     row("not timed", {0.1, 0.1, 0.1})};
  const recommendation made = recommend(some_program(), rows, recommend_for::latency);
  BOOST_TEST(made.best == 1u);
  BOOST_TEST(made.as_good.empty());
  const std::vector<std::string> expected{"99.9 % of the calls to prompt take at most 105 ns",
                                          "late takes 9.05 times as much", "not timed was not timed call by call"};
  BOOST_TEST(why(rows, recommend_for::latency) == expected, boost::test_tools::per_element());
  BOOST_CHECK_THROW((void)recommend(some_program(), {rows[2]}, recommend_for::latency), std::invalid_argument);
  const std::vector<comparison> close{timed("big", {100, 100, 100}, 9000), timed("small", {104, 104, 104}, 1000),
                                      timed("least", {106, 106, 106}, 100)};
  BOOST_TEST(recommend(some_program(), close, recommend_for::latency).best == 1u);
}

BOOST_AUTO_TEST_CASE(one_that_holds_many_times_what_lives_is_said_to) {
  std::vector<comparison> rows{row("arena", {1, 1, 1}, 100000)};
  rows[0].result.peak_live = 1000;
  BOOST_TEST(why(rows).back() == "arena holds 100 times the bytes that live at most");
  rows[0].result.peak_live = 90000;
  BOOST_TEST(why(rows).back() == "arena takes 1000.00 ms");
}

BOOST_AUTO_TEST_CASE(one_that_cannot_serve_is_never_recommended) {
  std::vector<comparison> rows{row("full", {1, 1, 1}), row("broken", {2, 2, 2}), row("good", {3, 3, 3})};
  rows[0].result.refused = 1;
  rows[1].result.damaged = 1;
  const recommendation made = recommend(some_program(), rows);
  BOOST_TEST(made.best == 2u);
  BOOST_TEST(made.as_good.empty());
  BOOST_TEST(made.reasons.back() == "broken cannot serve all requests");
  rows.pop_back();
  BOOST_CHECK_THROW((void)recommend(some_program(), rows), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(of_an_empty_trace_all_are_as_good) {
  const std::vector<comparison> rows{row("a", {0, 0, 0}), row("b", {0, 0, 0})};
  BOOST_TEST(recommend(made_up().program(), rows).as_good.size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
