#include <algorithm>
#include <allot/block/reserved_range.hpp>
#include <allot/core/byte_size.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/os/virtual_memory.hpp>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <functional>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/access.hpp"
#include "support/bytes.hpp"
#include "support/child.hpp"
#include "support/neighbour.hpp"

using namespace allot;
using namespace allot::literals;
using test::all_are;
using test::neighbour;

namespace {

const std::size_t page = test::system_page_size();
constexpr std::size_t max = std::numeric_limits<std::size_t>::max();

/// A range of that many bytes; the test ends where the system has none.
reserved_range range_of(std::size_t bytes, std::size_t page_size = page) {
  reserved_range range;
  BOOST_REQUIRE(range.reserve(bytes, bytes, {page_size}));
  return range;
}

/// What a range is, to be compared.
struct picture {
  explicit picture(const reserved_range& range)
      : data(range.data()), size(range.size()), committed(range.committed()) {}
  const std::byte* data;
  std::size_t size;
  std::size_t committed;
  friend bool operator==(const picture& a, const picture& b) {
    return a.data == b.data && a.size == b.size && a.committed == b.committed;
  }
};

/// Where a range and the guard behind it end.
const std::byte* end_of(const reserved_range& range) { return range.data() + range.size() + page; }

static_assert(!std::is_copy_constructible_v<reserved_range> && std::is_nothrow_move_constructible_v<reserved_range>);

}  // namespace

BOOST_AUTO_TEST_SUITE(reserved_ranges)

BOOST_AUTO_TEST_CASE(a_range_without_memory_refuses_and_faults_nowhere) {
  reserved_range range;
  BOOST_TEST(range.empty());
  BOOST_TEST(range.data() == nullptr);
  BOOST_TEST(range.size() == 0u);
  BOOST_TEST(static_cast<bool>(range.commit(0)));
  BOOST_TEST(!range.commit(1));
  BOOST_TEST(static_cast<bool>(range.decommit(0)));
  BOOST_TEST(static_cast<bool>(range.decommit(page)));
  BOOST_TEST(!range.resize(0, true));
  BOOST_TEST(!range.resize(page, true));
  range.release();
  range.release();
  BOOST_TEST(range.empty());
}

BOOST_AUTO_TEST_CASE(sizes_are_whole_pages_of_the_size_asked_for) {
  for (const std::size_t unit : {page, 2 * page, 3 * page, 16 * page, std::size_t{2_MiB}}) {
    for (const std::size_t bytes : {std::size_t{1}, page, unit, unit + 1, 5 * unit - 1}) {
      reserved_range range = range_of(bytes, unit);
      BOOST_TEST(range.size() == (bytes + unit - 1) / unit * unit);
      BOOST_TEST(range.committed() == 0u);
      BOOST_TEST(!range.empty());
      if (is_power_of_two(unit)) BOOST_TEST(is_aligned(range.data(), unit));
      BOOST_TEST(!test::readable(range.data()));
      BOOST_TEST(static_cast<bool>(range.commit(1)));
      BOOST_TEST(range.committed() % unit == 0u);
      BOOST_TEST(range.committed() <= range.size());
      BOOST_TEST(static_cast<bool>(range.commit(range.size())));
      BOOST_TEST(range.committed() == range.size());
      BOOST_TEST(all_are(range.data(), range.size(), 0));
      std::memset(range.data(), 1, range.size());
      BOOST_TEST(!test::readable(range.data() + range.size()));  // the page that always faults
      const picture before(range);
      BOOST_TEST((range.commit(range.size() + 1).error == memory_errc::limit_reached));
      BOOST_TEST((picture(range) == before));
    }
  }
}

BOOST_AUTO_TEST_CASE(sizes_that_cannot_be_are_refused_and_change_nothing) {
  reserved_range range = range_of(page);
  const picture before(range);
  for (const std::size_t bytes : {max, max - page, max_object_bytes, max_object_bytes - page + 1}) {
    BOOST_TEST((range.reserve(bytes, bytes, {page}).error == memory_errc::size_overflow));
    BOOST_TEST((range.resize(bytes, true).error == memory_errc::size_overflow));
  }
  BOOST_TEST(!range.reserve(test::beyond_addresses, test::beyond_addresses, {page}));
  BOOST_TEST(!range.resize(test::beyond_addresses, true));
  BOOST_TEST((range.resize(0, true).error == memory_errc::invalid_size));
  BOOST_TEST((picture(range) == before));
}

BOOST_AUTO_TEST_CASE(a_refused_reservation_is_halved_down_to_the_least) {
  if (test::few_addresses()) return test::skip(test::addresses_are_few);
  reserved_range range;
  BOOST_TEST(static_cast<bool>(range.reserve(test::beyond_addresses, page, {page})));
  BOOST_TEST(range.size() < test::beyond_addresses);
  {
    const os::failure_injection injection(1, os::os_call::map);
    BOOST_TEST(static_cast<bool>(range.reserve(8 * page, 3 * page, {page})));
  }
  BOOST_TEST(range.size() == 4 * page);
  {
    const os::failure_injection injection(1, os::os_call::map, os::failure_injection::rule::from_then_on);
    BOOST_TEST(!range.reserve(8 * page, page, {page}));
    BOOST_TEST(injection.calls() == 4u);  // 8, 4, 2, 1
  }
  BOOST_TEST(range.size() == 4 * page);  // what there was
}

BOOST_AUTO_TEST_CASE(a_refused_commit_is_tried_again_with_what_is_needed) {
  reserved_range range = range_of(4_MiB);
  const std::size_t first = 128_KiB;  // from there on more would be taken, also with pages of 64 KiB
  BOOST_TEST(static_cast<bool>(range.commit(first)));
  {
    const os::failure_injection injection(1);
    BOOST_TEST(static_cast<bool>(range.commit(first + 1)));
    BOOST_TEST(injection.fired());
  }
  BOOST_TEST(range.committed() == first + page);
  BOOST_TEST(all_are(range.data(), first + page, 0));
  const os::failure_injection injection(1, os::os_call::any, os::failure_injection::rule::from_then_on);
  BOOST_TEST(!range.commit(1_MiB));
  BOOST_TEST(range.committed() == first + page);
}

BOOST_AUTO_TEST_CASE(decommitted_memory_faults_and_reads_zero_when_committed_again) {
  reserved_range range = range_of(4_MiB);
  BOOST_TEST(static_cast<bool>(range.commit(3_MiB)));
  std::memset(range.data(), 1, 3_MiB);
  BOOST_TEST(static_cast<bool>(range.decommit(page + 1)));
  BOOST_TEST(range.committed() == 2 * page);
  BOOST_TEST(all_are(range.data(), 2 * page, 1));
  BOOST_TEST(!test::readable(range.data() + 2 * page));
  BOOST_TEST(static_cast<bool>(range.decommit(1_MiB)));  // there is less
  BOOST_TEST(range.committed() == 2 * page);
  BOOST_TEST(static_cast<bool>(range.commit(3_MiB)));
  BOOST_TEST(all_are(range.data(), 2 * page, 1));
  BOOST_TEST(all_are(range.data() + 2 * page, 3_MiB - 2 * page, 0));
  BOOST_TEST(static_cast<bool>(range.decommit(0)));
  BOOST_TEST(range.committed() == 0u);
  BOOST_TEST(!range.empty());
}

BOOST_AUTO_TEST_CASE(a_range_grows_in_place_or_moves_and_its_contents_stay) {
  for (const bool in_the_way : {false, true}) {
    for (const bool may_move : {false, true}) {
      for (const std::size_t committed : {std::size_t{0}, std::size_t{1}, std::size_t{1_MiB}}) {
        reserved_range range = range_of(1_MiB);
        BOOST_TEST(static_cast<bool>(range.commit(committed)));
        if (range.committed() != 0) std::memset(range.data(), 7, range.committed());
        const picture before(range);
        std::optional<neighbour> there;
        if (in_the_way) there.emplace(end_of(range));
        const os::status outcome = range.resize(5_MiB, may_move);
        if (in_the_way && !may_move) {
          BOOST_TEST((outcome.error == memory_errc::address_in_use));
          BOOST_TEST((picture(range) == before));
          continue;
        }
        if (!may_move && !outcome) continue;  // something else is there
        BOOST_TEST(static_cast<bool>(outcome));
        if (in_the_way) BOOST_TEST(range.data() != before.data);
        BOOST_TEST(range.size() == 5_MiB);
        BOOST_TEST(range.committed() == before.committed);
        if (before.committed != 0) BOOST_TEST(all_are(range.data(), before.committed, 7));
        BOOST_TEST(static_cast<bool>(range.commit(5_MiB)));
        BOOST_TEST(all_are(range.data() + before.committed, 5_MiB - before.committed, 0));
        BOOST_TEST(!test::readable(range.data() + 5_MiB));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_range_can_grow_and_be_committed_at_once) {
  for (const bool in_the_way : {false, true}) {
    reserved_range range = range_of(1_MiB);
    BOOST_TEST(static_cast<bool>(range.commit(1)));
    std::memset(range.data(), 7, range.committed());
    const picture before(range);
    std::optional<neighbour> there;
    if (in_the_way) there.emplace(end_of(range));
    BOOST_TEST((range.resize(2_MiB, true, 2_MiB + 1).error == memory_errc::limit_reached));
    BOOST_TEST((picture(range) == before));
    BOOST_TEST(static_cast<bool>(range.resize(5_MiB, true, 3_MiB)));
    BOOST_TEST(range.size() == 5_MiB);
    BOOST_TEST(range.committed() >= 3_MiB);
    BOOST_TEST(all_are(range.data(), before.committed, 7));
    BOOST_TEST(all_are(range.data() + before.committed, range.committed() - before.committed, 0));
    std::memset(range.data(), 1, range.committed());
    if (range.committed() < range.size()) BOOST_TEST(!test::readable(range.data() + range.committed()));
  }
}

BOOST_AUTO_TEST_CASE(a_range_shrinks_in_place_and_what_was_behind_is_gone) {
  const std::size_t maps = test::map_count();
  {
    reserved_range range = range_of(4_MiB);
    BOOST_TEST(static_cast<bool>(range.commit(4_MiB)));
    std::memset(range.data(), 7, 4_MiB);
    const std::byte* const data = range.data();
    for (const std::size_t size : {std::size_t{4_MiB} - page, std::size_t{1_MiB}, page}) {
      BOOST_TEST(static_cast<bool>(range.resize(size - 1, false)));
      BOOST_TEST(range.data() == data);
      BOOST_TEST(range.size() == size);
      BOOST_TEST(range.committed() == size);
      BOOST_TEST(all_are(data, size, 7));
      BOOST_TEST(!test::readable(data + size));
    }
    BOOST_TEST(static_cast<bool>(range.resize(1_MiB, true)));
    BOOST_TEST(static_cast<bool>(range.commit(1_MiB)));
    BOOST_TEST(all_are(range.data(), page, 7));
    BOOST_TEST(all_are(range.data() + page, 1_MiB - page, 0));
  }
  if (!test::under_thread_sanitizer()) BOOST_TEST(test::map_count() <= maps + 1);
}

BOOST_AUTO_TEST_CASE(a_moved_range_leaves_an_empty_one) {
  reserved_range from = range_of(1_MiB);
  BOOST_TEST(static_cast<bool>(from.commit(1)));
  const picture before(from);
  reserved_range to(std::move(from));
  BOOST_TEST((picture(to) == before));
  BOOST_TEST(from.empty());
  BOOST_TEST(from.size() == 0u);
  BOOST_TEST(from.committed() == 0u);
  from.release();
  std::memset(to.data(), 1, to.committed());
  BOOST_TEST(static_cast<bool>(from.reserve(page, page, {page})));
}

BOOST_AUTO_TEST_CASE(address_space_that_was_released_is_gone) {
  reserved_range range = range_of(1_MiB);
  BOOST_TEST(static_cast<bool>(range.commit(1_MiB)));
  const std::byte* const data = range.data();
  range.release();
  BOOST_TEST(range.empty());
  BOOST_TEST(!test::readable(data));
  range.release();
  BOOST_TEST(static_cast<bool>(range.reserve(page, page, {page})));
  BOOST_TEST(static_cast<bool>(range.reserve(2 * page, page, {page})));  // in place of that
  BOOST_TEST(range.size() == 2 * page);
}

BOOST_AUTO_TEST_CASE(every_failure_of_the_system_leaves_the_range_as_it_was) {
  using step = std::function<os::status(reserved_range&)>;
  const std::vector<step> steps{
      [](reserved_range& range) { return range.reserve(2_MiB, 2_MiB, {page}); },
      [](reserved_range& range) { return range.commit(100); },
      [](reserved_range& range) { return range.commit(600_KiB); },
      [](reserved_range& range) { return range.resize(4_MiB, true); },
      [](reserved_range& range) { return range.commit(3_MiB); },
      [](reserved_range& range) { return range.resize(300_KiB, true); },
      [](reserved_range& range) { return range.resize(8_MiB, true); },
      [](reserved_range& range) { return range.commit(5_MiB); },
      [](reserved_range& range) { return range.decommit(200_KiB); },
      [](reserved_range& range) { return range.commit(8_MiB); },
      [](reserved_range& range) { return range.resize(16_MiB, true, 12_MiB); },
      [](reserved_range& range) { return range.resize(16_MiB, true, 14_MiB); },
  };
  std::size_t failures = 0;
  for (const bool in_the_way : {false, true}) {
    bool fired = true;
    for (std::size_t nth = 1; fired; ++nth) {
      reserved_range range;
      std::optional<os::failure_injection> injection(std::in_place, nth);
      fired = false;
      std::size_t written = 0;
      for (std::size_t i = 0; i < steps.size(); ++i) {
        const picture before(range);
        std::optional<neighbour> there;
        if (in_the_way && !range.empty()) there.emplace(end_of(range));
        if (!steps[i](range)) {
          ++failures;
          BOOST_TEST(injection.has_value());
          fired = injection->fired();
          injection.reset();
          BOOST_TEST((picture(range) == before), "step " << i);
          if (written != 0) BOOST_TEST(all_are(range.data(), written, 7), "step " << i);
          BOOST_REQUIRE(steps[i](range));
        }
        // What there was is there, what came reads zero.
        written = std::min(written, range.committed());
        if (range.committed() == 0) continue;
        BOOST_TEST(all_are(range.data(), written, 7), "step " << i << ", call " << nth);
        BOOST_TEST(all_are(range.data() + written, range.committed() - written, 0), "step " << i << ", call " << nth);
        std::memset(range.data(), 7, range.committed());
        written = range.committed();
      }
      if (injection) fired = injection->fired();
    }
  }
  BOOST_TEST(failures > 5u);
}

BOOST_AUTO_TEST_SUITE_END()
