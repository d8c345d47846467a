#include <allot/block/slot_range.hpp>
#include <allot/os/failure_injection.hpp>
#include <boost/test/unit_test.hpp>
#include <limits>

#include "support/access.hpp"

using namespace allot;

namespace {

const std::size_t page = test::system_page_size();

}  // namespace

BOOST_AUTO_TEST_SUITE(slot_ranges)

BOOST_AUTO_TEST_CASE(a_range_holds_nothing_before_it_is_opened_and_after_it_is_closed) {
  slot_range range(10, 1);
  for (int round = 0; round < 2; ++round) {
    BOOST_TEST(range.bytes() == 0u);
    BOOST_TEST(!range.contains(nullptr));
    BOOST_TEST(!range.contains(&range));
    BOOST_TEST(!!range.open());
    BOOST_TEST(!!range.open());
    BOOST_TEST(range.bytes() == 21 * page);
    range.take_new();
    range.close();
  }
}

BOOST_AUTO_TEST_CASE(slots_lie_between_guards_of_a_page) {
  slot_range range(3, page + 1);
  BOOST_TEST(range.slot_bytes() == 2 * page);
  BOOST_TEST(!!range.open());
  std::byte* const first = range.next_new();
  for (std::size_t i = 0; i < 3; ++i) {
    std::byte* const slot = range.next_new();
    BOOST_TEST(slot == first + i * 3 * page);
    BOOST_TEST(range.slot_of(slot) == slot);
    BOOST_TEST(range.slot_of(slot + 2 * page - 1) == slot);
    BOOST_TEST(!test::readable(slot));
    range.take_new();
  }
  BOOST_TEST(range.next_new() == nullptr);
  BOOST_TEST(range.contains(first - page));
  BOOST_TEST(!range.contains(first - page - 1));
  BOOST_TEST(range.contains(first + 9 * page - 1));
  BOOST_TEST(!range.contains(first + 9 * page));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_reserved_is_refused) {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  for (const std::size_t count : {std::size_t{1}, most / page, most}) {
    slot_range too_large(count, count == 1 ? most : page);
    BOOST_TEST((too_large.open().error == memory_errc::size_overflow));
    BOOST_TEST(!too_large.contains(nullptr));
  }
  slot_range range(1, 1);
  {
    const os::failure_injection injection(1);
    BOOST_TEST(!range.open());
  }
  BOOST_TEST(range.bytes() == 0u);
  BOOST_TEST(!!range.open());
}

BOOST_AUTO_TEST_CASE(a_range_of_no_slots_does_not_exist) {
  const slot_range none(0, 100);
  BOOST_TEST(!none.exists());
  BOOST_TEST(none.next_new() == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
