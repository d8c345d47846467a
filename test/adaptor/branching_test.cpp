// Adaptors with several upstreams.

#include <allot/adaptor/debug_resource.hpp>
#include <allot/adaptor/fallback_resource.hpp>
#include <allot/adaptor/size_routing_resource.hpp>
#include <allot/arena/chained_arena.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/misuse.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/pool/concurrent_pool.hpp>
#include <allot/pool/pool_resource.hpp>
#include <allot/testing/counting_resource.hpp>
#include <allot/testing/failing_resource.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <memory_resource>
#include <stdexcept>
#include <vector>

#include "support/misuse_watch.hpp"
#include "support/worker.hpp"

using namespace allot;
using test::misuse_watch;

namespace {

/// Serves so many bytes at a time and counts how often it was asked.
class small_resource final : public resource {
 public:
  explicit small_resource(std::size_t capacity) : left_(capacity) {}

  std::size_t tries = 0;
  std::size_t throws = 0;
  bool refuses_to_free = false;
  bool sound = true;

  std::string_view kind() const noexcept override { return "small_resource"; }
  void* try_allocate(std::size_t bytes, std::size_t alignment) noexcept override {
    ++tries;
    if (bytes > left_ || !is_power_of_two(alignment)) return nullptr;
    left_ -= bytes;
    return upstream_.allocate(bytes, alignment);
  }
  bool check() const noexcept override { return sound; }
  const testing::counting_resource& blocks() const { return upstream_; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (void* const p = try_allocate(bytes, alignment); p != nullptr) return p;
    ++throws;
    throw std::bad_alloc();
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    if (refuses_to_free) throw std::runtime_error("misuse");
    upstream_.deallocate(p, bytes, alignment);
    left_ += bytes;
  }

  testing::counting_resource upstream_;
  std::size_t left_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(fallback)

BOOST_AUTO_TEST_CASE(the_first_that_can_serves_and_each_block_goes_back_to_where_it_came_from) {
  small_resource first(100);
  small_resource second(1000);
  testing::counting_resource last;
  fallback_resource memory{first, second, last};
  void* const a = memory.allocate(60);
  void* const b = memory.allocate(60);
  void* const c = memory.allocate(2000, 64);
  void* const d = memory.allocate(40);
  BOOST_TEST(first.blocks().live_blocks() == 2u);
  BOOST_TEST(second.blocks().live_blocks() == 1u);
  BOOST_TEST(last.live_blocks() == 1u);
  BOOST_TEST(memory.fallen_back() == 2u);
  memory.deallocate(a, 60);  // the first has room again, which b must not go to
  memory.deallocate(b, 60);
  memory.deallocate(c, 2000, 64);
  memory.deallocate(d, 40);
  for (const testing::counting_resource* each :
       {&first.blocks(), &second.blocks(), static_cast<const testing::counting_resource*>(&last)}) {
    BOOST_TEST(each->live_blocks() == 0u);
    BOOST_TEST(each->mismatches().empty());
  }
  BOOST_TEST(memory.fallen_back() == 0u);
}

BOOST_AUTO_TEST_CASE(no_exception_is_thrown_to_find_the_way_among_ours) {
  small_resource first(10);
  small_resource second(10);
  small_resource third(1000);
  fallback_resource memory{first, second, third};
  void* const p = memory.allocate(500);
  void* const q = memory.try_allocate(400);
  BOOST_TEST(q != nullptr);
  BOOST_TEST(first.throws + second.throws + third.throws == 0u);
  memory.deallocate(p, 500);
  memory.deallocate(q, 400);
}

BOOST_AUTO_TEST_CASE(when_none_can_the_last_ones_exception_comes_through) {
  small_resource first(10);
  testing::failing_resource last;
  last.fail_at(1, testing::failing_resource::rule::from_then_on);
  fallback_resource memory{first, *std::pmr::null_memory_resource(), last};
  BOOST_CHECK_THROW((void)memory.allocate(11), testing::injected_failure);
  BOOST_TEST(memory.try_allocate(11) == nullptr);
  BOOST_TEST(memory.try_allocate(1, 3) == nullptr);
  BOOST_TEST(memory.fallen_back() == 0u);
  fallback_resource alone{last};
  BOOST_CHECK_THROW((void)alone.allocate(11), testing::injected_failure);
  BOOST_TEST(alone.try_allocate(11) == nullptr);
}

BOOST_AUTO_TEST_CASE(a_foreign_resource_may_stand_anywhere) {
  std::array<std::byte, 256> buffer;
  std::pmr::monotonic_buffer_resource arena(buffer.data(), buffer.size(), std::pmr::null_memory_resource());
  fallback_resource memory{arena, *std::pmr::new_delete_resource()};
  std::pmr::vector<int> numbers(&memory);
  for (int i = 0; i < 1000; ++i) numbers.push_back(i);
  BOOST_TEST(memory.fallen_back() == 1u);
}

BOOST_AUTO_TEST_CASE(a_block_grows_in_the_upstream_it_is_in) {
  small_resource first(10);
  coalescing_heap heap;
  fallback_resource memory{first, heap};
  void* const p = memory.allocate(100, 16);
  BOOST_TEST(memory.try_expand(p, 100, 300, 16));
  memory.deallocate(p, 300, 16);
  void* const q = memory.allocate(10);
  BOOST_TEST(!memory.try_expand(q, 10, 11, 16));
  memory.deallocate(q, 10);
  BOOST_TEST(heap.usage().used == 0u);
}

BOOST_AUTO_TEST_CASE(a_free_that_the_upstream_refuses_has_no_effect) {
  small_resource first(10);
  small_resource second(100);
  fallback_resource memory{first, second};
  void* const p = memory.allocate(50);
  second.refuses_to_free = true;
  BOOST_CHECK_THROW(memory.deallocate(p, 50), std::runtime_error);
  BOOST_TEST(memory.fallen_back() == 1u);
  second.refuses_to_free = false;
  memory.deallocate(p, 50);
  BOOST_TEST(second.blocks().mismatches().empty());
  BOOST_TEST(second.blocks().live_blocks() == 0u);
}

BOOST_AUTO_TEST_CASE(a_request_there_are_no_pages_to_remember_is_refused) {
  small_resource first(10);
  testing::counting_resource last;
  fallback_resource memory{first, last};
  {
    const os::failure_injection injection(1, os::os_call::any, os::failure_injection::rule::from_then_on);
    BOOST_CHECK_THROW((void)memory.allocate(50), allocation_error);
    BOOST_TEST(memory.try_allocate(50) == nullptr);
    memory.deallocate(memory.allocate(10), 10);
  }
  BOOST_TEST(last.allocations() == 0u);
  memory.deallocate(memory.allocate(50), 50);
  BOOST_TEST(last.allocations() == 1u);
}

BOOST_AUTO_TEST_CASE(many_blocks_are_remembered) {
  testing::counting_resource second;
  fallback_resource memory{*std::pmr::null_memory_resource(), second};
  std::vector<void*> blocks;
  for (std::size_t i = 0; i < 5000; ++i) blocks.push_back(memory.allocate(1 + i % 40));
  BOOST_TEST(memory.fallen_back() == 5000u);
  for (std::size_t i = 0; i < 5000; ++i) {
    const std::size_t at = i * 7 % 5000;
    memory.deallocate(blocks[at], 1 + at % 40);
  }
  BOOST_TEST(memory.fallen_back() == 0u);
  BOOST_TEST(second.mismatches().empty());
}

BOOST_AUTO_TEST_CASE(release_forgets_the_blocks_of_ours_and_keeps_those_of_others) {
  coalescing_heap heap;
  small_resource first(10);
  fallback_resource memory{first, heap, *std::pmr::new_delete_resource()};
  std::vector<void*> blocks;
  for (int i = 0; i < 300; ++i) (void)memory.allocate(1000);
  BOOST_TEST(memory.fallen_back() == 300u);
  memory.release();
  BOOST_TEST(memory.fallen_back() == 0u);
  BOOST_TEST(heap.usage().used == 0u);

  fallback_resource mixed{first, *std::pmr::new_delete_resource()};
  void* const p = mixed.allocate(1000);
  mixed.release();
  BOOST_TEST(mixed.fallen_back() == 1u);
  mixed.deallocate(p, 1000);
}

BOOST_AUTO_TEST_CASE(one_to_sixteen_upstreams_and_no_others) {
  const std::vector<upstream_ref> many(17, upstream_ref(*std::pmr::new_delete_resource()));
  BOOST_CHECK_THROW(fallback_resource(many.data(), 0), std::invalid_argument);
  BOOST_CHECK_THROW(fallback_resource(many.data(), 17), std::invalid_argument);
  fallback_resource most(many.data(), 16);
  most.deallocate(most.allocate(10), 10);
}

BOOST_AUTO_TEST_CASE(eight_threads_get_their_blocks_back_to_where_they_belong) {
  concurrent_pool pool;
  testing::failing_resource none;
  none.fail_at(1, testing::failing_resource::rule::from_then_on);
  fallback_resource memory{none, pool};
  test::in_threads(8, [&](std::size_t thread) {
    std::vector<void*> mine;
    for (std::size_t i = 0; i < 1500; ++i) {
      void* const p = memory.allocate(32 + thread);
      std::memset(p, static_cast<int>(thread), 32 + thread);
      mine.push_back(p);
      if (i % 3 == 2) {
        memory.deallocate(mine[mine.size() / 2], 32 + thread);
        mine.erase(mine.begin() + static_cast<std::ptrdiff_t>(mine.size() / 2));
      }
    }
    for (void* const p : mine) memory.deallocate(p, 32 + thread);
  });
  BOOST_TEST(memory.fallen_back() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(size_routing)

BOOST_AUTO_TEST_CASE(requests_go_by_size_to_the_first_route_that_holds_them) {
  testing::counting_resource small;
  testing::counting_resource medium;
  testing::counting_resource large;
  size_routing_resource memory({{small, 64}, {medium, 4096}}, large);
  const auto served = [&](std::size_t bytes) {
    memory.deallocate(memory.allocate(bytes), bytes);
    return std::vector<std::size_t>{small.allocations(), medium.allocations(), large.allocations()};
  };
  using counts = std::vector<std::size_t>;
  BOOST_TEST((served(0) == counts{1, 0, 0}));
  BOOST_TEST((served(64) == counts{2, 0, 0}));
  BOOST_TEST((served(65) == counts{2, 1, 0}));
  BOOST_TEST((served(4096) == counts{2, 2, 0}));
  BOOST_TEST((served(4097) == counts{2, 2, 1}));
  for (const testing::counting_resource* each : {&small, &medium, &large}) {
    BOOST_TEST(each->live_blocks() == 0u);
    BOOST_TEST(each->mismatches().empty());
  }
}

BOOST_AUTO_TEST_CASE(requests_go_by_alignment_too) {
  testing::counting_resource plain;
  testing::counting_resource aligned;
  size_routing_resource memory({{plain, size_route::unbounded, alignof(std::max_align_t)}}, aligned);
  memory.deallocate(memory.allocate(10), 10);
  memory.deallocate(memory.allocate(10, 64), 10, 64);
  BOOST_TEST(plain.allocations() == 1u);
  BOOST_TEST(aligned.allocations() == 1u);
  BOOST_TEST(&memory.route_of(10, 64).any() == &aligned);
}

BOOST_AUTO_TEST_CASE(a_block_grows_within_its_route_only) {
  coalescing_heap small;
  coalescing_heap large;
  size_routing_resource memory({{small, 1000}}, large);
  void* const p = memory.allocate(100, 16);
  BOOST_TEST(memory.try_expand(p, 100, 1000, 16));
  BOOST_TEST(!memory.try_expand(p, 1000, 1001, 16));
  memory.deallocate(p, 1000, 16);
  void* const q = memory.allocate(2000, 16);
  BOOST_TEST(!memory.try_expand(q, 2000, 1000, 16));
  BOOST_TEST(memory.try_expand(q, 2000, 1500, 16));
  memory.deallocate(q, 1500, 16);
  BOOST_TEST(small.usage().used + large.usage().used == 0u);
}

BOOST_AUTO_TEST_CASE(an_exception_of_the_route_comes_through_and_no_other_is_asked) {
  testing::failing_resource failing;
  testing::counting_resource other;
  size_routing_resource memory({{failing, 100}}, other);
  failing.fail_at(1, testing::failing_resource::rule::from_then_on);
  BOOST_CHECK_THROW((void)memory.allocate(10), testing::injected_failure);
  BOOST_TEST(memory.try_allocate(10) == nullptr);
  BOOST_TEST(other.allocations() == 0u);
}

BOOST_AUTO_TEST_CASE(no_route_and_too_many) {
  testing::counting_resource upstream;
  size_routing_resource none(nullptr, 0, upstream);
  none.deallocate(none.allocate(10), 10);
  BOOST_TEST(upstream.allocations() == 1u);
  const std::vector<size_route> many(16, size_route{upstream_ref(upstream), 10, 10});
  BOOST_CHECK_THROW(size_routing_resource(many.data(), 16, upstream), std::invalid_argument);
  size_routing_resource most(many.data(), 15, upstream);
  most.deallocate(most.allocate(10), 10);
}

BOOST_AUTO_TEST_CASE(what_stands_on_another_is_released_before_it) {
  coalescing_heap ground;
  debug_resource heap(ground);  // which would report a free after its release
  chained_arena arena(&heap);
  size_routing_resource memory({{heap, 64}}, arena);
  const misuse_watch watch;
  (void)memory.allocate(10);
  (void)memory.allocate(1000);
  BOOST_TEST(memory.can_release());
  memory.release();
  BOOST_TEST(watch.nothing());
  BOOST_TEST(heap.usage().used == 0u);
  BOOST_TEST(arena.usage().used == 0u);
}

BOOST_AUTO_TEST_CASE(upstreams_answer_together_and_each_once) {
  pool_resource pool;
  coalescing_heap heap;
  size_routing_resource memory({{pool, 64}, {heap, 256}, {pool, 1024}}, *std::pmr::new_delete_resource());
  void* const small = memory.allocate(10);
  void* const medium = memory.allocate(200);
  memory_usage sum = pool.usage();
  sum += heap.usage();
  BOOST_TEST((memory.usage() == sum));
  BOOST_TEST(memory.owns(small));
  BOOST_TEST(memory.owns(medium));
  BOOST_TEST(!memory.owns(&sum));
  BOOST_TEST((memory.find_block(small).state == block_state::used));
  BOOST_TEST((memory.find_block(medium).state == block_state::used));
  BOOST_TEST((memory.find_block(&sum).state == block_state::unknown));
  BOOST_TEST(memory.upstream() == &pool);
  BOOST_TEST(memory.root() == &memory);
  BOOST_TEST(memory.check());
  std::size_t seen = 0;
  memory.for_each_block([&](const block_info&) { ++seen; });
  std::size_t there = 0;
  pool.for_each_block([&](const block_info&) { ++there; });
  heap.for_each_block([&](const block_info&) { ++there; });
  BOOST_TEST(seen == there);
  BOOST_TEST(memory.available() == pool.available() + heap.available());
  memory.release();
  BOOST_TEST(memory.usage().used == 0u);
}

BOOST_AUTO_TEST_CASE(they_are_sound_together_if_each_is) {
  small_resource first(1000);
  small_resource second(1000);
  const size_routing_resource memory({{first, 64}}, second);
  BOOST_TEST(memory.check());
  first.sound = false;
  BOOST_TEST(!memory.check());
  first.sound = true;
  second.sound = false;
  BOOST_TEST(!memory.check());
}

BOOST_AUTO_TEST_SUITE_END()
