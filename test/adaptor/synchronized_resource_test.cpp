#include <allot/adaptor/synchronized_resource.hpp>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/pool/pool_resource.hpp>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <memory_resource>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "support/worker.hpp"

using namespace allot;

namespace {

/// Counts how often it is locked, and whether it is now.
struct watched_mutex {
  int locks = 0;
  bool held = false;
  void lock() {
    BOOST_TEST(!held);
    held = true;
    ++locks;
  }
  void unlock() { held = false; }
};

/// Made by its user, never by the resource.
struct named_mutex {
  explicit named_mutex(const char*) {}
  void lock() { ++locks; }
  void unlock() {}
  int locks = 0;
};

struct stuck_mutex {
  void lock() { throw std::runtime_error("stuck"); }
  void unlock() {}
};

}  // namespace

BOOST_AUTO_TEST_SUITE(synchronized)

BOOST_AUTO_TEST_CASE(every_call_holds_the_lock_once) {
  coalescing_heap heap;
  watched_mutex mutex;
  synchronized_resource memory(heap, mutex);
  int locks = 0;
  const auto once_more = [&] { return mutex.locks == ++locks && !mutex.held; };
  void* const p = memory.allocate(100, 16);
  BOOST_TEST(once_more());
  BOOST_TEST(memory.try_expand(p, 100, 200, 16));
  BOOST_TEST(once_more());
  memory.deallocate(p, 200, 16);
  BOOST_TEST(once_more());
  memory.deallocate(memory.try_allocate(10), 10);
  locks += 1;
  BOOST_TEST(once_more());
  (void)memory.usage();
  BOOST_TEST(once_more());
  (void)memory.available();
  BOOST_TEST(once_more());
  (void)memory.owns(p);
  BOOST_TEST(once_more());
  (void)memory.find_block(p);
  BOOST_TEST(once_more());
  (void)memory.trim();
  BOOST_TEST(once_more());
  BOOST_TEST(memory.check());
  BOOST_TEST(once_more());
  memory.for_each_block([&](const block_info&) { BOOST_TEST(mutex.held); });
  BOOST_TEST(once_more());
  memory.release();
  BOOST_TEST(once_more());
}

BOOST_AUTO_TEST_CASE(the_lock_is_free_after_an_exception) {
  watched_mutex mutex;
  synchronized_resource memory(*std::pmr::null_memory_resource(), mutex);
  BOOST_CHECK_THROW((void)memory.allocate(1), std::bad_alloc);
  BOOST_TEST(!mutex.held);
}

BOOST_AUTO_TEST_CASE(what_the_lock_throws_comes_through) {
  pool_resource pool;
  synchronized_resource<stuck_mutex> memory(pool);
  BOOST_CHECK_THROW((void)memory.allocate(1), std::runtime_error);
  BOOST_TEST(memory.try_allocate(1) == nullptr);
  BOOST_TEST(!memory.try_expand(&pool, 1, 1, 1));
  BOOST_TEST(pool.usage().used == 0u);
}

BOOST_AUTO_TEST_CASE(several_steps_are_one_under_the_lock_marks_of_an_arena_included) {
  monotonic_arena arena;
  synchronized_resource memory(arena);
  static_assert(std::is_same_v<decltype(memory), synchronized_resource<std::mutex, monotonic_arena>>);
  std::atomic<int> wrong{0};
  test::in_threads(8, [&](std::size_t thread) {
    for (std::size_t i = 0; i < 500; ++i) {
      auto locked = memory.lock();
      const auto mark = locked->mark();
      const std::size_t before = locked->position();
      auto* const scratch = static_cast<char*>(locked->push(100 + thread));
      std::memset(scratch, static_cast<int>(thread), 100 + thread);
      if (scratch[99 + thread] != static_cast<char>(thread)) ++wrong;
      locked->rewind(mark);
      if (locked->position() != before) ++wrong;
    }
  });
  BOOST_TEST(wrong == 0);
  BOOST_TEST(arena.position() == 0u);
}

BOOST_AUTO_TEST_CASE(what_holds_the_lock_can_be_handed_on) {
  pool_resource pool;
  watched_mutex mutex;
  synchronized_resource memory(pool, mutex);
  {
    auto first = memory.lock();
    auto second = std::move(first);
    BOOST_TEST(mutex.held);
    second->deallocate(second->allocate(8), 8);
    BOOST_TEST(&*second == &pool);
    BOOST_TEST(first.operator->() == nullptr);
    first = std::move(second);
    BOOST_TEST(mutex.held);
    BOOST_TEST(second.operator->() == nullptr);
  }
  BOOST_TEST(!mutex.held);
  BOOST_TEST(mutex.locks == 1);
}

BOOST_AUTO_TEST_CASE(one_lock_can_stand_for_several_resources) {
  pool_resource pool;
  coalescing_heap heap(heap_options{});
  std::mutex mutex;
  synchronized_resource a(pool, mutex, "a");
  synchronized_resource b(heap, mutex, "b");
  BOOST_TEST(a.name() == "a");
  const auto locked = a.lock();
  BOOST_TEST(!mutex.try_lock());
  b.name();
}

BOOST_AUTO_TEST_CASE(any_lockable_will_do) {
  pool_resource pool;
  synchronized_resource<std::shared_mutex> shared(pool);
  shared.deallocate(shared.allocate(8), 8);
  synchronized_resource<std::recursive_mutex> recursive(pool);
  const auto locked = recursive.lock();
  named_mutex named("mine");
  synchronized_resource by_reference(pool, named);
  by_reference.deallocate(by_reference.allocate(8), 8);
  BOOST_TEST(named.locks == 2);
  recursive.deallocate(recursive.allocate(8), 8);  // as a recursive one may
}

BOOST_AUTO_TEST_CASE(eight_threads_use_a_resource_for_one) {
  pool_resource pool;
  synchronized_resource memory(pool, "shared pool");
  std::atomic<int> wrong{0};
  test::in_threads(8, [&](std::size_t thread) {
    std::pmr::vector<std::pmr::vector<int>> lists(&memory);
    for (int i = 0; i < 300; ++i) {
      lists.emplace_back().assign(static_cast<std::size_t>(i % 50), static_cast<int>(thread));
      if (i % 20 == 0) {
        (void)memory.usage();
        (void)memory.trim();
        lists.erase(lists.begin() + i / 4);
      }
    }
    for (const auto& list : lists)
      for (const int value : list)
        if (value != static_cast<int>(thread)) ++wrong;
  });
  BOOST_TEST(wrong == 0);
  BOOST_TEST(pool.usage().used == 0u);
  BOOST_TEST(memory.check());
}

BOOST_AUTO_TEST_SUITE_END()
