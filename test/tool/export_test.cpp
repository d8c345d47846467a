#include <CLI/Error.hpp>
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "command/command.hpp"
#include "inspect/browser.hpp"
#include "support/child.hpp"
#include "tool/told_traces.hpp"

using namespace allot;
using namespace allot::test;
using kind = memory_event_kind;

namespace {

constexpr const char* formats[] = {"csv", "chrome", "pprof", "heaptrack"};

constexpr const char* outer =
    "    #0 0x55d000001234 (/usr/bin/pro gram+0x1234)\n    #1 0x7f0000000100 (/lib/libc.so.6+0x100)\n";
constexpr const char* inner = "    #0 0x55d000005678 (/usr/bin/pro gram+0x5678)\n    #1 0x7f0000000200\n";

void tell_some(told_trace& trace) {
  trace.resource("one, \"two\"").tag("start").stack(outer);
  trace.tell(kind::allocate, 0x1000, 100).tell(kind::allocate, 0x2000, 200);
  trace.resource("other").tag("").stack(inner);
  trace.tell(kind::allocate, 0x8000, 50).tell(kind::expand, 0x8000, 50, 80).tell(kind::refuse, 0, 5000);
  trace.resource("one, \"two\"");
  trace.tell(kind::deallocate, 0x2000, 200);
}

std::string exported(const std::string& trace, const char* format) {
  return ask({"export", trace, "--format", format}).out;
}

/// Rows of RFC 4180.
std::vector<std::vector<std::string>> rows_of(const std::string& text) {
  std::vector<std::vector<std::string>> rows(1, std::vector<std::string>(1));
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string& field = rows.back().back();
    if (text[i] == '"') {
      if (quoted && text[i + 1] == '"')
        field += text[i++];
      else
        quoted = !quoted;
    } else if (!quoted && text[i] == ',') {
      rows.back().emplace_back();
    } else if (!quoted && text.compare(i, 2, "\r\n") == 0) {
      rows.emplace_back(1);
      ++i;
    } else {
      field += text[i];
    }
  }
  BOOST_TEST(!quoted);
  BOOST_TEST((rows.back() == std::vector<std::string>(1)));
  rows.pop_back();
  return rows;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(exporting_traces)

BOOST_AUTO_TEST_CASE(csv_has_a_line_an_event_with_names_in_quotation_marks) {
  told_trace trace;
  tell_some(trace);
  const auto rows = rows_of(exported(trace.path(), "csv"));
  BOOST_TEST_REQUIRE(rows.size() == 7u);
  BOOST_TEST(rows[0][0] == "order");
  for (const auto& row : rows) BOOST_TEST_REQUIRE(row.size() == 12u);
  const std::vector<std::string> first{rows[1][0], rows[1][2], rows[1][3], rows[1][4], rows[1][5],
                                       rows[1][6], rows[1][7], rows[1][8], rows[1][11]};
  const std::vector<std::string> expected{"1",
                                          "1",
                                          "allocate",
                                          "one, \"two\"",
                                          "start",
                                          "0x1000",
                                          "100",
                                          "8",
                                          "/usr/bin/pro gram+0x1234;/lib/libc.so.6+0x100"};
  BOOST_TEST(first == expected, boost::test_tools::per_element());
  BOOST_TEST(rows[4][3] == "expand");
  BOOST_TEST(rows[4][9] == "80");
  BOOST_TEST(rows[4][5] == "");
  BOOST_TEST(rows[5][3] == "refuse");
}

BOOST_AUTO_TEST_CASE(csv_quotes_what_is_special_and_nothing_else) {
  told_trace trace;
  trace.resource("plain").tell(kind::allocate, 1, 1);
  trace.resource("a,b").tell(kind::allocate, 1, 1);
  trace.resource("\"").tell(kind::allocate, 1, 1);
  trace.resource("new\r\nline").tell(kind::allocate, 1, 1);
  const std::string text = exported(trace.path(), "csv");
  BOOST_TEST(text.find(",plain,") != text.npos);
  BOOST_TEST(text.find(",\"a,b\",") != text.npos);
  BOOST_TEST(text.find(",\"\"\"\",") != text.npos);
  BOOST_TEST(text.find(",new??line,") != text.npos);
}

BOOST_AUTO_TEST_CASE(chrome_gets_counters_of_resources_and_threads_and_an_event_for_what_was_refused) {
  told_trace trace("pro\"gram");
  tell_some(trace);
  const nlohmann::json all = nlohmann::json::parse(exported(trace.path(), "chrome"));
  std::map<std::string, std::vector<std::uint64_t>> counters;
  std::map<std::string, std::string> names;
  std::vector<nlohmann::json> instants;
  for (const auto& each : all["traceEvents"]) {
    const std::string phase = each["ph"];
    if (phase == "C") counters[each["name"]].push_back(each["args"]["bytes"]);
    if (phase == "M") names[each["name"]] = each["args"]["name"];
    if (phase == "i") instants.push_back(each);
    BOOST_TEST(each["pid"] == 1);
    if (phase != "M") BOOST_TEST(each["ts"].get<double>() >= 0);
  }
  BOOST_TEST(names["process_name"] == "pro\"gram");
  BOOST_TEST(names["thread_name"] == "thread 1");
  const auto is = [&](const char* name, const std::vector<std::uint64_t>& expected) {
    BOOST_TEST(counters[name] == expected, boost::test_tools::per_element());
  };
  is("live bytes of one, \"two\"", {100, 300, 100});
  is("live bytes of other", {50, 80});
  is("live bytes allocated by thread 1", {100, 300, 350, 380, 180});
  BOOST_TEST_REQUIRE(instants.size() == 1u);
  BOOST_TEST(instants[0]["name"] == "refused 4.9 KiB");
  BOOST_TEST(instants[0]["args"]["bytes"] == 5000u);
  BOOST_TEST(instants[0]["args"]["resource"] == "other");
}

BOOST_AUTO_TEST_CASE(of_a_long_trace_chrome_gets_fewer_values_but_every_counter_s_peak_and_end) {
  told_trace trace("long", std::size_t{64} << 10);
  trace.resource("r");
  for (std::uint64_t i = 0; i < 30000; ++i) {
    if (i == 12345) trace.tell(kind::allocate, 1, 1000000).tell(kind::deallocate, 1, 1000000);
    trace.tell(kind::allocate, 0x1000 + i % 7, 100).tell(kind::deallocate, 0x1000 + i % 7, 100);
  }
  trace.tell(kind::allocate, 2, 77);
  const nlohmann::json all = nlohmann::json::parse(exported(trace.path(), "chrome"));
  std::vector<std::pair<double, std::uint64_t>> values;
  for (const auto& each : all["traceEvents"])
    if (each["name"] == "live bytes of r") values.emplace_back(each["ts"], each["args"]["bytes"]);
  BOOST_TEST(values.size() > 10u);
  BOOST_TEST(values.size() <= 20002u);
  BOOST_TEST(std::is_sorted(values.begin(), values.end(), [](auto& a, auto& b) { return a.first < b.first; }));
  BOOST_TEST(values.back().second == 77u);
  std::uint64_t most = 0;
  for (const auto& [when, bytes] : values) most = std::max(most, bytes);
  BOOST_TEST(most == 1000000u);
}

BOOST_AUTO_TEST_CASE(pprof_gets_each_call_stack_with_what_is_in_use_and_where_files_were_loaded) {
  told_trace trace;
  tell_some(trace);
  BOOST_TEST(exported(trace.path(), "pprof") ==
             "heap profile: 3: 380 [3: 350] @ heapprofile\n"
             "2: 300 [2: 300] @ 0x55d000001234 0x7f0000000101\n"
             "1: 80 [1: 50] @ 0x55d000005678 0x7f0000000201\n"
             "\nMAPPED_LIBRARIES:\n"
             "55d000000000-55d000006000 r-xp 00000000 00:00 0 /usr/bin/pro gram\n"
             "7f0000000000-7f0000001000 r-xp 00000000 00:00 0 /lib/libc.so.6\n");
  const said end = ask({"export", trace.path(), "--format", "pprof", "--at", "end"});
  BOOST_TEST(end.out.substr(0, end.out.find('\n')) == "heap profile: 2: 180 [3: 350] @ heapprofile");
  const said one = ask({"export", trace.path(), "--format", "pprof", "--resource", "other"});
  BOOST_TEST(one.out.substr(0, one.out.find('\n')) == "heap profile: 1: 80 [1: 50] @ heapprofile");
}

BOOST_AUTO_TEST_CASE(without_call_stacks_pprof_gets_one_unknown_place) {
  told_trace trace;
  trace.resource("r").tell(kind::allocate, 1, 10).tell(kind::allocate, 2, 20);
  BOOST_TEST(exported(trace.path(), "pprof") ==
             "heap profile: 2: 30 [2: 30] @ heapprofile\n2: 30 [2: 30] @ 0x0\n\nMAPPED_LIBRARIES:\n");
}

BOOST_AUTO_TEST_CASE(a_program_that_cannot_be_moved_is_said_to_be_where_linkers_put_it) {
  told_trace trace;
  trace.stack("    #0 0x401234 (/bin/old+0x401234)\n").tell(kind::allocate, 1, 10);
  BOOST_TEST(exported(trace.path(), "pprof").find("\n400000-402000 r-xp 00000000 00:00 0 /bin/old\n") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(heaptrack_reads_what_is_written_for_it) {
  if (!has_command("heaptrack_print")) return test::skip("heaptrack_print is not installed (Debian: heaptrack)");
  told_trace trace("pro gram");
  tell_some(trace);
  trace.stack("").resource("stackless").tell(kind::allocate, 0x9000, 7);
  const temporary_folder folder;
  const std::string file = (folder / "t.heaptrack").string();
  (void)ask({"export", trace.path(), "--format", "heaptrack", "-o", file});
  const std::string text = run_command("timeout 60 heaptrack_print -l -f '" + file + "' 2>&1").output;
  const auto has = [&](const char* part) { BOOST_TEST(text.find(part) != text.npos, part << " is not in " << text); };
  has("Debuggee command was: pro gram");
  has("2 calls to allocation functions with 300B peak consumption from\npro gram+0x1234\n  in /usr/bin/pro gram\n");
  has("libc.so.6+0x100");
  has("from\nstackless");
  has("peak heap memory consumption: 380B");
  has("total memory leaked: 187B");
  BOOST_TEST(text.find("failed to parse") == text.npos);
}

BOOST_AUTO_TEST_CASE(a_trace_without_events_is_exported_as_nothing_but_the_frame) {
  told_trace trace;
  BOOST_TEST(rows_of(exported(trace.path(), "csv")).size() == 1u);
  BOOST_TEST(nlohmann::json::parse(exported(trace.path(), "chrome"))["traceEvents"].size() == 1u);
  BOOST_TEST(exported(trace.path(), "pprof") == "heap profile: 0: 0 [0: 0] @ heapprofile\n\nMAPPED_LIBRARIES:\n");
  BOOST_TEST(exported(trace.path(), "heaptrack") == "v 10400 3\nX told\nI 1000 0\nc 0\n");
}

BOOST_AUTO_TEST_CASE(an_export_goes_to_a_file_and_json_says_so) {
  told_trace trace;
  tell_some(trace);
  for (const char* format : formats) {
    const temporary_file file("exported");
    const said is = ask({"export", trace.path(), "--format", format, "-o", file.path()}, true);
    const nlohmann::json facts = nlohmann::json::parse(is.out);
    BOOST_TEST(facts["format"] == format);
    BOOST_TEST(facts["file"] == file.path());
    BOOST_TEST(facts["complete"] == true);
    const std::vector<char> content = file.content();
    BOOST_TEST(std::string(content.begin(), content.end()) == exported(trace.path(), format));
  }
  BOOST_CHECK_THROW((void)ask({"export", trace.path(), "--format", "csv"}, true), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(of_a_damaged_trace_the_rest_is_exported_and_the_damage_told_beside) {
  told_trace whole;
  whole.resource("r");
  for (std::uint64_t i = 0; i < 2000; ++i) whole.tell(kind::allocate, 0x1000 + i * 64, 1 + i % 60);
  std::vector<char> bytes = (whole.path(), whole.file().content());
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  const temporary_file damaged("damaged");
  damaged.set_content(bytes);
  for (const char* format : formats) {
    const said is = ask({"export", damaged.path(), "--format", format});
    BOOST_TEST(is.errors.find("damaged at byte ") == 0u, is.errors);
    BOOST_TEST(is.code == 0);
  }
  const std::size_t rows = rows_of(exported(damaged.path(), "csv")).size();
  BOOST_TEST(rows > 1001u);
  BOOST_TEST(rows < 2001u);
}

BOOST_AUTO_TEST_CASE(wrong_usage_and_files_that_cannot_be_are_told) {
  told_trace trace;
  const std::string path = trace.path();
  BOOST_CHECK_THROW((void)ask({"export", path}), CLI::ParseError);
  BOOST_CHECK_THROW((void)ask({"export", path, "--format", "xml"}), CLI::ParseError);
  BOOST_CHECK_THROW((void)ask({"export", path + ".nowhere", "--format", "csv"}), trace_error);
  BOOST_CHECK_THROW((void)ask({"export", path, "--format", "csv", "-o", "/nowhere/at/all"}), tool::command_error);
  BOOST_CHECK_THROW((void)ask({"export", path, "--format", "csv", "-o", path}), tool::command_error);
  BOOST_TEST(events_in(path).empty());
}

BOOST_AUTO_TEST_CASE(numbers_that_nobody_has_and_stacks_of_any_text_do_no_harm) {
  told_trace trace("\n\x01");
  std::mt19937_64 random(3);
  const char* const stacks[] = {"",
                                "\n",
                                "nonsense",
                                "    #0 0x",
                                "    #0 0xfffffffffffffffffff (a+0x1)\n",
                                "    #0 0xffffffffffffffff (a+0x1)\n    #1 0xffffffffffffffff (b+0x2)\n",
                                "    #0 0x10 (a+0x20)\n",
                                "    #0 0x10 (+0x1\n",
                                "    #0 0x10 )+0x1(\n",
                                "#"};
  for (int i = 0; i < 5000; ++i) {
    const auto any = [&] { return random() % 3 == 0 ? random() : ~std::uint64_t{0} >> random() % 64; };
    trace.stack(stacks[random() % std::size(stacks)]);
    constexpr kind kinds[] = {kind::allocate, kind::allocate, kind::push, kind::deallocate, kind::expand, kind::refuse};
    trace.tell(kinds[random() % std::size(kinds)], any() % 1024, any(), any());
  }
  BOOST_TEST(rows_of(exported(trace.path(), "csv")).size() == 5001u);
  BOOST_TEST(nlohmann::json::accept(exported(trace.path(), "chrome")));
  for (const char* format : {"pprof", "heaptrack"}) {
    const std::string text = exported(trace.path(), format);
    for (const char c : text) BOOST_TEST_REQUIRE((c == '\n' || static_cast<unsigned char>(c) >= 0x20));
  }
}

BOOST_AUTO_TEST_SUITE_END()
