// The drop-in: constructors, options, containers, large blocks, and the vocabulary of every resource.

#include <allot/core/allocation_error.hpp>
#include <allot/core/byte_size.hpp>
#include <allot/testing/counting_resource.hpp>
#include <allot/testing/default_resource_guard.hpp>
#include <allot/testing/trap_resource.hpp>
#include <boost/test/unit_test.hpp>
#include <deque>
#include <limits>
#include <list>
#include <map>
#include <memory_resource>
#include <set>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "pool/pools.hpp"
#include "support/bytes.hpp"
#include "support/misuse_watch.hpp"
#include "support/usage.hpp"
#include "support/with_code.hpp"

using namespace allot;
using namespace allot::literals;
using test::held_block;
using test::misuse_watch;
using test::with_code;
using testing::counting_resource;

namespace {

static_assert(!std::is_copy_constructible_v<pool_resource> && !std::is_copy_assignable_v<pool_resource>);
static_assert(std::is_nothrow_default_constructible_v<pool_resource>);
static_assert(std::is_nothrow_constructible_v<pool_resource, const pool_options&, std::pmr::memory_resource*>);
static_assert(std::is_final_v<pool_resource>);
static_assert(sizeof(pool_resource) <= 14 * 1024);

/// What calls both the standard's pool and ours, as a program that changes the type's name would.
template <class Pool>
void use_as_the_standards(std::pmr::memory_resource* up) {
  Pool by_default;
  Pool with_upstream(up);
  Pool empty_braces({}, up);
  Pool braces({0, 4096}, up);
  Pool braces_alone({8, 512});
  Pool braces_in_braces{{8, 512}, up};
  Pool copied_braces = {{}, up};
  std::pmr::pool_options options;
  options.max_blocks_per_chunk = 100;
  options.largest_required_pool_block = 1000;
  Pool with_options(options);
  Pool with_options_and_upstream(options, up);
  Pool with_a_temporary(std::pmr::pool_options{1, 64}, up);
  for (Pool* pool : {&by_default, &with_upstream, &empty_braces, &braces, &braces_alone, &braces_in_braces,
                     &copied_braces, &with_options, &with_options_and_upstream, &with_a_temporary}) {
    BOOST_TEST(pool->upstream_resource() == up);
    void* p = pool->allocate(10);
    void* q = pool->allocate(100, 64);
    void* r = pool->allocate(100'000, 8);
    BOOST_TEST(pool->is_equal(*pool));
    pool->deallocate(p, 10);
    pool->deallocate(q, 100, 64);
    pool->deallocate(r, 100'000, 8);
    pool->release();
    std::pmr::pool_options in_force = pool->options();
    BOOST_TEST(in_force.largest_required_pool_block != 0u);
    BOOST_TEST(in_force.max_blocks_per_chunk != 0u);
  }
  BOOST_TEST(braces.options().largest_required_pool_block >= 4096u);
  BOOST_TEST(with_options.options().largest_required_pool_block >= 1000u);
  BOOST_TEST(with_options.options().largest_required_pool_block < 4096u);
}

/// Strings and maps in each other.
void use_containers(std::pmr::memory_resource& memory) {
  std::pmr::map<std::pmr::string, std::pmr::vector<std::pmr::string>> words(&memory);
  std::pmr::unordered_map<int, std::pmr::list<std::pmr::deque<int>>> nested(&memory);
  std::pmr::set<int> numbers(&memory);
  for (int i = 0; i < 500; ++i) {
    words["a key that is too long for the string itself, number " + std::pmr::string(std::to_string(i), &memory)]
        .emplace_back(static_cast<std::size_t>(i % 100), 'x');
    nested[i % 20].emplace_back().assign(static_cast<std::size_t>(i), i);
    numbers.insert(i * 7919 % 1000);
  }
  for (int i = 0; i < 500; i += 3) numbers.erase(i);
  words.erase(words.begin(), std::next(words.begin(), 100));
  nested.erase(3);
  for (const auto& [key, values] : words) BOOST_TEST_REQUIRE(key.get_allocator().resource() == &memory);
  BOOST_TEST(words.size() == 400u);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pool_resources)

// ---- the drop-in

BOOST_AUTO_TEST_CASE(calls_written_for_the_standards_pool_compile_and_do_the_same) {
  counting_resource upstream;
  const testing::default_resource_guard guard(upstream);
  use_as_the_standards<std::pmr::unsynchronized_pool_resource>(&upstream);
  use_as_the_standards<pool_resource>(&upstream);
  BOOST_TEST(upstream.live_blocks() == 0u);
  BOOST_TEST(upstream.mismatches().empty());
}

BOOST_AUTO_TEST_CASE(constructing_a_pool_allocates_nothing) {
  for (const test::named_options& each : test::every_spacing_and_placement()) {
    counting_resource upstream;
    const testing::default_resource_guard guard(upstream);
    const pool_resource by_default(each.options);
    const pool_resource pool(each.options, &upstream);
    BOOST_TEST(by_default.upstream_resource() == &upstream);
    BOOST_TEST(upstream.calls().empty());
    BOOST_TEST(pool.usage() == memory_usage{});
    BOOST_TEST(pool.available() == 0u);
    BOOST_TEST(pool.check());
  }
}

BOOST_AUTO_TEST_CASE(the_default_resource_is_read_once_at_construction) {
  counting_resource first;
  testing::trap_resource trap;
  std::pmr::memory_resource* const before = std::pmr::set_default_resource(&first);
  {
    pool_resource pool;
    std::pmr::set_default_resource(&trap);
    use_containers(pool);
    pool.preallocate(40, 1000);
    BOOST_TEST(pool.trim() > 0u);
  }
  std::pmr::set_default_resource(before);
  BOOST_TEST(trap.uses() == 0u);
  BOOST_TEST(first.allocations() > 0u);
  BOOST_TEST(first.live_blocks() == 0u);
}

BOOST_AUTO_TEST_CASE(containers_take_everything_from_the_pool_and_the_pool_from_its_upstream) {
  for (const test::named_options& each : test::every_spacing()) {
    for (const bool checked : {false, true}) {
      testing::trap_resource trap;
      counting_resource upstream;
      {
        const testing::default_resource_guard guard(trap);
        pool_options options = each.options;
        options.checked = checked;
        pool_resource pool(options, &upstream);
        use_containers(pool);
        BOOST_TEST(pool.usage().used == 0u, each.name);
        BOOST_TEST(pool.check());
      }
      BOOST_TEST(trap.uses() == 0u);
      BOOST_TEST(upstream.live_blocks() == 0u);
      BOOST_TEST(upstream.mismatches().empty());
    }
  }
}

BOOST_AUTO_TEST_CASE(options_out_of_range_are_brought_into_it) {
  pool_options options;
  options.growth = 100;
  options.magazine_blocks = 0;
  options.magazine_bytes = 0;
  options.first_chunk = 0;
  options.largest_chunk = 0;
  options.largest_required_pool_block = std::numeric_limits<std::size_t>::max();
  options.max_blocks_per_chunk = std::numeric_limits<std::size_t>::max();
  for (const size_spacing spacing : {size_spacing::four_per_doubling, size_spacing::geometric}) {
    options.spacing = spacing;
    pool_resource pool(options);
    const pool_options low = pool.options();
    BOOST_TEST(low.growth == 4.0);
    BOOST_TEST(low.magazine_blocks == 1u);
    BOOST_TEST(low.magazine_bytes > 0u);
    BOOST_TEST(low.first_chunk > 0u);
    BOOST_TEST(low.largest_chunk >= low.first_chunk);
    BOOST_TEST(low.largest_required_pool_block == 32_KiB);
    std::vector<held_block> blocks = test::take_mixed(pool, 2000, 5000);
    BOOST_TEST(pool.check());
    test::give_all_at_random(pool, blocks);
    BOOST_TEST(pool.usage().used == 0u);
  }
  options.growth = -1;
  options.magazine_blocks = options.magazine_bytes = options.first_chunk = options.largest_chunk =
      std::numeric_limits<std::size_t>::max();
  options.spacing = size_spacing::geometric;
  const pool_resource pool(options);
  const pool_options high = pool.options();
  BOOST_TEST(high.growth == 1.05);
  BOOST_TEST(high.first_chunk < 1_GiB);
  BOOST_TEST(high.largest_chunk < 1_GiB);
  BOOST_TEST(high.magazine_blocks < std::numeric_limits<std::size_t>::max());
}

BOOST_AUTO_TEST_CASE(options_in_force_are_those_given) {
  pool_options options;
  options.spacing = size_spacing::geometric;
  options.growth = 1.5;
  options.magazine_blocks = 17;
  options.magazine_bytes = 5000;
  options.first_chunk = 10'000;
  options.largest_chunk = 1_MiB;
  options.cache_line_blocks = true;
  options.page_local = true;
  options.returns = chunk_return::at_once;
  options.keep_spare = false;
  options.zero_on_free = true;
  options.name = "named";
  options.checked = true;
  options.max_blocks_per_chunk = 77;
  const pool_resource pool(options);
  const pool_options same = pool.options();
  BOOST_TEST((same.spacing == options.spacing));
  BOOST_TEST(same.growth == 1.5);
  BOOST_TEST(same.magazine_blocks == 17u);
  BOOST_TEST(same.magazine_bytes == 5000u);
  BOOST_TEST(same.first_chunk == 10'000u);
  BOOST_TEST(same.largest_chunk == 1_MiB);
  BOOST_TEST(same.cache_line_blocks);
  BOOST_TEST(same.page_local);
  BOOST_TEST((same.returns == chunk_return::at_once));
  BOOST_TEST(!same.keep_spare);
  BOOST_TEST(same.zero_on_free);
  BOOST_TEST(same.name == "named");
  BOOST_TEST(same.checked);
  BOOST_TEST(same.max_blocks_per_chunk == 77u);
  BOOST_TEST(pool.name() == "named");
  BOOST_TEST(pool.kind() == "pool_resource");
  BOOST_TEST(pool_resource().name() == "pool_resource");
  BOOST_TEST(pool_resource().options().name.empty());
}

BOOST_AUTO_TEST_CASE(options_in_force_do_not_change_with_use) {
  for (const test::named_options& each : test::every_spacing()) {
    pool_options options = each.options;
    options.largest_required_pool_block = 3000;
    pool_resource pool(options);
    const pool_options before = pool.options();
    pool.deallocate(pool.allocate(1), 1);
    const pool_options after = pool.options();
    BOOST_TEST(before.largest_required_pool_block == after.largest_required_pool_block, each.name);
    BOOST_TEST(before.max_blocks_per_chunk == after.max_blocks_per_chunk, each.name);
  }
}

BOOST_AUTO_TEST_CASE(whether_pools_are_checked_by_default_is_the_process_wide_setting) {
  BOOST_TEST(!pool_resource().options().checked);
  set_checked_by_default(true);
  const bool checked = pool_resource().options().checked;
  const bool through_the_standards_options = pool_resource(std::pmr::pool_options{}).options().checked;
  set_checked_by_default(false);
  BOOST_TEST(checked);
  BOOST_TEST(through_the_standards_options);
}

BOOST_AUTO_TEST_CASE(equality_is_identity) {
  pool_resource one;
  pool_resource two;
  BOOST_TEST(one.is_equal(one));
  BOOST_TEST(!one.is_equal(two));
}

// ---- requests that cannot be met

BOOST_AUTO_TEST_CASE(sizes_that_cannot_be_are_refused_whatever_the_upstream_makes_of_them) {
  constexpr std::size_t max = std::numeric_limits<std::size_t>::max();
  pool_resource pool;
  const held_block live = test::take(pool, 50'000);
  const memory_usage before = pool.usage();
  for (const std::size_t bytes : {max, max - 1, max - 15, max - 4095, max / 2 + 1})
    for (const std::size_t alignment : {std::size_t{1}, std::size_t{8}, std::size_t{16}, std::size_t{4096}})
      BOOST_CHECK_EXCEPTION((void)pool.allocate(bytes, alignment), allocation_error,
                            with_code(memory_errc::size_overflow));
  BOOST_CHECK_EXCEPTION((void)pool.allocate(max / 2, 4096), allocation_error, with_code(memory_errc::size_overflow));
  BOOST_TEST(pool.try_allocate(max) == nullptr);
  BOOST_TEST(pool.usage() == before);
  test::give(pool, live);
}

BOOST_AUTO_TEST_CASE(an_alignment_that_is_none_is_misuse_and_refused) {
  const misuse_watch watch;
  pool_options options;
  options.name = "crooked";
  pool_resource pool(options);
  for (const std::size_t alignment : {std::size_t{0}, std::size_t{3}, std::size_t{24}, std::size_t{100}}) {
    BOOST_CHECK_EXCEPTION((void)pool.allocate(10, alignment), allocation_error,
                          with_code(memory_errc::invalid_alignment));
    BOOST_REQUIRE(watch.count() == 1u);
    BOOST_TEST(watch[0].claimed == alignment);
    BOOST_TEST(watch[0].resource == "crooked");
    BOOST_TEST(watch.only(misuse_kind::invalid_alignment));
    BOOST_CHECK_EXCEPTION(pool.preallocate(10, 10, alignment), allocation_error,
                          with_code(memory_errc::invalid_alignment));
    BOOST_TEST(watch.only(misuse_kind::invalid_alignment));
    BOOST_TEST(pool.try_allocate(10, alignment) == nullptr);
    watch.forget();
    void* const p = pool.allocate(10);
    BOOST_TEST(!pool.try_expand(p, 10, 11, alignment));
    pool.deallocate(p, 10);
    pool.release();  // so no block is at hand
  }
}

BOOST_AUTO_TEST_CASE(an_alignment_that_is_none_is_refused_also_where_a_block_is_at_hand) {
  const misuse_watch watch;
  pool_resource pool;
  std::vector<held_block> blocks = test::take_many(pool, 20, 16);
  test::give_all(pool, blocks);
  for (const std::size_t alignment : {std::size_t{0}, std::size_t{3}}) {
    BOOST_CHECK_EXCEPTION((void)pool.allocate(16, alignment), allocation_error,
                          with_code(memory_errc::invalid_alignment));
    BOOST_TEST(watch.only(misuse_kind::invalid_alignment));
  }
}

// ---- large blocks

BOOST_AUTO_TEST_CASE(a_large_block_is_one_of_the_upstreams_exactly_as_asked_for) {
  counting_resource upstream;
  pool_resource pool(&upstream);
  const held_block block = test::take(pool, 100'001, 128);
  BOOST_TEST(upstream.owns(block.p));
  bool asked = false;
  for (const auto& call : upstream.calls()) asked = asked || (call.bytes == 100'001 && call.alignment == 128);
  BOOST_TEST(asked);
  const block_info found = pool.find_block(static_cast<std::byte*>(block.p) + 100'000);
  BOOST_TEST(found.begin == block.p);
  BOOST_TEST(found.bytes == 100'001u);
  BOOST_TEST(found.exact);
  BOOST_TEST((found.state == block_state::used));
  BOOST_TEST((pool.find_block(static_cast<std::byte*>(block.p) + 100'001).state == block_state::unknown));
  BOOST_TEST(pool.owns(block.p));
  BOOST_TEST(pool.usage().used == 100'001u);
  BOOST_TEST(pool.usage().reserved == upstream.live_bytes());
  test::give(pool, block);
  BOOST_TEST(!pool.owns(block.p));
  BOOST_TEST(pool.usage().used == 0u);
  BOOST_TEST(pool.usage().peak == 100'001u);
  BOOST_TEST(pool.usage().reserved == upstream.live_bytes());
  BOOST_TEST(pool.trim() > 0u);  // what the books took
  BOOST_TEST(upstream.live_blocks() == 0u);
}

BOOST_AUTO_TEST_CASE(large_blocks_take_a_few_upstream_calls_each_however_many_there_are) {
  counting_resource upstream;
  pool_options options;
  options.largest_required_pool_block = 64;
  pool_resource pool(options, &upstream);
  constexpr std::size_t count = 20'000;
  std::vector<held_block> blocks;
  std::size_t before = 0;
  std::size_t most = 0;
  std::size_t in_all = 0;
  for (std::size_t i = 0; i < count; ++i) {
    blocks.push_back(test::take(pool, 100 + i % 50, 8));
    const std::size_t calls = upstream.allocations() + upstream.deallocations();
    most = std::max(most, calls - before);
    in_all = calls;
    before = calls;
  }
  BOOST_TEST(most <= 5u);
  BOOST_TEST(in_all <= 2 * count + 200);
  test::give_all_at_random(pool, blocks);
  BOOST_TEST(upstream.allocations() + upstream.deallocations() <= 4 * count + 400);
  BOOST_TEST(pool.usage().used == 0u);
  (void)pool.trim();
  BOOST_TEST(upstream.live_blocks() == 0u);
}

BOOST_AUTO_TEST_CASE(release_and_the_destructor_return_large_blocks_too) {
  counting_resource upstream;
  {
    pool_resource pool(&upstream);
    for (int round = 0; round < 2; ++round) {
      (void)test::take_many(pool, 10, 50'000, 64);
      (void)test::take_mixed(pool, 1000);
      pool.release();
      BOOST_TEST(upstream.live_blocks() == 0u);
      BOOST_TEST(pool.usage() == memory_usage{});
      pool.release();
    }
    (void)test::take_many(pool, 10, 50'000, 64);
    (void)test::take_mixed(pool, 1000);
  }
  BOOST_TEST(upstream.live_blocks() == 0u);
  BOOST_TEST(upstream.mismatches().empty());
}

// ---- the vocabulary

BOOST_AUTO_TEST_CASE(a_block_grows_and_shrinks_within_its_rounding) {
  for (const bool checked : {false, true}) {
    pool_options options;
    options.checked = checked;
    pool_resource pool(options);
    const held_block block = test::take(pool, 20, 8);
    const std::size_t room = test::plain() ? 24 : pool.find_block(block.p).bytes - memory_tools::redzone;
    test::fill(block.p, 20, 1);
    BOOST_TEST(pool.try_expand(block.p, 20, room, 8));
    test::fill(block.p, room, 2);
    BOOST_TEST(!pool.try_expand(block.p, room, room + 1, 8));
    BOOST_TEST(!pool.try_expand(block.p, room, 2000, 8));
    BOOST_TEST(!pool.try_expand(block.p, room, 100'000, 8));
    BOOST_TEST(pool.try_expand(block.p, room, room, 8));
    BOOST_TEST(pool.try_expand(block.p, room, room - 3, 8));
    BOOST_TEST(!pool.try_expand(block.p, room - 3, 1, 1));  // it is freed as a smaller block then
    BOOST_TEST(test::all_are(block.p, room - 3, 2));
    pool.deallocate(block.p, room - 3, 8);

    const held_block large = test::take(pool, 100'000);
    BOOST_TEST(pool.try_expand(large.p, 100'000, 100'000, 16));
    BOOST_TEST(!pool.try_expand(large.p, 100'000, 100'001, 16));
    BOOST_TEST(!pool.try_expand(large.p, 100'000, 10, 16));
    test::give(pool, large);
    BOOST_TEST(pool.usage().used == 0u);
    BOOST_TEST(pool.check());
  }
}

BOOST_AUTO_TEST_CASE(alignment_counts_when_a_block_grows) {
  pool_resource pool;
  const held_block block = test::take(pool, 60, 64);
  BOOST_TEST(!pool.try_expand(block.p, 60, test::plain() ? 65 : 113, 64));
  BOOST_TEST(pool.try_expand(block.p, 60, 50, 64));
  pool.deallocate(block.p, 50, 64);
  BOOST_TEST(pool.usage().used == 0u);
}

BOOST_AUTO_TEST_CASE(a_pool_knows_what_is_its_own) {
  pool_resource pool;
  const held_block block = test::take(pool, 100);
  const held_block beside = test::take(pool, 100);
  auto* const p = static_cast<std::byte*>(block.p);
  const int elsewhere = 0;
  BOOST_TEST(pool.owns(p));
  BOOST_TEST(pool.owns(p + 99));
  BOOST_TEST(!pool.owns(&elsewhere));
  BOOST_TEST(!pool.owns(nullptr));
  for (const std::byte* inside : {p, p + 1, p + 99}) {
    const block_info found = pool.find_block(inside);
    BOOST_TEST(found.begin == p);
    BOOST_TEST(found.bytes >= 100u);
    BOOST_TEST(!found.exact);
    BOOST_TEST((found.state == block_state::used));
  }
  BOOST_TEST((pool.find_block(&elsewhere).state == block_state::unknown));
  BOOST_TEST((pool.find_block(nullptr).state == block_state::unknown));
  test::give(pool, block);
  BOOST_TEST((pool.find_block(p).state == block_state::free));
  BOOST_TEST((pool.find_block(p + 50).state == block_state::free));
  const held_block again = test::take(pool, 100);
  BOOST_TEST((pool.find_block(again.p).state == block_state::used));
  test::give(pool, again);
  test::give(pool, beside);
  (void)pool.trim();
  BOOST_TEST(!pool.owns(p));
  BOOST_TEST((pool.find_block(p).state == block_state::unknown));
}

BOOST_AUTO_TEST_CASE(a_walk_visits_every_block_in_use_once) {
  for (const bool checked : {false, true}) {
    pool_options options;
    options.checked = checked;
    pool_resource pool(options);
    std::vector<held_block> blocks = test::take_mixed(pool, 3000);
    std::vector<held_block> gone(blocks.begin() + 1000, blocks.begin() + 2500);
    blocks.erase(blocks.begin() + 1000, blocks.begin() + 2500);
    test::give_all_at_random(pool, gone);
    blocks.push_back(test::take(pool, 50'000));
    for (int round = 0; round < 2; ++round) {  // the walk changes nothing
      std::map<const void*, block_info> seen;
      std::size_t used = 0;
      std::size_t twice = 0;
      pool.for_each_block([&](const block_info& block) {
        if (block.state != block_state::used) return;
        if (!seen.emplace(block.begin, block).second) ++twice;
        used += block.bytes;
      });
      BOOST_TEST(twice == 0u);
      BOOST_TEST(seen.size() == blocks.size());
      BOOST_TEST(used == pool.usage().used);
      std::size_t missed = 0;
      for (const held_block& each : blocks)
        if (seen.count(each.p) == 0 || seen[each.p].bytes < each.bytes) ++missed;
      BOOST_TEST(missed == 0u);
      BOOST_TEST(pool.check());
    }
    test::give_all(pool, blocks);
    std::size_t left = 0;
    pool.for_each_block([&](const block_info& block) { left += block.state == block_state::used ? 1U : 0U; });
    BOOST_TEST(left == 0u);
  }
}

BOOST_AUTO_TEST_CASE(usage_agrees_with_the_upstream_and_with_what_is_out) {
  for (const test::named_options& each : test::every_spacing()) {
    counting_resource upstream;
    pool_options options = each.options;
    options.first_chunk = 4096;
    options.largest_chunk = 16'384;
    pool_resource pool(options, &upstream);
    std::vector<held_block> blocks;
    std::size_t peak = 0;
    std::mt19937 random(5);
    bool agrees = true;
    for (int step = 0; step < 4000; ++step) {
      if (blocks.empty() || random() % 5 < 3) {
        blocks.push_back(test::take(pool, random() % (step % 50 == 0 ? 60'000 : 600), std::size_t{1} << random() % 7));
      } else {
        std::swap(blocks[random() % blocks.size()], blocks.back());
        test::give(pool, blocks.back());
        blocks.pop_back();
      }
      if (step % 20 != 0) continue;
      const memory_usage now = pool.usage();
      std::size_t used = 0;
      for (const held_block& block : blocks) used += pool.find_block(block.p).bytes;
      peak = std::max(peak, now.used);
      agrees = agrees && now.reserved == upstream.live_bytes() && now.committed == now.reserved && now.used == used &&
               now.peak >= peak && now.used + now.wasted <= now.committed &&
               now.used + now.wasted + pool.available() == now.committed;
    }
    BOOST_TEST(agrees, each.name);
    test::give_all(pool, blocks);
    BOOST_TEST(pool.usage().used == 0u);
    BOOST_TEST(pool.usage().peak >= peak);
  }
}

BOOST_AUTO_TEST_CASE(the_peak_is_at_most_what_was_used_and_what_magazines_hold) {
  pool_resource pool;
  std::vector<held_block> blocks = test::take_many(pool, 1000, 64);
  const std::size_t used = pool.usage().used;
  BOOST_TEST(pool.usage().peak >= used);
  BOOST_TEST(pool.usage().peak <= used + 2 * 16_KiB);
  test::give_all(pool, blocks);
  BOOST_TEST(pool.usage().peak >= used);
  pool.release();
  BOOST_TEST(pool.usage().peak == 0u);
}

BOOST_AUTO_TEST_CASE(what_is_available_can_be_had_without_the_upstream) {
  counting_resource upstream;
  pool_resource pool(&upstream);
  test::give(pool, test::take(pool, 64));
  const std::size_t available = pool.available();
  BOOST_TEST(available > 0u);
  BOOST_TEST(available <= upstream.live_bytes());
  const std::size_t calls = upstream.allocations();
  std::vector<held_block> blocks = test::take_many(pool, available / 2 / (test::plain() ? 64 : 128), 64);
  BOOST_TEST(upstream.allocations() == calls);
  BOOST_TEST(pool.available() <= available - blocks.size() * 64);
  test::give_all(pool, blocks);
  BOOST_TEST(pool.available() == available);
}

BOOST_AUTO_TEST_CASE(blocks_of_no_bytes_are_blocks_of_one) {
  pool_resource pool;
  const held_block a = test::take(pool, 0, 1);
  const held_block b = test::take(pool, 0, 1);
  const held_block c = test::take(pool, 0, 64);
  BOOST_TEST(a.p != nullptr);
  BOOST_TEST(a.p != b.p);
  BOOST_TEST(pool.find_block(a.p).bytes > 0u);
  for (const held_block& each : {a, b, c}) test::give(pool, each);
  BOOST_TEST(pool.usage().used == 0u);
}

BOOST_AUTO_TEST_CASE(a_call_through_the_base_does_the_same) {
  pool_resource pool;
  std::pmr::memory_resource& base = pool;
  void* const p = base.allocate(40, 8);
  BOOST_TEST(pool.usage().used >= 40u);
  pool.deallocate(p, 40, 8);
  void* const q = pool.allocate(40, 8);
  if (test::plain()) BOOST_TEST(q == p);  // last in, first out
  base.deallocate(q, 40, 8);
  BOOST_TEST(pool.usage().used == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
