// What secure resources say of themselves, and that each option does what it says.

#include <algorithm>
#include <allot/core/allocation_error.hpp>
#include <allot/os/virtual_memory.hpp>
#include <allot/secure/secure_resource.hpp>
#include <allot/secure/synchronized_secure_resource.hpp>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "secure/secure_threats.hpp"
#include "support/bytes.hpp"
#include "support/held_blocks.hpp"
#include "support/machine.hpp"
#include "support/misuse_watch.hpp"
#include "support/usage.hpp"
#include "support/with_code.hpp"
#include "support/worker.hpp"

using namespace allot;
using namespace allot::test;

namespace {

constexpr std::size_t kib = 1024;

std::uintptr_t number(const void* p) { return reinterpret_cast<std::uintptr_t>(p); }

/// The least distance of many blocks.
std::size_t stride_of(secure_resource& memory, std::size_t bytes, std::size_t alignment = 8) {
  std::vector<std::uintptr_t> blocks;
  for (int i = 0; i < 2000; ++i) blocks.push_back(number(memory.allocate(bytes, alignment)));
  std::sort(blocks.begin(), blocks.end());
  std::uintptr_t least = ~std::uintptr_t{0};
  for (std::size_t i = 1; i < blocks.size(); ++i) least = std::min(least, blocks[i] - blocks[i - 1]);
  for (const std::uintptr_t each : blocks) memory.deallocate(reinterpret_cast<void*>(each), bytes, alignment);
  return least;
}

/// How many guards there are among the slabs of so many blocks: inaccessible pages between accessible ones.
std::size_t guards_between(secure_resource& memory, int count) {
  std::vector<unsigned char*> blocks;
  for (int i = 0; i < count; ++i) blocks.push_back(get(memory, 64));
  const auto [lowest, highest] = std::minmax_element(blocks.begin(), blocks.end());
  std::size_t guards = 0;
  bool open = true;
  for (const unsigned char* p = *lowest; p < *highest; p += system_page_size()) {
    const bool now = in_reach(p);
    if (open && !now) ++guards;
    open = now;
  }
  return guards;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(secure_resources)

// ---- vocabulary

BOOST_AUTO_TEST_CASE(constructing_one_asks_the_system_for_nothing) {
  const secure_resource memory;
  BOOST_TEST(memory.usage() == memory_usage{});
  BOOST_TEST(memory.kind() == "secure_resource");
  BOOST_TEST(memory.name() == "secure_resource");
  BOOST_TEST(synchronized_secure_resource().name() == "synchronized_secure_resource");
  BOOST_TEST(secure_resource(subject_at(secure_level::trap)).name() == "subject");
  BOOST_TEST(memory.upstream() == nullptr);
  BOOST_TEST(memory.check());
  BOOST_TEST(!memory.owns(&memory));
  BOOST_TEST((memory.find_block(&memory).state == block_state::unknown));
  BOOST_TEST((memory.options().level == secure_level::hardened));
}

BOOST_AUTO_TEST_CASE(options_are_as_the_level_has_them_where_they_are_not_set) {
  for (const named_level& at : every_level) {
    const secure_resource memory(at.level);
    const secure_options& options = memory.options();
    BOOST_TEST((options.level == at.level));
    BOOST_TEST((options.region_bits && options.quarantine && options.guard_interval && options.canary_bytes));
    BOOST_TEST((options.random_places && options.zero_on_free && options.verify_on_allocate));
    BOOST_TEST((options.lock && options.no_dump && options.fork));
    secure_options set = options_at(at.level);
    set.canary_bytes = 16;
    set.guard_interval = 3;
    set.fork = fork_policy::inherit;
    const secure_options whole = completed(set);
    BOOST_TEST(*whole.canary_bytes == 16u);
    BOOST_TEST(*whole.guard_interval == 3u);
    BOOST_TEST(*whole.quarantine == *options.quarantine);
  }
  secure_options wild;
  wild.region_bits = 99;
  wild.canary_bytes = 1000;
  BOOST_TEST(*completed(wild).region_bits == (narrow ? 22u : 35u));
  BOOST_TEST(*completed(wild).canary_bytes == 64u);
  wild.region_bits = 1;
  wild.canary_bytes = 9;
  BOOST_TEST(*completed(wild).region_bits == 20u);
  BOOST_TEST(*completed(wild).canary_bytes == 16u);
}

BOOST_AUTO_TEST_CASE(usage_counts_what_is_handed_out) {
  for (const named_level& at : every_level) {
    secure_resource memory(subject_at(at.level));
    std::size_t sum = 0;
    std::vector<held_block> blocks;
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{64}, std::size_t{1000}, 20 * kib, mebibyte}) {
      blocks.push_back(take(memory, bytes, 8));
      sum += bytes;
      const memory_usage now = memory.usage();
      BOOST_TEST(now.used >= sum, at.name);
      BOOST_TEST(now.peak == now.used);
      BOOST_TEST(now.committed >= now.used);
      BOOST_TEST(now.reserved >= now.committed);
    }
    const std::size_t peak = memory.usage().peak;
    give_all(memory, blocks);
    BOOST_TEST(memory.usage().used == 0u);
    BOOST_TEST(memory.usage().peak == peak);
  }
}

BOOST_AUTO_TEST_CASE(blocks_are_found_by_any_of_their_bytes_and_visited) {
  for (const named_level& at : every_level) {
    secure_resource memory(subject_at(at.level));
    std::map<const void*, std::size_t> live;
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{61}, std::size_t{64}, std::size_t{1000},
                                    20 * kib, 100 * kib, mebibyte + 3})
      for (int i = 0; i < 3; ++i) {
        unsigned char* const p = get(memory, bytes);
        live[p] = bytes;
        for (const std::size_t offset : {std::size_t{0}, bytes / 2, bytes - (bytes != 0)}) {
          const block_info found = memory.find_block(p + offset);
          BOOST_TEST((found.begin == p));
          BOOST_TEST(found.bytes == bytes);
          BOOST_TEST(found.exact);
          BOOST_TEST((found.state == block_state::used), at.name);
          BOOST_TEST(memory.owns(p + offset));
        }
        if (bytes != 0) BOOST_TEST((memory.find_block(p + bytes).begin != p));
      }
    for (const std::size_t bytes : {std::size_t{64}, mebibyte}) {
      unsigned char* const freed = get(memory, bytes);
      memory.deallocate(freed, bytes, 8);
      BOOST_TEST((memory.find_block(freed).state != block_state::used));
      // Of what is freed checked keeps what it likes, and trap nothing.
      if (at.level == secure_level::checked || at.level == secure_level::trap) continue;
      const block_info found = memory.find_block(freed + 10);
      BOOST_TEST((found.state == block_state::quarantined), at.name << ", " << bytes);
      BOOST_TEST((found.begin == freed), at.name << ", " << bytes);
      BOOST_TEST(found.bytes == bytes);
    }
    std::map<const void*, std::size_t> visited;
    memory.for_each_block([&](const block_info& each) {
      BOOST_TEST((each.exact && (each.state == block_state::used || each.state == block_state::free)));
      if (each.state == block_state::free) return;
      BOOST_TEST(visited.emplace(each.begin, each.bytes).second);
    });
    BOOST_TEST((visited == live), at.name);
  }
}

BOOST_AUTO_TEST_CASE(expanding_stays_in_the_place_of_the_block_and_keeps_what_is_in_it) {
  for (const named_level& at : every_level) {
    secure_resource memory(subject_at(at.level));
    const misuse_watch watch;
    std::size_t grown = 0;
    for (std::size_t bytes = 1; bytes < 3000; bytes += 29) {
      unsigned char* const p = get(memory, bytes);
      fill(p, bytes, 0x33);
      BOOST_TEST(memory.try_expand(p, bytes, bytes, 8));
      std::size_t now = bytes;
      for (const std::size_t wish : {bytes + 1, bytes + 16, bytes > 10 ? bytes - 10 : bytes, 10 * bytes + 10'000}) {
        if (!memory.try_expand(p, now, wish, 8)) {
          BOOST_TEST(memory.find_block(p).bytes == now);
          continue;
        }
        if (wish > now) ++grown;
        BOOST_TEST(all_are(p, std::min({now, bytes, wish}), 0x33));
        now = wish;
        BOOST_TEST(memory.find_block(p).bytes == now);
        fill(p, now, 0x33);
        BOOST_TEST(memory.check());
      }
      if (now > 1) BOOST_TEST(!memory.try_expand(p + 1, now - 1, now - 1, 1));
      BOOST_TEST(!memory.try_expand(p, now + 1, now + 1, 8));
      BOOST_TEST(!memory.try_expand(p, now, now, 16));
      memory.deallocate(p, now, 8);
      BOOST_TEST(!memory.try_expand(p, now, now, 8));
    }
    BOOST_TEST((grown > 10u || at.level == secure_level::trap), at.name);
    BOOST_TEST(watch.nothing());
    BOOST_TEST(memory.usage().used == 0u);
  }
}

BOOST_AUTO_TEST_CASE(release_restores_the_constructed_state) {
  for (const named_level& at : every_level) {
    secure_resource memory(subject_at(at.level));
    for (int round = 0; round < 3; ++round) {
      std::vector<held_block> blocks = take_mixed(memory, 500, 30'000);
      unsigned char* const p = static_cast<unsigned char*>(blocks[0].p);
      memory.release();
      BOOST_TEST(memory.usage() == memory_usage{});
      BOOST_TEST(!memory.owns(p));
      BOOST_TEST(!in_reach(p));
      memory.release();
      BOOST_TEST(memory.check());
      const misuse_watch watch;
      memory.deallocate(p, blocks[0].bytes, blocks[0].alignment);
      BOOST_TEST(watch.only(misuse_kind::foreign_pointer), at.name);
    }
  }
}

BOOST_AUTO_TEST_CASE(trimming_gives_back_what_no_block_needs) {
  for (const named_level& at : every_level) {
    secure_resource memory(subject_at(at.level));
    std::vector<held_block> blocks = take_mixed(memory, 3000, 3000);
    const held_block kept = take(memory, 64, 8);
    fill(kept.p, 64, 9);
    give_all_at_random(memory, blocks);
    const std::size_t before = memory.usage().committed;
    const std::size_t given = memory.trim();
    BOOST_TEST((given > 0u || at.level == secure_level::trap), at.name);
    BOOST_TEST(memory.usage().committed <= before);
    BOOST_TEST(memory.report().quarantined_blocks == 0u, at.name);
    BOOST_TEST(all_are(kept.p, 64, 9));
    BOOST_TEST(memory.trim() == 0u, at.name);
    BOOST_TEST(memory.check());
    blocks = take_mixed(memory, 3000, 3000);
    give_all(memory, blocks);
    give(memory, kept);
    BOOST_TEST(memory.usage().used == 0u);
    BOOST_TEST(memory.check());
  }
}

BOOST_AUTO_TEST_CASE(the_report_tells_what_there_is) {
  for (const named_level& at : every_level) {
    secure_resource memory(subject_at(at.level));
    BOOST_TEST((memory.report().level == at.level));
    BOOST_TEST(memory.report().regions == 0u);
    std::vector<held_block> blocks = take_mixed(memory, 200, 3000);
    secure_report now = memory.report();
    BOOST_TEST(now.regions >= 1u, at.name);
    BOOST_TEST(now.quarantined_blocks == 0u);
    BOOST_TEST(now.least_region_bits >= 20u);
    if (at.level != secure_level::checked) {
      BOOST_TEST(now.canary_entropy == 56.0);
      BOOST_TEST((now.guards != secure_report::guard_kind::none));
      BOOST_TEST((now.guards == secure_report::guard_kind::advice) == os::facts().guard_advice);
      BOOST_TEST(now.guards_left_out == 0u);
    }
    give_all(memory, blocks);
    now = memory.report();
    if (at.level == secure_level::trap) continue;  // needs none: no address comes back
    BOOST_TEST((now.quarantined_blocks > 0u) == (at.level != secure_level::checked), at.name);
    BOOST_TEST((now.quarantined_bytes > 0u) == (at.level != secure_level::checked), at.name);
  }
}

// ---- options

BOOST_AUTO_TEST_CASE(canaries_have_the_bytes_asked_for) {
  for (const std::size_t canary : {std::size_t{0}, std::size_t{8}, std::size_t{16}, std::size_t{32}, std::size_t{64}}) {
    secure_options options = subject_at(secure_level::hardened);
    options.canary_bytes = canary;
    secure_resource memory(options);
    BOOST_TEST(stride_of(memory, 64) >= 64 + canary);
    if (canary <= 32) BOOST_TEST(stride_of(memory, 16) < 16 + canary + 16);
    const misuse_watch watch;
    for (std::size_t i = 0; i < canary; ++i) {
      unsigned char* const p = get(memory, 64);
      poke(p + 64 + i);
      memory.deallocate(p, 64, 8);
      BOOST_TEST(watch.only(misuse_kind::overrun), "canary of " << canary << ", byte " << i);
    }
    BOOST_TEST(memory.report().canary_entropy == (canary == 0 ? 0.0 : 56.0));
    BOOST_TEST(memory.check());
  }
}

BOOST_AUTO_TEST_CASE(without_canaries_writes_after_a_free_are_still_found) {
  secure_options options = subject_at(secure_level::hardened);
  options.canary_bytes = 0;
  options.quarantine = 0;
  options.random_places = false;
  secure_resource memory(options);
  const misuse_watch watch;
  unsigned char* const p = get(memory, 64);
  memory.deallocate(p, 64, 8);
  poke(p + 10);
  BOOST_TEST(!memory.check());
  BOOST_TEST(watch.only(misuse_kind::write_after_free));
  for (int i = 0; i < 10'000 && watch.nothing(); ++i) (void)memory.allocate(64, 8);
  BOOST_TEST(watch.only(misuse_kind::write_after_free));
  memory.release();
}

BOOST_AUTO_TEST_CASE(strides_are_multiples_of_8_where_the_alignment_allows) {
  secure_resource memory(secure_level::hardened);
  BOOST_TEST(stride_of(memory, 16, 8) == 24u);
  BOOST_TEST(stride_of(memory, 64, 8) == 72u);
  BOOST_TEST(stride_of(memory, 16, 16) == 32u);
}

BOOST_AUTO_TEST_CASE(guards_stand_at_the_interval_asked_for) {
  std::map<std::size_t, std::size_t> guards;
  for (const std::size_t interval : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{8}}) {
    secure_options options = subject_at(secure_level::hardened);
    options.guard_interval = interval;
    secure_resource memory(options);
    guards[interval] = guards_between(memory, 40'000);
    BOOST_TEST(memory.report().guard_interval == interval);
    BOOST_TEST((memory.report().guards == secure_report::guard_kind::none) == (interval == 0));
  }
  BOOST_TEST(guards[0] == 0u);
  BOOST_TEST(guards[1] >= 40u);
  BOOST_TEST(guards[2] >= guards[1] / 2 - 1);
  BOOST_TEST(guards[2] <= guards[1] / 2 + (narrow ? 2 : 1));  // of so few addresses there are more regions
  BOOST_TEST(guards[8] >= guards[1] / 8 - 1);
  BOOST_TEST(guards[8] <= guards[1] / 8 + 1);
}

BOOST_AUTO_TEST_CASE(without_a_quarantine_places_are_used_again_at_once) {
  secure_options options = subject_at(secure_level::hardened);
  options.quarantine = 0;
  options.random_places = false;
  secure_resource memory(options);
  void* const p = memory.allocate(64, 8);
  memory.deallocate(p, 64, 8);
  BOOST_TEST(memory.report().quarantined_blocks == 0u);
  void* again = nullptr;
  for (int i = 0; i < 2000 && again != p; ++i) again = memory.allocate(64, 8);
  BOOST_TEST(again == p);
}

BOOST_AUTO_TEST_CASE(the_quarantine_holds_twice_the_bytes_asked_for) {
  secure_options options = subject_at(secure_level::hardened);
  options.quarantine = 10 * kib;
  secure_resource memory(options);
  std::vector<held_block> blocks = take_many(memory, 2000, 64, 8);
  give_all(memory, blocks);
  const secure_report now = memory.report();
  BOOST_TEST(now.quarantined_bytes <= 20 * kib);
  BOOST_TEST(now.quarantined_bytes >= 18 * kib);
  BOOST_TEST(now.quarantined_blocks >= 18 * kib / 96);
}

BOOST_AUTO_TEST_CASE(contents_stay_where_zeroing_is_switched_off_and_zero_is_then_not_expected) {
  secure_options options = subject_at(secure_level::hardened);
  options.zero_on_free = false;
  secure_resource memory(options);
  BOOST_TEST(!*memory.options().verify_on_allocate);
  const misuse_watch watch;
  for (int i = 0; i < 3000; ++i) {
    unsigned char* const p = get(memory, 64);
    fill(p, 64, 0x77);
    memory.deallocate(p, 64, 8);
    if (i == 0) BOOST_TEST(int{peek(p + 20)} == 0x77);
  }
  BOOST_TEST(memory.check());
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(any_mixture_of_options_is_sound) {
  if (test::mappings_are_slow()) return test::skip(test::takes_hours);
  std::mt19937 random(7);
  for (int i = 0; i < 150; ++i) {
    secure_options options = subject_at(every_level[random() % 4].level);
    if (random() % 2 != 0) options.region_bits = 20 + random() % 12;
    if (random() % 2 != 0) options.quarantine = (random() % 3) * 20 * kib;
    if (random() % 2 != 0) options.guard_interval = random() % 5;
    if (random() % 2 != 0) options.canary_bytes = random() % 70;
    if (random() % 2 != 0) options.random_places = random() % 2 != 0;
    if (random() % 2 != 0) options.zero_on_free = random() % 2 != 0;
    if (random() % 2 != 0) options.verify_on_allocate = random() % 2 != 0;
    options.checked = random() % 2 != 0;
    options.seed = random() % 3;
    secure_resource memory(options);
    const misuse_watch watch;
    std::vector<held_block> blocks = take_mixed(memory, 300, 3000, static_cast<unsigned>(i));
    for (const held_block& each : blocks) fill(each.p, each.bytes, 0x21);
    BOOST_TEST(memory.check());
    for (const held_block& each : blocks) BOOST_TEST(all_are(each.p, each.bytes, 0x21));
    give_all_at_random(memory, blocks);
    BOOST_TEST(memory.check());
    BOOST_TEST(memory.usage().used == 0u);
    BOOST_TEST(watch.nothing(), "mixture " << i);
  }
}

// ---- sizes and alignments

BOOST_AUTO_TEST_CASE(empty_blocks_have_places_of_their_own_at_the_alignments_of_pages) {
  const std::size_t page = system_page_size();
  for (const named_level& at : every_level) {
    secure_resource memory(subject_at(at.level));
    const misuse_watch watch;
    std::vector<held_block> blocks;
    for (const std::size_t alignment : {page / 2, page, 2 * page}) {
      for (int i = 0; i < 4; ++i) {
        blocks.push_back(take(memory, 0, alignment));
        BOOST_TEST(number(blocks.back().p) % alignment == 0u);
        BOOST_TEST(memory.owns(blocks.back().p));
      }
    }
    std::vector<std::uintptr_t> places;
    for (const held_block& block : blocks) places.push_back(number(block.p));
    std::sort(places.begin(), places.end());
    BOOST_TEST((std::adjacent_find(places.begin(), places.end()) == places.end()));
    BOOST_TEST(memory.check());
    give_all_at_random(memory, blocks);
    BOOST_TEST(memory.usage().used == 0u);
    BOOST_TEST(watch.nothing(), at.name);
  }
}

BOOST_AUTO_TEST_CASE(sizes_around_powers_of_two_are_served_at_every_alignment) {
  for (const named_level& at : every_level) {
    secure_resource memory(subject_at(at.level));
    const misuse_watch watch;
    std::vector<held_block> blocks;
    for (std::size_t power = 1; power <= 512 * kib; power *= 2)
      for (const std::size_t bytes : {power - 1, power, power + 1})
        for (const std::size_t alignment :
             {std::size_t{1}, std::size_t{8}, std::size_t{16}, std::size_t{64}, 4 * kib, 64 * kib}) {
          blocks.push_back(take(memory, bytes, alignment));
          BOOST_REQUIRE(number(blocks.back().p) % alignment == 0u);
          fill(blocks.back().p, bytes, static_cast<unsigned>(blocks.size()));
        }
    BOOST_TEST(memory.check());
    for (std::size_t i = 0; i < blocks.size(); ++i)
      BOOST_REQUIRE(all_are(blocks[i].p, blocks[i].bytes, static_cast<unsigned>(i + 1)));
    give_all_at_random(memory, blocks);
    for (const std::size_t alignment : {2 * mebibyte, 16 * mebibyte}) {
      for (const std::size_t bytes : {std::size_t{0}, std::size_t{10}, 3 * mebibyte}) {
        const held_block block = take(memory, bytes, alignment);
        BOOST_TEST(number(block.p) % alignment == 0u);
        fill(block.p, bytes, 1);
        give(memory, block);
      }
    }
    BOOST_TEST(memory.check());
    BOOST_TEST(memory.usage().used == 0u);
    BOOST_TEST(watch.nothing(), at.name);
  }
}

BOOST_AUTO_TEST_CASE(a_resource_for_threads_serves_four_of_them) {
  for (const named_level& at : every_level) {
    synchronized_secure_resource memory(subject_at(at.level));
    const misuse_watch watch;
    std::atomic<int> wrong{0};
    in_threads(4, [&](std::size_t thread) {
      std::mt19937 random(static_cast<unsigned>(thread));
      std::vector<held_block> mine;
      for (unsigned i = 0; i < 1500; ++i) {
        const std::size_t bytes = i % 300 == 0 ? 200'000 : random() % 2000;
        mine.push_back(take(memory, bytes, 8));
        fill(mine.back().p, bytes, static_cast<unsigned>(thread + 1));
        if (random() % 2 == 0) continue;
        std::swap(mine[random() % mine.size()], mine.back());
        if (!all_are(mine.back().p, mine.back().bytes, static_cast<unsigned>(thread + 1))) ++wrong;
        give(memory, mine.back());
        mine.pop_back();
        if (i % 500 == 0 && !memory.check()) ++wrong;
      }
      give_all(memory, mine);
    });
    BOOST_TEST(wrong == 0, at.name);
    BOOST_TEST(memory.usage().used == 0u);
    BOOST_TEST(memory.check());
    BOOST_TEST(watch.nothing());
  }
}

BOOST_AUTO_TEST_SUITE_END()
