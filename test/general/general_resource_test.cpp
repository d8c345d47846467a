// What both general resources promise, tier by tier.

#include <allot/core/allocation_error.hpp>
#include <allot/core/byte_size.hpp>
#include <allot/core/checked_size.hpp>
#include <boost/test/unit_test.hpp>
#include <limits>
#include <list>
#include <map>
#include <memory_resource>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "general/generals.hpp"
#include "support/access.hpp"
#include "support/misuse_watch.hpp"
#include "support/usage.hpp"
#include "support/with_code.hpp"

using namespace allot;
using namespace allot::literals;
using test::held_block;
using test::in_all;

namespace {

/// Sizes at all bounds between tiers and ways of default options.
std::vector<std::size_t> telling_sizes() {
  std::vector<std::size_t> sizes{0, 1, 2, 7, 8, 9, 15, 16, 17};
  for (const std::size_t bound : {64_B, 256_B, 512_B, 1_KiB, 4_KiB, 32_KiB, 64_KiB, 1_MiB})
    for (const std::size_t bytes : {bound - 17, bound - 16, bound - 1, bound, bound + 1, bound + 16})
      sizes.push_back(bytes);
  sizes.push_back(3_MiB + 5);
  return sizes;
}

template <class General>
void expect_empty(const General& general) {
  BOOST_TEST(general.usage().used == 0u);
  const general_statistics now = general.statistics();
  for (const general_tier* each : {&now.small_tier, &now.medium_tier, &now.large_tier}) {
    BOOST_TEST(each->live_blocks == 0u);
    BOOST_TEST(each->live_bytes == 0u);
  }
  BOOST_TEST(test::blocks_in(general).empty());
  BOOST_TEST(general.check());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(general)

// ---- one line to use

BOOST_AUTO_TEST_CASE(made_without_arguments_they_serve_containers) {
  static_assert(std::is_nothrow_default_constructible_v<general_resource>);
  static_assert(std::is_nothrow_default_constructible_v<concurrent_general_resource>);
  const auto use = [](auto& general) {
    BOOST_TEST(general.upstream() == nullptr);
    BOOST_TEST(general.usage() == memory_usage{});
    BOOST_TEST(general.name() == general.kind());
    {
      std::pmr::vector<std::pmr::string> texts(&general);
      std::pmr::map<int, std::pmr::string> by_number(&general);
      std::pmr::unordered_map<int, std::pmr::vector<int>> lists(&general);
      std::pmr::list<std::pmr::string> chain(&general);
      for (int i = 0; i < 3000; ++i) {
        texts.emplace_back(static_cast<std::size_t>(i), 'a');
        by_number.emplace(i, texts.back());
        lists[i % 100].push_back(i);
        chain.push_front(texts.back());
        if (i % 3 == 0) chain.pop_back();
      }
      BOOST_TEST(by_number[2999] == texts[2999]);
      BOOST_TEST(lists[7].back() == 2907);
      BOOST_TEST(general.check());
    }
    expect_empty(general);
  };
  general_resource one;
  use(one);
  concurrent_general_resource other;
  use(other);
}

BOOST_AUTO_TEST_CASE(names_and_kinds) {
  general_options options;
  options.name = "levels";
  BOOST_TEST(general_resource(options).name() == "levels");
  BOOST_TEST(general_resource(options).options().name == "levels");
  BOOST_TEST(concurrent_general_resource(options).name() == "levels");
  BOOST_TEST(general_resource().kind() == "general_resource");
  BOOST_TEST(general_resource().options().name.empty());
  BOOST_TEST(concurrent_general_resource().kind() == "concurrent_general_resource");
  BOOST_TEST(general_resource(std::pmr::new_delete_resource()).upstream() == std::pmr::new_delete_resource());
  BOOST_TEST(concurrent_general_resource(std::pmr::new_delete_resource()).upstream() ==
             std::pmr::new_delete_resource());
}

BOOST_AUTO_TEST_CASE(the_default_setting_says_whether_they_check) {
  const bool before = checked_by_default();
  set_checked_by_default(true);
  BOOST_TEST(general_resource().options().checked);
  set_checked_by_default(false);
  BOOST_TEST(!general_resource().options().checked);
  set_checked_by_default(before);
}

BOOST_AUTO_TEST_CASE(options_out_of_range_are_brought_into_it) {
  const std::size_t huge = std::numeric_limits<std::size_t>::max();
  for (const std::size_t small : {std::size_t{1}, std::size_t{33}, 100_KiB, huge}) {
    for (const std::size_t large : {std::size_t{0}, std::size_t{1}, std::size_t{400}, 8_KiB, huge}) {
      for (const std::size_t reserve : {std::size_t{1}, 64_KiB}) {
        general_options options;
        options.small_limit = small;
        options.large_threshold = large;
        options.return_after = large % 2;
        options.reserve = reserve;
        BOOST_TEST_CONTEXT(small << ", " << large << ", " << reserve) {
          in_all(
              [&](auto& general) {
                const std::size_t in_force = general.options().small_limit;
                BOOST_TEST(in_force == std::clamp<std::size_t>(small, 16, 32_KiB));
                BOOST_TEST(general.statistics().small_tier.largest_request <= in_force);
                BOOST_TEST(general.statistics().medium_tier.largest_request >=
                           general.statistics().small_tier.largest_request);
                std::vector<held_block> blocks;
                std::size_t bytes = 1;
                for (std::size_t i = 0; i < 90; ++i, bytes = bytes * 9 / 8 + 3)
                  blocks.push_back(test::take(general, bytes, std::size_t{1} << i % 8));
                for (const held_block& each : blocks) test::fill(each.p, each.bytes, 7);
                BOOST_TEST(test::shows_exactly(general, blocks));
                BOOST_TEST(general.check());
                test::give_all_at_random(general, blocks);
                BOOST_TEST(general.usage().used == 0u);
                (void)general.trim();
                BOOST_TEST(general.usage().reserved == 0u);
              },
              options);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(blocks_kept_at_hand_are_medium_ones) {
  general_options options;
  options.large_threshold = 4_KiB;
  in_all(
      [](auto& general) {
        BOOST_TEST(general.options().large_threshold == 64_KiB);
        for (int round = 0; round < 3; ++round) {
          std::vector<held_block> blocks = test::take_many(general, 10, 10000);
          const general_statistics now = general.statistics();
          BOOST_TEST(now.medium_tier.live_blocks == 10u);
          BOOST_TEST(now.medium_tier.live_bytes >= 100000u);
          BOOST_TEST(now.medium_tier.live_bytes < 150000u);
          BOOST_TEST(now.large_tier.live_bytes == 0u);
          test::give_all(general, blocks);
          expect_empty(general);
        }
      },
      options);
}

BOOST_AUTO_TEST_CASE(without_a_wish_more_sizes_are_small_where_threads_share) {
  BOOST_TEST(general_resource().options().small_limit == 512u);
  BOOST_TEST(concurrent_general_resource().options().small_limit == 8_KiB);
}

// ---- tiers

BOOST_AUTO_TEST_CASE(every_size_at_every_alignment_has_a_block_of_its_own) {
  in_all([](auto& general) {
    for (int round = 0; round < 2; ++round) {
      std::vector<held_block> blocks;
      std::vector<std::pair<std::uintptr_t, std::uintptr_t>> ranges;
      std::size_t misaligned = 0;
      std::size_t wrong = 0;
      for (std::size_t alignment = 1; alignment <= 64_KiB; alignment *= 2) {
        for (const std::size_t bytes : telling_sizes()) {
          if (bytes > 64_KiB + 16 && alignment % 8 != 1 && alignment != 64 && alignment != 64_KiB) continue;
          blocks.push_back(test::take(general, bytes, alignment));
          void* const p = blocks.back().p;
          test::fill(p, bytes, static_cast<unsigned>(blocks.size()));
          if (!is_aligned(p, alignment)) ++misaligned;
          const block_info found = general.find_block(p);
          if (found.begin != p || found.bytes < bytes || found.state != block_state::used || !general.owns(p)) ++wrong;
          ranges.emplace_back(test::number_of(p), test::number_of(p) + std::max<std::size_t>(bytes, 1) - 1);
        }
      }
      BOOST_TEST(misaligned == 0u);
      BOOST_TEST(wrong == 0u);
      BOOST_TEST(!test::overlap(ranges));
      BOOST_TEST(test::shows_exactly(general, blocks));
      BOOST_TEST(general.check());
      BOOST_TEST(test::plausible(general));
      std::size_t spoilt = 0;
      for (std::size_t i = 0; i < blocks.size(); ++i)
        if (!test::all_are(blocks[i].p, blocks[i].bytes, static_cast<unsigned>(i + 1))) ++spoilt;
      BOOST_TEST(spoilt == 0u);
      test::give_all_at_random(general, blocks);
      expect_empty(general);
    }
  });
}

BOOST_AUTO_TEST_CASE(requests_go_to_the_tier_of_their_size) {
  test::in_both(test::with_checks(false), nullptr, [](auto& general) {
    const general_statistics bounds = general.statistics();
    if (test::plain()) BOOST_TEST(bounds.small_tier.largest_request == 512u);
    BOOST_TEST(bounds.medium_tier.largest_request == 1_MiB - 1);
    const std::size_t least_large = test::plain() ? 1_MiB : 1_MiB + 16;
    std::size_t small = 0;
    std::size_t medium = 0;
    std::size_t large = 0;
    std::vector<held_block> blocks;
    for (const std::size_t bytes :
         {std::size_t{0}, std::size_t{1}, bounds.small_tier.largest_request, bounds.small_tier.largest_request + 1,
          std::size_t{1000}, 32_KiB, 32_KiB + 1, 1_MiB - 100, least_large, 2_MiB + 1}) {
      blocks.push_back(test::take(general, bytes));
      ++(bytes <= bounds.small_tier.largest_request ? small : bytes < least_large ? medium : large);
      const general_statistics now = general.statistics();
      BOOST_TEST_CONTEXT(bytes) {
        BOOST_TEST(now.small_tier.live_blocks == small);
        BOOST_TEST(now.medium_tier.live_blocks == medium);
        BOOST_TEST(now.large_tier.live_blocks == large);
      }
    }
    test::give_all(general, blocks);
    expect_empty(general);
    // Alignment counts, too: a pool has no block for that.
    blocks.push_back(test::take(general, 1, 4_KiB));
    blocks.push_back(test::take(general, 0, 4_KiB));
    BOOST_TEST(general.statistics().medium_tier.live_blocks == 2u);
    BOOST_TEST(general.statistics().small_tier.live_blocks == 0u);
    test::give_all(general, blocks);
    expect_empty(general);
  });
}

BOOST_AUTO_TEST_CASE(large_blocks_start_at_a_page) {
  in_all([](auto& general) {
    std::vector<held_block> blocks;
    std::size_t astray = 0;
    for (const std::size_t bytes : {1_MiB, 1_MiB + 1, 2_MiB - 1, 5_MiB}) {
      blocks.push_back(test::take(general, 100));
      blocks.push_back(test::take(general, 1000));
      blocks.push_back(test::take(general, 100000, 1));
      blocks.push_back(test::take(general, bytes, 1));
      if (!is_aligned(blocks.back().p, test::system_page_size())) ++astray;
    }
    BOOST_TEST(astray == 0u);
    test::give_all(general, blocks);
  });
}

BOOST_AUTO_TEST_CASE(freed_blocks_of_every_tier_are_used_again) {
  in_all([](auto& general) {
    memory_usage first;
    for (int round = 0; round < 20; ++round) {
      std::vector<held_block> blocks;
      for (const std::size_t bytes : test::one_of_each)
        for (int i = 0; i < 5; ++i) blocks.push_back(test::take(general, bytes));
      const memory_usage now = general.usage();
      if (round == 1) first = now;
      if (round > 1) BOOST_TEST(now.committed <= first.committed + first.committed / 8);
      round % 2 == 0 ? test::give_all(general, blocks) : test::give_all_at_random(general, blocks);
    }
    expect_empty(general);
  });
}

BOOST_AUTO_TEST_CASE(medium_blocks_that_come_and_go_are_kept_at_hand) {
  if (!test::plain()) return test::skip("under a memory tool nothing is kept at hand");
  test::in_both(test::with_checks(false), nullptr, [](auto& general) {
    for (const std::size_t bytes : {513_B, 576_B, 577_B, 1024_B, 5000_B, 16_KiB, 32_KiB}) {
      void* const p = general.allocate(bytes);
      void* const behind = general.allocate(bytes);
      general.deallocate(p, bytes);
      BOOST_TEST((general.find_block(p).state == block_state::free));
      BOOST_TEST(general.owns(p));
      BOOST_TEST(general.allocate(bytes) == p);
      general.deallocate(behind, bytes);
      general.deallocate(p, bytes);
      BOOST_TEST(general.usage().used == 0u);
    }
    // What fits one size fits all that are rounded to the same.
    void* const p = general.allocate(8193);
    general.deallocate(p, 8193);
    BOOST_TEST(general.allocate(9_KiB) == p);
    general.deallocate(p, 9_KiB);
    expect_empty(general);
  });
}

BOOST_AUTO_TEST_CASE(more_medium_blocks_than_are_kept_come_and_go) {
  in_all([](auto& general) {
    for (const std::size_t bytes : {520_B, 3000_B, 20000_B, 32_KiB}) {
      std::vector<held_block> blocks = test::take_many(general, 100, bytes);
      const held_block kept = test::take(general, bytes);
      for (const held_block& each : blocks) test::fill(each.p, bytes, 3);
      std::size_t left = blocks.size();
      for (const held_block& each : blocks) {
        test::give(general, each);
        if (general.statistics().medium_tier.live_blocks != left--) BOOST_ERROR("live blocks");
      }
      blocks = test::take_many(general, 100, bytes);
      BOOST_TEST(general.usage().committed < 10_MiB);
      blocks.push_back(kept);
      BOOST_TEST(test::shows_exactly(general, blocks));
      test::give_all_at_random(general, blocks);
      expect_empty(general);
    }
  });
}

// ---- what cannot be

BOOST_AUTO_TEST_CASE(sizes_that_no_memory_has_are_refused) {
  const std::size_t huge = std::numeric_limits<std::size_t>::max();
  in_all([&](auto& general) {
    const held_block kept = test::take(general, 1000);
    for (const std::size_t bytes : {huge, huge - 16, huge / 2, huge / 2 + 1}) {
      for (const std::size_t alignment : {1_B, 16_B, 64_KiB}) {
        BOOST_CHECK_EXCEPTION((void)general.allocate(bytes, alignment), allocation_error,
                              test::with_code(memory_errc::size_overflow));
        BOOST_TEST(general.try_allocate(bytes, alignment) == nullptr);
      }
      BOOST_TEST(!general.try_expand(kept.p, 1000, bytes, alignof(std::max_align_t)));
    }
    BOOST_TEST(test::shows_exactly(general, {kept}));
    BOOST_TEST(general.check());
    test::give(general, kept);
    expect_empty(general);
  });
}

BOOST_AUTO_TEST_CASE(an_alignment_that_is_none_is_reported_once_and_refused) {
  const test::misuse_watch watch;
  in_all([&](auto& general) {
    for (const std::size_t bytes : {0_B, 10_B, 1000_B, 100000_B, 2_MiB}) {
      BOOST_TEST_CONTEXT(bytes) {
        BOOST_CHECK_EXCEPTION((void)general.allocate(bytes, 0), allocation_error,
                              test::with_code(memory_errc::invalid_alignment));
        BOOST_TEST(watch.only(misuse_kind::invalid_alignment));
        BOOST_TEST(general.try_allocate(bytes, 0) == nullptr);
        BOOST_TEST(watch.nothing());
        watch.forget();
      }
    }
    BOOST_CHECK_EXCEPTION((void)general.allocate(1000, 24), allocation_error,
                          test::with_code(memory_errc::invalid_alignment));
    BOOST_TEST(watch.only(misuse_kind::invalid_alignment));
    expect_empty(general);
  });
}

// ---- growing in place

BOOST_AUTO_TEST_CASE(blocks_grow_and_shrink_in_place_within_a_tier) {
  in_all([](auto& general) {
    for (const std::size_t bytes : {600_B, 5000_B, 30000_B, 40000_B, 500000_B, 1100000_B}) {
      for (const std::size_t alignment : {1_B, 16_B, 256_B}) {
        void* const p = general.allocate(bytes, alignment);
        test::fill(p, bytes, 5);
        BOOST_TEST(general.try_expand(p, bytes, bytes, alignment));
        std::size_t now = bytes;
        for (const std::size_t wanted : {bytes + 1, bytes * 2, bytes * 3, bytes + 500, bytes}) {
          BOOST_TEST(general.try_expand(p, now, wanted, alignment));
          now = wanted;
          BOOST_TEST(general.find_block(p).bytes >= now);
          BOOST_TEST(general.usage().used >= now);
        }
        BOOST_TEST(test::all_are(p, bytes, 5));
        BOOST_TEST(general.check());
        general.deallocate(p, now, alignment);
        expect_empty(general);
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(a_block_that_grows_from_medium_to_large_and_back_changes_its_tier) {
  in_all([](auto& general) {
    for (const std::size_t medium : {600_B, 32_KiB, 40000_B, 1_MiB - 64}) {
      void* const p = general.allocate(medium);
      BOOST_TEST(general.statistics().medium_tier.live_blocks == 1u);
      BOOST_TEST(general.try_expand(p, medium, 1_MiB + 4096, 16));
      general_statistics now = general.statistics();
      BOOST_TEST(now.medium_tier.live_blocks == 0u);
      BOOST_TEST(now.medium_tier.live_bytes == 0u);
      BOOST_TEST(now.large_tier.live_blocks == 1u);
      BOOST_TEST(now.large_tier.live_bytes >= 1_MiB + 4096);
      BOOST_TEST(now.large_tier.held_bytes == now.large_tier.live_bytes);
      BOOST_TEST(general.try_expand(p, 1_MiB + 4096, medium, 16));
      now = general.statistics();
      BOOST_TEST(now.medium_tier.live_blocks == 1u);
      BOOST_TEST(now.medium_tier.live_bytes >= medium);
      BOOST_TEST(now.large_tier.live_bytes == 0u);
      general.deallocate(p, medium);
      expect_empty(general);
    }
  });
}

BOOST_AUTO_TEST_CASE(no_block_grows_from_one_kind_of_memory_into_another) {
  in_all([](auto& general) {
    const std::size_t most = general.statistics().small_tier.largest_request;
    void* const small = general.allocate(most);
    BOOST_TEST(!general.try_expand(small, most, most + 1, 16));
    BOOST_TEST(general.try_expand(small, most, most, 16));
    void* const medium = general.allocate(most + 1);
    BOOST_TEST(!general.try_expand(medium, most + 1, most, 16));
    void* const aligned = general.allocate(0, 4_KiB);
    BOOST_TEST(general.try_expand(aligned, 0, 0, 4_KiB));
    general.deallocate(aligned, 0, 4_KiB);
    general.deallocate(medium, most + 1);
    general.deallocate(small, most);
    expect_empty(general);
  });
}

BOOST_AUTO_TEST_CASE(a_block_does_not_grow_into_its_neighbour) {
  in_all([](auto& general) {
    std::vector<held_block> blocks = test::take_many(general, 3, 40000);
    for (const held_block& each : blocks) test::fill(each.p, each.bytes, 9);
    const std::size_t used = general.usage().used;
    const bool first_grew = general.try_expand(blocks[0].p, 40000, 50000, 16);
    const bool second_grew = general.try_expand(blocks[1].p, 40000, 50000, 16);
    BOOST_TEST((!first_grew || !second_grew));
    if (!first_grew && !second_grew) BOOST_TEST(general.usage().used == used);
    for (const held_block& each : blocks) BOOST_TEST(test::all_are(each.p, each.bytes, 9));
    if (first_grew) blocks[0].bytes = 50000;
    if (second_grew) blocks[1].bytes = 50000;
    test::give_all(general, blocks);
    expect_empty(general);
  });
}

// ---- numbers

BOOST_AUTO_TEST_CASE(used_bytes_are_those_of_the_blocks_in_use) {
  in_all([](auto& general) {
    std::vector<held_block> blocks;
    for (const std::size_t bytes : test::one_of_each) {
      for (std::size_t i = 0; i < 3; ++i) blocks.push_back(test::take(general, bytes + i));
      std::size_t shown = 0;
      std::size_t asked = 0;
      for (const auto& [begin, each] : test::blocks_in(general)) shown += each;
      for (const held_block& each : blocks) asked += each.bytes;
      const memory_usage now = general.usage();
      const general_statistics tiers = general.statistics();
      BOOST_TEST_CONTEXT(bytes) {
        BOOST_TEST(now.used >= asked);
        BOOST_TEST(now.used <= shown);
        BOOST_TEST(now.used ==
                   tiers.small_tier.live_bytes + tiers.medium_tier.live_bytes + tiers.large_tier.live_bytes);
        BOOST_TEST(tiers.small_tier.held_bytes >= tiers.small_tier.live_bytes);
        BOOST_TEST(tiers.small_tier.held_bytes + tiers.medium_tier.held_bytes + tiers.large_tier.held_bytes <=
                   now.committed);
        BOOST_TEST(test::plausible(general));
      }
    }
    const std::size_t peak = general.usage().peak;
    test::give_all(general, blocks);
    BOOST_TEST(general.usage().peak >= peak);
    expect_empty(general);
  });
}

BOOST_AUTO_TEST_CASE(live_bytes_are_rounded_up_to_what_blocks_have) {
  in_all([](auto& general) {
    std::vector<held_block> blocks;
    for (const std::size_t bytes : {600_B, 1001_B, 33001_B, 100001_B, 1100001_B}) {
      blocks.push_back(test::take(general, bytes));
      std::size_t medium = 0;
      std::size_t large = 0;
      for (const auto& [begin, each] : test::blocks_in(general)) (each < 1_MiB ? medium : large) += each;
      const general_statistics now = general.statistics();
      BOOST_TEST(now.medium_tier.live_bytes == medium,
                 bytes << " bytes: " << now.medium_tier.live_bytes << " != " << medium);
      BOOST_TEST(now.large_tier.live_bytes == large,
                 bytes << " bytes: " << now.large_tier.live_bytes << " != " << large);
    }
    test::give_all(general, blocks);
  });
}

BOOST_AUTO_TEST_CASE(a_block_counts_for_the_same_tier_in_number_and_in_bytes) {
  in_all([](auto& general) {
    for (std::size_t bytes = 1_MiB - 40; bytes <= 1_MiB + 40; ++bytes) {
      void* const p = general.allocate(bytes);
      const general_statistics now = general.statistics();
      if ((now.medium_tier.live_blocks == 0) != (now.medium_tier.live_bytes == 0) ||
          (now.large_tier.live_blocks == 0) != (now.large_tier.live_bytes == 0))
        BOOST_ERROR(bytes << " bytes: " << now.medium_tier.live_blocks << " medium blocks of "
                          << now.medium_tier.live_bytes);
      general.deallocate(p, bytes);
    }
    expect_empty(general);
  });
}

BOOST_AUTO_TEST_CASE(what_is_available_can_be_had_without_asking_for_more) {
  in_all([](auto& general) {
    BOOST_TEST(general.available() == 0u);
    std::vector<held_block> blocks = test::take_many(general, 10, 100000);
    const std::size_t committed = general.usage().committed;
    test::give_all(general, blocks);
    BOOST_TEST(general.available() >= 900000u);
    blocks = test::take_many(general, 9, 100000);
    BOOST_TEST(general.usage().committed == committed);
    test::give_all(general, blocks);
  });
}

BOOST_AUTO_TEST_CASE(what_is_kept_at_hand_is_available) {
  in_all([](auto& general) {
    std::vector<held_block> blocks = test::take_many(general, 4, 32_KiB);
    const std::size_t before = general.available();
    test::give_all(general, blocks);
    BOOST_TEST(general.available() >= before + 4 * 32_KiB);
  });
}

// ---- looking inside

BOOST_AUTO_TEST_CASE(only_blocks_in_use_are_shown) {
  in_all([](auto& general) {
    std::vector<held_block> all;
    for (const std::size_t bytes : test::one_of_each) {
      for (std::size_t i = 0; i < (bytes < 10000 ? 300u : 5u); ++i) all.push_back(test::take(general, bytes));
    }
    BOOST_TEST(test::shows_exactly(general, all));
    std::vector<held_block> left;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (i % 3 == 0)
        left.push_back(all[i]);
      else
        test::give(general, all[i]);
    }
    BOOST_TEST(test::shows_exactly(general, left));
    (void)general.trim();
    BOOST_TEST(test::shows_exactly(general, left));
    test::give_all(general, left);
    expect_empty(general);
  });
}

BOOST_AUTO_TEST_CASE(a_block_is_found_by_any_of_its_bytes_until_it_is_freed) {
  in_all([](auto& general) {
    for (const std::size_t bytes : test::one_of_each) {
      BOOST_TEST_CONTEXT(bytes) {
        const held_block behind = test::take(general, bytes);
        auto* const p = static_cast<std::byte*>(general.allocate(bytes));
        for (const std::size_t at : {std::size_t{0}, bytes / 2, bytes - 1}) {
          const block_info found = general.find_block(p + at);
          BOOST_TEST((found.begin == p && found.bytes >= bytes && found.state == block_state::used));
          BOOST_TEST(general.owns(p + at));
        }
        general.deallocate(p, bytes);
        BOOST_TEST((general.find_block(p).state != block_state::used));
        BOOST_TEST((general.find_block(p + bytes / 2).state != block_state::used));
        test::give(general, behind);
      }
    }
    int not_of_it = 0;
    BOOST_TEST((general.find_block(&not_of_it).state == block_state::unknown));
    BOOST_TEST((general.find_block(nullptr).state == block_state::unknown));
    BOOST_TEST(!general.owns(&not_of_it));
    BOOST_TEST(!general.owns(nullptr));
  });
}

BOOST_AUTO_TEST_SUITE_END()
