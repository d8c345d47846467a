// concurrent_general_resource among threads, at their ends, and at forks.

#if !defined(_WIN32)
#include <sys/wait.h>
#include <unistd.h>
#endif

#include <allot/core/byte_size.hpp>
#include <allot/testing/counting_resource.hpp>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstring>
#include <memory_resource>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "general/generals.hpp"
#include "support/machine.hpp"
#include "support/usage.hpp"
#include "support/worker.hpp"

using namespace allot;
using namespace allot::literals;
using test::held_block;
using test::worker;

namespace {

#if !defined(_WIN32)
/// In a child program: ends it where something is not as it must be.
void expect(bool good, const char* what) {
  if (good) return;
  (void)!::write(STDERR_FILENO, what, std::strlen(what));
  ::_exit(1);
}
#endif

std::size_t some_bytes(std::mt19937& random) {
  const unsigned kind = random() % 64;
  if (kind == 0) return random() % 1500_KiB;
  if (kind < 4) return random() % 100_KiB;
  return random() % (kind < 24 ? 8000 : 500);
}

/// Blocks of all tiers come and go; false where one's contents are not its own.
bool use(std::pmr::memory_resource& memory, unsigned seed, std::size_t steps) {
  std::mt19937 random(seed);
  std::vector<held_block> blocks;
  bool good = true;
  const auto free_one = [&](std::size_t at) {
    good = good && test::all_are(blocks[at].p, blocks[at].bytes, seed);
    test::give(memory, blocks[at]);
    blocks[at] = blocks.back();
    blocks.pop_back();
  };
  for (std::size_t i = 0; i < steps; ++i) {
    if (blocks.size() < 100 && random() % 100 < 55) {
      blocks.push_back(test::take(memory, some_bytes(random), std::size_t{1} << random() % 8));
      test::fill(blocks.back().p, blocks.back().bytes, seed);
    } else if (!blocks.empty()) {
      free_one(random() % blocks.size());
    }
  }
  while (!blocks.empty()) free_one(0);
  return good;
}

void expect_empty(concurrent_general_resource& general) {
  BOOST_TEST(general.usage().used == 0u);
  BOOST_TEST(test::blocks_in(general).empty());
  BOOST_TEST(general.check());
}

#if !defined(_WIN32)
const test::child_program forks{
    "concurrent_general_forks", [] {
      testing::counting_resource upstream;
      concurrent_general_resource general;
      concurrent_general_resource over(&upstream);
      std::atomic<bool> stop{false};
      std::atomic<std::size_t> rounds{0};
      std::vector<std::thread> others;
      for (unsigned t = 0; t < 3; ++t) {
        others.emplace_back([&, t] {
          while (!stop) {
            expect(use(t == 0 ? over : general, t + 1, 50), "contents");
            if (++rounds % 16 == t) (void)general.trim();
          }
        });
      }
      std::vector<held_block> mine;
      for (const std::size_t bytes : test::one_of_each) {
        mine.push_back(test::take(general, bytes));
        test::fill(mine.back().p, bytes, 9);
      }
      while (rounds < 30) std::this_thread::yield();
      for (std::size_t i = 0; i < test::times(30, 8); ++i) {
        const pid_t child = ::fork();
        if (child == 0) {
          ::alarm(60);
          for (const held_block& each : mine) expect(test::all_are(each.p, each.bytes, 9), "the parent's contents");
          test::give_all(general, mine);
          expect(use(general, 7, 200), "contents in the child");
          std::thread([&] { expect(use(general, 8, 100), "contents in a thread of the child"); }).join();
          expect(general.check(), "check() in the child");
          (void)general.trim();
          general.release();
          expect(general.usage() == memory_usage{}, "release() in the child");
          expect(use(general, 9, 100), "contents after release()");
          ::_exit(0);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        expect(child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child");
        expect(use(general, 10, 50), "contents in the parent");
      }
      stop = true;
      for (std::thread& other : others) other.join();
      for (const held_block& each : mine) expect(test::all_are(each.p, each.bytes, 9), "contents of the parent");
      test::give_all(general, mine);
      expect(general.usage().used == 0 && general.check() && over.usage().used == 0, "the parent");
    }};
#endif

}  // namespace

BOOST_AUTO_TEST_SUITE(concurrent_general)

BOOST_AUTO_TEST_CASE(threads_share_one_of_all_tiers) {
  for (const bool checked : {false, true}) {
    testing::counting_resource upstream;
    for (std::pmr::memory_resource* const below :
         {static_cast<std::pmr::memory_resource*>(nullptr), static_cast<std::pmr::memory_resource*>(&upstream)}) {
      concurrent_general_resource general(test::with_checks(checked), below);
      std::atomic<std::size_t> spoilt{0};
      test::in_threads(4, [&](std::size_t number) {
        if (!use(general, static_cast<unsigned>(number + 1), test::times(8000, 1500))) ++spoilt;
      });
      BOOST_TEST(spoilt == 0u);
      expect_empty(general);
      (void)general.trim();
      BOOST_TEST(general.usage().used == 0u);
    }
    BOOST_TEST(upstream.live_blocks() == 0u);
    BOOST_TEST(upstream.mismatches().empty());
  }
}

BOOST_AUTO_TEST_CASE(threads_free_the_blocks_of_others) {
  concurrent_general_resource general;
  std::mutex mutex;
  std::vector<held_block> shared;
  std::atomic<std::size_t> spoilt{0};
  test::in_threads(4, [&](std::size_t number) {
    std::mt19937 random(static_cast<unsigned>(number));
    for (std::size_t i = 0; i < test::times(8000, 1500); ++i) {
      held_block mine = test::take(general, some_bytes(random));
      test::fill(mine.p, mine.bytes, static_cast<unsigned>(mine.bytes));
      {
        const std::lock_guard lock(mutex);
        shared.push_back(mine);
        if (shared.size() < 64) continue;
        std::swap(shared.back(), shared[random() % shared.size()]);
        mine = shared.back();
        shared.pop_back();
      }
      if (!test::all_are(mine.p, mine.bytes, static_cast<unsigned>(mine.bytes))) ++spoilt;
      test::give(general, mine);
    }
  });
  BOOST_TEST(spoilt == 0u);
  BOOST_TEST(test::shows_exactly(general, shared));
  test::give_all(general, shared);
  expect_empty(general);
  (void)general.trim();
  BOOST_TEST(general.usage().used == 0u);
}

BOOST_AUTO_TEST_CASE(threads_end_with_blocks_in_their_magazines) {
  concurrent_general_resource general;
  const held_block kept = test::take(general, 100);
  std::size_t held = 0;
  for (std::size_t round = 0; round < test::times(60, 15); ++round) {
    test::in_threads(3, [&](std::size_t number) { (void)use(general, static_cast<unsigned>(number + 1), 200); });
    if (round == 4) held = general.usage().committed;
  }
  BOOST_TEST(general.usage().committed <= held + 16_MiB);
  BOOST_TEST(test::shows_exactly(general, {kept}));
  test::give(general, kept);
  expect_empty(general);
  (void)general.trim();
  BOOST_TEST(general.usage().reserved == 0u);
}

BOOST_AUTO_TEST_CASE(two_at_once_have_nothing_in_common) {
  concurrent_general_resource first;
  concurrent_general_resource second;
  const held_block kept = test::take(first, 100);
  test::in_threads(3, [&](std::size_t number) {
    for (unsigned round = 0; round < 10; ++round) {
      (void)use(first, static_cast<unsigned>(number + 1), 150);
      (void)use(second, static_cast<unsigned>(number + 1), 150);
    }
  });
  BOOST_TEST(!second.owns(kept.p));
  BOOST_TEST(first.owns(kept.p));
  second.release();
  BOOST_TEST(second.usage() == memory_usage{});
  BOOST_TEST(test::shows_exactly(first, {kept}));
  test::in_threads(2, [&](std::size_t number) { (void)use(second, static_cast<unsigned>(number), 150); });
  expect_empty(second);
  test::give(first, kept);
  expect_empty(first);
}

BOOST_AUTO_TEST_CASE(one_that_is_released_serves_the_same_threads_again) {
  concurrent_general_resource general;
  worker one;
  worker other;
  for (int life = 0; life < 4; ++life) {
    for (worker* const each : {&one, &other}) {
      each->run([&] {
        (void)use(general, 3, 300);
        (void)general.allocate(60);
        (void)general.allocate(6000);
        (void)general.allocate(2_MiB);
      });
    }
    BOOST_TEST(test::blocks_in(general).size() == 6u);
    general.release();
    BOOST_TEST(general.usage() == memory_usage{});
  }
}

BOOST_AUTO_TEST_CASE(others_look_at_it_and_trim_it_meanwhile) {
  concurrent_general_resource general;
  const held_block kept = test::take(general, 5000);
  std::atomic<std::size_t> wrong{0};
  test::in_threads(4, [&](std::size_t number) {
    if (number != 0) {
      if (!use(general, static_cast<unsigned>(number), test::times(5000, 1000))) ++wrong;
      return;
    }
    for (std::size_t i = 0; i < test::times(300, 50); ++i) {
      if (!general.owns(kept.p)) ++wrong;
      if (general.usage().used < 5000) ++wrong;
      (void)general.available();
      if (general.try_expand(kept.p, 5000, 5000, 16) == false) ++wrong;
      (void)general.trim();
    }
  });
  BOOST_TEST(wrong == 0u);
  test::give(general, kept);
  expect_empty(general);
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(both_sides_go_on_after_a_fork) {
  if (!test::threads_can_fork()) return test::skip(test::forks_fail);
  if (test::under_thread_sanitizer()) return test::skip("under ThreadSanitizer a forked child may start no threads");
  const auto outcome = test::run_child("concurrent_general_forks");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}
#endif

BOOST_AUTO_TEST_SUITE_END()
