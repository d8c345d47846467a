// How general resources get memory, give it back, and do without.

#include <allot/block/page_resource.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/byte_size.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/testing/counting_resource.hpp>
#include <allot/testing/failing_resource.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <memory_resource>
#include <new>
#include <vector>

#include "general/generals.hpp"
#include "support/access.hpp"
#include "support/usage.hpp"

using namespace allot;
using namespace allot::literals;
using test::held_block;
using test::in_all;
using testing::counting_resource;
using testing::failing_resource;

namespace {

/// Serves one request of so many bytes and no other while that is out.
class one_block_resource final : public std::pmr::memory_resource {
 public:
  explicit one_block_resource(std::size_t bytes) : buffer_(bytes) {}

 private:
  void* do_allocate(std::size_t bytes, std::size_t) override {
    if (out_ || bytes > buffer_.size()) throw std::bad_alloc();
    out_ = true;
    return buffer_.data();
  }
  void do_deallocate(void*, std::size_t, std::size_t) override { out_ = false; }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  std::vector<std::byte> buffer_;
  bool out_ = false;
};

/// Blocks of one size until the memory is full.
std::vector<held_block> fill_with(resource& memory, std::size_t bytes) {
  std::vector<held_block> blocks;
  while (void* const p = memory.try_allocate(bytes)) blocks.push_back({p, bytes});
  return blocks;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(general_memory)

// ---- giving back

BOOST_AUTO_TEST_CASE(trim_gives_everything_back_when_nothing_is_in_use) {
  counting_resource upstream;
  for (std::pmr::memory_resource* const below :
       {static_cast<std::pmr::memory_resource*>(nullptr), static_cast<std::pmr::memory_resource*>(&upstream)}) {
    in_all(
        [&](auto& general) {
          for (int round = 0; round < 3; ++round) {
            std::vector<held_block> blocks;
            for (const std::size_t bytes : test::one_of_each)
              for (int i = 0; i < 20; ++i) blocks.push_back(test::take(general, bytes));
            const std::size_t full = general.usage().committed;
            test::give_all_at_random(general, blocks);
            const std::size_t before = general.usage().committed;
            BOOST_TEST(before <= full);
            BOOST_TEST(general.trim() == before);
            BOOST_TEST(general.usage().reserved == 0u);
            BOOST_TEST(general.usage().committed == 0u);
            BOOST_TEST(upstream.live_blocks() == 0u);
            BOOST_TEST(general.trim() == 0u);
            BOOST_TEST(general.check());
          }
        },
        {}, below);
  }
  BOOST_TEST(upstream.mismatches().empty());
}

BOOST_AUTO_TEST_CASE(trim_gives_back_what_is_kept_at_hand) {
  in_all([](auto& general) {
    const held_block kept = test::take(general, 600);
    test::fill(kept.p, 600, 4);
    std::vector<held_block> blocks;
    for (int i = 0; i < 4; ++i) blocks.push_back(test::take(general, 32_KiB));
    for (const held_block& each : blocks) test::fill(each.p, each.bytes, 1);
    test::give_all(general, blocks);
    BOOST_TEST(general.trim() >= 64_KiB);
    BOOST_TEST(test::all_are(kept.p, 600, 4));
    BOOST_TEST(test::shows_exactly(general, {kept}));
    test::give(general, kept);
  });
}

BOOST_AUTO_TEST_CASE(memory_of_small_blocks_serves_large_ones_next) {
  in_all([](auto& general) {
    std::vector<held_block> blocks = test::take_many(general, 40000, 100);
    const std::size_t held = general.usage().committed;
    test::give_all(general, blocks);
    (void)general.trim();
    blocks = test::take_many(general, 10, 300000);
    BOOST_TEST(general.usage().committed <= held);
    test::give_all(general, blocks);
  });
}

BOOST_AUTO_TEST_CASE(memory_of_many_freed_large_blocks_goes_back_by_itself) {
  if (!test::plain()) return test::skip("a memory tool keeps pages of its own");
  for (const std::size_t return_after : {4_MiB, 0_MiB}) {
    general_options options;
    options.return_after = return_after;
    in_all(
        [&](auto& general) {
          const held_block kept = test::take(general, 1000);
          std::vector<held_block> blocks = test::take_many(general, 24, 1_MiB);
          for (const held_block& each : blocks) test::fill(each.p, each.bytes, 1);
          const std::size_t full = test::resident();
          test::give_all(general, blocks);
          if (return_after != 0) {
            BOOST_TEST(test::resident() + 16_MiB < full);
          } else {
            BOOST_TEST(test::resident() + 2_MiB > full);
            (void)general.trim();
            BOOST_TEST(test::resident() + 16_MiB < full);
          }
          BOOST_TEST(general.check());
          test::give(general, kept);
        },
        options);
  }
}

BOOST_AUTO_TEST_CASE(little_freed_beside_much_that_lives_does_not_go_back_each_time) {
  if (!test::plain()) return test::skip("a memory tool takes calls of its own");
  general_options options;
  options.return_after = 1_MiB;
  in_all(
      [](auto& general) {
        std::vector<held_block> blocks = test::take_many(general, 32, 2_MiB);
        const held_block last = blocks.back();
        blocks.pop_back();
        test::give(general, last);
        const os::failure_injection counted(0, os::os_call::advise | os::os_call::protect);
        for (int i = 0; i < 20; ++i) general.deallocate(general.allocate(2_MiB), 2_MiB);
        BOOST_TEST(counted.calls() < 4u);
        test::give_all(general, blocks);
      },
      options);
}

BOOST_AUTO_TEST_CASE(chunks_of_an_upstream_go_back_by_themselves_too) {
  counting_resource upstream;
  general_options options;
  options.return_after = 1_MiB;
  in_all(
      [&](auto& general) {
        std::vector<held_block> blocks = test::take_many(general, 16, 1_MiB);
        const std::size_t held = upstream.live_bytes();
        test::give_all(general, blocks);
        BOOST_TEST(upstream.live_bytes() < held / 2);
      },
      options, &upstream);
  BOOST_TEST(upstream.live_blocks() == 0u);
}

BOOST_AUTO_TEST_CASE(release_ends_all_blocks_and_twice_is_harmless) {
  counting_resource upstream;
  for (std::pmr::memory_resource* const below :
       {static_cast<std::pmr::memory_resource*>(nullptr), static_cast<std::pmr::memory_resource*>(&upstream)}) {
    in_all(
        [&](auto& general) {
          for (int life = 0; life < 3; ++life) {
            std::vector<held_block> blocks;
            for (const std::size_t bytes : test::one_of_each)
              for (int i = 0; i < 6; ++i) blocks.push_back(test::take(general, bytes));
            for (std::size_t i = 0; i < blocks.size(); i += 2) test::give(general, blocks[i]);
            for (int i = 0; i < 2; ++i) {
              general.release();
              BOOST_TEST(general.usage() == memory_usage{});
              BOOST_TEST(upstream.live_blocks() == 0u);
              BOOST_TEST(test::blocks_in(general).empty());
              const general_statistics now = general.statistics();
              BOOST_TEST(now.small_tier.live_blocks + now.small_tier.held_bytes == 0u);
              BOOST_TEST(now.medium_tier.live_bytes + now.large_tier.live_bytes == 0u);
              BOOST_TEST(general.check());
            }
          }
        },
        {}, below);
  }
  BOOST_TEST(upstream.mismatches().empty());
}

BOOST_AUTO_TEST_CASE(the_destructor_gives_everything_back) {
  counting_resource upstream;
  in_all(
      [&](auto& general) {
        for (const std::size_t bytes : test::one_of_each) test::fill(general.allocate(bytes), bytes, 1);
        general.deallocate(general.allocate(5000), 5000);
      },
      {}, &upstream);
  BOOST_TEST(upstream.live_blocks() == 0u);
  BOOST_TEST(upstream.mismatches().empty());
}

// ---- refusals

BOOST_AUTO_TEST_CASE(what_is_kept_at_hand_goes_back_before_a_refusal) {
  for (const std::size_t bytes : {600_B, 5000_B, 20000_B}) {
    one_block_resource upstream(256_KiB);
    test::in_both(test::with_checks(false), &upstream, [&](auto& general) {
      BOOST_TEST_CONTEXT(bytes) {
        void* const first = general.allocate(200_KiB);  // so that there is one range of nearly all of it
        general.deallocate(first, 200_KiB);
        std::vector<held_block> blocks = fill_with(general, bytes);
        BOOST_TEST(blocks.size() >= 200_KiB / (bytes + bytes / 8 + 16));
        test::give_all_at_random(general, blocks);
        void* const p = general.try_allocate(200_KiB);
        BOOST_TEST(p != nullptr);
        if (p != nullptr) general.deallocate(p, 200_KiB);
        BOOST_TEST(general.usage().used == 0u);
        BOOST_TEST(general.check());
      }
    });
  }
}

BOOST_AUTO_TEST_CASE(medium_blocks_kept_at_hand_serve_small_requests_before_a_refusal) {
  one_block_resource upstream(64_KiB);
  test::in_both(test::with_checks(false), &upstream, [&](auto& general) {
    void* const first = general.allocate(48_KiB);
    general.deallocate(first, 48_KiB);
    std::vector<held_block> blocks = fill_with(general, 600);
    for (const std::size_t bytes : {5000_B, 2000_B, 1000_B})
      for (const held_block& each : fill_with(general, bytes)) blocks.push_back(each);
    BOOST_TEST(blocks.size() > 60u);
    const std::vector<held_block> rest = fill_with(general, 64);  // all that is left
    std::vector<held_block> freed;
    for (int i = 0; i < 12; ++i) {  // neighbours
      freed.push_back(blocks.back());
      blocks.pop_back();
    }
    std::size_t bytes_freed = 0;
    for (const held_block& each : freed) bytes_freed += each.bytes;
    test::give_all(general, freed);
    BOOST_TEST(bytes_freed >= 7200u);
    void* const p = general.try_allocate(64);
    BOOST_TEST(p != nullptr);
    if (p != nullptr) general.deallocate(p, 64);
    test::give_all(general, blocks);
    for (const held_block& each : rest) test::give(general, each);
    BOOST_TEST(general.usage().used == 0u);
  });
}

BOOST_AUTO_TEST_CASE(memory_of_freed_small_blocks_serves_others_before_a_refusal) {
  for (const std::size_t bytes : {16_B, 100_B, 400_B}) {
    one_block_resource upstream(256_KiB);
    in_all(
        [&](auto& general) {
          BOOST_TEST_CONTEXT(bytes) {
            void* const first = general.allocate(200_KiB);
            general.deallocate(first, 200_KiB);
            std::vector<held_block> blocks = fill_with(general, bytes);
            BOOST_TEST(blocks.size() > 100_KiB / (bytes + 40));
            test::give_all_at_random(general, blocks);
            void* const p = general.try_allocate(150_KiB);
            BOOST_TEST(p != nullptr);
            if (p != nullptr) general.deallocate(p, 150_KiB);
            BOOST_TEST(general.usage().used == 0u);
          }
        },
        {}, &upstream);
  }
}

// ---- failures

BOOST_AUTO_TEST_CASE(a_failure_of_the_upstream_at_any_request_changes_nothing) {
  page_resource pages;
  counting_resource counted(&pages);
  failing_resource upstream(&counted);
  for (const failing_resource::rule rule : {failing_resource::rule::once, failing_resource::rule::from_then_on}) {
    for (std::size_t nth = 1, failures = 1; failures != 0; ++nth) {
      failures = 0;
      in_all(
          [&](auto& general) {
            upstream.fail_at(nth, rule);
            std::vector<held_block> blocks;
            for (int round = 0; round < 3; ++round) {
              for (const std::size_t bytes : test::one_of_each) {
                for (int i = 0; i < (bytes < 50000 ? 12 : 1); ++i) {
                  const general_statistics before = general.statistics();
                  const std::size_t used = general.usage().used;
                  try {
                    blocks.push_back(test::take(general, bytes));
                    test::fill(blocks.back().p, bytes, static_cast<unsigned>(blocks.size()));
                  } catch (const testing::injected_failure&) {
                    ++failures;
                    const general_statistics now = general.statistics();
                    if (general.usage().used != used || !test::equal(now.small_tier, before.small_tier) ||
                        !test::equal(now.medium_tier, before.medium_tier) ||
                        !test::equal(now.large_tier, before.large_tier) || !general.check() ||
                        !test::shows_exactly(general, blocks))
                      BOOST_ERROR("changed by failure " << nth << ", of " << bytes << " bytes");
                    upstream.fail_at(0);
                    blocks.push_back(test::take(general, bytes));
                    test::fill(blocks.back().p, bytes, static_cast<unsigned>(blocks.size()));
                  }
                }
              }
            }
            if (upstream.fired()) ++failures;
            upstream.fail_at(0);
            for (std::size_t i = 0; i < blocks.size(); ++i)
              if (!test::all_are(blocks[i].p, blocks[i].bytes, static_cast<unsigned>(i + 1))) BOOST_ERROR("contents");
            test::give_all_at_random(general, blocks);
            (void)general.trim();
            if (counted.live_blocks() != 0) BOOST_ERROR("held after failure " << nth);
          },
          {}, &upstream);
      if (nth == 1) BOOST_TEST(failures > 0u);
    }
  }
  BOOST_TEST(counted.mismatches().empty());
}

BOOST_AUTO_TEST_CASE(a_failure_of_the_system_at_any_call_changes_nothing) {
  for (const bool checked : {false, true}) {
    std::size_t seen = 0;
    for (std::size_t nth = 1, failures = 1; failures != 0 && nth < 200; ++nth) {
      failures = 0;
      test::in_both(test::with_checks(checked), nullptr, [&](auto& general) {
        std::vector<held_block> blocks;
        const auto take_all = [&] {
          for (const std::size_t bytes : test::one_of_each) {
            for (int i = 0; i < (bytes < 1000 ? 40 : 1); ++i) {
              const std::size_t used = general.usage().used;
              if (void* const p = general.try_allocate(bytes); p != nullptr) {
                test::fill(p, bytes, 8);
                blocks.push_back({p, bytes});
              } else if (general.usage().used != used || !general.check()) {
                BOOST_ERROR("changed by failure " << nth);
              }
            }
          }
        };
        {
          const os::failure_injection injection(nth, os::os_call::any);
          take_all();
          (void)general.trim();
          if (injection.fired()) ++failures;
        }
        const std::size_t before = blocks.size();
        take_all();
        if (blocks.size() - before != 3 * 40 + 1 * 40 + 5) BOOST_ERROR("the next call does not work after " << nth);
        if (!test::shows_exactly(general, blocks)) BOOST_ERROR("blocks after failure " << nth);
        for (const held_block& each : blocks)
          if (!test::all_are(each.p, each.bytes, 8)) BOOST_ERROR("contents");
        test::give_all(general, blocks);
        if (general.usage().used != 0 || !general.check()) BOOST_ERROR("used after failure " << nth);
      });
      seen += failures;
    }
    BOOST_TEST(seen > 4u);
  }
}

BOOST_AUTO_TEST_SUITE_END()
