#include <allot/block/reservation.hpp>
#include <allot/block/reserving_resource.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/byte_size.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/os/virtual_memory.hpp>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/access.hpp"
#include "support/child.hpp"
#include "support/misuse_watch.hpp"
#include "support/usage.hpp"

using namespace allot;
using namespace allot::literals;

namespace {

const std::size_t page = test::system_page_size();
constexpr std::size_t max = std::numeric_limits<std::size_t>::max();

bool all_are(const std::byte* p, std::size_t bytes, int value) {
  return bytes == 0 || (*p == static_cast<std::byte>(value) && std::memcmp(p, p + 1, bytes - 1) == 0);
}

reserving_resource_options with_policy(commit_policy policy, std::size_t step = 2_MiB) {
  reserving_resource_options options;
  options.policy = policy;
  options.fixed_step = step;
  options.huge_pages = false;
  return options;
}

/// Commits by the page, so that numbers are what was asked for.
reserving_resource_options exactly() { return with_policy(commit_policy::fixed_step, 1); }

auto with_code(memory_errc code) {
  return [code](const allocation_error& error) { return error.code() == code; };
}

/// What a reservation is, to be compared.
struct picture {
  explicit picture(const reservation& range) : data(range.data()), size(range.size()), committed(range.committed()) {}
  const std::byte* data;
  std::size_t size;
  std::size_t committed;
  friend bool operator==(const picture& a, const picture& b) {
    return a.data == b.data && a.size == b.size && a.committed == b.committed;
  }
};

/// Keeps the addresses behind a reservation, so that it cannot grow in place.
class neighbour {
 public:
  explicit neighbour(const reservation& range)
      : made_(os::reserve(page, 1, {os::placement::how::fixed, range.data() + range.size() + page})) {}
  ~neighbour() {
    if (made_) (void)os::release(made_.address, page);
  }
  neighbour(const neighbour&) = delete;
  neighbour& operator=(const neighbour&) = delete;

 private:
  os::mapping made_;
};

const test::child_program beyond{"reservation_beyond_what_is_committed", [] {
                                   reserving_resource memory(exactly());
                                   reservation range = memory.reserve(1_MiB);
                                   range.commit(page);
                                   static_cast<volatile std::byte*>(range.data())[page] = std::byte{1};
                                 }};
const test::child_program behind{"reservation_behind_its_end", [] {
                                   reserving_resource memory;
                                   reservation range = memory.reserve(1_MiB);
                                   reservation next = memory.reserve(1_MiB);
                                   range.commit(1_MiB);
                                   next.commit(1_MiB);
                                   static_cast<volatile std::byte*>(range.data())[1_MiB] = std::byte{1};
                                 }};
const test::child_program decommitted{"reservation_after_decommit", [] {
                                        reserving_resource memory;
                                        reservation range = memory.reserve(1_MiB);
                                        range.commit(1_MiB);
                                        range.decommit(0);
                                        *static_cast<volatile std::byte*>(range.data()) = std::byte{1};
                                      }};

static_assert(!std::is_copy_constructible_v<reservation> && !std::is_copy_assignable_v<reservation>);
static_assert(std::is_nothrow_move_constructible_v<reservation> && std::is_nothrow_move_assignable_v<reservation>);
static_assert(std::is_nothrow_default_constructible_v<reservation>);

}  // namespace

BOOST_AUTO_TEST_SUITE(reservations)

BOOST_AUTO_TEST_CASE(an_empty_reservation_refuses_and_has_nothing_to_give_back) {
  reservation range;
  BOOST_TEST(range.empty());
  BOOST_TEST(range.data() == nullptr);
  BOOST_TEST(range.size() == 0u);
  BOOST_TEST(range.committed() == 0u);
  BOOST_TEST(range.owner() == nullptr);
  range.commit(0);
  range.prefault(0);
  range.decommit(0);
  range.decommit(page);
  BOOST_CHECK_EXCEPTION(range.commit(1), allocation_error, with_code(memory_errc::limit_reached));
  BOOST_CHECK_EXCEPTION(range.prefault(1), allocation_error, with_code(memory_errc::limit_reached));
  BOOST_TEST((range.try_resize(page, true).error == memory_errc::invalid_block));
  range.release();
  range.release();
  BOOST_TEST(range.detach().data == nullptr);
}

BOOST_AUTO_TEST_CASE(what_is_reserved_faults_until_it_is_committed_and_reads_zero_then) {
  for (const bool huge_pages : {false, true}) {
    reserving_resource_options options;
    options.huge_pages = huge_pages;
    reserving_resource memory(options);
    reservation range = memory.reserve(5_MiB + 1);
    BOOST_TEST(range.owner() == &memory);
    BOOST_TEST(range.size() == 5_MiB + page);
    BOOST_TEST(range.committed() == 0u);
    BOOST_TEST((memory.usage() == memory_usage{5_MiB + page, 0, 0, 0, 0}));
    for (std::size_t at = 0; at < range.size(); at += page) BOOST_REQUIRE(!test::readable(range.data() + at));
    for (std::size_t needed = 1; needed <= range.size(); needed = needed * 3 + 1) {
      range.commit(needed);
      BOOST_TEST(range.committed() >= needed);
      BOOST_TEST(range.committed() % page == 0u);
      BOOST_TEST(all_are(range.data(), range.committed(), 0));
      BOOST_TEST(!test::readable(range.data() + range.committed()));
      BOOST_TEST(test::writable(range.data() + range.committed() - 1));
      const std::size_t there = range.committed();
      BOOST_TEST((memory.usage() == memory_usage{range.size(), there, there, there, 0}));
    }
    range.commit(range.size());
    BOOST_TEST(range.committed() == range.size());
    BOOST_TEST(!test::readable(range.data() + range.size()));  // the page that always faults
    BOOST_TEST(memory.check());
  }
  BOOST_TEST(test::run_child("reservation_beyond_what_is_committed").faulted());
  BOOST_TEST(test::run_child("reservation_behind_its_end").faulted());
}

BOOST_AUTO_TEST_CASE(it_is_committed_as_far_as_the_policy_says) {
  const auto committed = [](const reserving_resource_options& options, std::initializer_list<std::size_t> needs) {
    reserving_resource memory(options);
    reservation range = memory.reserve(64_MiB);
    std::vector<std::size_t> all;
    for (const std::size_t needed : needs) {
      range.commit(needed);
      all.push_back(range.committed());
    }
    return all;
  };
  using sizes = std::vector<std::size_t>;
  BOOST_TEST((committed({}, {1, 64_KiB, 64_KiB + 1}) == sizes{64_KiB, 64_KiB, 128_KiB}));
  if (os::facts().advised_page_size == 2_MiB)
    BOOST_TEST((committed({}, {2_MiB, 2_MiB + 1, 60_MiB}) == sizes{2_MiB, 4_MiB, 60_MiB}));
  BOOST_TEST((committed(with_policy(commit_policy::ladder), {1, 256_KiB, 256_KiB + 1, 1_MiB + 1}) ==
              sizes{64_KiB, 256_KiB, 512_KiB, 1280_KiB}));
  BOOST_TEST((committed(with_policy(commit_policy::fixed_step, 1_MiB), {1, 1_MiB + 1, 64_MiB - 1}) ==
              sizes{1_MiB, 2_MiB, 64_MiB}));
  BOOST_TEST((committed(with_policy(commit_policy::doubling), {1, 1_MiB, 1_MiB + 1, 33_MiB, 33_MiB + 1}) ==
              sizes{64_KiB, 1_MiB, 2_MiB, 33_MiB, 64_MiB}));
}

BOOST_AUTO_TEST_CASE(what_is_there_is_not_asked_for_again) {
  reserving_resource memory;
  reservation range = memory.reserve(8_MiB);
  range.commit(1_MiB);
  std::memset(range.data(), 7, range.committed());
  using os::os_call;
  const os::failure_injection counted(0, os_call::map | os_call::unmap | os_call::protect | os_call::remap);
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, range.committed()}) range.commit(bytes);
  BOOST_TEST(counted.calls() == 0u);
  BOOST_TEST(all_are(range.data(), range.committed(), 7));
  range.commit(range.committed() + 1);
  BOOST_TEST(counted.calls() == 1u);
  BOOST_TEST(all_are(range.data(), 1_MiB, 7));
}

BOOST_AUTO_TEST_CASE(beyond_its_size_it_says_who_and_what_the_limit_is) {
  reserving_resource_options options;
  options.name = "columns";
  reserving_resource memory(options);
  reservation range = memory.reserve(1_MiB);
  range.commit(100);
  const picture before(range);
  const memory_usage usage = memory.usage();
  for (const std::size_t bytes : {std::size_t{1_MiB + 1}, max_object_bytes, max}) {
    BOOST_CHECK_EXCEPTION(range.commit(bytes), allocation_error, [&](const allocation_error& error) {
      return error.code() == memory_errc::limit_reached && error.bytes() == bytes && error.limit() == 1_MiB &&
             error.resource_name() == "columns";
    });
    BOOST_TEST((range.try_commit(bytes).error == memory_errc::limit_reached));
    BOOST_CHECK_THROW(range.prefault(bytes), allocation_error);
  }
  BOOST_TEST((picture(range) == before));
  BOOST_TEST(memory.usage() == usage);
}

BOOST_AUTO_TEST_CASE(a_commit_does_not_go_beyond_the_most_it_is_told) {
  reserving_resource memory(with_policy(commit_policy::fixed_step, 1_MiB));
  reservation range = memory.reserve(8_MiB);
  BOOST_TEST(static_cast<bool>(range.try_commit(100, 1_MiB)));
  BOOST_TEST(range.committed() == 1_MiB);
  BOOST_TEST(static_cast<bool>(range.try_commit(1_MiB + 1, 2_MiB - 1)));  // not the whole step then
  BOOST_TEST(range.committed() == 1_MiB + page);
  BOOST_TEST((range.try_commit(1_MiB + page + 1, 1_MiB + page + 1).error == memory_errc::limit_reached));
  BOOST_TEST(range.committed() == 1_MiB + page);
  BOOST_TEST(memory.usage().committed == 1_MiB + page);
}

BOOST_AUTO_TEST_CASE(decommitted_memory_faults_and_reads_zero_when_committed_again) {
  reserving_resource memory(exactly());
  reservation range = memory.reserve(4_MiB);
  range.commit(3_MiB);
  std::memset(range.data(), 7, 3_MiB);
  range.decommit(page + 1);
  BOOST_TEST(range.size() == 4_MiB);
  BOOST_TEST(range.committed() == 2 * page);
  BOOST_TEST((memory.usage() == memory_usage{4_MiB, 2 * page, 2 * page, 3_MiB, 0}));
  BOOST_TEST(all_are(range.data(), 2 * page, 7));
  BOOST_TEST(!test::readable(range.data() + 2 * page));
  range.decommit(1_MiB);  // there is less
  range.decommit(max);
  BOOST_TEST(range.committed() == 2 * page);
  range.commit(3_MiB);
  BOOST_TEST(all_are(range.data(), 2 * page, 7));
  BOOST_TEST(all_are(range.data() + 2 * page, 3_MiB - 2 * page, 0));
  range.decommit(0);
  BOOST_TEST(range.committed() == 0u);
  BOOST_TEST(!range.empty());
  BOOST_TEST((memory.usage() == memory_usage{4_MiB, 0, 0, 3_MiB, 0}));
  BOOST_TEST(memory.check());
  BOOST_TEST(test::run_child("reservation_after_decommit").faulted());
}

BOOST_AUTO_TEST_CASE(decommitting_gives_the_memory_and_the_charge_back) {
  // Other processes' memory is in the charge as well: one quiet moment of several is enough.
  bool charge_went = false;
  for (int attempt = 0; attempt < 10 && !charge_went; ++attempt) {
    reserving_resource memory;
    reservation range = memory.reserve(300_MiB);
    const std::size_t resident = test::resident();
    const std::size_t charged = test::committed_by_system();
    range.commit(300_MiB);
    std::memset(range.data(), 7, 256_MiB);
    BOOST_TEST(test::resident() >= resident + 250_MiB);
    range.decommit(0);
    BOOST_TEST(test::resident() < resident + 50_MiB);
    charge_went = test::committed_by_system() < charged + 200_MiB;
  }
  BOOST_TEST(charge_went);
}

BOOST_AUTO_TEST_CASE(decommitting_splits_no_huge_page_and_they_come_again_afterwards) {
  if (os::facts().advised_page_size != 2_MiB) return test::skip("this system has no huge pages of 2 MiB");
  reserving_resource memory;
  reservation range = memory.reserve(64_MiB);
  BOOST_TEST(is_aligned(range.data(), 2_MiB));
  range.commit(32_MiB);
  const auto advised = [&](std::size_t at) {
    return std::string(test::map_flags(range.data() + at)).find(" hg") != std::string::npos;
  };
  const bool told = advised(0);
  std::memset(range.data(), 7, 32_MiB);
  range.decommit(3_MiB);
  BOOST_TEST(range.committed() == 4_MiB);
  range.decommit(page);
  BOOST_TEST(range.committed() == page);
  BOOST_TEST(all_are(range.data(), page, 7));
  range.commit(32_MiB);
  if (!told) return test::skip("the system does not tell of its advice, or does not take it");
  for (const std::size_t at : {std::size_t{0}, std::size_t{2_MiB}, std::size_t{8_MiB}, std::size_t{63_MiB}})
    BOOST_TEST(advised(at), at);
}

BOOST_AUTO_TEST_CASE(prefaulting_backs_memory_before_it_is_touched) {
  if (test::under_emulator()) return test::skip(test::lost_in_emulator::advice);
  reserving_resource memory(exactly());
  reservation range = memory.reserve(128_MiB);
  const std::size_t before = test::resident();
  range.prefault(0);
  BOOST_TEST(range.committed() == 0u);
  range.prefault(64_MiB - 1);
  BOOST_TEST(range.committed() == 64_MiB);
  BOOST_TEST(test::resident() >= before + 60_MiB);
  BOOST_TEST(all_are(range.data(), range.committed(), 0));
  std::memset(range.data(), 7, range.committed());
  range.prefault(64_MiB + 1);
  BOOST_TEST(range.committed() == 64_MiB + page);
  range.prefault(page);
  BOOST_TEST(all_are(range.data(), 64_MiB, 7));
}

BOOST_AUTO_TEST_CASE(a_moved_reservation_leaves_an_empty_one) {
  reserving_resource memory;
  reservation from = memory.reserve(1_MiB);
  from.commit(100);
  const picture before(from);
  const memory_usage usage = memory.usage();
  reservation to(std::move(from));
  BOOST_TEST((picture(to) == before));
  BOOST_TEST(to.owner() == &memory);
  BOOST_TEST(from.empty());
  BOOST_TEST(from.size() == 0u);
  BOOST_TEST(from.committed() == 0u);
  BOOST_TEST(from.owner() == nullptr);
  from.release();
  BOOST_TEST(memory.usage() == usage);
  from = std::move(to);
  BOOST_TEST((picture(from) == before));
  BOOST_TEST(to.empty());
  BOOST_TEST(memory.usage() == usage);
}

BOOST_AUTO_TEST_CASE(assigning_over_a_live_reservation_gives_that_back_to_its_own_resource) {
  reserving_resource one;
  reserving_resource two;
  reservation a = one.reserve(1_MiB);
  reservation b = two.reserve(2_MiB);
  a.commit(100);
  b.commit(100);
  const picture before(b);
  const test::misuse_watch watch;
  a = std::move(b);
  BOOST_TEST((picture(a) == before));
  BOOST_TEST(a.owner() == &two);
  BOOST_TEST(b.empty());
  BOOST_TEST(one.usage().used == 0u);
  BOOST_TEST(two.usage().used == before.committed);
  reservation& same = a;
  a = std::move(same);
  BOOST_TEST((picture(a) == before));
  a = reservation();
  BOOST_TEST(a.empty());
  BOOST_TEST(two.usage().used == 0u);
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(releasing_twice_is_harmless) {
  reserving_resource_options options;
  options.cached_ranges = 0;
  reserving_resource memory(options);
  const test::misuse_watch watch;
  {
    reservation range = memory.reserve(1_MiB);
    range.commit(1);
    const std::byte* const data = range.data();
    range.release();
    BOOST_TEST(range.empty());
    BOOST_TEST(range.size() == 0u);
    BOOST_TEST(range.committed() == 0u);
    BOOST_TEST(range.owner() == nullptr);
    BOOST_TEST(!test::readable(data));
    BOOST_TEST((memory.usage() == memory_usage{0, 0, 0, 64_KiB, 0}));
    range.release();
  }
  BOOST_TEST(watch.nothing());
  BOOST_TEST((memory.usage() == memory_usage{0, 0, 0, 64_KiB, 0}));
}

BOOST_AUTO_TEST_CASE(a_detached_reservation_is_as_live_as_before_and_can_be_taken_over) {
  reserving_resource memory;
  const test::misuse_watch watch;
  reservation::extent parts;
  {
    reservation range = memory.reserve(1_MiB);
    range.commit(100);
    std::memset(range.data(), 7, range.committed());
    parts = range.detach();
    BOOST_TEST(range.empty());
    BOOST_TEST(range.owner() == nullptr);
  }
  BOOST_TEST(all_are(parts.data, parts.committed, 7));
  BOOST_TEST(memory.usage().used == parts.committed);
  {
    reservation again(memory, parts);
    BOOST_TEST(again.data() == parts.data);
    BOOST_TEST(again.size() == parts.size);
    BOOST_TEST(again.committed() == parts.committed);
    again.commit(1_MiB);
    BOOST_TEST(memory.usage().used == 1_MiB);
  }
  BOOST_TEST(memory.usage().used == 0u);
  BOOST_TEST(memory.check());
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(it_grows_in_place_or_moves_and_its_contents_stay) {
  for (const bool in_the_way : {false, true}) {
    for (const bool may_move : {false, true}) {
      for (const std::size_t committed : {std::size_t{0}, std::size_t{1}, std::size_t{1_MiB}}) {
        reserving_resource memory(exactly());
        reservation range = memory.reserve(1_MiB);
        range.commit(committed);
        if (range.committed() != 0) std::memset(range.data(), 7, range.committed());
        const picture before(range);
        const memory_usage usage = memory.usage();
        std::optional<neighbour> there;
        if (in_the_way) there.emplace(range);
        const os::status outcome = range.try_resize(5_MiB - 1, may_move);
        if (!outcome) {
          BOOST_TEST(!may_move);
          BOOST_TEST((outcome.error == memory_errc::address_in_use));
          BOOST_TEST((picture(range) == before));
          BOOST_TEST(memory.usage() == usage);
          continue;
        }
        if (in_the_way) BOOST_TEST(range.data() != before.data);
        if (!may_move) BOOST_TEST(range.data() == before.data);
        BOOST_TEST(range.size() == 5_MiB);
        BOOST_TEST(range.committed() == before.committed);
        if (before.committed != 0) BOOST_TEST(all_are(range.data(), before.committed, 7));
        BOOST_TEST((memory.usage() == memory_usage{5_MiB, before.committed, before.committed, before.committed, 0}));
        BOOST_TEST(memory.find_block(range.data() + 5_MiB - 1).begin == range.data());
        if (in_the_way) BOOST_TEST(!memory.owns(before.data));
        range.commit(5_MiB);
        BOOST_TEST(all_are(range.data() + before.committed, 5_MiB - before.committed, 0));
        BOOST_TEST(!test::readable(range.data() + 5_MiB));
        BOOST_TEST(memory.check());
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(it_shrinks_in_place_and_what_was_behind_is_gone) {
  reserving_resource memory(exactly());
  reservation range = memory.reserve(4_MiB);
  range.commit(3_MiB);
  std::memset(range.data(), 7, 3_MiB);
  const std::byte* const data = range.data();
  for (const std::size_t size : {std::size_t{3_MiB + page}, std::size_t{1_MiB}, page}) {
    const std::size_t committed = std::min<std::size_t>(3_MiB, size);
    BOOST_TEST(static_cast<bool>(range.try_resize(size - 1, false)));
    BOOST_TEST(range.data() == data);
    BOOST_TEST(range.size() == size);
    BOOST_TEST(range.committed() == committed);
    BOOST_TEST((memory.usage() == memory_usage{size, committed, committed, 3_MiB, 0}));
    BOOST_TEST(all_are(data, committed, 7));
    BOOST_TEST(!test::readable(data + size));
    BOOST_TEST(!memory.owns(data + size));
  }
  BOOST_TEST((range.try_resize(0, true).error == memory_errc::invalid_size));
  for (const std::size_t bytes : {max, max - page, max_object_bytes})
    BOOST_TEST((range.try_resize(bytes, true).error == memory_errc::size_overflow));
  BOOST_TEST(!range.try_resize(test::beyond_addresses, true));
  BOOST_TEST(range.size() == page);
  BOOST_TEST(all_are(data, page, 7));
  range.release();
  BOOST_TEST(memory.usage().used == 0u);
  BOOST_TEST(memory.check());
}

BOOST_AUTO_TEST_CASE(where_it_moves_to_is_aligned_as_asked) {
  reserving_resource memory(exactly());
  for (const std::size_t alignment : {page, 16 * page, std::size_t{1_MiB}, std::size_t{8_MiB}, std::size_t{64_MiB}}) {
    reservation range = memory.reserve(1_MiB, 0, alignment);
    BOOST_TEST(is_aligned(range.data(), alignment));
    range.commit(100);
    std::memset(range.data(), 7, 100);
    const neighbour there(range);
    BOOST_TEST(static_cast<bool>(range.try_resize(3_MiB, true, alignment)));
    BOOST_TEST(is_aligned(range.data(), alignment));
    BOOST_TEST(all_are(range.data(), 100, 7));
  }
}

BOOST_AUTO_TEST_CASE(every_failure_of_the_system_leaves_the_reservation_as_it_was) {
  using step = std::function<os::status(reservation&)>;
  const std::vector<step> steps{
      [](reservation& range) { return range.try_commit(100); },
      [](reservation& range) { return range.try_commit(600_KiB); },
      [](reservation& range) { return range.try_resize(4_MiB, true); },
      [](reservation& range) { return range.try_commit(3_MiB); },
      [](reservation& range) { return range.try_resize(300_KiB, true); },
      [](reservation& range) { return range.try_resize(8_MiB, true); },
      [](reservation& range) { return range.try_commit(5_MiB); },
      [](reservation& range) { return range.try_decommit(200_KiB); },
      [](reservation& range) { return range.try_commit(8_MiB); },
  };
  std::size_t failures = 0;
  for (const auto rule : {os::failure_injection::rule::once, os::failure_injection::rule::from_then_on}) {
    for (const os::os_call which : {os::os_call::map, os::os_call::unmap, os::os_call::protect, os::os_call::advise,
                                    os::os_call::remap, os::os_call::any}) {
      for (const bool in_the_way : {false, true}) {
        bool fired = true;
        for (std::size_t nth = 1; fired; ++nth) {
          reserving_resource memory(exactly());
          reservation range = memory.reserve(2_MiB);
          std::optional<os::failure_injection> injection(std::in_place, nth, which, rule);
          fired = false;
          std::size_t written = 0;
          for (std::size_t i = 0; i < steps.size(); ++i) {
            const picture before(range);
            const memory_usage usage = memory.usage();
            std::optional<neighbour> there;
            if (in_the_way) there.emplace(range);
            if (!steps[i](range)) {
              ++failures;
              BOOST_REQUIRE(injection.has_value());
              fired = injection->fired();
              injection.reset();
              BOOST_TEST((picture(range) == before), "step " << i << ", call " << nth);
              BOOST_TEST(memory.usage() == usage, "step " << i << ", call " << nth);
              BOOST_TEST(memory.check());
              if (written != 0) BOOST_TEST(all_are(range.data(), written, 7), "step " << i);
              BOOST_REQUIRE(steps[i](range));
            }
            // What there was is there, what came reads zero.
            written = std::min(written, range.committed());
            BOOST_TEST(all_are(range.data(), written, 7), "step " << i << ", call " << nth);
            BOOST_TEST(all_are(range.data() + written, range.committed() - written, 0),
                       "step " << i << ", call " << nth);
            std::memset(range.data(), 7, range.committed());
            written = range.committed();
            const memory_usage now = memory.usage();
            BOOST_TEST(now.reserved == range.size());
            BOOST_TEST(now.committed == range.committed());
            BOOST_TEST(now.used == range.committed());
          }
          if (injection) fired = injection->fired();
          injection.reset();
          range.release();
          BOOST_TEST(memory.check());
          BOOST_TEST(memory.usage().used == 0u);
        }
      }
    }
  }
  BOOST_TEST(failures > 20u);
}

BOOST_AUTO_TEST_CASE(a_refused_commit_is_tried_again_with_what_is_needed) {
  reserving_resource memory;
  reservation range = memory.reserve(8_MiB);
  const std::size_t first = 128_KiB;  // from there on more would be taken, also with pages of 64 KiB
  range.commit(first);
  {
    const os::failure_injection injection(1, os::os_call::protect);
    range.commit(first + 1);
    BOOST_TEST(injection.fired());
  }
  BOOST_TEST(range.committed() == first + page);
  BOOST_TEST(memory.usage().committed == first + page);
  const os::failure_injection injection(1, os::os_call::protect, os::failure_injection::rule::from_then_on);
  BOOST_CHECK_EXCEPTION(range.commit(1_MiB), allocation_error, [](const allocation_error& error) {
    return error.code() == memory_errc::out_of_memory && error.os_code() != 0 && error.bytes() == 1_MiB &&
           error.limit() == 0;
  });
  BOOST_TEST(range.committed() == first + page);
  BOOST_TEST(memory.usage().committed == first + page);
}

BOOST_AUTO_TEST_CASE(a_refused_decommit_leaves_memory_and_contents) {
  reserving_resource memory(exactly());
  reservation range = memory.reserve(1_MiB);
  range.commit(1_MiB);
  std::memset(range.data(), 7, 1_MiB);
  {
    const os::failure_injection injection(1);
    BOOST_CHECK_EXCEPTION(range.decommit(page), allocation_error, with_code(memory_errc::out_of_memory));
  }
  BOOST_TEST(range.committed() == 1_MiB);
  BOOST_TEST(all_are(range.data(), 1_MiB, 7));
  BOOST_TEST(memory.usage().committed == 1_MiB);
}

BOOST_AUTO_TEST_SUITE_END()
