// What a program that writes or reads where it must not comes to, at every level.

#include "secure/secure_threats.hpp"

#include <algorithm>
#include <allot/secure/secure_resource.hpp>
#include <cstdlib>
#include <vector>

#include "support/access.hpp"
#include "support/bytes.hpp"
#include "support/misuse_watch.hpp"

using namespace allot;
using namespace allot::test;

namespace {

constexpr std::size_t kib = 1024;

/// Writes `bytes` bytes from `offset` bytes behind the end of a block of `size` bytes, then frees it.
template <std::size_t size, std::size_t offset, std::size_t bytes>
void overflow(secure_level level) {
  secure_resource memory(subject_at(level));
  unsigned char* const p = get(memory, size);
  poke(p + size + offset, bytes);
  memory.deallocate(p, size, 8);
}
/// Where blocks share slabs, of one that does not begin right behind a guard.
template <std::size_t size>
void underflow(secure_level level) {
  secure_resource memory(subject_at(level));
  unsigned char* p = get(memory, size);
  while (level != secure_level::trap && size < mebibyte && !in_reach(p - 1)) p = get(memory, size);
  poke(p - 1);
  memory.deallocate(p, size, 8);
}

const threat overflow_1{"secure_overflow_1", overflow<64, 0, 1>};
const threat overflow_8{"secure_overflow_8", overflow<64, 0, 8>};
const threat overflow_31{"secure_overflow_31", overflow<64, 0, 31>};
const threat overflow_at_31{"secure_overflow_at_31", overflow<64, 31, 1>};
const threat overflow_slack{"secure_overflow_slack", overflow<61, 0, 1>};
const threat overflow_page{"secure_overflow_page", overflow<4096, 0, 1>};
const threat overflow_16k{"secure_overflow_16k", overflow<16 * kib, 0, 1>};
const threat overflow_large{"secure_overflow_large", overflow<mebibyte, 0, 1>};
const threat overflow_large_slack{"secure_overflow_large_slack", overflow<mebibyte - 5, 0, 1>};
const threat underflow_1{"secure_underflow_1", underflow<64>};
const threat underflow_odd{"secure_underflow_odd", underflow<61>};
const threat underflow_16k{"secure_underflow_16k", underflow<16 * kib>};
const threat underflow_large{"secure_underflow_large", underflow<mebibyte>};
const threat underflow_large_odd{"secure_underflow_large_odd", underflow<mebibyte - 64>};
const threat terminator{"secure_terminator", [](secure_level level) {
                          secure_resource memory(subject_at(level));
                          unsigned char* const p = get(memory, 64);
                          memory_tools::unpoison(p + 64, 1);
                          *const_cast<volatile unsigned char*>(p + 64) = 0;
                          memory.deallocate(p, 64, 8);
                        }};
const threat never_freed{"secure_never_freed", [](secure_level level) {
                           const secure_resource memory(subject_at(level));
                           poke(get(const_cast<secure_resource&>(memory), 61) + 61);
                         }};
const threat sweep_up{"secure_sweep_up", [](secure_level level) {
                        secure_resource memory(subject_at(level));
                        unsigned char* const p = get(memory, 64);
                        memory_tools::unpoison(p, 16 * mebibyte);
                        for (std::size_t i = 64; i < 16 * mebibyte; ++i) const_cast<volatile unsigned char*>(p)[i] = 1;
                      }};
const threat sweep_down{"secure_sweep_down", [](secure_level level) {
                          secure_resource memory(subject_at(level));
                          unsigned char* const p = get(memory, 64);
                          memory_tools::unpoison(p - mebibyte, mebibyte);
                          for (std::size_t i = 1; i < mebibyte; ++i) *const_cast<volatile unsigned char*>(p - i) = 1;
                        }};

template <std::size_t bytes>
void read_after_free(secure_level level) {
  secure_resource memory(subject_at(level));
  unsigned char* const p = get(memory, bytes);
  fill(p, bytes, 0x5e);
  memory.deallocate(p, bytes, 8);
  bool zero = true;
  for (std::size_t i = 0; i < bytes; ++i) zero = zero && peek(p + i) == 0;
  // What was in a block that was freed at level checked is anybody's guess.
  if (level != secure_level::checked && !zero) std::exit(1);
}
template <std::size_t bytes>
void write_after_free(secure_level level) {
  secure_resource memory(subject_at(level));
  unsigned char* const p = get(memory, bytes);
  memory.deallocate(p, bytes, 8);
  poke(p + bytes / 2);
  for (int i = 0; i < 30'000; ++i) memory.deallocate(memory.allocate(bytes, 8), bytes, 8);
}
const threat freed_read{"secure_freed_read", read_after_free<64>};
const threat freed_read_16k{"secure_freed_read_16k", read_after_free<16 * kib>};
const threat freed_read_large{"secure_freed_read_large", read_after_free<mebibyte>};
const threat freed_write{"secure_freed_write", write_after_free<64>};
const threat freed_write_1k{"secure_freed_write_1k", write_after_free<kib>};
const threat freed_write_large{"secure_freed_write_large", write_after_free<mebibyte>};

const threat zero_read{"secure_zero_read", [](secure_level level) {
                         secure_resource memory(subject_at(level));
                         (void)peek(get(memory, 0));
                       }};
const threat zero_write{"secure_zero_write", [](secure_level level) {
                          secure_resource memory(subject_at(level));
                          poke(get(memory, 0));
                        }};
const child_program watched_overflow{"secure_watched_overflow", [] {
                                       secure_resource memory(subject_at(secure_level::hardened));
                                       volatile unsigned char* const p = get(memory, 64);
                                       p[64] = 1;
                                       memory.deallocate(const_cast<unsigned char*>(p), 64, 8);
                                     }};

/// Two blocks of a resource with nothing but their surroundings between them.
struct pair {
  unsigned char* lower;
  unsigned char* upper;
};
pair neighbours(secure_resource& memory, std::size_t bytes) {
  std::vector<unsigned char*> blocks;
  for (int i = 0; i < 300; ++i) blocks.push_back(get(memory, bytes));
  std::sort(blocks.begin(), blocks.end());
  pair closest{blocks[0], blocks[1]};
  for (std::size_t i = 1; i < blocks.size(); ++i)
    if (blocks[i] - blocks[i - 1] < closest.upper - closest.lower) closest = {blocks[i - 1], blocks[i]};
  return closest;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(secure_threats)

// ---- past the end

BOOST_AUTO_TEST_CASE(an_overflow_by_one_byte_is_found_when_the_block_is_freed_or_faults) {
  expect_endings("secure_overflow_1", unseen, overrun, overrun, faults);
}
BOOST_AUTO_TEST_CASE(an_overflow_by_8_bytes_is_found_when_the_block_is_freed_or_faults) {
  expect_endings("secure_overflow_8", unseen, overrun, overrun, faults);
}
BOOST_AUTO_TEST_CASE(an_overflow_by_31_bytes_is_found_when_the_block_is_freed_or_faults) {
  expect_endings("secure_overflow_31", unseen, overrun, overrun, faults);
}
BOOST_AUTO_TEST_CASE(a_single_byte_31_bytes_behind_the_end_is_found_from_level_paranoid_on) {
  const child_outcome hardened = run_child("secure_overflow_at_31_hardened");
  BOOST_TEST((hardened.exit_code == 0 || hardened.aborted()), hardened.output);  // it jumps over the canary
  expect_ending("secure_overflow_at_31_checked", unseen);
  expect_ending("secure_overflow_at_31_paranoid", overrun);
  expect_ending("secure_overflow_at_31_trap", faults);
}
BOOST_AUTO_TEST_CASE(an_overflow_into_slack_is_found_when_the_block_is_freed) {
  expect_endings("secure_overflow_slack", unseen, overrun, overrun, overrun);
}
BOOST_AUTO_TEST_CASE(an_overflow_of_a_page_sized_block_is_found_when_it_is_freed_or_faults) {
  expect_endings("secure_overflow_page", unseen, overrun, overrun, faults);
}
BOOST_AUTO_TEST_CASE(an_overflow_of_the_largest_small_blocks_is_found_when_they_are_freed_or_faults) {
  expect_endings("secure_overflow_16k", unseen, overrun, overrun, faults);
}
BOOST_AUTO_TEST_CASE(a_byte_past_a_large_block_faults) { expect_at_every_level("secure_overflow_large", faults); }
BOOST_AUTO_TEST_CASE(a_byte_in_the_slack_behind_a_large_block_is_found_when_it_is_freed) {
  expect_endings("secure_overflow_large_slack", unseen, overrun, overrun, overrun);
}
BOOST_AUTO_TEST_CASE(a_terminator_too_many_is_harmless_where_a_canary_follows) {
  expect_endings("secure_terminator", unseen, unseen, unseen, faults);
}
BOOST_AUTO_TEST_CASE(an_overflow_of_a_block_that_is_never_freed_is_found_when_the_resource_ends) {
  expect_endings("secure_never_freed", unseen, overrun, overrun, overrun);
}
BOOST_AUTO_TEST_CASE(a_sweep_faults) {
  expect_at_every_level("secure_sweep_up", faults);
  expect_at_every_level("secure_sweep_down", faults);
}
BOOST_AUTO_TEST_CASE(a_tool_that_watches_sees_an_overflow_where_it_happens) {
  if (!memory_tools::active()) return skip("no tool watches");
  const child_outcome outcome = run_child("secure_watched_overflow");
  BOOST_TEST(outcome.says("AddressSanitizer"), outcome.output);
  BOOST_TEST(!outcome.says("misuse of"), outcome.output);
}

BOOST_AUTO_TEST_CASE(every_byte_of_slack_and_canary_is_looked_at_by_check_and_by_the_free) {
  for (const named_level& at : levels_that_guard) {
    if (at.level == secure_level::trap) continue;  // next to its blocks memory is inaccessible
    secure_resource memory(subject_at(at.level));
    const std::size_t looked_at = *memory.options().canary_bytes;
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{8}, std::size_t{61}, std::size_t{64}, std::size_t{1000},
                                    std::size_t{4096}, std::size_t{16384}}) {
      const misuse_watch watch;
      for (std::size_t i = 0; i < looked_at; ++i) {
        unsigned char* const p = get(memory, bytes);
        poke(p + bytes + i);
        BOOST_TEST(!memory.check(), at.name << ", " << bytes << " bytes, byte " << i);
        BOOST_TEST(watch.only(misuse_kind::overrun));
        memory.deallocate(p, bytes, 8);
        BOOST_REQUIRE(watch.count() == 1u);
        BOOST_TEST(watch[0].address == p);
        BOOST_TEST(watch[0].claimed == bytes);
        BOOST_TEST(watch[0].resource == "subject");
        BOOST_TEST(watch.only(misuse_kind::overrun));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(an_overflow_is_found_when_the_block_behind_is_freed) {
  for (const secure_level level : {secure_level::hardened, secure_level::paranoid}) {
    secure_resource memory(subject_at(level));
    const pair blocks = neighbours(memory, 64);
    poke(blocks.lower + 64);
    const misuse_watch watch;
    memory.deallocate(blocks.upper, 64, 8);
    BOOST_REQUIRE(watch.count() == 1u);
    const bool named = watch[0].kind == misuse_kind::underrun || watch[0].kind == misuse_kind::overrun;
    BOOST_TEST(named);
    watch.forget();
    memory.deallocate(blocks.lower, 64, 8);  // what was reported is not reported again
    BOOST_TEST(memory.check());
    BOOST_TEST(watch.nothing());
  }
}

BOOST_AUTO_TEST_CASE(a_byte_that_lands_in_a_freed_block_beyond_the_canary_is_found_by_check) {
  secure_resource memory(subject_at(secure_level::hardened));
  const pair blocks = neighbours(memory, 64);
  memory.deallocate(blocks.upper, 64, 8);
  const misuse_watch watch;
  poke(blocks.lower + 64 + 31);
  BOOST_TEST(!memory.check());
  BOOST_TEST(watch.only(misuse_kind::write_after_free));
  memory.release();
}

// ---- before the start

BOOST_AUTO_TEST_CASE(an_underflow_by_one_byte_is_found_when_the_block_is_freed) {
  expect_endings("secure_underflow_1", unseen, underrun, underrun, underrun);
  expect_endings("secure_underflow_odd", unseen, underrun, underrun, underrun);
}
BOOST_AUTO_TEST_CASE(an_underflow_of_the_largest_small_blocks_is_found_when_they_are_freed_or_faults) {
  const bool whole_pages = test::system_page_size() <= 16384;
  expect_endings("secure_underflow_16k", unseen, underrun, underrun, whole_pages ? faults : underrun);
}
BOOST_AUTO_TEST_CASE(a_byte_before_a_large_block_of_whole_pages_faults) {
  expect_at_every_level("secure_underflow_large", faults);
}
BOOST_AUTO_TEST_CASE(a_byte_before_a_large_block_on_the_same_page_is_found_when_it_is_freed) {
  expect_endings("secure_underflow_large_odd", unseen, underrun, underrun, underrun);
}
BOOST_AUTO_TEST_CASE(an_underflow_is_found_at_any_place_in_a_slab) {
  for (const secure_level level : {secure_level::hardened, secure_level::paranoid}) {
    secure_resource memory(subject_at(level));
    const misuse_watch watch;
    for (int i = 0; i < 400; ++i) {
      unsigned char* const p = get(memory, 100);
      if (!in_reach(p - 1)) continue;  // the first one behind a guard
      poke(p - 1);
      memory.deallocate(p, 100, 8);
      BOOST_TEST(watch.only(misuse_kind::underrun));
    }
    BOOST_TEST(memory.check());  // what was reported is as it was
  }
}

// ---- after a free

BOOST_AUTO_TEST_CASE(a_read_after_the_free_sees_zero_or_faults) {
  expect_endings("secure_freed_read", unseen, unseen, unseen, faults);
  expect_endings("secure_freed_read_16k", unseen, unseen, unseen, faults);
}
BOOST_AUTO_TEST_CASE(a_read_of_a_large_block_after_the_free_faults) {
  expect_at_every_level("secure_freed_read_large", faults);
}
BOOST_AUTO_TEST_CASE(a_write_after_the_free_is_found_when_the_place_is_used_again_or_faults) {
  expect_endings("secure_freed_write", unseen, written_after_free, written_after_free, faults);
  expect_endings("secure_freed_write_1k", unseen, written_after_free, written_after_free, faults);
}
BOOST_AUTO_TEST_CASE(a_write_to_a_large_block_after_the_free_faults) {
  expect_at_every_level("secure_freed_write_large", faults);
}
BOOST_AUTO_TEST_CASE(a_write_after_the_free_is_found_by_check_wherever_it_is) {
  for (const secure_level level : {secure_level::hardened, secure_level::paranoid}) {
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{8}, std::size_t{64}, 1 * kib, 4 * kib, 16 * kib}) {
      for (const std::size_t offset : {std::size_t{0}, bytes / 2, bytes - 1}) {
        secure_resource memory(subject_at(level));
        unsigned char* const kept = get(memory, bytes);
        unsigned char* const p = get(memory, bytes);
        memory.deallocate(p, bytes, 8);
        BOOST_TEST(memory.check());
        poke(p + offset);
        const misuse_watch watch;
        BOOST_TEST(!memory.check(), bytes << " bytes, byte " << offset);
        BOOST_REQUIRE(watch.count() == 1u);
        BOOST_TEST(watch[0].address == p);
        BOOST_TEST(watch.only(misuse_kind::write_after_free));
        memory.deallocate(kept, bytes, 8);
        BOOST_TEST(watch.nothing());
        memory.release();
      }
    }
  }
}

// ---- zero bytes

BOOST_AUTO_TEST_CASE(a_block_of_zero_bytes_has_a_place_of_its_own_and_faults_when_touched) {
  expect_at_every_level("secure_zero_read", faults);
  expect_at_every_level("secure_zero_write", faults);
  for (const named_level& at : every_level) {
    secure_resource memory(subject_at(at.level));
    std::vector<unsigned char*> blocks;
    for (const std::size_t alignment : {1u, 8u, 64u, 4096u})
      for (int i = 0; i < 50; ++i) {
        blocks.push_back(get(memory, 0, alignment));
        BOOST_TEST(reinterpret_cast<std::uintptr_t>(blocks.back()) % alignment == 0u);
        BOOST_TEST(!in_reach(blocks.back()));
        BOOST_TEST(!in_reach(blocks.back() - 1));
      }
    std::sort(blocks.begin(), blocks.end());
    BOOST_TEST((std::adjacent_find(blocks.begin(), blocks.end()) == blocks.end()), at.name);
  }
}

BOOST_AUTO_TEST_SUITE_END()
