// Secure resources where the system has little, refuses things, or has been asked for much.

#include <allot/core/allocation_error.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/os/virtual_memory.hpp>
#include <allot/secure/secure_resource.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <vector>

#include "secure/secure_threats.hpp"
#if !defined(_WIN32)
#include "support/address_space_limit.hpp"
#include "support/machine.hpp"
#endif
#include "support/bytes.hpp"
#include "support/held_blocks.hpp"
#include "support/misuse_watch.hpp"
#include "support/usage.hpp"

using namespace allot;
using namespace allot::test;

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t gib = std::size_t{1} << 30;

[[maybe_unused]] void expect(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::exit(1);
}

#if !defined(_WIN32)
/// Blocks of all kinds come and go at every level within an address space.
void live_within(std::size_t bytes) {
  const address_space_limit limit(bytes);
  for (const named_level& at : every_level) {
    secure_resource memory(subject_at(at.level));
    std::vector<held_block> blocks = take_mixed(memory, 2000, 5000);
    for (const std::size_t large : {100 * kib, 300 * kib, mebibyte, 4 * mebibyte})
      blocks.push_back(take(memory, large));
    for (const held_block& each : blocks) fill(each.p, each.bytes, 3);
    expect(memory.check(), at.name);
    if (at.level != secure_level::trap)
      expect(memory.report().least_region_bits >= 20 && memory.report().least_region_bits <= 30, "regions");
    give_all_at_random(memory, blocks);
    expect(memory.check() && memory.usage().used == 0, at.name);
  }
}
const child_program within_64_gib{"secure_within_64_gib", [] { live_within(64 * gib); }};
const child_program within_1_gib{"secure_within_1_gib", [] { live_within(gib); }};
const child_program within_64_mib{"secure_within_64_mib", [] {
                                    const address_space_limit limit(64 * mebibyte);
                                    secure_resource memory(subject_at(secure_level::hardened));
                                    std::vector<held_block> blocks;
                                    bool refused = false;
                                    try {
                                      for (;;) {
                                        blocks.push_back(take(memory, 100'000, 8));
                                        if (blocks.size() > 1000) break;
                                      }
                                    } catch (const allocation_error&) {
                                      refused = true;
                                    }
                                    expect(refused && blocks.size() > 10, "some are served, then there is an end");
                                    expect(memory.check(), "check");
                                    const std::size_t count = blocks.size();
                                    give_all(memory, blocks);
                                    (void)memory.trim();
                                    for (std::size_t i = 0; i < count / 2; ++i)
                                      blocks.push_back(take(memory, 100'000, 8));
                                    give_all(memory, blocks);
                                  }};
#endif

/// Uses up the map entries of the process but for so many.
void use_up_maps(std::size_t left) {
  const std::size_t page = system_page_size();
  std::size_t most = 0;
  if (!(std::ifstream("/proc/sys/vm/max_map_count") >> most) || most > 200'000) std::exit(77);
  const std::size_t wanted = most - map_count() - left;
  const std::size_t pages = 2 * wanted + 2;
  auto* const base = static_cast<std::byte*>(os::reserve(pages * page).address);
  // Every second page gets other access: an entry each, and one for what is between.
  for (std::size_t i = 0; i < wanted / 2; ++i)
    if (!os::commit(base + 2 * i * page, page, os::access::read)) break;
}
const child_program few_maps{"secure_few_maps", [] {
                               std::vector<held_block> blocks;
                               blocks.reserve(60'000);  // later there may be no entry left for it
                               use_up_maps(300);
                               secure_resource memory(subject_at(secure_level::paranoid));
                               for (int i = 0; i < 60'000; ++i) {
                                 void* const p = memory.try_allocate(200, 8);
                                 if (p == nullptr) break;
                                 blocks.push_back({p, 200, 8});
                               }
                               const secure_report report = memory.report();
                               std::fprintf(stderr, "%zu blocks, %zu guards left out\n", blocks.size(),
                                            report.guards_left_out);
                               if (blocks.size() != 60'000) std::exit(1);
                               if (!os::facts().guard_advice && report.guards_left_out == 0) std::exit(2);
                               give_all(memory, blocks);
                               if (!memory.check()) std::exit(3);
                             }};

/// With small regions: tools keep books of all addresses there ever were.
secure_options small_at(secure_level level) {
  secure_options options = subject_at(level);
  options.region_bits = 20;
  return options;
}

/// A script of calls, for which any call to the system may fail. What went wrong, or null.
const char* run_script(secure_resource& memory, bool& complete) {
  complete = true;
  std::vector<held_block> blocks;
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{16}, std::size_t{64}, std::size_t{64}, 4 * kib, 30 * kib,
                                  100 * kib, 300 * kib, mebibyte}) {
    const memory_usage before = memory.usage();
    try {
      blocks.push_back(take(memory, bytes, 8));
      fill(blocks.back().p, bytes, 5);
    } catch (const allocation_error& error) {
      complete = false;
      if (error.bytes() != bytes) return "the bytes of the error";
      if (!(memory.usage() == before)) return "usage after a refusal";
      blocks.push_back(take(memory, bytes, 8));  // and it works again
    }
  }
  if (!memory.check()) return "check";
  for (const held_block& each : blocks)
    if (!all_are(each.p, each.bytes, 5) && each.bytes != 0) return "contents";
  give_all(memory, blocks);
  if (memory.usage().used != 0) return "used";
  (void)memory.trim();
  for (int i = 0; i < 3; ++i) memory.deallocate(memory.allocate(200 * kib), 200 * kib);
  return memory.check() ? nullptr : "check at the end";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(secure_limits)

BOOST_AUTO_TEST_CASE(when_a_region_is_full_another_is_opened_elsewhere) {
  for (const named_level& at : levels_with_slabs) {
    secure_options options = subject_at(at.level);
    options.region_bits = 20;
    secure_resource memory(options);
    memory.deallocate(memory.allocate(1000, 8), 1000, 8);
    const std::size_t regions = memory.report().regions;
    BOOST_TEST(memory.report().least_region_bits == 20u, at.name);
    std::vector<held_block> blocks = take_many(memory, 5000, 1000, 8);
    for (const held_block& each : blocks) fill(each.p, 1000, 4);
    BOOST_TEST(memory.report().regions >= regions + 4, at.name << ": " << memory.report().regions);
    BOOST_TEST(memory.check());
    for (const held_block& each : blocks) BOOST_REQUIRE(all_are(each.p, 1000, 4));
    for (std::size_t i = 0; i < blocks.size(); i += 97)
      BOOST_TEST((memory.find_block(blocks[i].p).begin == blocks[i].p));
    // A double free and a wrong size are found in every one.
    const misuse_watch watch;
    for (const held_block& each : blocks) memory.deallocate(each.p, 999, 8);
    BOOST_TEST(watch.only(misuse_kind::wrong_size, blocks.size()));
    give_all_at_random(memory, blocks);
    BOOST_TEST(watch.nothing());
    BOOST_TEST(memory.check());
    BOOST_TEST(memory.usage().used == 0u);
  }
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(every_level_lives_within_64_gib_and_within_1_gib_of_addresses) {
  if (memory_tools::active() || under_thread_sanitizer()) return skip("a tool needs more addresses than that");
  for (const char* name : {"secure_within_64_gib", "secure_within_1_gib"}) {
    if (narrow && name == std::string_view("secure_within_64_gib")) continue;
    const child_outcome outcome = run_child(name);
    BOOST_TEST(outcome.exit_code == 0, name << ": " << outcome.output << " signal " << outcome.signal);
  }
}

BOOST_AUTO_TEST_CASE(where_addresses_run_out_there_is_an_error_and_what_is_freed_serves_again) {
  if (test::under_emulator()) return test::skip(test::lost_in_emulator::limit);
  if (memory_tools::active() || under_thread_sanitizer()) return skip("a tool needs more addresses than that");
  const child_outcome outcome = run_child("secure_within_64_mib");
  BOOST_TEST(outcome.exit_code == 0, outcome.output << " signal " << outcome.signal);
}
#endif

BOOST_AUTO_TEST_CASE(where_map_entries_are_short_guards_are_left_out_instead_of_failing) {
  if (memory_tools::active() || under_thread_sanitizer()) return skip("a tool takes mappings, too");
  const child_outcome outcome = run_child("secure_few_maps");
  if (outcome.exit_code == 77) return skip("this system allows very many mappings");
  BOOST_TEST(outcome.exit_code == 0, outcome.output << " signal " << outcome.signal);
}

BOOST_AUTO_TEST_CASE(small_blocks_take_few_map_entries) {
  if (!os::facts().guard_advice) return skip("guards take map entries here");
  if (memory_tools::active() || under_thread_sanitizer()) return skip("a tool takes mappings, too");
  for (const named_level& at : levels_with_slabs) {
    std::vector<void*> blocks;
    blocks.reserve(300'000);
    const std::size_t before = map_count();
    const std::size_t resident_before = resident();
    secure_resource memory(subject_at(at.level));
    std::size_t live = 0;
    for (std::size_t i = 0; live < 25 * mebibyte; ++i) {
      const std::size_t bytes = i * 7919 % 256 + 1;
      blocks.push_back(memory.allocate(bytes, 8));
      fill(blocks.back(), bytes, 1);
      live += bytes;
    }
    const std::size_t entries = map_count() - before;
    BOOST_TEST_MESSAGE(at.name << ": " << entries << " map entries, resident "
                               << static_cast<double>(resident() - resident_before) / static_cast<double>(live)
                               << " of live");
    BOOST_TEST(entries <= 100u, at.name);
  }
}

BOOST_AUTO_TEST_CASE(large_blocks_stay_inaccessible_for_a_while) {
  for (const named_level& at : levels_that_guard) {
    secure_options options = subject_at(at.level);
    options.quarantine = 64 * mebibyte;
    secure_resource memory(options);
    std::set<void*> before;
    for (int i = 0; i < 16; ++i) {
      unsigned char* const p = get(memory, mebibyte);
      BOOST_TEST(before.insert(p).second, at.name);
      memory.deallocate(p, mebibyte, 8);
      BOOST_TEST(!in_reach(p));
    }
    BOOST_TEST(memory.check());
  }
  // So it is with the amount a level has: some blocks are between two of one address.
  secure_resource memory(secure_level::hardened);
  void* const p = memory.allocate(300 * kib, 8);
  memory.deallocate(p, 300 * kib, 8);
  void* const q = memory.allocate(300 * kib, 8);
  BOOST_TEST(p != q);
  memory.deallocate(q, 300 * kib, 8);
}

BOOST_AUTO_TEST_CASE(memory_that_many_large_blocks_took_is_given_back) {
  for (const named_level& at : every_level) {
    secure_resource memory(subject_at(at.level));
    const std::size_t before = resident();
    for (int i = 0; i < 100; ++i) {
      void* const p = memory.allocate(4 * mebibyte, 8);
      fill(p, 4 * mebibyte, 1);
      memory.deallocate(p, 4 * mebibyte, 8);
    }
    if (plain() && !under_thread_sanitizer() && !emulates_large_pages())
      BOOST_TEST(resident() < before + 40 * mebibyte, at.name);
    BOOST_TEST(memory.usage().committed < 40 * mebibyte, at.name);
  }
}

BOOST_AUTO_TEST_CASE(whichever_call_to_the_system_fails_nothing_changes_and_the_next_works) {
  for (const named_level& at : every_level) {
    std::size_t failures = 0;
    for (std::size_t nth = 1;; ++nth) {
      const misuse_watch watch;
      secure_resource memory(small_at(at.level));
      bool complete = false;
      const char* wrong = nullptr;
      bool fired = false;
      {
        const os::failure_injection injection(nth, os::os_call::any | os::os_call::entropy);
        try {
          wrong = run_script(memory, complete);
        } catch (const allocation_error& error) {
          wrong = "a call that failed though no call to the system did";
          BOOST_ERROR(error.what());
        }
        fired = injection.fired();
      }
      BOOST_TEST(wrong == nullptr, at.name << ", call " << nth << ": " << wrong);
      BOOST_TEST(watch.nothing(), at.name << ", call " << nth);
      if (!complete) ++failures;
      if (!fired || nth > 500) break;
    }
    BOOST_TEST_MESSAGE(at.name << ": " << failures << " calls to the system whose failure is seen");
    BOOST_TEST(failures >= 2u, at.name << " " << failures);
  }
}

BOOST_AUTO_TEST_CASE(when_calls_to_the_system_begin_to_fail_refusals_change_nothing) {
  for (const named_level& at : every_level) {
    bool fired = true;
    for (std::size_t nth = 1; fired && nth < 200; ++nth) {
      const misuse_watch watch;
      secure_resource memory(small_at(at.level));
      std::vector<held_block> blocks;
      {
        const os::failure_injection injection(nth, os::os_call::any | os::os_call::entropy,
                                              os::failure_injection::rule::from_then_on);
        for (const std::size_t bytes :
             {std::size_t{0}, std::size_t{64}, 4 * kib, 30 * kib, 300 * kib, std::size_t{64}}) {
          const memory_usage before = memory.usage();
          void* const p = memory.try_allocate(bytes, 8);
          if (p != nullptr) blocks.push_back({p, bytes, 8});
          if (p == nullptr) BOOST_TEST(memory.usage() == before, at.name << ", call " << nth << ", " << bytes);
        }
        fired = injection.fired();
      }
      BOOST_TEST(memory.check());
      for (const held_block& each : blocks) fill(each.p, each.bytes, 1);
      for (const std::size_t bytes : {std::size_t{64}, 4 * kib, 30 * kib, 300 * kib})
        blocks.push_back(take(memory, bytes, 8));
      give_all(memory, blocks);
      BOOST_TEST(memory.check());
      BOOST_TEST(watch.nothing(), at.name << ", call " << nth);
    }
  }
}

BOOST_AUTO_TEST_CASE(while_the_system_refuses_everything_blocks_can_still_be_freed) {
  for (const named_level& at : every_level) {
    const misuse_watch watch;
    secure_resource memory(subject_at(at.level));
    std::vector<held_block> blocks = take_mixed(memory, 500, 3000);
    blocks.push_back(take(memory, mebibyte, 8));
    {
      const os::failure_injection injection(1, os::os_call::any | os::os_call::entropy,
                                            os::failure_injection::rule::from_then_on);
      give_all_at_random(memory, blocks);
      BOOST_TEST(memory.usage().used == 0u);
      BOOST_CHECK_THROW((void)memory.allocate(8 * mebibyte), allocation_error);
      (void)memory.trim();
    }
    BOOST_TEST(memory.check(), at.name);
    BOOST_TEST(watch.nothing(), at.name);
    blocks = take_mixed(memory, 500, 3000);
    give_all(memory, blocks);
  }
}

BOOST_AUTO_TEST_CASE(without_random_bytes_from_the_system_the_first_allocation_fails) {
  for (const named_level& at : every_level) {
    secure_resource memory(subject_at(at.level));
    {
      const os::failure_injection injection(1, os::os_call::entropy, os::failure_injection::rule::from_then_on);
      BOOST_CHECK_THROW((void)memory.allocate(64), allocation_error);
      BOOST_TEST(memory.try_allocate(64) == nullptr);
      BOOST_TEST(memory.usage() == memory_usage{});
    }
    memory.deallocate(memory.allocate(64), 64);
  }
}

BOOST_AUTO_TEST_SUITE_END()
