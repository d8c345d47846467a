// Recording with liballot_preload.so: traces are complete, make sense, and cost the program nothing it would notice.

#include <allot/trace/replay_program.hpp>
#include <allot/trace/trace_reader.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "preload/configs.hpp"
#include "preload/run.hpp"

using namespace allot;
using namespace allot::test;

namespace {

/// Complete, nothing lost, and each free is one of a known block.
void expect_good_trace(const std::string& file) {
  trace_reader trace(file);
  BOOST_TEST(trace.summary().complete);
  BOOST_TEST(trace.summary().dropped == 0u);
  const replay_program replayed(trace);
  BOOST_TEST(trace.damage().empty());
  BOOST_TEST(replayed.mended() == 0u);
  BOOST_TEST(replayed.operations().size() > 100u);
  BOOST_TEST((replayed.resources() == std::vector<std::string>{"malloc"}));
}

std::size_t count_of(const std::vector<trace_record>& events, memory_event_kind kind) {
  std::size_t count = 0;
  for (const trace_record& event : events) count += event.kind == kind ? 1 : 0;
  return count;
}

/// Files that are gone with it.
class folder {
 public:
  folder() : name_("traces") { std::filesystem::create_directory(name_.path()); }
  ~folder() {
    for (const auto& each : std::filesystem::directory_iterator(name_.path())) std::filesystem::remove(each);
  }
  std::vector<std::string> files() const {
    std::vector<std::string> all;
    for (const auto& each : std::filesystem::directory_iterator(name_.path())) all.push_back(each.path().string());
    return all;
  }
  const std::string& path() const noexcept { return name_.path(); }

 private:
  temporary_file name_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(preload_record)

BOOST_AUTO_TEST_CASE(traces_are_complete_and_every_free_is_of_a_known_block) {
  const config_file pool("strategy = \"pool_resource\"");
  for (const bool configured : {false, true}) {
    for (const std::vector<std::string>& command : {std::vector<std::string>{program("throws")},
                                                    {program("lifetimes"), "exchange"},
                                                    {program("lifetimes"), "ends"},
                                                    {program("lifetimes"), "forks"},
                                                    {program("loads"), ALLOT_LATE_LIBRARY},
                                                    {"sort", "/etc/passwd"}}) {
      const temporary_file trace("trace");
      environment more{{"ALLOT_RECORD", trace.path()}};
      if (configured) more["ALLOT_CONFIG"] = pool.path();
      const run_outcome outcome = run_preloaded(command, more);
      BOOST_TEST(outcome.ended_well(), command.back() << ": " << outcome);
      BOOST_TEST_CONTEXT(command.back() << (configured ? " on a pool" : "")) { expect_good_trace(trace.path()); }
    }
  }
}

BOOST_AUTO_TEST_CASE(blocks_that_are_older_than_the_recording_are_not_in_it) {
  const temporary_file trace("trace");
  const run_outcome outcome =
      run_preloaded({program("loads")}, {{"ALLOT_RECORD", trace.path()}, {"LD_PRELOAD", ALLOT_EARLY_LIBRARY}});
  BOOST_TEST(outcome.ended_well(), outcome);
  trace_reader reader(trace.path());  // that library's thread goes on when the trace is closed, so some are dropped
  BOOST_TEST(reader.summary().complete);
  BOOST_TEST(replay_program(reader).mended() == 0u);
}

BOOST_AUTO_TEST_CASE(what_is_refused_and_what_is_resized_in_place_is_recorded) {
  const temporary_file trace("trace");
  const config_file config("strategy = \"concurrent_general_resource\"");
  const run_outcome outcome =
      run_preloaded({program("family")}, {{"ALLOT_RECORD", trace.path()}, {"ALLOT_CONFIG", config.path()}});
  BOOST_TEST(outcome.ended_well(), outcome);
  const std::vector<trace_record> events = events_in(trace.path());
  BOOST_TEST(count_of(events, memory_event_kind::refuse) > 10u);
  BOOST_TEST(count_of(events, memory_event_kind::expand) > 1000u);
  expect_good_trace(trace.path());
}

BOOST_AUTO_TEST_CASE(threads_that_end_leave_nothing_in_the_recorder) {
  const temporary_file trace("trace");
  const run_outcome outcome = run_preloaded({program("lifetimes"), "threads"}, {{"ALLOT_RECORD", trace.path()}});
  BOOST_TEST(outcome.ended_well(), outcome);
  expect_good_trace(trace.path());
}

BOOST_AUTO_TEST_CASE(programs_that_one_starts_are_recorded_where_the_path_has_their_number) {
  const folder all;
  const run_outcome several = run_preloaded({"sh", "-c", "ls / > /dev/null; sort /etc/passwd > /dev/null; true"},
                                            {{"ALLOT_RECORD", all.path() + "/%p.trace"}});
  BOOST_TEST(several.ended_well(), several);
  BOOST_TEST(all.files().size() == 3u);
  for (const std::string& file : all.files()) BOOST_TEST(trace_reader(file).damage().empty());

  const temporary_file trace("trace");
  // Bash has a setenv() of its own, which does nothing when it starts.
  const run_outcome one = run_preloaded({"bash", "-c", "ls / > /dev/null; sort /etc/passwd > /dev/null; true"},
                                        {{"ALLOT_RECORD", trace.path()}});
  BOOST_TEST(one.ended_well(), one);
  trace_reader reader(trace.path());
  BOOST_TEST(reader.summary().program == "bash");
  BOOST_TEST(reader.summary().complete);
  BOOST_TEST(reader.damage().empty());
}

BOOST_AUTO_TEST_CASE(a_trace_that_cannot_be_written_is_told_once_and_the_program_runs_on) {
  const run_outcome outcome =
      run_preloaded({"sh", "-c", "ls / > /dev/null; echo well"}, {{"ALLOT_RECORD", "/no/such/folder/a.trace"}});
  BOOST_TEST(outcome.exit_code == 0);
  BOOST_TEST(outcome.output == "well\n");
  BOOST_TEST(outcome.error_lines() == 1u, outcome);
  BOOST_TEST(outcome.errors.find("/no/such/folder/a.trace") != std::string::npos, outcome);
}

BOOST_AUTO_TEST_CASE(call_stacks_and_what_to_do_when_behind_are_as_asked_for) {
  const temporary_file trace("trace");
  const run_outcome outcome =
      run_preloaded({"sort", "/etc/passwd"},
                    {{"ALLOT_RECORD", trace.path()}, {"ALLOT_RECORD_STACKS", "1"}, {"ALLOT_RECORD_BEHIND", "drop"}});
  BOOST_TEST(outcome.ended_well(), outcome);
  trace_reader reader(trace.path());
  BOOST_TEST(reader.names(trace_name::stack) > 3u);
  // They begin in the program, not in what records it.
  for (std::uint32_t i = 1; i <= reader.names(trace_name::stack); ++i) {
    const std::string_view stack = reader.name(trace_name::stack, i);
    BOOST_TEST(stack.substr(0, stack.find('\n')).find("liballot_preload") == std::string_view::npos, stack);
  }
  const run_outcome wrong = run_preloaded({"true"}, {{"ALLOT_RECORD", trace.path()}, {"ALLOT_RECORD_BEHIND", "sleep"}});
  BOOST_TEST(wrong.exit_code == 0);
  BOOST_TEST(wrong.error_lines() == 1u, wrong);
}

BOOST_AUTO_TEST_CASE(a_program_that_is_killed_leaves_what_was_written) {
  for (const std::string end : {"kill -9 $$", "kill -ABRT $$"}) {
    const temporary_file trace("trace");
    const run_outcome outcome = run_preloaded({"bash", "-c", "sleep 1.5; " + end}, {{"ALLOT_RECORD", trace.path()}});
    BOOST_TEST((outcome.signal == SIGKILL || outcome.signal == SIGABRT), outcome);
    trace_reader reader(trace.path());
    BOOST_TEST(!reader.summary().complete);
    BOOST_TEST(all_of(reader).size() > 100u);
    BOOST_TEST(reader.damage().empty());
  }
}

BOOST_AUTO_TEST_SUITE_END()
