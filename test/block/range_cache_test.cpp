#include <allot/block/range_cache.hpp>
#include <allot/core/byte_size.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdint>

using namespace allot;
using namespace allot::literals;
using extent = range_cache::extent;

namespace {

/// Nothing is ever read there: the cache knows addresses as numbers only.
std::byte* at(std::size_t address) { return reinterpret_cast<std::byte*>(static_cast<std::uintptr_t>(address)); }

constexpr std::size_t size = 1_MiB;

}  // namespace

BOOST_AUTO_TEST_SUITE(range_caches)

BOOST_AUTO_TEST_CASE(the_newest_range_of_exactly_that_size_is_taken) {
  range_cache cache(8, 1_GiB);
  cache.put({at(0x10000), size, 100});
  cache.put({at(0x20000), 2 * size, 200});
  cache.put({at(0x30000), size, 300});
  cache.put({at(0x40000), 2 * size, 400});
  BOOST_TEST(cache.count() == 4u);
  BOOST_TEST(cache.bytes() == 1000u);
  BOOST_TEST(cache.take(size - 1, 1).data == nullptr);
  BOOST_TEST(cache.take(size + 1, 1).data == nullptr);
  const extent newest = cache.take(size, 1);
  BOOST_TEST(newest.data == at(0x30000));
  BOOST_TEST(newest.size == size);
  BOOST_TEST(newest.committed == 300u);
  BOOST_TEST(cache.bytes() == 700u);
  BOOST_TEST(cache.take(size, 1).data == at(0x10000));
  BOOST_TEST(cache.take(size, 1).data == nullptr);
  BOOST_TEST(cache.take(2 * size, 1).data == at(0x40000));
  BOOST_TEST(cache.count() == 1u);
  BOOST_TEST(cache.bytes() == 200u);
}

BOOST_AUTO_TEST_CASE(a_range_is_taken_only_where_its_address_suits) {
  range_cache cache(8, 1_GiB);
  cache.put({at(0x200000), size, 0});
  cache.put({at(0x201000), size, 0});
  BOOST_TEST(cache.take(size, 0x400000).data == nullptr);
  BOOST_TEST(cache.take(size, 0x200000).data == at(0x200000));
  BOOST_TEST(cache.take(size, 0x1000).data == at(0x201000));
}

BOOST_AUTO_TEST_CASE(the_oldest_goes_first_whatever_was_taken_between) {
  range_cache cache(8, 1_GiB);
  for (std::size_t i = 1; i <= 5; ++i) cache.put({at(i * 0x10000), i * size, i});
  BOOST_TEST(cache.take(3 * size, 1).data == at(0x30000));
  for (const std::size_t i : {1u, 2u, 4u, 5u}) {
    const extent oldest = cache.take_oldest();
    BOOST_TEST(oldest.data == at(i * 0x10000));
    BOOST_TEST(oldest.size == i * size);
    BOOST_TEST(oldest.committed == i);
  }
  BOOST_TEST(cache.take_oldest().data == nullptr);
  BOOST_TEST(cache.count() == 0u);
  BOOST_TEST(cache.bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(it_is_bounded_in_ranges) {
  range_cache cache(2, 1_GiB);
  BOOST_TEST(cache.has_room(0));
  cache.put({at(0x10000), size, 0});
  BOOST_TEST(cache.has_room(0));
  cache.put({at(0x20000), size, 0});
  BOOST_TEST(!cache.has_room(0));
  BOOST_TEST(cache.may_hold(0));  // in place of an older one
  (void)cache.take_oldest();
  BOOST_TEST(cache.has_room(0));

  range_cache large(1000, 1_GiB);
  std::size_t held = 0;
  for (; large.has_room(0); ++held) large.put({at((held + 1) * 0x10000), size, 0});
  BOOST_TEST(held == range_cache::most_ranges);
  for (; large.take_oldest().data != nullptr; --held) {
  }
  BOOST_TEST(held == 0u);
}

BOOST_AUTO_TEST_CASE(it_is_bounded_in_committed_bytes_and_in_those_of_one_range) {
  range_cache cache(8, 1000);
  BOOST_TEST(cache.share() == 250u);
  BOOST_TEST(cache.may_hold(250));
  BOOST_TEST(!cache.may_hold(251));
  for (std::size_t i = 1; i <= 3; ++i) cache.put({at(i * 0x10000), size, 250});
  BOOST_TEST(cache.has_room(250));
  BOOST_TEST(!cache.has_room(251));
  cache.put({at(0x40000), size, 249});
  BOOST_TEST(cache.has_room(1));
  BOOST_TEST(!cache.has_room(2));
  BOOST_TEST(cache.may_hold(2));
  (void)cache.take_oldest();
  BOOST_TEST(cache.has_room(251));
}

BOOST_AUTO_TEST_CASE(one_that_may_hold_nothing_holds_nothing) {
  const range_cache none(0, 1_GiB);
  BOOST_TEST(!none.has_room(0));
  BOOST_TEST(!none.may_hold(0));
  const range_cache no_memory(8, 0);
  BOOST_TEST(no_memory.has_room(0));  // addresses alone
  BOOST_TEST(!no_memory.has_room(1));
  BOOST_TEST(!no_memory.may_hold(1));
}

BOOST_AUTO_TEST_SUITE_END()
