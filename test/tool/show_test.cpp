#include <CLI/Error.hpp>
#include <allot/trace/trace_record.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <string>

#include "command/command.hpp"
#include "inspect/browser.hpp"
#include "support/child.hpp"
#include "tool/told_traces.hpp"

using namespace allot;
using namespace allot::test;
using kind = memory_event_kind;

namespace {

constexpr std::uint64_t largest = ~std::uint64_t{0};

/// Two resources; 600 bytes at the peak, which is event 6.
void tell_some(told_trace& trace) {
  trace.resource("first").tag("starting").stack("    #0 0x1010 (/bin/a+0x10)\n");
  trace.tell(kind::allocate, 0x1000, 100).tell(kind::allocate, 0x2000, 100).tell(kind::deallocate, 0x2000, 100);
  trace.resource("second").tag("working").stack("    #0 0x1020 (/bin/a+0x20)\n");
  trace.tell(kind::allocate, 0x8000, 300).tell(kind::refuse, 0, 5000).tell(kind::expand, 0x8000, 300, 500);
  trace.tell(kind::grow, 0x9000, 4096).tell(kind::trim, 0, 1024).tell(kind::release);
}

/// Every way to look, at once.
std::vector<std::string> all_views(const std::string& trace) {
  return {"show", trace, "--histogram", "--lifetimes", "--tags", "--stacks", "5", "--at", "50%"};
}

/// The names that would do harm if they were taken for markup, escape codes or UTF-8.
constexpr const char* bad_names[] = {"</script><script>document.title='owned'</script>", "<img src=x onerror=owned=1>",
                                     "\x1b[31mred\a\n\r\t", "\xff\xc0\x80 \xed\xa0\x80", "\"quoted\", <b>&amp;"};

}  // namespace

BOOST_AUTO_TEST_SUITE(showing_traces)

BOOST_AUTO_TEST_CASE(the_summary_says_what_the_trace_is_of_and_each_resource_has_its_figures) {
  told_trace trace("a program");
  tell_some(trace);
  const said is = ask({"show", trace.path()});
  BOOST_TEST(is.code == 0);
  BOOST_TEST(is.errors == "");
  BOOST_TEST(is.has(": a program\n"), is.out);
  BOOST_TEST(is.has("  events      9 by 1 thread\n"), is.out);
  BOOST_TEST(is.has("  of          2 resources, 2 tags\n"), is.out);
  BOOST_TEST(is.has("  peak        600 bytes in 2 blocks, at event 6 after "), is.out);
  BOOST_TEST(is.has("  at the end  100 bytes in 1 block\n"), is.out);
  BOOST_TEST(is.has("  complete    yes\n"), is.out);
  BOOST_TEST(is.has("\nfirst\n  allocations 2 of 200 bytes together, 0 refused\n  blocks      1 freed\n"), is.out);
  BOOST_TEST(is.has("  peak        200 bytes\n  at the end  100 bytes in 1 block: leaked, or still needed\n"), is.out);
  BOOST_TEST(is.has("\nsecond\n  allocations 1 of 300 bytes together, 1 refused\n"
                    "  blocks      0 freed, 1 given up with others at once, resized 1 time in place\n"
                    "  upstream    got 4.0 KiB in 1 piece, gave back 1.0 KiB\n  peak        500 bytes\n"
                    "  at the end  nothing lives\n"),
             is.out);
  BOOST_TEST(is.has("  traits      100 % of the blocks have one size: 100 bytes\n"), is.out);
  BOOST_TEST(!is.has("by tag"));
}

BOOST_AUTO_TEST_CASE(one_resource_can_be_looked_at_alone) {
  told_trace trace;
  tell_some(trace);
  const said is = ask({"show", trace.path(), "--resource", "second"});
  BOOST_TEST(is.has("  only        resource second\n"), is.out);
  BOOST_TEST(is.has("  peak        500 bytes in 1 block, at event 6"), is.out);
  BOOST_TEST(!is.has("\nfirst\n"), is.out);
  BOOST_CHECK_THROW((void)ask({"show", trace.path(), "--resource", "nobody"}), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(sizes_are_shown_by_powers_of_two_and_the_commonest_exactly) {
  told_trace trace;
  trace.resource("r");
  for (std::uint64_t i = 0; i < 48; ++i) trace.tell(kind::allocate, 0x1000 + i * 64, 40);
  for (std::uint64_t i = 0; i < 12; ++i) trace.tell(kind::allocate, 0x9000 + i * 64, 33 + i / 6);
  trace.tell(kind::allocate, 0xa000, 0).tell(kind::allocate, 0xb000, 2000);
  const said is = ask({"show", trace.path(), "--histogram"});
  BOOST_TEST(is.has("       0 bytes  # 1\n"), is.out);
  BOOST_TEST(is.has("      16 bytes  0\n"), is.out);
  BOOST_TEST(is.has("      32 bytes  " + std::string(48, '#') + " 60\n"), is.out);
  BOOST_TEST(is.has("       1.0 KiB  # 1\n"), is.out);
  BOOST_TEST(
      is.has("the commonest of 5 sizes\n            40  " + std::string(48, '#') + " 48\n            33  ###### 6\n"),
      is.out);
  BOOST_TEST(!is.has("traits"), is.out);
  const nlohmann::json sizes = facts({"show", trace.path(), "--histogram"})["histogram"];
  BOOST_TEST(sizes["by_power_of_two"].dump() ==
             R"([{"blocks":1,"from":0},{"blocks":60,"from":32},{"blocks":1,"from":1024}])");
  BOOST_TEST(sizes["commonest"][0].dump() == R"({"blocks":48,"bytes":40})");
}

BOOST_AUTO_TEST_CASE(life_times_and_live_bytes_over_time_are_plotted) {
  told_trace trace;
  trace.resource("r");
  for (int round = 0; round < 3; ++round) trace.tell(kind::allocate, 0x1000, 1000).tell(kind::deallocate, 0x1000, 1000);
  trace.tell(kind::allocate, 0x2000, 2000);
  const said is = ask({"show", trace.path(), "--lifetimes"});
  BOOST_TEST(is.has("blocks by life time"), is.out);
  BOOST_TEST(is.has("  1 block lived at the end\n"), is.out);
  BOOST_TEST(is.has("       2.0 KiB |"), is.out);
  BOOST_TEST(is.has("#\n               +--"), is.out);
  const nlohmann::json all = facts({"show", trace.path(), "--lifetimes"});
  std::uint64_t blocks = 0;
  for (const auto& each : all["life_times"]) blocks += each["blocks"].get<std::uint64_t>();
  BOOST_TEST(blocks == 3u);
  BOOST_TEST(all["live_bytes"]["most_live"].back() == 2000u);
  BOOST_TEST(all["live_bytes"]["by_resource"]["r"] == all["live_bytes"]["most_live"]);
}

BOOST_AUTO_TEST_CASE(the_heap_is_drawn_at_any_moment) {
  told_trace trace;
  tell_some(trace);
  const auto at = [&](const char* moment) {
    const nlohmann::json heap = facts({"show", trace.path(), "--at", moment})["heap"];
    return heap["blocks"].dump() + " of " + heap["bytes"].dump();
  };
  BOOST_TEST(at("0") == "0 of 0");
  BOOST_TEST(at("1") == "1 of 100");
  BOOST_TEST(at("2") == "2 of 200");
  BOOST_TEST(at("4") == "2 of 400");
  BOOST_TEST(at("50%") == "2 of 400");
  BOOST_TEST(at("peak") == "2 of 600");
  BOOST_TEST(at("0ns") == "0 of 0");
  BOOST_TEST(at("1000s") == "1 of 100");
  BOOST_TEST(at("end") == "1 of 100");
  const said is = ask({"show", trace.path(), "--at", "peak"});
  BOOST_TEST(is.has("the heap after 6 events, the last of them number 6 after "), is.out);
  BOOST_TEST(is.has("all resources: 2 blocks\n0x1000 "), is.out);
  BOOST_TEST(is.has("# used     600 bytes in 2 blocks, the largest of 500 bytes\n"), is.out);
  const nlohmann::json cells = facts({"show", trace.path(), "--at", "peak"})["heap"]["cells"];
  BOOST_TEST_REQUIRE(cells.size() == 2u);
  BOOST_TEST(cells[1].dump() == R"({"address":"0x8000","blocks":1,"bytes":500,"span":500})");
  BOOST_CHECK_THROW((void)ask({"show", trace.path(), "--at", "noon"}), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(tags_and_call_stacks_are_listed_by_what_they_use) {
  told_trace trace;
  tell_some(trace);
  const said is = ask({"show", trace.path(), "--tags", "--stacks", "1"});
  BOOST_TEST(is.has("             1     300 bytes     500 bytes       0 bytes  working\n"
                    "             2     200 bytes     100 bytes     100 bytes  starting\n"),
             is.out);
  BOOST_TEST(is.has("call stacks with the most bytes at the peak\n500 bytes live at the peak in 1 block, 1 allocation "
                    "of 300 bytes together, 0 bytes live at the end\n    #0 0x1020 (/bin/a+0x20)\n\n"
                    "call stacks with the most allocations\n100 bytes live at the peak in 1 block, 2 allocations "
                    "of 200 bytes together, 100 bytes live at the end\n    #0 0x1010 (/bin/a+0x10)\n"),
             is.out);
  const nlohmann::json all = facts({"show", trace.path(), "--tags", "--stacks", "7"});
  BOOST_TEST(all["tags"].size() == 2u);
  BOOST_TEST(all["stacks"]["most_at_peak"][0]["at_peak"]["bytes"] == 500u);
  BOOST_TEST(all["stacks"]["most_allocations"][0]["stack"] == "    #0 0x1010 (/bin/a+0x10)\n");
  BOOST_CHECK_THROW((void)ask({"show", trace.path(), "--stacks", "0"}), CLI::ParseError);
}

BOOST_AUTO_TEST_CASE(json_has_the_facts_of_the_summary_and_of_each_resource) {
  told_trace trace("a program");
  tell_some(trace);
  const nlohmann::json all = facts({"show", trace.path()});
  BOOST_TEST(all["trace"]["program"] == "a program");
  BOOST_TEST(all["trace"]["events"] == 9u);
  BOOST_TEST(all["trace"]["complete"] == true);
  BOOST_TEST(all["trace"]["damage"].empty());
  BOOST_TEST(all["peak"]["bytes"] == 600u);
  BOOST_TEST(all["peak"]["event"] == 6u);
  BOOST_TEST(all["all"]["at_end"]["bytes"] == 100u);
  BOOST_TEST_REQUIRE(all["resources"].size() == 2u);
  const nlohmann::json& second = all["resources"][0];
  BOOST_TEST(second["name"] == "second");
  BOOST_TEST(second["given_up"] == 1u);
  BOOST_TEST(second["refused"] == 1u);
  BOOST_TEST(second["grown_bytes"] == 4096u);
  BOOST_TEST(second["at_peak"]["bytes"] == 500u);
  BOOST_TEST(second["traits"].size() >= 1u);
  BOOST_TEST(all.count("histogram") + all.count("tags") + all.count("stacks") + all.count("heap") == 0u);
}

BOOST_AUTO_TEST_CASE(a_trace_without_events_is_shown_like_others) {
  told_trace trace;
  const said is = ask(all_views(trace.path()));
  BOOST_TEST(is.has("  events      0 by 0 threads\n"), is.out);
  BOOST_TEST(is.has("  peak        no byte ever lived\n"), is.out);
  BOOST_TEST(is.has("(nothing lived)"), is.out);
  BOOST_TEST(is.has("the heap after 0 events\n"), is.out);
  const nlohmann::json all = facts(all_views(trace.path()));
  BOOST_TEST(all["resources"].empty());
  BOOST_TEST(all["live_bytes"]["most_live"].empty());
}

BOOST_AUTO_TEST_CASE(of_a_damaged_trace_the_rest_is_shown_and_the_damage_told_with_its_place) {
  told_trace whole;
  whole.resource("r");
  for (std::uint64_t i = 0; i < 2000; ++i) whole.tell(kind::allocate, 0x1000 + i * 64, 1 + i % 60);
  std::vector<char> bytes = (whole.path(), whole.file().content());
  const std::size_t middle = bytes.size() / 2;
  bytes[middle] = static_cast<char>(bytes[middle] ^ 1);
  bytes.resize(bytes.size() - 3);
  const temporary_file damaged("damaged");
  damaged.set_content(bytes);

  const said is = ask({"show", damaged.path()});
  BOOST_TEST(is.code == 0);
  BOOST_TEST(is.has("  complete    no\ndamaged at byte "), is.out);
  BOOST_TEST(is.has("the trace was not closed: the program ended early, or still runs\n"), is.out);
  const nlohmann::json all = facts(all_views(damaged.path()));
  BOOST_TEST(all["trace"]["events"].get<int>() > 1000);
  BOOST_TEST(all["trace"]["events"].get<int>() < 2000);
  BOOST_TEST_REQUIRE(all["trace"]["damage"].size() == 2u);
  std::uint64_t lost = 0;
  for (const auto& each : all["trace"]["damage"])
    if (each["offset"] <= middle && each["offset"].get<std::size_t>() + each["bytes"].get<std::size_t>() > middle)
      ++lost;
  BOOST_TEST(lost == 1u);
}

BOOST_AUTO_TEST_CASE(what_is_no_trace_or_not_there_or_cannot_be_written_is_told) {
  const temporary_file text("text");
  text.set_content({'h', 'e', 'l', 'l', 'o'});
  BOOST_CHECK_THROW((void)ask({"show", text.path()}), trace_error);
  BOOST_CHECK_THROW((void)ask({"show", text.path() + ".nowhere"}), trace_error);
  BOOST_CHECK_THROW((void)ask({"show"}), CLI::ParseError);
  told_trace trace;
  BOOST_CHECK_THROW((void)ask({"show", trace.path(), "--html", "/nowhere/at/all.html"}), tool::command_error);
  BOOST_CHECK_THROW((void)ask({"show", trace.path(), "--html", trace.path()}), tool::command_error);
  BOOST_TEST(events_in(trace.path()).empty());
}

BOOST_AUTO_TEST_CASE(on_a_terminal_a_line_says_how_far_it_is_and_is_gone_at_the_end) {
  told_trace trace("many", std::size_t{64} << 10);
  for (std::uint64_t i = 0; i < 50000; ++i) trace.tell(kind::allocate, i, 1);
  const said is = ask({"show", trace.path(), "--at", "end"}, false, true);
  BOOST_TEST(is.errors.find("\rreading ") == 0u);
  BOOST_TEST(is.errors.find("] ") != is.errors.npos);
  BOOST_TEST(is.errors.find("following ") != is.errors.npos);
  BOOST_TEST(is.errors.substr(is.errors.size() - 4) == "\r\x1b[K");
  BOOST_TEST(ask({"show", trace.path()}).errors == "");
}

BOOST_AUTO_TEST_CASE(numbers_that_nobody_has_do_no_harm) {
  told_trace trace;
  std::mt19937_64 random(1);
  constexpr kind kinds[] = {kind::allocate, kind::allocate, kind::allocate, kind::deallocate, kind::expand,
                            kind::refuse,   kind::release,  kind::trim,     kind::grow,       kind::push,
                            kind::pop,      kind::mark,     kind::rewind,   kind::clear};
  const std::uint64_t extremes[] = {0, 1, largest, largest - 1, std::uint64_t{1} << 63, (std::uint64_t{1} << 63) - 1,
                                    64};
  for (int i = 0; i < 20000; ++i) {
    const auto any = [&] { return random() % 3 == 0 ? random() : extremes[random() % std::size(extremes)]; };
    trace_record event;
    event.kind = kinds[random() % std::size(kinds)];
    event.resource = static_cast<std::uint32_t>(any());
    event.tag = static_cast<std::uint32_t>(any());
    event.stack = static_cast<std::uint32_t>(any());
    event.address = any();
    event.bytes = any();
    event.alignment = std::uint64_t{1} << random() % 64;
    event.new_bytes = any();
    event.position = any();
    trace.tell(event);
  }
  for (const char* moment : {"100%", "peak", "18446744073709551615ns"}) {
    std::vector<std::string> wishes = all_views(trace.path());
    wishes.back() = moment;
    BOOST_TEST(ask(wishes).has("blocks by size"));
    (void)facts(wishes);
  }
  const temporary_file page("page");
  (void)ask({"show", trace.path(), "--html", page.path()});
  BOOST_TEST(page.content().size() < std::size_t{2} << 20);
}

BOOST_AUTO_TEST_CASE(however_many_numbers_without_names_there_are_tables_stay_small) {
  told_trace trace;
  for (std::uint32_t i = 1; i <= 20000; ++i) {
    trace_record event;
    event.resource = event.tag = event.stack = 7 * i;
    event.address = i;
    event.bytes = i;
    trace.tell(event);
  }
  const nlohmann::json all = facts({"show", trace.path(), "--tags", "--stacks", "100000"});
  BOOST_TEST(all["trace"]["events"] == 20000u);
  BOOST_TEST(all["resources"].size() < 4100u);
  BOOST_TEST(all["tags"].size() < 4100u);
  BOOST_TEST(all["stacks"]["most_allocations"].size() < 4100u);
  BOOST_TEST(ask({"show", trace.path()}).has("\n(no name)\n"));
}

BOOST_AUTO_TEST_CASE(names_are_shown_as_text_whatever_is_in_them) {
  told_trace trace(bad_names[2]);
  for (const char* name : bad_names) trace.resource(name).tag(name).stack(name).tell(kind::allocate, 0x1000, 10);
  const said is = ask(all_views(trace.path()));
  BOOST_TEST(is.has("told"));
  for (const char c : is.out) BOOST_TEST_REQUIRE((c == '\n' || static_cast<unsigned char>(c) >= 0x20));
  BOOST_TEST(is.has("?[31mred????\n"), is.out);
  BOOST_TEST(is.has("??? ???\n"), is.out);
  BOOST_TEST(facts(all_views(trace.path()))["resources"].size() == std::size(bad_names));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(pages_of_traces)

BOOST_AUTO_TEST_CASE(a_page_of_many_events_is_small) {
  told_trace trace("many", std::size_t{64} << 10);
  std::mt19937_64 random(2);
  for (int r = 0; r < 12; ++r) {
    trace.resource("resource " + std::to_string(r)).tag(std::string(5000, 'x') + std::to_string(r));
    for (int i = 0; i < 10000; ++i) {
      trace.stack(i % 100 == 0 ? "    #0 0x1 (" + std::string(9000, '<') + std::to_string(i) + ")\n" : "");
      trace.tell(kind::allocate, random() << 4, 1 + random() % 100000);
    }
  }
  const temporary_file page("page");
  (void)ask({"show", trace.path(), "--html", page.path()});
  const std::vector<char> content = page.content();
  BOOST_TEST(content.size() > std::size_t{100} << 10);
  BOOST_TEST(content.size() < std::size_t{2} << 20);
  const std::string text(content.begin(), content.end());
  for (const char* away : {"http:", "https:", "//cdn", "src=", "@import"})
    BOOST_TEST(text.find(away) == text.npos, away);
}

BOOST_AUTO_TEST_CASE(a_page_works_in_a_browser_and_its_slider_goes_through_time) {
  if (!browser::there()) return test::skip("chromium is not installed: the page was tried in no browser");
  told_trace trace("a <b>program</b>");
  tell_some(trace);
  trace.resource(bad_names[0]).tag(bad_names[1]).tell(kind::allocate, 0xa000, 16);
  const temporary_folder folder;
  const std::string page = (folder / "page.html").string();
  (void)ask({"show", trace.path(), "--html", page});

  const browser light(false);
  const std::string before = light.elements(page);
  BOOST_TEST(before.find("<h1 id=\"name\">a &lt;b&gt;program&lt;/b&gt;<small>") != before.npos);
  BOOST_TEST(before.find("After event 6, ") != before.npos);
  BOOST_TEST(before.find("(the peak): 600 bytes in 2 blocks</p>") != before.npos);
  BOOST_TEST(before.find("<td>second</td><td>1</td><td>300 bytes</td><td>500 bytes</td>") != before.npos);
  BOOST_TEST(before.find("&lt;/script&gt;&lt;script&gt;document.title='owned'") != before.npos);
  BOOST_TEST(before.find("<title>owned") == before.npos);

  // What a reader does; an error shows in the title.
  std::string driven = read_file(page);
  driven.insert(driven.find("<script>\n'use strict'"),
                "<script>addEventListener('error', e => document.title = 'broken: ' + e.message)</script>");
  driven.insert(driven.rfind("</body>"), R"(<script>
const slider = document.getElementById('moment');
slider.value = 1;
slider.dispatchEvent(new Event('input'));
const box = document.getElementById('heap').getBoundingClientRect();
document.getElementById('heap').dispatchEvent(new MouseEvent('mousemove', {clientX: box.left + 140, clientY: box.top + 5}));
document.getElementById('times').dispatchEvent(new MouseEvent('click', {clientX: 0, clientY: 0}));
slider.value = 1;
slider.dispatchEvent(new Event('input'));
dispatchEvent(new Event('resize'));
</script>)");
  write_file(folder / "driven.html", driven);
  const std::string after = light.elements(folder / "driven.html");
  BOOST_TEST(after.find("<title>broken") == after.npos);
  BOOST_TEST(after.find("After event 2, ") != after.npos);
  BOOST_TEST(after.find(": 200 bytes in 2 blocks</p>") != after.npos);
  BOOST_TEST(after.find("id=\"cell\">0x100") != after.npos);
}

BOOST_AUTO_TEST_CASE(a_page_of_no_events_works_too) {
  if (!browser::there()) return test::skip("chromium is not installed: the page was tried in no browser");
  told_trace trace;
  const temporary_folder folder;
  const std::string page = (folder / "page.html").string();
  (void)ask({"show", trace.path(), "--html", page});
  const std::string elements = browser(true).elements(page);
  BOOST_TEST(elements.find("There are no events.") != elements.npos);
}

BOOST_AUTO_TEST_SUITE_END()
