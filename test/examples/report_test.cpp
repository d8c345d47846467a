#include "report.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "comparisons.hpp"
#include "svg_chart.hpp"
#include "token_stream.hpp"

using namespace main_job;

namespace {

samples times(std::initializer_list<double> milliseconds) {
  samples all;
  for (const double each : milliseconds) all.add(each);
  return all;
}

const comparison resources{"resource",
                           "Time & resource",
                           "some text",
                           "cold: new; warm: old.",
                           {{"slow", {1024, 2048, 3072, false}, times({10, 10, 10}), times({8, 8})},
                            {"a<b & \"c\"", {1024, 4096, 4096, true}, times({5}), times({2})}}};

const comparison containers{"container",
                            "Time & container",
                            "some tokens",
                            "cold: new; warm: old.",
                            {{"std::vector", {32, 32, 32, false}, times({0.25}), times({0.125})},
                             {"std::vector<int>", {0, 0, 0, false}, times({0.5}), times({0.0625})},
                             {"third", {32, 64, 64, false}, times({0.25}), times({0.125})}}};

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
  const std::string text = single_blanks(table(resources));
  BOOST_TEST(text.find("\nslow 10.00 0.0 % 1.00 8.00 0.0 % 1.00 1.0 KiB 2.0 KiB 3.0 KiB \n") != std::string::npos);
  BOOST_TEST(text.find("\na<b & \"c\" 5.00 - 0.50 2.00 - 0.25 1.0 KiB 4.0 KiB* 4.0 KiB*\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_table_says_what_was_compared_and_how) {
  const std::string text = single_blanks(table(containers));
  BOOST_TEST(text.find("\ncontainer ms spread ") != std::string::npos);
  BOOST_TEST(text.find("\nstd::vector<int> 0.5000 - 2.00 0.0625 - 0.50 0 B 0 B 0 B \n") != std::string::npos);
  BOOST_TEST(text.find("\ncold: new; warm: old.\nMedians of 1 round; ") != std::string::npos);
  BOOST_TEST(text.find("ratio: to std::vector.\n") != std::string::npos);
  BOOST_TEST(text.find("* committed") == std::string::npos);
  BOOST_TEST(table(resources).find("\n* committed") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_job_is_summed_up_in_a_line) {
  job_size size;
  size.files = 1;
  size.bytes = 2048;
  size.words = 3;
  size.digest = 0xab;
  BOOST_TEST(summary(size) ==
             "1 file, 2.0 KiB: 3 words, 0 different; 0 tree nodes; digest 00000000000000ab, equal for all resources\n");
  const verified_tokens tokens{1234, 0xcd, {}};
  const std::string bytes = std::to_string(sizeof(token));
  BOOST_TEST(summary(tokens) ==
             "1234 tokens of " + bytes + " bytes; digest 00000000000000cd, equal for all containers\n");
  BOOST_TEST(compare_resources(size, {}).input == "2.0 KiB of text in 1 file");
  BOOST_TEST(compare_containers(tokens, {}).input == "1234 tokens of " + bytes + " bytes");
}

BOOST_AUTO_TEST_CASE(the_chart_is_well_formed_whatever_the_names) {
  BOOST_TEST(is_well_formed(svg_chart({resources, containers})));
  BOOST_TEST(!is_well_formed("<a><b></a></b>"));
  BOOST_TEST(!is_well_formed("<a>1 & 2</a>"));
  BOOST_TEST(!is_well_formed("<a>"));
}

BOOST_AUTO_TEST_CASE(the_chart_has_two_bars_for_each_resource_in_proportion_to_their_times) {
  const std::string chart = svg_chart({resources});
  BOOST_TEST(count(chart, "<g class=\"resource\">") == 2u);
  BOOST_TEST(count(chart, "class=\"cold\"") == 2u);
  BOOST_TEST(count(chart, "class=\"warm\"") == 2u);
  BOOST_TEST(count(chart, "width=\"540\"") == 1u);  // 10 ms, the longest
  BOOST_TEST(count(chart, "width=\"432\"") == 1u);  // 8 ms
  BOOST_TEST(count(chart, "width=\"270\"") == 1u);  // 5 ms
  BOOST_TEST(count(chart, "width=\"108\"") == 1u);  // 2 ms
}

BOOST_AUTO_TEST_CASE(a_second_job_has_a_panel_of_its_own_with_its_own_title_and_scale) {
  const std::string chart = svg_chart({resources, containers});
  BOOST_TEST(count(chart, ">Time &amp; resource<") == 1u);
  BOOST_TEST(count(chart, ">Time &amp; container<") == 1u);
  BOOST_TEST(count(chart, ">some tokens; medians, shorter is better; in brackets: relative to std::vector<") == 1u);
  BOOST_TEST(count(chart, "<g class=\"resource\">") == 2u);
  BOOST_TEST(count(chart, "<g class=\"container\">") == 3u);
  BOOST_TEST(count(chart, "class=\"cold\"") == 5u);
  BOOST_TEST(count(chart, "class=\"warm\"") == 5u);
  const std::string second = chart.substr(chart.find("container<"));
  BOOST_TEST(count(second, "width=\"540\"") == 1u);   // 0.5 ms, the longest of the second job
  BOOST_TEST(count(second, "width=\"270\"") == 2u);   // 0.25 ms
  BOOST_TEST(count(second, "width=\"135\"") == 2u);   // 0.125 ms
  BOOST_TEST(count(second, "width=\"67.5\"") == 1u);  // 0.0625 ms
}

BOOST_AUTO_TEST_CASE(panels_stand_below_each_other_within_the_picture) {
  const auto number_behind = [](std::string_view text, std::string_view name, std::size_t from) {
    return std::stod(std::string(text.substr(text.find(name, from) + name.size(), 8)));
  };
  const std::string one = svg_chart({resources});
  const std::string two = svg_chart({resources, containers});
  const double first_height = number_behind(one, "viewBox=\"0 0 960 ", 0);
  const double height = number_behind(two, "viewBox=\"0 0 960 ", 0);
  BOOST_TEST(height > first_height);
  const std::size_t second = two.find("<text", two.rfind("</g>", two.find("Time &amp; container")));
  for (auto at = two.find(" y=\""); at != std::string::npos; at = two.find(" y=\"", at + 1)) {
    const double y = number_behind(two, " y=\"", at);
    BOOST_TEST((at < second ? y < first_height : y > first_height));
    BOOST_TEST(y < height);
  }
}

BOOST_AUTO_TEST_SUITE_END()
