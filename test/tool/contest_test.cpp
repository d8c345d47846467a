// compare and recommend

#include <allot/config/config.hpp>
#include <allot/trace/trace_writer.hpp>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "tool/run_tool.hpp"

using namespace allot::test;

namespace {

std::set<std::string> names_in(const nlohmann::json& told) {
  std::set<std::string> names;
  for (const auto& each : told["candidates"]) names.insert(each["name"].get<std::string>());
  return names;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(contest)

BOOST_AUTO_TEST_CASE(all_built_in_strategies_and_ones_own_are_compared) {
  const temporary_file trace("trace");
  const temporary_file config("config");
  write_trace(trace.path());
  write_text(config.path(), one_resource("pool_resource"));
  const std::vector<std::string> arguments{"compare", trace.path(), config.path(), "--rounds", "1"};
  const tool_outcome done = run_tool(arguments);
  BOOST_TEST(done.code == 0);
  BOOST_TEST(done.prints("candidate "), done.out);
  BOOST_TEST(done.prints("\n" + config.path() + " "), done.out);

  std::vector<std::string> for_programs = arguments;
  for_programs.push_back("--json");
  const nlohmann::json told = run_tool(for_programs).value();
  const std::set<std::string> names = names_in(told);
  for (const char* each : {"general_resource", "concurrent_general_resource", "pool_resource", "concurrent_pool",
                           "coalescing_heap", "secure_resource", "new_delete_resource", "unsynchronized_pool_resource",
                           "monotonic_arena", "chained_arena", "monotonic_buffer_resource", "page_resource"})
    BOOST_TEST(names.count(each) == 1u, each);
  BOOST_TEST(names.count(config.path()) == 1u);
  for (const auto& each : told["candidates"]) {
    BOOST_TEST(each["result"]["refused"] == 0, each["name"]);
    BOOST_TEST(each["seconds"].get<double>() > 0);
    allot::check_config(each["config"].get<std::string>());
  }

  for_programs.push_back("--only-configs");
  BOOST_TEST(names_in(run_tool(for_programs).value()) == std::set<std::string>{config.path()});
}

BOOST_AUTO_TEST_CASE(threads_get_candidates_with_locks_where_they_need_one) {
  const temporary_file trace("trace");
  write_trace(trace.path(), 2);
  const std::set<std::string> names = names_in(run_tool({"compare", trace.path(), "--rounds", "1", "--json"}).value());
  for (const char* each : {"synchronized(general_resource)", "synchronized(pool_resource)", "concurrent_pool",
                           "synchronized_secure_resource", "synchronized_pool_resource"})
    BOOST_TEST(names.count(each) == 1u, each);
  BOOST_TEST(names.count("pool_resource") == 0u);
  BOOST_TEST(names_in(run_tool({"compare", trace.path(), "--rounds", "1", "--json", "--one-thread"}).value())
                 .count("pool_resource") == 1u);
}

BOOST_AUTO_TEST_CASE(what_gives_nothing_back_is_left_out_where_it_would_take_all_memory) {
  const temporary_file trace("trace");
  {
    allot::trace_writer writer(trace.path());
    const std::uint32_t resource = writer.define(allot::trace_name::resource, "a");
    for (std::uint64_t i = 0; i < 20; ++i)
      for (const auto kind : {allot::memory_event_kind::allocate, allot::memory_event_kind::deallocate}) {
        allot::trace_record event;
        event.kind = kind;
        event.resource = resource;
        event.address = 4096;
        event.bytes = std::uint64_t{100} << 20;
        writer.write(event);
      }
  }
  const std::set<std::string> names =
      names_in(run_tool({"compare", trace.path(), "--rounds", "1", "--json", "--content", "untouched"}).value());
  BOOST_TEST(names.count("pool_resource") == 1u);
  for (const char* each : {"monotonic_arena", "chained_arena", "monotonic_buffer_resource"})
    BOOST_TEST(names.count(each) == 0u, each);
}

BOOST_AUTO_TEST_CASE(the_chart_goes_to_its_file) {
  const temporary_file trace("trace");
  const temporary_file chart("chart.svg");
  write_trace(trace.path());
  BOOST_TEST(run_tool({"compare", trace.path(), "--rounds", "1", "--svg", chart.path()}).code == 0);
  BOOST_TEST(text_of(chart.path()).find("<svg") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_config_that_is_recommended_says_why_and_loads) {
  const temporary_file trace("trace");
  const temporary_file config("best.toml");
  write_trace(trace.path());
  for (const char* what : {"time", "memory", "latency"}) {
    const tool_outcome done =
        run_tool({"recommend", trace.path(), "--rounds", "1", "--for", what, "-o", config.path()});
    BOOST_TEST(done.code == 0, done.errors);
    const std::string text = text_of(config.path());
    BOOST_TEST(text.find("chosen for " + std::string(what)) != std::string::npos, text);
    BOOST_TEST(text.find("\n# - ") != std::string::npos);
    BOOST_TEST(run_tool({"check-config", config.path()}).code == 0);
    BOOST_TEST(run_tool({"replay", trace.path(), "--config", config.path()}).code == 0);
    BOOST_TEST(done.prints("\n- "), done.out);
  }
}

BOOST_AUTO_TEST_CASE(without_a_file_the_config_is_the_output) {
  const temporary_file trace("trace");
  write_trace(trace.path());
  const tool_outcome done = run_tool({"recommend", trace.path(), "--rounds", "1"});
  allot::check_config(done.out);
  const nlohmann::json told = run_tool({"recommend", trace.path(), "--rounds", "1", "--json"}).value();
  allot::check_config(told["config"].get<std::string>());
  BOOST_TEST(told["for"] == "time");
  BOOST_TEST(names_in(told).count(told["best"].get<std::string>()) == 1u);
  BOOST_TEST(told["reasons"].size() > 0u);
}

BOOST_AUTO_TEST_CASE(where_nothing_serves_the_program_nothing_is_recommended) {
  const temporary_file trace("trace");
  const temporary_file config("config");
  const temporary_file out("out");
  write_trace(trace.path());
  write_text(config.path(), one_resource("null_memory_resource"));
  write_text(out.path(), "as it was");
  const tool_outcome done =
      run_tool({"recommend", trace.path(), config.path(), "--only-configs", "--rounds", "1", "-o", out.path()});
  BOOST_TEST(done.code == 1);
  BOOST_TEST(text_of(out.path()) == "as it was");
  BOOST_TEST(!std::filesystem::exists(out.path() + ".new"));
}

BOOST_AUTO_TEST_CASE(files_that_cannot_be_written_are_told_before_the_work_and_the_trace_is_not_overwritten) {
  const temporary_file trace("trace");
  write_trace(trace.path());
  const std::string nowhere = trace.path() + "/no/such/folder";
  const std::string folder = std::filesystem::temp_directory_path().string();
  for (const std::string& each : {nowhere, folder}) {
    BOOST_TEST(run_tool({"compare", trace.path(), "--svg", each}).code == 73);
    const tool_outcome done = run_tool({"recommend", trace.path(), "-o", each});
    BOOST_TEST(done.code == 73);
    BOOST_TEST(done.says(each + ": cannot be written"), done.errors);
  }
  BOOST_TEST(run_tool({"recommend", trace.path(), "-o", trace.path()}).code == 64);
  BOOST_TEST(run_tool({"compare", trace.path(), "--svg", trace.path()}).code == 64);
  BOOST_TEST(allot::trace_reader(trace.path()).summary().events == 800u);
}

BOOST_AUTO_TEST_SUITE_END()
