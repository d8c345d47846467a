#if !defined(_WIN32)
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <allot/block/page_resource.hpp>
#include <allot/block/reserving_resource.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/byte_size.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/os/virtual_memory.hpp>
#include <allot/testing/default_resource_guard.hpp>
#include <allot/testing/trap_resource.hpp>
#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <thread>
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
constexpr std::size_t natural = alignof(std::max_align_t);
const std::size_t by_default = reserving_resource_options{}.reservation;

bool all_are(const void* p, std::size_t bytes, int value) {
  const auto* at = static_cast<const unsigned char*>(p);
  return bytes == 0 || (*at == value && std::memcmp(at, at + 1, bytes - 1) == 0);
}

std::size_t in_pages(std::size_t bytes) { return align_up(std::max<std::size_t>(bytes, 1), page); }

reserving_resource_options caching(std::size_t ranges, std::size_t bytes = 64_MiB) {
  reserving_resource_options options;
  options.cached_ranges = ranges;
  options.cached_bytes = bytes;
  return options;
}

auto with_code(memory_errc code) {
  return [code](const allocation_error& error) { return error.code() == code; };
}

/// A block of that many bytes with as good as 8 MiB of free addresses behind it.
std::byte* block_with_room(reserving_resource& memory, std::size_t bytes) {
  void* p = memory.allocate(8_MiB);
  BOOST_REQUIRE(memory.try_expand(p, 8_MiB, bytes, natural));
  return static_cast<std::byte*>(p);
}

/// The live blocks, as they are told.
std::vector<const void*> blocks_of(const reserving_resource& memory) {
  std::vector<const void*> all;
  memory.for_each_block([&](const block_info& block) { all.push_back(block.begin); });
  std::sort(all.begin(), all.end());
  return all;
}

/// Nobody has anything of it any more, and it has nothing itself once the cache is given up.
void nothing_is_left_of(reserving_resource& memory) {
  BOOST_TEST(memory.usage().used == 0u);
  BOOST_TEST(memory.usage().wasted == 0u);
  BOOST_TEST(memory.available() == memory.usage().committed);
  (void)memory.trim();
  BOOST_TEST(memory.usage().reserved == 0u);
  BOOST_TEST(memory.usage().committed == 0u);
}

// ---- programs of their own

#if !defined(_WIN32)
/// In a child program: ends it where something is not as it must be.
void expect(bool good, const char* what) {
  if (good) return;
  (void)!::write(STDERR_FILENO, what, std::strlen(what));
  ::_exit(1);
}

void limit_address_space(std::size_t more) {
  const rlimit limit{more == max ? RLIM_INFINITY : test::address_space() + more, RLIM_INFINITY};
  expect(::setrlimit(RLIMIT_AS, &limit) == 0, "setrlimit");
}

const test::child_program little_address_space{
    "reserving_with_little_address_space", [] {
      reserving_resource memory;
      limit_address_space(600_MiB);
      expect(memory.max_size() == 1_GiB, "max_size before anything was refused");
      reservation half = memory.reserve();
      expect(half.size() == 512_MiB, "not half of it");
      expect(memory.max_size() == 512_MiB, "max_size does not say what was granted");
      reservation less = memory.reserve();
      expect(less.size() < 512_MiB && less.size() >= 32_MiB, "not halved again");
      expect(memory.max_size() == less.size(), "max_size does not say what was granted then");
      os::status outcome;
      expect(memory.try_reserve(1_GiB, 1_GiB, 1, outcome).empty(), "more than there is");
      expect(outcome.error == memory_errc::out_of_memory, "another reason");
      expect(memory.max_size() == less.size(), "a refusal of something else made max_size forget");
      expect(memory.try_reserve(0, 1_GiB, 1, outcome).empty(), "less than the least");
      expect(memory.max_size() == less.size(), "a refusal that granted nothing changed max_size");
      (void)memory.trim();
      expect(memory.max_size() == 1_GiB, "trim() does not make it try for all again");
      half.release();
      less.release();
      half = memory.reserve();  // what was cached stands in the way of nothing
      expect(half.size() == 512_MiB, "not half of it again");
      limit_address_space(max);
      reservation other = memory.reserve();
      expect(other.size() == 512_MiB, "not what max_size says");
      (void)memory.trim();
      other = memory.reserve();
      expect(other.size() == 1_GiB, "not all of it");
      memory.release();
      expect(memory.max_size() == 1_GiB, "release() does not restore");
      (void)half.detach();
      (void)other.detach();
    }};

const test::child_program addresses_come_back{
    "reserving_when_addresses_come_back", [] {
      reserving_resource memory;
      limit_address_space(600_MiB);
      reservation half = memory.reserve();
      expect(half.size() == 512_MiB, "not half of it");
      half.commit(100);
      reservation small = memory.reserve(1_MiB);
      small.commit(100);
      small.release();
      expect(memory.usage().reserved == half.size() && memory.available() == 0, "a range was kept");
      expect(memory.max_size() == 1_GiB, "a range that came back does not make it try for all again");
      reservation less = memory.reserve();
      expect(less.size() < 512_MiB && memory.max_size() == less.size(), "more than there is");
      void* p = memory.allocate(1_MiB);
      memory.deallocate(p, 1_MiB);
      expect(memory.usage().reserved == half.size() + less.size(), "a block was kept");
      expect(memory.max_size() == 1_GiB, "a block that came back does not make it try for all again");
      const std::size_t before = memory.usage().reserved;
      less.release();
      expect(memory.usage().reserved == before, "a range was not kept where nothing was refused since");
      limit_address_space(max);
      half.release();
      half = memory.reserve();
      expect(half.size() == 1_GiB, "not all of it");
      expect(memory.check(), "check");
      half.release();
      expect(memory.usage().reserved >= 1_GiB, "all of it was not kept");
    }};

const test::child_program plain_with_little_address_space{
    "reserving_blocks_with_little_address_space", [] {
      reserving_resource memory;
      limit_address_space(100_MiB);
      void* p = memory.allocate(50_MiB);
      const memory_usage usage = memory.usage();
      expect(memory.try_allocate(200_MiB) == nullptr, "more than there is");
      expect(memory.usage() == usage, "usage after a refusal");
      memory.deallocate(p, 50_MiB);
      p = memory.allocate(60_MiB);  // only where what is cached was given up
      std::memset(p, 1, 60_MiB);
      memory.deallocate(p, 60_MiB);
    }};

/// Forks while another thread is inside the resource for all.
const test::child_program forks{"reserving_forks", [] {
                                  std::atomic<bool> stop{false};
                                  std::atomic<std::size_t> rounds{0};
                                  std::vector<std::thread> others;
                                  for (std::size_t t = 0; t < 2; ++t) {
                                    others.emplace_back([&, t] {
                                      while (!stop) {
                                        reserving_resource& memory = default_reserving_resource();
                                        reservation range = memory.reserve((t + 1) * 1_MiB);
                                        range.commit(100);
                                        void* p = memory.allocate(100);
                                        memory.deallocate(p, 100);
                                        range.release();
                                        if (rounds++ % 16 == 0) (void)memory.trim();
                                      }
                                    });
                                  }
                                  while (rounds < 100) std::this_thread::yield();
                                  bool good = true;
                                  for (int i = 0; i < 100 && good; ++i) {
                                    const pid_t child = ::fork();
                                    if (child == 0) {
                                      ::alarm(60);
                                      reserving_resource& memory = default_reserving_resource();
                                      reservation range = memory.reserve(1_MiB);
                                      range.commit(100);
                                      std::memset(range.data(), 1, 100);
                                      void* p = memory.allocate(5000);
                                      std::memset(p, 1, 5000);
                                      memory.deallocate(p, 5000);
                                      range.release();
                                      (void)memory.trim();
                                      ::_exit(memory.check() ? 0 : 1);
                                    }
                                    int status = 0;
                                    ::waitpid(child, &status, 0);
                                    good = child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
                                  }
                                  stop = true;
                                  for (std::thread& other : others) other.join();
                                  expect(good, "the child could not use the resource");
                                  expect(default_reserving_resource().check(), "the parent's is broken");
                                }};
#endif

const test::child_program outlives{"reserving_default_outlives_statics", [] {
                                     static struct last {
                                       reservation range;
                                       ~last() {
                                         range.commit(200_KiB);
                                         std::memset(range.data(), 1, 200_KiB);
                                       }
                                     } object;
                                     object.range = default_reserving_resource().reserve(1_MiB);
                                   }};

const test::child_program double_free{"reserving_double_free", [] {
                                        reserving_resource memory;
                                        void* p = memory.allocate(10);
                                        memory.deallocate(p, 10);
                                        memory.deallocate(p, 10);
                                      }};
const test::child_program past_the_end{"reserving_past_the_last_page", [] {
                                         reserving_resource memory;
                                         auto* p = static_cast<volatile char*>(memory.allocate(page));
                                         p[page] = 1;
                                       }};
const test::child_program after_trim{"reserving_after_trim", [] {
                                       reserving_resource memory;
                                       auto* p = static_cast<volatile char*>(memory.allocate(page));
                                       memory.deallocate(const_cast<char*>(p), page);
                                       (void)memory.trim();
                                       p[0] = 1;
                                     }};

static_assert(std::is_nothrow_default_constructible_v<reserving_resource>);
static_assert(!std::is_copy_constructible_v<reserving_resource> && !std::is_copy_assignable_v<reserving_resource>);
static_assert(std::is_final_v<reserving_resource>);
static_assert(noexcept(default_reserving_resource()));

}  // namespace

BOOST_AUTO_TEST_SUITE(reserving_resources)

BOOST_AUTO_TEST_CASE(making_one_asks_the_system_for_nothing) {
  const os::failure_injection counted(0);
  {
    const reserving_resource memory;
    BOOST_TEST(memory.usage() == memory_usage{});
    BOOST_TEST(memory.max_size() == by_default);
    BOOST_TEST(memory.available() == 0u);
    BOOST_TEST(memory.upstream() == nullptr);
    BOOST_TEST(memory.root() == &memory);
    BOOST_TEST(memory.name() == "reserving_resource");
    BOOST_TEST(memory.kind() == "reserving_resource");
    BOOST_TEST(memory.check());
    BOOST_TEST(blocks_of(memory).empty());
    BOOST_TEST(!memory.owns(&memory));
  }
  BOOST_TEST(counted.calls() == 0u);
}

BOOST_AUTO_TEST_CASE(its_name_is_its_own_copy) {
  std::string name = "columns";
  reserving_resource_options options;
  options.name = name;
  const reserving_resource memory(options);
  name = "xxxxxxx";
  BOOST_TEST(memory.name() == "columns");
}

// ---- as a memory_resource

BOOST_AUTO_TEST_CASE(a_block_is_whole_committed_pages_that_are_zero_when_new) {
  for (const bool huge_pages : {false, true}) {
    reserving_resource_options options;
    options.huge_pages = huge_pages;
    reserving_resource memory(options);
    memory_usage expected;
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, page - 1, page, page + 1, std::size_t{3_MiB + 5}}) {
      void* p = memory.allocate(bytes);
      BOOST_TEST(is_aligned(p, page));
      expected.reserved += in_pages(bytes);
      expected.committed += in_pages(bytes);
      expected.used += bytes;
      expected.peak += bytes;
      expected.wasted += in_pages(bytes) - bytes;
      BOOST_TEST(memory.usage() == expected);
      BOOST_TEST(all_are(p, bytes, 0));
      std::memset(p, 7, bytes);
      BOOST_TEST(!test::readable(static_cast<char*>(p) + in_pages(bytes)));
      memory.deallocate(p, bytes);
      expected.used -= bytes;
      expected.wasted -= in_pages(bytes) - bytes;
      expected.peak = std::max(bytes, expected.used);
      BOOST_TEST(memory.usage().used == 0u);
      BOOST_TEST(memory.usage().wasted == 0u);
      BOOST_TEST(memory.available() == expected.committed);
      BOOST_TEST(memory.trim() == expected.committed);
      expected.reserved = expected.committed = 0;
      BOOST_TEST(memory.usage() == expected);
      expected.peak = 0;
      memory.release();
      BOOST_TEST(memory.usage() == memory_usage{});
    }
  }
  BOOST_TEST(test::run_child("reserving_past_the_last_page").faulted());
}

BOOST_AUTO_TEST_CASE(the_peak_is_the_most_that_was_ever_in_use) {
  reserving_resource memory;
  void* a = memory.allocate(1000);
  void* b = memory.allocate(500);
  memory.deallocate(a, 1000);
  void* c = memory.allocate(900);
  BOOST_TEST(memory.usage().used == 1400u);
  BOOST_TEST(memory.usage().peak == 1500u);
  reservation range = memory.reserve(1_MiB);
  range.commit(64_KiB);
  BOOST_TEST(memory.usage().used == 1400u + 64_KiB);
  BOOST_TEST(memory.usage().peak == 1400u + 64_KiB);
  memory.deallocate(b, 500);
  memory.deallocate(c, 900);
  range.release();
  BOOST_TEST(memory.usage().used == 0u);
  BOOST_TEST(memory.usage().peak == 1400u + 64_KiB);
}

BOOST_AUTO_TEST_CASE(any_alignment_is_met) {
  for (const bool huge_pages : {false, true}) {
    reserving_resource_options options;
    options.huge_pages = huge_pages;
    reserving_resource memory(options);
    for (int round = 0; round < 2; ++round) {  // the second from what the first gave back
      std::vector<std::pair<void*, std::size_t>> live;
      for (std::size_t alignment = 1; alignment <= 256_MiB; alignment *= 2) {
        void* p = memory.allocate(100, alignment);
        BOOST_TEST(is_aligned(p, alignment));
        std::memset(p, 7, 100);
        live.emplace_back(p, alignment);
        reservation range = memory.reserve(1_MiB, 0, alignment);
        BOOST_TEST(is_aligned(range.data(), alignment));
      }
      for (const auto& [p, alignment] : live) memory.deallocate(p, 100, alignment);
      BOOST_TEST(memory.check());
    }
  }
}

BOOST_AUTO_TEST_CASE(a_cached_range_that_is_not_aligned_enough_is_not_taken) {
  reserving_resource memory;
  void* p = memory.allocate(page);
  // An address divisible by that is none of a small block's.
  const std::size_t beyond = std::size_t{1} << (sizeof(std::size_t) > 4 ? 41 : 30);
  if (is_aligned(p, beyond)) return;
  memory.deallocate(p, page);
  void* q = memory.try_allocate(page, beyond);
  if (q == nullptr) return test::skip("no address space to align in");
  BOOST_TEST(is_aligned(q, beyond));
  BOOST_TEST(q != p);
  memory.deallocate(q, page, beyond);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_served_says_why_and_changes_nothing) {
  reserving_resource_options options;
  options.name = "columns";
  reserving_resource memory(options);
  void* p = memory.allocate(100);
  reservation range = memory.reserve(1_MiB);
  range.commit(100);
  const memory_usage usage = memory.usage();
  for (const std::size_t bytes : {max, max - page, max_object_bytes + 1, max_object_bytes, max_object_bytes - page}) {
    for (const std::size_t alignment : {std::size_t{1}, natural, std::size_t{1_MiB}}) {
      const auto size_overflow = [&](const allocation_error& error) {
        return error.code() == memory_errc::size_overflow && error.bytes() == bytes && error.alignment() == alignment &&
               error.resource_name() == "columns";
      };
      BOOST_CHECK_EXCEPTION((void)memory.allocate(bytes, alignment), allocation_error, size_overflow);
      BOOST_CHECK_EXCEPTION((void)memory.reserve(bytes, bytes, alignment), allocation_error, size_overflow);
      BOOST_TEST(memory.try_allocate(bytes, alignment) == nullptr);
    }
  }
  const auto no_memory = [](const allocation_error& error) {
    return error.code() == memory_errc::out_of_memory && error.os_code() != 0 &&
           error.bytes() == test::beyond_addresses;
  };
  if (sizeof(std::size_t) > 4) {
    BOOST_CHECK_EXCEPTION((void)memory.allocate(test::beyond_addresses), allocation_error, no_memory);
    BOOST_CHECK_EXCEPTION((void)memory.reserve(test::beyond_addresses, test::beyond_addresses), allocation_error,
                          no_memory);
    BOOST_CHECK_EXCEPTION((void)memory.reserve(1, test::beyond_addresses), allocation_error, no_memory);
    BOOST_CHECK_THROW((void)memory.allocate(1, test::beyond_addresses), allocation_error);
  }
  BOOST_TEST(memory.usage() == usage);
  BOOST_TEST(memory.check());
  memory.deallocate(p, 100);
}

BOOST_AUTO_TEST_CASE(an_alignment_that_is_none_is_misuse_and_refused) {
  reserving_resource memory;
  const test::misuse_watch watch;
  for (const std::size_t alignment : {std::size_t{0}, std::size_t{3}, max}) {
    BOOST_CHECK_EXCEPTION((void)memory.allocate(1, alignment), allocation_error,
                          with_code(memory_errc::invalid_alignment));
    BOOST_TEST(watch.only(misuse_kind::invalid_alignment));
    BOOST_CHECK_EXCEPTION((void)memory.reserve(1, 0, alignment), allocation_error,
                          with_code(memory_errc::invalid_alignment));
    BOOST_TEST(watch.only(misuse_kind::invalid_alignment));
    BOOST_TEST(memory.try_allocate(1, alignment) == nullptr);
    os::status outcome;
    BOOST_TEST(memory.try_reserve(1, 0, alignment, outcome).empty());
    BOOST_TEST((outcome.error == memory_errc::invalid_alignment));
    BOOST_TEST(watch.nothing());
  }
  BOOST_TEST(memory.usage() == memory_usage{});
}

BOOST_AUTO_TEST_CASE(misuse_at_deallocate_is_found_exactly_and_has_no_effect) {
  reserving_resource_options options;
  options.name = "columns";
  reserving_resource memory(options);
  char other = 0;
  auto* p = static_cast<char*>(memory.allocate(2 * page, 64));
  std::memset(p, 7, 2 * page);
  const memory_usage usage = memory.usage();
  const test::misuse_watch watch;
  const auto check = [&](misuse_kind kind, const void* address, std::size_t claimed, std::size_t actual) {
    BOOST_REQUIRE(watch.count() == 1u);
    BOOST_TEST((watch[0].kind == kind));
    BOOST_TEST(watch[0].address == address);
    BOOST_TEST(watch[0].claimed == claimed);
    BOOST_TEST(watch[0].actual == actual);
    BOOST_TEST(watch[0].exact);
    BOOST_TEST(memory.usage() == usage);
    BOOST_TEST(all_are(p, 2 * page, 7));
    BOOST_TEST(memory.check());
    watch.forget();
  };
  memory.deallocate(&other, 1);
  check(misuse_kind::foreign_pointer, &other, 0, 0);
  memory.deallocate(nullptr, 1);
  check(misuse_kind::foreign_pointer, nullptr, 0, 0);
  for (const std::size_t inside : {std::size_t{1}, page, 2 * page, 2 * page - 1}) {
    memory.deallocate(p + inside, 2 * page - inside, 64);
    check(misuse_kind::foreign_pointer, p + inside, 0, 0);
  }
  for (const std::size_t wrong : {std::size_t{0}, page, 2 * page - 1, 2 * page + 1, max}) {
    memory.deallocate(p, wrong, 64);
    check(misuse_kind::wrong_size, p, wrong, 2 * page);
  }
  for (const std::size_t wrong : {std::size_t{0}, std::size_t{1}, std::size_t{32}, std::size_t{128}}) {
    memory.deallocate(p, 2 * page, wrong);
    check(misuse_kind::wrong_alignment, p, wrong, 64);
  }
  reserving_resource another;
  another.deallocate(p, 2 * page, 64);
  check(misuse_kind::foreign_pointer, p, 0, 0);

  memory.deallocate(p, 2 * page, 64);
  BOOST_TEST(watch.nothing());
  memory.deallocate(p, 2 * page, 64);
  BOOST_TEST(watch.only(misuse_kind::double_free));
  BOOST_TEST(memory.available() == 2 * page);
  (void)memory.trim();
  memory.deallocate(p, 2 * page, 64);  // the addresses are anyone's now
  BOOST_TEST(watch.only(misuse_kind::foreign_pointer));
  const auto outcome = test::run_child("reserving_double_free");
  BOOST_TEST(outcome.aborted());
  BOOST_TEST(outcome.says("misuse of reserving_resource"));
}

BOOST_AUTO_TEST_CASE(a_reservation_is_no_block_to_be_freed) {
  reserving_resource memory;
  reservation range = memory.reserve(1_MiB);
  range.commit(1_MiB);
  std::byte* const data = range.data();
  const memory_usage usage = memory.usage();
  const test::misuse_watch watch;
  memory.deallocate(data, 1_MiB);
  BOOST_TEST(watch.only(misuse_kind::foreign_pointer));
  BOOST_TEST(!memory.try_expand(data, 1_MiB, 2_MiB, natural));
  BOOST_TEST(memory.usage() == usage);
  range.release();
  memory.deallocate(data, 1_MiB);
  BOOST_TEST(watch.only(misuse_kind::double_free));
  BOOST_TEST(!memory.try_expand(data, 1_MiB, 2_MiB, natural));
  BOOST_TEST(watch.nothing());
  BOOST_TEST(memory.check());
}

BOOST_AUTO_TEST_CASE(a_reservation_goes_back_only_where_it_is_from_and_once) {
  reserving_resource one;
  reserving_resource two;
  reservation range = one.reserve(1_MiB);
  range.commit(100);
  const reservation::extent parts = range.detach();
  const memory_usage usage = one.usage();
  const test::misuse_watch watch;
  reservation(two, parts).release();
  BOOST_TEST(watch.only(misuse_kind::foreign_pointer));
  reservation(one, {parts.data, parts.size - page, parts.committed}).release();
  BOOST_TEST(watch.only(misuse_kind::foreign_pointer));
  auto* p = static_cast<std::byte*>(one.allocate(1_MiB));
  reservation(one, {p, 1_MiB, 1_MiB}).release();  // a block is no reservation
  BOOST_TEST(watch.only(misuse_kind::foreign_pointer));
  one.deallocate(p, 1_MiB);
  (void)one.trim();
  BOOST_TEST(one.usage().used == usage.used);
  BOOST_TEST(one.usage().reserved == usage.reserved);
  BOOST_TEST(two.usage() == memory_usage{});
  reservation(one, parts).release();
  BOOST_TEST(watch.nothing());
  reservation(one, parts).release();
  BOOST_TEST(watch.count() == 1u);
  BOOST_TEST(one.usage().used == 0u);
  BOOST_TEST(one.check());
  BOOST_TEST(two.check());
}

BOOST_AUTO_TEST_CASE(blocks_expand_and_shrink_in_place_and_are_freed_with_their_new_size) {
  for (const bool huge_pages : {false, true}) {
    reserving_resource_options options;
    options.huge_pages = huge_pages;
    reserving_resource memory(options);
    std::byte* const p = block_with_room(memory, 100);
    std::memset(p, 7, 100);
    {
      const os::failure_injection counted(0);
      BOOST_TEST(memory.try_expand(p, 100, page, natural));  // within its page always, and without the system
      BOOST_TEST(memory.try_expand(p, page, 1, natural));
      BOOST_TEST(memory.try_expand(p, 1, 100, natural));
      BOOST_TEST(counted.calls() == 0u);
    }
    BOOST_TEST(memory.usage() == (memory_usage{page, page, 100, 8_MiB, page - 100}));
    BOOST_TEST(memory.try_expand(p, 100, page, natural));
    std::size_t now = page;
    BOOST_TEST(all_are(p + 100, page - 100, 0));
    std::memset(p, 7, page);
    for (const std::size_t wanted : {page + 1, 3 * page, std::size_t{5_MiB + 1}}) {
      BOOST_REQUIRE(memory.try_expand(p, now, wanted, natural));
      BOOST_TEST(all_are(p, now, 7));
      BOOST_TEST(all_are(p + now, wanted - now, 0));
      std::memset(p, 7, wanted);
      now = wanted;
      BOOST_TEST(memory.usage() == (memory_usage{in_pages(now), in_pages(now), now, 8_MiB, in_pages(now) - now}));
      BOOST_TEST(!test::readable(p + in_pages(now)));
      BOOST_TEST(memory.check());
    }
    const memory_usage usage = memory.usage();
    BOOST_TEST(!memory.try_expand(p, now + 1, now, natural));
    BOOST_TEST(!memory.try_expand(p, now, now, 2 * natural));
    BOOST_TEST(!memory.try_expand(p + 1, now - 1, now, natural));
    BOOST_TEST(!memory.try_expand(&memory, 1, 1, natural));
    for (const std::size_t bytes : {max, max_object_bytes, test::beyond_addresses})
      BOOST_TEST(!memory.try_expand(p, now, bytes, natural));
    BOOST_TEST(memory.usage() == usage);
    for (const std::size_t wanted : {std::size_t{2_MiB - 1}, 2 * page, page + 1, std::size_t{0}}) {
      BOOST_TEST(memory.try_expand(p, now, wanted, natural));
      now = wanted;
      BOOST_TEST(all_are(p, now, 7));
      BOOST_TEST(memory.usage().used == now);
      BOOST_TEST(memory.usage().reserved == in_pages(now));
      BOOST_TEST(memory.usage().committed == in_pages(now));
      BOOST_TEST(memory.usage().wasted == in_pages(now) - now);
      BOOST_TEST(!test::readable(p + in_pages(now)));
      BOOST_TEST(memory.check());
    }
    const test::misuse_watch watch;
    memory.deallocate(p, 100);
    BOOST_TEST(watch.only(misuse_kind::wrong_size));
    memory.deallocate(p, 0);
    BOOST_TEST(watch.nothing());
    BOOST_TEST(memory.usage().used == 0u);
    BOOST_TEST(memory.check());
  }
}

BOOST_AUTO_TEST_CASE(a_block_does_not_grow_over_its_neighbour) {
  reserving_resource memory;
  auto* p = static_cast<std::byte*>(memory.allocate(page));
  std::memset(p, 7, page);
  const os::mapping there = os::reserve(page, 1, {os::placement::how::fixed, p + 2 * page});
  const memory_usage usage = memory.usage();
  BOOST_TEST(!memory.try_expand(p, page, 2 * page, natural));
  BOOST_TEST(!memory.try_expand(p, page, 2_MiB, natural));
  BOOST_TEST(memory.usage() == usage);
  BOOST_TEST(all_are(p, page, 7));
  BOOST_TEST(!test::readable(p + page));
  BOOST_TEST(memory.try_expand(p, page, 100, natural));
  if (there) (void)os::release(there.address, page);
  memory.deallocate(p, 100);
}

BOOST_AUTO_TEST_CASE(a_growth_that_cannot_be_undone_is_kept_in_the_books) {
  reserving_resource memory;
  std::byte* const p = block_with_room(memory, page);
  std::memset(p, 7, page);
  {
    // The addresses can be had, memory for them cannot, and the addresses do not go back.
    const os::failure_injection injection(1, os::os_call::protect | os::os_call::unmap,
                                          os::failure_injection::rule::from_then_on);
    BOOST_TEST(!memory.try_expand(p, page, 100 * page, natural));
    BOOST_TEST(injection.calls() == 2u);
  }
  BOOST_TEST(memory.usage().used == page);
  BOOST_TEST(memory.usage().reserved == 100 * page);
  BOOST_TEST(memory.usage().committed == page);
  BOOST_TEST(memory.check());
  std::size_t now = page;
  for (const std::size_t wanted : {2 * page, 3 * page, 50 * page, 120 * page}) {
    BOOST_REQUIRE(memory.try_expand(p, now, wanted, natural));
    now = wanted;
    BOOST_TEST(memory.usage().used == now);
    BOOST_TEST(memory.usage().committed == now);
    BOOST_TEST(memory.usage().reserved >= now);
    BOOST_TEST(all_are(p, page, 7));
    BOOST_TEST(all_are(p + page, now - page, 0));
    BOOST_TEST(memory.check());
  }
  memory.deallocate(p, now);
  BOOST_TEST(memory.available() == now);
  BOOST_TEST(memory.trim() == now);
  BOOST_TEST(memory.usage().committed == 0u);
  BOOST_TEST(memory.usage().reserved == 0u);
}

BOOST_AUTO_TEST_CASE(blocks_and_reservations_are_found_from_inside) {
  reserving_resource memory;
  auto* p = static_cast<char*>(memory.allocate(100));
  reservation range = memory.reserve(1_MiB);
  range.commit(1);
  const block_info block = memory.find_block(p + 99);
  BOOST_TEST(block.begin == p);
  BOOST_TEST(block.bytes == 100u);
  BOOST_TEST(block.exact);
  BOOST_TEST((block.state == block_state::used));
  const block_info reserved = memory.find_block(range.data() + 1_MiB - 1);
  BOOST_TEST(reserved.begin == range.data());
  BOOST_TEST(reserved.bytes == 1_MiB);
  BOOST_TEST(!reserved.exact);
  BOOST_TEST((reserved.state == block_state::used));
  BOOST_TEST(!memory.owns(range.data() + 1_MiB));
  BOOST_TEST(!memory.owns(&memory));
  BOOST_TEST(!memory.owns(nullptr));
  BOOST_TEST((memory.find_block(nullptr).state == block_state::unknown));
  BOOST_TEST((blocks_of(memory) == std::vector<const void*>{std::min<const void*>(p, range.data()),
                                                            std::max<const void*>(p, range.data())}));
  memory.deallocate(p, 100);
  BOOST_TEST((memory.find_block(p).state == block_state::free));
  BOOST_TEST((blocks_of(memory) == std::vector<const void*>{range.data()}));
  (void)memory.trim();
  BOOST_TEST(!memory.owns(p));
}

// ---- the cache

BOOST_AUTO_TEST_CASE(what_is_given_back_is_kept_with_its_memory_and_taking_it_makes_no_system_call) {
  reserving_resource memory;
  reservation range = memory.reserve();
  range.commit(1_MiB);
  std::byte* const data = range.data();
  const std::size_t committed = range.committed();
  std::memset(data, 7, committed);
  void* const block = memory.allocate(5000);
  std::memset(block, 8, 5000);
  {
    const os::failure_injection counted(0);
    range.release();
    memory.deallocate(block, 5000);
    BOOST_TEST(memory.available() == committed + in_pages(5000));
    BOOST_TEST(memory.usage().reserved == by_default + in_pages(5000));
    BOOST_TEST(memory.usage().committed == committed + in_pages(5000));
    BOOST_TEST(memory.usage().used == 0u);
    for (int i = 0; i < 10; ++i) {
      range = memory.reserve();
      BOOST_REQUIRE(range.data() == data);
      BOOST_REQUIRE(range.size() == by_default);
      BOOST_REQUIRE(range.committed() == committed);
      range.commit(committed);
      void* const again = memory.allocate(4097, 32);  // as many pages
      BOOST_REQUIRE(again == block);
      BOOST_TEST(memory.usage().used == committed + 4097);
      BOOST_TEST(memory.usage().wasted == in_pages(4097) - 4097);
      BOOST_TEST(memory.available() == 0u);
      BOOST_TEST(all_are(range.data(), committed, 7));
      BOOST_TEST(all_are(again, 4097, 8));
      memory.deallocate(again, 4097, 32);
      range.release();
      BOOST_TEST(memory.check());
    }
    BOOST_TEST(counted.calls() == 0u);
  }
  BOOST_TEST(memory.usage().peak == committed + 5000);
}

BOOST_AUTO_TEST_CASE(a_range_that_was_a_reservation_serves_as_a_block_and_the_other_way_round) {
  reserving_resource memory;
  reservation range = memory.reserve(1_MiB);
  range.commit(100);
  std::byte* const data = range.data();
  range.release();
  void* p = memory.allocate(1_MiB - 10);
  BOOST_TEST(p == data);
  std::memset(p, 7, 1_MiB - 10);  // all of it is memory now
  BOOST_TEST(memory.usage() == (memory_usage{1_MiB, 1_MiB, 1_MiB - 10, 1_MiB - 10, 10}));
  memory.deallocate(p, 1_MiB - 10);
  range = memory.reserve(1_MiB - 100);
  BOOST_TEST(range.data() == data);
  BOOST_TEST(range.committed() == 1_MiB);
  BOOST_TEST(memory.usage() == (memory_usage{1_MiB, 1_MiB, 1_MiB, 1_MiB, 0}));
  BOOST_TEST(memory.check());
}

BOOST_AUTO_TEST_CASE(the_cache_is_bounded_in_ranges) {
  reserving_resource memory(caching(3));
  std::vector<void*> blocks;
  for (int i = 0; i < 5; ++i) blocks.push_back(memory.allocate(page));
  for (void* p : blocks) memory.deallocate(p, page);
  BOOST_TEST(memory.usage().reserved == 3 * page);
  BOOST_TEST(memory.available() == 3 * page);
  BOOST_TEST(!test::readable(blocks[0]));  // the oldest went
  BOOST_TEST(!test::readable(blocks[1]));
  for (int i = 2; i < 5; ++i) BOOST_TEST(memory.owns(blocks[static_cast<std::size_t>(i)]));
  BOOST_TEST(memory.check());

  reserving_resource many(caching(1000));
  std::vector<void*> more;
  for (int i = 0; i < 100; ++i) more.push_back(many.allocate(1));
  for (void* p : more) many.deallocate(p, 1);
  BOOST_TEST(many.usage().reserved == range_cache::most_ranges * page);
  BOOST_TEST(many.check());
}

BOOST_AUTO_TEST_CASE(the_cache_is_bounded_in_committed_bytes) {
  reserving_resource memory(caching(64, 4_MiB));
  std::vector<void*> blocks;
  for (int i = 0; i < 10; ++i) blocks.push_back(memory.allocate(1_MiB));
  for (void* p : blocks) memory.deallocate(p, 1_MiB);
  BOOST_TEST(memory.available() == 4_MiB);
  BOOST_TEST(memory.usage().committed == 4_MiB);
  BOOST_TEST(memory.usage().reserved == 4_MiB);
  BOOST_TEST(!memory.owns(blocks[5]));
  BOOST_TEST(memory.owns(blocks[6]));
  BOOST_TEST(memory.check());
}

BOOST_AUTO_TEST_CASE(of_a_large_range_only_a_part_stays_committed) {
  reserving_resource memory(caching(64, 4_MiB));
  reservation range = memory.reserve(64_MiB);
  range.commit(32_MiB);
  std::memset(range.data(), 7, 32_MiB);
  std::byte* const data = range.data();
  range.release();
  BOOST_TEST(memory.usage() == (memory_usage{64_MiB, 512_KiB, 0, 32_MiB, 0}));
  range = memory.reserve(64_MiB);
  BOOST_TEST(range.data() == data);
  BOOST_TEST(range.committed() == 512_KiB);
  BOOST_TEST(all_are(data, 512_KiB, 7));
  range.commit(32_MiB);
  BOOST_TEST(all_are(data + 512_KiB, 32_MiB - 512_KiB, 0));
  range.release();
  BOOST_TEST(memory.check());
}

BOOST_AUTO_TEST_CASE(a_large_range_whose_memory_cannot_be_taken_is_not_kept) {
  reserving_resource memory(caching(64, 4_MiB));
  reservation range = memory.reserve(64_MiB);
  range.commit(32_MiB);
  {
    const os::failure_injection injection(1, os::os_call::map);  // decommitting is mapping anew
    range.release();
    BOOST_TEST(injection.fired());
  }
  BOOST_TEST(memory.usage() == (memory_usage{0, 0, 0, 32_MiB, 0}));
  BOOST_TEST(memory.check());
}

BOOST_AUTO_TEST_CASE(without_a_cache_everything_goes_back_at_once) {
  for (const auto& options : {caching(0), caching(0, 0)}) {
    reserving_resource memory(options);
    void* p = memory.allocate(1_MiB);
    reservation range = memory.reserve(64_MiB);
    range.commit(32_MiB);
    const std::byte* const data = range.data();
    memory.deallocate(p, 1_MiB);
    range.release();
    BOOST_TEST(!test::readable(p));
    BOOST_TEST(!test::readable(data));
    BOOST_TEST(memory.usage() == (memory_usage{0, 0, 0, 33_MiB, 0}));
    BOOST_TEST(!memory.owns(p));
    BOOST_TEST(memory.check());
  }
}

BOOST_AUTO_TEST_CASE(a_cache_of_no_bytes_keeps_addresses_alone) {
  reserving_resource memory(caching(64, 0));
  void* p = memory.allocate(1_MiB);
  std::memset(p, 7, 1_MiB);
  memory.deallocate(p, 1_MiB);
  BOOST_TEST(memory.available() == 0u);
  BOOST_TEST(memory.usage().committed == 0u);
  BOOST_TEST(memory.usage().reserved == 1_MiB);
  void* q = memory.allocate(1_MiB);
  BOOST_TEST(q == p);
  BOOST_TEST(all_are(q, 1_MiB, 0));
  memory.deallocate(q, 1_MiB);
}

BOOST_AUTO_TEST_CASE(trim_gives_the_cache_and_nothing_else_back_to_the_system) {
  if (test::few_addresses()) return test::skip(test::addresses_are_few);
  const std::size_t space = test::address_space();
  const std::size_t maps = test::map_count();
  reserving_resource memory;
  reservation live = memory.reserve(1_MiB);
  live.commit(100);
  std::memset(live.data(), 7, 100);
  std::vector<void*> blocks;
  for (std::size_t i = 1; i <= 20; ++i) blocks.push_back(memory.allocate(i * page));
  for (std::size_t i = 1; i <= 20; ++i) memory.deallocate(blocks[i - 1], i * page);
  reservation(memory.reserve(2_GiB)).commit(100);
  const std::size_t cached = 210 * page + 64_KiB;
  BOOST_TEST(memory.available() == cached);
  BOOST_TEST(memory.trim() == cached);
  BOOST_TEST(memory.available() == 0u);
  BOOST_TEST(memory.usage().reserved == 1_MiB);
  BOOST_TEST(memory.usage().committed == live.committed());
  BOOST_TEST(all_are(live.data(), 100, 7));
  for (void* p : blocks) BOOST_TEST(!memory.owns(p));
  BOOST_TEST(memory.trim() == 0u);
  BOOST_TEST(memory.check());
  live.release();
  memory.release();
  if (test::under_thread_sanitizer()) return;  // it adds mappings of its own
  BOOST_TEST(test::map_count() <= maps + 2);
  BOOST_TEST(test::address_space() < space + 1_GiB);
  BOOST_TEST(test::run_child("reserving_after_trim").faulted());
}

// ---- reservations

BOOST_AUTO_TEST_CASE(a_reservation_has_what_is_asked_in_whole_pages_or_the_default) {
  reserving_resource_options options;
  options.reservation = 3_MiB + 1;
  reserving_resource memory(options);
  BOOST_TEST(memory.reserve().size() == 3_MiB + page);
  BOOST_TEST(memory.reserve(1).size() == page);
  BOOST_TEST(memory.reserve(page + 1).size() == 2 * page);
  BOOST_TEST(memory.reserve(1, 5_MiB).size() == 5_MiB);
  BOOST_TEST(memory.reserve(0, 5_MiB).size() == 5_MiB);
  BOOST_TEST(memory.reserve(0, 1_MiB).size() == 3_MiB + page);
  BOOST_TEST(memory.max_size() == options.reservation);
  options.reservation = 0;
  reserving_resource least(options);
  BOOST_TEST(least.reserve().size() == page);
}

BOOST_AUTO_TEST_CASE(reserving_costs_no_memory) {
  if (test::few_addresses()) return test::skip(test::addresses_are_few);
  reserving_resource memory;
  const std::size_t before = test::resident();
  std::vector<reservation> many;
  for (int i = 0; i < 32; ++i) many.push_back(memory.reserve());
  BOOST_TEST(memory.usage().reserved == 32_GiB);
  BOOST_TEST(memory.usage().committed == 0u);
  BOOST_TEST(test::resident() < before + 10_MiB);
  for (const reservation& range : many) BOOST_TEST(!test::readable(range.data()));
}

BOOST_AUTO_TEST_CASE(ranges_start_on_huge_pages_and_the_system_is_told_when_wanted) {
  if (os::facts().advised_page_size != 2_MiB) return test::skip("this system has no huge pages of 2 MiB");
  const auto advised = [](const reservation& range) {
    return std::string(test::map_flags(range.data())).find(" hg") != std::string::npos;
  };
  reserving_resource memory;
  os::mapping plain = os::reserve(8_MiB);
  const bool tells = os::advise(plain.address, 8_MiB, os::advice::huge_pages) &&
                     std::string(test::map_flags(plain.address)).find(" hg") != std::string::npos;
  (void)os::release(plain.address, 8_MiB);
  reserving_resource_options options;
  options.huge_pages = false;
  reserving_resource small(options);
  std::vector<reservation> ranges;
  for (int i = 0; i < 10; ++i) {
    ranges.push_back(memory.reserve(8_MiB + static_cast<std::size_t>(i) * page));
    BOOST_TEST(is_aligned(ranges.back().data(), 2_MiB));
    if (tells) BOOST_TEST(advised(ranges.back()));
    ranges.push_back(small.reserve(8_MiB));
    BOOST_TEST(!advised(ranges.back()));
  }
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(a_refused_reservation_is_halved_and_max_size_says_so_until_trim) {
  if (test::few_addresses()) return test::skip(test::addresses_are_few);
  const auto outcome = test::run_child("reserving_with_little_address_space");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}

BOOST_AUTO_TEST_CASE(
    where_addresses_are_short_no_range_is_kept_and_the_first_that_comes_back_makes_it_try_for_all_again) {
  if (test::few_addresses()) return test::skip(test::addresses_are_few);
  const auto outcome = test::run_child("reserving_when_addresses_come_back");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}
#endif

BOOST_AUTO_TEST_CASE(more_than_any_system_has_is_halved_down_to_what_is_needed) {
  if (test::few_addresses()) return test::skip(test::addresses_are_few);
  reserving_resource memory;
  const reservation range = memory.reserve(test::beyond_addresses, 1_MiB);
  BOOST_TEST(range.size() >= 1_MiB);
  BOOST_TEST(range.size() < test::beyond_addresses);
  BOOST_TEST(memory.max_size() == 1_GiB);  // what is asked for expressly says nothing of the default
  BOOST_TEST(memory.usage().reserved == range.size());
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(what_is_cached_is_given_up_before_a_request_is_refused_or_halved) {
  reserving_resource memory;
  void* p = memory.allocate(5000);
  memory.deallocate(p, 5000);
  {
    const os::failure_injection injection(1, os::os_call::map);
    BOOST_TEST(memory.reserve(8_MiB).size() == 8_MiB);  // not halved
    BOOST_TEST(injection.fired());
  }
  BOOST_TEST(!memory.owns(p));
  if (test::few_addresses()) return test::skip(test::addresses_are_few);
  const auto outcome = test::run_child("reserving_blocks_with_little_address_space");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}
#endif

// ---- failures

BOOST_AUTO_TEST_CASE(every_failure_of_the_system_leaves_the_resource_as_it_was) {
  struct state {
    reservation range;
    void* block = nullptr;
    std::size_t bytes = 0;
  };
  const auto allocate = [](reserving_resource& memory, state& s, std::size_t bytes) {
    s.block = memory.try_allocate(bytes);
    s.bytes = s.block != nullptr ? bytes : 0;
    return s.block != nullptr;
  };
  const auto expand = [](reserving_resource& memory, state& s, std::size_t bytes) {
    if (!memory.try_expand(s.block, s.bytes, bytes, natural)) return false;
    s.bytes = bytes;
    return true;
  };
  const auto reserve = [](reserving_resource& memory, state& s) {
    os::status outcome;
    s.range = memory.try_reserve(2_MiB, 2_MiB, 1, outcome);
    return static_cast<bool>(outcome);
  };
  using step = std::function<bool(reserving_resource&, state&)>;
  const std::vector<step> steps{
      [&](reserving_resource& memory, state& s) { return allocate(memory, s, 8_MiB); },
      [&](reserving_resource& memory, state& s) { return expand(memory, s, 5000); },
      [&](reserving_resource& memory, state& s) { return expand(memory, s, 2_MiB); },
      [&](reserving_resource& memory, state& s) { return reserve(memory, s); },
      [](reserving_resource&, state& s) { return static_cast<bool>(s.range.try_commit(100)); },
      [](reserving_resource& memory, state& s) { return memory.deallocate(s.block, std::exchange(s.bytes, 0)), true; },
      [&](reserving_resource& memory, state& s) { return allocate(memory, s, 1_MiB); },
      [](reserving_resource&, state& s) { return s.range.release(), true; },
      [&](reserving_resource& memory, state& s) { return reserve(memory, s); },
      [](reserving_resource& memory, state& s) { return memory.deallocate(s.block, std::exchange(s.bytes, 0)), true; },
      [&](reserving_resource& memory, state& s) { return allocate(memory, s, 100); },
  };
  std::size_t failures = 0;
  for (const std::size_t cached : {std::size_t{0}, std::size_t{1}, std::size_t{64}}) {
    for (const auto rule : {os::failure_injection::rule::once, os::failure_injection::rule::from_then_on}) {
      for (const os::os_call which : {os::os_call::map, os::os_call::unmap, os::os_call::protect, os::os_call::advise,
                                      os::os_call::remap, os::os_call::any}) {
        bool fired = true;
        for (std::size_t nth = 1; fired; ++nth) {
          reserving_resource memory(caching(cached));
          state s;
          std::optional<os::failure_injection> injection(std::in_place, nth, which, rule);
          fired = false;
          for (std::size_t i = 0; i < steps.size(); ++i) {
            const memory_usage usage = memory.usage();
            const std::size_t kept = memory.available();
            const auto blocks = blocks_of(memory);
            if (!steps[i](memory, s)) {
              ++failures;
              BOOST_REQUIRE(injection.has_value());
              BOOST_TEST(injection->fired());
              fired = true;
              injection.reset();
              memory_usage now = memory.usage();
              BOOST_TEST(now.used == usage.used);
              BOOST_TEST(now.peak == usage.peak);
              BOOST_TEST(now.wasted == usage.wasted);
              BOOST_TEST(now.committed - memory.available() == usage.committed - kept);
              // Addresses the system does not take back stay with the block.
              if (which == os::os_call::any && rule == os::failure_injection::rule::from_then_on)
                now.reserved = usage.reserved;
              // Where there was nothing to give up, not the least has changed.
              if (cached == 0) BOOST_TEST(now == usage, "step " << i << ", call " << nth);
              BOOST_TEST((blocks_of(memory) == blocks));
              BOOST_TEST(memory.check());
              BOOST_REQUIRE(steps[i](memory, s));
            }
            if (s.bytes != 0) std::memset(s.block, 7, s.bytes);
            BOOST_TEST(memory.check());
          }
          if (injection) fired = injection->fired();
          injection.reset();
          memory.deallocate(s.block, s.bytes);
          s.range.release();
          nothing_is_left_of(memory);
          BOOST_TEST(memory.check());
        }
      }
    }
  }
  BOOST_TEST(failures > 20u);
}

BOOST_AUTO_TEST_CASE(a_block_that_gets_no_memory_leaves_no_address_space_behind) {
  reserving_resource memory;
  void* const p = memory.allocate(100);  // the table's pages stay
  const memory_usage usage = memory.usage();
  const auto rule = os::failure_injection::rule::from_then_on;
  for (int i = 0; i < 3; ++i) {
    const os::failure_injection injection(1, os::os_call::protect, rule);
    BOOST_CHECK_EXCEPTION((void)memory.allocate(64_MiB), allocation_error, with_code(memory_errc::out_of_memory));
    BOOST_TEST(memory.usage() == usage);
  }
  BOOST_TEST(memory.check());
  memory.deallocate(p, 100);
}

// ---- all of it

BOOST_AUTO_TEST_CASE(thousands_of_ranges_are_told_apart) {
  if (test::few_addresses()) return test::skip(test::addresses_are_few);
  const std::size_t space = test::address_space();
  {
    reserving_resource memory;
    std::vector<std::pair<char*, std::size_t>> blocks;
    for (std::size_t i = 1; i <= 3000; ++i) {
      const std::size_t bytes = i % 7 * 1000 + 1;
      blocks.emplace_back(static_cast<char*>(memory.allocate(bytes)), bytes);
      std::memset(blocks.back().first, static_cast<int>(i % 251), bytes);
    }
    BOOST_TEST(blocks_of(memory).size() == 3000u);
    BOOST_TEST(memory.check());
    for (std::size_t i = 1; i <= 3000; i += 2) memory.deallocate(blocks[i - 1].first, blocks[i - 1].second);
    BOOST_TEST(memory.check());
    for (std::size_t i = 2; i <= 3000; i += 2) {
      const auto [p, bytes] = blocks[i - 1];
      BOOST_REQUIRE(all_are(p, bytes, static_cast<int>(i % 251)));
      BOOST_REQUIRE(memory.find_block(p + bytes - 1).begin == p);
    }
    BOOST_TEST(blocks_of(memory).size() == 1500u);
  }  // what is live goes back with its resource
  if (!test::under_thread_sanitizer()) BOOST_TEST(test::address_space() < space + 64_MiB);
}

BOOST_AUTO_TEST_CASE(release_gives_everything_back_and_restores_the_constructed_state) {
  if (test::few_addresses()) return test::skip(test::addresses_are_few);
  const std::size_t space = test::address_space();
  const std::size_t maps = test::map_count();
  reserving_resource memory;
  for (int round = 0; round < 2; ++round) {
    std::vector<void*> blocks;
    for (std::size_t i = 0; i < 300; ++i) blocks.push_back(memory.allocate(i + 1));
    for (std::size_t i = 0; i < 100; ++i) memory.deallocate(blocks[i], i + 1);
    reservation range = memory.reserve(4_GiB);
    range.commit(100);
    const std::byte* const data = range.detach().data;
    memory.release();
    BOOST_TEST(!test::readable(data));
    for (void* p : blocks) BOOST_REQUIRE(!test::readable(p));
    BOOST_TEST(memory.usage() == memory_usage{});
    BOOST_TEST(memory.available() == 0u);
    BOOST_TEST(memory.max_size() == by_default);
    BOOST_TEST(blocks_of(memory).empty());
    BOOST_TEST(memory.check());
    memory.release();
    BOOST_TEST(memory.usage() == memory_usage{});
  }
  if (test::under_thread_sanitizer()) return;                                 // it adds mappings of its own
  BOOST_TEST(test::map_count() <= maps + (memory_tools::active() ? 16 : 2));  // a tool's books take some, too
  BOOST_TEST(test::address_space() < space + 64_MiB);
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(nothing_comes_from_the_default_resource_or_the_heap) {
  testing::trap_resource trap;
  const testing::default_resource_guard guard(trap);
  if (memory_tools::active() || test::under_thread_sanitizer())
    return test::skip("the heap of a memory tool does not tell what it holds");
  std::array<void*, 300> blocks{};
  reserving_resource memory;
  const struct mallinfo2 before = ::mallinfo2();
  for (std::size_t i = 0; i < blocks.size(); ++i) blocks[i] = memory.allocate(i);
  {
    reservation range = memory.reserve();
    range.commit(1_MiB);
    range.decommit(0);
  }
  const struct mallinfo2 after = ::mallinfo2();
  BOOST_TEST(after.uordblks == before.uordblks);
  BOOST_TEST(after.hblkhd == before.hblkhd);
  for (std::size_t i = 0; i < blocks.size(); ++i) memory.deallocate(blocks[i], i);
  (void)memory.trim();
  BOOST_TEST(trap.uses() == 0u);
}
#endif

// ---- threads and processes

BOOST_AUTO_TEST_CASE(threads_share_one_resource) {
  reserving_resource memory(caching(16, 8_MiB));
  std::atomic<bool> good{true};
  const auto work = [&](std::size_t id) {
    const int mine = static_cast<int>(id % 250 + 1);
    for (std::size_t i = 0; i < 40; ++i) {
      const std::size_t bytes = (id * 7 + i) % 5 * page + i + 1;
      auto* p = static_cast<unsigned char*>(memory.allocate(bytes));
      std::memset(p, mine, bytes);
      reservation range = memory.reserve((i % 3 + 1) * 1_MiB);
      range.commit(i % 4 * 64_KiB + 1);
      std::memset(range.data(), mine, range.committed());
      std::size_t now = bytes;
      if (memory.try_expand(p, now, bytes + page, natural)) now = bytes + page;
      if (i % 5 == 0) (void)range.try_resize(5_MiB, true);
      if (i % 7 == 0) range.decommit(page);
      if (i % 11 == 0) (void)memory.trim();
      if (i % 3 == 0 && (!memory.check() || memory.find_block(p).begin != p)) good = false;
      if (!all_are(p, bytes, mine) || !all_are(range.data(), std::min(page, range.committed()), mine)) good = false;
      memory.deallocate(p, now);
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 64; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(good);
  BOOST_TEST(memory.check());
  nothing_is_left_of(memory);
}

BOOST_AUTO_TEST_CASE(the_books_are_sound_at_any_moment_another_thread_looks) {
  reserving_resource memory(caching(1));
  std::atomic<bool> stop{false};
  std::thread worker([&] {
    while (!stop) {
      reservation range = memory.reserve(1_MiB);
      range.commit(100);
      memory.deallocate(memory.allocate(100), 100);
    }
  });
  bool sound = true;
  for (int i = 0; i < 20000; ++i) sound = sound && memory.check();
  stop = true;
  worker.join();
  BOOST_TEST(sound);
  BOOST_TEST(memory.check());
}

BOOST_AUTO_TEST_CASE(there_is_one_resource_for_all) {
  reserving_resource& memory = default_reserving_resource();
  BOOST_TEST(&memory == &default_reserving_resource());
  BOOST_TEST(memory.name() == "default_reserving_resource");
  reserving_resource* elsewhere = nullptr;
  std::thread([&] { elsewhere = &default_reserving_resource(); }).join();
  BOOST_TEST(elsewhere == &memory);
  const auto outcome = test::run_child("reserving_default_outlives_statics");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(the_resource_for_all_works_in_a_child_process_whatever_other_threads_did_at_the_fork) {
  const auto outcome = test::run_child("reserving_forks");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}
#endif

BOOST_AUTO_TEST_CASE(it_is_known_behind_a_plain_pointer) {
  reserving_resource memory;
  page_resource pages;
  BOOST_TEST(as_reserving_resource(&memory) == &memory);
  BOOST_TEST(as_reserving_resource(&pages) == nullptr);
  BOOST_TEST(as_reserving_resource(std::pmr::new_delete_resource()) == nullptr);
  BOOST_TEST(as_reserving_resource(nullptr) == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
