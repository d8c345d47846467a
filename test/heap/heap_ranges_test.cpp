// Heaps of many ranges, side by side and far apart.

#include <algorithm>
#include <allot/block/page_resource.hpp>
#include <allot/heap/heap_range.hpp>
#include <allot/heap/range_list.hpp>
#include <allot/os/virtual_memory.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <new>
#include <random>
#include <vector>

#include "heap/heaps.hpp"
#include "support/access.hpp"
#include "support/bytes.hpp"
#include "support/child.hpp"
#include "support/misuse_watch.hpp"

using namespace allot;
using test::held_block;
using test::misuse_watch;
using test::number_of;

namespace {

constexpr std::size_t chunk = 4096;

heap_options with_chunks_of(std::size_t bytes) {
  heap_options options;
  options.first_chunk = options.largest_chunk = bytes;
  return options;
}

/// Hands out pieces of a buffer side by side, upwards or downwards, and looks that they come back as they went.
class side_by_side final : public std::pmr::memory_resource {
 public:
  explicit side_by_side(bool upwards) : upwards_(upwards), next_(upwards ? 0 : size) {}

  std::size_t live() const { return live_; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t) override {
    bytes = (bytes + 15) / 16 * 16;
    if (bytes > (upwards_ ? size - next_ : next_)) throw std::bad_alloc();
    ++live_;
    if (!upwards_) return memory_.get() + (next_ -= bytes);
    next_ += bytes;
    return memory_.get() + next_ - bytes;
  }
  void do_deallocate(void*, std::size_t, std::size_t) override { --live_; }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  static constexpr std::size_t size = std::size_t{4} << 20;
  bool upwards_;
  std::size_t next_;
  std::size_t live_ = 0;
  std::unique_ptr<std::byte[]> memory_{new std::byte[size]};
};

/// Hands out pages terabytes apart, in no order.
class far_apart final : public std::pmr::memory_resource {
 public:
  std::size_t live() const { return live_; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t) override {
    constexpr std::array<std::uintptr_t, 7> order{5, 1, 7, 3, 2, 6, 4};
    const std::uintptr_t hint = order[made_ % order.size()] * (std::uintptr_t{1} << (sizeof(void*) > 4 ? 43 : 28)) +
                                made_ * (std::uintptr_t{1} << (sizeof(void*) > 4 ? 30 : 22));
    const os::mapping made = os::reserve(in_pages(bytes), 1, {os::placement::how::hint, reinterpret_cast<void*>(hint)});
    if (!made || !os::commit(made.address, in_pages(bytes))) throw std::bad_alloc();
    ++made_;
    ++live_;
    return made.address;
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t) override {
    --live_;
    (void)os::release(p, in_pages(bytes));
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  static std::size_t in_pages(std::size_t bytes) {
    const std::size_t page = test::system_page_size();
    return (bytes + page - 1) / page * page;
  }
  std::size_t made_ = 0;
  std::size_t live_ = 0;
};

/// Fills many ranges with blocks, looks at them from all sides, and frees them in the order the seed says.
template <class Upstream>
void fill_and_free(Upstream& upstream, unsigned seed, bool checked) {
  heap_options options = with_chunks_of(chunk);
  options.checked = checked;
  coalescing_heap heap(options, &upstream);
  std::mt19937 random(seed);
  std::vector<held_block> blocks;
  while (upstream.live() < 45) {  // more than the list of ranges has room for at first, and then
    blocks.push_back(test::take(heap, random() % 700, std::size_t{1} << random() % 6));
    test::fill(blocks.back().p, blocks.back().bytes, static_cast<unsigned>(blocks.size()));
  }
  BOOST_TEST(heap.check());
  BOOST_TEST(test::holds_just(heap, blocks, checked));
  bool good = true;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto* const p = static_cast<const std::byte*>(blocks[i].p);
    good = good && test::all_are(p, blocks[i].bytes, static_cast<unsigned>(i + 1));
    good = good && heap.owns(p) && heap.find_block(p + blocks[i].bytes / 2).begin == p;
  }
  for (const heap_block& each : heap.blocks()) {
    // Right before a block and behind it is another one, or no block.
    for (const std::byte* const at : {each.address - 1, each.address + each.bytes}) {
      const block_info beside = heap.find_block(at);
      good = good && beside.begin != each.address && (beside.state != block_state::unknown) == heap.owns(at);
    }
  }
  BOOST_TEST(good);
  std::shuffle(blocks.begin(), blocks.end(), random);
  while (!blocks.empty()) {
    test::give(heap, blocks.back());
    blocks.pop_back();
    if (blocks.size() % 100 != 0) continue;
    BOOST_TEST(heap.check());
    BOOST_TEST(test::holds_just(heap, blocks, checked));
    if (blocks.size() % 200 == 0) (void)heap.trim();
    BOOST_TEST(heap.check());
  }
  BOOST_TEST(heap.usage().used == 0u);
  (void)heap.trim();
  BOOST_TEST(upstream.live() == 0u);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(heap_ranges)

BOOST_AUTO_TEST_CASE(ranges_side_by_side_stay_apart) {
  const misuse_watch watch;
  for (const bool upwards : {true, false}) {
    for (unsigned seed = 1; seed <= 4; ++seed) {
      side_by_side upstream(upwards);
      fill_and_free(upstream, seed, seed % 2 == 0);
    }
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(ranges_terabytes_apart_are_found) {
  if (test::under_thread_sanitizer()) return test::skip("ThreadSanitizer has these addresses for itself");
  const misuse_watch watch;
  for (unsigned seed = 1; seed <= 4; ++seed) {
    far_apart upstream;
    fill_and_free(upstream, seed, seed % 2 == 0);
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(free_blocks_at_the_ends_of_two_ranges_do_not_merge) {
  side_by_side upstream(true);
  coalescing_heap heap(with_chunks_of(chunk), &upstream);
  std::vector<held_block> blocks;
  while (upstream.live() < 3) blocks.push_back(test::take(heap, 300));
  test::give_all(heap, blocks);
  BOOST_TEST(heap.statistics().free_blocks == 3u);
  BOOST_TEST(heap.check());
}

BOOST_AUTO_TEST_CASE(what_an_older_range_has_free_serves_before_the_newest_ranges_end) {
  side_by_side upstream(true);
  coalescing_heap heap(with_chunks_of(chunk), &upstream);
  std::vector<held_block> blocks;
  while (upstream.live() < 3) blocks.push_back(test::take(heap, 300));
  test::give(heap, blocks[2]);
  BOOST_TEST(heap.allocate(300) == blocks[2].p);
}

BOOST_AUTO_TEST_CASE(reservations_are_added_as_they_fill) {
  heap_options options;
  options.reserve = std::size_t{64} << 10;
  coalescing_heap heap(options);
  std::vector<held_block> blocks;
  for (int i = 0; i < 3000; ++i) blocks.push_back(test::take(heap, static_cast<std::size_t>(i) % 1000));
  BOOST_TEST(heap.usage().reserved >= 20u * (std::size_t{64} << 10));
  BOOST_TEST(heap.check());
  BOOST_TEST(test::holds_just(heap, blocks));
  test::give_all_at_random(heap, blocks);
  BOOST_TEST(heap.check());
  const std::size_t committed = heap.usage().committed;
  BOOST_TEST(heap.trim() == committed);
  BOOST_TEST((heap.usage().reserved == 0));
}

// ---- the parts

BOOST_AUTO_TEST_CASE(memory_for_a_range_of_some_granules_is_enough_wherever_it_lies) {
  std::vector<std::byte> memory(20'000);
  for (std::size_t granules = 1; granules < 700; granules += granules < 140 ? 1 : 31) {
    const std::size_t bytes = heap_range::bytes_for(granules);
    for (std::size_t offset = 0; offset < 17; ++offset) {
      BOOST_TEST_REQUIRE(heap_range::granules_in(memory.data() + offset, bytes) >= granules);
      heap_range* const range = heap_range::make_in(memory.data() + offset, bytes, false);
      BOOST_TEST_REQUIRE(range != nullptr);
      BOOST_TEST_REQUIRE(range->most_granules() >= granules);
      BOOST_TEST_REQUIRE(number_of(range->begin()) % 16 == 0u);
      BOOST_TEST_REQUIRE(range->begin() + range->most_granules() * 16 <= memory.data() + offset + bytes);
      BOOST_TEST_REQUIRE(range->held_bytes() == bytes);
      BOOST_TEST_REQUIRE(range->granules() == range->most_granules());
      BOOST_TEST_REQUIRE(range->table().is_start(range->granules()));
      heap_range::drop(*range);
    }
  }
}

BOOST_AUTO_TEST_CASE(of_memory_no_more_is_lost_than_must_be) {
  std::vector<std::byte> memory(100'000);
  for (std::size_t bytes = 0; bytes < memory.size(); bytes += bytes < 3000 ? 1 : 997) {
    const std::size_t granules = heap_range::granules_in(memory.data(), bytes);
    BOOST_TEST_REQUIRE(granules * 16 <= bytes);
    if (granules != 0) BOOST_TEST_REQUIRE(heap_range::bytes_for(granules) <= bytes + 15);
    BOOST_TEST_REQUIRE(heap_range::bytes_for(granules + 1) > bytes);
    if (bytes > 1000) BOOST_TEST_REQUIRE(granules * 16 >= bytes - bytes / 64 - 250);
  }
  BOOST_TEST(heap_range::make_in(nullptr, 10'000, false) == nullptr);
  BOOST_TEST(heap_range::make_in(memory.data(), 0, false) == nullptr);
}

BOOST_AUTO_TEST_CASE(a_list_of_ranges_finds_the_one_that_holds_an_address) {
  page_resource pages;
  for (const unsigned seed : {1U, 2U}) {
    std::mt19937 random(seed);
    constexpr std::size_t bytes = 2048;
    std::vector<std::byte> memory(bytes * 100);
    std::vector<heap_range*> all;
    for (std::size_t i = 0; i < 100; ++i) {
      all.push_back(heap_range::make_in(memory.data() + i * bytes, bytes, false));
      BOOST_TEST_REQUIRE(static_cast<bool>(all.back()->grow(1)));
    }
    range_list list(seed == 1 ? nullptr : &pages);
    std::vector<heap_range*> listed;
    const auto agrees = [&] {
      std::sort(listed.begin(), listed.end(), [](auto* a, auto* b) { return a->begin() < b->begin(); });
      bool good = list.size() == listed.size() && list.empty() == listed.empty();
      for (std::size_t i = 0; i < listed.size() && good; ++i)
        good = &list[i] == listed[i] && list.index_of(*listed[i]) == i;
      for (heap_range* const range : all) {
        const bool there = std::find(listed.begin(), listed.end(), range) != listed.end();
        heap_range* const expected = there ? range : nullptr;
        good = good && list.find(range->begin()) == expected && list.find(range->at(range->granules()) - 1) == expected;
        good = good && list.find(range->at(range->granules())) == nullptr && list.find(range->begin() - 1) == nullptr;
        if (there) good = good && &list.find_node(range->node_of(0)) == range;
      }
      return good;
    };
    BOOST_TEST(list.find(memory.data()) == nullptr);
    for (int round = 0; round < 3; ++round) {
      std::vector<heap_range*> order = all;
      std::shuffle(order.begin(), order.end(), random);
      for (heap_range* const each : order) {
        list.make_room();
        list.add(*each);
        listed.push_back(each);
        BOOST_TEST(list.find(each->begin()) == each);
        if (listed.size() % 9 == 0) BOOST_TEST(agrees());
      }
      BOOST_TEST(agrees());
      BOOST_TEST(list.table_bytes() >= 100 * sizeof(void*));
      std::shuffle(order.begin(), order.end(), random);
      for (heap_range* const each : order) {
        if (round == 1 && listed.size() == 50) break;
        list.remove(*each);
        listed.erase(std::find(listed.begin(), listed.end(), each));
        if (listed.size() % 9 == 0) BOOST_TEST(agrees());
      }
      if (round == 1) {
        list.clear();
        listed.clear();
      }
      BOOST_TEST(agrees());
      BOOST_TEST(list.table_bytes() == 0u);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
