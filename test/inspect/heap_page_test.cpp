// Pictures of heaps as other programs take them: an XML reader, and a browser.

#include <allot/inspect/heap_picture.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <string>

#include "inspect/browser.hpp"
#include "inspect/heap_pictures.hpp"
#include "support/child.hpp"
#include "support/machine.hpp"

using namespace allot;
using namespace allot::test;

BOOST_AUTO_TEST_SUITE(heap_pictures)

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
