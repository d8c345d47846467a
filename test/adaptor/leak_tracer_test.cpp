#include <allot/adaptor/debug_resource.hpp>
#include <allot/adaptor/leak_list.hpp>
#include <allot/adaptor/leak_tracer.hpp>
#include <allot/block/page_resource.hpp>
#include <allot/core/compiler.hpp>
#include <allot/core/misuse.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/testing/counting_resource.hpp>
#include <allot/testing/default_resource_guard.hpp>
#include <allot/testing/trap_resource.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <new>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/child.hpp"
#include "support/misuse_watch.hpp"

using namespace allot;
using test::misuse_watch;

namespace {

debug_options orders(bool record_stacks = true) {
  debug_options options;
  options.name = "orders";
  options.record_stacks = record_stacks;
  return options;
}

// Two places blocks come from.
ALLOT_NEVER_INLINE void* here(debug_resource& memory, std::size_t bytes) { return memory.allocate(bytes); }
ALLOT_NEVER_INLINE void* there(debug_resource& memory, std::size_t bytes) { return memory.allocate(bytes, 64); }

/// Through one and the same call: a compiler would write out a short loop whose length it knows.
template <class Work>
void repeat(std::size_t times, Work work) {
  const volatile std::size_t unknown = times;
  for (std::size_t i = 0; i < unknown; ++i) work(i);
}

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

std::string text_of(const leak_list& leaks) {
  std::ostringstream out;
  out << leaks;
  return out.str();
}

struct thrown_leak {
  std::size_t blocks, bytes;
};
void throw_leak(const misuse_report& report) {
  if (report.kind == misuse_kind::leak && report.fatal) throw thrown_leak{report.claimed, report.actual};
}

/// On pages, which LeakSanitizer has no opinion of.
debug_resource& immortal(const debug_options& options) {
  static page_resource* const pages = new page_resource;
  static debug_resource* const memory = new debug_resource(*pages, options);
  return *memory;
}

debug_options at_exit() {
  debug_options options = orders();
  options.report_leaks_at_exit = true;
  return options;
}

const test::child_program at_exit_outlived{"leaks_at_exit", [] { here(immortal(at_exit()), 24); }};
const test::child_program at_exit_freed{"no_leaks_at_exit", [] {
                                          debug_resource& memory = immortal(at_exit());
                                          memory.deallocate(here(memory, 24), 24);
                                        }};
const test::child_program not_at_exit{"leaks_not_at_exit", [] { here(immortal(orders()), 24); }};
const test::child_program died_before{"leaks_died_before_exit", [] {
                                        debug_resource memory(*std::pmr::new_delete_resource(), at_exit());
                                        here(memory, 24);
                                      }};
const test::child_program static_one{"leaks_static_at_exit", [] {
                                       static debug_resource memory(*std::pmr::new_delete_resource(), at_exit());
                                       here(memory, 24);
                                     }};
const test::child_program destroyed_after{"leaks_destroyed_after_exit", [] {
                                            static std::optional<debug_resource> memory;  // its end is planned now
                                            here(memory.emplace(*std::pmr::new_delete_resource(), at_exit()), 24);
                                          }};
const test::child_program in_a_scope{"leaks_in_a_scope", [] {
                                       debug_resource memory(*std::pmr::new_delete_resource(), orders());
                                       const no_leak_scope scope(memory);
                                       here(memory, 24);
                                     }};
const test::child_program written{"leaks_written", [] {
                                    debug_options options = orders(false);
                                    options.report_leaks = false;
                                    debug_resource memory(*std::pmr::new_delete_resource(), options);
                                    here(memory, 24);
                                    leak_list(memory).write();
                                  }};

}  // namespace

BOOST_AUTO_TEST_SUITE(leak_tracer)

BOOST_AUTO_TEST_CASE(a_diff_is_what_was_allocated_between_two_snapshots_and_lives) {
  debug_resource memory(*std::pmr::new_delete_resource(), orders());
  void* const older = here(memory, 1);
  const leak_snapshot before(memory);
  void* const freed = here(memory, 10);
  void* const live = here(memory, 100);
  const leak_snapshot after(memory);
  void* const younger = here(memory, 1000);
  BOOST_TEST(diff(before, after).blocks() == 2u);
  BOOST_TEST(diff(before, after).bytes() == 110u);
  memory.deallocate(freed, 10);
  memory.deallocate(older, 1);
  BOOST_TEST(diff(before, after).blocks() == 1u);
  BOOST_TEST(diff(before, after).bytes() == 100u);
  BOOST_TEST(leaks_since(before).bytes() == 1100u);
  BOOST_TEST(diff(after, after).empty());
  memory.deallocate(live, 100);
  memory.deallocate(younger, 1000);
  BOOST_TEST(leaks_since(before).empty());
  BOOST_TEST(text_of(leaks_since(before)) == "orders: all blocks were freed\n");
}

BOOST_AUTO_TEST_CASE(a_diff_is_of_one_resource_and_forwards) {
  debug_resource memory(*std::pmr::new_delete_resource(), orders());
  debug_resource other(*std::pmr::new_delete_resource(), orders());
  const leak_snapshot before(memory);
  memory.deallocate(here(memory, 1), 1);
  const leak_snapshot after(memory);
  BOOST_CHECK_THROW((void)diff(after, before), std::invalid_argument);
  BOOST_CHECK_THROW((void)diff(before, leak_snapshot(other)), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(snapshots_stay_true_over_release) {
  debug_resource memory(*std::pmr::new_delete_resource(), orders());
  here(memory, 10);
  const leak_snapshot before(memory);
  memory.release();
  void* const p = here(memory, 20);
  BOOST_TEST(leaks_since(before).bytes() == 20u);
  memory.deallocate(p, 20);
}

BOOST_AUTO_TEST_CASE(blocks_of_one_place_are_one_group_and_the_most_bytes_come_first) {
  debug_resource memory(*std::pmr::new_delete_resource(), orders());
  const leak_snapshot before(memory);
  std::vector<std::pair<void*, std::size_t>> blocks;
  repeat(3, [&](std::size_t i) { blocks.emplace_back(here(memory, 5 + i), 5 + i); });
  void* const large = there(memory, 50);
  const leak_list leaks = leaks_since(before);
  BOOST_TEST_REQUIRE(leaks.size() == 2u);
  const leak_group& first = *leaks.begin();
  BOOST_TEST(first.blocks == 1u);
  BOOST_TEST(first.bytes == 50u);
  BOOST_TEST(first.first == 4u);
  BOOST_TEST(first.stack.size() > 0u);
  const leak_group& second = *(leaks.begin() + 1);
  BOOST_TEST(second.blocks == 3u);
  BOOST_TEST(second.bytes == 18u);
  BOOST_TEST(second.first == 1u);
  for (const auto& [p, bytes] : blocks) memory.deallocate(p, bytes);
  memory.deallocate(large, 50, 64);
}

BOOST_AUTO_TEST_CASE(a_list_reads_as_its_page_says) {
  debug_resource memory(*std::pmr::new_delete_resource(), orders());
  std::vector<void*> blocks;
  repeat(2, [&](std::size_t) { blocks.push_back(here(memory, 48)); });
  void* const one = there(memory, 1);
  const leak_list leaks(memory);
  std::string expected = "orders: 3 blocks, 97 bytes not freed, from 2 places\n";
  for (const leak_group& group : leaks) {
    expected += group.blocks == 2 ? "  2 blocks, 96 bytes, no. 1 first, allocated at:\n"
                                  : "  1 block, 1 byte, no. 3, allocated at:\n";
    for (std::size_t i = 0; i < group.stack.size(); ++i)
      expected += std::string(std::string_view(group.stack.describe_with_name(i))) + "\n";
  }
  BOOST_TEST(text_of(leaks) == expected);
  BOOST_TEST(count_of(expected, "\n    #0 0x") == 2u);
  BOOST_TEST(std::string(std::string_view(leaks.title())) + "\n" + std::string(std::string_view(leaks.details())) ==
             expected);
  for (void* const p : blocks) memory.deallocate(p, 48);
  memory.deallocate(one, 1, 64);
}

BOOST_AUTO_TEST_CASE(a_list_is_written_to_standard_error) {
  const auto outcome = test::run_child("leaks_written");
  BOOST_TEST(outcome.exit_code == 0);
  BOOST_TEST(outcome.says("orders: 1 block, 24 bytes not freed, from 1 place\n  1 block, 24 bytes, no. 1\n"),
             outcome.output);
}

template <std::size_t Depth>
ALLOT_NEVER_INLINE void* at_depth(debug_resource& memory) {
  if constexpr (Depth == 0) {
    return memory.allocate(8);
  } else {
    void* const p = at_depth<Depth - 1>(memory);
    void* const q = memory.allocate(8);
    return p < q ? p : q;
  }
}

BOOST_AUTO_TEST_CASE(details_leave_out_whole_groups_and_say_how_many) {
  const misuse_watch watch;
  {
    debug_resource memory(*std::pmr::new_delete_resource(), orders());
    (void)at_depth<60>(memory);
  }
  const std::string details(watch[0].details);
  const std::size_t shown = count_of(details, ", allocated at:\n");
  BOOST_TEST(shown >= 5u);
  BOOST_TEST(details.back() == '\n');
  const std::size_t last = details.rfind("  and ");
  BOOST_TEST_REQUIRE(last != std::string::npos);
  const std::size_t left = std::stoul(details.substr(last + 6));
  BOOST_TEST(shown + left > 12u);  // of deep stacks only the innermost frames count
  BOOST_TEST(details.substr(last) == "  and " + std::to_string(left) + " more places\n");
  BOOST_TEST(watch.only(misuse_kind::leak));
}

BOOST_AUTO_TEST_CASE(neither_heap_nor_resources_are_asked_for_memory) {
  testing::counting_resource upstream;
  debug_resource memory(upstream, orders());
  void* const p = here(memory, 10);
  const std::size_t calls = upstream.calls().size();
  testing::trap_resource trap;
  const testing::default_resource_guard guard(trap);
  const leak_list leaks(memory);
  BOOST_TEST(leaks.size() == 1u);
  BOOST_TEST(upstream.calls().size() == calls);
  memory.deallocate(p, 10);
}

BOOST_AUTO_TEST_CASE(where_the_system_refuses_pages_a_list_still_has_its_sums) {
  debug_resource memory(*std::pmr::new_delete_resource(), orders());
  void* const p = here(memory, 10);
  const os::failure_injection injection(1);
  const leak_list leaks(memory);
  BOOST_TEST(injection.fired());
  BOOST_TEST(leaks.blocks() == 1u);
  BOOST_TEST(leaks.bytes() == 10u);
  BOOST_TEST(leaks.size() == 0u);
  BOOST_TEST(text_of(leaks) == "orders: 1 block, 10 bytes not freed\n");
  memory.deallocate(p, 10);
}

BOOST_AUTO_TEST_CASE(a_list_outlives_its_resource_and_moves) {
  std::unique_ptr<leak_list> kept;
  {
    debug_options options = orders();
    options.report_leaks = false;
    debug_resource memory(*std::pmr::new_delete_resource(), options);
    here(memory, 10);
    leak_list leaks(memory);
    kept = std::make_unique<leak_list>(std::move(leaks));
    BOOST_TEST(leaks.empty());
    BOOST_TEST((leaks.begin() == leaks.end()));
  }
  BOOST_TEST(kept->bytes() == 10u);
  BOOST_TEST(kept->begin()->stack.size() > 0u);
  BOOST_TEST(text_of(*kept).find("orders: 1 block, 10 bytes not freed, from 1 place\n") == 0u);
}

// ---- scopes

BOOST_AUTO_TEST_CASE(what_a_scope_leaks_is_misuse_with_the_groups) {
  debug_resource memory(*std::pmr::new_delete_resource(), orders());
  void* const before = here(memory, 1);
  void* leaked = nullptr;
  const misuse_watch watch;
  {
    const no_leak_scope scope(memory);
    leaked = here(memory, 24);
    memory.deallocate(here(memory, 100), 100);
    memory.deallocate(before, 1);
    BOOST_TEST(scope.leaks().bytes() == 24u);
  }
  BOOST_TEST(watch[0].resource == "orders");
  BOOST_TEST(watch[0].fatal);
  BOOST_TEST(watch[0].claimed == 1u);
  BOOST_TEST(watch[0].actual == 24u);
  BOOST_TEST(watch[0].details.find("  1 block, 24 bytes, no. 2, allocated at:\n    #0 0x") == 0u);
  BOOST_TEST(watch.only(misuse_kind::leak));
  memory.deallocate(leaked, 24);
}

BOOST_AUTO_TEST_CASE(a_scope_without_leaks_or_dismissed_says_nothing) {
  debug_resource memory(*std::pmr::new_delete_resource(), orders());
  void* kept = nullptr;
  const misuse_watch watch;
  {
    const no_leak_scope scope(memory);
    const std::pmr::vector<int> numbers(100, &memory);
  }
  {
    no_leak_scope scope(memory);
    kept = here(memory, 24);
    scope.dismiss();
  }
  BOOST_TEST(watch.nothing());
  memory.deallocate(kept, 24);
}

BOOST_AUTO_TEST_CASE(a_scope_may_end_early_where_a_handler_throws) {
  debug_resource memory(*std::pmr::new_delete_resource(), orders());
  void* kept = nullptr;
  {
    const misuse_watch watch(&throw_leak);
    no_leak_scope scope(memory);
    kept = here(memory, 24);
    BOOST_CHECK_EXCEPTION(scope.end(), thrown_leak,
                          [](const thrown_leak& leak) { return leak.blocks == 1 && leak.bytes == 24; });
    scope.end();  // once is enough
  }
  memory.deallocate(kept, 24);
}

BOOST_AUTO_TEST_CASE(by_default_a_leak_in_a_scope_ends_the_program) {
  const auto outcome = test::run_child("leaks_in_a_scope");
  BOOST_TEST(outcome.aborted());
  BOOST_TEST(outcome.says("allot: misuse of orders: not freed: blocks 1, bytes 24\n  1 block, 24 bytes, no. 1, "
                          "allocated at:\n    #0 0x"),
             outcome.output);
}

// ---- at exit

BOOST_AUTO_TEST_CASE(what_lives_when_the_program_ends_is_reported_once) {
  const std::string line = "allot: note on orders: not freed: blocks 1, bytes 24\n";
  for (const char* name :
       {"leaks_at_exit", "leaks_died_before_exit", "leaks_static_at_exit", "leaks_destroyed_after_exit"}) {
    const auto outcome = test::run_child(name);
    BOOST_TEST(outcome.exit_code == 0, name);
    BOOST_TEST(count_of(outcome.output, line) == 1u, name << ": " << outcome.output);
  }
  for (const char* name : {"no_leaks_at_exit", "leaks_not_at_exit"}) {
    const auto outcome = test::run_child(name);
    BOOST_TEST(outcome.exit_code == 0, name);
    BOOST_TEST(!outcome.says("not freed"), name << ": " << outcome.output);
  }
}

BOOST_AUTO_TEST_SUITE_END()
