#include "report.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "svg_chart.hpp"

using namespace main_job;

namespace {

samples times(std::initializer_list<double> milliseconds) {
  samples all;
  for (const double each : milliseconds) all.add(each);
  return all;
}

const std::vector<measurement> results{{"slow", {1024, 2048, 3072, false}, times({10, 10, 10}), times({8, 8})},
                                       {"a<b & \"c\"", {1024, 4096, 4096, true}, times({5}), times({2})}};

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

/// How wide the columns are is a matter of taste.
std::string single_blanks(std::string text) {
  text.erase(std::unique(text.begin(), text.end(), [](char a, char b) { return a == ' ' && b == ' '; }), text.end());
  return text;
}

/// Whether all elements are closed in the order they were opened and no text holds a bare < or &.
bool is_well_formed(std::string_view xml) {
  std::vector<std::string_view> open;
  while (!xml.empty()) {
    const std::size_t begin = xml.find('<');
    for (auto text = xml.substr(0, begin); text.find('&') != std::string_view::npos;) {
      text.remove_prefix(text.find('&'));
      const std::size_t end = text.find(';');
      if (end == std::string_view::npos || text.substr(0, end).find(' ') != std::string_view::npos) return false;
      text.remove_prefix(end);
    }
    if (begin == std::string_view::npos) break;
    const std::size_t end = xml.find('>', begin);
    if (end == std::string_view::npos) return false;
    const std::string_view tag = xml.substr(begin + 1, end - begin - 1);
    xml.remove_prefix(end + 1);
    if (tag.empty() || tag.find('<') != std::string_view::npos || count(tag, "\"") % 2 != 0) return false;
    if (tag.front() == '/') {
      if (open.empty() || open.back() != tag.substr(1)) return false;
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(tag.substr(0, tag.find_first_of(" \n")));
    }
  }
  return open.empty();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(report)

BOOST_AUTO_TEST_CASE(median_and_spread_are_those_of_the_sorted_times) {
  BOOST_TEST(times({9, 1, 5}).median() == 5.0);
  BOOST_TEST(times({4, 1, 3, 2}).median() == 2.5);
  BOOST_TEST(times({5, 4, 3, 2, 1}).spread() == 2.0 / 3);
  BOOST_TEST(times({7}).spread() == 0.0);
}

BOOST_AUTO_TEST_CASE(the_table_has_a_line_for_each_resource_with_times_relative_to_the_first) {
  const std::string text = single_blanks(table(results));
  BOOST_TEST(text.find("\nslow 10.00 0.0 % 1.00 8.00 0.0 % 1.00 1.0 KiB 2.0 KiB 3.0 KiB \n") != std::string::npos);
  BOOST_TEST(text.find("\na<b & \"c\" 5.00 - 0.50 2.00 - 0.25 1.0 KiB 4.0 KiB* 4.0 KiB*\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_chart_is_well_formed_whatever_the_names) {
  BOOST_TEST(is_well_formed(svg_chart(results, {})));
  BOOST_TEST(!is_well_formed("<a><b></a></b>"));
  BOOST_TEST(!is_well_formed("<a>1 & 2</a>"));
  BOOST_TEST(!is_well_formed("<a>"));
}

BOOST_AUTO_TEST_CASE(the_chart_has_two_bars_for_each_resource_in_proportion_to_their_times) {
  const std::string chart = svg_chart(results, {});
  BOOST_TEST(count(chart, "<g class=\"resource\">") == 2u);
  BOOST_TEST(count(chart, "class=\"cold\"") == 2u);
  BOOST_TEST(count(chart, "class=\"warm\"") == 2u);
  BOOST_TEST(count(chart, "width=\"540\"") == 1u);  // 10 ms, the longest
  BOOST_TEST(count(chart, "width=\"432\"") == 1u);  // 8 ms
  BOOST_TEST(count(chart, "width=\"270\"") == 1u);  // 5 ms
  BOOST_TEST(count(chart, "width=\"108\"") == 1u);  // 2 ms
}

BOOST_AUTO_TEST_SUITE_END()
