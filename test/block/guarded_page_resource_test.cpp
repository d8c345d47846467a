#include <allot/block/guarded_page_resource.hpp>
#include <allot/block/guarded_pages.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/core/misuse.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/os/virtual_memory.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cinttypes>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "block/alike.hpp"
#include "support/access.hpp"
#include "support/child.hpp"
#include "support/misuse_watch.hpp"

using namespace allot;
using test::misuse_watch;
using placement = guarded_page_options::placement;

namespace {

const std::size_t page = test::system_page_size();
constexpr std::size_t most_alignment = std::size_t{64} << 10;
constexpr std::size_t natural = alignof(std::max_align_t);

guarded_page_options placed(placement at) {
  guarded_page_options options;
  options.at = at;
  return options;
}

guarded_page_options quarantine_of(std::size_t blocks, std::size_t bytes = std::size_t{1} << 30) {
  guarded_page_options options;
  options.quarantine_blocks = blocks;
  options.quarantine_bytes = bytes;
  return options;
}

char* get(guarded_page_resource& pages, std::size_t bytes, std::size_t alignment = natural) {
  return static_cast<char*>(pages.allocate(bytes, alignment));
}

/// Whether the system lets a byte of a page be written, whatever a tool that watches thinks of it.
bool page_is_writable(char* p) {
  memory_tools::unpoison(p, 1);
  return test::writable(p);
}

/// Writes where a block is not, unseen by a tool that watches.
void damage(char* p) {
  memory_tools::unpoison(p, 1);
  *const_cast<volatile char*>(p) = static_cast<char>(*p + 1);
}

std::string explained(const guarded_page_resource& pages, const void* p) {
  std::array<char, 256> text{};
  return {text.data(), pages.explain(p, text.data(), text.size())};
}

guarded_page_options explaining(placement at) {
  guarded_page_options options = placed(at);
  options.explain_faults = true;
  options.name = "orders";
  return options;
}

// A fault by one byte, in a program of its own.
void touch(char* p) { *const_cast<volatile char*>(p) = 1; }
const test::child_program overflow{"guarded_overflow", [] {
                                     guarded_page_resource pages(explaining(placement::end));
                                     touch(get(pages, 24, 8) + 24);
                                   }};
const test::child_program underflow{"guarded_underflow", [] {
                                      guarded_page_resource pages(explaining(placement::start));
                                      touch(get(pages, 24, 8) - 1);
                                    }};
const test::child_program use_after_free{"guarded_use_after_free", [] {
                                           guarded_page_resource pages(explaining(placement::end));
                                           char* p = get(pages, 24, 8);
                                           pages.deallocate(p, 24, 8);
                                           touch(p + 3);
                                         }};
const test::child_program unexplained{"guarded_unexplained", [] {
                                        guarded_page_resource pages;
                                        touch(get(pages, 24, 8) + 24);
                                      }};
const test::child_program elsewhere{"guarded_elsewhere", [] {
                                      guarded_page_resource pages(explaining(placement::end));
                                      (void)pages.allocate(24);
                                      touch(static_cast<char*>(os::reserve(page).address));
                                    }};
const test::child_program locked{"guarded_locked", [] {
                                   guarded_page_resource pages(explaining(placement::end));
                                   (void)pages.allocate(24);
                                   char* const outside = static_cast<char*>(os::reserve(page).address);
                                   pages.for_each_block([&](const block_info&) { touch(outside); });
                                 }};
const test::child_program ended{"guarded_ended", [] {
                                  char* p = nullptr;
                                  {
                                    guarded_page_resource pages(explaining(placement::end));
                                    p = get(pages, 24, 8);
                                  }
                                  touch(p);
                                }};
const test::child_program double_free{"guarded_double_free", [] {
                                        guarded_page_resource pages;
                                        void* p = pages.allocate(10);
                                        pages.deallocate(p, 10);
                                        pages.deallocate(p, 10);
                                      }};
const test::child_program damaged_at_exit{"guarded_damaged_at_exit", [] {
                                            guarded_page_resource pages;
                                            damage(get(pages, 10) + 10);
                                          }};

}  // namespace

BOOST_AUTO_TEST_SUITE(guarded_page_resources)

// ---- guards

BOOST_AUTO_TEST_CASE(one_byte_past_the_end_is_inaccessible_at_every_alignment) {
  guarded_page_resource pages;
  for (std::size_t alignment = 1; alignment <= most_alignment; alignment *= 2)
    for (const std::size_t multiple : {1u, 2u, 3u, 5u}) {
      const std::size_t bytes = multiple * alignment;
      char* const p = get(pages, bytes, alignment);
      BOOST_TEST(is_aligned(p, alignment));
      BOOST_TEST(test::writable(p));
      BOOST_TEST(test::writable(p + bytes - 1));
      BOOST_TEST(!test::readable(p + bytes), bytes << " bytes aligned to " << alignment);
      pages.deallocate(p, bytes, alignment);
    }
}

BOOST_AUTO_TEST_CASE(one_byte_before_the_start_is_inaccessible_at_every_alignment) {
  guarded_page_resource pages(placed(placement::start));
  for (std::size_t alignment = 1; alignment <= most_alignment; alignment *= 2)
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, alignment + 1, page, 3 * page + 7}) {
      char* const p = get(pages, bytes, alignment);
      BOOST_TEST(is_aligned(p, alignment));
      BOOST_TEST(page_is_writable(p));
      BOOST_TEST(!test::readable(p - 1), bytes << " bytes aligned to " << alignment);
      pages.deallocate(p, bytes, alignment);
    }
}

BOOST_AUTO_TEST_CASE(both_sides_are_guarded_wherever_the_block_is_placed) {
  for (const placement at : {placement::end, placement::start}) {
    guarded_page_resource pages(placed(at));
    for (const std::size_t bytes : {std::size_t{1}, page, 5 * page, 64 * page + 1}) {
      char* const p = get(pages, bytes, 1);
      const std::size_t usable = align_up(bytes, page);
      char* const first = p - (address_of(p) & (page - 1));
      BOOST_TEST(!test::readable(first - 1));
      BOOST_TEST(page_is_writable(first));
      BOOST_TEST(page_is_writable(first + usable - 1));
      BOOST_TEST(!test::readable(first + usable));
      pages.deallocate(p, bytes, 1);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_size_that_is_no_multiple_of_the_alignment_leaves_less_slack_than_the_alignment) {
  guarded_page_resource pages;
  for (std::size_t alignment = 1; alignment <= page; alignment *= 2)
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{13}, page - 1, page + 1, 2 * page - 3}) {
      char* const p = get(pages, bytes, alignment);
      BOOST_TEST(is_aligned(p, alignment));
      BOOST_TEST(!test::readable(p + align_up(bytes, alignment)), bytes << " bytes aligned to " << alignment);
      pages.deallocate(p, bytes, alignment);
    }
}

BOOST_AUTO_TEST_CASE(alignments_beyond_64_kib_are_met_or_refused_cleanly) {
  for (const placement at : {placement::end, placement::start}) {
    guarded_page_resource pages(placed(at));
    for (std::size_t alignment = 2 * most_alignment; alignment <= std::size_t{16} << 20; alignment *= 2) {
      char* const p = get(pages, 10, alignment);
      BOOST_TEST(is_aligned(p, alignment));
      BOOST_TEST(!test::readable(p - 1));
      pages.deallocate(p, 10, alignment);
    }
    if (sizeof(void*) < 8) continue;  // half of the addresses may be had
    const memory_usage before = pages.usage();
    const std::size_t largest = std::numeric_limits<std::size_t>::max() / 2 + 1;
    BOOST_CHECK_THROW((void)pages.allocate(1, largest), allocation_error);
    BOOST_TEST((pages.usage() == before));
  }
}

BOOST_AUTO_TEST_CASE(a_write_past_the_end_faults_and_is_explained) {
  const auto outcome = test::run_child("guarded_overflow");
  BOOST_TEST(outcome.faulted());
  BOOST_TEST(outcome.says("allot: guarded_page_resource 'orders': fault at 0x"), outcome.output);
  BOOST_TEST(outcome.says(": 1 byte past the end of a live block of 24 bytes at 0x"), outcome.output);
}

BOOST_AUTO_TEST_CASE(a_write_before_the_start_faults_and_is_explained) {
  if (test::faults_tell_pages_only()) return test::skip(test::of_exact_faults);
  const auto outcome = test::run_child("guarded_underflow");
  BOOST_TEST(outcome.faulted());
  BOOST_TEST(outcome.says(": 1 byte before the start of a live block of 24 bytes at 0x"), outcome.output);
}

BOOST_AUTO_TEST_CASE(a_write_to_a_freed_block_faults_and_is_explained) {
  if (test::faults_tell_pages_only()) return test::skip(test::of_exact_faults);
  const auto outcome = test::run_child("guarded_use_after_free");
  BOOST_TEST(outcome.faulted());
  BOOST_TEST(outcome.says(": inside a block of 24 bytes at 0x"), outcome.output);
  BOOST_TEST(outcome.says(" that was freed\n"), outcome.output);
}

BOOST_AUTO_TEST_CASE(faults_are_not_explained_unasked_elsewhere_or_after_the_end) {
  for (const char* name : {"guarded_unexplained", "guarded_elsewhere", "guarded_ended"}) {
    const auto outcome = test::run_child(name);
    BOOST_TEST(outcome.faulted(), name);
    BOOST_TEST(!outcome.says("allot: guarded_page_resource"), outcome.output);
  }
}

BOOST_AUTO_TEST_CASE(a_fault_while_the_resource_is_locked_does_not_hang) {
  const auto outcome = test::run_child("guarded_locked");
  BOOST_TEST(outcome.faulted());
  BOOST_TEST(outcome.says("its books are in use"), outcome.output);
}

BOOST_AUTO_TEST_CASE(explanations_count_from_the_bytes_asked_for) {
  guarded_page_resource pages(placed(placement::start));
  char* const p = get(pages, 100);
  std::array<char, 32> address{};
  std::snprintf(address.data(), address.size(), "0x%" PRIxPTR, address_of(p));
  const std::string live = std::string("a live block of 100 bytes at ") + address.data();
  BOOST_TEST(explained(pages, p) == "inside " + live);
  BOOST_TEST(explained(pages, p + 99) == "inside " + live);
  BOOST_TEST(explained(pages, p + 100) == "1 byte past the end of " + live);
  BOOST_TEST(explained(pages, p + page) == std::to_string(page - 99) + " bytes past the end of " + live);
  BOOST_TEST(explained(pages, p - 8) == "8 bytes before the start of " + live);
  BOOST_TEST(explained(pages, &pages) == "");
  BOOST_TEST(explained(pages, nullptr) == "");
  std::array<char, 6> few{};
  BOOST_TEST(pages.explain(p, few.data(), few.size()) == few.size());
  BOOST_TEST(std::string(few.data(), few.size()) == "inside");
  BOOST_TEST(pages.explain(p, nullptr, 0) == 0u);
  pages.deallocate(p, 100);
  BOOST_TEST(explained(pages, p + 101) ==
             "2 bytes past the end of a block of 100 bytes at " + std::string(address.data()) + " that was freed");
  pages.trim();
  BOOST_TEST(explained(pages, p) == "");
}

// ---- slack

BOOST_AUTO_TEST_CASE(changed_slack_is_found_by_check_and_when_the_block_is_freed) {
  for (const placement at : {placement::end, placement::start}) {
    for (const std::ptrdiff_t offset : {-1, 13}) {
      if (at == placement::start && offset < 0) continue;  // that is the guard
      guarded_page_resource pages(placed(at));
      char* const p = get(pages, 13);
      BOOST_TEST(pages.check());
      damage(p + offset);
      const misuse_watch watch;
      BOOST_TEST(!pages.check());
      pages.deallocate(p, 13);
      BOOST_REQUIRE(watch.count() == 2u);
      for (std::size_t i = 0; i < 2; ++i) {
        const misuse_report& report = watch[i];
        BOOST_TEST((report.kind == (offset < 0 ? misuse_kind::underrun : misuse_kind::overrun)));
        BOOST_TEST(report.address == p);
        BOOST_TEST(report.claimed == 13u);
        BOOST_TEST(report.resource == "guarded_page_resource");
      }
      BOOST_TEST((pages.find_block(p).state == block_state::quarantined));
      BOOST_TEST(!test::readable(p));
      BOOST_TEST(pages.check());
    }
  }
}

BOOST_AUTO_TEST_CASE(every_byte_of_slack_is_looked_at) {
  guarded_page_resource pages;
  char* const p = get(pages, 13);
  const misuse_watch watch;
  std::size_t found = 0;
  for (char* byte = p + 13 - page + 3; byte != p + 16; ++byte) {  // the page, but for the block
    if (byte == p) byte += 13;
    const char before = (memory_tools::unpoison(byte, 1), *byte);
    damage(byte);
    if (!pages.check()) ++found;
    memory_tools::unpoison(byte, 1);
    *byte = before;
  }
  BOOST_TEST(found == page - 13);
  BOOST_TEST(pages.check());
  pages.deallocate(p, 13);
}

BOOST_AUTO_TEST_CASE(a_string_terminator_too_many_is_found) {
  guarded_page_resource pages;
  char* const p = get(pages, 13);
  memory_tools::unpoison(p + 13, 1);
  p[13] = '\0';
  const misuse_watch watch;
  pages.deallocate(p, 13);
  BOOST_TEST(watch.only(misuse_kind::overrun));
}

BOOST_AUTO_TEST_CASE(slack_whose_bytes_all_changed_alike_is_found) {
  guarded_page_resource pages;
  char* const p = get(pages, 13);
  memory_tools::unpoison(p + 13, 3);
  std::memset(p + 13, 7, 3);
  const misuse_watch watch;
  pages.deallocate(p, 13);
  BOOST_TEST(watch.count() == 1u);
}

BOOST_AUTO_TEST_CASE(the_byte_of_a_block_of_none_is_slack) {
  guarded_page_resource pages;
  char* const p = get(pages, 0);
  damage(p);
  const misuse_watch watch;
  pages.deallocate(p, 0);
  BOOST_TEST(watch.only(misuse_kind::overrun));
}

BOOST_AUTO_TEST_CASE(the_contents_of_a_damaged_block_are_there_for_the_handler) {
  static char seen = 0;
  guarded_page_resource pages;
  char* const p = get(pages, 13);
  *p = 42;
  damage(p + 13);
  {
    const misuse_watch watch([](const misuse_report& report) { seen = *static_cast<const char*>(report.address); });
    pages.deallocate(p, 13);
  }
  BOOST_TEST(seen == 42);
}

BOOST_AUTO_TEST_CASE(a_handler_that_throws_leaves_a_damaged_block_freed) {
  guarded_page_resource pages;
  char* const p = get(pages, 13);
  damage(p + 13);
  const misuse_watch watch([](const misuse_report&) { throw std::logic_error("misuse"); });
  BOOST_CHECK_THROW(pages.deallocate(p, 13), std::logic_error);
  BOOST_TEST((pages.find_block(p).state == block_state::quarantined));
  BOOST_TEST(!test::readable(p));
  BOOST_TEST(pages.usage().used == 0u);
  BOOST_TEST(pages.trim() == 3 * page);
}

BOOST_AUTO_TEST_CASE(damage_is_found_at_try_expand_release_and_destruction) {
  {
    guarded_page_resource pages;
    char* const p = get(pages, 13);
    damage(p + 13);
    const misuse_watch watch;
    BOOST_TEST(!pages.try_expand(p, 13, 14, natural));
    BOOST_TEST(watch.count() == 1u);
    BOOST_TEST(pages.find_block(p).bytes == 13u);
    pages.release();
    BOOST_REQUIRE(watch.count() == 2u);
    BOOST_TEST((watch[1].kind == misuse_kind::overrun));
    BOOST_TEST(!pages.owns(p));
  }
  const auto outcome = test::run_child("guarded_damaged_at_exit");
  BOOST_TEST(outcome.aborted());
  BOOST_TEST(outcome.says("misuse of guarded_page_resource: written behind the end of a block at 0x"));
  BOOST_TEST(outcome.says("bytes of the block 10"));
}

BOOST_AUTO_TEST_CASE(a_memory_tool_sees_slack_as_not_handed_out) {
  if (!memory_tools::active()) return test::skip("no memory tool watches");
  for (const placement at : {placement::end, placement::start}) {
    guarded_page_resource pages(placed(at));
    char* const p = get(pages, 24, 32);
    std::memset(p, 1, 24);
    BOOST_TEST(memory_tools::accessible(p));
    BOOST_TEST(memory_tools::accessible(p + 23));
    BOOST_TEST(!memory_tools::accessible(p + 24));
    if (at == placement::end) BOOST_TEST(!memory_tools::accessible(p - 1));
    BOOST_TEST(pages.check());
    BOOST_TEST(!memory_tools::accessible(p + 24));
    pages.deallocate(p, 24, 32);
    BOOST_TEST(memory_tools::accessible(p + 24));
  }
}

// ---- misuse

BOOST_AUTO_TEST_CASE(misuse_at_deallocate_is_found_exactly_and_has_no_effect) {
  guarded_page_resource pages;
  char other = 0;
  char* const p = get(pages, 100, 64);
  char* const freed = get(pages, 10);
  pages.deallocate(freed, 10);
  const memory_usage before = pages.usage();
  {
    const misuse_watch watch;
    pages.deallocate(&other, 1);
    pages.deallocate(nullptr, 1);
    pages.deallocate(p + 1, 99, 64);
    pages.deallocate(p, 101, 64);
    pages.deallocate(p, 100, 32);
    pages.deallocate(freed, 10);
    pages.deallocate(freed, 11);
    BOOST_REQUIRE(watch.count() == 7u);
    for (std::size_t i = 0; i < 3; ++i) BOOST_TEST((watch[i].kind == misuse_kind::foreign_pointer));
    BOOST_TEST((watch[3].kind == misuse_kind::wrong_size));
    BOOST_TEST(watch[3].claimed == 101u);
    BOOST_TEST(watch[3].actual == 100u);
    BOOST_TEST((watch[4].kind == misuse_kind::wrong_alignment));
    BOOST_TEST(watch[4].claimed == 32u);
    BOOST_TEST(watch[4].actual == 64u);
    BOOST_TEST((watch[5].kind == misuse_kind::double_free));
    BOOST_TEST((watch[6].kind == misuse_kind::double_free));
  }
  BOOST_TEST((pages.usage() == before));
  BOOST_TEST(test::writable(p));
  pages.deallocate(p, 100, 64);
  const auto outcome = test::run_child("guarded_double_free");
  BOOST_TEST(outcome.aborted());
  BOOST_TEST(outcome.says("misuse of guarded_page_resource: double free"));
}

BOOST_AUTO_TEST_CASE(an_alignment_that_is_none_is_misuse_and_refused) {
  guarded_page_resource pages;
  test::expect_that_no_alignment_is_refused(pages);
}

BOOST_AUTO_TEST_CASE(a_handler_may_ask_the_resource_about_its_blocks) {
  static guarded_page_resource* asked = nullptr;
  static std::string answer;
  guarded_page_resource pages;
  asked = &pages;
  char* const p = get(pages, 10);
  pages.deallocate(p, 10);
  const misuse_watch watch([](const misuse_report& report) { answer = explained(*asked, report.address); });
  pages.deallocate(p, 10);
  BOOST_TEST(answer.find("inside a block of 10 bytes") == 0u);
}

// ---- quarantine

BOOST_AUTO_TEST_CASE(a_freed_block_is_inaccessible_and_empty) {
  guarded_page_resource pages;
  char* const p = get(pages, 3 * page);
  std::memset(p, 1, 3 * page);
  pages.deallocate(p, 3 * page);
  for (std::size_t i = 0; i < 3; ++i) BOOST_TEST(!test::readable(p + i * page));
  BOOST_TEST(pages.usage().used == 0u);
  BOOST_TEST(pages.usage().committed == 0u);
  BOOST_TEST(pages.usage().reserved == 5 * page);
  BOOST_TEST(!!os::unguard(p, page, os::access::read_write));  // what nobody does
  BOOST_TEST(*p == 0);
}

BOOST_AUTO_TEST_CASE(the_quarantine_gives_up_its_oldest_when_it_has_too_many_blocks) {
  guarded_page_resource pages(quarantine_of(3));
  std::vector<char*> blocks;
  for (int i = 0; i < 6; ++i) blocks.push_back(get(pages, 1));
  const std::array<std::size_t, 6> order{4, 1, 5, 0, 3, 2};
  for (std::size_t freed = 0; freed < order.size(); ++freed) {
    pages.deallocate(blocks[order[freed]], 1);
    for (std::size_t i = 0; i <= freed; ++i)
      BOOST_TEST(pages.owns(blocks[order[i]]) == (i + 3 > freed), i << " of " << freed);
  }
  BOOST_TEST(pages.usage().reserved == 3 * 3 * page);
}

BOOST_AUTO_TEST_CASE(the_quarantine_gives_up_its_oldest_when_it_takes_too_many_addresses) {
  guarded_page_resource pages(quarantine_of(100, 10 * page));
  char* const small = get(pages, page);
  char* const middle = get(pages, 5 * page);
  char* const large = get(pages, 9 * page);
  pages.deallocate(small, page);
  pages.deallocate(middle, 5 * page);
  BOOST_TEST(pages.owns(small));
  BOOST_TEST(pages.owns(middle));
  char* const one_more = get(pages, 1);
  pages.deallocate(one_more, 1);
  BOOST_TEST(!pages.owns(small));
  BOOST_TEST(pages.owns(middle));
  pages.deallocate(large, 9 * page);  // more than fits at all
  BOOST_TEST(!pages.owns(middle));
  BOOST_TEST(!pages.owns(large));
  BOOST_TEST(pages.usage().reserved == 0u);
}

BOOST_AUTO_TEST_CASE(without_quarantine_a_freed_block_is_unmapped_and_unknown) {
  guarded_page_resource pages(quarantine_of(0));
  char* const p = get(pages, 1);
  pages.deallocate(p, 1);
  BOOST_TEST(pages.usage().reserved == 0u);
  const misuse_watch watch;
  pages.deallocate(p, 1);
  BOOST_TEST(watch.only(misuse_kind::foreign_pointer));
}

BOOST_AUTO_TEST_CASE(trim_empties_the_quarantine) {
  guarded_page_resource pages;
  char* const live = get(pages, 1);
  for (int i = 0; i < 100; ++i) pages.deallocate(pages.allocate(1), 1);
  BOOST_TEST(pages.usage().reserved == 101 * 3 * page);
  BOOST_TEST(pages.trim() == 100 * 3 * page);
  BOOST_TEST(pages.trim() == 0u);
  BOOST_TEST(pages.usage().reserved == 3 * page);
  BOOST_TEST(test::writable(live));
  pages.deallocate(live, 1);
}

BOOST_AUTO_TEST_CASE(blocks_the_system_cannot_unmap_wait_and_are_tried_again) {
  guarded_page_resource pages(quarantine_of(0));
  char* const p = get(pages, page);
  char* const q = get(pages, page);
  {
    const os::failure_injection injection(1, os::os_call::unmap, os::failure_injection::rule::from_then_on);
    pages.deallocate(p, page);
    pages.deallocate(q, page);
    BOOST_TEST(pages.trim() == 0u);
  }
  BOOST_TEST(!test::readable(p));
  BOOST_TEST(pages.usage().used == 0u);
  BOOST_TEST(pages.usage().reserved == 6 * page);
  BOOST_TEST(pages.check());
  {
    const misuse_watch watch;
    pages.deallocate(p, page);
    BOOST_TEST(watch.only(misuse_kind::double_free));
  }
  BOOST_TEST(pages.trim() == 6 * page);
  BOOST_TEST(pages.usage().reserved == 0u);
}

BOOST_AUTO_TEST_CASE(a_block_that_cannot_be_made_inaccessible_is_emptied) {
  guarded_page_resource pages;
  char* const p = get(pages, page);
  std::memset(p, 1, page);
  {
    const os::failure_injection injection(1, os::os_call::any, os::failure_injection::rule::from_then_on);
    pages.deallocate(p, page);
  }
  BOOST_TEST((pages.find_block(p).state == block_state::quarantined));
  BOOST_REQUIRE(test::readable(p));
  for (std::size_t i = 0; i < page; ++i) BOOST_REQUIRE(p[i] == 0);
  BOOST_TEST(pages.trim() == 3 * page);
}

// ---- the rest of the vocabulary

BOOST_AUTO_TEST_CASE(at_the_start_blocks_expand_and_shrink_within_their_pages) {
  guarded_page_resource pages(placed(placement::start));
  char* const p = get(pages, 100);
  std::memset(p, 1, 100);
  BOOST_TEST(pages.try_expand(p, 100, page, natural));
  std::memset(p, 2, page);
  BOOST_TEST(!test::readable(p + page));
  BOOST_TEST(!pages.try_expand(p, page, page + 1, natural));
  BOOST_TEST(!pages.try_expand(p, page, std::numeric_limits<std::size_t>::max(), natural));
  BOOST_TEST(pages.usage().used == page);
  BOOST_TEST(pages.try_expand(p, page, 10, natural));
  BOOST_TEST(p[9] == 2);
  BOOST_TEST(pages.find_block(p).bytes == 10u);
  BOOST_TEST(pages.check());
  damage(p + 10);
  const misuse_watch watch;
  BOOST_TEST(!pages.check());
  pages.deallocate(p, 10);
  BOOST_TEST(watch.count() == 2u);
  BOOST_TEST(pages.usage().peak == page);
}

BOOST_AUTO_TEST_CASE(at_the_end_blocks_keep_their_distance_from_the_guard) {
  guarded_page_resource pages;
  char* const p = get(pages, 100, 16);
  BOOST_TEST(pages.try_expand(p, 100, 100, 16));
  BOOST_TEST(pages.try_expand(p, 100, 112, 16));
  std::memset(p, 1, 112);
  BOOST_TEST(pages.try_expand(p, 112, 97, 16));
  BOOST_TEST(pages.check());
  BOOST_TEST(!pages.try_expand(p, 97, 96, 16));
  BOOST_TEST(!pages.try_expand(p, 97, 113, 16));
  BOOST_TEST(!pages.try_expand(p, 97, 0, 16));
  pages.deallocate(p, 97, 16);
}

BOOST_AUTO_TEST_CASE(what_is_no_live_block_does_not_expand) {
  guarded_page_resource pages(placed(placement::start));
  char* const p = get(pages, 100);
  BOOST_TEST(!pages.try_expand(p + 1, 100, 100, natural));
  BOOST_TEST(!pages.try_expand(p, 99, 100, natural));
  BOOST_TEST(!pages.try_expand(p, 100, 100, 2 * natural));
  pages.deallocate(p, 100);
  BOOST_TEST(!pages.try_expand(p, 100, 100, natural));
}

BOOST_AUTO_TEST_CASE(new_blocks_are_zero) {
  guarded_page_resource pages(quarantine_of(0));
  for (int round = 0; round < 10; ++round) {
    char* const p = get(pages, page + 5);
    for (std::size_t i = 0; i < page + 5; ++i) BOOST_REQUIRE(p[i] == 0);
    std::memset(p, 1, page + 5);
    pages.deallocate(p, page + 5);
  }
}

BOOST_AUTO_TEST_CASE(usage_counts_pages_guards_and_quarantine) {
  guarded_page_resource pages;
  BOOST_TEST((pages.usage() == memory_usage{}));
  char* const p = get(pages, page + 1);
  BOOST_TEST(pages.usage().reserved == 4 * page);
  BOOST_TEST(pages.usage().committed == 2 * page);
  BOOST_TEST(pages.usage().used == page + 1);
  BOOST_TEST(pages.usage().wasted == page - 1);
  pages.deallocate(p, page + 1);
  BOOST_TEST(pages.usage().reserved == 4 * page);
  BOOST_TEST(pages.usage().committed == 0u);
  BOOST_TEST(pages.usage().used == 0u);
  BOOST_TEST(pages.usage().peak == page + 1);
}

BOOST_AUTO_TEST_CASE(blocks_are_found_from_inside_alive_or_freed) {
  guarded_page_resource pages;
  char* const p = get(pages, 100);
  char* const empty = get(pages, 0);
  char* const freed = get(pages, 50);
  pages.deallocate(freed, 50);
  const block_info found = pages.find_block(p + 99);
  BOOST_TEST(found.begin == p);
  BOOST_TEST(found.bytes == 100u);
  BOOST_TEST(found.exact);
  BOOST_TEST((found.state == block_state::used));
  BOOST_TEST(pages.find_block(p + 100).begin == nullptr);
  BOOST_TEST(pages.find_block(p - 1).begin == nullptr);
  BOOST_TEST(pages.find_block(empty).begin == empty);
  BOOST_TEST(pages.find_block(freed + 49).begin == freed);
  BOOST_TEST((pages.find_block(freed + 49).state == block_state::quarantined));
  BOOST_TEST(pages.owns(p + 100));
  BOOST_TEST(!pages.owns(&pages));
  std::size_t used = 0;
  std::size_t free = 0;
  pages.for_each_block([&](const block_info& block) { ++(block.state == block_state::used ? used : free); });
  BOOST_TEST(used == 2u);
  BOOST_TEST(free == 1u);
}

BOOST_AUTO_TEST_CASE(release_gives_everything_back_and_twice_is_harmless) {
  guarded_page_resource pages;
  test::expect_that_release_gives_everything_back(pages);
}

BOOST_AUTO_TEST_CASE(release_tries_again_what_the_system_cannot_unmap_and_empties_the_rest) {
  const std::size_t leaked = leaked_page_bytes();
  guarded_page_resource pages;
  for (int i = 0; i < 10; ++i) (void)pages.allocate(1);
  {
    const os::failure_injection injection(3, os::os_call::unmap);
    pages.release();
    BOOST_TEST(injection.fired());
  }
  BOOST_TEST(leaked_page_bytes() == leaked);

  char* const p = get(pages, page);
  {
    const os::failure_injection injection(1, os::os_call::unmap, os::failure_injection::rule::from_then_on);
    pages.release();
  }
  BOOST_TEST(!test::readable(p));
  BOOST_TEST(leaked_page_bytes() == leaked + 3 * page);
  BOOST_TEST((pages.usage() == memory_usage{}));
  (void)os::release(p - page, 3 * page);
}

BOOST_AUTO_TEST_CASE(sizes_and_limits_that_cannot_be_met_are_refused_and_change_nothing) {
  guarded_page_resource pages;
  (void)pages.allocate(1);
  const memory_usage before = pages.usage();
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  for (const std::size_t bytes : {most, most - page, most - 2 * page, most / 2, most / 2 - 2 * page})
    BOOST_CHECK_EXCEPTION((void)pages.allocate(bytes), allocation_error, [&](const allocation_error& error) {
      return error.bytes() == bytes && error.resource_name() == "guarded_page_resource";
    });
  BOOST_TEST(pages.try_allocate(most) == nullptr);
  for (std::size_t nth = 1;; ++nth) {
    const os::failure_injection injection(nth);
    void* const p = pages.try_allocate(10);
    if (p != nullptr) pages.deallocate(p, 10);
    if (!injection.fired()) break;
    if (p != nullptr) continue;
    BOOST_TEST((pages.usage().committed == before.committed));
    BOOST_TEST(pages.check());
  }
}

BOOST_AUTO_TEST_CASE(forty_thousand_blocks_live_at_once_or_the_limit_is_reported_cleanly) {
  constexpr std::size_t count = 40000;
  guarded_page_resource pages;
  std::vector<char*> blocks;
  const std::size_t maps = test::map_count();
  // ThreadSanitizer maps memory of its own for what it watches.
  const auto few_more_maps = [maps] { return test::map_count() < maps + 100 || test::under_thread_sanitizer(); };
  const std::size_t leaked = leaked_page_bytes();
  memory_usage before;
  try {
    while (blocks.size() < count) {
      before = pages.usage();
      blocks.push_back(get(pages, 16));
      *blocks.back() = 1;
    }
  } catch (const allocation_error& refusal) {
    BOOST_TEST(!os::facts().guard_advice, refusal.what());
    BOOST_TEST((pages.usage() == before));
    BOOST_TEST(leaked_page_bytes() == leaked);
  }
  if (os::facts().guard_advice) {
    BOOST_TEST(blocks.size() == count);
    BOOST_TEST((few_more_maps()));
  }
  BOOST_TEST(pages.check());
  for (std::size_t i = 0; i < blocks.size(); i += 2) pages.deallocate(blocks[i], 16);
  for (std::size_t i = 1; i < blocks.size(); i += 2) BOOST_REQUIRE(*blocks[i] == 1);
  BOOST_TEST(pages.check());
  pages.release();
  BOOST_TEST(leaked_page_bytes() == leaked);
  BOOST_TEST((few_more_maps()));
}

BOOST_AUTO_TEST_CASE(threads_share_one_resource) {
  guarded_page_options options = quarantine_of(50);
  options.explain_faults = true;
  guarded_page_resource pages(options);
  test::expect_that_threads_can_share(pages, [&pages](const void* newest) {
    (void)pages.trim();
    if (!pages.check()) std::abort();
    (void)explained(pages, newest);
  });
}

BOOST_AUTO_TEST_SUITE_END()
