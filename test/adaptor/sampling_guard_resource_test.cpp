#if !defined(_WIN32)
#include <sys/wait.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <allot/adaptor/sampling_guard_resource.hpp>
#include <allot/block/page_resource.hpp>
#include <allot/block/reserving_resource.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/core/misuse.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/pool/concurrent_pool.hpp>
#include <allot/pool/pool_resource.hpp>
#include <allot/testing/counting_resource.hpp>
#include <allot/testing/trap_resource.hpp>
#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <memory_resource>
#include <new>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/access.hpp"
#include "support/child.hpp"
#include "support/conforms.hpp"
#include "support/machine.hpp"
#include "support/misuse_watch.hpp"
#include "support/usage.hpp"
#include "support/worker.hpp"

using namespace allot;
using test::expect_conforms;
using test::misuse_watch;
using testing::make_subject;
using placement = guarded_page_options::placement;

namespace {

const std::size_t page = test::system_page_size();

sampling_guard_options rate_of(std::size_t rate, std::uint64_t seed = 1) {
  sampling_guard_options options;
  options.rate = rate;
  options.seed = seed;
  return options;
}

sampling_guard_options orders(placement at = placement::end) {
  sampling_guard_options options = rate_of(1);
  options.at = at;
  options.name = "orders";
  return options;
}

char* get(sampling_guard_resource& memory, std::size_t bytes, std::size_t alignment = 8) {
  return static_cast<char*>(memory.allocate(bytes, alignment));
}

/// Which of `count` allocations, each freed at once, are samples.
std::vector<bool> samples(sampling_guard_resource& memory, std::size_t count) {
  std::vector<bool> found;
  for (std::size_t i = 0; i < count; ++i) {
    void* const p = memory.allocate(16);
    found.push_back(memory.is_guarded(p));
    memory.deallocate(p, 16);
  }
  return found;
}

std::size_t count_of(const std::vector<bool>& samples) {
  return static_cast<std::size_t>(std::count(samples.begin(), samples.end(), true));
}

bool has_frames(std::string_view text, std::string_view title) {
  const std::size_t at = text.find(title);
  return at != text.npos && text.substr(at + title.size()).find("\n    #0 0x") == 0;
}

void touch(char* p, char value = 1) { *const_cast<volatile char*>(p) = value; }

// What goes wrong in a program, in one of its own: a fault or misuse of a sampled block.
const test::child_program overflow{"sampled_overflow", [] {
                                     pool_resource pool;
                                     sampling_guard_resource memory(pool, orders());
                                     touch(get(memory, 24) + 24);
                                   }};
const test::child_program underflow{"sampled_underflow", [] {
                                      pool_resource pool;
                                      sampling_guard_resource memory(pool, orders(placement::start));
                                      touch(get(memory, 24) - 1);
                                    }};
const test::child_program use_after_free{"sampled_use_after_free", [] {
                                           pool_resource pool;
                                           sampling_guard_resource memory(pool, orders());
                                           char* p = get(memory, 24);
                                           memory.deallocate(p, 24, 8);
                                           touch(p + 3);
                                         }};
const test::child_program double_free{"sampled_double_free", [] {
                                        pool_resource pool;
                                        sampling_guard_resource memory(pool, orders());
                                        char* p = get(memory, 24);
                                        memory.deallocate(p, 24, 8);
                                        memory.deallocate(p, 24, 8);
                                      }};
const test::child_program wrong_size{"sampled_wrong_size", [] {
                                       pool_resource pool;
                                       sampling_guard_resource memory(pool, orders());
                                       memory.deallocate(get(memory, 24), 25, 8);
                                     }};
const test::child_program in_production{"sampled_in_production", [] {
                                          pool_resource pool;
                                          sampling_guard_options options = orders();
                                          options.rate = 100;
                                          sampling_guard_resource memory(pool, options);
                                          // A bug that does no visible harm nearly always: one byte too many.
                                          for (int i = 0; i < 1000; ++i) {
                                            char* const p = get(memory, 24);
                                            memory_tools::unpoison(p + 24, memory.is_guarded(p) ? 0 : 1);
                                            touch(p + 24, 0);
                                            memory.deallocate(p, 24, 8);
                                          }
                                        }};
#if !defined(_WIN32)
const test::child_program forked{"sampled_forked", [] {
                                   concurrent_pool pool;
                                   sampling_guard_resource memory(pool, rate_of(2));
                                   std::atomic<bool> stop{false};
                                   std::thread other([&] {
                                     while (!stop) {
                                       memory.deallocate(memory.allocate(10), 10);
                                       std::this_thread::yield();
                                     }
                                   });
                                   bool good = true;
                                   for (int i = 0; i < 30 && good; ++i) {
                                     void* const p = memory.allocate(20);
                                     const pid_t child = ::fork();
                                     if (child == 0) {
                                       ::alarm(20);
                                       memory.deallocate(p, 20);
                                       for (int j = 0; j < 50; ++j) memory.deallocate(memory.allocate(10), 10);
                                       ::_exit(memory.check() && memory.statistics().live <= 1 ? 0 : 1);
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

BOOST_AUTO_TEST_SUITE(sampling_guard_resources)

// ---- which allocations are guarded

BOOST_AUTO_TEST_CASE(one_allocation_in_so_many_is_guarded) {
  constexpr std::size_t count = 1'000'000;
  for (const std::size_t rate : {std::size_t{50}, std::size_t{1000}}) {
    pool_resource pool;
    sampling_guard_resource memory(pool, rate_of(rate, 7));
    const std::vector<bool> found = samples(memory, count);
    const double expected = static_cast<double>(count) / static_cast<double>(rate);
    // Distances are uniform from 1 to 2 * rate - 1, so their deviation is 0.58 of their mean: this is five of them.
    const double tolerance = 5 * 0.58 * std::sqrt(expected);
    BOOST_TEST(std::abs(static_cast<double>(count_of(found)) - expected) < tolerance, count_of(found));
    BOOST_TEST(memory.statistics().sampled == count_of(found));
    BOOST_TEST(memory.statistics().refused == 0u);
  }
}

BOOST_AUTO_TEST_CASE(distances_between_samples_are_uniform) {
  pool_resource pool;
  sampling_guard_resource memory(pool, rate_of(8, 3));
  std::array<std::size_t, 16> seen{};  // distances from 1 to 15
  std::size_t distance = 0;
  std::size_t drawn = 0;
  for (const bool sampled : samples(memory, 200'000)) {
    ++distance;
    if (!sampled) continue;
    BOOST_REQUIRE(distance < seen.size());
    ++seen[distance];
    ++drawn;
    distance = 0;
  }
  const double expected = static_cast<double>(drawn) / 15;
  double chi_square = 0;
  for (std::size_t i = 1; i < seen.size(); ++i) {
    const double off = static_cast<double>(seen[i]) - expected;
    chi_square += off * off / expected;
  }
  BOOST_TEST(chi_square < 36.1);  // 14 degrees of freedom, 1 in 1000
}

BOOST_AUTO_TEST_CASE(a_rate_of_one_guards_all_there_is_a_slot_for) {
  testing::counting_resource upstream;
  sampling_guard_options options = rate_of(1);
  options.slots = 10;
  sampling_guard_resource memory(upstream, options);
  std::vector<void*> blocks;
  for (int i = 0; i < 15; ++i) blocks.push_back(memory.allocate(100));
  BOOST_TEST(upstream.allocations() == 5u);
  BOOST_TEST(memory.statistics().sampled == 10u);
  BOOST_TEST(memory.statistics().live == 10u);
  BOOST_TEST(memory.statistics().refused == 5u);
  for (void* const p : blocks) memory.deallocate(p, 100);
  BOOST_TEST(upstream.deallocations() == 5u);
  BOOST_TEST(memory.statistics().live == 0u);
}

BOOST_AUTO_TEST_CASE(without_rate_or_slots_nothing_is_guarded) {
  for (const bool no_rate : {true, false}) {
    testing::counting_resource upstream;
    sampling_guard_options options;
    (no_rate ? options.rate : options.slots) = 0;
    sampling_guard_resource memory(upstream, options);
    BOOST_TEST(count_of(samples(memory, 100'000)) == 0u);
    BOOST_TEST(upstream.allocations() == 100'000u);
  }
}

BOOST_AUTO_TEST_CASE(the_same_seed_chooses_the_same_allocations) {
  pool_resource pool;
  sampling_guard_resource one(pool, rate_of(20, 5));
  const std::vector<bool> first = samples(one, 1000);
  sampling_guard_resource same(pool, rate_of(20, 5));
  BOOST_TEST((samples(same, 1000) == first));
  sampling_guard_resource other(pool, rate_of(20, 6));
  BOOST_TEST((samples(other, 1000) != first));
  one.release();
  BOOST_TEST((samples(one, 1000) == first));
  sampling_guard_resource random(pool, rate_of(20, 0));
  sampling_guard_resource as_random(pool, rate_of(20, 0));
  BOOST_TEST((samples(random, 1000) != samples(as_random, 1000)));
}

BOOST_AUTO_TEST_CASE(every_thread_has_its_samples) {
  concurrent_pool pool;
  sampling_guard_resource memory(pool, rate_of(100));
  std::array<std::atomic<std::size_t>, 6> found{};
  test::in_threads(found.size(), [&](std::size_t i) { found[i] = count_of(samples(memory, 20'000)); });
  for (const auto& each : found) {
    BOOST_TEST(each.load() > 100u);
    BOOST_TEST(each.load() < 400u);
  }
}

BOOST_AUTO_TEST_CASE(what_is_too_large_or_aligned_beyond_a_page_is_the_upstreams) {
  testing::counting_resource upstream;
  sampling_guard_options options = rate_of(1);
  options.largest_bytes = 1000;
  sampling_guard_resource memory(upstream, options);
  for (const auto& [bytes, alignment] : {std::pair{std::size_t{1001}, std::size_t{1}}, {std::size_t{1}, 2 * page}}) {
    void* const p = memory.allocate(bytes, alignment);
    BOOST_TEST(!memory.is_guarded(p));
    memory.deallocate(p, bytes, alignment);
  }
  BOOST_TEST(upstream.deallocations() == 2u);
  BOOST_TEST(memory.statistics().refused == 0u);
  void* const p = memory.allocate(1000, page);
  BOOST_TEST(memory.is_guarded(p));
  memory.deallocate(p, 1000, page);
}

// ---- what is not guarded

BOOST_AUTO_TEST_CASE(all_else_reaches_the_upstream_unchanged) {
  testing::counting_resource upstream;
  sampling_guard_resource memory(upstream, rate_of(10));
  std::size_t passed_on = 0;
  for (std::size_t bytes = 0; bytes < 500; ++bytes) {
    const std::size_t alignment = std::size_t{1} << (bytes % 12);
    void* const p = memory.allocate(bytes, alignment);
    BOOST_TEST(is_aligned(p, alignment));
    if (!memory.is_guarded(p)) ++passed_on;
    BOOST_TEST(upstream.allocations() == passed_on);
    memory.deallocate(p, bytes, alignment);  // the counting resource compares pointer, size and alignment
  }
  BOOST_TEST(upstream.deallocations() == passed_on);
  BOOST_TEST(upstream.mismatches().empty());
}

BOOST_AUTO_TEST_CASE(a_refusal_of_the_upstream_passes_through) {
  testing::trap_resource upstream;
  sampling_guard_resource memory(upstream, rate_of(0));
  BOOST_CHECK_THROW((void)memory.allocate(1), std::bad_alloc);
  BOOST_TEST(memory.try_allocate(1) == nullptr);
  sampling_guard_resource over_none(*std::pmr::null_memory_resource(), rate_of(0));
  BOOST_CHECK_THROW((void)over_none.allocate(1), std::bad_alloc);
  BOOST_TEST(over_none.try_allocate(1) == nullptr);
  BOOST_TEST(over_none.try_allocate(1, 3) == nullptr);
}

BOOST_AUTO_TEST_CASE(whatever_the_system_refuses_is_the_upstreams) {
  for (const auto rule : {os::failure_injection::rule::once, os::failure_injection::rule::from_then_on})
    for (std::size_t nth = 1; nth < 40; ++nth) {
      pool_resource pool;
      sampling_guard_options options = rate_of(1);
      options.slots = 2;
      sampling_guard_resource memory(pool, options);
      pool.deallocate(pool.allocate(100), 100);  // it needs nothing of the system from now on
      const os::failure_injection injection(nth, os::os_call::any, rule);
      for (int i = 0; i < 5; ++i) {
        void* const p = memory.allocate(100);
        std::memset(p, 1, 100);
        memory.deallocate(p, 100);
      }
      BOOST_TEST(memory.check());
      BOOST_TEST(memory.statistics().live == 0u);
      BOOST_TEST(memory.statistics().sampled + memory.statistics().refused == 5u);
    }
}

// ---- what is found

BOOST_AUTO_TEST_CASE(a_write_past_the_end_faults_and_the_report_says_where_the_block_is_from) {
  const auto outcome = test::run_child("sampled_overflow");
  BOOST_TEST(outcome.faulted());
  BOOST_TEST(outcome.says("'orders': fault at 0x"), outcome.output);
  BOOST_TEST(outcome.says(": 1 byte past the end of a live block of 24 bytes at 0x"), outcome.output);
  BOOST_TEST(has_frames(outcome.output, "\n  allocated at:"), outcome.output);
  BOOST_TEST(!outcome.says("freed at:"), outcome.output);
}

BOOST_AUTO_TEST_CASE(a_write_before_the_start_faults) {
  if (test::faults_tell_pages_only()) return test::skip(test::of_exact_faults);
  const auto outcome = test::run_child("sampled_underflow");
  BOOST_TEST(outcome.faulted());
  BOOST_TEST(outcome.says(": 1 byte before the start of a live block of 24 bytes at 0x"), outcome.output);
  BOOST_TEST(has_frames(outcome.output, "\n  allocated at:"), outcome.output);
}

BOOST_AUTO_TEST_CASE(use_after_free_faults_and_the_report_has_both_stacks) {
  if (test::faults_tell_pages_only()) return test::skip(test::of_exact_faults);
  const auto outcome = test::run_child("sampled_use_after_free");
  BOOST_TEST(outcome.faulted());
  BOOST_TEST(outcome.says(": inside a block of 24 bytes at 0x"), outcome.output);
  BOOST_TEST(outcome.says(" that was freed\n"), outcome.output);
  BOOST_TEST(has_frames(outcome.output, "\n  allocated at:"), outcome.output);
  BOOST_TEST(has_frames(outcome.output, "\n  freed at:"), outcome.output);
}

BOOST_AUTO_TEST_CASE(misuse_at_deallocate_ends_the_program_with_stacks) {
  const auto twice = test::run_child("sampled_double_free");
  BOOST_TEST(twice.aborted());
  BOOST_TEST(twice.says("allot: misuse of orders: double free at 0x"), twice.output);
  for (const char* title : {"\n  now at:", "\n  allocated at:", "\n  freed at:"})
    BOOST_TEST(has_frames(twice.output, title), twice.output);
  const auto size = test::run_child("sampled_wrong_size");
  BOOST_TEST(size.aborted());
  BOOST_TEST(size.says("allot: misuse of orders: wrong size at 0x"), size.output);
  BOOST_TEST(size.says(": bytes claimed 25, bytes allocated 24\n"), size.output);
  BOOST_TEST(has_frames(size.output, "\n  allocated at:"), size.output);
}

BOOST_AUTO_TEST_CASE(a_bug_that_does_no_harm_is_found_by_running_long_enough) {
  const auto outcome = test::run_child("sampled_in_production");
  BOOST_TEST(outcome.faulted());
  BOOST_TEST(outcome.says(": 1 byte past the end of a live block of 24 bytes at 0x"), outcome.output);
}

BOOST_AUTO_TEST_CASE(misuse_of_a_sample_is_found_exactly_and_has_no_effect) {
  testing::counting_resource upstream;
  sampling_guard_resource memory(upstream, rate_of(1));
  char* const p = get(memory, 100, 64);
  char* const freed = get(memory, 10);
  memory.deallocate(freed, 10, 8);
  {
    const misuse_watch watch;
    memory.deallocate(p, 101, 64);
    BOOST_TEST(watch[0].resource == "sampling_guard_resource");
    BOOST_TEST(has_frames(watch[0].details, "  allocated at:"));
    BOOST_TEST(watch.only(misuse_kind::wrong_size));
    memory.deallocate(p, 100, 32);
    BOOST_TEST(watch.only(misuse_kind::wrong_alignment));
    memory.deallocate(p + 1, 99, 64);
    BOOST_TEST(watch.only(misuse_kind::foreign_pointer));
    memory.deallocate(freed, 10, 8);
    BOOST_TEST(watch.only(misuse_kind::double_free));
  }
  BOOST_TEST(memory.statistics().live == 1u);
  BOOST_TEST(upstream.deallocations() == 0u);
  memory.deallocate(p, 100, 64);
  BOOST_TEST(memory.statistics().live == 0u);
}

BOOST_AUTO_TEST_CASE(a_freed_sample_stays_inaccessible_until_its_slot_is_needed) {
  sampling_guard_options options = rate_of(1);
  options.slots = 3;
  options.largest_bytes = 4 * page;
  pool_resource pool;
  sampling_guard_resource memory(pool, options);
  char* const p = get(memory, page);
  memory.deallocate(p, page, 8);
  for (int i = 0; i < 2; ++i) {
    BOOST_TEST(!test::readable(p));
    memory.deallocate(get(memory, page), page, 8);
  }
  BOOST_TEST((get(memory, options.largest_bytes) < p + page));
  BOOST_TEST(test::readable(p));
}

// ---- the vocabulary

BOOST_AUTO_TEST_CASE(samples_and_upstream_answer_together) {
  coalescing_heap heap;
  sampling_guard_resource memory(heap, rate_of(2, 2));
  BOOST_TEST(memory.upstream() == &heap);
  BOOST_TEST(memory.root() == &heap);
  BOOST_TEST(memory.name() == "sampling_guard_resource");
  char* sample = nullptr;
  char* other = nullptr;
  while (sample == nullptr || other == nullptr) {
    char* const p = get(memory, 100);
    (memory.is_guarded(p) ? sample : other) = p;
  }
  for (char* const p : {sample, other}) {
    BOOST_TEST(memory.owns(p));
    BOOST_TEST(memory.find_block(p + 50).begin == p);
    BOOST_TEST((memory.find_block(p).state == block_state::used));
  }
  BOOST_TEST(!memory.owns(&heap));
  BOOST_TEST(memory.usage().used == heap.usage().used + 100 * memory.statistics().live);
  BOOST_TEST(memory.usage().reserved > heap.usage().reserved);
  BOOST_TEST(memory.available() == heap.available());
  bool sample_seen = false;
  bool other_seen = false;
  memory.for_each_block([&](const block_info& block) {
    sample_seen = sample_seen || block.begin == sample;
    other_seen = other_seen || block.begin == other;
  });
  BOOST_TEST(sample_seen);
  BOOST_TEST(other_seen);
  std::array<char, 100> text{};
  BOOST_TEST(memory.explain(sample, text.data(), text.size()) != 0u);
  BOOST_TEST(memory.explain(other, text.data(), text.size()) == 0u);
  BOOST_TEST(memory.try_expand(other, 100, 100, 8));
  BOOST_TEST(memory.try_expand(sample, 100, 100, 8));
  BOOST_TEST(memory.check());
  memory.deallocate(sample, 100, 8);
  memory.deallocate(other, 100, 8);
  memory.release();
  BOOST_TEST(heap.usage().used == 0u);
  BOOST_TEST(!memory.owns(sample));
  BOOST_TEST((memory.statistics().sampled == 0u));
}

BOOST_AUTO_TEST_CASE(damage_of_a_sample_is_found_by_check) {
  pool_resource pool;
  sampling_guard_resource memory(pool, orders());
  char* const p = get(memory, 13);
  BOOST_TEST(memory.check());
  memory_tools::unpoison(p + 13, 1);
  p[13] = 1;
  const misuse_watch watch;
  BOOST_TEST(!memory.check());
  memory.deallocate(p, 13, 8);
  BOOST_TEST(watch.only(misuse_kind::overrun, 2));
}

BOOST_AUTO_TEST_CASE(over_a_foreign_upstream_the_samples_are_known) {
  sampling_guard_resource memory(*std::pmr::new_delete_resource(), rate_of(1));
  char* const p = get(memory, 100);
  BOOST_TEST(memory.root() == std::pmr::new_delete_resource());
  BOOST_TEST(memory.owns(p));
  BOOST_TEST(memory.usage().used == 100u);
  BOOST_TEST(memory.available() == 0u);
  BOOST_TEST(memory.trim() == 0u);
  memory.deallocate(p, 100, 8);
}

BOOST_AUTO_TEST_CASE(construction_asks_the_system_for_no_memory) {
  pool_resource pool;
  (void)os::facts();
  const os::failure_injection calls(0);
  sampling_guard_resource memory(pool, rate_of(1));
  BOOST_TEST(calls.calls() == 0u);
}

// ---- conformance, threads, forks

BOOST_AUTO_TEST_CASE(it_conforms_over_any_upstream) {
  // At rates between, a twin whose upstream did not refuse guards other allocations from then on.
  for (const std::size_t rate : {std::size_t{0}, std::size_t{1}, std::size_t{5000}}) {
    auto subject = make_subject("sampling_guard_resource, rate " + std::to_string(rate),
                                [rate](std::pmr::memory_resource& upstream) {
                                  return std::make_unique<sampling_guard_resource>(upstream, rate_of(rate));
                                });
    subject.frees_at_destruction = false;  // the upstream's blocks are their owner's to free
    subject.release = {};
    expect_conforms(subject);
  }
}

/// With an upstream of its own.
template <class Upstream>
struct sampled_over final : public std::pmr::memory_resource {
  Upstream upstream;
  sampling_guard_resource memory{upstream, rate_of(2)};

  void release() { memory.release(); }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override { return memory.allocate(bytes, alignment); }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    memory.deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

BOOST_AUTO_TEST_CASE(it_conforms_over_resources_of_ours) {
  const auto over = [](auto* of_type) {
    using upstream = std::remove_pointer_t<decltype(of_type)>;
    auto subject = make_subject("sampling_guard_resource over " + std::string(upstream().kind()),
                                [](std::pmr::memory_resource&) { return std::make_unique<sampled_over<upstream>>(); });
    subject.keeps_cache_when_refused = false;
    expect_conforms(subject);
  };
  over(static_cast<page_resource*>(nullptr));
  over(static_cast<reserving_resource*>(nullptr));
  over(static_cast<coalescing_heap*>(nullptr));
}

BOOST_AUTO_TEST_CASE(threads_share_it_if_they_share_the_upstream) {
  concurrent_pool pool;
  sampling_guard_resource memory(pool, rate_of(5));
  test::in_threads(20, [&](std::size_t thread) {  // more than there are counts
    std::vector<char*> mine;
    for (std::size_t i = 0; i < 500; ++i) {
      mine.push_back(get(memory, 40));
      std::memset(mine.back(), static_cast<int>(thread), 40);
      if (i % 3 != 0) continue;
      for (std::size_t byte = 0; byte < 40; ++byte)
        if (mine.front()[byte] != static_cast<char>(thread)) std::abort();
      memory.deallocate(mine.front(), 40, 8);
      mine.erase(mine.begin());
    }
    for (char* const p : mine) memory.deallocate(p, 40, 8);
  });
  BOOST_TEST(memory.statistics().live == 0u);
  BOOST_TEST(memory.statistics().sampled > 100u);
  BOOST_TEST(memory.check());
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(a_child_process_goes_on_while_other_threads_were_sampling) {
  const auto outcome = test::run_child("sampled_forked");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}
#endif

BOOST_AUTO_TEST_SUITE_END()
