#include <allot/adaptor/tracing_resource.hpp>
#include <allot/config/config.hpp>
#include <allot/trace/trace_sink.hpp>
#include <allot/trace/trace_writer.hpp>
#include <boost/test/unit_test.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tool/run_tool.hpp"

using namespace allot::test;

BOOST_AUTO_TEST_SUITE(replay_command)

BOOST_AUTO_TEST_CASE(a_trace_is_replayed_on_a_config_and_measured) {
  const temporary_file trace("trace");
  const temporary_file config("config");
  write_trace(trace.path());
  write_text(config.path(), one_resource("pool_resource"));
  const tool_outcome done = run_tool({"replay", trace.path(), "--config", config.path(), "--content", "checked"});
  BOOST_TEST(done.code == 0);
  BOOST_TEST(done.errors == "");
  BOOST_TEST(done.prints("\nevents              800\n"), done.out);
  BOOST_TEST(done.prints("\nrefused             0\n"), done.out);

  const nlohmann::json told = run_tool({"replay", trace.path(), "--config", config.path(), "--json"}).value();
  BOOST_TEST(told["trace"]["resources"] == nlohmann::json({"lists", "texts"}));
  BOOST_TEST(told["trace"]["complete"] == true);
  BOOST_TEST(told["result"]["operations"] == 800);
  BOOST_TEST(told["result"]["peak_live"] == 200 * 24 + 299);
  BOOST_TEST(told["result"]["peak_committed"].get<std::size_t>() > 0u);
  BOOST_TEST(!told["result"].contains("latency"));
  const nlohmann::json timed =
      run_tool({"replay", trace.path(), "--config", config.path(), "--json", "--latencies"}).value();
  BOOST_TEST(timed["result"]["latency"]["calls"] == 800);
}

BOOST_AUTO_TEST_CASE(a_stack_that_cannot_serve_the_program_is_found_wanting) {
  const temporary_file trace("trace");
  const temporary_file config("config");
  write_trace(trace.path());
  write_text(config.path(), one_resource("null_memory_resource"));
  const tool_outcome done = run_tool({"replay", trace.path(), "--config", config.path(), "--json"});
  BOOST_TEST(done.code == 1);
  BOOST_TEST(done.value()["result"]["refused"] == 400);
}

BOOST_AUTO_TEST_CASE(threads_do_not_break_what_is_for_one_thread) {
  const temporary_file trace("trace");
  const temporary_file config("config");
  write_trace(trace.path(), 2);
  const auto replay = [&](const std::string& text, std::vector<std::string> more = {}) {
    write_text(config.path(), text);
    std::vector<std::string> arguments{"replay", trace.path(), "--config", config.path()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_tool(arguments);
  };
  const tool_outcome refused = replay(one_resource("pool_resource"));
  BOOST_TEST(refused.code == 78);
  BOOST_TEST(refused.says("--one-thread"), refused.errors);
  BOOST_TEST(replay(one_resource("pool_resource"), {"--one-thread"}).code == 0);
  BOOST_TEST(replay(one_resource("unsynchronized_pool_resource")).code == 78);
  BOOST_TEST(replay(one_resource("concurrent_pool")).code == 0);
  // Adaptors pass the threads on, a lock does not, and two locks are no lock.
  const std::string heap = "[resources.heap]\nstrategy = 'coalescing_heap'\n";
  const std::string limit = "strategy = 'limiting_resource'\nupstream = 'heap'\n";
  const std::string lock = "strategy = 'synchronized_resource'\nupstream = 'heap'\n";
  BOOST_TEST(replay("default = 'a'\n[resources.a]\n" + limit + heap).code == 78);
  BOOST_TEST(replay("default = 'a'\n[resources.a]\n" + lock + heap).code == 0);
  BOOST_TEST(replay("[resources.lists]\n" + lock + "[resources.texts]\n" + lock + heap).code == 78);
}

BOOST_AUTO_TEST_CASE(two_resources_of_one_thread_each_may_not_meet_in_one_for_one_thread) {
  const temporary_file trace("trace");
  const temporary_file config("config");
  {
    allot::trace_writer writer(trace.path());
    allot::trace_sink one(writer, "one");
    allot::trace_sink two(writer, "two");
    allot::tracing_resource first(*std::pmr::new_delete_resource(), one);
    allot::tracing_resource second(*std::pmr::new_delete_resource(), two);
    first.deallocate(first.allocate(10), 10);
    std::thread([&] { second.deallocate(second.allocate(10), 10); }).join();
  }
  write_text(config.path(), one_resource("pool_resource"));
  BOOST_TEST(run_tool({"replay", trace.path(), "--config", config.path()}).code == 78);
  write_text(config.path(), "[resources.one]\nstrategy='pool_resource'\n[resources.two]\nstrategy='pool_resource'\n");
  BOOST_TEST(run_tool({"replay", trace.path(), "--config", config.path()}).code == 0);
}

BOOST_AUTO_TEST_CASE(a_trace_that_is_damaged_in_part_is_replayed_and_the_damage_is_told) {
  const temporary_file trace("trace");
  const temporary_file config("config");
  allot::trace_writer_options small;
  small.block_bytes = 1024;
  small.compression = 0;
  {
    allot::trace_writer writer(trace.path(), small);
    allot::trace_sink sink(writer, "a");
    allot::tracing_resource memory(*std::pmr::new_delete_resource(), sink);
    for (int i = 0; i < 2000; ++i) memory.deallocate(memory.allocate(10), 10);
  }
  std::vector<char> bytes = trace.content();
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  trace.set_content(bytes);
  write_text(config.path(), one_resource("pool_resource"));
  const tool_outcome done = run_tool({"replay", trace.path(), "--config", config.path(), "--json"});
  BOOST_TEST(done.code == 0);
  const nlohmann::json damage = done.value()["trace"]["damage"];
  BOOST_TEST(damage.size() >= 1u);
  const std::string offset = damage[0]["offset"].dump();
  BOOST_TEST(done.says("allot: " + trace.path() + ": byte " + offset + ": "), done.errors);
  BOOST_TEST(done.value()["result"]["operations"].get<int>() > 2000);

  bytes.resize(bytes.size() / 3);
  trace.set_content(bytes);
  const tool_outcome cut = run_tool({"replay", trace.path(), "--config", config.path(), "--json"});
  BOOST_TEST(cut.code == 0);
  BOOST_TEST(cut.value()["trace"]["complete"] == false);
  BOOST_TEST(cut.says("before the trace was closed"), cut.errors);
}

BOOST_AUTO_TEST_CASE(a_trace_without_events_is_bad_data) {
  const temporary_file trace("trace");
  const temporary_file config("config");
  { const allot::trace_writer writer(trace.path()); }
  write_text(config.path(), one_resource("pool_resource"));
  const tool_outcome done = run_tool({"replay", trace.path(), "--config", config.path()});
  BOOST_TEST(done.code == 65);
  BOOST_TEST(done.says("no events"), done.errors);
}

BOOST_AUTO_TEST_SUITE_END()
