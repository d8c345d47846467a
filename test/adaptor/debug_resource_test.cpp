#if !defined(_WIN32)
#include <sys/wait.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <allot/adaptor/debug_resource.hpp>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/block/page_resource.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/fixed_text.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/core/misuse.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/os/virtual_memory.hpp>
#include <allot/pool/concurrent_pool.hpp>
#include <allot/secure/secure_resource.hpp>
#include <allot/testing/counting_resource.hpp>
#include <allot/testing/failing_resource.hpp>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <memory_resource>
#include <new>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "support/child.hpp"
#include "support/misuse_watch.hpp"
#include "support/usage.hpp"

using namespace allot;
using test::misuse_watch;

namespace {

debug_options orders() {
  debug_options options;
  options.name = "orders";
  return options;
}

debug_options without_stacks() {
  debug_options options = orders();
  options.record_stacks = false;
  return options;
}

debug_options without_quarantine() {
  debug_options options = without_stacks();
  options.quarantine_bytes = 0;
  return options;
}

char* get(debug_resource& memory, std::size_t bytes, std::size_t alignment = 8) {
  return static_cast<char*>(memory.allocate(bytes, alignment));
}

/// A write that no memory tool stops, as from code that was built without one.
void write(char* p, char value = 'A') {
  memory_tools::unpoison(p, 1);
  *p = value;
}

bool has_frames(std::string_view text, std::string_view title) {
  const std::size_t at = text.find(title);
  return at != text.npos && text.substr(at + title.size()).find("\n    #0 0x") == 0;
}

std::string hex(const void* p) { return std::string(std::string_view(fixed_text<31>().append_hex(address_of(p)))); }

std::string line_for(const misuse_report& report) {
  char line[256];
  return {line, format_misuse(report, line, sizeof line)};
}

struct thrown_misuse {
  misuse_kind kind;
};

void throw_kind(const misuse_report& report) { throw thrown_misuse{report.kind}; }

auto is(misuse_kind kind) {
  return [kind](const thrown_misuse& thrown) { return thrown.kind == kind; };
}

auto is(memory_errc code) {
  return [code](const allocation_error& error) { return error.code() == code && error.resource_name() == "orders"; };
}

/// Calls back into whoever stands on it.
struct calling_resource final : public std::pmr::memory_resource {
  std::function<void()> on_allocate = [] {};
  std::function<void()> on_deallocate = [] {};

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    on_allocate();
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    on_deallocate();
    std::pmr::new_delete_resource()->deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

const test::child_program overrun{"debug_overrun", [] {
                                    debug_resource memory(*std::pmr::new_delete_resource(), orders());
                                    char* const p = get(memory, 24);
                                    write(p + 24);
                                    memory.deallocate(p, 24, 8);
                                  }};
const test::child_program double_free{"debug_double_free", [] {
                                        debug_resource memory(*std::pmr::new_delete_resource(), orders());
                                        char* const p = get(memory, 24);
                                        memory.deallocate(p, 24, 8);
                                        memory.deallocate(p, 24, 8);
                                      }};
const test::child_program tool_sees_fence{"debug_fence_under_a_tool", [] {
                                            debug_resource memory(*std::pmr::new_delete_resource(), orders());
                                            static_cast<volatile char*>(get(memory, 24))[24] = 1;
                                          }};
const test::child_program tool_sees_freed{"debug_freed_under_a_tool", [] {
                                            debug_resource memory(*std::pmr::new_delete_resource(), orders());
                                            volatile char* const p = get(memory, 24);
                                            memory.deallocate(const_cast<char*>(p), 24, 8);
                                            p[3] = 1;
                                          }};
#if !defined(_WIN32)
const test::child_program forked{"debug_forked", [] {
                                   concurrent_pool pool;
                                   debug_resource memory(pool, orders());
                                   std::atomic<bool> stop{false};
                                   std::thread other([&] {
                                     while (!stop) memory.deallocate(memory.allocate(10), 10);
                                   });
                                   bool good = true;
                                   for (int i = 0; i < 30 && good; ++i) {
                                     void* const p = memory.allocate(20);
                                     const pid_t child = ::fork();
                                     if (child == 0) {
                                       ::alarm(20);
                                       memory.deallocate(p, 20);
                                       for (int j = 0; j < 50; ++j) memory.deallocate(memory.allocate(10), 10);
                                       ::_exit(memory.check() ? 0 : 1);
                                     }
                                     int status = 0;
                                     ::waitpid(child, &status, 0);
                                     good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
                                     memory.deallocate(p, 20);
                                   }
                                   stop = true;
                                   other.join();
                                   if (!good) ::_exit(1);
                                 }};
#endif

}  // namespace

BOOST_AUTO_TEST_SUITE(debug_resources)

// ---- fences

BOOST_AUTO_TEST_CASE(a_write_past_the_end_is_reported_with_the_block_and_the_bytes) {
  debug_resource memory(*std::pmr::new_delete_resource(), without_stacks());
  char* const p = get(memory, 24);
  for (int i = 0; i < 3; ++i) write(p + 24 + i, static_cast<char>('A' + i));
  const misuse_watch watch;
  memory.deallocate(p, 24, 8);
  BOOST_TEST(line_for(watch[0]) ==
             "allot: misuse of orders: written behind the end of a block at " + hex(p) + ": bytes of the block 24");
  BOOST_TEST(watch[0].details == "  block no. 1: 24 bytes at " + hex(p) +
                                     ", aligned to 8\n"
                                     "  changed: 3 bytes, the first 1 byte past the end: 41 42 43\n");
  BOOST_TEST(watch[0].fatal);
  BOOST_TEST(watch.only(misuse_kind::overrun));
}

BOOST_AUTO_TEST_CASE(a_write_before_the_start_is_reported_with_the_block_and_the_bytes) {
  debug_resource memory(*std::pmr::new_delete_resource(), without_stacks());
  get(memory, 1);
  char* const p = get(memory, 1, 64);
  write(p - 2, 0);
  write(p - 12, static_cast<char>(0xff));
  const misuse_watch watch;
  memory.deallocate(p, 1, 64);
  BOOST_TEST(watch[0].details == "  block no. 2: 1 byte at " + hex(p) +
                                     ", aligned to 64\n"
                                     "  changed: 2 bytes, the first 12 bytes before the start: ff\n");
  BOOST_TEST(watch.only(misuse_kind::underrun));
  memory.release();
}

BOOST_AUTO_TEST_CASE(every_byte_of_both_fences_is_watched) {
  for (const std::size_t fence : {1U, 16U, 100U}) {
    for (const std::size_t alignment : {1U, 8U, 64U}) {
      debug_options options = without_stacks();
      options.fence_bytes = fence;
      debug_resource memory(*std::pmr::new_delete_resource(), options);
      for (std::size_t at = 0; at < fence; ++at) {
        const misuse_watch watch;
        char* p = get(memory, 21, alignment);
        write(p + 21 + at);
        memory.deallocate(p, 21, alignment);
        BOOST_TEST(watch.only(misuse_kind::overrun));
        p = get(memory, 21, alignment);
        write(p - 1 - at);
        memory.deallocate(p, 21, alignment);
        BOOST_TEST(watch.only(misuse_kind::underrun));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(of_fences_that_alignment_makes_long_the_nearest_4_kib_are_watched) {
  constexpr std::size_t alignment = std::size_t{64} << 10;
  for (const std::size_t distance : {1U, 4096U, 4097U}) {
    page_resource pages;
    debug_resource memory(pages, without_stacks());
    char* const p = get(memory, 10, alignment);
    write(p - distance);
    const misuse_watch watch;
    memory.deallocate(p, 10, alignment);
    BOOST_TEST(watch.count() == (distance > 4096 ? 0u : 1u));
  }
}

BOOST_AUTO_TEST_CASE(damage_is_found_at_every_call_that_looks) {
  coalescing_heap heap;
  auto memory = std::make_unique<debug_resource>(heap, without_stacks());
  char* const p = get(*memory, 24);
  write(p + 24);
  const misuse_watch watch;
  BOOST_TEST(!memory->try_expand(p, 24, 30, 8));
  BOOST_TEST(watch.only(misuse_kind::overrun));
  BOOST_TEST(!memory->check());
  BOOST_TEST(watch.only(misuse_kind::overrun));
  memory->release();
  BOOST_TEST(watch.only(misuse_kind::overrun));
  BOOST_TEST(memory->check());
  write(get(*memory, 24) + 24);
  memory.reset();
  BOOST_TEST((watch[0].kind == misuse_kind::leak));
  BOOST_TEST((watch[1].kind == misuse_kind::overrun));
  BOOST_TEST(watch.count() == 2u);
}

BOOST_AUTO_TEST_CASE(check_reports_of_many_blocks_the_oldest_with_damage) {
  debug_resource memory(*std::pmr::new_delete_resource(), without_stacks());
  std::vector<char*> blocks;
  for (int i = 0; i < 50; ++i) blocks.push_back(get(memory, 24));
  for (const std::size_t i : {40U, 17U, 30U}) write(blocks[i] + 24);
  const misuse_watch watch;
  BOOST_TEST(!memory.check());
  BOOST_TEST(watch[0].address == blocks[17]);
  BOOST_TEST(watch.only(misuse_kind::overrun));
  memory.release();
  BOOST_TEST(watch.only(misuse_kind::overrun, 3));
}

BOOST_AUTO_TEST_CASE(a_damaged_block_is_freed_whatever_the_handler_does) {
  for (const bool throws : {false, true}) {
    testing::counting_resource upstream;
    debug_resource memory(upstream, without_stacks());
    char* const p = get(memory, 24);
    write(p + 24);
    {
      const misuse_watch watch = throws ? misuse_watch(&throw_kind) : misuse_watch();
      if (throws) {
        BOOST_CHECK_EXCEPTION(memory.deallocate(p, 24, 8), thrown_misuse, is(misuse_kind::overrun));
      } else {
        memory.deallocate(p, 24, 8);
      }
    }
    BOOST_TEST((memory.find_block(p).state == block_state::quarantined));
    BOOST_TEST(memory.usage().used == 0u);
    BOOST_TEST(memory.check());  // the fence is repaired
    memory.trim();
    BOOST_TEST(upstream.live_blocks() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(the_upstream_is_asked_for_the_block_and_both_fences) {
  testing::counting_resource upstream;
  debug_resource memory(upstream, without_quarantine());
  struct sample {
    std::size_t bytes, alignment, asked;
  };
  for (const auto& [bytes, alignment, asked] :
       {sample{24, 8, 56}, {24, 1, 56}, {0, 1, 32}, {25, 8, 64}, {1, 64, 128}, {100, 4096, 8192}}) {
    void* const p = memory.allocate(bytes, alignment);
    BOOST_TEST(is_aligned(p, alignment));
    BOOST_TEST(upstream.live_bytes() == asked);
    BOOST_TEST(upstream.calls().back().alignment == alignment);
    memory.deallocate(p, bytes, alignment);
    BOOST_TEST(upstream.live_bytes() == 0u);
  }
  BOOST_TEST(upstream.mismatches().empty());
}

BOOST_AUTO_TEST_CASE(without_fences_no_byte_is_added) {
  testing::counting_resource upstream;
  debug_options options = without_quarantine();
  options.fence_bytes = 0;
  debug_resource memory(upstream, options);
  for (const std::size_t bytes : {0U, 1U, 25U, 1000U}) {
    void* const p = memory.allocate(bytes, 64);
    BOOST_TEST(upstream.live_bytes() == std::max<std::size_t>(bytes, 1));
    memory.deallocate(p, bytes, 64);
  }
}

BOOST_AUTO_TEST_CASE(a_size_that_does_not_fit_with_its_fences_is_refused) {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  testing::counting_resource upstream;
  debug_resource memory(upstream, orders());
  for (const std::size_t bytes : {most, most - 31, most - 32, max_object_bytes, max_object_bytes - 31})
    BOOST_CHECK_EXCEPTION((void)memory.allocate(bytes, 8), allocation_error, is(memory_errc::size_overflow));
  BOOST_CHECK_EXCEPTION((void)memory.allocate(max_object_bytes, most / 2 + 1), allocation_error,
                        is(memory_errc::size_overflow));
  debug_options options = orders();
  options.fence_bytes = most;
  debug_resource fenced(upstream, options);
  BOOST_CHECK_EXCEPTION((void)fenced.allocate(1, 8), allocation_error, is(memory_errc::size_overflow));
  BOOST_TEST(fenced.try_allocate(1, 8) == nullptr);
  BOOST_TEST(upstream.calls().empty());
}

// ---- patterns

BOOST_AUTO_TEST_CASE(new_and_freed_blocks_hold_patterns_where_that_is_not_switched_off) {
  for (const bool fill : {true, false}) {
    debug_options options = without_stacks();
    options.fill_fresh = options.fill_freed = fill;
    page_resource pages;
    debug_resource memory(pages, options);
    char* const p = get(memory, 100);
    memory_tools::unpoison(p, 100);
    BOOST_TEST(std::count(p, p + 100, static_cast<char>(debug_resource::fresh_pattern)) == (fill ? 100 : 0));
    std::memset(p, 1, 100);
    memory.deallocate(p, 100, 8);
    memory_tools::unpoison(p, 100);
    BOOST_TEST(std::count(p, p + 100, static_cast<char>(debug_resource::freed_pattern)) == (fill ? 100 : 0));
  }
}

// ---- deallocate

BOOST_AUTO_TEST_CASE(every_wrong_deallocate_is_told_exactly_and_has_no_effect) {
  testing::counting_resource upstream;
  debug_resource memory(upstream, without_stacks());
  get(memory, 5);
  char* const p = get(memory, 100, 16);
  char* const freed = get(memory, 10);
  memory.deallocate(freed, 10, 8);
  const memory_usage before = memory.usage();
  const std::string block = "block no. 2: 100 bytes at " + hex(p) + ", aligned to 16\n";
  char local = 0;
  struct wrong {
    char* p;
    std::size_t bytes, alignment;
    misuse_kind kind;
    std::size_t claimed, actual;
    std::string details;
  };
  for (const wrong& each :
       {wrong{p, 101, 16, misuse_kind::wrong_size, 101, 100, "  " + block},
        {p, 0, 16, misuse_kind::wrong_size, 0, 100, "  " + block},
        {p, 100, 8, misuse_kind::wrong_alignment, 8, 16, "  " + block},
        {p, 100, 3, misuse_kind::wrong_alignment, 3, 16, "  " + block},
        {p + 99, 1, 1, misuse_kind::interior_pointer, 1, 100, "  byte 99 of " + block},
        {p - 16, 100, 16, misuse_kind::foreign_pointer, 100, 100, "  16 bytes before the start of " + block},
        {p + 100, 100, 16, misuse_kind::foreign_pointer, 100, 100, "  1 byte past the end of " + block},
        {freed, 10, 8, misuse_kind::double_free, 0, 0,
         "  block no. 3: 10 bytes at " + hex(freed) + ", aligned to 8, freed\n"},
        {freed, 11, 1, misuse_kind::double_free, 0, 0,
         "  block no. 3: 10 bytes at " + hex(freed) + ", aligned to 8, freed\n"},
        {&local, 1, 1, misuse_kind::foreign_pointer, 0, 0, ""}}) {
    {
      const misuse_watch watch;
      memory.deallocate(each.p, each.bytes, each.alignment);
      BOOST_TEST(watch[0].resource == "orders");
      BOOST_TEST(watch[0].address == each.p);
      BOOST_TEST(watch[0].claimed == each.claimed);
      BOOST_TEST(watch[0].actual == each.actual);
      BOOST_TEST(watch[0].details == each.details);
      BOOST_TEST(watch.only(each.kind));
    }
    const misuse_watch watch(&throw_kind);
    BOOST_CHECK_EXCEPTION(memory.deallocate(each.p, each.bytes, each.alignment), thrown_misuse, is(each.kind));
    BOOST_TEST(memory.usage() == before);
    BOOST_TEST((memory.find_block(p).state == block_state::used));
    BOOST_TEST(memory.check());
  }
  BOOST_TEST(upstream.deallocations() == 0u);
  memory.release();
}

BOOST_AUTO_TEST_CASE(reports_say_where_it_is_now_and_where_the_block_came_from_and_went) {
  debug_resource memory(*std::pmr::new_delete_resource(), orders());
  char* const p = get(memory, 24);
  const misuse_watch watch;
  memory.deallocate(p, 25, 8);
  BOOST_TEST(has_frames(watch[0].details, "  now at:"));
  BOOST_TEST(has_frames(watch[0].details, "  allocated at:"));
  BOOST_TEST(watch[0].details.find("freed at:") == std::string_view::npos);
  memory.deallocate(p, 24, 8);
  memory.deallocate(p, 24, 8);
  BOOST_TEST((watch[1].kind == misuse_kind::double_free));
  for (const char* title : {"  now at:", "  allocated at:", "  freed at:"})
    BOOST_TEST(has_frames(watch[1].details, title));
}

BOOST_AUTO_TEST_CASE(the_default_handler_prints_the_report_and_aborts) {
  const auto over = test::run_child("debug_overrun");
  BOOST_TEST(over.aborted());
  BOOST_TEST(over.says("allot: misuse of orders: written behind the end of a block at 0x"), over.output);
  BOOST_TEST(over.says("  changed: 1 byte, the first 1 byte past the end: 41\n"), over.output);
  BOOST_TEST(has_frames(over.output, "\n  allocated at:"), over.output);
  const auto twice = test::run_child("debug_double_free");
  BOOST_TEST(twice.aborted());
  BOOST_TEST(twice.says("allot: misuse of orders: double free at 0x"), twice.output);
  BOOST_TEST(has_frames(twice.output, "\n  freed at:"), twice.output);
}

BOOST_AUTO_TEST_CASE(a_pointer_of_a_known_resource_is_told_with_its_owner) {
  secure_options options;
  options.name = "keys";
  secure_resource keys(options);
  void* const p = keys.allocate(100);
  debug_resource memory(*std::pmr::new_delete_resource(), without_stacks());
  const misuse_watch watch;
  memory.deallocate(p, 100);
  BOOST_TEST(watch[0].owner == "keys");
  BOOST_TEST(watch.only(misuse_kind::foreign_pointer));
  keys.deallocate(p, 100);
}

BOOST_AUTO_TEST_CASE(an_alignment_that_is_no_power_of_two_is_misuse_and_refused) {
  debug_resource memory(*std::pmr::new_delete_resource(), orders());
  const misuse_watch watch;
  for (const std::size_t alignment : {0U, 3U, 24U}) {
    BOOST_CHECK_EXCEPTION((void)memory.allocate(8, alignment), allocation_error, is(memory_errc::invalid_alignment));
    BOOST_TEST(watch[0].claimed == alignment);
    BOOST_TEST(watch.only(misuse_kind::invalid_alignment));
    BOOST_TEST(memory.try_allocate(8, alignment) == nullptr);
    BOOST_TEST(watch.nothing());
  }
}

// ---- quarantine

BOOST_AUTO_TEST_CASE(freed_blocks_leave_the_quarantine_in_the_order_of_their_freeing) {
  testing::counting_resource upstream;
  debug_options options = without_stacks();
  options.quarantine_bytes = 3 * 64;
  debug_resource memory(upstream, options);
  std::vector<char*> blocks;
  for (int i = 0; i < 6; ++i) blocks.push_back(get(memory, 32));
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    memory.deallocate(blocks[i], 32, 8);
    BOOST_TEST(memory.usage().reserved - memory.usage().committed == std::min<std::size_t>(i + 1, 3) * 64);
    for (std::size_t j = 0; j <= i; ++j) BOOST_TEST(memory.owns(blocks[j]) == (j + 3 > i));
  }
  BOOST_TEST(upstream.deallocations() == 3u);
  BOOST_TEST(memory.trim() == 3u * 64);
  BOOST_TEST(memory.trim() == 0u);
  BOOST_TEST(upstream.live_blocks() == 0u);
}

BOOST_AUTO_TEST_CASE(a_block_too_large_for_the_quarantine_leaves_the_others_there) {
  testing::counting_resource upstream;
  debug_options options = without_stacks();
  options.quarantine_bytes = 1000;
  debug_resource memory(upstream, options);
  char* const small = get(memory, 100);
  char* const large = get(memory, 1000);
  memory.deallocate(small, 100, 8);
  memory.deallocate(large, 1000, 8);
  BOOST_TEST(memory.owns(small));
  BOOST_TEST(!memory.owns(large));
  BOOST_TEST(upstream.deallocations() == 1u);
}

BOOST_AUTO_TEST_CASE(a_write_after_free_is_found_when_the_block_leaves) {
  testing::counting_resource upstream;
  debug_resource memory(upstream, without_stacks());
  const auto written = [&](std::ptrdiff_t at) {
    char* const p = get(memory, 24);
    memory.deallocate(p, 24, 8);
    write(p + at);
    return p;
  };
  const misuse_watch watch;
  char* const p = written(5);
  BOOST_TEST(!memory.check());
  BOOST_TEST(watch[0].address == p);
  BOOST_TEST(watch[0].details == "  block no. 1: 24 bytes at " + hex(p) +
                                     ", aligned to 8, freed\n"
                                     "  changed: 1 byte, the first byte 5: 41\n");
  BOOST_TEST(watch.only(misuse_kind::write_after_free));
  memory.trim();
  BOOST_TEST(watch.only(misuse_kind::write_after_free));
  BOOST_TEST(upstream.live_blocks() == 0u);
  for (const std::ptrdiff_t at : {-1, 0, 23, 24}) {
    written(at);
    memory.release();
    BOOST_TEST(watch.only(misuse_kind::write_after_free));
  }
  {
    debug_resource other(upstream, without_stacks());
    char* const q = get(other, 24);
    other.deallocate(q, 24, 8);
    write(q);
  }
  BOOST_TEST(watch.only(misuse_kind::write_after_free));
}

BOOST_AUTO_TEST_CASE(blocks_whose_addresses_the_upstream_gives_out_anew_are_struck_off) {
  for (const std::size_t freed : {0u, 1u, 2u, 3u, 4u}) {
    monotonic_arena arena;
    debug_resource memory(arena, without_stacks());
    std::vector<char*> before;
    for (int i = 0; i < 4; ++i) before.push_back(get(memory, 32));
    for (std::size_t i = 0; i < freed; ++i) memory.deallocate(before[i], 32, 8);
    arena.clear();
    const misuse_watch watch;
    std::vector<char*> after;
    for (int i = 0; i < 4; ++i) after.push_back(get(memory, 32));
    BOOST_TEST((before == after));
    BOOST_TEST(memory.usage().used == 4u * 32);
    BOOST_TEST(memory.check());
    for (char* const p : after) memory.deallocate(p, 32, 8);
    BOOST_TEST(memory.check());
    BOOST_TEST(memory.usage().reserved == 4u * 64);
    (void)memory.trim();
    BOOST_TEST(memory.usage().reserved == 0u);
    BOOST_TEST(watch.nothing());
  }
}

BOOST_AUTO_TEST_CASE(a_handler_that_throws_over_a_write_after_free_leaves_the_books_whole) {
  testing::counting_resource upstream;
  debug_options options = without_stacks();
  options.quarantine_bytes = 64;
  debug_resource memory(upstream, options);
  char* const p = get(memory, 32);
  char* const q = get(memory, 32);
  memory.deallocate(p, 32, 8);
  write(p);
  {
    const misuse_watch watch(&throw_kind);
    BOOST_CHECK_EXCEPTION(memory.deallocate(q, 32, 8), thrown_misuse, is(misuse_kind::write_after_free));
  }
  BOOST_TEST((memory.find_block(p).state == block_state::quarantined));
  BOOST_TEST((memory.find_block(q).state == block_state::quarantined));
  BOOST_TEST(memory.check());
  memory.deallocate(get(memory, 32), 32, 8);
  BOOST_TEST(!memory.owns(p));
  memory.trim();
  BOOST_TEST(upstream.live_blocks() == 0u);
}

BOOST_AUTO_TEST_CASE(the_quarantine_is_given_up_before_a_request_is_refused) {
  alignas(64) static std::byte buffer[1024];
  coalescing_heap heap(buffer, sizeof buffer);
  debug_options options = without_stacks();
  options.quarantine_bytes = 10'000;
  debug_resource memory(heap, options);
  for (const bool try_it : {false, true}) {
    for (int i = 0; i < 20; ++i) {
      void* const p = try_it ? memory.try_allocate(300, 8) : memory.allocate(300, 8);
      BOOST_REQUIRE(p != nullptr);
      memory.deallocate(p, 300, 8);
    }
  }
  void* const all = memory.allocate(500, 8);
  const memory_usage before = memory.usage();
  BOOST_CHECK_THROW((void)memory.allocate(500, 8), std::bad_alloc);
  BOOST_TEST(memory.try_allocate(500, 8) == nullptr);
  BOOST_TEST(memory.usage() == before);
  memory.deallocate(all, 500, 8);
}

BOOST_AUTO_TEST_CASE(what_the_upstream_throws_at_a_deallocate_passes_and_the_block_stays_in_the_quarantine) {
  calling_resource upstream;
  debug_resource memory(upstream, without_quarantine());
  char* const p = get(memory, 32);
  bool refuse = true;
  upstream.on_deallocate = [&] {
    if (refuse) throw thrown_misuse{misuse_kind::foreign_pointer};
  };
  BOOST_CHECK_EXCEPTION(memory.deallocate(p, 32, 8), thrown_misuse, is(misuse_kind::foreign_pointer));
  BOOST_TEST((memory.find_block(p).state == block_state::quarantined));
  BOOST_TEST(memory.check());
  refuse = false;
  BOOST_TEST(memory.trim() == 64u);
  BOOST_TEST(!memory.owns(p));
}

BOOST_AUTO_TEST_CASE(an_upstream_may_call_back) {
  calling_resource upstream;
  debug_resource memory(upstream, without_stacks());
  char* spare = get(memory, 100);
  upstream.on_allocate = [&] {
    if (char* const p = std::exchange(spare, nullptr); p != nullptr) memory.deallocate(p, 100, 8);
  };
  upstream.on_deallocate = [&] { BOOST_TEST(memory.check()); };
  char* const p = get(memory, 24);
  BOOST_TEST(memory.usage().used == 24u);
  memory.trim();
  memory.deallocate(p, 24, 8);
  BOOST_TEST(memory.check());
}

// ---- resizing

BOOST_AUTO_TEST_CASE(a_block_is_resized_with_its_fence_where_the_upstream_can) {
  coalescing_heap heap;
  debug_resource memory(heap, without_stacks());
  char* const p = get(memory, 100);
  std::memset(p, 7, 100);
  BOOST_TEST(memory.try_expand(p, 100, 1000, 8));
  BOOST_TEST(std::count(p, p + 100, 7) == 100);
  BOOST_TEST(memory.find_block(p + 999).bytes == 1000u);
  BOOST_TEST(memory.usage().used == 1000u);
  std::memset(p, 8, 1000);
  BOOST_TEST(memory.check());
  BOOST_TEST(memory.try_expand(p, 1000, 50, 8));
  BOOST_TEST(memory.usage().used == 50u);
  BOOST_TEST(memory.usage().peak == 1000u);
  BOOST_TEST(memory.check());
  const misuse_watch watch;
  write(p + 50);
  memory.deallocate(p, 50, 8);
  BOOST_TEST(watch.only(misuse_kind::overrun));
  memory.trim();
  BOOST_TEST(heap.usage().used == 0u);
}

BOOST_AUTO_TEST_CASE(a_block_that_cannot_be_resized_stays_as_it_is) {
  coalescing_heap heap;
  debug_resource memory(heap, without_stacks());
  char* const p = get(memory, 100);
  char* const next = get(memory, 100);
  const memory_usage before = memory.usage();
  for (const std::size_t wanted : {std::size_t{1000}, max_object_bytes, std::numeric_limits<std::size_t>::max()})
    BOOST_TEST(!memory.try_expand(p, 100, wanted, 8));
  BOOST_TEST(memory.usage() == before);
  if (memory_tools::active()) BOOST_TEST(!memory_tools::accessible(p + 100));
  BOOST_TEST(memory.check());
  memory.deallocate(p, 100, 8);
  memory.deallocate(next, 100, 8);
}

BOOST_AUTO_TEST_CASE(over_a_foreign_upstream_a_block_is_resized_within_its_slack) {
  testing::counting_resource counting;
  std::pmr::unsynchronized_pool_resource pool(&counting);
  debug_resource memory(pool, without_stacks());
  char* const p = get(memory, 1, 64);  // 128 bytes upstream: 64 before it, and 47 more than a fence behind
  BOOST_TEST(memory.try_expand(p, 1, 48, 64));
  BOOST_TEST(!memory.try_expand(p, 48, 49, 64));
  BOOST_TEST(memory.try_expand(p, 48, 0, 64));
  BOOST_TEST(memory.check());
  memory.deallocate(p, 0, 64);
}

BOOST_AUTO_TEST_CASE(resizing_what_is_no_live_block_of_that_size_is_misuse) {
  debug_resource memory(*std::pmr::new_delete_resource(), without_stacks());
  char* const p = get(memory, 100);
  const misuse_watch watch;
  BOOST_TEST(!memory.try_expand(p, 99, 99, 8));
  BOOST_TEST(watch.only(misuse_kind::wrong_size));
  BOOST_TEST(!memory.try_expand(p + 1, 99, 99, 8));
  BOOST_TEST(watch.only(misuse_kind::interior_pointer));
  memory.deallocate(p, 100, 8);
  BOOST_TEST(!memory.try_expand(p, 100, 100, 8));
  BOOST_TEST(watch.only(misuse_kind::double_free));
}

// ---- whose thread

BOOST_AUTO_TEST_CASE(a_resource_of_one_thread_refuses_all_others_until_they_take_it_over) {
  debug_options options = orders();
  options.used_by = debug_options::threads::own_only;
  debug_resource memory(*std::pmr::new_delete_resource(), options);
  char* const p = get(memory, 24);
  const memory_usage before = memory.usage();
  const misuse_watch watch;
  std::thread([&] {
    BOOST_CHECK_EXCEPTION((void)memory.allocate(1), allocation_error, is(memory_errc::permission_denied));
    BOOST_TEST(watch[0].claimed != watch[0].actual);
    BOOST_TEST(has_frames(watch[0].details, "  now at:"));
    BOOST_TEST(memory.try_allocate(1) == nullptr);
    BOOST_TEST(!memory.try_expand(p, 24, 24, 8));
    memory.deallocate(p, 24, 8);
    BOOST_TEST(watch.only(misuse_kind::wrong_thread, 4));
    BOOST_TEST(memory.usage() == before);
    memory.take_over();
    memory.deallocate(memory.allocate(10), 10);
    BOOST_TEST(watch.nothing());
  }).join();
  memory.deallocate(p, 24, 8);
  BOOST_TEST(watch.only(misuse_kind::wrong_thread));
  memory.take_over();
  memory.deallocate(p, 24, 8);
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(otherwise_threads_are_not_told_apart) {
  debug_resource memory(*std::pmr::new_delete_resource(), orders());
  char* const p = get(memory, 24);
  memory.take_over();
  const misuse_watch watch;
  std::thread([&] { memory.deallocate(p, 24, 8); }).join();
  BOOST_TEST(watch.nothing());
}

// ---- what it knows

BOOST_AUTO_TEST_CASE(live_blocks_are_known_with_number_size_alignment_and_stack) {
  debug_resource memory(*std::pmr::new_delete_resource(), orders());
  char* const first = get(memory, 10);
  char* const second = get(memory, 20, 64);
  char* const third = get(memory, 30);
  BOOST_TEST(memory.newest() == 3u);
  memory.deallocate(first, 10, 8);
  std::vector<debug_block> live;
  memory.for_each_live([&](const debug_block& block) { live.push_back(block); });
  std::sort(live.begin(), live.end(), [](auto& a, auto& b) { return a.number < b.number; });
  BOOST_TEST_REQUIRE(live.size() == 2u);
  BOOST_TEST(live[0].number == 2u);
  BOOST_TEST(live[0].begin == second);
  BOOST_TEST(live[0].bytes == 20u);
  BOOST_TEST(live[0].alignment == 64u);
  BOOST_TEST_REQUIRE(live[1].stack != nullptr);
  BOOST_TEST(live[1].stack->size() > 0u);
  std::size_t freed = 0;
  std::size_t used = 0;
  memory.for_each_block([&](const block_info& block) {
    BOOST_TEST(block.exact);
    ++(block.state == block_state::quarantined ? freed : used);
  });
  BOOST_TEST(freed == 1u);
  BOOST_TEST(used == 2u);
  memory.deallocate(second, 20, 64);
  memory.deallocate(third, 30, 8);
  memory.release();
  BOOST_TEST(memory.newest() == 3u);
}

BOOST_AUTO_TEST_CASE(a_block_is_found_by_any_of_its_bytes) {
  debug_resource memory(*std::pmr::new_delete_resource(), without_stacks());
  char* const p = get(memory, 24);
  char* const empty = get(memory, 0);
  for (const char* at : {p, p + 23}) {
    BOOST_TEST(memory.find_block(at).begin == p);
    BOOST_TEST(memory.find_block(at).bytes == 24u);
    BOOST_TEST((memory.find_block(at).state == block_state::used));
  }
  for (const char* at : {p - 1, p + 24}) {
    BOOST_TEST(memory.owns(at));
    BOOST_TEST((memory.find_block(at).state == block_state::unknown));
  }
  BOOST_TEST(memory.find_block(empty).begin == empty);
  BOOST_TEST(memory.find_block(empty).bytes == 0u);
  BOOST_TEST(!memory.owns(&memory));
  memory.deallocate(p, 24, 8);
  BOOST_TEST((memory.find_block(p).state == block_state::quarantined));
  memory.deallocate(empty, 0, 8);
}

BOOST_AUTO_TEST_CASE(usage_counts_bytes_as_asked_for_and_fences_as_waste) {
  debug_resource memory(*std::pmr::new_delete_resource(), without_stacks());
  char* const p = get(memory, 24);
  BOOST_TEST((memory.usage() == memory_usage{56, 56, 24, 24, 32}));
  memory.deallocate(p, 24, 8);
  BOOST_TEST((memory.usage() == memory_usage{56, 0, 0, 24, 0}));
  memory.release();
  BOOST_TEST((memory.usage() == memory_usage{}));
}

BOOST_AUTO_TEST_CASE(the_rest_of_the_vocabulary_is_the_upstreams) {
  coalescing_heap heap;
  debug_resource memory(heap, orders());
  BOOST_TEST(memory.kind() == "debug_resource");
  BOOST_TEST(memory.name() == "orders");
  BOOST_TEST(debug_resource(heap).name() == "debug_resource");
  BOOST_TEST(memory.upstream() == &heap);
  BOOST_TEST(memory.root() == &heap);
  BOOST_TEST(memory.available() == heap.available());
  get(memory, 100);
  memory.release();
  BOOST_TEST(heap.usage().reserved == 0u);
}

// ---- the end

BOOST_AUTO_TEST_CASE(what_is_live_at_its_end_is_a_note_and_goes_back_upstream) {
  testing::counting_resource upstream;
  const misuse_watch watch;
  {
    debug_resource memory(upstream, without_stacks());
    get(memory, 24);
    get(memory, 16, 64);
    memory.deallocate(get(memory, 8), 8, 8);
  }
  BOOST_TEST(line_for(watch[0]) == "allot: note on orders: not freed: blocks 2, bytes 40");
  BOOST_TEST(watch[0].details == "  2 blocks, 40 bytes, no. 1 first\n");
  BOOST_TEST(!watch[0].fatal);
  BOOST_TEST(watch.only(misuse_kind::leak));
  BOOST_TEST(upstream.live_blocks() == 0u);
  BOOST_TEST(upstream.mismatches().empty());
}

BOOST_AUTO_TEST_CASE(nothing_is_said_of_leaks_where_there_are_none_or_they_do_not_matter) {
  const misuse_watch watch;
  {
    debug_options options = without_stacks();
    options.report_leaks = false;
    debug_resource indifferent(*std::pmr::new_delete_resource(), options);
    get(indifferent, 24);
    debug_resource released(*std::pmr::new_delete_resource(), without_stacks());
    get(released, 24);
    released.release();
    debug_resource freed(*std::pmr::new_delete_resource(), without_stacks());
    freed.deallocate(get(freed, 24), 24, 8);
  }
  BOOST_TEST(watch.nothing());
}

// ---- refusals

BOOST_AUTO_TEST_CASE(what_the_upstream_throws_passes_through_and_nothing_has_changed) {
  testing::failing_resource failing;
  debug_resource memory(failing, without_stacks());
  char* const p = get(memory, 24);
  const memory_usage before = memory.usage();
  failing.fail_at(1, testing::failing_resource::rule::from_then_on);
  BOOST_CHECK_THROW((void)memory.allocate(24), testing::injected_failure);
  BOOST_TEST(memory.try_allocate(24) == nullptr);
  BOOST_TEST(memory.usage() == before);
  BOOST_TEST(memory.newest() == 1u);
  failing.fail_at(0);
  memory.deallocate(get(memory, 24), 24, 8);
  memory.deallocate(p, 24, 8);
  BOOST_TEST(memory.check());
}

BOOST_AUTO_TEST_CASE(when_the_system_refuses_pages_for_the_books_nothing_has_changed) {
  for (std::size_t nth = 1; nth < 10; ++nth) {
    testing::counting_resource upstream;
    debug_resource memory(upstream, orders());
    std::vector<void*> blocks;
    const os::failure_injection injection(nth);
    while (!injection.fired() && blocks.size() < 2000) {
      const memory_usage before = memory.usage();
      const std::size_t live = upstream.live_blocks();
      try {
        blocks.push_back(memory.allocate(24));
      } catch (const allocation_error& error) {
        BOOST_TEST((error.code() == memory_errc::out_of_memory));
        BOOST_TEST(injection.fired());
        BOOST_TEST(memory.usage() == before);
        BOOST_TEST(upstream.live_blocks() == live);
      }
    }
    BOOST_TEST(injection.fired());
    blocks.push_back(memory.allocate(24));
    BOOST_TEST(memory.check());
    for (void* const p : blocks) memory.deallocate(p, 24);
  }
}

BOOST_AUTO_TEST_CASE(construction_asks_the_system_for_no_memory) {
  (void)os::facts();
  const os::failure_injection calls(0);
  debug_resource memory(*std::pmr::new_delete_resource(), orders());
  BOOST_TEST(calls.calls() == 0u);
}

BOOST_AUTO_TEST_CASE(a_memory_tool_sees_fences_and_freed_blocks) {
  if (!memory_tools::active()) return test::skip("no memory tool watches");
  BOOST_TEST(test::run_child("debug_fence_under_a_tool").says("use-after-poison"));
  BOOST_TEST(test::run_child("debug_freed_under_a_tool").says("use-after-poison"));
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(a_child_process_goes_on_while_other_threads_were_at_it) {
  const auto outcome = test::run_child("debug_forked");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}
#endif

BOOST_AUTO_TEST_SUITE_END()
