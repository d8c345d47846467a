// liballot_preload.so: programs as they are run on stacks of resources, as they would without.

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <string>
#include <vector>

#include "preload/configs.hpp"
#include "preload/run.hpp"

using namespace allot::test;

namespace {

/// Without a config, and with many.
const std::vector<std::string> stacks{
    "",
    "strategy = \"concurrent_general_resource\"",
    "strategy = \"concurrent_pool\"",
    "strategy = \"synchronized_resource\"\nupstream = { strategy = \"coalescing_heap\" }",
    "strategy = \"synchronized_secure_resource\"",
    "strategy = \"pool_resource\"",
    "strategy = \"general_resource\"",
    "strategy = \"page_resource\"",
    "strategy = \"new_delete_resource\"",
    "strategy = \"synchronized_pool_resource\"",
    "strategy = \"unsynchronized_pool_resource\"",
    "strategy = \"concurrent_general_resource\"\nchecked = true",
    "strategy = \"debug_resource\"\nupstream = { strategy = \"general_resource\" }",
    "strategy = \"statistics_resource\"\nupstream = { strategy = \"concurrent_general_resource\" }",
    "strategy = \"limiting_resource\"\nlimit = \"1GiB\"\nupstream = { strategy = \"general_resource\" }",
    "strategy = \"sampling_guard_resource\"\nupstream = { strategy = \"general_resource\" }",
};

/// Those with a lock of each kind, for what takes long.
const std::vector<std::string> locked_stacks{stacks[0], stacks[2], stacks[4], stacks[5], stacks[7], stacks[13]};

/// Says on which stack a program did not end well.
void expect_all_well(const std::vector<std::string>& command, const environment& more = {},
                     const std::vector<std::string>& on = stacks) {
  for (const std::string& stack : on) {
    const config_file config(stack);
    environment all = more;
    if (!stack.empty()) all["ALLOT_CONFIG"] = config.path();
    const run_outcome outcome = run_preloaded(command, all);
    BOOST_TEST(outcome.ended_well(), stack << ": " << outcome);
    BOOST_TEST(outcome.output == "all is well\n", stack << ": " << outcome);
  }
}

void expect_the_same(const std::vector<std::string>& command) {
  const run_outcome without = run(command);
  const run_outcome with = run_preloaded(command);
  BOOST_TEST(with.exit_code == without.exit_code, command[0] << ": " << with);
  BOOST_TEST((with.output == without.output && with.errors == without.errors), command[0] << ": " << with);
  BOOST_TEST(!without.output.empty());
}

void expect_abort_naming(const std::string& function, const std::string& misuse, const std::string& stack) {
  const config_file config(stack);
  const run_outcome outcome = run_preloaded({program("misuse"), misuse}, {{"ALLOT_CONFIG", config.path()}});
  BOOST_TEST(outcome.signal == SIGABRT, misuse << " of " << stack << ": " << outcome);
  BOOST_TEST(outcome.errors.find(function) != std::string::npos, misuse << " of " << stack << ": " << outcome);
  BOOST_TEST(outcome.error_lines() == 1u);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(preload)

BOOST_AUTO_TEST_CASE(every_function_of_mallocs_family_keeps_its_promises) { expect_all_well({program("family")}); }

BOOST_AUTO_TEST_CASE(operator_new_and_delete_serve_throw_and_ask_the_handler) { expect_all_well({program("throws")}); }

BOOST_AUTO_TEST_CASE(a_limit_is_the_programs_end_of_memory_and_its_handler_makes_room) {
  const config_file config(
      "strategy = \"limiting_resource\"\nlimit = \"32MiB\"\nupstream = { strategy = \"general_resource\" }");
  const run_outcome outcome = run_preloaded({program("throws"), "limited"}, {{"ALLOT_CONFIG", config.path()}});
  BOOST_TEST(outcome.ended_well(), outcome);
}

BOOST_AUTO_TEST_CASE(memory_is_there_in_destructors_of_threads_keys_statics_and_at_exit) {
  expect_all_well({program("lifetimes"), "ends"});
}

BOOST_AUTO_TEST_CASE(threads_free_each_others_blocks) { expect_all_well({program("lifetimes"), "exchange"}); }

BOOST_AUTO_TEST_CASE(children_of_programs_with_threads_allocate_and_end) {
  expect_all_well({program("lifetimes"), "forks"}, {}, locked_stacks);
}

BOOST_AUTO_TEST_CASE(programs_are_started_by_vfork_spawn_and_shells) {
  expect_all_well({program("lifetimes"), "children"}, {}, locked_stacks);
}

BOOST_AUTO_TEST_CASE(daemons_leave_their_parents) { expect_all_well({program("lifetimes"), "daemon"}); }

BOOST_AUTO_TEST_CASE(threads_that_end_leave_nothing) {
  expect_all_well({program("lifetimes"), "threads"}, {}, locked_stacks);
}

BOOST_AUTO_TEST_CASE(blocks_and_threads_older_than_this_library_go_on) {
  expect_all_well({program("loads")}, {{"LD_PRELOAD", ALLOT_EARLY_LIBRARY}});
}

BOOST_AUTO_TEST_CASE(libraries_come_and_go_in_threads_and_throw_what_they_catch_in_programs_in_c) {
  expect_all_well({program("loads"), ALLOT_LATE_LIBRARY});
}

BOOST_AUTO_TEST_CASE(pointers_that_are_no_blocks_end_the_program_with_the_functions_name) {
  for (const char* const stack :
       {"strategy = \"concurrent_general_resource\"", "strategy = \"pool_resource\"",
        "strategy = \"synchronized_secure_resource\"", "strategy = \"new_delete_resource\""}) {
    for (const char* const misuse : {"interior", "odd", "foreign", "local"})
      expect_abort_naming("free()", misuse, stack);
    expect_abort_naming("realloc()", "realloc", stack);
    expect_abort_naming("malloc_usable_size()", "usable", stack);
  }
  expect_abort_naming("free()", "twice", "strategy = \"concurrent_general_resource\"\nchecked = true");
  expect_abort_naming("free()", "twice", "strategy = \"synchronized_secure_resource\"");
  expect_abort_naming("free()", "twice", "strategy = \"new_delete_resource\"");
  // It knows the block, and finds out itself.
  expect_abort_naming("misuse of program: double free", "twice", "strategy = \"pool_resource\"\nchecked = true");
}

BOOST_AUTO_TEST_CASE(real_programs_say_the_same_with_and_without) {
  const std::string sources = ALLOT_SOURCE_DIR;
  expect_the_same({"python3", "-c", "import json, re\nprint(len(json.dumps([{'k': str(i)} for i in range(20000)])))"});
  expect_the_same({"sort", sources + "/README.md"});
  expect_the_same({"gcc", "-O1", "-w", "-S", "-o", "-", sources + "/test/tool/preload/misuse.c"});
  expect_the_same({"git", "diff", "--no-index", "--stat", sources + "/README.md", sources + "/LICENSE"});
  if (run({"sqlite3", "--version"}).exit_code == 0)
    expect_the_same(
        {"sqlite3", ":memory:",
         "create table t(a, b); with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) "
         "insert into t select i, hex(i * 7919) from n; create index x on t(b); select count(*), max(b) from t;"});
  expect_the_same({"sh", "-c", "ls /nowhere 2>&1; echo $?; exit 3"});
}

BOOST_AUTO_TEST_SUITE_END()
