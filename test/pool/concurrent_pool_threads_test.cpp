// concurrent_pool among threads: contents, held memory, instances that come and go.

#include <algorithm>
#include <allot/core/byte_size.hpp>
#include <allot/pool/concurrent_pool.hpp>
#include <allot/testing/counting_resource.hpp>
#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <new>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "pool/concurrent_pool_support.hpp"
#include "support/bytes.hpp"
#include "support/usage.hpp"
#include "support/worker.hpp"

using namespace allot;
using namespace allot::literals;
using namespace allot::test;
using testing::counting_resource;

namespace {

/// A block with a checksum: its length, a seed, and bytes that follow from it.
struct parcel {
  std::uint32_t* words = nullptr;
  std::size_t bytes = 0;

  static parcel make(std::pmr::memory_resource& memory, std::size_t bytes, std::uint32_t seed) {
    parcel made{static_cast<std::uint32_t*>(memory.allocate(bytes, 4)), bytes};
    for (std::size_t i = 0; i < bytes / 4; ++i) made.words[i] = seed + static_cast<std::uint32_t>(i) * 2654435761U;
    return made;
  }
  bool intact() const {
    for (std::size_t i = 1; i < bytes / 4; ++i)
      if (words[i] != words[0] + static_cast<std::uint32_t>(i) * 2654435761U) return false;
    return true;
  }
  void give_back(std::pmr::memory_resource& memory) { memory.deallocate(words, bytes, 4); }
};

/// Where threads leave blocks for each other.
class exchange {
 public:
  explicit exchange(std::size_t slots) : slots_(slots) {}
  parcel swap(std::size_t at, parcel mine) {
    slot& there = slots_[at % slots_.size()];
    const std::lock_guard lock(there.mutex);
    return std::exchange(there.held, mine);
  }
  template <class Visit>
  void drain(Visit visit) {
    for (slot& each : slots_)
      if (each.held.words != nullptr) visit(each.held);
  }

 private:
  struct slot {
    std::mutex mutex;
    parcel held;
  };
  std::deque<slot> slots_;
};

std::size_t some_size(std::mt19937& random) {
  const std::size_t kind = random() % 100;
  if (kind < 80) return 4 * (random() % 64 + 1);
  if (kind < 98) return 4 * (random() % 1000 + 1);
  return 4 * (random() % 10000 + 1);
}

/// Threads that each keep some blocks, replace them at random, and pass some on; every block is checked when it goes.
void run_mix(concurrent_pool& pool, std::size_t threads, std::size_t steps, bool passing_on) {
  exchange others(64);
  std::atomic<std::size_t> damaged{0};
  in_threads(threads, [&](std::size_t number) {
    std::mt19937 random(static_cast<unsigned>(number) + 1);
    std::vector<parcel> mine(200);
    std::size_t wrong = 0;
    for (std::size_t step = 0; step < steps; ++step) {
      parcel& one = mine[random() % mine.size()];
      if (passing_on && random() % 4 == 0) one = others.swap(random() % 64, one);
      if (one.words != nullptr) {
        wrong += one.intact() ? 0U : 1U;
        one.give_back(pool);
      }
      one = parcel::make(pool, some_size(random), static_cast<std::uint32_t>(random()));
    }
    for (parcel& one : mine) {
      if (one.words == nullptr) continue;
      wrong += one.intact() ? 0U : 1U;
      one.give_back(pool);
    }
    damaged += wrong;
  });
  others.drain([&](parcel& one) {
    damaged += one.intact() ? 0U : 1U;
    one.give_back(pool);
  });
  BOOST_TEST(damaged == 0u);
}

void expect_contents_stay(std::size_t threads) {
  for (const bool checked : {false, true}) {
    for (const bool at_once : {false, true}) {
      pool_options options = checked_options(checked);
      if (at_once) options.returns = chunk_return::at_once;
      options.keep_spare = !at_once;
      test::unlocked_upstream upstream;
      {
        concurrent_pool pool(options, &upstream);
        const std::size_t steps = test::rounds(250000, 20000) / threads;
        run_mix(pool, threads, steps, false);
        run_mix(pool, threads, steps, true);
        BOOST_TEST(pool.usage().used == 0u);
        BOOST_TEST(test::cached_in(pool) <=
                   (have_magazines() && !checked ? pool.bins().size() * test::most_cached(16, threads + 1) : 0));
        BOOST_TEST(adds_up(pool));
        (void)pool.trim();
        BOOST_TEST(upstream.live() == 0u);
        run_mix(pool, threads, 200, true);  // and on
      }
      BOOST_TEST(upstream.live() == 0u);
      BOOST_TEST(!upstream.was_shared());
    }
  }
}

/// A queue for one thread that puts and one that takes.
class block_queue {
 public:
  static constexpr std::size_t room = 4096;
  void put(void* p) {
    while (head_ - tail_.load(std::memory_order_acquire) == room) std::this_thread::yield();
    slots_[head_ % room] = p;
    published_.store(++head_, std::memory_order_release);
  }
  void* take() {
    const std::size_t at = tail_.load(std::memory_order_relaxed);
    while (published_.load(std::memory_order_acquire) == at) std::this_thread::yield();
    void* const p = slots_[at % room];
    tail_.store(at + 1, std::memory_order_release);
    return p;
  }

 private:
  std::array<void*, room> slots_{};
  alignas(64) std::size_t head_ = 0;
  alignas(64) std::atomic<std::size_t> published_{0};
  alignas(64) std::atomic<std::size_t> tail_{0};
};

/// What a pool may hold by its class comment, for `live` blocks of one size and so many threads: the blocks, the
/// magazines with what they take themselves, and of unused slabs one, in chunks of 64 KiB or an eighth.
std::size_t bound(std::size_t block_bytes, std::size_t live, std::size_t threads) {
  const std::size_t blocks = live + test::most_cached(block_bytes, threads);
  const std::size_t slabs = blocks * block_bytes + 64_KiB;
  const std::size_t headers = slabs / 16 + test::most_cached(block_bytes, threads) * sizeof(void*) * 2;
  return (slabs + headers) / 8 * 9 + 64_KiB + threads * thread_cache::bytes();
}

/// Every few calls, what is held now.
class held_watch {
 public:
  explicit held_watch(const concurrent_pool& pool) : pool_(pool) {}
  void look() {
    const memory_usage usage = pool_.usage();
    most_ = std::max(most_, usage.reserved);
  }
  std::size_t most() const { return most_; }

 private:
  const concurrent_pool& pool_;
  std::size_t most_ = 0;
};

/// Waits in one of its calls. What it is told by orders nothing, so that all order ThreadSanitizer sees is the pool's.
class slow_upstream final : public std::pmr::memory_resource {
 public:
  void wait_in(int call) { calls_left_.store(call, std::memory_order_relaxed); }
  bool somebody_waits() const { return waits_.load(std::memory_order_relaxed); }
  void go_on() { waits_.store(false, std::memory_order_relaxed); }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (calls_left_.fetch_sub(1, std::memory_order_relaxed) == 1)
      for (waits_.store(true, std::memory_order_relaxed); waits_.load(std::memory_order_relaxed);)
        std::this_thread::yield();
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    std::pmr::new_delete_resource()->deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  std::atomic<int> calls_left_{0};
  std::atomic<bool> waits_{false};
};

/// Room for a pool, to have several at one address one after the other.
class pool_place {
 public:
  concurrent_pool& make(std::pmr::memory_resource& upstream) { return *::new (&room_) concurrent_pool(&upstream); }
  void destroy() { std::launder(reinterpret_cast<concurrent_pool*>(&room_))->~concurrent_pool(); }

 private:
  alignas(concurrent_pool) std::byte room_[sizeof(concurrent_pool)];
};

}  // namespace

BOOST_AUTO_TEST_SUITE(concurrent_pool_threads)

// ---- contents

BOOST_AUTO_TEST_CASE(contents_stay_with_one_thread) { expect_contents_stay(1); }
BOOST_AUTO_TEST_CASE(contents_stay_with_2_threads) { expect_contents_stay(2); }
BOOST_AUTO_TEST_CASE(contents_stay_with_8_threads) { expect_contents_stay(8); }
BOOST_AUTO_TEST_CASE(contents_stay_with_64_threads) { expect_contents_stay(64); }

BOOST_AUTO_TEST_CASE(containers_of_many_threads_share_a_pool) {
  concurrent_pool pool(std::pmr::new_delete_resource());
  std::atomic<bool> good{true};
  in_threads(4, [&](std::size_t number) {
    for (std::size_t round = 0; round < test::rounds(20, 3); ++round) {
      std::pmr::vector<std::pmr::string> words(&pool);
      for (std::size_t i = 0; i < 2000; ++i) words.emplace_back(i % 100, static_cast<char>('a' + number));
      for (std::size_t i = 0; i < words.size(); ++i)
        if (words[i].size() != i % 100 ||
            (i % 100 != 0 && !all_are(words[i].data(), i % 100, 'a' + static_cast<unsigned>(number))))
          good = false;
    }
  });
  BOOST_TEST(good);
  BOOST_TEST(pool.usage().used == 0u);
  BOOST_TEST(adds_up(pool));
}

BOOST_AUTO_TEST_CASE(the_upstream_is_called_under_the_lock) {
  test::unlocked_upstream upstream;
  pool_options options;
  options.first_chunk = 1024;
  options.largest_chunk = 8_KiB;
  options.returns = chunk_return::at_once;
  options.keep_spare = false;
  {
    concurrent_pool pool(options, &upstream);
    for (int batch = 0; batch < 3; ++batch) {  // with caches made, taken over and given back
      in_threads(8, [&](std::size_t number) {
        for (std::size_t i = 0; i < test::rounds(40, 20); ++i) {
          std::vector<const void*> blocks = allocate_many(pool, 50, 100 + 200 * number);
          void* const big = pool.allocate(50000);
          free_all(pool, blocks, 100 + 200 * number);
          pool.deallocate(big, 50000);
          if (i % 16 == 0) (void)pool.trim();
          if (i % 16 == 8) pool.preallocate(700, 20);
        }
      });
      (void)pool.trim();
    }
    BOOST_TEST(upstream.calls() > 1000u);
    BOOST_TEST(adds_up(pool));
  }
  BOOST_TEST(!upstream.was_shared());
  BOOST_TEST(upstream.live() == 0u);
}

BOOST_AUTO_TEST_CASE(one_may_look_while_others_work) {
  concurrent_pool pool(std::pmr::new_delete_resource());
  std::atomic<std::size_t> working{2};
  std::atomic<bool> sound{true};
  const std::vector<const void*> kept = allocate_many(pool, 100, 64);
  std::thread looking([&] {
    while (working != 0) {
      const memory_usage usage = pool.usage();
      bool good = usage.used <= usage.peak && usage.used <= usage.committed && usage.wasted <= usage.committed;
      good = good && pool.available() <= usage.committed * 4 + 64_MiB && pool.owns(kept[0]) && !pool.owns(&pool);
      for (const pool_bin bin : pool.bins()) {
        // What threads do meanwhile may be seen half done, but not more than there is.
        good = good && bin.cached <= 2 * test::most_cached(bin.block_bytes, 3) && bin.waste <= bin.bytes;
      }
      for (const cached_blocks& each : pool.caches(std::pmr::new_delete_resource()))
        good = good && each.blocks <= 3 * magazine_of(each.block_bytes);
      if (!good) sound = false;
    }
  });
  in_threads(2, [&](std::size_t) {
    for (std::size_t round = 0; round < test::rounds(3000, 100); ++round) {
      // A new thread each time, so that magazines are used for the first time, too.
      for (std::size_t bytes = 16; bytes <= 4096; bytes += 64) {
        std::vector<const void*> some = allocate_many(pool, 3, bytes);
        free_all(pool, some, bytes);
      }
    }
    --working;
  });
  looking.join();
  BOOST_TEST(sound);
  BOOST_TEST(adds_up(pool));
}

BOOST_AUTO_TEST_CASE(one_may_look_while_threads_use_their_magazines_for_the_first_time) {
  concurrent_pool pool(std::pmr::new_delete_resource());
  std::atomic<bool> stop{false};
  std::atomic<bool> sound{true};
  std::thread looking([&] {
    while (!stop) {
      for (const cached_blocks& each : pool.caches(std::pmr::new_delete_resource()))
        if (each.blocks > 3 * magazine_of(each.block_bytes)) sound = false;
      for (const pool_bin bin : pool.bins())
        if (bin.cached > 1000000) sound = false;
      if (pool.available() > 1_GiB) sound = false;
    }
  });
  for (std::size_t round = 0; round < test::rounds(300, 30); ++round) {
    std::thread([&] {
      for (std::size_t bytes = 16; bytes <= 4096; bytes += 16) pool.deallocate(pool.allocate(bytes), bytes);
    }).join();
    (void)pool.trim();  // the next thread starts with a new cache
  }
  stop = true;
  looking.join();
  BOOST_TEST(sound);
  BOOST_TEST(adds_up(pool));
}

BOOST_AUTO_TEST_CASE(one_may_look_while_a_thread_frees_its_first_block_of_a_size) {
  for (int round = 0; round < 30; ++round) {  // ThreadSanitizer remembers only some of what it saw
    concurrent_pool pool(std::pmr::new_delete_resource());
    worker other;
    other.run([&] { pool.deallocate(pool.allocate(500), 500); });  // it has its cache
    void* const p = pool.allocate(64);
    std::atomic<bool> go{false};  // orders nothing, so that all order seen is the pool's
    other.start([&] {
      while (!go.load(std::memory_order_relaxed)) std::this_thread::yield();
      pool.deallocate(p, 64);
    });
    BOOST_TEST(bin_for(pool, 64).live == 1u);
    go.store(true, std::memory_order_relaxed);
    other.wait();
    BOOST_TEST(bin_for(pool, 64).live == 0u);
  }
}

BOOST_AUTO_TEST_CASE(the_first_pooled_request_may_come_while_others_free_large_blocks) {
  static constexpr std::size_t sizes[] = {64, 512};
  pool_options options;
  options.spacing = size_spacing::exact;  // the table of sizes is made by the first request
  options.sizes = sizes;
  options.size_count = 2;
  slow_upstream upstream;
  concurrent_pool pool(options, &upstream);
  worker other;
  void* p = nullptr;
  other.run([&] { p = pool.allocate(100000); });
  worker first;
  upstream.wait_in(2);  // the table is made, and a chunk asked for
  first.start([&] { pool.deallocate(pool.allocate(64), 64); });
  while (!upstream.somebody_waits()) std::this_thread::yield();
  other.start([&] { pool.deallocate(p, 100000); });
  (void)other.done_within(std::chrono::milliseconds(20));
  upstream.go_on();
  first.wait();
  other.wait();
  BOOST_TEST(pool.usage().used == 0u);
  BOOST_TEST(adds_up(pool));
}

// ---- held memory

BOOST_AUTO_TEST_CASE(short_threads_that_leave_a_block_each_leave_held_memory_flat) {
  for (const bool checked : {false, true}) {
    counting_resource upstream;
    concurrent_pool pool(checked_options(checked), &upstream);
    std::vector<parcel> left;
    std::mutex mutex;
    std::atomic<std::size_t> awaited{0};
    const auto one_thread = [&](std::size_t number) {
      std::vector<parcel> mine;
      for (std::size_t i = 0; i < 500; ++i)
        mine.push_back(parcel::make(pool, 4 * (i % 100 + 1), static_cast<std::uint32_t>(number)));
      if (awaited != 0)
        for (--awaited; awaited != 0;) std::this_thread::yield();  // all have their blocks now
      const std::lock_guard lock(mutex);
      left.push_back(mine[number % 100]);
      mine.erase(mine.begin() + static_cast<std::ptrdiff_t>(number % 100));
      for (parcel& each : mine) each.give_back(pool);
    };
    std::size_t early = 0;
    for (std::size_t thread = 0; thread < 200; ++thread) {
      std::thread(one_thread, thread).join();
      if (thread == 20) early = upstream.live_bytes();
    }
    // 180 blocks more, of up to 400 bytes; one chunk for them, at most, is not worth mentioning.
    BOOST_TEST(upstream.live_bytes() <= early + 64_KiB);
    BOOST_TEST(caches_from(upstream) == (have_magazines() && !checked ? 1u : 0u));
    BOOST_TEST(pool.caches().empty());  // all of them have ended
    // The same in batches.
    for (std::size_t batch = 0; batch < 10; ++batch) {
      awaited = 20;
      in_threads(20, [&](std::size_t number) { one_thread(batch * 20 + number); });
      if (batch == 1) early = upstream.live_bytes();
    }
    BOOST_TEST(upstream.live_bytes() <= early + early / 8);  // again one chunk, an eighth of what is held
    BOOST_TEST(caches_from(upstream) <= 20u);
    BOOST_TEST(left.size() == 400u);
    for (parcel& each : left) {
      BOOST_TEST(each.intact());
      each.give_back(pool);
    }
    BOOST_TEST(adds_up(pool));
    (void)pool.trim();
    BOOST_TEST(upstream.live_blocks() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(where_one_thread_allocates_and_another_frees_held_memory_stays_within_the_bound) {
  const std::size_t count = test::rounds(10'000'000, 200'000);
  for (const std::size_t bytes : {std::size_t{64}, std::size_t{1024}}) {
    counting_resource upstream;
    concurrent_pool pool(&upstream);
    block_queue blocks;
    held_watch held(pool);
    std::atomic<bool> good{true};
    const std::size_t share = bytes == 64 ? count - count / 10 : count / 10;
    std::thread taking([&] {
      for (std::size_t i = 0; i < share; ++i) {
        auto* const p = static_cast<std::uint64_t*>(blocks.take());
        if (*p != i) good = false;
        pool.deallocate(p, bytes);
      }
    });
    for (std::size_t i = 0; i < share; ++i) {
      auto* const p = static_cast<std::uint64_t*>(pool.allocate(bytes));
      *p = i;
      blocks.put(p);
      if (i % 4096 == 0) held.look();
    }
    taking.join();
    held.look();
    BOOST_TEST(good);
    BOOST_TEST(pool.usage().used == 0u);
    const std::size_t block_bytes = bin_for(pool, bytes).block_bytes;
    BOOST_TEST(held.most() <= bound(block_bytes, block_queue::room + 2, 2));
    BOOST_TEST(upstream.peak_bytes() <= bound(block_bytes, block_queue::room + 2, 2));
    BOOST_TEST(adds_up(pool));
    BOOST_TEST(pool.trim() > 0u);
    BOOST_TEST(upstream.live_blocks() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(the_depot_keeps_no_more_than_the_bound_says) {
  counting_resource upstream;
  concurrent_pool pool(&upstream);
  std::vector<std::unique_ptr<worker>> workers;
  for (std::size_t threads = 1; threads <= 8; ++threads) {
    workers.push_back(std::make_unique<worker>());
    std::vector<const void*> blocks;
    workers.back()->run([&] { blocks = allocate_many(pool, 100 * magazine_of(64), 64); });
    workers.front()->run([&] { free_all(pool, blocks, 64); });
    BOOST_TEST(bin_for(pool, 64).cached <= test::most_cached(64, threads));
    BOOST_TEST(adds_up(pool));
  }
}

BOOST_AUTO_TEST_CASE(a_thread_that_ends_gives_its_blocks_to_all) {
  pool_options options;
  options.returns = chunk_return::at_once;
  options.keep_spare = false;
  counting_resource upstream;
  concurrent_pool pool(options, &upstream);
  worker other;
  std::vector<const void*> blocks;
  other.run([&] {
    for (std::size_t bytes = 16; bytes <= 32_KiB; bytes *= 2) {
      blocks = allocate_many(pool, 300, bytes);
      free_all(pool, blocks, bytes);
    }
  });
  if (have_magazines()) BOOST_TEST(test::cached_in(pool) > 0u);
  other.end();
  (void)pool.trim();
  BOOST_TEST(test::cached_in(pool) == 0u);
  BOOST_TEST(upstream.live_bytes() <= caches_from(upstream) * thread_cache::bytes() + 4_KiB);  // and a list of chunks
  BOOST_TEST(adds_up(pool));
  (void)pool.trim();
  BOOST_TEST(upstream.live_blocks() == 0u);
}

// ---- instances

BOOST_AUTO_TEST_CASE(instances_come_and_go_while_others_are_in_use) {
  counting_resource upstream;
  {
    concurrent_pool lasting(&upstream);
    std::atomic<bool> good{true};
    in_threads(6, [&](std::size_t number) {
      std::mt19937 random(static_cast<unsigned>(number));
      std::vector<parcel> kept(50);
      for (std::size_t round = 0; round < test::rounds(300, 40); ++round) {
        concurrent_pool own(&upstream);
        if (number % 2 == 0) {
          for (int i = 0; i < 100; ++i) {
            parcel& one = kept[random() % kept.size()];
            if (one.words != nullptr) {
              if (!one.intact()) good = false;
              one.give_back(lasting);
            }
            one = parcel::make(lasting, some_size(random), static_cast<std::uint32_t>(random()));
          }
        }
        std::vector<const void*> blocks = allocate_many(own, 100, number * 16 + 16);
        for (const void* const block : blocks) fill(const_cast<void*>(block), number * 16 + 16, 5);
        free_all(own, blocks, number * 16 + 16);
        if (round % 8 == 0) {
          std::thread([&] { own.deallocate(own.allocate(64), 64); }).join();
          own.release();
          own.deallocate(own.allocate(64), 64);
        }
      }
      for (parcel& one : kept)
        if (one.words != nullptr) one.give_back(lasting);
    });
    BOOST_TEST(good);
    BOOST_TEST(lasting.usage().used == 0u);
    BOOST_TEST(adds_up(lasting));
  }
  BOOST_TEST(upstream.live_blocks() == 0u);
  BOOST_TEST(upstream.mismatches().empty());
}

BOOST_AUTO_TEST_CASE(pools_may_go_while_threads_end_that_used_them) {
  counting_resource upstream;
  for (std::size_t round = 0; round < test::rounds(500, 100); ++round) {
    auto pool = std::make_unique<concurrent_pool>(&upstream);
    std::atomic<std::size_t> used{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
      threads.emplace_back([&, at = &*pool] {
        for (const std::size_t bytes : {std::size_t{64}, std::size_t{600}}) at->deallocate(at->allocate(bytes), bytes);
        ++used;
      });
    while (used != 3) std::this_thread::yield();
    if (round % 2 == 0) {
      pool->release();
      pool->deallocate(pool->allocate(64), 64);
    }
    pool.reset();
    for (std::thread& thread : threads) thread.join();
  }
  BOOST_TEST(upstream.live_blocks() == 0u);
  BOOST_TEST(upstream.mismatches().empty());
}

BOOST_AUTO_TEST_CASE(a_pool_at_the_address_of_one_that_is_gone_is_another) {
  worker other;
  pool_place place;
  pool_place elsewhere;
  counting_resource first_upstream;
  concurrent_pool& first = place.make(first_upstream);
  const auto use = [](concurrent_pool& pool) {
    std::vector<const void*> blocks = allocate_many(pool, 300, 64);
    free_all(pool, blocks, 64);
  };
  use(first);
  other.run([&] { use(first); });
  place.destroy();
  BOOST_TEST(first_upstream.live_blocks() == 0u);
  for (int round = 0; round < 10; ++round) {
    counting_resource upstream;
    counting_resource its;
    // Another takes over the number the first one had, so that the one at the old address gets a new one, or so.
    if (round % 2 == 0) use(elsewhere.make(its));
    concurrent_pool& pool = place.make(upstream);
    void* p = nullptr;
    other.run([&] { p = pool.allocate(64); });
    BOOST_TEST(pool.owns(p));
    BOOST_TEST(bin_for(pool, 64).live == 1u);
    void* const q = pool.allocate(64);
    BOOST_TEST(pool.owns(q));
    BOOST_TEST(p != q);
    pool.deallocate(p, 64);
    other.run([&] { pool.deallocate(q, 64); });
    BOOST_TEST(caches_from(upstream) == (have_magazines() ? 2u : 0u));
    BOOST_TEST(pool.usage().used == 0u);
    BOOST_TEST(adds_up(pool));
    if (round % 2 == 0) {
      elsewhere.destroy();
    }
    place.destroy();
    BOOST_TEST(upstream.live_blocks() == 0u);
    BOOST_TEST(upstream.mismatches().empty());
    BOOST_TEST(its.live_blocks() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(a_thread_that_ends_leaves_pools_alone_that_took_the_place_of_its_own) {
  counting_resource upstream;
  pool_place place;
  for (int round = 0; round < 10; ++round) {
    worker other;
    concurrent_pool& first = place.make(upstream);
    other.run([&] { first.deallocate(first.allocate(64), 64); });
    if (round % 2 == 0) {
      place.destroy();
    } else {
      first.release();
    }
    concurrent_pool& second = round % 2 == 0 ? place.make(upstream) : first;
    std::vector<const void*> blocks = allocate_many(second, 10, 64);
    const std::size_t cached = bin_for(second, 64).cached;
    other.end();
    BOOST_TEST(bin_for(second, 64).cached == cached);
    BOOST_TEST(adds_up(second));
    free_all(second, blocks, 64);
    BOOST_TEST(second.usage().used == 0u);
    place.destroy();
    BOOST_TEST(upstream.live_blocks() == 0u);
  }
  BOOST_TEST(upstream.mismatches().empty());
}

BOOST_AUTO_TEST_CASE(five_thousand_instances_are_alive) {
  constexpr std::size_t count = 5000;
  counting_resource upstream;
  {
    std::deque<concurrent_pool> pools;
    for (std::size_t i = 0; i < count; ++i) pools.emplace_back(&upstream);
    BOOST_TEST(upstream.allocations() == 0u);
    worker other;
    std::vector<void*> mine(count);
    std::vector<void*> its(count);
    for (std::size_t i = 0; i < count; ++i) fill(mine[i] = pools[i].allocate(32), 32, static_cast<unsigned>(i));
    other.run([&] {
      for (std::size_t i = count; i-- > 0;) fill(its[i] = pools[i].allocate(32), 32, static_cast<unsigned>(i + 1));
    });
    bool good = true;
    for (std::size_t i = 0; i < count; ++i) {
      good =
          good && all_are(mine[i], 32, static_cast<unsigned>(i)) && all_are(its[i], 32, static_cast<unsigned>(i + 1));
      good = good && pools[i].owns(mine[i]) && pools[i].owns(its[i]) && bin_for(pools[i], 32).live == 2;
      pools[i].deallocate(its[i], 32);
    }
    other.run([&] {
      for (std::size_t i = 0; i < count; ++i) pools[i].deallocate(mine[i], 32);
    });
    BOOST_TEST(good);
    // However far their tables had to grow, both threads kept the one cache they had in each.
    if (have_magazines()) BOOST_TEST(caches_from(upstream) == 2 * count);
    good = true;
    for (const concurrent_pool& pool : pools) good = good && pool.usage().used == 0 && adds_up(pool);
    BOOST_TEST(good);
    other.end();
    good = true;
    for (concurrent_pool& pool : pools) {
      (void)pool.trim();
      good = good && pool.usage().reserved == 0;
    }
    BOOST_TEST(good);
    BOOST_TEST(upstream.live_blocks() == 0u);
    // Every second one goes, and others take their numbers.
    std::vector<std::unique_ptr<concurrent_pool>> more;
    for (std::size_t i = 0; i < 100; ++i) {
      concurrent_pool gone(&upstream);
      gone.deallocate(gone.allocate(32), 32);
      more.push_back(std::make_unique<concurrent_pool>(&upstream));
      (void)more.back()->allocate(32);
    }
    for (const auto& pool : more) BOOST_TEST(bin_for(*pool, 32).live == 1u);
  }
  BOOST_TEST(upstream.live_blocks() == 0u);
  BOOST_TEST(upstream.mismatches().empty());
}

// ---- release and abandon while other threads hold caches

BOOST_AUTO_TEST_CASE(after_release_threads_that_held_caches_go_on) {
  for (const bool checked : {false, true}) {
    counting_resource upstream;
    concurrent_pool pool(checked_options(checked), &upstream);
    std::array<worker, 3> others;
    for (int round = 0; round < 5; ++round) {
      for (worker& other : others)
        other.run([&] {
          std::vector<const void*> blocks = allocate_many(pool, 1000, 64);
          blocks.resize(900);  // the rest stays out
          free_all(pool, blocks, 64);
          (void)pool.allocate(100000);
        });
      if (!checked && have_magazines()) BOOST_TEST(pool.caches().size() == 3u);
      pool.release();
      BOOST_TEST(upstream.live_blocks() == 0u);
      BOOST_TEST(pool.usage() == memory_usage{});
      BOOST_TEST(pool.caches().empty());
      BOOST_TEST(pool.check());
      pool.release();
      for (worker& other : others)
        other.run([&] {
          void* const p = pool.allocate(64);
          BOOST_TEST(pool.owns(p));
          pool.deallocate(p, 64);
        });
      BOOST_TEST(pool.usage().used == 0u);
      BOOST_TEST(caches_from(upstream) == (have_magazines() && !checked ? 3u : 0u));
      BOOST_TEST(adds_up(pool));
    }
    BOOST_TEST(upstream.mismatches().empty());
  }
}

BOOST_AUTO_TEST_CASE(release_gives_idle_caches_and_the_depot_back_as_well) {
  counting_resource upstream;
  concurrent_pool pool(&upstream);
  std::vector<const void*> blocks = allocate_many(pool, 5000, 64);
  std::thread([&] { free_all(pool, blocks, 64); }).join();
  pool.release();
  BOOST_TEST(upstream.live_blocks() == 0u);
  BOOST_TEST(test::cached_in(pool) == 0u);
  blocks = allocate_many(pool, 5000, 64);
  BOOST_TEST(bin_for(pool, 64).live == 5000u);
  BOOST_TEST(adds_up(pool));
  std::sort(blocks.begin(), blocks.end());
  BOOST_TEST((std::adjacent_find(blocks.begin(), blocks.end()) == blocks.end()));
}

BOOST_AUTO_TEST_CASE(after_abandon_all_threads_start_anew) {
  for (const bool checked : {false, true}) {
    counting_resource upstream;
    concurrent_pool pool(checked_options(checked), &upstream);
    worker other;
    std::thread([&] { pool.deallocate(pool.allocate(64), 64); }).join();  // leaves an idle cache
    std::vector<const void*> blocks = allocate_many(pool, 5000, 64);
    other.run([&] { free_all(pool, blocks, 64); });
    (void)pool.allocate(100000);
    const std::size_t returned = upstream.deallocations();
    pool.abandon();
    BOOST_TEST(upstream.deallocations() == returned);
    BOOST_TEST(pool.usage() == memory_usage{});
    BOOST_TEST(test::cached_in(pool) == 0u);
    BOOST_TEST(pool.caches().empty());
    BOOST_TEST(pool.check());
    upstream.reclaim();
    other.run([&] { blocks = allocate_many(pool, 300, 64); });
    const void* const p = pool.allocate(64);
    BOOST_TEST(pool.usage().reserved == upstream.live_bytes());
    BOOST_TEST(bin_for(pool, 64).live == 301u);
    free_all(pool, blocks, 64);
    pool.deallocate(const_cast<void*>(p), 64);
    BOOST_TEST(adds_up(pool));
    pool.release();
    BOOST_TEST(upstream.live_blocks() == 0u);
    BOOST_TEST(upstream.mismatches().empty());
  }
}

BOOST_AUTO_TEST_SUITE_END()
