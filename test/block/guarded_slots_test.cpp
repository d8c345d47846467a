// guarded_page_resource with `slots`, and with `record_stacks`.

#if !defined(_WIN32)
#include <sys/wait.h>
#include <unistd.h>
#endif

#include <allot/block/guarded_page_resource.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/os/virtual_memory.hpp>
#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "block/alike.hpp"
#include "support/access.hpp"
#include "support/child.hpp"
#include "support/misuse_watch.hpp"
#include "support/with_code.hpp"

using namespace allot;
using test::misuse_watch;
using test::with_code;
using placement = guarded_page_options::placement;

namespace {

const std::size_t page = test::system_page_size();

guarded_page_options with_slots(std::size_t slots, std::size_t slot_bytes = 1) {
  guarded_page_options options;
  options.slots = slots;
  options.slot_bytes = slot_bytes;
  return options;
}

guarded_page_options recording() {
  guarded_page_options options;
  options.record_stacks = true;
  options.explain_faults = true;
  options.name = "orders";
  return options;
}

char* get(guarded_page_resource& pages, std::size_t bytes, std::size_t alignment = 1) {
  return static_cast<char*>(pages.allocate(bytes, alignment));
}

std::string explained(const guarded_page_resource& pages, const void* p) {
  std::array<char, 10000> text{};
  return {text.data(), pages.explain(p, text.data(), text.size())};
}

bool has_frames(std::string_view text, std::string_view title) {
  const std::size_t at = text.find(title);
  return at != text.npos && text.substr(at + title.size()).find("\n    #0 0x") == 0;
}

void touch(char* p) { *const_cast<volatile char*>(p) = 1; }

const test::child_program overflow{"recorded_overflow", [] {
                                     guarded_page_resource pages(recording());
                                     touch(get(pages, 24, 8) + 24);
                                   }};
const test::child_program use_after_free{"recorded_use_after_free", [] {
                                           guarded_page_resource pages(recording());
                                           char* p = get(pages, 24, 8);
                                           pages.deallocate(p, 24, 8);
                                           touch(p);
                                         }};
const test::child_program double_free{"recorded_double_free", [] {
                                        guarded_page_resource pages(recording());
                                        void* p = pages.allocate(10);
                                        pages.deallocate(p, 10);
                                        pages.deallocate(p, 10);
                                      }};

#if !defined(_WIN32)
/// Another thread is in the middle of a call nearly always.
const test::child_program forked{"guarded_slots_forked", [] {
                                   guarded_page_resource pages(with_slots(8));
                                   std::atomic<bool> stop{false};
                                   std::thread other([&] {
                                     while (!stop) {
                                       pages.deallocate(pages.allocate(10), 10);
                                       std::this_thread::yield();
                                     }
                                   });
                                   bool good = true;
                                   for (int i = 0; i < 30 && good; ++i) {
                                     void* const p = pages.allocate(20);
                                     const pid_t child = ::fork();
                                     if (child == 0) {
                                       ::alarm(20);
                                       pages.deallocate(p, 20);
                                       for (int j = 0; j < 20; ++j) pages.deallocate(pages.allocate(10), 10);
                                       ::_exit(pages.check() ? 0 : 1);
                                     }
                                     int status = 0;
                                     ::waitpid(child, &status, 0);
                                     good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
                                     pages.deallocate(p, 20);
                                   }
                                   stop = true;
                                   other.join();
                                   if (!good) ::_exit(1);
                                 }};
#endif

}  // namespace

BOOST_AUTO_TEST_SUITE(guarded_slots)

// ---- stacks

BOOST_AUTO_TEST_CASE(a_fault_tells_where_the_block_was_allocated_and_freed) {
  if (test::faults_tell_pages_only()) return test::skip(test::of_exact_faults);
  const auto alive = test::run_child("recorded_overflow");
  BOOST_TEST(alive.faulted());
  BOOST_TEST(alive.says(": 1 byte past the end of a live block of 24 bytes at 0x"), alive.output);
  BOOST_TEST(has_frames(alive.output, "\n  allocated at:"), alive.output);
  BOOST_TEST(!alive.says("freed at:"), alive.output);
  const auto freed = test::run_child("recorded_use_after_free");
  BOOST_TEST(freed.faulted());
  BOOST_TEST(freed.says(": inside a block of 24 bytes at 0x"), freed.output);
  BOOST_TEST(has_frames(freed.output, "\n  allocated at:"), freed.output);
  BOOST_TEST(has_frames(freed.output, "\n  freed at:"), freed.output);
}

BOOST_AUTO_TEST_CASE(a_report_tells_where_the_block_was_allocated_and_freed_and_where_the_program_is) {
  const auto outcome = test::run_child("recorded_double_free");
  BOOST_TEST(outcome.aborted());
  BOOST_TEST(outcome.says("misuse of orders: double free"), outcome.output);
  for (const char* title : {"\n  now at:", "\n  allocated at:", "\n  freed at:"})
    BOOST_TEST(has_frames(outcome.output, title), outcome.output);

  guarded_page_resource pages(recording());
  char* const p = get(pages, 13, 16);
  const misuse_watch watch;
  pages.deallocate(p, 14, 16);
  memory_tools::unpoison(p + 13, 1);
  p[13] = 1;
  BOOST_TEST(!pages.check());
  BOOST_TEST(!pages.try_expand(p, 13, 14, 16));
  pages.deallocate(p, 13, 16);
  BOOST_REQUIRE(watch.count() == 4u);
  for (std::size_t i = 0; i < 4; ++i) {
    BOOST_TEST(has_frames(watch[i].details, "  allocated at:"), watch[i].details);
    BOOST_TEST(watch[i].details.back() == '\n');
  }
  BOOST_TEST(has_frames(watch[0].details, "  now at:"), watch[0].details);
  BOOST_TEST(has_frames(watch[3].details, "  now at:"), watch[3].details);
}

BOOST_AUTO_TEST_CASE(explanations_have_stacks_behind_the_words) {
  guarded_page_resource pages(recording());
  char* const p = get(pages, 24, 8);
  const std::string alive = explained(pages, p);
  BOOST_TEST(alive.find("inside a live block of 24 bytes at 0x") == 0u, alive);
  BOOST_TEST(has_frames(alive, "\n  allocated at:"), alive);
  BOOST_TEST(alive.back() != '\n');
  pages.deallocate(p, 24, 8);
  BOOST_TEST(has_frames(explained(pages, p), "\n  freed at:"));
}

BOOST_AUTO_TEST_CASE(nothing_is_recorded_unasked) {
  guarded_page_resource pages;
  char* const p = get(pages, 24, 8);
  BOOST_TEST(explained(pages, p).find('\n') == std::string::npos);
  const misuse_watch watch;
  pages.deallocate(p, 25, 8);
  BOOST_REQUIRE(watch.count() == 1u);
  BOOST_TEST(watch[0].details.empty());
}

BOOST_AUTO_TEST_CASE(a_block_goes_without_stacks_when_there_are_no_pages_for_them) {
  guarded_page_resource pages(recording());
  std::size_t without = 0;
  for (std::size_t nth = 1; nth < 10; ++nth) {
    pages.release();
    const os::failure_injection injection(nth, os::os_call::map);
    void* const p = pages.try_allocate(10);
    if (p == nullptr) continue;
    if (explained(pages, p).find("allocated at:") == std::string::npos) ++without;
    pages.deallocate(p, 10);
  }
  BOOST_TEST(without == 1u);
}

BOOST_AUTO_TEST_CASE(records_go_with_their_blocks) {
  guarded_page_options options = recording();
  options.quarantine_blocks = 3;
  guarded_page_resource pages(options);
  for (int i = 0; i < 1000; ++i) pages.deallocate(pages.allocate(1), 1);
  BOOST_TEST(pages.trim() == 9 * page);
  test::expect_that_release_gives_everything_back(pages);
}

// ---- slots

BOOST_AUTO_TEST_CASE(all_blocks_lie_in_one_range) {
  guarded_page_resource pages(with_slots(10, 3 * page));
  BOOST_TEST(!pages.contains(&pages));
  BOOST_TEST(pages.usage().reserved == 0u);
  std::vector<char*> blocks;
  for (std::size_t i = 1; i <= 10; ++i) {
    blocks.push_back(get(pages, i * 3 * page / 10));
    std::memset(blocks.back(), 1, i * 3 * page / 10);
  }
  BOOST_TEST(pages.usage().reserved == (10 * 4 + 1) * page);
  for (char* const p : blocks) {
    BOOST_TEST(pages.contains(p));
    BOOST_TEST(pages.owns(p));
  }
  BOOST_TEST(pages.check());
  BOOST_TEST(!pages.contains(&pages));
  for (std::size_t i = 1; i <= 10; ++i) pages.deallocate(blocks[i - 1], i * 3 * page / 10, 1);
  BOOST_TEST(pages.usage().reserved == (10 * 4 + 1) * page);
  pages.release();
  BOOST_TEST(!pages.contains(blocks[0]));
  BOOST_TEST((pages.usage() == memory_usage{}));
}

BOOST_AUTO_TEST_CASE(blocks_in_slots_touch_their_guards) {
  for (const placement at : {placement::end, placement::start}) {
    guarded_page_options options = with_slots(3, 4 * page);
    options.at = at;
    guarded_page_resource pages(options);
    for (const std::size_t bytes : {std::size_t{24}, page, 3 * page + 40, 4 * page}) {
      char* const p = get(pages, bytes, 8);
      BOOST_TEST(test::writable(p));
      BOOST_TEST(test::writable(p + bytes - 1));
      if (at == placement::end) BOOST_TEST(!test::readable(p + bytes));
      if (at == placement::start) BOOST_TEST(!test::readable(p - 1));
      BOOST_TEST(explained(pages, p + bytes + 1).find("2 bytes past the end of a live block") == 0u);
      BOOST_TEST(explained(pages, p - 3).find("3 bytes before the start of a live block") == 0u);
      pages.deallocate(p, bytes, 8);
      BOOST_TEST(!test::readable(p));
    }
  }
}

BOOST_AUTO_TEST_CASE(placements_alternate) {
  for (const std::size_t slots : {std::size_t{0}, std::size_t{4}}) {
    guarded_page_options options = with_slots(slots, page);
    options.at = placement::alternating;
    guarded_page_resource pages(options);
    for (int round = 0; round < 3; ++round) {
      char* const at_end = get(pages, 24, 8);
      char* const at_start = get(pages, 24, 8);
      BOOST_TEST(is_aligned(at_end + 24, page));
      BOOST_TEST(is_aligned(at_start, page));
      BOOST_TEST(pages.try_expand(at_start, 24, page, 8));
      BOOST_TEST(!pages.try_expand(at_end, 24, 32, 8));
      pages.deallocate(at_start, page, 8);
      pages.deallocate(at_end, 24, 8);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_address_between_two_slots_is_told_of_the_nearer_block) {
  guarded_page_options options = with_slots(2, page);
  options.at = placement::start;
  guarded_page_resource pages(options);
  char* const first = get(pages, page);
  char* const second = get(pages, 1);
  BOOST_TEST(second - first == static_cast<std::ptrdiff_t>(2 * page));
  BOOST_TEST(
      explained(pages, first + page + 7).find("8 bytes past the end of a live block of " + std::to_string(page)) == 0u);
  BOOST_TEST(explained(pages, second - 8).find("8 bytes before the start of a live block of 1 byte ") == 0u);
}

BOOST_AUTO_TEST_CASE(the_slot_freed_first_is_used_again_first_and_only_when_none_is_new) {
  guarded_page_resource pages(with_slots(4, page));
  std::vector<char*> blocks;
  for (int i = 0; i < 3; ++i) blocks.push_back(get(pages, page));
  for (const std::size_t i : {1u, 0u, 2u}) pages.deallocate(blocks[i], page, 1);
  char* const last_new = get(pages, page);
  for (char* const p : blocks) BOOST_TEST((last_new != p));
  for (const std::size_t i : {1u, 0u, 2u}) {
    BOOST_TEST((pages.find_block(blocks[i]).state == block_state::quarantined));
    BOOST_TEST(!test::readable(blocks[i]));
    BOOST_TEST((get(pages, page) == blocks[i]));
    BOOST_TEST(blocks[i][0] == 0);
    blocks[i][0] = 1;
  }
  BOOST_TEST(pages.check());
}

BOOST_AUTO_TEST_CASE(what_has_no_slot_is_refused_and_changes_nothing) {
  guarded_page_resource pages(with_slots(2, 2 * page));
  BOOST_CHECK_EXCEPTION((void)pages.allocate(2 * page + 1), allocation_error, with_code(memory_errc::limit_reached));
  BOOST_CHECK_EXCEPTION((void)pages.allocate(1, 2 * page), allocation_error, with_code(memory_errc::invalid_alignment));
  char* const p = get(pages, 1);
  char* const q = get(pages, 2 * page);
  const memory_usage before = pages.usage();
  BOOST_CHECK_EXCEPTION((void)pages.allocate(1), allocation_error, with_code(memory_errc::limit_reached));
  BOOST_TEST((pages.usage() == before));
  BOOST_TEST(pages.trim() == 0u);
  pages.deallocate(p, 1, 1);
  pages.deallocate(q, 2 * page, 1);
  BOOST_TEST(pages.trim() == 0u);
  BOOST_TEST(pages.owns(p));
}

BOOST_AUTO_TEST_CASE(a_refusal_of_the_system_leaves_the_slots_as_they_were) {
  guarded_page_resource pages(with_slots(2, page));
  char* const p = get(pages, 1);
  pages.deallocate(p, 1, 1);
  char* const q = get(pages, 1);
  for (std::size_t nth = 1;; ++nth) {  // needs the slot of p
    const os::failure_injection injection(nth);
    char* const again = static_cast<char*>(pages.try_allocate(1, 1));
    if (again != nullptr) {
      BOOST_TEST((again == p));
      pages.deallocate(again, 1, 1);
    }
    if (!injection.fired()) break;
    BOOST_TEST((pages.find_block(p).state == block_state::quarantined));
    BOOST_TEST(pages.check());
  }
  pages.deallocate(q, 1, 1);
}

BOOST_AUTO_TEST_CASE(pages_that_could_not_be_guarded_are_before_their_slot_is_used_again) {
  guarded_page_resource pages(with_slots(1, 2 * page));
  char* const large = get(pages, 2 * page);
  {
    const os::failure_injection injection(1, os::os_call::any, os::failure_injection::rule::from_then_on);
    pages.deallocate(large, 2 * page, 1);
  }
  BOOST_TEST(test::writable(large));
  large[2 * page - 1] = 1;
  char* const small = get(pages, 1);
  BOOST_TEST(*small == 0);
  BOOST_TEST(!test::readable(large));
}

BOOST_AUTO_TEST_CASE(misuse_of_a_slot_is_found_exactly) {
  guarded_page_resource pages(with_slots(4, page));
  char* const p = get(pages, 100, 4);
  char* const freed = get(pages, 10);
  pages.deallocate(freed, 10, 1);
  const misuse_watch watch;
  pages.deallocate(p, 101, 4);
  BOOST_TEST(watch.only(misuse_kind::wrong_size));
  pages.deallocate(p, 100, 2);
  BOOST_TEST(watch.only(misuse_kind::wrong_alignment));
  pages.deallocate(p + 1, 100, 4);
  BOOST_TEST(watch.only(misuse_kind::foreign_pointer));
  pages.deallocate(freed, 10, 1);
  BOOST_TEST(watch.only(misuse_kind::double_free));
}

BOOST_AUTO_TEST_CASE(slots_cost_two_map_entries_at_most) {
  guarded_page_resource pages(with_slots(100, page));
  void* const first = pages.allocate(1);
  const std::size_t before = test::map_count();
  for (int i = 0; i < 1000; ++i) pages.deallocate(pages.allocate(1), 1);
  pages.deallocate(first, 1);
  BOOST_TEST(test::map_count() <= before + 200);
}

BOOST_AUTO_TEST_CASE(release_gives_the_range_back_and_twice_is_harmless) {
  guarded_page_resource pages(with_slots(1000, page));
  test::expect_that_release_gives_everything_back(pages);
}

BOOST_AUTO_TEST_CASE(threads_share_the_slots) {
  guarded_page_options options = with_slots(4000, page);
  options.record_stacks = true;
  guarded_page_resource pages(options);
  test::expect_that_threads_can_share(pages, [&](const void* p) {
    if (!pages.contains(p) || pages.find_block(p).begin != p) std::abort();
  });
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(a_child_process_can_go_on_with_what_another_thread_was_using) {
  const auto outcome = test::run_child("guarded_slots_forked");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}
#endif

BOOST_AUTO_TEST_SUITE_END()
