// concurrent_pool and whoever uses its upstream besides; and which memory of it is a pool's.

#include <allot/core/byte_size.hpp>
#include <allot/pool/pool_resource.hpp>
#include <allot/testing/counting_resource.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory_resource>
#include <vector>

#include "pool/concurrent_pool_support.hpp"
#include "support/worker.hpp"

using namespace allot;
using namespace allot::literals;
using namespace allot::test;
using testing::counting_resource;

namespace {

constexpr auto long_enough = std::chrono::seconds(60);
constexpr auto a_moment = std::chrono::milliseconds(30);

/// Remembers what is out, where it lies, and how much it is.
class remembering_resource final : public std::pmr::memory_resource {
 public:
  std::map<std::byte*, std::size_t> live;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    void* const p = std::pmr::new_delete_resource()->allocate(bytes, alignment);
    live.emplace(static_cast<std::byte*>(p), bytes);
    return p;
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    live.erase(static_cast<std::byte*>(p));
    std::pmr::new_delete_resource()->deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

/// Blocks of the upstream of which the pool does not say that all their bytes are its own.
template <class Pool>
std::size_t foreign_to(const Pool& pool, const remembering_resource& upstream) {
  std::size_t foreign = 0;
  for (const auto& [begin, bytes] : upstream.live)
    if (!pool.owns(begin) || !pool.owns(begin + bytes / 2) || !pool.owns(begin + bytes - 1)) ++foreign;
  return foreign;
}

template <class Pool>
void expect_to_own_all_it_has(Pool& pool, remembering_resource& upstream) {
  std::vector<const void*> blocks = allocate_many(pool, 2000, 64);
  free_all(pool, blocks, 64);
  blocks = allocate_many(pool, 500, 200);
  BOOST_TEST(upstream.live.size() > 1u);
  BOOST_TEST(foreign_to(pool, upstream) == 0u);
  int not_of_it = 0;
  BOOST_TEST(!pool.owns(&not_of_it));
  BOOST_TEST(!pool.owns(nullptr));
  free_all(pool, blocks, 200);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(concurrent_pool_upstream)

BOOST_AUTO_TEST_CASE(while_the_upstream_is_locked_calls_that_need_it_wait) {
  for (const bool used_before : {false, true}) {
    counting_resource upstream;
    concurrent_pool pool(&upstream);
    worker other;
    if (used_before) other.run([&] { pool.deallocate(pool.allocate(64), 64); });
    const std::size_t calls = upstream.calls().size();
    void* p = nullptr;
    {
      const auto lock = pool.lock_upstream();
      BOOST_TEST(lock.owns_lock());
      other.start([&] { p = pool.allocate(100000); });
      BOOST_TEST(!other.done_within(a_moment));
      BOOST_TEST(upstream.calls().size() == calls);
      upstream.deallocate(upstream.allocate(10), 10);
    }
    BOOST_TEST(other.done_within(long_enough));
    {
      const auto lock = pool.lock_upstream();
      other.start([&] { pool.deallocate(p, 100000); });
      BOOST_TEST(!other.done_within(a_moment));
    }
    BOOST_TEST(other.done_within(long_enough));
    {
      auto lock = pool.lock_upstream();
      other.start([&] { (void)pool.trim(); });
      BOOST_TEST(!other.done_within(a_moment));
      lock.unlock();
      BOOST_TEST(other.done_within(long_enough));
    }
    BOOST_TEST(pool.usage().used == 0u);
  }
}

BOOST_AUTO_TEST_CASE(what_a_thread_has_at_hand_it_may_use_while_the_upstream_is_locked) {
  if (!have_magazines()) return test::skip("a memory tool leaves no magazines");
  concurrent_pool pool(std::pmr::new_delete_resource());
  worker other;
  other.run([&] {
    std::vector<const void*> blocks = allocate_many(pool, 2000, 64);
    free_all(pool, blocks, 64);
    pool.deallocate(pool.allocate(64), 64);
  });
  const auto lock = pool.lock_upstream();
  other.start([&] {
    for (int i = 0; i < 100; ++i) pool.deallocate(pool.allocate(64), 64);
  });
  BOOST_TEST(other.done_within(long_enough));
}

BOOST_AUTO_TEST_CASE(a_lock_lets_others_use_an_upstream_that_has_none) {
  unlocked_upstream upstream;
  pool_options options;
  options.first_chunk = 4_KiB;
  options.largest_chunk = 4_KiB;
  options.returns = chunk_return::at_once;
  options.keep_spare = false;
  {
    concurrent_pool pool(options, &upstream);
    test::in_threads(4, [&](std::size_t number) {
      for (std::size_t i = 0; i < rounds(400, 60); ++i) {
        if (number < 2) {
          std::vector<const void*> blocks = allocate_many(pool, 100, 500);
          free_all(pool, blocks, 500);
        } else {
          void* p = nullptr;
          {
            const auto lock = pool.lock_upstream();
            p = upstream.allocate(100);
          }
          const auto lock = pool.lock_upstream();
          upstream.deallocate(p, 100);
        }
      }
    });
    BOOST_TEST(adds_up(pool));
  }
  BOOST_TEST(!upstream.was_shared());
  BOOST_TEST(upstream.live() == 0u);
}

BOOST_AUTO_TEST_CASE(tables_and_caches_are_the_pools_as_well_as_chunks) {
  for (const bool checked : {false, true}) {
    for (const size_spacing spacing : {size_spacing::four_per_doubling, size_spacing::geometric}) {
      pool_options options = checked_options(checked);
      options.spacing = spacing;
      options.growth = 1.3;
      remembering_resource upstream;
      {
        pool_resource pool(options, &upstream);
        expect_to_own_all_it_has(pool, upstream);
      }
      BOOST_TEST(upstream.live.empty());
      {
        concurrent_pool pool(options, &upstream);
        worker other;
        std::vector<const void*> blocks;
        other.run([&] {
          blocks = allocate_many(pool, 2000, 64);
          free_all(pool, blocks, 64);
          pool.deallocate(pool.allocate(64), 64);
        });
        std::thread([&] { pool.deallocate(pool.allocate(64), 64); }).join();
        expect_to_own_all_it_has(pool, upstream);
      }
      BOOST_TEST(upstream.live.empty());
    }
  }
}

BOOST_AUTO_TEST_CASE(large_blocks_are_the_pools_until_they_are_freed) {
  remembering_resource upstream;
  pool_resource one(&upstream);
  void* const large = one.allocate(100000);
  BOOST_TEST(one.owns(large));
  one.deallocate(large, 100000);
  BOOST_TEST(!one.owns(large));
}

BOOST_AUTO_TEST_SUITE_END()
