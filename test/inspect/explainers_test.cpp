#if !defined(_WIN32)
#include <signal.h>
#include <unistd.h>
#endif

#include <allot/arena/local_arena.hpp>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/block/guarded_page_resource.hpp>
#include <allot/block/page_block.hpp>
#include <allot/block/page_resource.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/core/misuse.hpp>
#include <allot/general/concurrent_general_resource.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/inspect/explain.hpp>
#include <allot/inspect/fault_explainer.hpp>
#include <allot/inspect/misuse_explainer.hpp>
#include <allot/inspect/tool_explainer.hpp>
#include <allot/pool/concurrent_pool.hpp>
#include <allot/pool/pool_resource.hpp>
#include <allot/secure/synchronized_secure_resource.hpp>
#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "support/access.hpp"
#include "support/child.hpp"
#include "support/machine.hpp"
#include "support/misuse_watch.hpp"
#include "support/worker.hpp"

using namespace allot;

namespace {

/// What a memory tool has behind a block counts, too.
std::string block_of(const resource& owner, const void* p) {
  return std::to_string(owner.find_block(p).bytes) + "-byte block (its size rounded up)";
}

pool_options pool_named(std::string_view name) {
  pool_options options;
  options.name = name;
  options.checked = true;
  return options;
}

monotonic_arena_options arena_named(std::string_view name, bool checked = false) {
  monotonic_arena_options options;
  options.name = name;
  options.checked = checked;
  return options;
}

guarded_page_options guarded_named(std::string_view name) {
  guarded_page_options options;
  options.name = name;
  options.record_stacks = true;
  return options;
}

void touch(void* p, std::ptrdiff_t offset) { static_cast<volatile char*>(p)[offset] = 1; }

const test::child_program past_a_guarded_block{"past a guarded block", [] {
                                                 const fault_explainer explainer;
                                                 guarded_page_resource pages(guarded_named("hunt"));
                                                 touch(pages.allocate(41, 1), 43);
                                               }};

const test::child_program unmapped_block{"an unmapped block", [] {
                                           const fault_explainer explainer;
                                           page_resource_options options;
                                           options.name = "pages";
                                           page_resource pages(options);
                                           void* const p = pages.allocate(10000);
                                           pages.deallocate(p, 10000);
                                           touch(p, 5000);
                                         }};

constexpr std::size_t enough_for_a_fault = std::size_t{16} << 10;  // as fault_explainer.hpp says
constexpr std::size_t watched_below = std::size_t{32} << 10;
alignas(std::max_align_t)
    [[maybe_unused]] std::array<unsigned char, watched_below + enough_for_a_fault> alternate_stack;

#if !defined(_WIN32)
void end_if_the_stack_sufficed(int) {
  for (std::size_t i = 0; i < watched_below; ++i)
    if (alternate_stack[i] != 0x5a) ::_exit(1);
  ::_exit(0);
}

const test::child_program on_a_small_stack{"on a small stack", [] {
                                             alternate_stack.fill(0x5a);
                                             stack_t stack{};
                                             stack.ss_sp = alternate_stack.data() + watched_below;
                                             stack.ss_size = enough_for_a_fault;
                                             if (::sigaltstack(&stack, nullptr) != 0) ::_exit(2);
                                             struct sigaction action {};
                                             action.sa_handler = &end_if_the_stack_sufficed;
                                             action.sa_flags = SA_ONSTACK;
                                             ::sigaction(SIGSEGV, &action, nullptr);
                                             const fault_explainer explainer;
                                             guarded_page_resource pages(guarded_named("hunt"));
                                             touch(pages.allocate(41, 1), 43);
                                           }};
#endif

const test::child_program beyond_an_arena{"beyond an arena", [] {
                                            const fault_explainer explainer;
                                            monotonic_arena arena(arena_named("frame"));
                                            touch(arena.push(100), std::ptrdiff_t{1} << 25);
                                          }};

const test::child_program nobodys_address{"nobody's address", [] {
                                            const fault_explainer explainer;
                                            touch(nullptr, 16);
                                          }};

#ifdef __x86_64__
const test::child_program impossible_address{"an address no memory can have", [] {
                                               const fault_explainer explainer;
                                               std::uintptr_t filled = 0;
                                               std::memset(&filled, 0xdd, sizeof filled);
                                               touch(reinterpret_cast<void*>(filled), 0);
                                             }};
#endif

const test::child_program long_lines{"long lines", [] {
                                       write_diagnostic(std::string(800, 'x'));
                                       write_diagnostic(std::string(3000, 'y'));
                                       write_diagnostic("the next line");
                                       std::abort();
                                     }};

const test::child_program wrong_pool{"a block of another pool", [] {
                                       const misuse_explainer explainer;
                                       pool_resource shapes(pool_named("shapes"));
                                       pool_resource texts(pool_named("texts"));
                                       shapes.deallocate(texts.allocate(100), 100);
                                     }};

}  // namespace

BOOST_AUTO_TEST_SUITE(explainers)

#ifdef __x86_64__
BOOST_AUTO_TEST_CASE(a_fault_at_an_address_the_system_keeps_back_is_not_said_to_be_null) {
  const test::child_outcome outcome = test::run_child("an address no memory can have");
  BOOST_TEST(outcome.faulted());
  BOOST_TEST(outcome.says("allot: fault at an address the system does not tell"), outcome.output);
  BOOST_TEST(!outcome.says("0x0:"), outcome.output);
}
#endif

BOOST_AUTO_TEST_CASE(a_block_of_another_pool_of_no_name_is_said_to_be_so) {
  static std::string owner;
  const misuse_handler before = set_misuse_handler([](const misuse_report& report) { owner = report.owner; });
  {
    const misuse_explainer explainer;
    pool_resource first;
    pool_resource second;
    void* const p = second.allocate(100);
    first.deallocate(p, 100);
    BOOST_TEST(owner == "another pool_resource");
    second.deallocate(p, 100);
  }
  set_misuse_handler(before);
}

BOOST_AUTO_TEST_CASE(a_handler_set_after_the_explainer_stays_when_that_goes) {
  const misuse_handler before = set_misuse_handler(nullptr);
  const misuse_handler later = [](const misuse_report&) {};
  {
    const misuse_explainer explainer;
    set_misuse_handler(later);
  }
  BOOST_TEST((set_misuse_handler(before) == later));
}

BOOST_AUTO_TEST_CASE(long_lines_are_whole_and_never_joined) {
  const test::child_outcome outcome = test::run_child("long lines");
  BOOST_TEST(outcome.says(std::string(800, 'x') + "\n"), outcome.output);
  BOOST_TEST(outcome.says("y\nthe next line\n"), outcome.output);
}

BOOST_AUTO_TEST_CASE(a_fault_says_what_it_is_at) {
  if (test::faults_tell_pages_only()) return test::skip(test::of_exact_faults);
  test::child_outcome outcome = test::run_child("past a guarded block");
  BOOST_TEST(outcome.faulted());
  BOOST_TEST(outcome.says("allot: fault at 0x"));
  BOOST_TEST(outcome.says(": 3 bytes past the end of a live 41-byte block at 0x"), outcome.output);
  BOOST_TEST(outcome.says("of 'hunt' (guarded_page_resource)"), outcome.output);
  BOOST_TEST(outcome.says("  allocated at:"), outcome.output);
  outcome = test::run_child("an unmapped block");
  BOOST_TEST(outcome.faulted());
  const std::size_t page = test::system_page_size();
  const std::string whole_pages = std::to_string((10000 + page - 1) / page * page);
  BOOST_TEST(outcome.says("5000 bytes into what were the " + whole_pages + " bytes"), outcome.output);
  BOOST_TEST(outcome.says("of 'pages' (page_resource), which gave it back"), outcome.output);
  outcome = test::run_child("beyond an arena");
  BOOST_TEST(outcome.says(" in memory of frame\n"), outcome.output);
  BOOST_TEST(outcome.says("where there is no memory yet, of 'frame' (monotonic_arena)"), outcome.output);
  outcome = test::run_child("nobody's address");
  BOOST_TEST(outcome.says("allot: fault at 0x10: in no memory that a resource has"), outcome.output);
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(a_fault_is_explained_on_a_small_alternate_stack) {
  if (memory_tools::active() || test::under_thread_sanitizer()) return test::skip("sanitizers need more of a stack");
  const test::child_outcome outcome = test::run_child("on a small stack");
  BOOST_TEST(outcome.exit_code == 0);
  BOOST_TEST(outcome.says("allot: fault at 0x"));
}
#endif

BOOST_AUTO_TEST_CASE(a_block_freed_to_the_wrong_resource_names_both) {
  const test::misuse_watch watch;
  const misuse_explainer explainer;
  pool_resource shapes(pool_named("shapes"));
  pool_resource texts(pool_named("texts"));
  void* const p = texts.allocate(100);
  shapes.deallocate(p, 100);
  BOOST_TEST_REQUIRE(watch.count() == 1u);
  BOOST_TEST(watch[0].resource == "shapes");
  BOOST_TEST(watch[0].owner == "texts");
  const std::string details(watch[0].details);
  BOOST_TEST(details.find("the start of a live " + block_of(texts, p)) != std::string::npos, details);
  BOOST_TEST(details.find("of 'texts' (pool_resource)\n") != std::string::npos, details);
  texts.deallocate(p, 100);
  texts.deallocate(p, 100);
  BOOST_TEST_REQUIRE(watch.count() == 2u);
  BOOST_TEST(watch[1].owner.empty());
  BOOST_TEST(std::string(watch[1].details).find("the start of a free " + block_of(texts, p)) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_line_of_the_default_handler_is_followed_by_the_explanation) {
  const test::child_outcome outcome = test::run_child("a block of another pool");
  BOOST_TEST(outcome.aborted());
  BOOST_TEST(outcome.says("allot: misuse of shapes: not a live block of this resource at 0x"), outcome.output);
  BOOST_TEST(outcome.says("; it belongs to texts\n  0x"), outcome.output);
}

BOOST_AUTO_TEST_CASE(without_an_explainer_reports_are_as_they_were) {
  const test::misuse_watch watch;
  { const misuse_explainer explainer; }
  pool_resource pool(pool_named("nodes"));
  int nobodys = 0;
  pool.deallocate(&nobodys, sizeof nobodys);
  BOOST_TEST_REQUIRE(watch.count() == 1u);
  BOOST_TEST(watch[0].details.empty());
}

BOOST_AUTO_TEST_CASE(arenas_that_overlap_are_reported_with_both_names) {
  const test::misuse_watch watch;
  alignas(16) std::array<std::byte, 1000> buffer;
  const monotonic_arena first(buffer.data(), 600, arena_named("audio", true));
  const monotonic_arena second(buffer.data() + 500, 500, arena_named("video", true));
  BOOST_TEST_REQUIRE(watch.count() == 1u);
  BOOST_TEST(watch[0].resource == "video");
  BOOST_TEST(watch[0].owner == "audio");
  BOOST_TEST((watch[0].kind == misuse_kind::overlapping_memory));
}

BOOST_AUTO_TEST_CASE(from_another_thread_a_resource_at_work_is_told_by_name_and_range) {
  std::atomic<void*> latest{nullptr};
  std::atomic<bool> done{false};
  std::thread owner([&] {
    pool_resource pool(pool_named("busy"));
    coalescing_heap heap;
    std::vector<void*> blocks;
    while (!done) {
      blocks.push_back(pool.allocate(48));
      latest = blocks.back();
      void* const p = heap.allocate(1000);
      if (blocks.size() == 2000) {
        for (void* each : blocks) pool.deallocate(each, 48);
        blocks.clear();
        pool.trim();
      }
      heap.deallocate(p, 1000);
    }
    for (void* each : blocks) pool.deallocate(each, 48);
  });
  std::size_t told = 0;
  bool right = true;
  while (told < 500) {
    void* const p = latest;
    if (p == nullptr) continue;
    const explanation found = explain(p);
    if (found.holder_count == 0) continue;
    ++told;
    right = right && std::string_view(found.holders[0].name) == "busy" &&
            found.how_much == explanation::detail::another_thread;
  }
  const std::string line(explain(latest.load()).headline());
  done = true;
  owner.join();
  BOOST_TEST(right);
  BOOST_TEST(line.find("'busy' (pool_resource)") != std::string::npos, line);
}

BOOST_AUTO_TEST_CASE(a_resource_for_many_threads_is_explained_from_any_while_others_work) {
  concurrent_pool pool(pool_named("pool"));
  concurrent_general_resource general;
  page_resource pages;
  synchronized_secure_resource secure;
  const std::array<std::pmr::memory_resource*, 4> all{&pool, &general, &pages, &secure};
  std::array<void*, 4> blocks{};
  for (std::size_t i = 0; i < all.size(); ++i) blocks[i] = all[i]->allocate(200);
  std::atomic<bool> done{false};
  std::thread owner([&] {
    while (!done)
      for (std::pmr::memory_resource* each : all) each->deallocate(each->allocate(200), 200);
  });
  std::array<std::size_t, 4> told{};
  for (int round = 0; round < 20000; ++round) {
    bool enough = true;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const explanation found = explain(blocks[i]);
      if (found.how_much == explanation::detail::told && found.sight.block.begin == blocks[i]) ++told[i];
      enough = enough && told[i] >= 20;
    }
    if (enough) break;
  }
  done = true;
  owner.join();
  for (std::size_t i = 0; i < all.size(); ++i) {
    BOOST_TEST(told[i] != 0u, i);
    all[i]->deallocate(blocks[i], 200);
  }
}

BOOST_AUTO_TEST_CASE(sixty_four_threads_make_and_destroy_resources_while_one_explains) {
  if (test::narrow) return test::skip(test::addresses_are_few);  // for their stacks alone
  std::atomic<bool> done{false};
  std::atomic<std::size_t> wrong{0};
  std::atomic<void*> latest{nullptr};
  std::vector<std::thread> threads;
  const int rounds = test::under_emulator() ? 2 : 30;
  for (int t = 0; t < 64; ++t)
    threads.emplace_back([&] {
      for (int round = 0; round < rounds; ++round) {
        local_arena<512> arena(arena_named("arena"));
        void* const p = arena.push(64);
        pool_resource pool(pool_named("pool"), &arena);
        latest = p;
        const explanation told = explain(p);
        const bool right =
            told.incomplete || (told.holder_count != 0 && std::string_view(told.holders[0].name) == "arena");
        if (!right || (told.how_much == explanation::detail::told && told.sight.block.begin != p)) ++wrong;
        coalescing_heap heap;
        heap.deallocate(heap.allocate(100), 100);
        concurrent_general_resource general;
        general.deallocate(general.allocate(100), 100);
      }
    });
  std::thread asker([&] {
    while (!done) (void)explain(latest.load()).headline();
  });
  for (std::thread& each : threads) each.join();
  done = true;
  asker.join();
  BOOST_TEST(wrong == 0u);
}

BOOST_AUTO_TEST_CASE(an_explanation_may_outlive_what_it_speaks_of) {
  explanation told;
  {
    local_arena<512> arena(arena_named("short-lived"));
    told = explain(arena.push(64));
  }
  BOOST_TEST(to_string(told).find("of 'short-lived' (local_arena)") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
