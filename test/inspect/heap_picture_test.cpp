// What pictures of heaps have in them, as text, SVG and HTML.

#include <allot/core/byte_size.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/inspect/heap_picture.hpp>
#include <allot/testing/default_resource_guard.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <iomanip>
#include <locale>
#include <sstream>
#include <stdexcept>
#include <streambuf>
#include <string>

#include "inspect/heap_pictures.hpp"
#include "support/child.hpp"
#include "support/machine.hpp"

using namespace allot;
using namespace allot::literals;
using namespace allot::test;

namespace {

/// 1000 bytes: used, quarantined.
void tell_quarantined(told_blocks& memory) {
  memory.add(0, 500, block_state::used);
  memory.add(500, 500, block_state::quarantined);
}

std::size_t longest_line(const std::string& text) {
  std::size_t longest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) longest = std::max(longest, line.size());
  return longest;
}

/// Takes no more than so many bytes, and throws or fails then.
class full_stream : public std::streambuf {
 public:
  explicit full_stream(bool throws) : throws_(throws) {}

 private:
  std::streamsize xsputn(const char*, std::streamsize) override {
    if (throws_) throw std::runtime_error("full");
    return 0;
  }
  int_type overflow(int_type) override { return traits_type::eof(); }
  bool throws_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(heap_pictures)

// ---- text

BOOST_AUTO_TEST_CASE(text_shows_the_map_and_the_figures) {
  told_blocks memory("four");
  tell_four(memory);
  text_picture_options options;
  options.width = address_columns + 40;
  options.most_lines = 1;
  const std::string text = text_of(memory, options);
  BOOST_TEST(has(text, "four (told_blocks): 4 blocks\n"));
  BOOST_TEST(
      has(text, "0x100000" + std::string(address_columns - 8, ' ') + "####################..........##????????\n"),
      text);
  BOOST_TEST(has(text, "# used     1.1 KiB in 2 blocks, the largest of 1000 bytes\n"), text);
  BOOST_TEST(has(text, ". free     500 bytes in 1 block, the largest of 500 bytes\n"), text);
  BOOST_TEST(has(text, "? unknown  400 bytes in 1 block"), text);
  BOOST_TEST(has(text, "fragmentation 0 %"), text);
  const std::string bar(test::narrow ? 9 : 13, '.');  // of one block: as much as the width has room for
  const std::string hashes(bar.size(), '#');
  BOOST_TEST(has(text, "  64 B      " + hashes + " 1\n"), text);
  BOOST_TEST(has(text, "  256 B     " + bar + std::string(bar.size(), '?') + " 2\n"), text);
}

BOOST_AUTO_TEST_CASE(what_is_in_quarantine_has_a_mark_of_its_own_in_every_picture) {
  told_blocks memory("kept");
  tell_quarantined(memory);
  const std::string text = text_of(memory);
  BOOST_TEST(has(text, "###xxx"), text);
  BOOST_TEST(has(text, "x in quarantine 500 bytes in 1 block, the largest of 500 bytes\n"), text);
  BOOST_TEST(!has(text, "unknown"), text);
  const std::string svg = svg_of(memory);
  BOOST_TEST(has(svg, "in quarantine, 1 block"), svg);
  BOOST_TEST(has(svg, "<title>0x1001f4: in quarantine, 500 bytes</title><rect class=\"z\""), svg);
  BOOST_TEST(has(html_of(memory), "[0,500,2,1]"));
}

BOOST_AUTO_TEST_CASE(text_of_a_heap_of_nothing_says_so) {
  const told_blocks memory("nothing");
  BOOST_TEST(has(text_of(memory), "it tells of no blocks"));
  BOOST_TEST(has(text_of(memory), "fragmentation 0 %"));
}

BOOST_AUTO_TEST_CASE(text_outside_a_terminal_is_ascii_without_escape_codes) {
  told_blocks memory("plain");
  tell_many(memory, 500);
  const std::string text = text_of(memory);
  for (const char c : text) BOOST_REQUIRE(((c >= ' ' && c <= '~') || c == '\n'));
  BOOST_TEST(longest_line(text) <= 110u);
}

BOOST_AUTO_TEST_CASE(text_keeps_to_its_width_and_lines) {
  told_blocks memory("wide");
  tell_many(memory, 2000);
  for (const std::size_t width : {std::size_t{1}, std::size_t{40}, std::size_t{77}, std::size_t{400}, ~std::size_t{0}})
    for (const std::size_t lines : {std::size_t{0}, std::size_t{1}, std::size_t{33}}) {
      text_picture_options options;
      options.width = width;
      options.most_lines = lines;
      std::istringstream in(text_of(memory, options));
      std::size_t rows = 0;
      for (std::string line; std::getline(in, line);) {
        if (line.substr(0, 2) != "0x") continue;
        ++rows;
        BOOST_TEST(line.size() == std::clamp<std::size_t>(width, 40, 400));
      }
      BOOST_TEST(rows == std::max<std::size_t>(lines, 1));
    }
}

BOOST_AUTO_TEST_CASE(names_bring_no_escape_codes_into_text) {
  for (const char* name : bad_names) {
    const told_blocks memory{std::string_view(name)};
    const std::string text = text_of(memory);
    for (const char c : text.substr(0, text.find(" (told_blocks)"))) BOOST_TEST((c < 0 || (c >= ' ' && c != 0x7f)));
  }
}

BOOST_AUTO_TEST_CASE(numbers_are_the_same_in_every_locale_and_format) {
  if (!test::knows_types) return test::skip(test::locales_need_types);
  if (test::emulates_large_pages()) return test::skip(test::fails_within_pages);
  struct points : std::numpunct<char> {
    char do_thousands_sep() const override { return '.'; }
    char do_decimal_point() const override { return ','; }
    std::string do_grouping() const override { return "\3"; }
  };
  told_blocks memory("far");
  tell_many(memory, 3000);
  const heap_map map = take_heap_map(memory);
  std::ostringstream plain;
  std::ostringstream odd;
  odd.imbue(std::locale(std::locale::classic(), new points));
  odd << std::hex << std::showbase << std::setfill('*') << std::setw(30);
  for (std::ostringstream* out : {&plain, &odd}) {
    write_text(*out, map);
    write_svg(*out, map);
    write_html(*out, map);
  }
  BOOST_TEST((odd.str() == plain.str()));
}

BOOST_AUTO_TEST_CASE(streams_that_fail_or_throw_leave_all_as_it_was) {
  told_blocks memory("full");
  tell_four(memory);
  const heap_map map = take_heap_map(memory);
  full_stream failing(false);
  std::ostream out(&failing);
  write_text(out, map);
  BOOST_TEST(out.bad());
  full_stream throwing(true);
  std::ostream other(&throwing);
  other.exceptions(std::ios::badbit);
  BOOST_CHECK_THROW(write_text(other, map), std::runtime_error);
  other.clear();
  BOOST_CHECK_THROW(write_svg(other, map), std::runtime_error);
  other.clear();
  BOOST_CHECK_THROW(write_html(other, map), std::runtime_error);
  BOOST_TEST(map.shares().sum().blocks == 4u);
}

// ---- SVG

BOOST_AUTO_TEST_CASE(svg_has_a_rectangle_for_every_block_and_its_facts) {
  told_blocks memory("four");
  tell_four(memory);
  const std::string svg = svg_of(memory);
  BOOST_TEST(has(svg, "<title>Heap picture of four</title>"));
  BOOST_TEST(has(svg, "<title>0x100000: used, 1000 bytes</title><rect class=\"u\""));
  BOOST_TEST(has(svg, "<title>0x1003e8: free, 500 bytes, rounded</title><rect class=\"f\""));
  BOOST_TEST(has(svg, "<title>0x100640: unknown, 400 bytes</title><rect class=\"n\""));
  svg_picture_options options;
  options.titles = false;
  BOOST_TEST(!has(svg_of(memory, options), "<title>0x"));
}

BOOST_AUTO_TEST_CASE(svg_of_many_blocks_is_bounded) {
  told_blocks memory("many");
  tell_many(memory, 200'000);
  const std::string svg = svg_of(memory);
  BOOST_TEST(svg.size() <= 1500u * 500);
  BOOST_TEST(has(svg, "are drawn together"));
}

// ---- HTML

BOOST_AUTO_TEST_CASE(a_page_of_a_million_blocks_is_below_two_mebibytes) {
  told_blocks memory("million");
  tell_many(memory, 1'000'000);
  heap_map_options options;
  options.most_cells = 100'000;
  const heap_map map = take_heap_map(memory, options);
  std::ostringstream out;
  write_html(out, map);
  BOOST_TEST(out.str().size() < 2_MiB);
  BOOST_TEST(out.str().size() > 100_KiB);
}

BOOST_AUTO_TEST_CASE(a_page_of_the_largest_numbers_there_are_is_below_two_mebibytes) {
  told_blocks memory("worst");
  const std::size_t step = ~std::size_t{0} / 60'000;
  for (std::size_t i = 0; i < 60'000; ++i) memory.add(i * step, step / 2 + i, static_cast<block_state>(i % 3));
  const std::string page = html_of(memory);
  BOOST_TEST(page.size() < 2_MiB);
}

BOOST_AUTO_TEST_CASE(a_page_needs_nothing_from_anywhere) {
  told_blocks memory("four");
  tell_four(memory);
  const std::string page = html_of(memory);
  for (const char* part : {"http:", "https:", "//cdn", "src=", "href=", "url(", "@import", "<link", "<iframe", "<img",
                           "fetch(", "XMLHttp", "import("})
    BOOST_TEST(!has(page, part), part);
}

BOOST_AUTO_TEST_CASE(a_page_takes_names_for_text) {
  for (const char* name : bad_names) {
    told_blocks memory{std::string_view(name)};
    tell_four(memory);
    const std::string page = html_of(memory);
    for (const char* part : {"<img", "<b onload", "]]>", "<!--"}) BOOST_TEST(!has(page, part), name << ": " << part);
    std::size_t scripts = 0;
    for (std::size_t at = 0; (at = page.find("<script", at)) != std::string::npos; ++at) ++scripts;
    BOOST_TEST(scripts == 2u);
  }
}

BOOST_AUTO_TEST_SUITE_END()
