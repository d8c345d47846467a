// What a memory tool sees of a vlarray. The library may be built plainly; this program must not be.

#include <allot/arena/monotonic_arena.hpp>
#include <allot/block/reserving_resource.hpp>
#include <allot/container/vlarray.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/os/virtual_memory.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <list>
#include <memory>
#include <new>
#include <numeric>
#include <string>
#include <vector>

#include "container/elements.hpp"
#include "container/storages.hpp"
#include "support/child.hpp"

using namespace allot;

namespace {

using bytes = vlarray<char>;

template <class T>
void read(const vlarray<T>& array, std::size_t index) {
  (void)*static_cast<const volatile char*>(static_cast<const void*>(array.data() + index));
}

/// Whether a tool would report exactly what is not in the array.
template <class T>
bool only_elements_are_accessible(const vlarray<T>& array) {
  if (!memory_tools::active() || array.data() == nullptr) return true;
  const char* const first = reinterpret_cast<const char*>(array.data());
  const std::size_t used = array.size() * sizeof(T);
  for (std::size_t i = 0; i < used; ++i)
    if (!memory_tools::accessible(first + i)) return false;
  const std::size_t end = std::min(array.committed_bytes(), used + 5000);
  for (std::size_t i = used; i < end; ++i)
    if (memory_tools::accessible(first + i)) return false;
  return array.committed_bytes() == used || !memory_tools::accessible(first + array.committed_bytes() - 1);
}

/// Reads behind the end of an array after something was done to it.
class reader_behind_the_end {
 public:
  reader_behind_the_end(const char* name, std::function<void(bytes&)> act)
      : program_(name, [act = std::move(act)] {
          bytes array(13, 'x');
          act(array);
          read(array, array.size());
        }) {}

 private:
  test::child_program program_;
};

const reader_behind_the_end constructed{"vlarray_read_behind_the_end", [](auto&) {}};
const reader_behind_the_end appended{"vlarray_read_behind_an_append", [](auto& a) { a.push_back('y'); }};
const reader_behind_the_end filled{"vlarray_read_behind_a_growth", [](auto& a) {
                                     a.resize(a.capacity());
                                     a.push_back('y');
                                   }};
const reader_behind_the_end popped{"vlarray_read_what_was_popped", [](auto& a) { a.pop_back(); }};
const reader_behind_the_end erased{"vlarray_read_what_was_erased", [](auto& a) { a.erase(a.begin() + 2); }};
const reader_behind_the_end cleared{"vlarray_read_what_was_cleared", [](auto& a) { a.clear(); }};
const reader_behind_the_end resized{"vlarray_read_behind_a_resize", [](auto& a) { a.resize(5); }};
const reader_behind_the_end reserved{"vlarray_read_what_was_reserved", [](auto& a) { a.reserve(1'000'000); }};
const reader_behind_the_end shrunk{"vlarray_read_behind_what_is_kept", [](auto& a) {
                                     a.resize(20'000);
                                     a.resize(100);
                                     a.decommit_unused(3);
                                   }};
const reader_behind_the_end moved_to{"vlarray_read_behind_a_moved_array", [](auto& a) {
                                       bytes other(std::move(a));
                                       a = std::move(other);
                                     }};
const reader_behind_the_end swapped{"vlarray_read_behind_a_swapped_array", [](auto& a) {
                                      bytes other(3, 'x');
                                      swap(a, other);
                                    }};
const reader_behind_the_end on_block{"vlarray_read_behind_the_end_in_a_block", [](auto&) {
                                       bytes array(vlarray_options{std::pmr::new_delete_resource(), 100});
                                       array.push_back('x');
                                       read(array, 1);
                                     }};
const reader_behind_the_end in_arena{"vlarray_read_behind_the_end_in_an_arena", [](auto&) {
                                       monotonic_arena arena;
                                       bytes array(&arena);
                                       array.push_back('x');
                                       read(array, 1);
                                     }};
const test::child_program large_elements{"vlarray_read_behind_large_elements", [] {
                                           vlarray<std::array<char, 3>> array(5);
                                           read(array, 5);
                                         }};
const test::child_program remapped{"vlarray_read_behind_a_remapped_array", [] {
                                     reserving_resource pages;
                                     bytes array(vlarray_options{&pages, 10, when_full::move});
                                     array.resize(100'001);
                                     read(array, 100'001);
                                   }};
const test::child_program one_before_the_reservation_ends{"vlarray_read_behind_the_reservation", [] {
                                                            bytes array(vlarray_options{nullptr, 4096});
                                                            array.resize(4096);
                                                            read(array, 4096);
                                                          }};

/// Everything an array can do, while what is accessible is looked at all the time.
template <class T>
void use_every_member(const vlarray_options& options, std::size_t most) {
  using test::made;
  const auto at = [](vlarray<T>& a, std::size_t i) { return a.begin() + static_cast<std::ptrdiff_t>(i); };
  vlarray<T> array(options);
  const std::list<T> list{made<T>(1), made<T>(2), made<T>(3)};
  const std::vector<std::function<void()>> acts{
      [&] { array.push_back(made<T>(1)); },
      [&] { array.emplace_back(made<T>(2)); },
      [&] { (void)array.try_push_back(made<T>(2)); },
      [&] { array.push_back(array.front()); },
      [&] { array.insert(array.begin(), made<T>(3)); },
      [&] { array.insert(at(array, 1), 7, made<T>(3)); },
      [&] { array.insert(at(array, 2), list.begin(), list.end()); },
      [&] { array.emplace(at(array, 2), made<T>(3)); },
      [&] { array.append(list); },
      [&] { array.append(array); },
      [&] { array.erase(at(array, 1), at(array, 4)); },
      [&] { array.pop_back(); },
      [&] { array.resize(array.size() + 9); },
      [&] { array.resize(array.size() + 100, made<T>(4)); },
      [&] { array.resize(array.size() - 50); },
      [&] { array.reserve(array.size() + 1); },
      [&] { array.reserve(most); },
      [&] { array.unchecked_push_back(made<T>(5)); },
      [&] { array.decommit_unused(5); },
      [&] { array.push_back(made<T>(6)); },
      [&] { array.shrink_to_fit(); },
      [&] { array.prefault(array.size() + 20); },
      [&] { array.assign(17, made<T>(3)); },
      [&] { array.assign(list.begin(), list.end()); },
      [&] {
        array = {made<T>(1), made<T>(2)};
      },
      [&] {
        const vlarray<T> copy(array);
        BOOST_TEST(only_elements_are_accessible(copy));
        array = copy;
      },
      [&] {
        vlarray<T> other(std::move(array));
        other.push_back(made<T>(3));
        BOOST_TEST(only_elements_are_accessible(other));
        array = std::move(other);
      },
      [&] {
        vlarray<T> other(options);
        other.push_back(made<T>(3));
        swap(array, other);
        BOOST_TEST(only_elements_are_accessible(other));
      },
      [&] { (void)erase(array, made<T>(3)); },
      [&] { array.clear(); },
      [&] { array.resize(std::min<std::size_t>(most, 70'000)); },
      [&] { array.shrink_to_fit(); },
      [&] {
        while (array.size() < array.capacity()) array.emplace_back();
      },
      [&] { array.resize(20); },
      [&] { array.decommit_unused(2000); },
      [&] { array.push_back(made<T>(6)); },
  };
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < acts.size(); ++i) {
      acts[i]();
      BOOST_TEST(only_elements_are_accessible(array), "act " << i << ", elements of " << sizeof(T));
    }
  }
  if constexpr (std::is_trivially_copyable_v<T>) {
    T* const more = array.append_uninitialized(11);
    BOOST_TEST(only_elements_are_accessible(array));
    std::uninitialized_fill_n(more, 11, made<T>(9));
  }
}

/// Every byte can be written: it was left clean.
void expect_clean(void* p, std::size_t size) {
  std::size_t poisoned = 0;
  for (std::size_t i = 0; i < size; ++i) poisoned += memory_tools::accessible(static_cast<char*>(p) + i) ? 0u : 1u;
  BOOST_TEST(poisoned == 0u);
  if (poisoned == 0) std::memset(p, 1, size);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(watched_vlarrays)

BOOST_AUTO_TEST_CASE(reading_behind_the_end_is_reported) {
  if (!memory_tools::active()) return test::skip("ThreadSanitizer and the address sanitizer do not go together");
  for (const char* name :
       {"vlarray_read_behind_the_end", "vlarray_read_behind_an_append", "vlarray_read_behind_a_growth",
        "vlarray_read_what_was_popped", "vlarray_read_what_was_erased", "vlarray_read_what_was_cleared",
        "vlarray_read_behind_a_resize", "vlarray_read_what_was_reserved", "vlarray_read_behind_what_is_kept",
        "vlarray_read_behind_a_moved_array", "vlarray_read_behind_a_swapped_array",
        "vlarray_read_behind_the_end_in_a_block", "vlarray_read_behind_the_end_in_an_arena",
        "vlarray_read_behind_large_elements", "vlarray_read_behind_a_remapped_array"}) {
    const auto outcome = test::run_child(name);
    BOOST_TEST(outcome.says("AddressSanitizer: container-overflow"), name << ": " << outcome.output);
    BOOST_TEST(outcome.exit_code != 0, name);
  }
  const auto outcome = test::run_child("vlarray_read_behind_the_reservation");
  BOOST_TEST(outcome.faulted(), outcome.output);
}

BOOST_AUTO_TEST_CASE(exactly_the_elements_are_accessible_whatever_is_done) {
  test::with_each_storage([](const vlarray_options& options, std::size_t most, bool) {
    const std::size_t some = std::min<std::size_t>(most, 100'000);
    use_every_member<char>(options, some);
    use_every_member<short>(options, some);
    use_every_member<double>(options, some);
    use_every_member<std::string>(options, some);
    use_every_member<test::element>(options, some);
  });
}

BOOST_AUTO_TEST_CASE(elements_of_any_size_end_where_the_tool_thinks) {
  struct three {
    char text[3];
  };
  struct alignas(128) cache_lines {
    char text[200];
  };
  const auto run = [](auto kind) {
    vlarray<decltype(kind)> array;
    for (int i = 0; i < 300; ++i) {
      array.emplace_back();
      BOOST_TEST(only_elements_are_accessible(array));
    }
    while (!array.empty()) {
      array.pop_back();
      if (array.size() % 7 == 0) BOOST_TEST(only_elements_are_accessible(array));
    }
  };
  run(char());
  run(three());
  run(cache_lines());
}

BOOST_AUTO_TEST_CASE(after_a_throw_at_most_one_place_more_is_accessible) {
  vlarray<test::element> array(20);
  test::element::steps = 0;
  test::element::throw_at = 2;
  BOOST_CHECK_THROW(array.resize(30), test::element_failure);
  BOOST_TEST(only_elements_are_accessible(array));
  test::element::steps = 0;
  BOOST_CHECK_THROW(array.append({1, 2, 3}), test::element_failure);
  BOOST_TEST(only_elements_are_accessible(array));
  test::element::throw_at = 1;
  test::element::steps = 0;
  BOOST_CHECK_THROW(array.emplace_back(), test::element_failure);
  test::element::throw_at = 0;
  if (memory_tools::active()) BOOST_TEST(!memory_tools::accessible(array.data() + array.size() + 1));
  array.pop_back();
  BOOST_TEST(only_elements_are_accessible(array));
  array.emplace_back(1);
  BOOST_TEST(only_elements_are_accessible(array));
}

BOOST_AUTO_TEST_CASE(after_a_refusal_exactly_the_elements_are_accessible) {
  for (const when_full rule : {when_full::throw_length_error, when_full::move}) {
    for (std::size_t nth = 1; nth < 10; ++nth) {
      reserving_resource pages;
      vlarray<char> array(vlarray_options{&pages, rule == when_full::move ? 4096u : 4'000'000u, rule});
      array.resize(4090, 'x');
      {
        const os::failure_injection injection(nth, os::os_call::any, os::failure_injection::rule::from_then_on);
        (void)array.try_push_back('y');
        try {
          array.resize(1'000'000);
        } catch (const std::bad_alloc&) {
        }
        (void)array.decommit_unused(1);
      }
      BOOST_TEST(only_elements_are_accessible(array));
      array.push_back('z');
      BOOST_TEST(only_elements_are_accessible(array));
    }
  }
}

BOOST_AUTO_TEST_CASE(memory_is_clean_when_an_array_has_given_it_back) {
  alignas(64) static std::byte buffer[20'000];
  for (const std::size_t size : {1u, 13u, 1000u}) {
    {
      std::pmr::monotonic_buffer_resource memory(buffer, sizeof buffer, std::pmr::null_memory_resource());
      bytes array(vlarray_options{&memory, 5003});
      array.resize(size);
      array.pop_back();
    }
    expect_clean(buffer, sizeof buffer);
    {
      std::pmr::monotonic_buffer_resource memory(buffer, sizeof buffer, std::pmr::null_memory_resource());
      bytes array(vlarray_options{&memory, 100, when_full::move});
      array.resize(size);
      array.resize(size + 3000);
    }
    expect_clean(buffer, sizeof buffer);
  }
  for (int round = 0; round < 20; ++round) {
    bytes(vlarray_options{std::pmr::new_delete_resource(), 3000}).push_back('x');
    void* const p = std::malloc(3000);
    BOOST_TEST_REQUIRE(p != nullptr);
    expect_clean(p, 3000);
    std::free(p);
    void* const q = ::operator new(3008);
    expect_clean(q, 3008);
    ::operator delete(q);
  }
  // Addresses that were an array's are clean for whoever maps them next.
  for (int round = 0; round < 10; ++round) {
    constexpr std::size_t size = std::size_t{4} << 20;
    {
      reserving_resource pages;
      bytes array(vlarray_options{&pages, size, round % 2 == 0 ? when_full::move : when_full::throw_length_error});
      array.resize(100'001);
      if (round % 2 == 0) array.resize(size + 5'000'000);
      array.resize(10);
      if (round % 3 == 0) array.shrink_to_fit();
    }
    const auto again = os::map(size, 1, os::access::read_write);
    BOOST_TEST_REQUIRE(again.address != nullptr);
    expect_clean(again.address, size);
    (void)os::release(again.address, size);
  }
  // So is the memory of a range another gets.
  reserving_resource pages;
  bytes(&pages).resize(100'000);
  void* const block = pages.allocate(std::size_t{1} << 30);
  expect_clean(block, 200'000);
  pages.deallocate(block, std::size_t{1} << 30);
  bytes next(&pages);
  next.resize(50'000);
  BOOST_TEST(only_elements_are_accessible(next));
}

BOOST_AUTO_TEST_SUITE_END()
