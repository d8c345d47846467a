// concurrent_pool at the ends of things: of threads, of programs, of what is below it, and at forks.

#if !defined(_WIN32)
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <allot/arena/chained_arena.hpp>
#include <allot/core/byte_size.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/pool/concurrent_pool.hpp>
#include <allot/pool/pool_resource.hpp>
#include <allot/testing/counting_resource.hpp>
#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <memory_resource>
#include <thread>
#include <utility>
#include <vector>

#include "pool/concurrent_pool_support.hpp"
#include "support/access.hpp"
#include "support/bytes.hpp"
#include "support/child.hpp"
#include "support/machine.hpp"
#include "support/usage.hpp"
#include "support/worker.hpp"

using namespace allot;
using namespace allot::literals;
using namespace allot::test;
using testing::counting_resource;

namespace {

#if !defined(_WIN32)
/// In a child program: ends it where something is not as it must be.
void expect(bool good, const char* what) {
  if (good) return;
  (void)!::write(STDERR_FILENO, what, std::strlen(what));
  ::_exit(1);
}

void use(std::pmr::memory_resource& pool) {
  std::array<void*, 300> blocks{};
  for (std::size_t i = 0; i < blocks.size(); ++i) fill(blocks[i] = pool.allocate(i + 1), i + 1, 1);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    expect(all_are(blocks[i], i + 1, 1), "contents");
    pool.deallocate(blocks[i], i + 1);
  }
}

/// What a thread still does when its thread_local objects go: it has a block to free, and needs some.
struct thread_end {
  concurrent_pool* pool = nullptr;
  void* block = nullptr;
  ~thread_end() {
    if (pool == nullptr) return;
    if (block != nullptr) pool->deallocate(block, 100);
    use(*pool);
  }
};

/// A pthread key whose destructor does something after the library's own have run.
class late_key {
 public:
  explicit late_key(std::function<void()> run) : run_(std::move(run)) {
    ::pthread_key_create(&key_, [](void* p) {
      auto* const self = static_cast<late_key*>(p);
      if (++self->rounds_ < 2) {
        ::pthread_setspecific(self->key_, self);
      } else {
        self->run_();
      }
    });
  }
  ~late_key() { ::pthread_key_delete(key_); }
  late_key(const late_key&) = delete;
  late_key& operator=(const late_key&) = delete;
  void arm() const { ::pthread_setspecific(key_, this); }
  bool ran() const { return rounds_ == 2; }

 private:
  pthread_key_t key_{};
  std::function<void()> run_;
  int rounds_ = 0;
};
#endif

// ---- forks

#if !defined(_WIN32)
/// Forks again and again while other threads are in two pools, one over the other; `in_child` says what the child does.
void fork_among_threads(concurrent_pool& lower, concurrent_pool& upper, const std::function<void()>& in_child) {
  std::atomic<bool> stop{false};
  std::atomic<std::size_t> rounds{0};
  std::vector<std::thread> others;
  for (std::size_t t = 0; t < 3; ++t) {
    others.emplace_back([&, t] {
      while (!stop) {
        use(t == 0 ? lower : upper);
        if (++rounds % 16 == t) (void)upper.trim();
        concurrent_pool own(&lower);
        use(own);
      }
    });
  }
  void* const mine = upper.allocate(200);
  fill(mine, 200, 9);
  while (rounds < 30) std::this_thread::yield();
  bool good = true;
  const std::size_t times = test::rounds(40, 10);
  for (std::size_t i = 0; i < times && good; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(60);
      expect(all_are(mine, 200, 9), "the parent's contents");
      upper.deallocate(mine, 200);
      in_child();
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    good = child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    use(upper);
  }
  stop = true;
  for (std::thread& other : others) other.join();
  expect(good, "the child could not use the pools");
  expect(all_are(mine, 200, 9), "contents of the parent");
  upper.deallocate(mine, 200);
  expect(upper.usage().used == 0, "something is left in use");
  expect(adds_up(upper) && lower.check(), "the parent's pools are broken");
}

const test::child_program forks{"concurrent_pool_forks", [] {
                                  concurrent_pool lower(std::pmr::new_delete_resource());
                                  concurrent_pool upper(&lower);
                                  fork_among_threads(lower, upper, [&] {
                                    use(upper);
                                    use(lower);
                                    for (int i = 0; i < 3; ++i) std::thread([&] { use(upper); }).join();
                                    concurrent_pool fresh(&lower);
                                    test::in_threads(2, [&](std::size_t) { use(fresh); });
                                    (void)upper.trim();
                                    use(upper);
                                  });
                                }};

const test::child_program forks_and_releases{
    "concurrent_pool_forks_and_releases", [] {
      counting_resource upstream;
      counting_resource upper_upstream;
      concurrent_pool lower(&upstream);
      concurrent_pool upper(&lower);
      fork_among_threads(lower, upper, [&] {
        upper.release();
        use(upper);
        upper.release();
        lower.release();
        expect(upstream.live_blocks() == 0, "release() in the child left something");
        expect(upstream.mismatches().empty(), "release() in the child gave something wrong back");
        expect(lower.usage() == memory_usage{} && upper.usage() == memory_usage{}, "not as constructed");
        std::thread([&] { use(upper); }).join();
        use(upper);
        expect(adds_up(upper) && lower.check(), "the child's pools are broken");
      });
    }};

/// The child has the caches of threads it does not have.
const test::child_program forks_with_caches{"concurrent_pool_forks_with_caches", [] {
                                              counting_resource upstream;
                                              concurrent_pool pool(&upstream);
                                              worker other;
                                              std::vector<const void*> blocks;
                                              other.run([&] {
                                                blocks = allocate_many(pool, 1000, 64);
                                                free_all(pool, blocks, 64);
                                                blocks = allocate_many(pool, 10, 64);
                                              });
                                              const std::size_t caches = pool.caches().size();
                                              const pid_t child = ::fork();
                                              if (child == 0) {
                                                ::alarm(60);
                                                expect(pool.caches().size() == caches, "caches()");
                                                free_all(pool, blocks, 64);
                                                expect(pool.usage().used == 0, "used");
                                                use(pool);
                                                expect(adds_up(pool), "books");
                                                (void)pool.trim();
                                                pool.release();
                                                expect(upstream.live_blocks() == 0, "release()");
                                                use(pool);
                                                ::_exit(0);
                                              }
                                              int status = 0;
                                              ::waitpid(child, &status, 0);
                                              expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child");
                                              other.run([&] { free_all(pool, blocks, 64); });
                                              expect(pool.usage().used == 0 && adds_up(pool), "the parent");
                                            }};
#endif

// ---- ends of programs

/// Never destroyed.
[[maybe_unused]] concurrent_pool& immortal() {
  static auto* const pool = new concurrent_pool(std::pmr::new_delete_resource());
  return *pool;
}
[[maybe_unused]] void* kept_to_the_end = nullptr;

#if !defined(_WIN32)
void at_the_end() {
  immortal().deallocate(kept_to_the_end, 100);
  use(immortal());
  expect(immortal().usage().used == 0 && adds_up(immortal()), "the pool at exit");
  static const char done[] = "at exit: done\n";
  (void)!::write(STDERR_FILENO, done, sizeof(done) - 1);
}

const test::child_program at_exit{"concurrent_pool_at_exit", [] {
                                    std::atexit(at_the_end);
                                    static thread_end static_object;
                                    thread_local thread_end of_the_main_thread;
                                    use(immortal());
                                    static_object.pool = of_the_main_thread.pool = &immortal();
                                    static_object.block = immortal().allocate(100);
                                    of_the_main_thread.block = immortal().allocate(100);
                                    kept_to_the_end = immortal().allocate(100);
                                    worker other;  // the last to free something that way
                                    other.run([] {
                                      thread_local thread_end object;
                                      object.pool = &immortal();
                                      object.block = immortal().allocate(100);
                                    });
                                  }};

/// The first use of all is that of the handler.
const test::child_program first_used_at_exit{"concurrent_pool_first_used_at_exit", [] {
                                               std::atexit([] {
                                                 concurrent_pool pool(std::pmr::new_delete_resource());
                                                 use(pool);
                                                 std::thread([&] { use(pool); }).join();
                                                 expect(pool.usage().used == 0 && adds_up(pool), "the pool at exit");
                                               });
                                             }};

const test::child_program static_pool{"concurrent_pool_static", [] {
                                        static counting_resource upstream;
                                        static struct last {
                                          ~last() { expect(upstream.live_blocks() == 0, "left after the pool"); }
                                        } check;
                                        static concurrent_pool pool(&upstream);
                                        thread_local thread_end object;
                                        object.pool = &pool;
                                        object.block = pool.allocate(100);
                                        use(pool);
                                        std::thread([&] { use(pool); }).join();
                                      }};

const test::child_program no_keys_left{"concurrent_pool_without_a_thread_key", [] {
                                         std::vector<pthread_key_t> keys;
                                         for (pthread_key_t key{}; ::pthread_key_create(&key, nullptr) == 0;)
                                           keys.push_back(key);
                                         concurrent_pool pool(std::pmr::new_delete_resource());
                                         use(pool);
                                         expect(pool.caches().empty(), "a cache nobody gives back");
                                         expect(pool.usage().used == 0 && adds_up(pool), "without a cache");
                                         for (const pthread_key_t key : keys) ::pthread_key_delete(key);
                                         use(pool);
                                         expect(pool.caches().empty() != have_magazines(), "no cache even now");
                                         expect(pool.usage().used == 0 && adds_up(pool), "with one");
                                       }};
#endif

}  // namespace

BOOST_AUTO_TEST_SUITE(concurrent_pool_lifetime)

// ---- ends of threads

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(destructors_of_thread_local_objects_free_and_allocate) {
  for (const bool checked : {false, true}) {
    counting_resource upstream;
    concurrent_pool pool(checked_options(checked), &upstream);
    std::thread([&] {
      thread_local thread_end before_the_first_call;
      before_the_first_call.pool = &pool;
      before_the_first_call.block = pool.allocate(100);
      thread_local thread_end after_the_first_call;
      after_the_first_call.pool = &pool;
      after_the_first_call.block = pool.allocate(100);
    }).join();
    std::thread([&] {
      thread_local thread_end first_call_of_all;  // the thread's first call is its destructor's
      first_call_of_all.pool = &pool;
    }).join();
    BOOST_TEST(pool.usage().used == 0u);
    BOOST_TEST(pool.caches().empty());
    BOOST_TEST(adds_up(pool));
    (void)pool.trim();
    BOOST_TEST(upstream.live_blocks() == 0u);
    BOOST_TEST(upstream.mismatches().empty());
  }
}

BOOST_AUTO_TEST_CASE(after_its_caches_are_gone_a_thread_is_served_without) {
  counting_resource upstream;
  concurrent_pool pool(&upstream);
  concurrent_pool never_used_before(&upstream);
  void* block = nullptr;
  late_key late([&] {
    pool.deallocate(block, 100);
    use(pool);
    use(never_used_before);
    BOOST_TEST(pool.caches().empty());
    BOOST_TEST(never_used_before.caches().empty());
  });
  std::thread([&] {
    block = pool.allocate(100);
    use(pool);
    late.arm();
  }).join();
  BOOST_TEST(late.ran());
  for (concurrent_pool* each : {&pool, &never_used_before}) {
    BOOST_TEST(each->usage().used == 0u);
    BOOST_TEST(adds_up(*each));
  }
  BOOST_TEST(caches_from(upstream) == (have_magazines() ? 1u : 0u));
  (void)pool.trim();
  (void)never_used_before.trim();
  BOOST_TEST(upstream.live_blocks() == 0u);
}

BOOST_AUTO_TEST_CASE(a_thread_that_cannot_remember_a_cache_is_served_without) {
  counting_resource upstream;
  for (const os::os_call call : {os::os_call::map, os::os_call::page_size}) {
    concurrent_pool pool(&upstream);
    std::thread([&] {
      const os::failure_injection injection(1, call, os::failure_injection::rule::from_then_on);
      use(pool);
      if (call == os::os_call::map) BOOST_TEST(pool.caches().empty());
    }).join();
    std::thread([&] { use(pool); }).join();
    BOOST_TEST(pool.usage().used == 0u);
    BOOST_TEST(adds_up(pool));
  }
  BOOST_TEST(upstream.live_blocks() == 0u);
  BOOST_TEST(test::run_child("concurrent_pool_without_a_thread_key").exit_code == 0);
}

BOOST_AUTO_TEST_CASE(threads_that_end_give_their_pages_back) {
  counting_resource upstream;
  concurrent_pool pool(&upstream);
  std::thread([&] { use(pool); }).join();
  const os::failure_injection counted(0, os::os_call::map | os::os_call::unmap);
  for (int i = 0; i < 10; ++i) std::thread([&] { use(pool); }).join();
  BOOST_TEST(counted.calls() == (have_magazines() ? 2u * 10u : 0u));  // made and ended, nothing else
  BOOST_TEST(pool.check());
}
#endif

BOOST_AUTO_TEST_CASE(what_a_thread_remembers_of_many_pools_grows_and_goes_back) {
  if (!have_magazines()) return test::skip("a memory tool leaves no magazines");
  counting_resource upstream;
  pool_options options;
  options.first_chunk = 1024;
  std::deque<concurrent_pool> pools;
  for (std::size_t i = 0; i < 2000; ++i) pools.emplace_back(options, &upstream);
  const auto use_all = [&] {
    for (concurrent_pool& pool : pools) pool.deallocate(pool.allocate(32), 32);
  };
  use_all();
  std::array<std::size_t, 2> calls{};  // what is mapped is unmapped, each time the table grows
  for (std::size_t i = 0; i < 2; ++i) {
    const os::failure_injection counted(0, i == 0 ? os::os_call::map : os::os_call::unmap);
    std::thread(use_all).join();
    calls[i] = counted.calls();
  }
  if (test::system_page_size() <= 16384) BOOST_TEST(calls[0] > 1u);  // else the first table has room for all
  BOOST_TEST(calls[0] == calls[1]);
}

BOOST_AUTO_TEST_CASE(any_number_of_pools_may_follow_each_other) {
  counting_resource upstream;
  const auto one = [&] {
    concurrent_pool pool(&upstream);
    pool.deallocate(pool.allocate(32), 32);
  };
  one();
  const os::failure_injection counted(0, os::os_call::map);
  for (std::size_t i = 0; i < test::rounds(20000, 12000); ++i) one();
  BOOST_TEST(counted.calls() == 0u);  // one takes the place of the other
  BOOST_TEST(upstream.live_blocks() == 0u);
}

// ---- ends of programs

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(exit_handlers_and_destructors_of_statics_free_and_allocate) {
  const auto outcome = test::run_child("concurrent_pool_at_exit");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
  BOOST_TEST(outcome.says("at exit: done"), outcome.output);
  for (const char* const name : {"concurrent_pool_first_used_at_exit", "concurrent_pool_static"}) {
    const auto other = test::run_child(name);
    BOOST_TEST(other.exit_code == 0, other.output);
  }
}
#endif

// ---- forks

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(both_sides_go_on_after_a_fork_from_a_threaded_program) {
  if (!test::threads_can_fork()) return test::skip(test::forks_fail);
  if (test::under_thread_sanitizer()) return test::skip("under ThreadSanitizer a forked child may start no threads");
  const auto outcome = test::run_child("concurrent_pool_forks");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}

BOOST_AUTO_TEST_CASE(the_child_of_a_fork_can_release_everything) {
  if (!test::threads_can_fork()) return test::skip(test::forks_fail);
  if (test::under_thread_sanitizer()) return test::skip("under ThreadSanitizer a forked child may start no threads");
  const auto outcome = test::run_child("concurrent_pool_forks_and_releases");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}

BOOST_AUTO_TEST_CASE(what_other_threads_had_stays_out_of_reach_in_the_child_until_release) {
  if (!test::threads_can_fork()) return test::skip(test::forks_fail);
  if (test::under_thread_sanitizer()) return test::skip("under ThreadSanitizer a forked child may start no threads");
  const auto outcome = test::run_child("concurrent_pool_forks_with_caches");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}
#endif

// ---- what is below

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(a_pool_over_a_pool) {
  for (const bool checked : {false, true}) {
    counting_resource upstream;
    {
      concurrent_pool lower(checked_options(checked), &upstream);
      pool_options small_chunks = checked_options(checked);
      small_chunks.first_chunk = 8_KiB;
      small_chunks.largest_chunk = 16_KiB;
      concurrent_pool upper(small_chunks, &lower);
      concurrent_pool other(small_chunks, &lower);
      test::in_threads(4, [&](std::size_t number) {
        for (std::size_t round = 0; round < test::rounds(50, 10); ++round) {
          use(number % 2 == 0 ? upper : other);
          std::vector<const void*> blocks = allocate_many(upper, 300, 700);
          use(lower);
          free_all(upper, blocks, 700);
          if (round % 8 == 0) (void)upper.trim();
        }
      });
      for (concurrent_pool* each : {&upper, &other}) {
        BOOST_TEST(each->usage().used == 0u);
        BOOST_TEST(adds_up(*each));
        (void)each->trim();
        BOOST_TEST(each->usage().reserved == 0u);
      }
      BOOST_TEST(lower.usage().used == 0u);
      BOOST_TEST(adds_up(lower));
      (void)lower.trim();
      BOOST_TEST(upstream.live_blocks() == 0u);
      use(upper);
    }
    BOOST_TEST(upstream.live_blocks() == 0u);
    BOOST_TEST(upstream.mismatches().empty());
  }
}

BOOST_AUTO_TEST_CASE(a_pool_of_one_thread_may_be_below_it_thanks_to_the_lock) {
  pool_resource lower(std::pmr::new_delete_resource());
  {
    concurrent_pool upper(&lower);
    test::in_threads(4, [&](std::size_t) {
      for (std::size_t round = 0; round < test::rounds(50, 10); ++round) {
        use(upper);
        if (round % 8 == 0) (void)upper.trim();
      }
    });
    BOOST_TEST(upper.usage().used == 0u);
    BOOST_TEST(adds_up(upper));
  }
  BOOST_TEST(lower.usage().used == 0u);
  BOOST_TEST(lower.check());
}

BOOST_AUTO_TEST_CASE(clearing_the_arena_below_ends_a_pool) {
  for (const bool checked : {false, true}) {
    chained_arena arena;
    concurrent_pool pool(checked_options(checked), &arena);
    worker other;
    std::size_t held = 0;
    for (int life = 0; life < 5; ++life) {
      other.run([&] {
        std::vector<const void*> blocks = allocate_many(pool, 2000, 64);
        for (const void* const block : blocks) fill(const_cast<void*>(block), 64, 3);
        blocks.resize(1000);
        free_all(pool, blocks, 64);
      });
      use(pool);
      (void)pool.allocate(100000);
      BOOST_TEST(bin_for(pool, 64).live == 1000u);
      BOOST_TEST(adds_up(pool, 100000));
      arena.release();
      pool.abandon();
      BOOST_TEST(pool.usage() == memory_usage{});
      other.run([&] { use(pool); });
      use(pool);
      BOOST_TEST(pool.usage().used == 0u);
      const std::size_t now = arena.usage().reserved;
      BOOST_TEST((life == 0 || now == held));
      held = now;
      arena.release();
      pool.abandon();
    }
  }
}
#endif

BOOST_AUTO_TEST_SUITE_END()
