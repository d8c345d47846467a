// concurrent_pool: its interface, its books, what it finds, and what remains true when the upstream refuses.

#include <algorithm>
#include <allot/core/allocation_error.hpp>
#include <allot/core/byte_size.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/pool/concurrent_pool.hpp>
#include <allot/testing/counting_resource.hpp>
#include <allot/testing/default_resource_guard.hpp>
#include <allot/testing/failing_resource.hpp>
#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <functional>
#include <iterator>
#include <list>
#include <map>
#include <memory_resource>
#include <optional>
#include <range/v3/algorithm/adjacent_find.hpp>
#include <range/v3/algorithm/find_if.hpp>
#include <range/v3/numeric/accumulate.hpp>
#include <range/v3/range/conversion.hpp>
#include <range/v3/view/filter.hpp>
#include <range/v3/view/transform.hpp>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "pool/concurrent_pool_support.hpp"
#include "support/bytes.hpp"
#include "support/child.hpp"
#include "support/misuse_watch.hpp"
#include "support/usage.hpp"
#include "support/with_code.hpp"
#include "support/worker.hpp"

using namespace allot;
using namespace allot::literals;
using namespace std::chrono_literals;
using namespace allot::test;
using testing::counting_resource;
using testing::failing_resource;
namespace views = ranges::views;

namespace {

static_assert(std::is_final_v<concurrent_pool> && !std::is_copy_constructible_v<concurrent_pool> &&
              !std::is_copy_assignable_v<concurrent_pool>);
static_assert(std::is_nothrow_default_constructible_v<concurrent_pool>);
static_assert(std::is_nothrow_constructible_v<concurrent_pool, std::pmr::memory_resource*>);
static_assert(std::is_nothrow_constructible_v<concurrent_pool, const std::pmr::pool_options&>);
static_assert(
    std::is_nothrow_constructible_v<concurrent_pool, const std::pmr::pool_options&, std::pmr::memory_resource*>);
static_assert(std::is_nothrow_constructible_v<concurrent_pool, const pool_options&, std::pmr::memory_resource*>);
static_assert(!std::is_convertible_v<std::pmr::memory_resource*, concurrent_pool> &&
              !std::is_convertible_v<std::pmr::pool_options, concurrent_pool> &&
              !std::is_convertible_v<pool_options, concurrent_pool>);

/// Everything one can write with the standard's pool.
template <class Pool>
void use_as_the_standards() {
  counting_resource upstream;
  const std::pmr::pool_options options{20, 512};
  {
    Pool plain;
    Pool on_upstream(&upstream);
    Pool with_options(options);
    Pool with_both(options, &upstream);
    Pool braced({20, 512}, &upstream);
    Pool braced_options({20, 512});
    Pool empty_braces({}, &upstream);
    Pool all_braced{{20, 512}, &upstream};
    Pool named{std::pmr::pool_options{20, 512}, &upstream};
    BOOST_TEST(plain.upstream_resource() == std::pmr::get_default_resource());
    BOOST_TEST(with_options.upstream_resource() == std::pmr::get_default_resource());
    BOOST_TEST(braced_options.upstream_resource() == std::pmr::get_default_resource());
    for (Pool* each : {&on_upstream, &with_both, &braced, &empty_braces, &all_braced, &named})
      BOOST_TEST(each->upstream_resource() == &upstream);
    for (Pool* each : {&plain, &on_upstream, &with_options, &with_both, &braced, &braced_options, &empty_braces,
                       &all_braced, &named}) {
      const std::pmr::pool_options in_force = each->options();
      BOOST_TEST(in_force.largest_required_pool_block >= 512u);
      BOOST_TEST(in_force.max_blocks_per_chunk > 0u);
      std::pmr::memory_resource& memory = *each;
      BOOST_TEST(memory.is_equal(*each));
      void* const p = memory.allocate(100, 8);
      void* const big = memory.allocate(1_MiB);
      fill(p, 100, 1);
      memory.deallocate(p, 100, 8);
      memory.deallocate(big, 1_MiB);
      std::pmr::map<int, std::pmr::string> words(each);
      for (int i = 0; i < 100; ++i) words.emplace(i, std::string(50, 'x'));
      words.clear();
      each->release();
    }
    BOOST_TEST(!plain.is_equal(braced));
  }
  BOOST_TEST(upstream.live_blocks() == 0u);
  BOOST_TEST(upstream.mismatches().empty());
}

/// A list of sizes of its own: the pool gets its table from the upstream.
pool_options exact_options() {
  static constexpr std::size_t sizes[] = {512, 32, 64};
  pool_options options;
  options.spacing = size_spacing::exact;
  options.sizes = sizes;
  options.size_count = 3;
  return options;
}

/// An upstream that can be made to wait, with whoever called it and so with the lock of the pool above.
class gate final : public std::pmr::memory_resource {
 public:
  gate() = default;
  ~gate() override { memory_.reclaim(); }
  void close() { closed_ = true; }
  void open() { closed_ = false; }
  bool somebody_waits() const { return waiting_; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    for (waiting_ = closed_.load(); closed_;) std::this_thread::sleep_for(100us);
    waiting_ = false;
    return memory_.allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    memory_.deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  counting_resource memory_;
  std::atomic<bool> closed_{false};
  std::atomic<bool> waiting_{false};
};

/// Whether `work` of another thread is done while this one waits in the upstream with the pool's lock.
template <class Work>
bool done_without_the_lock(concurrent_pool& pool, gate& upstream, worker& other, Work work) {
  worker waiting;
  upstream.close();
  waiting.start([&] { pool.deallocate(pool.allocate(1_MiB), 1_MiB); });
  while (!upstream.somebody_waits()) std::this_thread::sleep_for(100us);
  other.start(work);
  const bool done = other.done_within(5s);
  upstream.open();
  other.wait();
  waiting.wait();
  return done;
}

using cache_entry = std::tuple<std::thread::id, std::size_t, std::size_t>;
std::set<cache_entry> listed(const std::pmr::vector<cached_blocks>& list) {
  std::set<cache_entry> found;
  for (const cached_blocks& each : list) BOOST_TEST(found.emplace(each.thread, each.block_bytes, each.blocks).second);
  return found;
}

constexpr std::size_t grid_sizes[] = {0, 1, 8, 17, 24, 40, 100, 1000, 4095, 8190, 8192, 8193, 20000, 32768, 32769};

struct pool_state {
  memory_usage usage;
  counting_resource::summary upstream;
  std::size_t available;
  friend bool operator==(const pool_state& a, const pool_state& b) {
    return a.usage == b.usage && a.upstream == b.upstream && a.available == b.available;
  }
};
pool_state state_of(const concurrent_pool& pool, const counting_resource& upstream) {
  return {pool.usage(), upstream.live(), pool.available()};
}

/// In child programs; see the case about the default handler.
template <class Work>
void on_checked_pool(Work work) {
  concurrent_pool pool(checked_options(), std::pmr::new_delete_resource());
  worker other;
  work(pool, other);
}
const test::child_program double_free{"concurrent_pool_double_free", [] {
                                        on_checked_pool([](concurrent_pool& pool, worker& other) {
                                          void* const p = pool.allocate(40);
                                          pool.deallocate(p, 40);
                                          other.run([&] { pool.deallocate(p, 40); });
                                        });
                                      }};

}  // namespace

BOOST_AUTO_TEST_SUITE(concurrent_pools)

// ---- as the standard's

BOOST_AUTO_TEST_CASE(what_is_written_for_the_standards_pool_compiles_and_works) {
  use_as_the_standards<std::pmr::synchronized_pool_resource>();
  use_as_the_standards<concurrent_pool>();
}

BOOST_AUTO_TEST_CASE(making_one_allocates_nothing_and_reads_the_default_resource_once) {
  counting_resource first;
  counting_resource second;
  std::optional<concurrent_pool> pool;
  {
    const testing::default_resource_guard guard(first);
    pool.emplace();
    BOOST_TEST(first.allocations() == 0u);
    BOOST_TEST(pool->usage() == memory_usage{});
    BOOST_TEST(pool->available() == 0u);
    BOOST_TEST(pool->upstream() == &first);
    BOOST_TEST(pool->root() == &*pool);
    BOOST_TEST(pool->kind() == "concurrent_pool");
    BOOST_TEST(pool->name() == "concurrent_pool");
    BOOST_TEST(pool->options().name == "");
    BOOST_TEST(pool->check());
    BOOST_TEST(pool->trim() == 0u);
    pool->release();
    pool->abandon();
    BOOST_TEST(!pool->owns(&first));
    BOOST_TEST((pool->find_block(&first).state == block_state::unknown));
    pool->for_each_block([](const block_info&) { BOOST_ERROR("a block"); });
    BOOST_TEST(first.allocations() == 0u);
  }
  const testing::default_resource_guard guard(second);
  pool->deallocate(pool->allocate(1), 1);
  BOOST_TEST(first.allocations() > 0u);
  BOOST_TEST(second.allocations() == 0u);
  pool.reset();
  BOOST_TEST(first.live_blocks() == 0u);
}

BOOST_AUTO_TEST_CASE(options_say_what_is_in_force) {
  std::string name = "orders";
  pool_options options;
  options.name = name;
  options.largest_required_pool_block = 1000;
  options.max_blocks_per_chunk = 50;
  options.magazine_blocks = 7;
  options.magazine_bytes = 2000;
  options.first_chunk = 20000;
  options.spacing = size_spacing::power_of_two;
  options.returns = chunk_return::at_once;
  options.keep_spare = false;
  const concurrent_pool pool(options);
  name = "xxxxxx";
  const pool_options found = pool.options();
  BOOST_TEST(pool.name() == "orders");
  BOOST_TEST(found.name == "orders");
  BOOST_TEST(found.largest_required_pool_block == 1024u);
  BOOST_TEST(found.max_blocks_per_chunk == 50u);
  BOOST_TEST(found.magazine_blocks == 7u);
  BOOST_TEST(found.magazine_bytes == 2000u);
  BOOST_TEST(found.first_chunk == 20000u);
  BOOST_TEST((found.spacing == size_spacing::power_of_two));
  BOOST_TEST((found.returns == chunk_return::at_once));
  BOOST_TEST(!found.keep_spare);
}

BOOST_AUTO_TEST_CASE(every_alignment_holds_for_every_size) {
  for (const bool checked : {false, true}) {
    concurrent_pool pool(checked_options(checked), std::pmr::new_delete_resource());
    for (std::size_t alignment = 1; alignment <= 64_KiB; alignment *= 2) {
      for (const std::size_t bytes : grid_sizes) {
        void* const p = pool.allocate(bytes, alignment);
        void* const other = pool.allocate(bytes, alignment);
        BOOST_TEST(is_aligned(p, alignment));
        BOOST_TEST(is_aligned(other, alignment));
        BOOST_TEST(p != other);
        fill(p, bytes, 1);
        fill(other, bytes, 2);
        BOOST_TEST(all_are(p, bytes, 1));
        pool.deallocate(p, bytes, alignment);
        pool.deallocate(other, bytes, alignment);
      }
    }
    BOOST_TEST(pool.usage().used == 0u);
    BOOST_TEST(adds_up(pool));
  }
}

BOOST_AUTO_TEST_CASE(an_alignment_that_is_no_power_of_two_is_misuse_and_changes_nothing) {
  counting_resource upstream;
  concurrent_pool pool(&upstream);
  const misuse_watch watch;
  BOOST_CHECK_EXCEPTION((void)pool.allocate(24, 3), allocation_error, with_code(memory_errc::invalid_alignment));
  BOOST_TEST(watch.only(misuse_kind::invalid_alignment));
  BOOST_TEST(upstream.allocations() == 0u);
  void* const p = pool.allocate(24, 8);
  for (int i = 0; i < 3; ++i) {  // from here on the thread has blocks of that size at hand, and room for more
    void* const q = pool.allocate(24, 8);
    void* const r = pool.allocate(24, 8);
    pool.deallocate(q, 24, 8);
    pool.deallocate(r, 24, 8);
  }
  (void)pool.allocate(24, 8);
  const pool_state before = state_of(pool, upstream);
  for (const std::size_t alignment : {std::size_t{0}, std::size_t{3}, std::size_t{24}, ~std::size_t{0}}) {
    // A magazine notices only the first and the last.
    if (have_magazines() && (alignment == 3 || alignment == 24)) continue;
    BOOST_CHECK_EXCEPTION((void)pool.allocate(24, alignment), allocation_error,
                          with_code(memory_errc::invalid_alignment));
    BOOST_TEST(watch.only(misuse_kind::invalid_alignment));
    BOOST_CHECK_EXCEPTION(pool.preallocate(24, 1000, alignment), allocation_error,
                          with_code(memory_errc::invalid_alignment));
    BOOST_TEST(watch.only(misuse_kind::invalid_alignment));
    BOOST_TEST(!pool.try_expand(p, 24, 25, alignment));
  }
  pool.deallocate(p, 24, have_magazines() ? 0 : 3);
  BOOST_TEST(watch.only(misuse_kind::invalid_alignment));
  BOOST_TEST((state_of(pool, upstream) == before));
  pool.deallocate(p, 24, 8);
}

// ---- large blocks

BOOST_AUTO_TEST_CASE(large_blocks_are_the_upstreams_one_by_one) {
  for (const bool checked : {false, true}) {
    counting_resource upstream;
    concurrent_pool pool(checked_options(checked), &upstream);
    worker other;
    void* const p = pool.allocate(100000, 64);
    BOOST_TEST(upstream.live_bytes() >= 100000u);
    BOOST_TEST(pool.usage().used == 100000u);
    BOOST_TEST(pool.owns(p));
    BOOST_TEST(!pool.owns(static_cast<std::byte*>(p) + 100000));
    const block_info found = pool.find_block(static_cast<std::byte*>(p) + 99999);
    BOOST_TEST(found.begin == p);
    BOOST_TEST(found.bytes == 100000u);
    BOOST_TEST(found.exact);
    BOOST_TEST((found.state == block_state::used));
    BOOST_TEST(adds_up(pool, 100000));
    BOOST_TEST(pool.try_expand(p, 100000, 100000, 64));
    BOOST_TEST(!pool.try_expand(p, 100000, 100001, 64));
    fill(p, 100000, 1);
    other.run([&] { pool.deallocate(p, 100000, 64); });
    BOOST_TEST(!pool.owns(p));
    BOOST_TEST(pool.usage().used == 0u);
    BOOST_TEST(pool.usage().peak == 100000u);
    (void)pool.trim();
    BOOST_TEST(upstream.live_blocks() == 0u);
    BOOST_TEST(upstream.mismatches().empty());
  }
}

BOOST_AUTO_TEST_CASE(the_largest_pooled_size_decides_what_is_large) {
  pool_options options;
  options.largest_required_pool_block = 256;
  counting_resource upstream;
  concurrent_pool pool(options, &upstream);
  pool.deallocate(pool.allocate(100), 100);
  const std::size_t blocks = upstream.live_blocks();
  void* const p = pool.allocate(300);
  BOOST_TEST(upstream.live_blocks() > blocks);
  BOOST_TEST(pool.find_block(p).exact);
  pool.deallocate(p, 300);
  BOOST_TEST(bin_for(pool, 300).block_bytes == 0u);
}

// ---- looking inside

BOOST_AUTO_TEST_CASE(find_block_and_owns_know_blocks_of_all_threads) {
  for (const bool checked : {false, true}) {
    counting_resource upstream;
    concurrent_pool pool(checked_options(checked), &upstream);
    worker other;
    void* mine = pool.allocate(40);
    void* its = nullptr;
    const void* const kept = pool.allocate(40);  // so that the slab stays
    other.run([&] { its = pool.allocate(40); });
    const std::size_t bytes = bin_for(pool, 40).block_bytes;
    for (const void* const p : {mine, its}) {
      const block_info found = pool.find_block(static_cast<const std::byte*>(p) + 39);
      BOOST_TEST(pool.owns(p));
      BOOST_TEST(found.begin == p);
      BOOST_TEST(found.bytes == bytes);
      BOOST_TEST(!found.exact);
      BOOST_TEST((found.state == block_state::used));
    }
    other.run([&] { pool.deallocate(mine, 40); });  // into its magazine
    pool.deallocate(its, 40);                       // into this one's
    for (const void* const p : {mine, its}) {
      const block_info found = pool.find_block(p);
      BOOST_TEST(found.begin == p);
      BOOST_TEST((found.state == block_state::free));
    }
    BOOST_TEST((pool.find_block(kept).state == block_state::used));
    int local = 0;
    BOOST_TEST(!pool.owns(&local));
    BOOST_TEST((pool.find_block(&local).state == block_state::unknown));
    BOOST_TEST(adds_up(pool));
  }
}

BOOST_AUTO_TEST_CASE(for_each_block_visits_what_is_in_use_once_and_the_rest_as_free) {
  for (const bool checked : {false, true}) {
    concurrent_pool pool(checked_options(checked), std::pmr::new_delete_resource());
    worker other;
    std::set<const void*> live;
    for (std::size_t i = 0; i < 1000; ++i) {
      live.insert(pool.allocate(64));
      other.run([&] { live.insert(pool.allocate(i % 500 + 1)); });
    }
    live.insert(pool.allocate(1_MiB));
    std::vector<const void*> freed = allocate_many(pool, 1000, 64);  // so that depot and magazines have some
    other.run([&] { free_all(pool, freed, 64); });
    for (int walk = 0; walk < 2; ++walk) {  // the first one left all as it was
      std::set<const void*> seen;
      std::size_t bytes = 0;
      std::size_t free = 0;
      pool.for_each_block([&](const block_info& block) {
        if (block.state == block_state::free) {
          free += block.bytes;
          return;
        }
        BOOST_TEST(seen.insert(block.begin).second);
        BOOST_TEST((block.state == block_state::used));
        bytes += block.bytes;
      });
      BOOST_TEST(free >= 1000u * 64);
      BOOST_TEST((seen == live));
      BOOST_TEST(bytes == pool.usage().used);
      BOOST_TEST(adds_up(pool, 1_MiB));
    }
  }
}

BOOST_AUTO_TEST_CASE(usage_counts_blocks_live_cached_and_free) {
  counting_resource upstream;
  concurrent_pool pool(&upstream);
  worker other;
  std::vector<const void*> blocks = allocate_many(pool, 10, 64);
  const pool_bin bin = bin_for(pool, 64);
  BOOST_TEST(bin.live == 10u);
  BOOST_TEST(pool.usage().used == 10 * bin.block_bytes);
  BOOST_TEST(pool.usage().reserved == upstream.live_bytes());
  other.run([&] {
    free_all(pool, blocks, 64);
    blocks = allocate_many(pool, 5, 32);
  });
  BOOST_TEST(bin_for(pool, 64).live == 0u);
  BOOST_TEST(bin_for(pool, 32).live == 5u);
  BOOST_TEST(pool.usage().used == 5 * bin_for(pool, 32).block_bytes);
  BOOST_TEST(pool.usage().reserved == upstream.live_bytes());
  BOOST_TEST(pool.usage().peak >= 10 * bin.block_bytes);
  BOOST_TEST(adds_up(pool));
  if (have_magazines()) {
    BOOST_TEST(bin_for(pool, 64).cached == bin.live + bin.cached);
    BOOST_TEST(pool.usage().wasted >= 2 * thread_cache::bytes());
  } else {
    BOOST_TEST(bin_for(pool, 64).cached == 0u);
  }
}

BOOST_AUTO_TEST_CASE(what_usage_says_is_held_is_what_the_upstream_gave) {
  for (const bool checked : {false, true}) {
    counting_resource upstream;
    concurrent_pool pool(checked_options(checked), &upstream);
    for (std::size_t bytes = 1; bytes < 200000; bytes += bytes / 3 + 1) {
      (void)allocate_many(pool, 20, bytes);
      BOOST_TEST(pool.usage().reserved == upstream.live_bytes());
    }
    std::thread([&] { (void)pool.allocate(10); }).join();
    BOOST_TEST(pool.usage().reserved == upstream.live_bytes());
    const std::size_t trimmed = pool.trim();
    BOOST_TEST(pool.usage().reserved == upstream.live_bytes());
    BOOST_TEST((!have_magazines() || checked || trimmed >= thread_cache::bytes()));
    pool.release();
    BOOST_TEST(pool.usage() == memory_usage{});
    BOOST_TEST(upstream.live_blocks() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(bins_are_a_range_for_views_and_add_up) {
  concurrent_pool pool(std::pmr::new_delete_resource());
  worker other;
  std::vector<std::pair<const void*, std::size_t>> live;
  const auto mix = [&] {
    for (std::size_t i = 0; i < 2000; ++i) {
      const std::size_t bytes = i * 37 % 3000 + 1;
      const void* const p = pool.allocate(bytes);
      if (i % 3 == 0) {
        live.emplace_back(p, bytes);
      } else {
        pool.deallocate(const_cast<void*>(p), bytes);
      }
    }
  };
  mix();
  other.run(mix);
  const auto bins = pool.bins();
  BOOST_TEST(bins.size() == static_cast<std::size_t>(bins.end() - bins.begin()));
  BOOST_TEST(bins[3].block_bytes == bins.begin()[3].block_bytes);
  const auto live_of = [](const pool_bin& bin) { return bin.live; };
  BOOST_TEST(ranges::accumulate(bins | views::transform(live_of), std::size_t{0}) == live.size());
  BOOST_TEST(ranges::accumulate(bins | views::transform([](const pool_bin& bin) { return bin.live * bin.block_bytes; }),
                                std::size_t{0}) == pool.usage().used);
  const auto sizes =
      bins | views::transform([](const pool_bin& bin) { return bin.block_bytes; }) | ranges::to<std::vector>();
  BOOST_TEST((ranges::adjacent_find(sizes, std::greater_equal<>()) == sizes.end()));
  auto in_use = bins | views::filter([](const pool_bin& bin) { return bin.slabs != 0; });
  for (const pool_bin bin : in_use) {
    const std::size_t blocks = (bin.bytes - bin.waste) / bin.block_bytes;
    BOOST_TEST(bin.live + bin.cached <= blocks);
    BOOST_TEST((bin.bytes - bin.waste) % bin.block_bytes == 0u);
  }
  BOOST_TEST((ranges::find_if(bins, [](const pool_bin& bin) { return bin.live != 0; }) != bins.end()));
  BOOST_TEST(adds_up(pool));
  for (const auto& [p, bytes] : live) pool.deallocate(const_cast<void*>(p), bytes);
  BOOST_TEST(ranges::accumulate(bins | views::transform(live_of), std::size_t{0}) == 0u);
  BOOST_TEST(adds_up(pool));
}

BOOST_AUTO_TEST_CASE(try_expand_stays_within_the_block) {
  for (const bool checked : {false, true}) {
    concurrent_pool pool(checked_options(checked), std::pmr::new_delete_resource());
    void* const p = pool.allocate(130, 2);
    const std::size_t room =
        bin_for(pool, 130).block_bytes - (test::have_magazines() ? std::size_t{0} : memory_tools::redzone);
    BOOST_TEST(pool.try_expand(p, 130, room, 2));
    fill(p, room, 3);
    BOOST_TEST(!pool.try_expand(p, room, room + 1, 2));
    BOOST_TEST(!pool.try_expand(p, room, 1, 2));
    BOOST_TEST(!pool.try_expand(p, room, 1_MiB, 2));
    BOOST_TEST(pool.try_expand(p, room, 132, 2));
    BOOST_TEST(all_are(p, 132, 3));
    pool.deallocate(p, 132, 2);
    if (checked) BOOST_TEST(!pool.try_expand(p, 130, 131, 2));  // no longer a block
    BOOST_TEST(pool.usage().used == 0u);
  }
}

// ---- caches

BOOST_AUTO_TEST_CASE(caches_lists_blocks_by_thread_and_size) {
  if (!have_magazines()) return test::skip("a memory tool leaves no magazines");
  concurrent_pool pool(std::pmr::new_delete_resource());
  BOOST_TEST(pool.caches().empty());
  worker a;
  worker b;
  std::vector<const void*> blocks = allocate_many(pool, 3, 64);
  pool.deallocate(pool.allocate(64), 64);
  const std::size_t mine = bin_for(pool, 64).cached;
  a.run([&] { free_all(pool, blocks, 64); });
  b.run([&] {
    blocks = allocate_many(pool, 3, 512);
    free_all(pool, blocks, 512);
  });
  std::set<cache_entry> expected;
  expected.emplace(a.id(), 64, 3);
  expected.emplace(b.id(), 512, bin_for(pool, 512).cached);
  expected.emplace(std::this_thread::get_id(), 64, mine);
  BOOST_TEST((listed(pool.caches()) == expected));
  // A thread that has ended is not listed; the next one finds its blocks.
  const std::thread::id gone = a.id();
  a.end();
  expected.erase({gone, 64, 3});
  BOOST_TEST((listed(pool.caches()) == expected));
  BOOST_TEST(bin_for(pool, 64).cached == mine + 3);
  std::thread([&] { BOOST_TEST(test::own_blocks(pool, 64) == 0u); }).join();
  std::thread([&] {
    (void)pool.allocate(64);
    BOOST_TEST(test::own_blocks(pool, 64) == 2u);
  }).join();
  BOOST_TEST(pool.caches(std::pmr::new_delete_resource()).get_allocator().resource() ==
             std::pmr::new_delete_resource());
  const testing::default_resource_guard guard(*std::pmr::null_memory_resource());
  BOOST_CHECK_THROW((void)pool.caches(), std::bad_alloc);
}

BOOST_AUTO_TEST_CASE(the_pool_itself_can_be_the_memory_of_the_list) {
  concurrent_pool pool(std::pmr::new_delete_resource());
  worker other;
  const auto use_all_sizes = [&] {
    for (std::size_t bytes = 8; bytes <= 4096; bytes += 8) pool.deallocate(pool.allocate(bytes, 8), bytes, 8);
  };
  use_all_sizes();
  other.run(use_all_sizes);
  const auto of_the_other = [&](const std::pmr::vector<cached_blocks>& list) {
    std::set<cache_entry> found = listed(list);
    for (auto each = found.begin(); each != found.end();)
      each = std::get<0>(*each) == other.id() ? std::next(each) : found.erase(each);
    return found;
  };
  const std::set<cache_entry> expected = of_the_other(pool.caches(std::pmr::new_delete_resource()));
  if (have_magazines()) BOOST_TEST(expected.size() > 30u);
  {
    const std::pmr::vector<cached_blocks> list = pool.caches(&pool);
    BOOST_TEST(list.get_allocator().resource() == &pool);
    if (have_magazines()) BOOST_TEST(pool.find_block(list.data()).begin == list.data());
    BOOST_TEST((of_the_other(list) == expected));
  }
  BOOST_TEST(pool.usage().used == 0u);
  BOOST_TEST(adds_up(pool));
}

BOOST_AUTO_TEST_CASE(threads_use_their_magazines_without_the_lock) {
  if (!have_magazines()) return test::skip("a memory tool leaves no magazines");
  gate upstream;
  concurrent_pool pool(&upstream);
  worker other;
  constexpr std::size_t both = 2 * magazine_of(64);
  const auto trips = [&] {
    std::array<void*, 3> blocks{};
    for (int round = 0; round < 100; ++round) {
      for (void*& block : blocks) block = pool.allocate(64);
      for (void* const block : blocks) pool.deallocate(block, 64);
    }
  };
  other.run(trips);
  BOOST_TEST(done_without_the_lock(pool, upstream, other, trips));
  // What is more than the magazines have needs the lock, which shows that the gate holds it.
  upstream.close();
  worker waiting;
  waiting.start([&] { (void)pool.allocate(1_MiB); });
  while (!upstream.somebody_waits()) std::this_thread::sleep_for(100us);
  other.start([&] { (void)allocate_many(pool, both + 1, 64); });
  BOOST_TEST(!other.done_within(50ms));
  upstream.open();
  other.wait();
  waiting.wait();
  BOOST_TEST(adds_up(pool, 1_MiB));
}

BOOST_AUTO_TEST_CASE(a_thread_allocates_from_both_of_its_magazines) {
  if (!have_magazines()) return test::skip("a memory tool leaves no magazines");
  concurrent_pool pool(std::pmr::new_delete_resource());
  std::vector<const void*> blocks = allocate_many(pool, 100, 64);
  (void)pool.allocate(64);
  free_all(pool, blocks, 64);
  const std::size_t own = test::own_blocks(pool, 64);
  const std::size_t live = bin_for(pool, 64).live;
  const std::size_t cached = bin_for(pool, 64).cached;
  BOOST_TEST(own > 0u);
  for (std::size_t taken = 1; taken <= own; ++taken) {
    (void)pool.allocate(64);
    BOOST_REQUIRE(test::own_blocks(pool, 64) == own - taken);
    BOOST_REQUIRE(bin_for(pool, 64).live == live + taken);
    BOOST_REQUIRE(bin_for(pool, 64).cached == cached - taken);
  }
}

BOOST_AUTO_TEST_CASE(a_new_pool_of_the_same_sizes_and_one_after_release_go_without_the_lock_again) {
  if (!have_magazines()) return test::skip("a memory tool leaves no magazines");
  for (const bool exact : {false, true}) {
    gate gated;
    failing_resource upstream(&gated);
    concurrent_pool pool(exact ? exact_options() : pool_options(), &upstream);
    worker other;
    const auto pairs = [&] {
      for (int i = 0; i < 1000; ++i) pool.deallocate(pool.allocate(64), 64);
    };
    other.run(pairs);
    BOOST_TEST(done_without_the_lock(pool, gated, other, pairs));
    pool.release();
    other.run(pairs);
    BOOST_TEST(done_without_the_lock(pool, gated, other, pairs));
    pool.abandon();
    pool.preallocate(32, 10);
    other.run(pairs);
    BOOST_TEST(done_without_the_lock(pool, gated, other, pairs));
    // A first call that got only part of what it wanted.
    pool.release();
    upstream.fail_at(exact ? 3 : 2, failing_resource::rule::from_then_on);
    BOOST_CHECK_THROW(pool.preallocate(64, 100000), testing::injected_failure);
    upstream.fail_at(0);
    other.run(pairs);
    BOOST_TEST(done_without_the_lock(pool, gated, other, pairs));
  }
}

BOOST_AUTO_TEST_CASE(each_thread_has_one_cache_and_those_that_come_later_take_it_over) {
  if (!have_magazines()) return test::skip("a memory tool leaves no magazines");
  counting_resource upstream;
  concurrent_pool pool(&upstream);
  BOOST_TEST(caches_from(upstream) == 0u);
  const auto use = [&] { pool.deallocate(pool.allocate(64), 64); };
  use();
  use();
  BOOST_TEST(caches_from(upstream) == 1u);
  for (int i = 0; i < 10; ++i) std::thread(use).join();
  BOOST_TEST(caches_from(upstream) == 2u);
  worker a;
  worker b;
  a.run(use);
  BOOST_TEST(caches_from(upstream) == 2u);
  b.run(use);
  BOOST_TEST(caches_from(upstream) == 3u);
  a.end();
  b.end();
  const std::size_t before = upstream.live_bytes();
  BOOST_TEST(pool.trim() == before);  // all three
  BOOST_TEST(caches_from(upstream) == 0u);
  BOOST_TEST(upstream.live_blocks() == 0u);
  use();
  BOOST_TEST(caches_from(upstream) == 1u);
  BOOST_TEST(adds_up(pool));
}

BOOST_AUTO_TEST_CASE(a_cache_starts_on_a_line_of_its_own) {
  if (!have_magazines()) return test::skip("a memory tool leaves no magazines");
  counting_resource upstream;
  concurrent_pool pool(&upstream);
  pool.deallocate(pool.allocate(64), 64);
  BOOST_TEST(caches_from(upstream) == 1u);
  static_assert(thread_cache::bytes() >=
                align_up(sizeof(thread_cache), thread_cache::line) + thread_cache::line - alignof(std::max_align_t));
  static_assert(alignof(concurrent_pool) >= thread_cache::line);
}

// ---- the depot

BOOST_AUTO_TEST_CASE(what_one_thread_frees_another_allocates_without_the_slabs) {
  if (!have_magazines()) return test::skip("a memory tool leaves no magazines");
  counting_resource upstream;
  concurrent_pool pool(&upstream);
  constexpr std::size_t magazine = magazine_of(64);
  worker other;
  std::vector<const void*> blocks = allocate_many(pool, 60 * magazine, 64);
  const std::size_t mine = test::own_blocks(pool, 64);
  other.run([&] { free_all(pool, blocks, 64); });
  // Two magazines of the other thread, and in the depot 16 and two for each. Some may be smaller than the rest.
  const pool_bin before = bin_for(pool, 64);
  std::size_t its = 0;
  other.run([&] { its = test::own_blocks(pool, 64); });
  BOOST_TEST(its <= 2 * magazine);
  BOOST_TEST(its > magazine / 2);
  const std::size_t depot = before.cached - mine - its;
  BOOST_TEST(depot <= (16 + 2 * 2) * magazine);
  BOOST_TEST(depot > (16 + 2 * 2 - 6) * magazine);
  BOOST_TEST(pool.available() >= 60 * magazine * 64);
  BOOST_TEST(adds_up(pool));
  const std::size_t calls = upstream.calls().size();
  for (std::size_t taken = 1; taken <= mine + depot; ++taken) {
    blocks.push_back(pool.allocate(64));
    const pool_bin now = bin_for(pool, 64);
    BOOST_REQUIRE(now.live == taken);
    BOOST_REQUIRE(now.live + now.cached == before.cached);
  }
  (void)pool.allocate(64);  // the depot is empty now
  BOOST_TEST(bin_for(pool, 64).cached + bin_for(pool, 64).live > before.cached);
  BOOST_TEST(upstream.calls().size() == calls);
  BOOST_TEST(adds_up(pool));
}

BOOST_AUTO_TEST_CASE(trim_empties_the_depot_and_the_own_magazines) {
  if (!have_magazines()) return test::skip("a memory tool leaves no magazines");
  counting_resource upstream;
  concurrent_pool pool(&upstream);
  constexpr std::size_t magazine = magazine_of(64);
  worker other;
  std::vector<const void*> blocks = allocate_many(pool, 20 * magazine, 64);
  other.run([&] { free_all(pool, blocks, 64); });
  (void)pool.trim();
  std::size_t its = 0;
  other.run([&] { its = test::own_blocks(pool, 64); });
  BOOST_TEST(bin_for(pool, 64).cached == its);
  BOOST_TEST(caches_from(upstream) == 1u);
  BOOST_TEST(adds_up(pool));
  other.run([&] {
    const std::size_t held = upstream.live_bytes();
    BOOST_TEST(pool.trim() == held);
  });
  BOOST_TEST(upstream.live_blocks() == 0u);
  BOOST_TEST(adds_up(pool));
}

BOOST_AUTO_TEST_CASE(after_everything_is_freed_and_trimmed_at_most_one_chunk_is_held) {
  for (const bool checked : {false, true}) {
    for (const bool at_once : {false, true}) {
      pool_options options = checked_options(checked);
      if (at_once) options.returns = chunk_return::at_once;
      counting_resource upstream;
      concurrent_pool pool(options, &upstream);
      std::vector<std::pair<void*, std::size_t>> live;
      for (std::size_t i = 0; i < 20000; ++i) {
        const std::size_t bytes = i * 31 % 5000 + 1;
        live.emplace_back(pool.allocate(bytes), bytes);
      }
      for (const auto& [p, bytes] : live) pool.deallocate(p, bytes);
      if (at_once && checked) BOOST_TEST(pool.usage().reserved < upstream.peak_bytes() / 4);
      (void)pool.trim();
      BOOST_TEST(upstream.live_blocks() == 0u);
      BOOST_TEST(adds_up(pool));
    }
  }
}

// ---- preallocate

BOOST_AUTO_TEST_CASE(preallocated_blocks_need_no_upstream_whoever_asks) {
  for (const bool checked : {false, true}) {
    counting_resource upstream;
    concurrent_pool pool(checked_options(checked), &upstream);
    worker other;
    other.run([&] { pool.deallocate(pool.allocate(3000), 3000); });  // it has its cache
    pool.deallocate(pool.allocate(3000), 3000);
    pool.preallocate(64, 5000);
    const std::size_t calls = upstream.calls().size();
    BOOST_TEST(bin_for(pool, 64).live == 0u);
    std::vector<const void*> blocks;
    other.run([&] { blocks = allocate_many(pool, 5000, 64); });
    BOOST_TEST(upstream.calls().size() == calls);
    // What is in the depot counts, and what is in a thread's magazines does not.
    other.run([&] { free_all(pool, blocks, 64); });
    const std::size_t held = upstream.live_bytes();
    std::size_t in_caches = 0;
    for (const cached_blocks& each : pool.caches()) in_caches += each.block_bytes == 64 ? each.blocks : 0;
    pool.preallocate(64, 5000 - in_caches);
    BOOST_TEST(upstream.live_bytes() == held);
    std::vector<const void*> mine = allocate_many(pool, 5000 - in_caches, 64);
    BOOST_TEST(upstream.live_bytes() == held);
    pool.preallocate(64, 100000);
    const std::size_t more = upstream.live_bytes();
    BOOST_TEST(more > held);
    (void)allocate_many(pool, 100000, 64);
    BOOST_TEST(upstream.live_bytes() == more);
    BOOST_TEST(adds_up(pool));
    pool.preallocate(1_MiB, 1000);
    pool.preallocate(64, 0);
    BOOST_TEST(upstream.live_bytes() == more);
    free_all(pool, mine, 64);
  }
}

BOOST_AUTO_TEST_CASE(preallocate_makes_no_more_than_is_missing) {
  for (const bool checked : {false, true}) {
    concurrent_pool pool(checked_options(checked), std::pmr::new_delete_resource());
    worker other;
    std::vector<const void*> blocks = allocate_many(pool, 5000, 64);
    (void)allocate_many(pool, 1, 64);  // so that the slabs stay
    other.run([&] { free_all(pool, blocks, 64); });
    const pool_bin before = bin_for(pool, 64);
    std::size_t in_threads_hands = before.live;
    for (const cached_blocks& each : pool.caches()) in_threads_hands += each.block_bytes == 64 ? each.blocks : 0;
    const std::size_t at_hand = (before.bytes - before.waste) / before.block_bytes - in_threads_hands;
    pool.preallocate(64, at_hand);
    BOOST_TEST(bin_for(pool, 64).bytes == before.bytes);
    pool.preallocate(64, at_hand + 1);
    BOOST_TEST(bin_for(pool, 64).bytes > before.bytes);
    BOOST_TEST(adds_up(pool));
  }
}

BOOST_AUTO_TEST_CASE(preallocate_serves_the_alignment_it_was_told) {
  counting_resource upstream;
  concurrent_pool pool(&upstream);
  pool.deallocate(pool.allocate(3000), 3000);
  pool.preallocate(40, 2000, 64);
  const std::size_t calls = upstream.calls().size();
  for (int i = 0; i < 2000; ++i) BOOST_REQUIRE(is_aligned(pool.allocate(40, 64), 64));
  BOOST_TEST(upstream.calls().size() == calls);
}

// ---- checks

BOOST_AUTO_TEST_CASE(who_hears_of_a_misuse_may_ask_the_pool_about_it) {
  static concurrent_pool* asked = nullptr;
  static block_state seen = block_state::unknown;
  pool_options options;
  options.checked = true;
  concurrent_pool pool(options, std::pmr::new_delete_resource());
  asked = &pool;
  const misuse_handler before =
      set_misuse_handler([](const misuse_report& report) { seen = asked->find_block(report.address).state; });
  void* const p = pool.allocate(48);
  pool.deallocate(p, 48);
  pool.deallocate(p, 48);
  set_misuse_handler(before);
  BOOST_TEST((seen == block_state::free));
}

BOOST_AUTO_TEST_CASE(a_checked_pool_finds_misuse_at_the_free_itself_from_any_thread) {
  pool_options options = checked_options();
  options.name = "parts";
  counting_resource upstream;
  concurrent_pool pool(options, &upstream);
  worker other;
  const misuse_watch watch;
  void* const p = pool.allocate(40);
  void* const q = pool.allocate(40);
  void* const big = pool.allocate(100000, 64);
  pool.deallocate(q, 40);
  const pool_state before = state_of(pool, upstream);
  alignas(16) std::byte foreign[64];
  for (int from_other_thread = 0; from_other_thread < 2; ++from_other_thread) {
    const auto free = [&](void* block, std::size_t bytes, std::size_t alignment) {
      const auto work = [&] { pool.deallocate(block, bytes, alignment); };
      from_other_thread != 0 ? other.run(work) : work();
    };
    free(q, 40, 8);
    BOOST_REQUIRE(watch.count() == 1u);
    BOOST_TEST(watch[0].resource == "parts");
    BOOST_TEST(watch[0].address == q);
    BOOST_TEST(watch.only(misuse_kind::double_free));
    free(foreign, 40, 8);
    BOOST_TEST(watch.only(misuse_kind::foreign_pointer));
    free(static_cast<std::byte*>(p) + 8, 40, 8);
    BOOST_TEST(watch.only(misuse_kind::foreign_pointer));
    free(p, 400, 8);
    BOOST_REQUIRE(watch.count() == 1u);
    BOOST_TEST(watch[0].claimed == 400u);
    BOOST_TEST(watch[0].actual == bin_for(pool, 40).block_bytes);
    BOOST_TEST(watch.only(misuse_kind::wrong_size));
    free(p, 4, 8);
    BOOST_TEST(watch.only(misuse_kind::wrong_size));
    free(p, 50000, 8);
    BOOST_TEST(watch.only(misuse_kind::wrong_size));
    free(big, 99999, 64);
    BOOST_TEST(watch.only(misuse_kind::wrong_size));
    free(big, 100000, 32);
    BOOST_TEST(watch.only(misuse_kind::wrong_alignment));
    free(foreign, 100000, 64);
    BOOST_TEST(watch.only(misuse_kind::foreign_pointer));
    BOOST_TEST((state_of(pool, upstream) == before));
  }
  pool.deallocate(p, 40);
  pool.deallocate(big, 100000, 64);
  BOOST_TEST(watch.nothing());
  BOOST_TEST(pool.usage().used == 0u);
  pool.deallocate(big, 100000, 64);
  BOOST_TEST(watch.only(misuse_kind::foreign_pointer));
  BOOST_TEST(adds_up(pool));
}

BOOST_AUTO_TEST_CASE(the_default_handler_ends_the_program) {
  const auto outcome = test::run_child("concurrent_pool_double_free");
  BOOST_TEST(outcome.aborted());
  BOOST_TEST(outcome.says("concurrent_pool"), outcome.output);
}

BOOST_AUTO_TEST_CASE(an_unchecked_pool_finds_foreign_blocks_when_a_magazine_is_emptied) {
  concurrent_pool pool(checked_options(false), std::pmr::new_delete_resource());
  concurrent_pool other(checked_options(false), std::pmr::new_delete_resource());
  const misuse_watch watch;
  void* const p = other.allocate(64);
  pool.deallocate(pool.allocate(64), 64);
  pool.deallocate(p, 64);
  if (have_magazines()) {
    BOOST_TEST(watch.nothing());
    BOOST_TEST(!pool.check());
    (void)pool.trim();
  }
  BOOST_TEST(watch.only(misuse_kind::foreign_pointer));
  BOOST_TEST(adds_up(pool));
}

BOOST_AUTO_TEST_CASE(a_checked_pool_has_no_magazines) {
  counting_resource upstream;
  concurrent_pool pool(checked_options(), &upstream);
  worker other;
  std::vector<const void*> blocks = allocate_many(pool, 1000, 64);
  other.run([&] { free_all(pool, blocks, 64); });
  BOOST_TEST(test::cached_in(pool) == 0u);
  BOOST_TEST(pool.caches().empty());
  BOOST_TEST(caches_from(upstream) == 0u);
  BOOST_TEST(adds_up(pool));
}

BOOST_AUTO_TEST_CASE(zero_on_free_leaves_nothing_of_what_was_in_a_block) {
  pool_options options;
  options.zero_on_free = true;
  concurrent_pool pool(options, std::pmr::new_delete_resource());
  worker other;
  std::vector<void*> blocks;
  for (int i = 0; i < 500; ++i) {
    blocks.push_back(pool.allocate(200));
    fill(blocks.back(), 200, 7);
  }
  other.run([&] {
    for (void* const block : blocks) pool.deallocate(block, 200);
  });
  if (have_magazines()) {
    for (const void* const block : blocks) {  // the pool may use it for itself now
      const auto* const first = static_cast<const unsigned char*>(block);
      BOOST_REQUIRE((std::search_n(first, first + 200, 8, 7) == first + 200));
    }
  }
  BOOST_TEST(adds_up(pool));
}

// ---- when the upstream refuses

BOOST_AUTO_TEST_CASE(a_call_that_fails_has_changed_nothing_whichever_request_was_refused) {
  for (const bool checked : {false, true}) {
    for (const bool exact : {false, true}) {
      for (const auto rule : {failing_resource::rule::once, failing_resource::rule::from_then_on}) {
        pool_options options = exact ? exact_options() : pool_options();
        options.checked = checked;
        options.first_chunk = 1024;  // so that there are many
        options.largest_chunk = 1024;
        std::size_t failures = 0;
        for (std::size_t nth = 1;; ++nth) {
          counting_resource counting;
          failing_resource upstream(&counting);
          concurrent_pool pool(options, &upstream);
          worker other;
          bool fired = false;
          std::vector<std::pair<void*, std::size_t>> live;
          upstream.fail_at(nth, rule);
          const auto attempt = [&](std::size_t bytes) {
            const pool_state before = state_of(pool, counting);
            void* p = nullptr;
            try {
              p = pool.allocate(bytes);
            } catch (const testing::injected_failure&) {
              ++failures;
              fired = true;
              // Magazines no thread has may have been emptied, in the hope that this is enough.
              const pool_state after = state_of(pool, counting);
              BOOST_TEST((after.upstream == before.upstream), "request " << nth << ", " << bytes << " bytes");
              BOOST_TEST(after.usage.used == before.usage.used);
              BOOST_TEST(after.usage.reserved == before.usage.reserved);
              BOOST_TEST(after.available >= before.available);
              BOOST_TEST(adds_up(
                  pool, pool.usage().used - [&] {
                    std::size_t small = 0;
                    for (const pool_bin bin : pool.bins()) small += bin.live * bin.block_bytes;
                    return small;
                  }()));
              upstream.fail_at(0);
              p = pool.allocate(bytes);  // works now
            }
            fill(p, bytes, static_cast<unsigned>(live.size()));
            live.emplace_back(p, bytes);
          };
          for (const std::size_t bytes : {30U, 64U, 300U}) attempt(bytes);
          attempt(100000);
          other.run([&] { attempt(64); });
          for (std::size_t i = 0; i < test::rounds(150, 40); ++i) attempt(500);
          std::thread([&] { attempt(200); }).join();
          other.run([&] { attempt(400); });
          attempt(200000);
          std::thread([&] { attempt(32); }).join();  // with a cache that was another's
          const bool reached = upstream.fired() || fired;
          upstream.fail_at(0);
          for (std::size_t i = 0; i < live.size(); ++i) {
            BOOST_REQUIRE(all_are(live[i].first, live[i].second, static_cast<unsigned>(i)));
            pool.deallocate(live[i].first, live[i].second);
          }
          BOOST_TEST(adds_up(pool));
          pool.release();
          BOOST_TEST(counting.live_blocks() == 0u);
          BOOST_TEST(counting.mismatches().empty());
          if (!reached) break;
        }
        BOOST_TEST(failures > 5u);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_thread_that_gets_no_cache_is_served_without) {
  if (!have_magazines()) return test::skip("a memory tool leaves no magazines");
  counting_resource counting;
  failing_resource upstream(&counting);
  concurrent_pool pool(&upstream);
  pool.preallocate(64, 10);  // so that it is large enough for a cache
  upstream.fail_at(1);       // its cache
  void* const p = pool.allocate(64);
  BOOST_TEST(upstream.fired());
  upstream.fail_at(0);
  BOOST_TEST(pool.caches().empty());
  BOOST_TEST(caches_from(counting) == 0u);
  BOOST_TEST(bin_for(pool, 64).live == 1u);
  BOOST_TEST(bin_for(pool, 64).cached == 0u);
  // Freeing needs none either.
  upstream.fail_at(1);
  pool.deallocate(p, 64);
  BOOST_TEST(upstream.fired());
  upstream.fail_at(0);
  BOOST_TEST(bin_for(pool, 64).live == 0u);
  BOOST_TEST(bin_for(pool, 64).cached == 0u);
  BOOST_TEST(adds_up(pool));
  pool.deallocate(pool.allocate(64), 64);
  BOOST_TEST(pool.caches().size() == 1u);
  BOOST_TEST(caches_from(counting) == 1u);
}

BOOST_AUTO_TEST_CASE(a_request_that_fails_gives_the_cache_made_for_it_back_unless_it_was_anothers) {
  if (!have_magazines()) return test::skip("a memory tool leaves no magazines");
  counting_resource counting;
  failing_resource upstream(&counting);
  concurrent_pool pool(&upstream);
  void* const large = pool.allocate(1_MiB);  // a pool that is large enough for a cache, and has no free block
  const pool_state empty = state_of(pool, counting);
  const std::size_t asked = counting.allocations();
  upstream.fail_at(2, failing_resource::rule::from_then_on);
  BOOST_CHECK_THROW((void)pool.allocate(64), testing::injected_failure);
  BOOST_TEST(counting.allocations() > asked);  // the cache
  BOOST_TEST((state_of(pool, counting) == empty));
  upstream.fail_at(0);
  pool.deallocate(large, 1_MiB);
  std::thread([&] { pool.deallocate(pool.allocate(64), 64); }).join();
  std::thread([&] { pool.deallocate(pool.allocate(64), 64); }).join();
  BOOST_TEST(caches_from(counting) == 1u);
  (void)allocate_many(pool, bin_for(pool, 64).bytes / 64, 64);
  const pool_state before = state_of(pool, counting);
  std::thread([&] {
    upstream.fail_at(1, failing_resource::rule::from_then_on);
    try {
      (void)allocate_many(pool, 10000, 32000);
      BOOST_ERROR("nothing failed");
    } catch (const testing::injected_failure&) {
    }
    upstream.fail_at(0);
  }).join();
  BOOST_TEST(adds_up(pool));
  BOOST_TEST(state_of(pool, counting).upstream.blocks == before.upstream.blocks);
}

BOOST_AUTO_TEST_CASE(a_size_no_object_can_have_is_refused_whatever_the_upstream_would_do) {
  // libstdc++'s new_delete_resource() rounds such sizes up, to 0, and returns a block.
  class generous final : public std::pmr::memory_resource {
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
      return std::pmr::new_delete_resource()->allocate(bytes > 1_GiB ? 1 : bytes, alignment);
    }
    void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
      std::pmr::new_delete_resource()->deallocate(p, bytes > 1_GiB ? 1 : bytes, alignment);
    }
    bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
  } upstream;
  for (const bool checked : {false, true}) {
    concurrent_pool pool(checked_options(checked), &upstream);
    for (const std::size_t bytes : {~std::size_t{0}, ~std::size_t{0} - 15, ~std::size_t{0} / 2 + 1}) {
      for (const std::size_t alignment : {std::size_t{1}, std::size_t{16}, std::size_t{4096}})
        BOOST_CHECK_THROW((void)pool.allocate(bytes, alignment), std::bad_alloc);
      BOOST_TEST(pool.try_allocate(bytes) == nullptr);
    }
    BOOST_TEST(pool.usage().used == 0u);
  }
}

BOOST_AUTO_TEST_CASE(try_allocate_refuses_invalid_alignments_with_blocks_at_hand_too) {
  concurrent_pool pool;
  std::vector<void*> blocks;
  for (int i = 0; i < 1000; ++i) blocks.push_back(pool.allocate(64));
  for (void* const each : blocks) pool.deallocate(each, 64);
  for (const std::size_t alignment : {std::size_t{0}, std::size_t{3}, std::size_t{24}, ~std::size_t{0}})
    BOOST_TEST(pool.try_allocate(64, alignment) == nullptr);
}

BOOST_AUTO_TEST_CASE(try_allocate_returns_null_instead) {
  counting_resource counting;
  failing_resource upstream(&counting);
  concurrent_pool pool(&upstream);
  upstream.fail_at(1, failing_resource::rule::from_then_on);
  BOOST_TEST(pool.try_allocate(64) == nullptr);
  BOOST_TEST(pool.try_allocate(100000) == nullptr);
  BOOST_TEST(pool.usage() == memory_usage{});
  upstream.fail_at(0);
  void* const p = pool.try_allocate(64);
  BOOST_TEST(p != nullptr);
  pool.deallocate(p, 64);
}

BOOST_AUTO_TEST_SUITE_END()
