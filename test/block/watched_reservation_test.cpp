// What a memory tool sees of a reserving_resource. Its library may be built plainly; this program must not be.

#include <allot/arena/chained_arena.hpp>
#include <allot/block/reserving_resource.hpp>
#include <allot/core/byte_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/os/virtual_memory.hpp>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <utility>

#include "support/access.hpp"
#include "support/child.hpp"

using namespace allot;
using namespace allot::literals;
using memory_tools::accessible;

namespace {

const std::size_t page = test::system_page_size();

void write(void* p, std::size_t offset) { static_cast<volatile char*>(p)[offset] = 1; }

bool all_accessible(const std::byte* p, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes; at += 512)
    if (!accessible(p + at)) return false;
  return bytes == 0 || accessible(p + bytes - 1);
}

bool none_accessible(const std::byte* p, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes; at += 512)
    if (accessible(p + at)) return false;
  return bytes == 0 || !accessible(p + bytes - 1);
}

const test::child_program cached_block{"watched_cached_block", [] {
                                         reserving_resource memory;
                                         void* p = memory.allocate(100);
                                         memory.deallocate(p, 100);
                                         write(p, 99);
                                       }};
const test::child_program cached_reservation{"watched_cached_reservation", [] {
                                               reserving_resource memory;
                                               reservation range = memory.reserve(1_MiB);
                                               range.commit(1_MiB);
                                               std::byte* const data = range.data();
                                               range.release();
                                               write(data, 1_MiB - 1);
                                             }};
const test::child_program past{"watched_past_a_reserving_block", [] {
                                 reserving_resource memory;
                                 write(memory.allocate(100), 100);
                               }};
const test::child_program past_again{"watched_past_a_reserving_block_from_the_cache", [] {
                                       reserving_resource memory;
                                       memory.deallocate(memory.allocate(page), page);
                                       write(memory.allocate(100), 100);
                                     }};

}  // namespace

BOOST_AUTO_TEST_SUITE(watched_reservations)

BOOST_AUTO_TEST_CASE(of_a_block_exactly_what_was_asked_for_is_accessible) {
  if (!memory_tools::active()) return test::skip("no memory tool watches");
  reserving_resource memory;
  auto* p = static_cast<std::byte*>(memory.allocate(104));
  BOOST_TEST(all_accessible(p, 104));
  BOOST_TEST(none_accessible(p + 104, page - 104));
  BOOST_REQUIRE(memory.try_expand(p, 104, 2000, 16));
  BOOST_TEST(all_accessible(p, 2000));
  BOOST_TEST(none_accessible(p + 2000, page - 2000));
  BOOST_REQUIRE(memory.try_expand(p, 2000, 8, 16));
  BOOST_TEST(all_accessible(p, 8));
  BOOST_TEST(none_accessible(p + 8, page - 8));
  memory.deallocate(p, 8);

  p = static_cast<std::byte*>(memory.allocate(1_MiB));
  BOOST_REQUIRE(memory.try_expand(p, 1_MiB, 5 * page + 8, 16));
  BOOST_TEST(all_accessible(p, 5 * page + 8));
  BOOST_TEST(none_accessible(p + 5 * page + 8, page - 8));
  if (memory.try_expand(p, 5 * page + 8, 9 * page + 8, 16)) {
    std::memset(p, 7, 9 * page + 8);
    BOOST_TEST(none_accessible(p + 9 * page + 8, page - 8));
    memory.deallocate(p, 9 * page + 8);
  } else {
    memory.deallocate(p, 5 * page + 8);
  }
}

BOOST_AUTO_TEST_CASE(what_is_cached_is_poisoned_and_what_is_handed_out_again_is_not) {
  if (!memory_tools::active()) return test::skip("no memory tool watches");
  reserving_resource memory;
  auto* const block = static_cast<std::byte*>(memory.allocate(5000));
  reservation range = memory.reserve(4_MiB);
  range.commit(1_MiB);
  std::byte* const data = range.data();
  const std::size_t committed = range.committed();
  for (int round = 0; round < 3; ++round) {
    memory.deallocate(block, 5000);
    range.release();
    BOOST_TEST(none_accessible(block, align_up(5000, page)));
    BOOST_TEST(none_accessible(data, committed));
    BOOST_TEST(memory.allocate(5000) == block);
    range = memory.reserve(4_MiB);
    BOOST_TEST(range.data() == data);
    BOOST_TEST(all_accessible(block, 5000));
    BOOST_TEST(none_accessible(block + 5000, align_up(5000, page) - 5000));
    BOOST_TEST(all_accessible(data, committed));
    std::memset(block, 7, 5000);
    std::memset(data, 7, committed);
    range.commit(committed + 1);
    std::memset(data, 7, range.committed());
    range.decommit(committed);
  }
  memory.deallocate(block, 5000);
}

BOOST_AUTO_TEST_CASE(a_range_from_the_cache_that_is_committed_further_is_accessible_in_all) {
  if (!memory_tools::active()) return test::skip("no memory tool watches");
  reserving_resource_options options;
  options.cached_bytes = 1_MiB;  // of a range 128 KiB stay
  reserving_resource memory(options);
  reservation range = memory.reserve(8_MiB);
  range.commit(8_MiB);
  std::memset(range.data(), 7, 8_MiB);
  std::byte* const data = range.data();
  range.release();
  BOOST_TEST(memory.available() == 128_KiB);
  range = memory.reserve(8_MiB);
  BOOST_REQUIRE(range.data() == data);
  range.commit(8_MiB);
  BOOST_TEST(all_accessible(data, 8_MiB));
  std::memset(data, 7, 8_MiB);
  range.release();
  BOOST_TEST(memory.allocate(8_MiB) == data);
  BOOST_TEST(all_accessible(data, 8_MiB));
  memory.deallocate(data, 8_MiB);
}

BOOST_AUTO_TEST_CASE(poison_of_the_holder_ends_with_its_holding) {
  if (!memory_tools::active()) return test::skip("no memory tool watches");
  reserving_resource memory;
  reservation range = memory.reserve(4_MiB);
  range.commit(3_MiB);
  memory_tools::poison(range.data() + 1000, range.committed() - 1000);  // as a container does with what it does not use
  range.decommit(2_MiB);
  range.commit(3_MiB);
  BOOST_TEST(all_accessible(range.data() + 2_MiB, range.committed() - 2_MiB));
  memory_tools::poison(range.data(), range.committed());
  std::byte* const data = range.data();
  range.release();
  range = memory.reserve(4_MiB);
  BOOST_REQUIRE(range.data() == data);
  BOOST_TEST(all_accessible(data, range.committed()));
  memory_tools::poison(data, range.committed());
  BOOST_TEST(static_cast<bool>(range.try_resize(1_MiB, false)));
  if (range.try_resize(4_MiB, false)) {
    range.commit(4_MiB);
    BOOST_TEST(all_accessible(data + 1_MiB, 3_MiB));
  }
}

BOOST_AUTO_TEST_CASE(no_poison_is_left_on_addresses_that_went_back_to_the_system) {
  if (!memory_tools::active()) return test::skip("no memory tool watches");
  const auto usable_again = [](std::byte* p, std::size_t bytes) {
    const os::mapping again = os::map(bytes, 1, os::access::read_write, {os::placement::how::fixed, p});
    if (!again) return true;  // somebody else has it
    const bool clean = all_accessible(p, bytes);
    (void)os::release(p, bytes);
    return clean;
  };
  for (const bool by_trim : {false, true}) {
    for (const bool live : {false, true}) {
      reserving_resource memory;
      auto* block = static_cast<std::byte*>(memory.allocate(5000));
      reservation range = memory.reserve(8_MiB);
      range.commit(1_MiB);
      std::byte* const data = range.data();
      memory_tools::poison(data + 100, range.committed() - 100);
      if (live && !by_trim) {
        (void)range.detach();
      } else {
        memory.deallocate(block, 5000);
        range.release();
      }
      if (by_trim) {
        (void)memory.trim();
      } else {
        memory.release();
      }
      BOOST_TEST(usable_again(block, align_up(5000, page)));
      BOOST_TEST(usable_again(data, 8_MiB));
    }
  }
  reserving_resource memory;
  reservation range = memory.reserve(2_MiB);
  range.commit(2_MiB);
  std::byte* const data = range.data();
  memory_tools::poison(data + 1_MiB, 1_MiB);
  BOOST_TEST(static_cast<bool>(range.try_resize(1_MiB, false)));
  BOOST_TEST(usable_again(data + 1_MiB + page, 1_MiB));
  const os::mapping there = os::reserve(page, 1, {os::placement::how::fixed, data + 1_MiB + page});
  memory_tools::poison(data, 1_MiB);
  BOOST_TEST(static_cast<bool>(range.try_resize(16_MiB, true)));
  if (there) BOOST_TEST(range.data() != data);
  if (range.data() != data) BOOST_TEST(usable_again(data, 1_MiB));
  if (there) (void)os::release(there.address, page);
}

BOOST_AUTO_TEST_CASE(what_was_only_reserved_costs_the_tools_books_no_memory) {
  if (!memory_tools::active()) return test::skip("no memory tool watches");
  const std::size_t before = test::resident();
  reserving_resource memory;
  reservation live = memory.reserve(4_GiB);
  live.commit(100);
  (void)live.detach();
  memory.reserve(4_GiB).release();
  memory.release();
  BOOST_TEST(test::resident() < before + 100_MiB);
}

BOOST_AUTO_TEST_CASE(arenas_over_one_resource_use_each_others_memory_freely) {
  reserving_resource memory;
  chained_arena_options options;
  options.upstream = &memory;
  options.reserve = 1_MiB;
  options.retained_bytes = 256_KiB;
  for (int life = 0; life < 3; ++life) {
    chained_arena arena(options);
    for (int round = 0; round < 3; ++round) {
      for (std::size_t i = 1; i < 1500; ++i) std::memset(arena.allocate(i), 1, i);
      arena.clear();
      std::memset(arena.push(3_MiB), 1, 3_MiB);
      arena.pop_to(0);
    }
    (void)arena.allocate(100);
  }
  void* p = memory.allocate(1_MiB);
  std::memset(p, 1, 1_MiB);
  memory.deallocate(p, 1_MiB);
}

BOOST_AUTO_TEST_CASE(writes_into_the_cache_and_behind_blocks_are_reported) {
  if (!memory_tools::active()) return test::skip("no memory tool watches");
  for (const char* name : {"watched_cached_block", "watched_cached_reservation", "watched_past_a_reserving_block",
                           "watched_past_a_reserving_block_from_the_cache"}) {
    const auto outcome = test::run_child(name);
    BOOST_TEST(outcome.says("AddressSanitizer: use-after-poison"), name);
    BOOST_TEST(outcome.exit_code != 0, name);
  }
}

BOOST_AUTO_TEST_SUITE_END()
