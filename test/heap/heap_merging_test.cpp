// Blocks split, merge, and serve again.

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "heap/heaps.hpp"
#include "support/bytes.hpp"
#include "support/misuse_watch.hpp"

using namespace allot;
using test::ground;
using test::grounded_heap;
using test::held_block;
using test::misuse_watch;
using test::picture;

namespace {

/// Of one granule where no tool wants more, and longer than a word of the table, and than two.
const std::vector<std::size_t>& some_sizes() {
  static const std::vector<std::size_t> sizes{test::request_for(32) - 16 * std::size_t{test::plain()},
                                              test::request_for(48), test::request_for(1024), test::request_for(2048),
                                              test::request_for(100'000)};
  return sizes;
}

/// What a heap of these blocks side by side must look like: those that are gone merged.
std::string expected_picture(const std::vector<std::size_t>& blocks, const std::vector<bool>& live) {
  std::string text;
  std::size_t free = 0;
  const auto say = [&](const std::string& word) { text += (text.empty() ? "" : " ") + word; };
  for (std::size_t i = 0; i <= blocks.size(); ++i) {
    if (i < blocks.size() && !live[i]) {
      free += blocks[i];
      continue;
    }
    if (free != 0) say('[' + std::to_string(free) + ']');
    free = 0;
    if (i < blocks.size()) say(std::to_string(blocks[i]));
  }
  return text;
}

/// A heap in a buffer filled to the last byte with blocks of these sizes and one more for the rest.
class filled_heap {
 public:
  filled_heap(const std::vector<std::size_t>& sizes, bool checked)
      : heap_(ground::buffer, test::heap_named("filled", checked)) {
    for (const std::size_t bytes : sizes) take(bytes);
    take(heap_->available() - (test::plain() ? (checked ? 1 : 0) : memory_tools::redzone));
    BOOST_TEST_REQUIRE(heap_->available() == 0u);
  }
  void free(std::size_t i) {
    test::give(*heap_, held_[i]);
    live_[i] = false;
  }
  bool agrees() { return picture(*heap_) == expected_picture(bytes_, live_) && heap_->check(); }
  std::size_t size() const { return held_.size(); }
  coalescing_heap& operator*() { return *heap_; }

 private:
  void take(std::size_t bytes) {
    held_.push_back(test::take(*heap_, bytes));
    bytes_.push_back(heap_->find_block(held_.back().p).bytes);
    live_.push_back(true);
  }

  grounded_heap heap_;
  std::vector<held_block> held_;
  std::vector<std::size_t> bytes_;
  std::vector<bool> live_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(heap_merging)

BOOST_AUTO_TEST_CASE(a_block_of_one_granule_is_a_block) {
  if (!test::plain()) return;
  grounded_heap heap(ground::buffer);
  const std::vector<held_block> blocks = test::take_many(*heap, 5, 16);
  for (const held_block& each : blocks) BOOST_TEST(heap->find_block(each.p).bytes == 16u);
  test::give(*heap, blocks[1]);
  test::give(*heap, blocks[3]);
  BOOST_TEST(picture(*heap).rfind("16 [16] 16 [16] 16", 0) == 0u);
  BOOST_TEST(heap->allocate(1) == blocks[3].p);
  BOOST_TEST(heap->allocate(0) == blocks[1].p);
  BOOST_TEST(heap->check());
}

BOOST_AUTO_TEST_CASE(three_neighbours_freed_in_any_order_merge_with_what_is_free_beside_them) {
  const misuse_watch watch;
  for (const std::size_t bytes : some_sizes()) {
    // At the start of the range, in the midst, and at its end; with what is beyond them used and free.
    for (const std::size_t first : {0U, 1U, 2U, 3U}) {
      for (unsigned beside = 0; beside < 4; ++beside) {
        std::array<std::size_t, 3> order{first, first + 1, first + 2};
        do {
          filled_heap heap({bytes, bytes, bytes, bytes, bytes}, false);
          const std::size_t last = first + 2;
          if ((beside & 1U) != 0 && first != 0) heap.free(first - 1);
          if ((beside & 2U) != 0 && last + 1 < heap.size()) heap.free(last + 1);
          bool good = heap.agrees();
          for (const std::size_t each : order) {
            heap.free(each);
            good = good && heap.agrees();
          }
          BOOST_TEST(good, bytes << " bytes from " << first << ", beside " << beside);
        } while (std::next_permutation(order.begin(), order.end()));
      }
    }
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(a_block_between_used_and_free_ones_of_all_eight_kinds_merges) {
  const misuse_watch watch;
  for (const bool checked : {false, true}) {
    for (const std::size_t bytes : some_sizes()) {
      for (unsigned kinds = 0; kinds < 8; ++kinds) {
        // Of five blocks the third goes last; those beside it, and beyond the left one, as the bits say.
        filled_heap heap({bytes, bytes * 2, bytes, bytes * 3, bytes}, checked);
        if ((kinds & 1U) != 0) heap.free(1);
        if ((kinds & 2U) != 0) heap.free(3);
        if ((kinds & 4U) != 0) heap.free(0);
        heap.free(2);
        BOOST_TEST(heap.agrees(), bytes << " bytes, kinds " << kinds);
      }
    }
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(many_blocks_freed_at_random_end_as_one) {
  const misuse_watch watch;
  for (const ground where : test::every_ground) {
    for (unsigned seed = 1; seed <= 5; ++seed) {
      heap_options options;
      options.first_chunk = std::size_t{4} << 20;
      grounded_heap heap(where, options);
      std::vector<held_block> blocks = test::take_mixed(*heap, 1500, 1500, seed);
      test::give_all_at_random(*heap, blocks, seed);
      BOOST_TEST(heap->check());
      BOOST_TEST(heap->statistics().free_blocks == 1u);
      BOOST_TEST(heap->statistics().fragmentation == 0.0);
    }
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(a_range_filled_exactly_and_freed_is_filled_by_one_block) {
  const misuse_watch watch;
  for (const bool checked : {false, true}) {
    for (const std::size_t bytes : some_sizes()) {
      for (unsigned seed = 0; seed < 3; ++seed) {
        grounded_heap heap(ground::buffer, test::heap_named("", checked));
        std::vector<held_block> blocks;
        std::size_t most = heap->available();
        while (void* const p = heap->try_allocate(bytes)) blocks.push_back({p, bytes});
        BOOST_TEST(most - heap->usage().used < test::block_bytes(bytes, checked));
        while (void* const p = heap->try_allocate(1)) blocks.push_back({p, 1});
        BOOST_TEST(heap->available() < test::block_bytes(1, checked));
        BOOST_TEST(heap->check());
        if (seed == 0) std::reverse(blocks.begin(), blocks.end());
        if (seed == 2) test::give_all_at_random(*heap, blocks);
        test::give_all(*heap, blocks);
        BOOST_TEST(heap->available() == most);
        const std::size_t all = test::request_for(most, checked);
        void* const whole = heap->try_allocate(all);
        BOOST_TEST_REQUIRE(whole != nullptr);
        test::fill(whole, all, 1);
        BOOST_TEST(heap->available() == 0u);
        BOOST_TEST(heap->try_allocate(1) == nullptr);
        BOOST_TEST(heap->check());
        heap->deallocate(whole, all);
        BOOST_TEST(heap->try_allocate(all + 1) == nullptr);
        BOOST_TEST(heap->check());
      }
    }
  }
  BOOST_TEST(watch.nothing());
}

// ---- fragmentation

BOOST_AUTO_TEST_CASE(what_lies_between_small_blocks_is_no_large_one) {
  grounded_heap heap(ground::buffer);
  std::vector<held_block> kept;
  std::vector<held_block> gone;
  const std::size_t whole = heap->available();
  while (void* const p = heap->try_allocate(64)) (kept.size() == gone.size() ? kept : gone).push_back({p, 64});
  const std::size_t each = test::block_bytes(64);
  test::give_all_at_random(*heap, gone);
  const heap_statistics now = heap->statistics();
  BOOST_TEST(now.largest_free < 2 * each);
  BOOST_TEST(now.fragmentation > 0.99);
  BOOST_TEST(now.free_bytes > whole / 2 - 4 * each);
  BOOST_TEST(heap->try_allocate(2 * each) == nullptr);  // though half of all is free
  // The free places serve requests of their size to the last.
  std::size_t served = 0;
  while (void* const p = heap->try_allocate(64)) {
    gone.push_back({p, 64});
    ++served;
  }
  BOOST_TEST(served >= whole / each / 2 - 1);
  BOOST_TEST(heap->statistics().free_bytes < each);
  test::give_all_at_random(*heap, gone);
  test::give_all_at_random(*heap, kept);
  BOOST_TEST(heap->try_allocate(test::request_for(whole)) != nullptr);
}

BOOST_AUTO_TEST_CASE(phases_that_push_and_pop_leave_room_for_large_blocks) {
  const misuse_watch watch;
  for (const ground where : {ground::pages, ground::upstream}) {
    grounded_heap heap(where);
    std::mt19937 random(3);
    std::vector<held_block> stack;
    std::size_t committed = 0;
    for (int phase = 0; phase < 12; ++phase) {
      while (stack.size() < 4000) stack.push_back(test::take(*heap, random() % 900 + 1));
      while (stack.size() > 300) {
        test::give(*heap, stack.back());
        stack.pop_back();
      }
      const held_block large = test::take(*heap, 1'000'000);
      test::give(*heap, large);
      BOOST_TEST(heap->check());
      if (phase == 2) committed = heap->usage().committed;
      if (phase > 2) BOOST_TEST(heap->usage().committed <= committed);
    }
    test::give_all(*heap, stack);
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(random_sizes_that_come_and_go_for_long_waste_little) {
  for (const bool powers : {false, true}) {
    coalescing_heap heap;
    std::mt19937 random(4);
    std::vector<held_block> blocks;
    const auto some = [&] { return powers ? std::size_t{1} << (random() % 10 + 3) : random() % 4000 + 1; };
    while (blocks.size() < 2000) blocks.push_back(test::take(heap, some()));
    for (int step = 0; step < 200'000; ++step) {
      held_block& chosen = blocks[random() % blocks.size()];
      test::give(heap, chosen);
      chosen = test::take(heap, some());
    }
    const heap_statistics now = heap.statistics();
    BOOST_TEST(static_cast<double>(now.free_bytes) < 0.35 * static_cast<double>(now.live_bytes), powers);
    BOOST_TEST(now.metadata < now.live_bytes / 20);
    BOOST_TEST(heap.check());
  }
}

BOOST_AUTO_TEST_CASE(a_request_that_comes_again_is_served_by_the_block_it_had) {
  grounded_heap heap(ground::buffer);
  for (const std::size_t bytes : {std::size_t{16}, std::size_t{200}, std::size_t{5000}, std::size_t{70'000}}) {
    const std::vector<held_block> blocks = test::take_many(*heap, 5, bytes);
    for (int round = 0; round < 3; ++round) {
      test::give(*heap, blocks[2]);
      BOOST_TEST(heap->allocate(bytes) == blocks[2].p);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_end_of_the_newest_range_comes_last) {
  grounded_heap heap(ground::buffer);
  std::vector<held_block> blocks = test::take_many(*heap, 10, 400);
  test::give(*heap, blocks[4]);
  // A small piece of a block there is, not of the end.
  BOOST_TEST(heap->allocate(16) == blocks[4].p);
  const void* const next = heap->allocate(100);
  BOOST_TEST((next > blocks[4].p && next < blocks[5].p));
  BOOST_TEST(heap->check());
}

BOOST_AUTO_TEST_SUITE_END()
