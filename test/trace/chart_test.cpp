// The chart of a comparison.

#include <allot/trace/compare.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <limits>
#include <locale>
#include <sstream>
#include <string>
#include <vector>

#include "inspect/browser.hpp"
#include "support/child.hpp"
#include "support/machine.hpp"
#include "trace/rows.hpp"

using namespace allot;
using namespace allot::test;

namespace {

std::string chart_of(const std::vector<comparison>& rows) {
  std::ostringstream out;
  write_chart(out, rows);
  return out.str();
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

comparison timed(const std::string& name) {
  comparison made = row(name, {0.0012, 0.001, 0.0015}, std::size_t{3} << 20);
  made.latencies = {800, 850, 900};
  made.result.latency.calls = 10;
  made.result.latency.p999 = 850;
  return made;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(charts)

BOOST_AUTO_TEST_CASE(a_chart_shows_names_and_figures) {
  const std::string chart = chart_of({timed("pool_resource"), row("std", {0.002, 0.003, 0.004}, 0)});
  for (const char* part : {">pool_resource<", ">1.20 ms<", ">3.0 MiB<", ">850 ns<", ">std<", ">3.00 ms<", ">-<",
                           "prefers-color-scheme:dark", "class=\"w\""})
    BOOST_TEST(has(chart, part), part);
}

BOOST_AUTO_TEST_CASE(bars_are_as_long_as_their_figures) {
  const std::string chart = chart_of({row("a", {1, 1, 1}, 1000), row("b", {2, 2, 2}, 4000)});
  // A panel is 234 wide, 78 of it for the figure: the longest bar has 156.
  BOOST_TEST(has(chart, "class=\"b\" x=\"274\" y=\"76\" width=\"78\""));
  BOOST_TEST(has(chart, "class=\"o\" x=\"274\" y=\"102\" width=\"156\""));
  BOOST_TEST(has(chart, "class=\"b\" x=\"508\" y=\"76\" width=\"39\""));
  BOOST_TEST(!has(chart, "class=\"w\""));  // no spread
}

BOOST_AUTO_TEST_CASE(what_refused_requests_is_marked) {
  comparison full = row("full", {1, 1, 1});
  full.result.refused = 7;
  BOOST_TEST(has(chart_of({full}), "full: 7 requests refused, 0 blocks damaged"));
}

BOOST_AUTO_TEST_CASE(a_chart_is_well_formed_whatever_the_names_are) {
  if (!has_command("xmllint")) return skip("xmllint is not installed (Debian: libxml2-utils)");
  const temporary_folder folder;
  const auto problems = [&](const std::vector<comparison>& rows) {
    write_file(folder / "chart.svg", chart_of(rows));
    return run_command("xmllint --noout --nonet '" + (folder / "chart.svg").string() + "' 2>&1").output;
  };
  BOOST_TEST(problems({}) == "");
  for (const char* name : {"</text><script>owned=1</script>", "\"><b onload='x'>&amp;", "]]>--><!--", "\x1b[31mred\a\n",
                           "\xff\xc0\x80 \xed\xa0\x80 \xf5 \xe2\x82", "caf\xc3\xa9 \xe2\x80\xae\xef\xbf\xbf", ""})
    BOOST_TEST(problems({timed(name), row(name, {1, 2, 3}, 0)}) == "");
  for (std::size_t length = 30; length < 40; ++length)
    BOOST_TEST(problems({timed(std::string(length, 'x') + "caf\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9")}) == "");
  constexpr double huge = std::numeric_limits<double>::max();
  BOOST_TEST(problems({row("huge", {huge, huge, huge}, ~std::size_t{0}), row("none", {0, 0, 0})}) == "");
}

BOOST_AUTO_TEST_CASE(a_chart_is_the_same_whatever_the_stream_is_set_to) {
  if (!test::knows_types) return test::skip(test::locales_need_types);
  if (test::emulates_large_pages()) return test::skip(test::fails_within_pages);
  struct comma : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  std::ostringstream out;
  out.imbue(std::locale(std::locale::classic(), new comma));
  out << std::hex;
  write_chart(out, {timed("pool")});
  BOOST_TEST(out.str() == chart_of({timed("pool")}));
}

BOOST_AUTO_TEST_SUITE_END()
