#if !defined(_WIN32)
#include <fcntl.h>
#endif
#include <stdlib.h>
#include <sys/ioctl.h>
#if !defined(_WIN32)
#include <unistd.h>
#endif

#include <allot/core/byte_size.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/inspect/heap_picture.hpp>
#include <allot/os/terminal.hpp>
#include <allot/testing/default_resource_guard.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <locale>
#include <random>
#include <sstream>
#include <stdexcept>
#include <streambuf>
#include <string>

#include "inspect/browser.hpp"
#include "inspect/told_blocks.hpp"
#include "support/child.hpp"
#include "support/machine.hpp"

using namespace allot;
using namespace allot::literals;
using allot::test::browser;
using allot::test::temporary_folder;
using allot::test::told_blocks;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string text_of(const resource& memory, const text_picture_options& options = {}) {
  std::ostringstream out;
  write_text(out, take_heap_map(memory), options);
  return out.str();
}
std::string svg_of(const resource& memory, const svg_picture_options& options = {}) {
  std::ostringstream out;
  write_svg(out, take_heap_map(memory), options);
  return out.str();
}
std::string html_of(const resource& memory, const html_picture_options& options = {}) {
  std::ostringstream out;
  write_html(out, take_heap_map(memory), options);
  return out.str();
}

/// 2000 bytes: used, free, used, unknown.
void tell_four(told_blocks& memory) {
  memory.add(0, 1000, block_state::used);
  memory.add(1000, 500, block_state::free, false);
  memory.add(1500, 100, block_state::used);
  memory.add(1600, 400, block_state::unknown);
}

/// 1000 bytes: used, quarantined.
void tell_quarantined(told_blocks& memory) {
  memory.add(0, 500, block_state::used);
  memory.add(500, 500, block_state::quarantined);
}

/// As many blocks as that, a third of them free.
void tell_many(told_blocks& memory, std::size_t count) {
  std::mt19937 random(8);
  std::size_t at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t size = 16 + random() % 1000;
    memory.add(at, size, random() % 3 == 0 ? block_state::free : block_state::used);
    at += size + (i % 997 == 0 ? 1_MiB : 0);
  }
}

/// Names that would do harm if they were taken for markup, for escape codes or for UTF-8.
constexpr std::array<const char*, 7> bad_names{"</script><script>owned=1</script>",
                                               "<img src=x onerror=owned=1>",
                                               "\"><b onload='x'>&amp;",
                                               "]]>--><!--",
                                               "\x1b[31mred\a\n\r\t",
                                               "\xff\xc0\x80 \xed\xa0\x80 \xf5 \xe2\x82",
                                               "caf\xc3\xa9 \xe2\x80\xae\xef\xbf\xbf"};

#if !defined(_WIN32)
class variable {
 public:
  variable(const char* name, const char* value) : name_(name) {
    const char* const before = std::getenv(name);
    had_ = before != nullptr;
    if (had_) before_ = before;
    value != nullptr ? ::setenv(name, value, 1) : ::unsetenv(name);
  }
  ~variable() { had_ ? ::setenv(name_, before_.c_str(), 1) : ::unsetenv(name_); }
  variable(const variable&) = delete;
  variable& operator=(const variable&) = delete;

 private:
  const char* name_;
  bool had_ = false;
  std::string before_;
};

/// While it lives, standard output is a terminal of that many characters a line.
class terminal_output {
 public:
  explicit terminal_output(unsigned short columns) : terminal_(::posix_openpt(O_RDWR | O_NOCTTY)) {
    BOOST_REQUIRE(terminal_ >= 0);
    BOOST_REQUIRE(::grantpt(terminal_) == 0);
    BOOST_REQUIRE(::unlockpt(terminal_) == 0);
    const int inner = ::open(::ptsname(terminal_), O_RDWR | O_NOCTTY);
    BOOST_REQUIRE(inner >= 0);
    winsize size{};
    size.ws_col = columns;
    size.ws_row = 24;
    BOOST_REQUIRE(::ioctl(inner, TIOCSWINSZ, &size) == 0);
    std::cout.flush();
    kept_ = ::dup(1);
    ::dup2(inner, 1);
    ::close(inner);
  }
  /// What was printed. Called once; then standard output is what it was.
  std::string end() {
    std::cout.flush();
    std::string text;
    std::array<char, 1024> part{};
    ::fcntl(terminal_, F_SETFL, O_NONBLOCK);
    for (;;) {
      const ssize_t n = ::read(terminal_, part.data(), part.size());
      if (n <= 0) break;
      text.append(part.data(), static_cast<std::size_t>(n));
    }
    ::dup2(kept_, 1);
    ::close(kept_);
    ::close(terminal_);
    return text;
  }

 private:
  int terminal_;
  int kept_ = -1;
};

/// A picture as std::cout gets it on a terminal.
std::string on_terminal(const resource& memory, unsigned short columns) {
  const heap_map map = take_heap_map(memory);
  text_picture_options options;
  options.most_lines = 2;  // no more than the terminal holds until it is read
  terminal_output terminal(columns);
  write_text(std::cout, map, options);
  return terminal.end();
}
#endif

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

/// Of the text, before the map.
constexpr std::size_t address_columns = test::narrow ? 11 : 19;

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

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(text_on_a_terminal_has_colours_and_its_width) {
  if (test::emulates_large_pages()) return test::skip(test::fails_within_pages);
  if (test::under_thread_sanitizer()) return test::skip("a pseudo terminal and one thread");
  told_blocks memory("coloured");
  tell_many(memory, 300);
  const variable no_color("NO_COLOR", nullptr);
  const variable term("TERM", "xterm-256color");
  BOOST_TEST(os::terminal_width(-1) == 0u);
  const std::string text = on_terminal(memory, 63);
  BOOST_TEST(has(text, "\x1b[0;38;5;"));
  BOOST_TEST(has(text, "\u2580"));
  std::size_t halves = 0;
  for (std::size_t at = 0; (at = text.find("\u2580", at)) != std::string::npos; ++at) ++halves;
  BOOST_TEST(halves >= 63u);
  BOOST_TEST(halves <= 2 * (63u - address_columns));
}

BOOST_AUTO_TEST_CASE(no_color_and_a_dumb_terminal_are_respected) {
  if (test::emulates_large_pages()) return test::skip(test::fails_within_pages);
  if (test::under_thread_sanitizer()) return test::skip("a pseudo terminal and one thread");
  told_blocks memory("plain");
  tell_many(memory, 300);
  const variable term("TERM", "xterm-256color");
  {
    const variable no_color("NO_COLOR", "1");
    BOOST_TEST(!has(on_terminal(memory, 80), "\x1b"));
  }
  {
    const variable no_color("NO_COLOR", "");
    BOOST_TEST(has(on_terminal(memory, 80), "\x1b"));
  }
  const variable no_color("NO_COLOR", nullptr);
  const variable dumb("TERM", "dumb");
  BOOST_TEST(!has(on_terminal(memory, 80), "\x1b"));
}
#endif

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

BOOST_AUTO_TEST_CASE(svg_is_well_formed_whatever_is_in_it) {
  if (!test::has_command("xmllint")) return test::skip("xmllint is not installed (Debian: libxml2-utils)");
  const temporary_folder folder;
  const auto well_formed = [&](const std::string& text) {
    test::write_file(folder / "picture.svg", text);
    return test::run_command("xmllint --noout --nonet '" + (folder / "picture.svg").string() + "' 2>&1").output;
  };
  for (const char* name : bad_names) {
    told_blocks memory{std::string_view(name)};
    BOOST_TEST(well_formed(svg_of(memory)) == "");
    tell_four(memory);
    BOOST_TEST(well_formed(svg_of(memory)) == "");
  }
  told_blocks one("one");
  one.add(0, 1, block_state::used);
  BOOST_TEST(well_formed(svg_of(one)) == "");
  told_blocks huge("huge");
  huge.add(0, ~std::size_t{0} / 2, block_state::used);
  huge.add(~std::size_t{0} / 2 + 1, 1, block_state::free);
  BOOST_TEST(well_formed(svg_of(huge)) == "");
  told_blocks many("many");
  tell_many(many, 100'000);
  BOOST_TEST(well_formed(svg_of(many)) == "");
  BOOST_TEST(well_formed("<svg><title>&</title></svg>") != "");
}

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

namespace {

constexpr const char* before_all = R"(<script>
var errors = [];
addEventListener('error', e => errors.push(e.message));
</script>)";

/// Does with the page what a user would, with real events, and notes what does not come out as it should.
constexpr const char* user = R"(<script>
(() => {
const wrong = [];
const expect = (what, is, wanted) => { if (is !== wanted) wrong.push(what + ': ' + is + ', not ' + wanted); };
const $ = id => document.getElementById(id);
const view = $('view'), canvas = view.querySelector('canvas'), tip = $('tip');
const left = 140, right = 16;
const place = (part, row) => {
  const box = canvas.getBoundingClientRect();
  return {x: box.left + left + part * (box.width - left - right), y: box.top + 12 + row * 26 + 11};
};
const send = (kind, part, row, more) => {
  const at = place(part, row);
  const e = new (kind === 'wheel' ? WheelEvent : kind === 'click' ? MouseEvent : PointerEvent)(kind,
    {clientX: at.x, clientY: at.y, bubbles: true, cancelable: true, ...more});
  (document.elementFromPoint(at.x, at.y) || view).dispatchEvent(e);
};
const colourAt = (part, row) => {
  const box = canvas.getBoundingClientRect(), at = place(part, row), sharp = canvas.width / box.width;
  return [...canvas.getContext('2d').getImageData((at.x - box.left) * sharp, (at.y - box.top) * sharp, 1, 1).data];
};
const named = name => {
  const pen = document.createElement('canvas').getContext('2d');
  pen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
  pen.fillRect(0, 0, 1, 1);
  return [...pen.getImageData(0, 0, 1, 1).data];
};
const type = (id, text) => {
  $(id).value = text;
  $(id).dispatchEvent(new Event('input', {bubbles: true}));
};
const key = name => view.dispatchEvent(new KeyboardEvent('keydown', {key: name, bubbles: true, cancelable: true}));
const same = (a, b) => '' + a === '' + b;
const state = name => document.querySelector('[data-state=' + name + ']');

expect('title', $('name').firstChild.textContent, 'four');
expect('tiles', /Used1\.1 KiB2 blocks/.test($('tiles').textContent), true);
expect('requests', performance.getEntriesByType('resource').length, 0);

// A block's facts under the pointer.
expect('tip before', tip.hidden, true);
send('pointermove', .2, 0);
expect('tip', tip.hidden, false);
expect('tip has a size', tip.getBoundingClientRect().width > 50, true);
expect('used', tip.textContent, 'Address0x100000StateusedSize1000 bytesSize isas asked forEnds at0x1003e8');
send('pointermove', .6, 0);
expect('free', tip.textContent, 'Address0x1003e8StatefreeSize500 bytesSize isrounded, or a regionEnds at0x1005dc');
send('pointermove', .9, 0);
expect('unknown', /StateunknownSize400 bytes/.test(tip.textContent), true);
view.dispatchEvent(new PointerEvent('pointerleave'));
expect('tip after', tip.hidden, true);

// Colours by state.
expect('colour of used', same(colourAt(.2, 0), named('used')), true);
expect('colour of free', same(colourAt(.6, 0), named('free')), true);
expect('colour of unknown', same(colourAt(.9, 0), named('unknown')), true);

// Filter by state.
expect('found', $('found').textContent, '4 of 4 blocks, 2.0 KiB');
state('free').click();
expect('pressed', state('free').getAttribute('aria-pressed'), 'false');
expect('without free', $('found').textContent, '3 of 4 blocks, 1.5 KiB');
expect('free is dim', same(colourAt(.6, 0), named('free')), false);
expect('used is not', same(colourAt(.2, 0), named('used')), true);
state('free').click();
expect('free again', same(colourAt(.6, 0), named('free')), true);

// Filter by size.
type('from', '200');
expect('from', $('found').textContent, '3 of 4 blocks, 1.9 KiB');
type('to', '0.4k');
expect('to', $('found').textContent, '1 of 4 blocks, 400 bytes');
expect('large is dim', same(colourAt(.2, 0), named('used')), false);
type('to', 'large');
expect('nonsense', $('to').getAttribute('aria-invalid'), 'true');
expect('nonsense changes nothing', $('found').textContent, '1 of 4 blocks, 400 bytes');
type('from', '');
type('to', '');
expect('all', $('found').textContent, '4 of 4 blocks, 2.0 KiB');
const bar = document.querySelector('.bar[data-from="256"]');
bar.click();
expect('bar', $('found').textContent, '2 of 4 blocks, 900 bytes');
expect('bar sets the size', $('from').value + '-' + $('to').value, '256-511');
bar.click();
expect('bar again', $('from').value, '');

// Zoom: the same bytes on more rows.
const rows = () => Math.round((view.scrollHeight - 20) / 26);
expect('rows', rows(), 1);
$('in').click();
expect('rows zoomed in', rows(), 2);
expect('slider', $('zoom').value, '1');
send('pointermove', .1, 1);
expect('second row starts with free', /0x1003e8Statefree/.test(tip.textContent), true);
$('out').click();
expect('rows zoomed out', rows(), 1);
send('wheel', .5, 0, {ctrlKey: true, deltaY: -240});
expect('rows by wheel', rows(), 4);
$('fit').click();
expect('rows fitted', rows(), 1);
type('zoom', $('zoom').max);
expect('most rows', rows() > 20, true);
view.scrollTop = view.scrollHeight;
view.dispatchEvent(new Event('scroll'));
$('fit').click();

// Keys.
key('ArrowRight');
expect('first', /0x100000Stateused/.test($('facts').textContent), true);
key('ArrowRight');
expect('second', /0x1003e8Statefree/.test($('facts').textContent), true);
key('Escape');
expect('let go', $('facts').textContent, '');
send('click', .9, 0);
expect('chosen', /Stateunknown/.test($('facts').textContent), true);

// Light and dark.
const paper = () => getComputedStyle(document.body).backgroundColor;
const light = 'rgb(245, 246, 249)', dark = 'rgb(14, 17, 22)';
expect('the surroundings', paper(), matchMedia('(prefers-color-scheme: dark)').matches ? dark : light);
const theme = to => document.querySelector('[data-to="' + to + '"]').click();
theme('dark');
expect('dark', paper(), dark);
const usedInDark = colourAt(.2, 0);
expect('dark map', same(usedInDark, named('used')), true);
theme('light');
expect('light', paper(), light);
expect('light map', same(colourAt(.2, 0), named('used')), true);
expect('two colours', same(colourAt(.2, 0), usedInDark), false);
theme('');
expect('auto', paper(), matchMedia('(prefers-color-scheme: dark)').matches ? dark : light);

const outcome = document.createElement('pre');
outcome.id = 'outcome';
outcome.textContent = 'outcome ' + (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light') + ': ' +
  ([...wrong, ...errors].join('; ') || 'all as it should be');
document.body.append(outcome);
})();
</script>)";

/// The page with what a test adds to it.
std::string instrumented(std::string page, const std::string& script) {
  page.insert(page.find("<meta"), before_all);
  page.insert(page.rfind("</body>"), script);
  return page;
}

std::string outcome_of(const std::string& elements) {
  const std::size_t at = elements.find("outcome\">");
  if (at == std::string::npos) return "no outcome in " + elements.substr(0, 300);
  return elements.substr(at + 9, elements.find("</pre>", at) - at - 9);
}

bool browser_missing() {
  if (browser::there()) return false;
  test::skip("chromium is not installed (.ci/setup test installs it): the page was tried in no browser");
  return true;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_page_tells_filters_zooms_and_has_two_colour_schemes) {
  if (browser_missing()) return;
  told_blocks memory("four");
  tell_four(memory);
  const temporary_folder folder;
  test::write_file(folder / "page.html", instrumented(html_of(memory), user));
  BOOST_TEST(outcome_of(browser(false).elements(folder / "page.html")) == "outcome light: all as it should be");
  BOOST_TEST(outcome_of(browser(true).elements(folder / "page.html")) == "outcome dark: all as it should be");
}

BOOST_AUTO_TEST_CASE(the_page_of_any_name_and_of_any_heap_runs_without_an_error) {
  if (browser_missing()) return;
  constexpr const char* look = R"(<script>
const outcome = document.createElement('pre');
outcome.id = 'outcome';
const view = document.getElementById('view');
outcome.textContent = (errors.join('; ') || 'fine') + (window.owned ? ', owned' : '') + ', ' +
  document.getElementById('found').textContent + (view.hidden ? ', empty' : '') + (document.querySelectorAll('img').length ? ', img' : '');
document.body.append(outcome);
</script>)";
  const temporary_folder folder;
  const browser light(false);
  const auto seen = [&](const resource& memory) {
    test::write_file(folder / "page.html", instrumented(html_of(memory), look));
    return outcome_of(light.elements(folder / "page.html"));
  };
  for (const char* name : {bad_names[0], bad_names[1], bad_names[5]}) {
    told_blocks memory{std::string_view(name)};
    tell_four(memory);
    BOOST_TEST(seen(memory) == "fine, 4 of 4 blocks, 2.0 KiB");
  }
  BOOST_TEST(seen(told_blocks("nothing")) == "fine, 0 of 0 blocks, 0 bytes, empty");
  told_blocks one("one");
  one.add(0, 1, block_state::used);
  BOOST_TEST(seen(one) == "fine, 1 of 1 block, 1 byte");
  told_blocks many("many");
  tell_many(many, 1'000'000);
  BOOST_TEST(seen(many).substr(0, 36) == "fine, 1,000,000 of 1,000,000 blocks,");
}

BOOST_AUTO_TEST_CASE(the_page_has_a_picture_in_both_colour_schemes) {
  if (browser_missing()) return;
  told_blocks memory("many");
  tell_many(memory, 3000);
  const temporary_folder folder;
  test::write_file(folder / "page.html", html_of(memory));
  std::array<std::string, 2> pictures;
  for (const bool dark : {false, true}) {
    browser(dark).picture(folder / "page.html", folder / "page.png");
    pictures[dark ? 1 : 0] = test::read_file(folder / "page.png");
    BOOST_TEST(pictures[dark ? 1 : 0].substr(0, 4) == "\x89PNG");
    BOOST_TEST(pictures[dark ? 1 : 0].size() > 20'000u);
  }
  BOOST_TEST((pictures[0] != pictures[1]));
}

BOOST_AUTO_TEST_SUITE_END()
