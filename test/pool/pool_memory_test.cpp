// Where a pool's memory comes from, in which amounts, in which order it is handed out, and when it goes back.

#include <allot/arena/chained_arena.hpp>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/core/byte_size.hpp>
#include <allot/testing/counting_resource.hpp>
#include <allot/testing/failing_resource.hpp>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <new>
#include <set>
#include <stdexcept>
#include <vector>

#include "pool/pools.hpp"
#include "support/bytes.hpp"
#include "support/child.hpp"
#include "support/machine.hpp"
#include "support/misuse_watch.hpp"
#include "support/usage.hpp"
#include "support/waves.hpp"
#include "support/with_code.hpp"

using namespace allot;
using namespace allot::literals;
using test::held_block;
using test::misuse_watch;
using testing::counting_resource;
using testing::failing_resource;

namespace {

std::vector<std::size_t> sizes_asked(const counting_resource& upstream) {
  std::vector<std::size_t> sizes;
  for (const auto& call : upstream.calls())
    if (call.what == counting_resource::call::kind::allocate) sizes.push_back(call.bytes);
  return sizes;
}

/// What a failed call must leave as it was.
struct state {
  memory_usage usage;
  counting_resource::summary held;
  std::size_t available;
  std::vector<std::vector<std::size_t>> bins;

  friend bool operator==(const state& a, const state& b) {
    return a.usage == b.usage && a.held == b.held && a.available == b.available && a.bins == b.bins;
  }
};

state state_of(const pool_resource& pool, const counting_resource& upstream) {
  state now{pool.usage(), upstream.live(), pool.available(), {}};
  for (const pool_bin& bin : pool.bins())
    now.bins.push_back({bin.block_bytes, bin.live, bin.cached});  // empty slabs may have been taken from other sizes
  return now;
}

/// Small chunks, so that there are many.
pool_options with_small_chunks(pool_options options = {}) {
  options.first_chunk = 1;
  options.largest_chunk = 1;
  return options;
}

/// Memory that stays readable when it was given back, and then has a pattern.
class keeping_resource final : public std::pmr::memory_resource {
 public:
  /// Whether something was written where memory was given back.
  bool touched() const {
    for (const range& each : gone_)
      if (!test::all_are(each.p, each.bytes, 0xA5)) return true;
    return false;
  }
  std::size_t live = 0;

 private:
  struct range {
    void* p;
    std::size_t bytes;
  };
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    ++live;
    return memory_.allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t) override {
    --live;
    test::fill(p, bytes, 0xA5);
    gone_.push_back({p, bytes});
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  std::pmr::monotonic_buffer_resource memory_{std::pmr::new_delete_resource()};
  std::vector<range> gone_;
};

/// Notices blocks that come back with something in them.
class zero_watching_resource final : public std::pmr::memory_resource {
 public:
  std::size_t not_zero = 0;
  std::size_t large_seen = 0;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    if (bytes == 100'000) {
      ++large_seen;
      if (!test::all_are(p, bytes, 0)) ++not_zero;
    }
    std::pmr::new_delete_resource()->deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

struct own_exception : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class throwing_resource final : public std::pmr::memory_resource {
 public:
  bool throwing = false;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (throwing) throw own_exception("not today");
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    std::pmr::new_delete_resource()->deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(pool_memory)

// ---- amounts

BOOST_AUTO_TEST_CASE(the_first_chunk_is_as_large_as_the_options_say_and_serves_many_sizes) {
  for (const std::size_t first : {std::size_t{10'000}, 64_KiB, 1_MiB}) {
    counting_resource upstream;
    pool_options options;
    options.first_chunk = first;
    pool_resource pool(options, &upstream);
    std::vector<held_block> blocks;
    for (std::size_t bytes = 8; bytes <= 512; bytes *= 2) blocks.push_back(test::take(pool, bytes, 8));
    BOOST_TEST(sizes_asked(upstream) == std::vector<std::size_t>{first}, boost::test_tools::per_element());
    BOOST_TEST(upstream.calls().front().alignment <= alignof(std::max_align_t));  // natural alignment only
    test::give_all(pool, blocks);
  }
}

BOOST_AUTO_TEST_CASE(chunks_grow_with_what_is_held_from_the_first_to_the_largest) {
  counting_resource upstream;
  pool_options options;
  options.first_chunk = 8_KiB;
  options.largest_chunk = 64_KiB;
  pool_resource pool(options, &upstream);
  std::vector<held_block> blocks = test::take_many(pool, 30'000, 64);
  std::size_t held = 0;
  std::size_t smallest = 1_GiB;
  std::size_t largest = 0;
  bool grew_too_fast = false;
  for (const auto& call : upstream.calls()) {
    if (call.what != counting_resource::call::kind::allocate || call.bytes < 8_KiB) continue;
    smallest = std::min(smallest, call.bytes);
    largest = std::max(largest, call.bytes);
    grew_too_fast = grew_too_fast || call.bytes > std::max(held / 8 + 4096, 8_KiB);
    held += call.bytes;
  }
  BOOST_TEST(smallest == 8_KiB);
  BOOST_TEST(largest == 64_KiB);
  BOOST_TEST(!grew_too_fast);
  test::give_all(pool, blocks);
}

BOOST_AUTO_TEST_CASE(blocks_in_use_fill_most_of_what_is_held) {
  if (!test::plain()) return test::skip("redzones take room under a memory tool");
  for (const std::size_t bytes : {std::size_t{16}, std::size_t{48}, std::size_t{200}, std::size_t{1024}}) {
    counting_resource upstream;
    pool_resource pool(&upstream);
    std::vector<held_block> blocks = test::take_many(pool, 4'000'000 / bytes, bytes, 8);
    const double ratio = static_cast<double>(upstream.peak_bytes()) / static_cast<double>(blocks.size() * bytes);
    BOOST_TEST(ratio <= 1.25, bytes << " bytes: " << ratio);
    test::give_all(pool, blocks);
  }
}

BOOST_AUTO_TEST_CASE(a_chunk_is_made_for_no_more_blocks_than_the_standards_option_says) {
  if (!test::aligns_to_16) return test::skip(test::of_alignment_16);
  for (const std::size_t most : {std::size_t{1}, std::size_t{4}, std::size_t{40}}) {
    counting_resource upstream;
    pool_resource pool(std::pmr::pool_options{most, 0}, &upstream);
    std::vector<held_block> blocks = test::take_many(pool, 200, 1000);
    std::size_t largest = 0;
    std::size_t chunks = 0;
    for (const auto& call : upstream.calls()) {
      if (call.alignment != alignof(std::max_align_t)) continue;  // the table of chunks
      largest = std::max(largest, call.bytes);
      ++chunks;
    }
    const std::size_t block = pool.find_block(blocks[0].p).bytes;
    BOOST_TEST(largest <= most * block + block + 2048 + most * 64, most);
    BOOST_TEST(chunks >= 200 / (most + 3), most);
    test::give_all(pool, blocks);
  }
  counting_resource upstream;
  pool_resource unlimited(std::pmr::pool_options{}, &upstream);
  std::vector<held_block> blocks = test::take_many(unlimited, 200, 1000);
  BOOST_TEST(upstream.allocations() < 10u);
  test::give_all(unlimited, blocks);
}

BOOST_AUTO_TEST_CASE(what_an_upstream_refuses_is_asked_for_by_halves) {
  counting_resource upstream(std::pmr::new_delete_resource(), 8_KiB);
  pool_options options;
  options.first_chunk = 1_MiB;
  pool_resource pool(options, &upstream);
  std::vector<held_block> blocks = test::take_many(pool, 500, 100);
  const std::vector<std::size_t> asked = sizes_asked(upstream);
  BOOST_TEST(*std::max_element(asked.begin(), asked.end()) == 8_KiB);
  BOOST_CHECK_THROW((void)pool.allocate(20'000), std::bad_alloc);
  BOOST_TEST(pool.check());
  test::give_all(pool, blocks);
  (void)pool.trim();
  BOOST_TEST(upstream.live_blocks() == 0u);
}

BOOST_AUTO_TEST_CASE(a_buffer_on_the_stack_serves_small_blocks_until_it_is_full) {
  alignas(std::max_align_t) std::array<std::byte, 4096> buffer;
  std::pmr::monotonic_buffer_resource memory(buffer.data(), buffer.size(), std::pmr::null_memory_resource());
  pool_resource pool(&memory);
  std::vector<held_block> blocks;
  BOOST_CHECK_THROW(for (;;) blocks.push_back(test::take(pool, 32)), std::bad_alloc);
  BOOST_TEST(blocks.size() >= 40u);
  for (const held_block& each : blocks) BOOST_TEST((each.p >= buffer.data() && each.p < buffer.data() + buffer.size()));
  BOOST_CHECK_THROW((void)pool.allocate(1000), std::bad_alloc);
  BOOST_TEST(pool.check());
  // What is freed serves again, for as long as one likes.
  for (int round = 0; round < 1000; ++round) {
    std::swap(blocks[static_cast<std::size_t>(round) % blocks.size()], blocks.back());
    test::give(pool, blocks.back());
    blocks.back() = test::take(pool, 32);
  }
  const std::size_t most = blocks.size();
  test::give_all(pool, blocks);
  blocks = test::take_many(pool, most, 32);
  test::give_all(pool, blocks);
}

BOOST_AUTO_TEST_CASE(preallocated_blocks_need_no_upstream_call) {
  for (const test::named_options& each : test::every_spacing_and_placement()) {
    for (const bool checked : {false, true}) {
      counting_resource upstream;
      pool_options options = each.options;
      options.checked = checked;
      pool_resource pool(options, &upstream);
      bool enough = true;
      std::vector<held_block> blocks;
      for (const auto& [bytes, alignment] :
           {std::pair<std::size_t, std::size_t>{1, 1}, {24, 8}, {40, 32}, {170, 1}, {150, 128}, {100, 1}}) {
        const held_block one = test::take(pool, bytes, alignment);
        const bool large = pool.find_block(one.p).exact;
        test::give(pool, one);
        if (large) continue;  // there is no block size for it
        for (const std::size_t count : {std::size_t{1}, std::size_t{100}, std::size_t{3000}}) {
          pool.preallocate(bytes, count, alignment);
          const std::size_t calls = upstream.allocations();
          for (std::size_t i = 0; i < count; ++i) blocks.push_back(test::take(pool, bytes, alignment));
          enough = enough && upstream.allocations() == calls;
        }
        // With some blocks at hand already.
        for (std::size_t i = 0; i < 100; ++i) test::give(pool, blocks[blocks.size() - 100 + i]);
        blocks.resize(blocks.size() - 100);
        pool.preallocate(bytes, 500, alignment);
        const std::size_t calls = upstream.allocations();
        for (std::size_t i = 0; i < 500; ++i) blocks.push_back(test::take(pool, bytes, alignment));
        enough = enough && upstream.allocations() == calls;
      }
      BOOST_TEST(enough, each.name << (checked ? ", checked" : ""));
      BOOST_TEST(pool.check());
      test::give_all_at_random(pool, blocks);
      (void)pool.trim();
      BOOST_TEST(upstream.live_blocks() == 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(preallocation_is_enough_to_the_last_block) {
  for (std::size_t count = 1; count < 400; count += count < 10 ? 1 : 13) {
    counting_resource upstream;
    pool_resource pool(with_small_chunks(), &upstream);
    for (int round = 0; round < 2; ++round) {  // and with blocks in the magazine
      pool.preallocate(900, count);
      const std::size_t calls = upstream.allocations();
      std::vector<held_block> blocks = test::take_many(pool, count, 900);
      BOOST_TEST(upstream.allocations() == calls, count);
      test::give_all(pool, blocks);
    }
  }
}

BOOST_AUTO_TEST_CASE(what_was_preallocated_and_never_used_goes_back) {
  counting_resource upstream;
  pool_resource pool(&upstream);
  pool.preallocate(64, 0);
  pool.preallocate(64, 10'000);
  BOOST_TEST(pool.usage().used == 0u);
  BOOST_TEST(pool.available() >= 640'000u);
  const std::size_t held = upstream.live_bytes();
  pool.preallocate(64, 10'000);  // they are there
  BOOST_TEST(upstream.live_bytes() == held);
  pool.preallocate(100'000, 10);  // the upstream's affair
  pool.preallocate(64, 10, 65536);
  pool.preallocate(std::numeric_limits<std::size_t>::max(), 10);
  BOOST_TEST(upstream.live_bytes() == held);
  BOOST_TEST(pool.check());
  BOOST_TEST(pool.trim() == held);
  BOOST_TEST(upstream.live_blocks() == 0u);
}

BOOST_AUTO_TEST_CASE(preallocating_more_than_there_is_keeps_what_was_made) {
  alignas(std::max_align_t) static std::array<std::byte, 100'000> buffer;
  std::pmr::monotonic_buffer_resource memory(buffer.data(), buffer.size(), std::pmr::null_memory_resource());
  pool_resource pool(&memory);
  BOOST_CHECK_EXCEPTION(pool.preallocate(64, std::numeric_limits<std::size_t>::max()), allocation_error,
                        test::with_code(memory_errc::size_overflow));
  BOOST_TEST(pool.available() == 0u);
  BOOST_CHECK_THROW(pool.preallocate(64, 10'000'000), std::bad_alloc);
  BOOST_TEST(pool.available() > 50'000u);
  BOOST_TEST(pool.check());
  std::vector<held_block> blocks = test::take_many(pool, test::plain() ? 800 : 400, 64);
  BOOST_TEST(pool.check());
  test::give_all(pool, blocks);
}

// ---- giving back

BOOST_AUTO_TEST_CASE(free_everything_and_trim_gives_everything_back) {
  for (const test::named_options& each : test::every_spacing_and_placement()) {
    for (const chunk_return returns : {chunk_return::by_trim, chunk_return::at_once}) {
      counting_resource upstream;
      pool_options options = each.options;
      options.returns = returns;
      options.first_chunk = 4096;
      pool_resource pool(options, &upstream);
      for (int round = 0; round < 2; ++round) {
        std::vector<held_block> blocks = test::take_mixed(pool, 3000, 3000);
        blocks.push_back(test::take(pool, 50'000));
        test::give_all_at_random(pool, blocks);
        const std::size_t held = upstream.live_bytes();
        BOOST_TEST(pool.trim() == held, each.name);
        BOOST_TEST(upstream.live_blocks() == 0u, each.name);
        BOOST_TEST(pool.usage().reserved == 0u);
        BOOST_TEST(pool.usage().used == 0u);
        BOOST_TEST(pool.trim() == 0u);
        BOOST_TEST(pool.check());
      }
      BOOST_TEST(upstream.mismatches().empty());
    }
  }
}

BOOST_AUTO_TEST_CASE(trim_gives_back_what_is_empty_and_nothing_else) {
  counting_resource upstream;
  pool_resource pool(with_small_chunks(), &upstream);
  std::vector<held_block> blocks = test::take_many(pool, 3000, 100);
  for (std::size_t i = 0; i < blocks.size(); ++i) test::fill(blocks[i].p, 100, static_cast<unsigned>(i));
  const std::vector<held_block> kept(blocks.begin(), blocks.begin() + 100);
  blocks.erase(blocks.begin(), blocks.begin() + 100);
  test::give_all_at_random(pool, blocks);
  const std::size_t before = upstream.live_bytes();
  const std::size_t given = pool.trim();
  BOOST_TEST(given == before - upstream.live_bytes());
  BOOST_TEST(upstream.live_bytes() < before / 4);
  BOOST_TEST(upstream.live_bytes() >= 100u * 100u);
  BOOST_TEST(pool.check());
  BOOST_TEST(pool.trim() == 0u);
  for (std::size_t i = 0; i < kept.size(); ++i) BOOST_TEST(test::all_are(kept[i].p, 100, static_cast<unsigned>(i)));
  for (const held_block& each : kept) test::give(pool, each);
}

BOOST_AUTO_TEST_CASE(without_trim_memory_stays_for_the_next_wave) {
  counting_resource upstream;
  pool_resource pool(&upstream);
  BOOST_TEST(test::only_the_first_wave_asks(pool, upstream, 5, 5000));
}

BOOST_AUTO_TEST_CASE(empty_slabs_serve_other_sizes) {
  counting_resource upstream;
  pool_resource pool(&upstream);
  std::vector<held_block> blocks = test::take_many(pool, 10'000, 48);
  test::give_all(pool, blocks);
  const std::size_t held = upstream.live_bytes();
  for (const std::size_t bytes : {std::size_t{200}, std::size_t{16}, std::size_t{1000}}) {
    blocks = test::take_many(pool, 300'000 / (bytes + (test::plain() ? 0 : 64)), bytes);
    test::give_all(pool, blocks);
  }
  BOOST_TEST(upstream.live_bytes() == held);
}

BOOST_AUTO_TEST_CASE(at_once_gives_chunks_back_as_soon_as_they_are_empty_but_for_the_spare) {
  for (const bool checked : {false, true}) {
    for (const bool keep_spare : {false, true}) {
      counting_resource upstream;
      pool_options options = with_small_chunks();
      options.returns = chunk_return::at_once;
      options.keep_spare = keep_spare;
      options.checked = checked;
      pool_resource pool(options, &upstream);
      std::vector<held_block> blocks = test::take_many(pool, 5000, 100);
      const std::size_t full = upstream.live_blocks();
      BOOST_TEST(full > 100u);
      test::give_all(pool, blocks);
      // Free blocks in magazines may hold some chunks.
      const std::size_t per_chunk = 5000 / full;
      const std::size_t in_magazines =
          checked || !test::plain() ? 0 : 2 * 128 / std::max<std::size_t>(per_chunk, 1) + 2;
      BOOST_TEST(upstream.live_blocks() <= in_magazines + (keep_spare ? 2U : 1U) + 1U);
      BOOST_TEST(pool.check());
      if (checked) {
        // Nothing but the spare, and the table of chunks.
        std::size_t chunks = 0;
        const std::size_t held = pool.available();
        for (const pool_bin& bin : pool.bins()) chunks += bin.slabs;
        BOOST_TEST(chunks == 0u);
        BOOST_TEST((held > 0u) == keep_spare);
        const std::size_t allocations = upstream.allocations();
        const held_block again = test::take(pool, 100);
        BOOST_TEST(upstream.allocations() == allocations + (keep_spare ? 0U : 1U));
        test::give(pool, again);
      }
      (void)pool.trim();
      BOOST_TEST(upstream.live_blocks() == 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(release_restores_the_constructed_state) {
  for (const test::named_options& each : test::every_spacing_and_placement()) {
    // The same addresses in each round: how many blocks keep to pages depends on where in these a chunk lies.
    monotonic_arena ground(64_MiB);
    counting_resource upstream(&ground);
    pool_resource pool(each.options, &upstream);
    std::vector<std::size_t> first;
    for (int round = 0; round < 3; ++round) {
      const std::size_t before = sizes_asked(upstream).size();
      (void)test::take_mixed(pool, 2000, 3000, 9);
      const std::vector<std::size_t> all = sizes_asked(upstream);
      const std::vector<std::size_t> asked(all.begin() + static_cast<std::ptrdiff_t>(before), all.end());
      if (round == 0) first = asked;
      BOOST_TEST((asked == first), each.name);
      pool.release();
      BOOST_TEST(upstream.live_blocks() == 0u);
      BOOST_TEST(pool.usage() == memory_usage{});
      BOOST_TEST(pool.available() == 0u);
      BOOST_TEST(pool.check());
      ground.release();
    }
    BOOST_TEST(upstream.mismatches().empty());
  }
}

// ---- failures

BOOST_AUTO_TEST_CASE(an_upstream_failing_at_any_call_leaves_the_pool_as_it_was) {
  const std::vector<std::size_t> requests{1,    16,   24,   48,     100, 1000,   5000, 40'000, 8,    32'768,
                                          64,   64,   300,  50'000, 7,   20'000, 2000, 2000,   2000, 12'000,
                                          4096, 4096, 1500, 800,    333, 90'000, 31,   9000,   9000, 9000};
  for (const test::named_options& each : test::every_spacing_and_placement()) {
    for (const bool checked : {false, true}) {
      for (const auto rule : {failing_resource::rule::once, failing_resource::rule::from_then_on}) {
        std::size_t failures = 0;
        std::size_t changed = 0;
        for (std::size_t nth = 1;; ++nth) {
          counting_resource counting;
          failing_resource upstream(&counting);
          pool_options options = with_small_chunks(each.options);
          options.checked = checked;
          pool_resource pool(options, &upstream);
          upstream.fail_at(nth, rule);
          std::vector<held_block> blocks;
          bool fired = false;
          for (const std::size_t bytes : requests) {
            for (const std::size_t alignment : {std::size_t{8}, std::size_t{256}}) {
              const state before = state_of(pool, counting);
              try {
                blocks.push_back(test::take(pool, bytes, alignment));
              } catch (const testing::injected_failure&) {
                ++failures;
                if (!(state_of(pool, counting) == before) || !pool.check()) ++changed;
                upstream.fail_at(0);
                fired = true;
                blocks.push_back(test::take(pool, bytes, alignment));
              }
              fired = fired || upstream.fired();
              test::fill(blocks.back().p, bytes, static_cast<unsigned>(blocks.size()));
            }
          }
          for (std::size_t i = 0; i < blocks.size(); ++i)
            if (!test::all_are(blocks[i].p, blocks[i].bytes, static_cast<unsigned>(i + 1))) ++changed;
          test::give_all_at_random(pool, blocks);
          (void)pool.trim();
          if (counting.live_blocks() != 0 || !counting.mismatches().empty()) ++changed;
          if (!fired) break;
          if (nth > 60) nth += 7;  // they are all alike by now
        }
        BOOST_TEST(failures > 5u, each.name);
        BOOST_TEST(changed == 0u, each.name);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(an_upstream_failing_where_there_are_many_chunks_leaves_the_pool_as_it_was) {
  // The standard's pools of GCC 12 read before their table of chunks when that cannot grow.
  counting_resource counting;
  failing_resource upstream(&counting);
  pool_resource pool(with_small_chunks(), &upstream);
  std::vector<held_block> blocks;
  std::size_t failures = 0;
  std::size_t changed = 0;
  for (int i = 0; i < 3000; ++i) {
    for (const std::size_t nth : {std::size_t{1}, std::size_t{2}, std::size_t{3}}) {
      upstream.fail_at(nth, failing_resource::rule::from_then_on);
      const state before = state_of(pool, counting);
      try {
        blocks.push_back(test::take(pool, 3000));
      } catch (const testing::injected_failure&) {
        ++failures;
        if (!(state_of(pool, counting) == before)) ++changed;
      }
      upstream.fail_at(0);
    }
    if (i % 500 == 0) BOOST_TEST(pool.check());
    if (failures > 500) break;
  }
  BOOST_TEST(failures > 100u);
  BOOST_TEST(changed == 0u);
  test::give_all_at_random(pool, blocks);
  (void)pool.trim();
  BOOST_TEST(counting.live_blocks() == 0u);
}

BOOST_AUTO_TEST_CASE(preallocation_that_fails_leaves_the_pool_sound) {
  for (std::size_t nth = 1; nth < 12; ++nth) {
    counting_resource counting;
    failing_resource upstream(&counting);
    pool_options options = with_small_chunks();
    options.cache_line_blocks = true;  // a table of sizes of its own
    pool_resource pool(options, &upstream);
    upstream.fail_at(nth, failing_resource::rule::from_then_on);
    BOOST_CHECK_THROW(pool.preallocate(100, 10'000), testing::injected_failure);
    BOOST_TEST(pool.check());
    BOOST_TEST(pool.usage().reserved == counting.live_bytes());
    if (nth == 1) BOOST_TEST(counting.live_blocks() == 0u);
    upstream.fail_at(0);
    pool.preallocate(100, 10'000);
    BOOST_TEST(pool.available() >= 1'000'000u);
    (void)pool.trim();
    BOOST_TEST(counting.live_blocks() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(an_upstreams_own_exception_passes) {
  throwing_resource upstream;
  pool_resource pool(&upstream);
  upstream.throwing = true;
  for (const std::size_t bytes : {std::size_t{10}, std::size_t{100'000}}) {
    BOOST_CHECK_THROW((void)pool.allocate(bytes), own_exception);
    BOOST_TEST(pool.try_allocate(bytes) == nullptr);
    BOOST_TEST(pool.usage() == memory_usage{});
  }
  BOOST_CHECK_THROW(pool.preallocate(10, 10), own_exception);
  upstream.throwing = false;
  const held_block small = test::take(pool, 10);
  const held_block large = test::take(pool, 100'000);
  upstream.throwing = true;
  BOOST_CHECK_THROW((void)pool.allocate(100'000), own_exception);
  test::give(pool, large);
  BOOST_CHECK_THROW((void)pool.allocate(100'000), own_exception);
  test::give(pool, small);
}

// ---- order

BOOST_AUTO_TEST_CASE(fresh_blocks_come_in_the_order_of_their_addresses) {
  pool_resource pool;
  std::vector<held_block> blocks = test::take_many(pool, 20'000, 48);
  std::size_t ascending = 0;
  for (std::size_t i = 1; i < blocks.size(); ++i) ascending += blocks[i - 1].p < blocks[i].p ? 1U : 0U;
  BOOST_TEST(ascending >= blocks.size() * 99 / 100);
  test::give_all(pool, blocks);
}

BOOST_AUTO_TEST_CASE(aged_memory_comes_back_in_the_order_of_addresses) {
  for (const bool page_local : {false, true}) {
    pool_options options;
    options.page_local = page_local;
    pool_resource pool(options);
    std::vector<held_block> blocks = test::take_many(pool, 60'000, 40, 8);
    std::shuffle(blocks.begin(), blocks.end(), std::mt19937(7));
    std::vector<held_block> half(blocks.begin() + 30'000, blocks.end());
    blocks.resize(30'000);
    test::give_all(pool, half);
    std::vector<held_block> again = test::take_many(pool, 30'000, 40, 8);
    std::size_t ascending = 0;
    std::size_t near = 0;
    for (std::size_t i = 1; i < again.size(); ++i) {
      const std::uintptr_t from = test::number_of(again[i - 1].p);
      const std::uintptr_t to = test::number_of(again[i].p);
      ascending += from < to ? 1U : 0U;
      near += from < to && to - from < 1024 ? 1U : 0U;
    }
    BOOST_TEST(ascending >= again.size() * 97 / 100);
    BOOST_TEST(near >= again.size() * 95 / 100);
    test::give_all(pool, again);
    test::give_all(pool, blocks);
  }
}

BOOST_AUTO_TEST_CASE(at_the_edge_of_a_magazine_the_slabs_are_left_alone) {
  if (!test::plain()) return test::skip("there are no magazines under a memory tool");
  pool_options options;
  options.magazine_blocks = 8;
  pool_resource pool(options);
  std::vector<held_block> blocks = test::take_many(pool, 100, 64);
  const auto cached = [&] {
    std::size_t count = 0;
    for (const pool_bin& bin : pool.bins()) count += bin.cached;
    return count;
  };
  std::size_t most = 0;
  while (blocks.size() > 50) {
    test::give(pool, blocks.back());
    blocks.pop_back();
    most = std::max(most, cached());
  }
  BOOST_TEST(most <= 16u);
  BOOST_TEST(most > 8u);
  // Back and forth over the edge: what was freed last comes first.
  for (int i = 0; i < 20; ++i) {
    void* const p = blocks.back().p;
    test::give(pool, blocks.back());
    blocks.back() = test::take(pool, 64);
    BOOST_TEST(blocks.back().p == p);
  }
  test::give_all(pool, blocks);
}

// ---- contents

BOOST_AUTO_TEST_CASE(what_is_freed_is_zero_behind_the_link_where_the_options_say_so) {
  if (!test::plain()) return test::skip("free blocks may not be read under a memory tool");
  for (const bool checked : {false, true}) {
    pool_options options;
    options.zero_on_free = true;
    options.checked = checked;
    pool_resource pool(options);
    for (const std::size_t bytes :
         {std::size_t{17}, std::size_t{20}, std::size_t{100}, std::size_t{1000}, std::size_t{32'768}}) {
      std::vector<held_block> blocks = test::take_many(pool, 300, bytes, 8);
      for (const held_block& each : blocks) test::fill(each.p, pool.find_block(each.p).bytes, 0xEE);
      const std::vector<held_block> freed = blocks;
      const held_block kept = test::take(pool, bytes, 8);  // so their memory stays
      std::size_t dirty = 0;
      std::vector<std::size_t> lengths;
      for (const held_block& each : blocks) lengths.push_back(pool.find_block(each.p).bytes);
      test::give_all(pool, blocks);
      for (std::size_t i = 0; i < freed.size(); ++i)
        if (!test::all_are(static_cast<std::byte*>(freed[i].p) + 16, lengths[i] - 16, 0)) ++dirty;
      BOOST_TEST(dirty == 0u, bytes);
      test::give(pool, kept);
    }
    BOOST_TEST(pool.check());
  }
}

BOOST_AUTO_TEST_CASE(large_blocks_too_are_zero_when_they_go_back) {
  zero_watching_resource upstream;
  pool_options options;
  options.zero_on_free = true;
  pool_resource pool(options, &upstream);
  const held_block block = test::take(pool, 100'000);
  test::fill(block.p, block.bytes, 0xEE);
  test::give(pool, block);
  BOOST_TEST(upstream.large_seen == 1u);
  BOOST_TEST(upstream.not_zero == 0u);
}

// ---- lives within lives

BOOST_AUTO_TEST_CASE(clearing_the_arena_under_a_pool_ends_it_and_abandon_begins_another) {
  misuse_watch watch;
  for (const test::named_options& each : test::every_spacing()) {
    monotonic_arena_options arena_options;
    arena_options.size = 256_MiB;
    arena_options.checked = true;
    monotonic_arena arena(arena_options);
    pool_resource pool(each.options, &arena);
    for (int round = 0; round < 3; ++round) {
      std::vector<held_block> blocks = test::take_mixed(pool, 3000);
      std::vector<held_block> half(blocks.begin(), blocks.begin() + 1500);
      test::give_all_at_random(pool, half);
      blocks.push_back(test::take(pool, 50'000));
      BOOST_TEST(arena.position() > 0u);
      arena.clear();
      pool.abandon();
      BOOST_TEST(pool.usage() == memory_usage{});
      BOOST_TEST(pool.available() == 0u);
      BOOST_TEST(!pool.owns(blocks[2000].p));
      BOOST_TEST(pool.check());
      BOOST_TEST(arena.position() == 0u);
    }
    pool.abandon();  // twice is harmless
    pool.release();
    BOOST_TEST(arena.position() == 0u);
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(abandon_asks_the_upstream_for_nothing) {
  counting_resource upstream;
  {
    pool_resource pool(&upstream);
    (void)test::take_mixed(pool, 1000);
    (void)pool.allocate(100'000);
    const std::size_t calls = upstream.calls().size();
    pool.abandon();
    BOOST_TEST(upstream.calls().size() == calls);
  }
  BOOST_TEST(upstream.deallocations() == 0u);
  upstream.reclaim();
}

BOOST_AUTO_TEST_CASE(a_pool_over_a_pool_gives_all_back_to_it) {
  const misuse_watch watch;
  counting_resource upstream;
  pool_options options;
  options.checked = true;
  pool_resource lower(options, &upstream);
  {
    pool_resource upper(with_small_chunks(), &lower);
    std::vector<held_block> blocks = test::take_mixed(upper, 2000, 1000);
    BOOST_TEST(lower.usage().used >= upper.usage().used);
    BOOST_TEST(lower.check());
    test::give_all_at_random(upper, blocks);
    (void)upper.trim();
    BOOST_TEST(lower.usage().used == 0u);
    (void)test::take_mixed(upper, 100);
  }
  BOOST_TEST(lower.usage().used == 0u);
  (void)lower.trim();
  BOOST_TEST(upstream.live_blocks() == 0u);
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(memory_that_went_back_is_not_touched_after_a_double_free) {
  if (!test::plain()) return test::skip("a pool that is watched finds it at the free");
  const misuse_watch watch;
  keeping_resource upstream;
  {
    pool_options options = with_small_chunks();
    options.returns = chunk_return::at_once;
    options.keep_spare = false;
    pool_resource pool(options, &upstream);
    const held_block block = test::take(pool, 2000);
    test::give(pool, block);
    test::give(pool, block);
    (void)pool.trim();
    BOOST_TEST(watch.count() >= 1u);
  }
  BOOST_TEST(!upstream.touched());
  BOOST_TEST(upstream.live == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
