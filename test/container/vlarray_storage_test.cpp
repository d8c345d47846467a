// Where the memory of a vlarray comes from, what it costs, and what is said of it.

#if !defined(_WIN32)
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

#include <allot/arena/monotonic_arena.hpp>
#include <allot/block/reserving_resource.hpp>
#include <allot/container/vlarray.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/testing/counting_resource.hpp>
#include <allot/testing/default_resource_guard.hpp>
#include <allot/testing/failing_resource.hpp>
#include <allot/testing/trap_resource.hpp>
#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <map>
#include <memory_resource>
#include <mutex>
#include <new>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "container/elements.hpp"
#include "container/storages.hpp"
#include "support/access.hpp"
#include "support/child.hpp"
#include "support/machine.hpp"

using namespace allot;
using test::element;
using test::made;
using test::numbered;
using test::same;

namespace {

using texts = vlarray<std::pmr::string>;
using allocator = texts::allocator_type;

const std::size_t page = test::system_page_size();

template <class T>
void fill_to_capacity(vlarray<T>& array, const T& value) {
  while (array.size() < array.capacity()) array.push_back(value);
}

bool counts_up(const vlarray<int>& array) {
  for (std::size_t i = 0; i < array.size(); ++i)
    if (array[i] != static_cast<int>(i)) return false;
  return true;
}

void count_up(vlarray<int>& array, std::size_t count) {
  while (array.size() < count) array.push_back(static_cast<int>(array.size()));
}

#if !defined(_WIN32)
void limit_address_space(std::size_t more) {
  const rlimit limit{test::address_space() + more, test::address_space() + more};
  if (::setrlimit(RLIMIT_AS, &limit) != 0) ::_exit(20);
}

void expect_in_child(bool good, int code) {
  if (!good) ::_exit(code);
}

/// Less address space than a reservation takes by default, and more than is needed.
const test::child_program short_of_addresses{
    "vlarray_short_of_addresses", [] {
      const std::size_t wanted = vlarray<int>().max_size();
      limit_address_space(std::size_t{400} << 20);
      vlarray<int> array;
      array.push_back(1);
      expect_in_child(array.reserved_bytes() < std::size_t{400} << 20, 21);
      expect_in_child(array.reserved_bytes() >= std::size_t{32} << 20, 22);
      expect_in_child(array.max_size() == array.reserved_bytes() / sizeof(int), 23);
      expect_in_child(array.max_size() < wanted, 24);
      expect_in_child(vlarray<int>().max_size() == array.max_size(), 25);
      count_up(array, 3'000'000);
      bool refused = false;
      try {
        array.reserve(array.max_size() + 1);
      } catch (const std::length_error&) {
        refused = true;
      }
      expect_in_child(refused && array.size() == 3'000'000 && array.back() == 2'999'999, 26);
      try {
        vlarray<int> too_large(vlarray_options{nullptr, test::two_to(40)});
        too_large.reserve(test::two_to(38));
        ::_exit(27);
      } catch (const allocation_error&) {
      }
    }};
#endif

// Run under Valgrind, which must see it.
const test::child_program behind_the_end{"vlarray_read_behind_the_end", [] {
                                           vlarray<char> array(13, 'x');
                                           if (static_cast<const volatile char*>(array.data())[13] == 'y') std::abort();
                                         }};
const test::child_program without_a_value{"vlarray_depend_on_what_has_no_value", [] {
                                            vlarray<int> array;
                                            const int* const first = array.append_uninitialized(5);
                                            if (first[3] == 4711) std::abort();
                                          }};

#if !defined(_WIN32)
/// Runs in a child that fork() made: 0 when all is well.
int use_arrays(vlarray<int>& inherited) {
  ::alarm(60);
  const std::size_t size = inherited.size();
  if (!counts_up(inherited)) return 1;
  count_up(inherited, size + 100'000);
  if (!counts_up(inherited)) return 2;
  for (int i = 0; i < 20; ++i) {
    vlarray<int> own;
    count_up(own, 5000);
    if (!counts_up(own)) return 3;
    const vlarray<std::string> other(100, "x");
    if (other.back() != "x") return 4;
  }
  inherited = vlarray<int>();
  return default_reserving_resource().check() ? 0 : 5;
}
#endif

}  // namespace

BOOST_AUTO_TEST_SUITE(vlarray_storage)

// ---- when the system is asked

BOOST_AUTO_TEST_CASE(an_array_asks_for_nothing_before_its_first_element) {
  testing::trap_resource trap;
  reserving_resource pages;
  const testing::default_resource_guard guard(trap);
  const os::failure_injection calls(0);
  {
    texts array;
    texts with_allocator(allocator{&trap});
    texts on_resource(&trap);
    texts on_pages(&pages);
    texts with_options(vlarray_options{&trap, 1000, when_full::move});
    texts none(0);
    const texts none_of_value(0, texts::value_type());
    const texts of_no_range(none.begin(), none.end());
    const texts of_no_list = {};
    texts copy(array);
    texts moved(std::move(array));
    copy = moved;
    copy = std::move(moved);
    copy = {};
    swap(copy, with_allocator);
    on_resource = std::move(copy);
    on_resource.reserve(0);
    on_resource.resize(0);
    on_resource.clear();
    on_resource.assign(none.begin(), none.end());
    on_resource.append(none);
    on_resource.insert(on_resource.begin(), none.begin(), none.end());
    on_resource.insert(on_resource.end(), {});
    on_resource.erase(on_resource.begin(), on_resource.end());
    on_resource.shrink_to_fit();
    on_resource.prefault(0);
    on_pages.swap(none);
    BOOST_TEST(on_pages.max_size() > 0u);
    BOOST_TEST((on_pages == of_no_range));
    BOOST_TEST(on_resource.reserved_bytes() == 0u);
    BOOST_TEST(with_options.committed_bytes() == 0u);
  }
  BOOST_TEST(trap.uses() == 0u);
  BOOST_TEST(calls.calls() == 0u);
}

BOOST_AUTO_TEST_CASE(a_million_appends_ask_the_system_a_few_times) {
  reserving_resource pages;
  vlarray<int> array(&pages);
  const os::failure_injection calls(0);
  count_up(array, 1'000'000);
  BOOST_TEST(calls.calls() < 40u);  // small pages: 18 steps, of which 15 are populated
  BOOST_TEST(counts_up(array));
}

BOOST_AUTO_TEST_CASE(a_new_array_takes_the_memory_of_one_that_died) {
  reserving_resource pages;
  vlarray<int>(&pages).push_back(1);
  const os::failure_injection calls(0);
  for (int i = 0; i < 100; ++i) {
    vlarray<int> array(&pages);
    array.resize(1000);
    BOOST_TEST(std::count(array.begin(), array.end(), 0) == 1000);
    std::fill(array.begin(), array.end(), i + 1);
  }
  BOOST_TEST(calls.calls() == 0u);
}

// ---- storage and allocator

BOOST_AUTO_TEST_CASE(the_array_is_in_its_storage_and_what_elements_allocate_comes_from_the_allocator) {
  testing::counting_resource storage;
  testing::counting_resource elements;
  testing::trap_resource trap;
  const std::string text = made<std::string>(1);
  const testing::default_resource_guard guard(trap);
  {
    texts array(vlarray_options{&storage, 100}, &elements);
    array.emplace_back(text.c_str());
    array.resize(10);
    array[5] = text.c_str();
    array.insert(array.begin(), 3, array[0]);
    array.insert(array.begin(), texts::value_type(text.c_str(), &elements));
    array.append(std::vector<const char*>{text.c_str(), text.c_str()});
    array.emplace(array.begin(), text.c_str());
    for (const auto& value : array) BOOST_TEST(value.get_allocator().resource() == &elements);
    BOOST_TEST(storage.allocations() == 1u);
    BOOST_TEST(elements.live_blocks() >= 7u);
    BOOST_TEST(array.storage() == &storage);
    BOOST_TEST(array.get_allocator().resource() == &elements);
  }
  BOOST_TEST(storage.live_blocks() == 0u);
  BOOST_TEST(elements.live_blocks() == 0u);
  BOOST_TEST(trap.uses() == 0u);
}

BOOST_AUTO_TEST_CASE(pairs_and_arrays_hand_the_allocator_on_to_what_they_hold) {
  testing::counting_resource elements;
  {
    vlarray<std::pair<std::pmr::string, int>> pairs(allocator{&elements});
    pairs.emplace_back("a text that is too long for a small string", 1);
    pairs.resize(3);
    BOOST_TEST(pairs[0].first.get_allocator().resource() == &elements);
    BOOST_TEST(pairs[2].first.get_allocator().resource() == &elements);
    vlarray<vlarray<std::pmr::string>> nested(allocator{&elements});
    nested.emplace_back();
    nested.back().emplace_back("a text that is too long for a small string");
    BOOST_TEST(nested[0][0].get_allocator().resource() == &elements);
    BOOST_TEST(nested[0].storage() == &default_reserving_resource());
    std::pmr::vector<texts> outer(&elements);
    outer.emplace_back();
    outer.emplace_back(3, "x");
    outer.resize(5);
    outer.push_back(texts{"y"});
    outer.insert(outer.begin(), texts{"z"});
    for (const texts& array : outer) BOOST_TEST(array.get_allocator().resource() == &elements);
    BOOST_TEST(outer[2].size() == 3u);
    BOOST_TEST(outer[0][0].get_allocator().resource() == &elements);
    std::pmr::map<int, texts> by_number(&elements);
    by_number[3].emplace_back("w");
    BOOST_TEST(by_number[3][0].get_allocator().resource() == &elements);
  }
  BOOST_TEST(elements.live_blocks() == 0u);
}

BOOST_AUTO_TEST_CASE(neither_storage_nor_allocator_propagates_but_in_a_move_construction_and_a_swap) {
  testing::counting_resource storage;
  testing::counting_resource elements;
  testing::counting_resource others;
  const auto long_text = made<std::string>(1);
  {
    texts source(vlarray_options{&storage, 100}, &elements);
    source.assign(3, long_text.c_str());

    const texts copy(source);
    BOOST_TEST(copy.storage() == &default_reserving_resource());
    BOOST_TEST(copy.get_allocator().resource() == std::pmr::get_default_resource());
    BOOST_TEST((copy == source));

    const texts copy_with(source, &others);
    BOOST_TEST(copy_with.storage() == &default_reserving_resource());
    BOOST_TEST(copy_with.get_allocator().resource() == &others);
    BOOST_TEST(copy_with[1].get_allocator().resource() == &others);

    texts assigned(vlarray_options{nullptr, 50}, &others);
    assigned = source;
    BOOST_TEST(assigned.storage() == &default_reserving_resource());
    BOOST_TEST(assigned.get_allocator().resource() == &others);
    BOOST_TEST(assigned[2].get_allocator().resource() == &others);
    BOOST_TEST((assigned == source));

    const auto* const place = source.data();
    texts moved(std::move(source));
    BOOST_TEST(moved.data() == place);
    BOOST_TEST(moved.storage() == &storage);
    BOOST_TEST(moved.get_allocator().resource() == &elements);
    BOOST_TEST(source.empty());
    BOOST_TEST(source.storage() == &storage);  // it can go on
    source.push_back("again");

    texts same_allocator(std::move(moved), &elements);
    BOOST_TEST(same_allocator.data() == place);
    BOOST_TEST(same_allocator.storage() == &storage);
    BOOST_TEST(moved.empty());

    texts other_allocator(std::move(same_allocator), &others);
    BOOST_TEST(other_allocator.data() != place);
    BOOST_TEST(other_allocator.storage() == &storage);
    BOOST_TEST(other_allocator.get_allocator().resource() == &others);
    BOOST_TEST(other_allocator[1].get_allocator().resource() == &others);
    BOOST_TEST((other_allocator == copy));
    BOOST_TEST(same_allocator.empty());

    // Assignment takes memory over only where both storage and allocator are the same.
    texts target(vlarray_options{&storage, 100}, &others);
    target.push_back("gone");
    const auto* const there = other_allocator.data();
    target = std::move(other_allocator);
    BOOST_TEST(target.data() == there);
    BOOST_TEST(other_allocator.empty());
    texts elsewhere(allocator{&others});
    elsewhere = std::move(target);
    BOOST_TEST(elsewhere.data() != there);
    BOOST_TEST(elsewhere.storage() == &default_reserving_resource());
    BOOST_TEST((elsewhere == copy));
    BOOST_TEST(target.empty());
    texts otherwise(vlarray_options{nullptr}, &elements);
    otherwise = std::move(elsewhere);
    BOOST_TEST(otherwise[0].get_allocator().resource() == &elements);
    BOOST_TEST((otherwise == copy));
    BOOST_TEST(elsewhere.empty());
  }
  for (const auto* resource : {&storage, &elements, &others}) {
    BOOST_TEST(resource->live_blocks() == 0u);
    BOOST_TEST(resource->mismatches().empty());
  }
}

BOOST_AUTO_TEST_CASE(elements_that_cannot_be_moved_bring_their_storage_along_when_assigned) {
  const test::element_watch watch;
  testing::counting_resource storage;
  {
    vlarray<test::pinned> source(vlarray_options{&storage, 50});
    source.resize(10);
    const test::pinned* const place = source.data();
    vlarray<test::pinned> target(5);
    target = std::move(source);
    BOOST_TEST(target.data() == place);
    BOOST_TEST(target.storage() == &storage);
    BOOST_TEST(source.empty());
    BOOST_TEST(watch.live() == 10);
    target.emplace_back(4);
    source.emplace_back(5);
  }
  BOOST_TEST(watch.none_left());
  BOOST_TEST(storage.live_blocks() == 0u);
}

BOOST_AUTO_TEST_CASE(copies_of_an_array_beyond_its_own_limit_have_room) {
  testing::counting_resource elements;
  texts small(vlarray_options{nullptr, 2});
  texts large(100, "x");
  small = std::move(large);  // takes its memory over
  BOOST_TEST(small.size() == 100u);
  const texts copy(small);
  const texts moved(std::move(small), &elements);
  BOOST_TEST(copy.size() == 100u);
  BOOST_TEST((moved == copy));
}

// ---- what is said of memory

BOOST_AUTO_TEST_CASE(bytes_and_counts_say_what_is_committed_and_reserved) {
  reserving_resource_options options;
  options.reservation = std::size_t{8} << 20;
  reserving_resource pages(options);
  vlarray<std::array<char, 24>> array(&pages);
  BOOST_TEST(array.max_size() == (std::size_t{8} << 20) / 24);
  array.emplace_back();
  BOOST_TEST(array.reserved_bytes() == std::size_t{8} << 20);
  BOOST_TEST(array.max_size() == array.reserved_bytes() / 24);
  BOOST_TEST(array.committed_bytes() >= page);
  BOOST_TEST(array.capacity() == array.committed_bytes() / 24);
  BOOST_TEST(pages.usage().used == array.committed_bytes());
  array.resize(100'000);
  BOOST_TEST(pages.usage().used == array.committed_bytes());
  BOOST_TEST(array.committed_bytes() >= 2'400'000u);
  BOOST_TEST(array.committed_bytes() <= array.reserved_bytes());
  if (!memory_tools::active())
    BOOST_TEST(test::writable(reinterpret_cast<char*>(array.data()) + array.committed_bytes() - 1));
  BOOST_TEST(!test::readable(reinterpret_cast<char*>(array.data()) + array.committed_bytes()));
  BOOST_TEST(!test::readable(reinterpret_cast<char*>(array.data()) + array.reserved_bytes()));
  array = decltype(array)(&pages);
  BOOST_TEST(pages.usage().used == 0u);

  vlarray<int> limited(vlarray_options{&pages, 5000});
  BOOST_TEST(limited.max_size() == 5000u);
  limited.push_back(1);
  const std::size_t whole_pages = (20000 + page - 1) / page * page;
  BOOST_TEST(limited.reserved_bytes() == whole_pages);
  BOOST_TEST(limited.max_size() == whole_pages / sizeof(int));
}

BOOST_AUTO_TEST_CASE(decommitting_gives_memory_back_and_keeps_elements_and_addresses) {
  reserving_resource pages;
  vlarray<int> array(&pages);
  count_up(array, 3'000'000);
  const int* const data = array.data();
  const std::size_t reserved = array.reserved_bytes();
  array.resize(1000);
  const std::size_t before = array.committed_bytes();
  const std::size_t resident = test::resident();
  const std::size_t given_back = array.decommit_unused(500'000);
  BOOST_TEST(given_back > 0u);
  BOOST_TEST(array.committed_bytes() == before - given_back);
  BOOST_TEST(array.capacity() >= 501'000u);
  BOOST_TEST(array.committed_bytes() < 501'000u * sizeof(int) + (std::size_t{4} << 20));
  array.shrink_to_fit();
  BOOST_TEST(array.committed_bytes() == page);
  BOOST_TEST(array.capacity() == page / sizeof(int));
  if (!test::under_thread_sanitizer()) BOOST_TEST(test::resident() + 8'000'000 < resident);
  BOOST_TEST(array.data() == data);
  BOOST_TEST(array.reserved_bytes() == reserved);
  BOOST_TEST(!test::readable(data + page / sizeof(int)));
  BOOST_TEST(counts_up(array));
  BOOST_TEST(array.decommit_unused() == 0u);
  count_up(array, 200'000);
  BOOST_TEST(counts_up(array));
  BOOST_TEST(array.data() == data);
  array.clear();
  BOOST_TEST(array.decommit_unused() > 0u);
  BOOST_TEST(array.committed_bytes() == 0u);
  BOOST_TEST(array.capacity() == 0u);
  BOOST_TEST(array.reserved_bytes() == reserved);
  array.push_back(0);
  BOOST_TEST(array.data() == data);
}

BOOST_AUTO_TEST_CASE(a_decommit_the_system_refuses_changes_nothing) {
  reserving_resource pages;
  vlarray<int> array(&pages);
  count_up(array, 100'000);
  array.resize(10);
  const std::size_t committed = array.committed_bytes();
  {
    const os::failure_injection injection(1, os::os_call::any, os::failure_injection::rule::from_then_on);
    const std::size_t given_back = array.decommit_unused();
    BOOST_TEST(array.committed_bytes() == committed - given_back);
  }
  count_up(array, 100'000);
  BOOST_TEST(counts_up(array));
}

BOOST_AUTO_TEST_CASE(a_prefaulted_array_has_its_memory) {
  reserving_resource pages;
  vlarray<char> array(&pages);
  const std::size_t before = test::resident();
  constexpr std::size_t bytes = 64'000'000;
  array.prefault(bytes);
  BOOST_TEST(array.capacity() >= bytes);
  BOOST_TEST(array.empty());
  if (!test::under_thread_sanitizer() && !test::under_emulator())  // which takes this advice and does nothing
    BOOST_TEST(test::resident() >= before + bytes * 9 / 10);
  array.resize(bytes, 'x');
  BOOST_TEST(array.back() == 'x');
  array.prefault(10);  // less than there is
  BOOST_TEST(array.front() == 'x');

  vlarray<char> on_block(std::pmr::new_delete_resource());
  on_block.prefault(10);
  on_block.push_back('y');
  on_block.prefault(30'000);
  BOOST_TEST(on_block.front() == 'y');
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(a_refused_reservation_is_made_smaller_and_says_so) {
  if (test::under_emulator()) return test::skip(test::lost_in_emulator::limit);
  if (test::narrow) return test::skip(test::addresses_are_few);
  const auto outcome = test::run_child("vlarray_short_of_addresses");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}
#endif

BOOST_AUTO_TEST_CASE(a_limit_beyond_all_addresses_gets_what_there_is) {
  if (test::few_addresses()) return test::skip(test::addresses_are_few);
  vlarray<int> array(vlarray_options{nullptr, test::two_to(58)});
  array.push_back(1);
  BOOST_TEST(array.reserved_bytes() > std::size_t{1} << 30);
  BOOST_TEST(array.max_size() == array.reserved_bytes() / sizeof(int));
  vlarray<int> most(vlarray_options{nullptr, static_cast<std::size_t>(-1)});
  BOOST_TEST(most.max_size() == max_object_bytes / sizeof(int));
  most.push_back(1);
  BOOST_TEST(most.max_size() == most.reserved_bytes() / sizeof(int));
}

// ---- on any memory_resource

BOOST_AUTO_TEST_CASE(on_a_plain_resource_an_array_has_one_block_of_the_size_it_was_told) {
  testing::counting_resource counted;
  std::pmr::monotonic_buffer_resource buffer(&counted);
  for (std::pmr::memory_resource* const storage :
       std::initializer_list<std::pmr::memory_resource*>{&counted, &buffer, std::pmr::new_delete_resource()}) {
    vlarray<int> array(vlarray_options{storage, 100});
    BOOST_TEST(array.max_size() == 100u);
    array.push_back(0);
    BOOST_TEST(array.capacity() == 100u);
    BOOST_TEST(array.reserved_bytes() == 400u);
    BOOST_TEST(array.committed_bytes() == 400u);
    count_up(array, 100);
    BOOST_CHECK_THROW(array.push_back(1), std::length_error);
    BOOST_TEST(counts_up(array));
    BOOST_TEST(array.decommit_unused() == 0u);
    array.clear();
    BOOST_TEST(array.decommit_unused() == 0u);
    BOOST_TEST(array.capacity() == 100u);
  }
  BOOST_TEST(counted.allocations() >= 1u);
}

BOOST_AUTO_TEST_CASE(a_block_without_a_stated_size_is_64_KiB_or_what_there_is) {
  testing::counting_resource counted;
  vlarray<int> array(&counted);
  array.push_back(1);
  BOOST_TEST(array.reserved_bytes() == 65536u);
  vlarray<int> large(&counted);
  large.resize(100'000);
  BOOST_TEST(large.reserved_bytes() == 400'000u);
  BOOST_CHECK_THROW(large.push_back(1), std::length_error);

  alignas(std::max_align_t) std::array<std::byte, 5000> memory;
  std::pmr::monotonic_buffer_resource small(memory.data(), memory.size(), std::pmr::null_memory_resource());
  vlarray<int> in_small(&small);
  in_small.push_back(1);
  BOOST_TEST(in_small.reserved_bytes() == 4096u);
  BOOST_TEST(range_contains(memory.data(), memory.size(), in_small.data(), in_small.reserved_bytes()));
  vlarray<int> none_left(&small);
  BOOST_CHECK_THROW(none_left.resize(1000), std::bad_alloc);
  BOOST_TEST(none_left.empty());
  BOOST_TEST(none_left.try_push_back(1) != nullptr);  // there is still a little
}

BOOST_AUTO_TEST_CASE(a_block_of_an_arena_grows_in_place_as_long_as_it_is_the_last) {
  monotonic_arena arena(std::size_t{64} << 20);
  vlarray<int> array(&arena);
  array.push_back(0);
  const int* const data = array.data();
  BOOST_TEST(array.max_size() > 10'000'000u);
  count_up(array, 1'000'000);
  BOOST_TEST(array.data() == data);
  BOOST_TEST(counts_up(array));
  array.reserve(array.capacity() + 1);
  (void)arena.allocate(100);
  count_up(array, array.capacity());
  BOOST_CHECK_THROW(array.push_back(1), std::length_error);
  BOOST_TEST(array.try_push_back(1) == nullptr);
  BOOST_TEST(counts_up(array));

  monotonic_arena tight(100'000);
  vlarray<char> to_the_end(&tight);
  while (to_the_end.try_push_back('x') != nullptr) {
  }
  BOOST_TEST(to_the_end.size() > 99'000u);

  monotonic_arena limited(1'000'000);
  vlarray<int> with_limit(vlarray_options{&limited, 1000});
  count_up(with_limit, 1000);
  BOOST_CHECK_THROW(with_limit.push_back(1), std::length_error);
}

// ---- arrays that move when they are full

template <class T>
void moves_and_keeps(const vlarray_options& options, std::size_t count) {
  vlarray<T> array(options);
  std::vector<T> twin;
  std::size_t places = 0;
  const T* data = nullptr;
  for (std::size_t i = 0; i < count; ++i) {
    array.push_back(made<T>(static_cast<int>(i % 100)));
    twin.push_back(made<T>(static_cast<int>(i % 100)));
    if (array.data() == data) continue;
    data = array.data();
    ++places;
    BOOST_TEST(same(array, twin));
  }
  BOOST_TEST(places > 1u);
  BOOST_TEST(places < 40u);
  BOOST_TEST(same(array, twin));
  array.insert(array.begin(), array.capacity(), made<T>(7));
  BOOST_TEST((array.front() == made<T>(7)));
  BOOST_TEST((array.back() == twin.back()));
  array.shrink_to_fit();
  array.push_back(array.front());
  BOOST_TEST((array.back() == made<T>(7)));
}

BOOST_AUTO_TEST_CASE(an_array_that_must_move_takes_less_than_twice_its_size_where_that_is_refused) {
  alignas(16) std::array<std::byte, 64 + 128 + 256 + 272> bytes;
  std::pmr::monotonic_buffer_resource small(bytes.data(), bytes.size(), std::pmr::null_memory_resource());
  vlarray<int> array(vlarray_options{&small, 16, when_full::move});
  for (int i = 0; i < 66; ++i) array.push_back(i);
  BOOST_TEST(array.capacity() == 66u);
  BOOST_CHECK_THROW(array.push_back(66), std::bad_alloc);
  BOOST_TEST(array.size() == 66u);
  for (int i = 0; i < 66; ++i) BOOST_TEST(array[static_cast<std::size_t>(i)] == i);
}

BOOST_AUTO_TEST_CASE(a_block_that_cannot_grow_in_place_is_all_there_is) {
  vlarray<int> array(std::pmr::new_delete_resource());
  array.push_back(1);
  BOOST_TEST(array.max_size() == array.capacity());
}

BOOST_AUTO_TEST_CASE(an_array_that_may_move_goes_on_in_a_larger_place) {
  const test::element_watch watch;
  reserving_resource pages;
  testing::counting_resource plain;
  for (std::pmr::memory_resource* const storage : std::initializer_list<std::pmr::memory_resource*>{&pages, &plain}) {
    const vlarray_options options{storage, 10, when_full::move};
    BOOST_TEST(vlarray<int>(options).max_size() == max_object_bytes / sizeof(int));
    // Something right behind every reservation, so that it must move.
    std::vector<vlarray<char>> others;
    for (int i = 0; i < 50; ++i) others.emplace_back(vlarray_options{&pages, 10}).push_back('x');
    moves_and_keeps<std::string>(options, 20'000);
    moves_and_keeps<element>(options, 20'000);
    if (storage == &plain) moves_and_keeps<int>(options, 20'000);
  }
  BOOST_TEST(pages.usage().used == 0u);
  BOOST_TEST(pages.check());
  BOOST_TEST(plain.live_blocks() == 0u);
  BOOST_TEST(plain.mismatches().empty());
  BOOST_TEST(watch.none_left());
}

BOOST_AUTO_TEST_CASE(a_reservation_of_plain_bytes_is_remapped) {
  reserving_resource pages;
  vlarray<int> array(vlarray_options{&pages, 1000, when_full::move});
  std::size_t sizes = 0;
  std::size_t reserved = 0;
  for (std::size_t count = 1; count < 4'000'000; count += count / 3 + 1) {
    count_up(array, count);
    BOOST_TEST_REQUIRE(counts_up(array));
    BOOST_TEST(array.reserved_bytes() >= reserved);
    sizes += array.reserved_bytes() != reserved ? 1u : 0u;
    reserved = array.reserved_bytes();
    BOOST_TEST(pages.usage().used == array.committed_bytes());
    BOOST_TEST(pages.check());
  }
  BOOST_TEST(sizes > 5u);
}

BOOST_AUTO_TEST_CASE(elements_that_cannot_move_end_with_a_length_error_where_others_move) {
  reserving_resource pages;
  testing::counting_resource plain;
  for (std::pmr::memory_resource* const storage : std::initializer_list<std::pmr::memory_resource*>{&pages, &plain}) {
    vlarray<std::mutex> locks(vlarray_options{storage, 10, when_full::move});
    locks.emplace_back();
    const std::mutex* const place = locks.data();
    locks.resize(locks.max_size());
    BOOST_CHECK_THROW(locks.emplace_back(), std::length_error);
    BOOST_CHECK_THROW(locks.resize(locks.size() + 1), std::length_error);
    BOOST_CHECK_THROW(locks.reserve(locks.size() + 1), std::length_error);
    BOOST_TEST(locks.try_emplace_back() == nullptr);
    BOOST_TEST(locks.data() == place);
  }
}

// ---- threads and processes

BOOST_AUTO_TEST_CASE(sixty_four_threads_with_arrays_of_their_own_share_the_default_storage) {
  if (test::emulates_large_pages()) return test::skip(test::addresses_are_few);
  constexpr int threads = 64;
  std::atomic<int> ready{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> running;
  for (int t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      ++ready;
      while (ready != threads) std::this_thread::yield();
      for (int round = 0; round < 20; ++round) {
        vlarray<int> numbers;
        vlarray<std::string> strings;
        for (int i = 0; i < 500; ++i) numbers.push_back(i * t);
        strings.resize(20, "thread " + std::to_string(t));
        numbers.reserve(numbers.capacity() + static_cast<std::size_t>(round) * 1000);
        for (int i = 0; i < 500; ++i) wrong += numbers[static_cast<std::size_t>(i)] == i * t ? 0 : 1;
        wrong += strings.back() == "thread " + std::to_string(t) ? 0 : 1;
        if (round % 5 == 0) numbers.shrink_to_fit();
        vlarray<int> moved = std::move(numbers);
        wrong += moved.size() == 500 ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : running) thread.join();
  BOOST_TEST(wrong == 0);
  BOOST_TEST(default_reserving_resource().check());
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(arrays_work_in_both_processes_after_a_fork_while_other_threads_use_the_storage) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> busy;
  for (int t = 0; t < 2; ++t) {
    busy.emplace_back([&] {
      while (!stop) {
        vlarray<int> array;
        array.push_back(1);
        array.reserve(100'000);
        array.shrink_to_fit();
      }
    });
  }
  vlarray<int> mine;
  count_up(mine, 50'000);
  for (int round = 0; round < 30; ++round) {
    const pid_t child = ::fork();
    BOOST_TEST_REQUIRE(child >= 0);
    if (child == 0) ::_exit(use_arrays(mine));
    count_up(mine, mine.size() + 1000);
    int status = 0;
    ::waitpid(child, &status, 0);
    BOOST_TEST(WIFEXITED(status));
    BOOST_TEST(WEXITSTATUS(status) == 0);
    BOOST_TEST(counts_up(mine));
  }
  stop = true;
  for (std::thread& thread : busy) thread.join();
}
#endif

BOOST_AUTO_TEST_SUITE_END()
