// What a vlarray promises when something throws, and about pointers into it.

#include <allot/container/vlarray.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/os/virtual_memory.hpp>
#include <allot/testing/failing_resource.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <forward_list>
#include <functional>
#include <limits>
#include <list>
#include <mutex>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "container/elements.hpp"
#include "container/storages.hpp"
#include "support/child.hpp"
#include "support/machine.hpp"

using namespace allot;
using test::element;
using test::element_failure;
using test::made;
using test::numbered;
using test::same;

namespace {

/// What an array is, to be compared.
template <class T>
class picture {
 public:
  explicit picture(const vlarray<T>& array) : data_(array.data()) {
    for (const T& value : array) values_.push_back(number(value));
  }
  bool same_elements(const vlarray<T>& array) const { return picture(array).values_ == values_; }
  /// Also where they are. Nothing is where no element was.
  bool unchanged(const vlarray<T>& array) const {
    return (array.data() == data_ || values_.empty()) && same_elements(array);
  }

  const T* data() const { return data_; }

 private:
  static int number(const T& value) {
    if constexpr (std::is_base_of_v<element, T>) {
      return value.value();
    } else {
      return static_cast<int>(value);
    }
  }

  const T* data_;
  std::vector<int> values_;
};

template <class T>
void fill(vlarray<T>& array, std::size_t count) {
  for (std::size_t i = array.size(); i < count; ++i) array.emplace_back(static_cast<int>(i));
}

constexpr int sizes = 4;

/// Of a size at which something happens: 0 to 2: nothing there yet, room left; 3: no room left.
template <class T>
void fill_to(vlarray<T>& array, int which) {
  constexpr std::array<std::size_t, 3> counts{0, 1, 5};
  if (which < 3) return fill(array, counts[static_cast<std::size_t>(which)]);
  array.emplace_back();
  while (array.size() < array.capacity()) array.emplace_back(3);
}

enum class promise { strong, basic };

/// Has each step of an element in act(array) throw, one after the other.
template <class T, class Act>
void meets_every_throw(promise promised, Act act) {
  const test::element_watch watch;
  test::with_each_storage([&](const vlarray_options& options, std::size_t most, bool moves) {
    if (moves && !std::is_nothrow_move_constructible_v<T>) return;
    for (int which = 0; which < sizes; ++which) {
      bool thrown = true;
      for (long nth = 1; thrown && nth < 200; ++nth) {
        vlarray<T> array(options);
        fill_to(array, which);
        if (array.size() + 20 > most) break;
        const picture<T> before(array);
        const long live = watch.live();
        const std::size_t size = array.size();
        thrown = false;
        element::steps = 0;
        element::throw_at = nth;
        try {
          act(array);
        } catch (const element_failure&) {
          thrown = true;
        }
        element::throw_at = 0;
        BOOST_TEST(watch.sound());
        const auto made_more = static_cast<long>(array.size()) - static_cast<long>(size);
        BOOST_TEST(watch.live() == live + made_more, "step " << nth << ": an element is lost or too many");
        if (thrown && promised == promise::strong) {
          const bool as_before = moves ? before.same_elements(array) : before.unchanged(array);
          BOOST_TEST(as_before, "step " << nth << " of array " << which);
        }
        array.emplace_back(9);  // it still works
        BOOST_TEST(array.back().value() == 9);
      }
    }
  });
  BOOST_TEST(watch.none_left());
}

/// Reads numbers; the nth step it makes throws.
class failing_iterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = int;
  using difference_type = std::ptrdiff_t;
  using pointer = const int*;
  using reference = int;

  failing_iterator(int at, int& left) : at_(at), left_(&left) {}
  int operator*() const { return step(), at_; }
  failing_iterator& operator++() {
    step();
    ++at_;
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const failing_iterator& a, const failing_iterator& b) { return a.step(), a.at_ == b.at_; }
  friend bool operator!=(const failing_iterator& a, const failing_iterator& b) { return !(a == b); }

 private:
  void step() const {
    if (--*left_ == 0) throw element_failure();
  }
  int at_;
  int* left_;
};

class failing_forward_iterator : public failing_iterator {
 public:
  using iterator_category = std::forward_iterator_tag;
  using failing_iterator::failing_iterator;
  failing_forward_iterator& operator++() {
    failing_iterator::operator++();
    return *this;
  }
  failing_forward_iterator operator++(int) {
    const auto before = *this;
    ++*this;
    return before;
  }
};

/// A range of any length that takes no memory.
class many {
 public:
  using iterator_category = std::random_access_iterator_tag;
  using value_type = int;
  using difference_type = std::ptrdiff_t;
  using pointer = const int*;
  using reference = int;

  explicit many(std::ptrdiff_t at = 0) : at_(at) {}
  int operator*() const { return 1; }
  many& operator++() { return ++at_, *this; }
  many operator++(int) { return many(at_++); }
  many& operator--() { return --at_, *this; }
  many operator--(int) { return many(at_--); }
  many& operator+=(std::ptrdiff_t n) { return at_ += n, *this; }
  many& operator-=(std::ptrdiff_t n) { return at_ -= n, *this; }
  int operator[](std::ptrdiff_t) const { return 1; }
  [[maybe_unused]] friend many operator+(many a, std::ptrdiff_t n) { return a += n; }
  [[maybe_unused]] friend many operator+(std::ptrdiff_t n, many a) { return a += n; }
  [[maybe_unused]] friend many operator-(many a, std::ptrdiff_t n) { return a -= n; }
  [[maybe_unused]] friend std::ptrdiff_t operator-(const many& a, const many& b) { return a.at_ - b.at_; }
  [[maybe_unused]] friend bool operator==(const many& a, const many& b) { return a.at_ == b.at_; }
  [[maybe_unused]] friend bool operator!=(const many& a, const many& b) { return a.at_ != b.at_; }
  [[maybe_unused]] friend bool operator<(const many& a, const many& b) { return a.at_ < b.at_; }

 private:
  std::ptrdiff_t at_;
};

struct range_of_many {
  std::ptrdiff_t count;
  many begin() const { return many(); }
  many end() const { return many(count); }
};

/// Keeps the addresses behind an array's reservation, so that it cannot grow in place.
class neighbour {
 public:
  explicit neighbour(const vlarray<int>& array)
      : made_(os::reserve(page(), 1,
                          {os::placement::how::fixed,
                           const_cast<int*>(array.data()) + (array.reserved_bytes() + page()) / sizeof(int)})) {}
  ~neighbour() {
    if (made_) (void)os::release(made_.address, page());
  }
  neighbour(const neighbour&) = delete;
  neighbour& operator=(const neighbour&) = delete;

 private:
  static std::size_t page() { return os::facts().page_size; }

  os::mapping made_;
};

using numbers = vlarray<int>;
using change = std::function<void(numbers&)>;

/// Every way to make an array of numbers larger by at least one.
const std::vector<change>& growths() {
  static const std::vector<int> source{1, 2, 3};
  static const std::list<int> list(source.begin(), source.end());
  static const std::vector<change> all{
      [](auto& a) { a.push_back(1); },
      [](auto& a) { a.emplace_back(); },
      [](auto& a) { a.push_back(a.empty() ? 1 : a.front()); },
      [](auto& a) { a.resize(a.size() + 3); },
      [](auto& a) { a.resize(a.size() + 3, 4); },
      [](auto& a) { a.append(source); },
      [](auto& a) { a.append(list); },
      [](auto& a) {
        a.append({1, 2, 3});
      },
      [](auto& a) {
        a.append(std::vector<numbers>(1, numbers{1, 2}).front());
      },
      [](auto& a) { (void)a.append_uninitialized(2); },
      [](auto& a) { a.insert(a.begin(), 1); },
      [](auto& a) { a.insert(a.begin() + static_cast<std::ptrdiff_t>(a.size() / 2), 3, 1); },
      [](auto& a) { a.insert(a.end(), 3, 1); },
      [](auto& a) { a.insert(a.begin(), source.begin(), source.end()); },
      [](auto& a) {
        a.insert(a.begin(), {1, 2, 3});
      },
      [](auto& a) { a.emplace(a.begin(), 3); },
      [](auto& a) { a.reserve(a.capacity() + 1); },
      [](auto& a) { a.prefault(a.capacity() + 1); },
      [](auto& a) { a.assign(a.capacity() + 1, 3); },
      [](auto& a) { a.assign(many(), many(static_cast<std::ptrdiff_t>(a.capacity() + 1))); },
      [](auto& a) { a = numbers(a.capacity() + 1); },
  };
  return all;
}

/// A number of elements as members take it, far too large.
std::vector<std::size_t> huge_counts(const numbers& array) {
  constexpr auto most = std::numeric_limits<std::size_t>::max();
  return {most,
          most - 1,
          most / 2,
          most / 2 + 1,
          most / 4,
          most / 4 + 1,
          static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()),
          static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()) / sizeof(int) + 1,
          array.max_size() + 1};
}

/// Calls is_refused(act) with all that asks an array for so many elements.
template <class Check>
void ask_for(numbers& array, std::size_t count, Check is_refused) {
  is_refused([&] { array.reserve(count); });
  is_refused([&] { array.prefault(count); });
  is_refused([&] { array.resize(count); });
  is_refused([&] { array.resize(count, 1); });
  is_refused([&] { array.assign(count, 1); });
  is_refused([&] { array.insert(array.begin(), count, 1); });
  is_refused([&] { (void)array.append_uninitialized(count); });
}

/// Calls use(storage) with a plain resource, one whose blocks grow in place, and one of reservations.
template <class Use>
void with_storages_of_every_growth(Use use) {
  testing::counting_resource plain;
  monotonic_arena arena(1'000'000);
  reserving_resource pages;
  for (std::pmr::memory_resource* const storage :
       std::initializer_list<std::pmr::memory_resource*>{&plain, &arena, &pages})
    use(storage);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(vlarray_guarantees)

// ---- what elements throw

BOOST_AUTO_TEST_CASE(an_append_that_throws_leaves_the_array_as_it_was) {
  meets_every_throw<element>(promise::strong, [](auto& a) { a.push_back(element(1)); });
  meets_every_throw<element>(promise::strong, [](auto& a) {
    const element value(1);
    a.push_back(value);
  });
  meets_every_throw<element>(promise::strong, [](auto& a) { a.emplace_back(1); });
  meets_every_throw<element>(promise::strong, [](auto& a) { (void)a.try_emplace_back(1); });
  meets_every_throw<element>(promise::strong, [](auto& a) { a.push_back(a.empty() ? element(3) : a.front()); });
  meets_every_throw<element>(promise::strong, [](auto& a) { a.resize(a.size() + 5); });
  meets_every_throw<element>(promise::strong, [](auto& a) { a.resize(a.size() + 5, element(2)); });
  meets_every_throw<element>(promise::strong, [](auto& a) { a.append({1, 2, 3}); });
  meets_every_throw<element>(promise::strong, [](auto& a) { a.append(std::list<int>{1, 2, 3}); });
  meets_every_throw<element>(promise::strong, [](auto& a) { a.insert(a.end(), element(3)); });
  meets_every_throw<element>(promise::strong, [](auto& a) { a.emplace(a.end(), 3); });
  meets_every_throw<test::only_moved>(promise::strong, [](auto& a) { a.push_back(test::only_moved(1)); });
  meets_every_throw<test::only_moved>(promise::strong, [](auto& a) { a.resize(a.size() + 5); });
}

BOOST_AUTO_TEST_CASE(an_array_can_be_appended_to_itself_or_is_as_it_was) {
  const test::element_watch watch;
  for (long nth = 1; nth < 12; ++nth) {
    auto array = numbered<vlarray<element>>(10);
    element::steps = 0;
    element::throw_at = nth;
    if (nth <= 10) {
      BOOST_CHECK_THROW(array.append(array), element_failure);
    } else {
      array.append(array);
    }
    BOOST_TEST(array.size() == (nth <= 10 ? 10u : 20u));
    BOOST_TEST(array[9].value() == 9);
  }
  BOOST_TEST(watch.none_left());
}

// In place, elements that are hard or impossible to move need not be. Where the array would have to move, it does not.
BOOST_AUTO_TEST_CASE(appending_is_safe_for_elements_that_cannot_be_moved_safely) {
  const test::element_watch watch;
  const auto append_everything = [&](auto kind) {
    using T = typename decltype(kind)::type;
    test::with_each_storage([&](vlarray_options options, std::size_t, bool moves) {
      if (moves) options.max_elements = 10;
      for (long nth = 1; nth < 40; ++nth) {
        vlarray<T> array(options);
        fill(array, 5);
        const picture<T> before(array);
        element::steps = 0;
        element::throw_at = nth;
        try {
          array.resize(array.capacity());
          BOOST_TEST_REQUIRE(array.size() == array.capacity());
        } catch (const element_failure&) {
          element::throw_at = 0;
          BOOST_TEST(before.unchanged(array));
          continue;
        }
        element::throw_at = 0;
        const picture<T> full(array);
        element::steps = 0;
        element::throw_at = nth;
        try {
          array.emplace_back(7);
          element::throw_at = 0;
          BOOST_TEST(array.back().value() == 7);
          BOOST_TEST(full.data() == array.data());
        } catch (const element_failure&) {
          element::throw_at = 0;
          BOOST_TEST(full.unchanged(array));
        } catch (const std::length_error&) {
          element::throw_at = 0;
          BOOST_TEST(full.unchanged(array));
          BOOST_TEST(array.size() == array.max_size());
        }
      }
    });
  };
  append_everything(std::common_type<test::hard_to_move>());
  append_everything(std::common_type<test::only_copied>());
  struct wrapped {
    using type = test::pinned;
  };
  append_everything(wrapped());
  BOOST_TEST(watch.none_left());
}

BOOST_AUTO_TEST_CASE(an_insertion_or_assignment_that_throws_loses_and_leaks_nothing) {
  const std::vector<element> source = numbered<std::vector<element>>(4);
  const std::list<int> list{1, 2, 3, 4, 5, 6};
  const auto middle = [](auto& a) { return a.begin() + static_cast<std::ptrdiff_t>(a.size() / 2); };
  const auto run = [&](auto kind) {
    using T = typename decltype(kind)::type;
    meets_every_throw<T>(promise::basic, [&](auto& a) { a.insert(middle(a), T(1)); });
    meets_every_throw<T>(promise::basic, [&](auto& a) { a.insert(a.begin(), 3, T(1)); });
    meets_every_throw<T>(promise::basic, [&](auto& a) { a.insert(middle(a), list.begin(), list.end()); });
    meets_every_throw<T>(promise::basic, [&](auto& a) { a.insert(a.begin(), {1, 2}); });
    meets_every_throw<T>(promise::basic, [&](auto& a) { a.emplace(a.begin(), 1); });
    meets_every_throw<T>(promise::basic, [&](auto& a) { a.assign(7, T(1)); });
    meets_every_throw<T>(promise::basic, [&](auto& a) { a.assign({1, 2, 3}); });
    meets_every_throw<T>(promise::basic, [&](auto& a) {
      std::vector<T> values(list.begin(), list.end());
      a.assign(values.begin(), values.end());
    });
    meets_every_throw<T>(promise::basic, [&](auto& a) { a = {1, 2, 3, 4, 5, 6, 7}; });
    meets_every_throw<T>(promise::basic, [&](auto& a) { a = vlarray<T>(a); });
    meets_every_throw<T>(promise::basic, [&](auto& a) { a.erase(a.begin(), middle(a)); });
    meets_every_throw<T>(promise::basic, [&](auto& a) { erase_if(a, [](auto& e) { return e.value() % 2 == 0; }); });
  };
  run(std::common_type<element>());
  run(std::common_type<test::hard_to_move>());
}

template <class Make>
long construction_fails_everywhere(Make make) {
  const test::element_watch watch;
  long failures = 0;
  const long throws = test::for_each_throw([&] {
    try {
      make();
    } catch (const element_failure&) {
      ++failures;
    }
    BOOST_TEST(watch.none_left());
  });
  BOOST_TEST(throws == failures);
  return failures;
}

BOOST_AUTO_TEST_CASE(a_constructor_that_throws_leaks_nothing) {
  using array = vlarray<element>;
  reserving_resource storage;
  monotonic_arena elements(100'000);
  const std::list<int> list{1, 2, 3};
  BOOST_TEST(construction_fails_everywhere([] { array(5); }) == 5);
  BOOST_TEST(construction_fails_everywhere([] { array(5, element(1)); }) == 6);
  BOOST_TEST(construction_fails_everywhere([&] { array(list.begin(), list.end()); }) == 3);
  BOOST_TEST(construction_fails_everywhere([] { array({1, 2}); }) == 4);
  BOOST_TEST(construction_fails_everywhere([] { (void)array(array(4)); }) == 4);
  BOOST_TEST(construction_fails_everywhere([] {
               const array first(4);
               const array second(first);
             }) == 8);
  BOOST_TEST(construction_fails_everywhere([&] {
               vlarray<test::hard_to_move> first(4);
               const vlarray<test::hard_to_move> second(std::move(first), &elements);
             }) == 8);
  BOOST_TEST(construction_fails_everywhere([&] {
               array into(&storage);
               into.append(list);
               into.emplace(into.begin(), 3);
             }) == 4);
  BOOST_TEST(storage.usage().used == 0u);
}

// ---- what iterators throw

template <class Iterator>
void iterators_throw() {
  const test::element_watch watch;
  for (int kind = 0; kind < 5; ++kind) {
    bool thrown = true;
    for (int nth = 1; thrown; ++nth) {
      auto array = numbered<vlarray<element>>(7);
      const picture<element> before(array);
      int left = nth;
      thrown = false;
      try {
        const Iterator first(10, left);
        const Iterator last(20, left);
        if (kind == 0) vlarray<element>(first, last);
        if (kind == 1) array.insert(array.begin() + 3, first, last);
        if (kind == 2) array.insert(array.end(), first, last);
        if (kind == 3) array.assign(first, last);
        if (kind == 4) {
          struct {
            Iterator begin() const { return from; }
            Iterator end() const { return to; }
            Iterator from, to;
          } const range{first, last};
          array.append(range);
        }
      } catch (const element_failure&) {
        thrown = true;
      }
      BOOST_TEST(watch.live() == static_cast<long>(array.size()));
      if (thrown && (kind == 2 || kind == 4)) BOOST_TEST(before.unchanged(array));
      if (!thrown && kind != 0) BOOST_TEST(array.size() == (kind == 3 ? 10u : 17u));
    }
  }
  BOOST_TEST(watch.none_left());
}

BOOST_AUTO_TEST_CASE(an_iterator_that_throws_leaks_nothing_and_an_append_has_not_been) {
  iterators_throw<failing_iterator>();
  iterators_throw<failing_forward_iterator>();
}

// ---- what the system and resources refuse

BOOST_AUTO_TEST_CASE(a_commit_the_system_refuses_leaves_the_array_as_it_was) {
  if (test::addresses_run_out()) return test::skip(test::addresses_are_few);
  for (const when_full rule : {when_full::throw_length_error, when_full::move}) {
    for (const change& grow : growths()) {
      for (const bool fresh : {true, false}) {
        for (const auto how_long : {os::failure_injection::rule::once, os::failure_injection::rule::from_then_on}) {
          bool fired = true;
          std::size_t refusals = 0;
          for (std::size_t nth = 1; fired; ++nth) {
            reserving_resource storage;
            numbers array(vlarray_options{&storage, fresh ? 10'000'000u : 40'000u, rule});
            if (!fresh) array.resize(20'000);
            while (array.size() < array.capacity()) array.push_back(static_cast<int>(array.size()));
            if (!fresh && rule == when_full::move) {  // where the reservation ends
              array.reserve(array.reserved_bytes() / sizeof(int));
              array.resize(array.capacity(), 5);
            }
            std::optional<neighbour> there;
            if (!fresh) there.emplace(array);
            const numbers before = array;
            const int* const data = array.data();
            const std::size_t committed = array.committed_bytes();
            bool refused = false;
            {
              const os::failure_injection injection(nth, os::os_call::any, how_long);
              try {
                grow(array);
              } catch (const allocation_error& e) {
                refused = true;
                BOOST_TEST(e.bytes() >= array.size() * sizeof(int));
              } catch (const std::length_error&) {
                refused = true;
              }
              fired = injection.fired();
            }
            if (refused) {
              ++refusals;
              BOOST_TEST(same(array, before));
              BOOST_TEST(array.data() == data);
              BOOST_TEST(array.committed_bytes() == committed);
            }
            if (!fired && rule == when_full::throw_length_error && !fresh) continue;  // its reservation may be full
            array.push_back(77);
            BOOST_TEST(array.back() == 77);
            if (fired && refused) BOOST_TEST(std::equal(before.begin(), before.end(), array.begin()));
          }
          if (how_long == os::failure_injection::rule::from_then_on) BOOST_TEST(refusals > 0u);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_try_function_answers_null_where_the_system_refuses) {
  reserving_resource storage;
  vlarray<std::string> array(&storage);
  std::string text = made<std::string>(1);
  {
    const os::failure_injection injection(1, os::os_call::any, os::failure_injection::rule::from_then_on);
    BOOST_TEST(array.try_push_back(text) == nullptr);
    BOOST_TEST(array.try_push_back(std::move(text)) == nullptr);
    BOOST_TEST(array.try_emplace_back(std::move(text)) == nullptr);
  }
  BOOST_TEST(text == made<std::string>(1));
  BOOST_TEST(array.empty());
  BOOST_TEST(array.try_push_back(std::move(text)) != nullptr);
  while (array.size() < array.capacity()) array.emplace_back();
  const std::size_t size = array.size();
  {
    const os::failure_injection injection(1, os::os_call::any, os::failure_injection::rule::from_then_on);
    BOOST_TEST(array.try_emplace_back("x") == nullptr);
    BOOST_CHECK_THROW(array.emplace_back("x"), allocation_error);
  }
  BOOST_TEST(array.size() == size);
  BOOST_TEST(array.front() == made<std::string>(1));
}

BOOST_AUTO_TEST_CASE(what_a_resource_throws_passes_through_and_the_array_is_as_it_was) {
  for (const when_full rule : {when_full::throw_length_error, when_full::move}) {
    for (const change& grow : growths()) {
      testing::counting_resource counted;
      testing::failing_resource upstream(&counted);
      {
        numbers array(vlarray_options{&upstream, 8, rule});
        array = {1, 2, 3, 4, 5, 6, 7, 8};
        const numbers before = array;
        const int* const data = array.data();
        upstream.fail_at(1, testing::failing_resource::rule::from_then_on);
        if (rule == when_full::move) {
          BOOST_CHECK_THROW(grow(array), testing::injected_failure);
          BOOST_TEST(upstream.fired());
        } else {
          BOOST_CHECK_THROW(grow(array), std::length_error);
          BOOST_TEST(!upstream.fired());
        }
        BOOST_TEST(same(array, before));
        BOOST_TEST(array.data() == data);
        upstream.fail_at(0);
        if (rule == when_full::move) grow(array);
        array.pop_back();
        array.push_back(3);
      }
      BOOST_TEST(counted.live_blocks() == 0u);
      BOOST_TEST(counted.mismatches().empty());
    }
  }
}

BOOST_AUTO_TEST_CASE(what_elements_allocate_may_fail_at_every_step) {
  testing::counting_resource counted;
  testing::failing_resource upstream(&counted);
  using texts = vlarray<std::pmr::string>;
  using polymorphic_texts = texts::allocator_type;
  const std::vector<std::function<void(texts&)>> appends{
      [](auto& a) { a.push_back(made<std::pmr::string>(1)); },
      [](auto& a) { a.push_back(a[1]); },
      [](auto& a) { a.emplace_back(100u, 'x'); },
      [](auto& a) { a.resize(a.size() + 3, made<std::pmr::string>(2)); },
      [](auto& a) { a.append(numbered<std::vector<std::pmr::string>>(4)); },
      [](auto& a) { a.append(a); },
      [](auto& a) { a.insert(a.end(), 3, made<std::pmr::string>(1)); },
  };
  for (const auto& append : appends) {
    std::size_t failures = 0;
    bool fired = true;
    for (std::size_t nth = 1; fired; ++nth) {
      texts array(polymorphic_texts{&upstream});
      array.append(numbered<std::vector<std::pmr::string>>(4));
      const std::vector<std::pmr::string> before(array.begin(), array.end());
      upstream.fail_at(nth);
      try {
        append(array);
      } catch (const testing::injected_failure&) {
        ++failures;
        BOOST_TEST(same(array, before));
      }
      fired = upstream.fired();
      upstream.fail_at(0);
    }
    BOOST_TEST(failures > 0u);
    BOOST_TEST(counted.live_blocks() == 0u);
  }
}

// ---- counts that cannot be

BOOST_AUTO_TEST_CASE(a_count_beyond_max_size_is_a_length_error_and_changes_nothing) {
  for (const std::size_t size : {0u, 10u}) {
    numbers array(size, 3);
    const picture<int> before(array);
    for (const std::size_t count : huge_counts(array)) {
      const auto is_refused = [&](auto act) {
        BOOST_CHECK_THROW(act(), std::length_error);
        BOOST_TEST(before.unchanged(array), count << " of " << size);
      };
      ask_for(array, count, is_refused);
      is_refused([&] { array.insert(array.end(), count, 1); });
      is_refused([&] { numbers made_of_count(count); });
      is_refused([&] { numbers made_of_values(count, 1); });
      if (count > static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max())) continue;
      const many end(static_cast<std::ptrdiff_t>(count));
      is_refused([&] { array.assign(many(), end); });
      is_refused([&] { array.insert(array.begin(), many(), end); });
      is_refused([&] { array.append(range_of_many{static_cast<std::ptrdiff_t>(count)}); });
      is_refused([&] { numbers made_of_range(many(), end); });
      is_refused([&] { vlarray<std::string>().reserve(count); });
    }
    BOOST_TEST(array.decommit_unused(std::numeric_limits<std::size_t>::max()) == 0u);
  }
  BOOST_CHECK_EXCEPTION(numbers(vlarray_options{nullptr, 10}).reserve(11), std::length_error,
                        [](const std::length_error& e) {
                          return std::string(e.what()) == "vlarray: 11 elements where at most 10 can be";
                        });
}

BOOST_AUTO_TEST_CASE(a_huge_count_of_an_array_that_may_move_or_grow_is_refused_and_changes_nothing) {
  with_storages_of_every_growth([](std::pmr::memory_resource* storage) {
    for (const when_full rule : {when_full::throw_length_error, when_full::move}) {
      for (const std::size_t size : {0u, 10u}) {
        numbers array(vlarray_options{storage, 0, rule});
        array.resize(size, 3);
        const picture<int> before(array);
        for (const std::size_t count : huge_counts(array)) {
          const auto is_refused = [&](auto act) {
            bool refused = false;
            try {
              act();
            } catch (const std::length_error&) {
              refused = true;
            } catch (const std::bad_alloc&) {
              refused = true;
            }
            BOOST_TEST(refused, count << " of " << size);
            BOOST_TEST(before.unchanged(array), count << " of " << size);
          };
          ask_for(array, count, is_refused);
        }
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(an_array_can_be_filled_to_max_size_and_not_beyond) {
  with_storages_of_every_growth([](std::pmr::memory_resource* storage) {
    for (const std::size_t most : {1u, 3u, 100u, 5001u}) {
      vlarray<char> array(vlarray_options{storage, most});
      BOOST_TEST(array.max_size() == most);
      array.reserve(1);
      const std::size_t full = array.max_size();
      BOOST_TEST(full >= most);
      BOOST_TEST(array.capacity() <= full);
      while (array.size() < full) array.push_back('x');
      BOOST_TEST(array.capacity() == full);
      BOOST_CHECK_THROW(array.push_back('y'), std::length_error);
      BOOST_CHECK_THROW(array.push_back(array.front()), std::length_error);
      BOOST_CHECK_THROW(array.emplace_back(), std::length_error);
      BOOST_CHECK_THROW(array.resize(full + 1), std::length_error);
      BOOST_CHECK_THROW(array.resize(full + 1, 'y'), std::length_error);
      BOOST_CHECK_THROW(array.append({'y'}), std::length_error);
      BOOST_CHECK_THROW(array.append(array), std::length_error);
      BOOST_CHECK_THROW(array.append(std::list<char>{'y'}), std::length_error);
      BOOST_CHECK_THROW((void)array.append_uninitialized(1), std::length_error);
      BOOST_CHECK_THROW(array.insert(array.begin(), 'y'), std::length_error);
      BOOST_CHECK_THROW(array.insert(array.begin(), 2, 'y'), std::length_error);
      BOOST_CHECK_THROW(array.emplace(array.begin()), std::length_error);
      BOOST_CHECK_THROW(array.reserve(full + 1), std::length_error);
      BOOST_CHECK_THROW(array.assign(full + 1, 'y'), std::length_error);
      BOOST_TEST((array.try_push_back('y') == nullptr));
      BOOST_TEST((array.try_emplace_back() == nullptr));
      array.append(std::list<char>());
      BOOST_TEST((array.append_uninitialized(0) == array.end()));
      BOOST_TEST(array.size() == full);
      BOOST_TEST(std::count(array.begin(), array.end(), 'x') == static_cast<std::ptrdiff_t>(full));
      array.pop_back();
      array.push_back('z');
      array.assign(full, 'w');
      BOOST_TEST(array.back() == 'w');
    }
  });
}

// ---- pointers

BOOST_AUTO_TEST_CASE(no_commit_of_ten_million_appends_moves_an_element) {
  numbers array;
  std::vector<const int*> seen;
  std::vector<std::size_t> where;
  std::size_t capacity = 0;
  std::size_t steps = 0;
  for (int i = 0; i < 10'000'000; ++i) {
    array.push_back(i);
    if (array.capacity() == capacity) continue;
    capacity = array.capacity();
    ++steps;
    seen.push_back(&array.back());
    where.push_back(array.size() - 1);
    for (std::size_t k = 0; k < seen.size(); ++k) {
      if (seen[k] != &array[where[k]] || *seen[k] != static_cast<int>(where[k])) BOOST_ERROR("moved at " << i);
    }
  }
  BOOST_TEST(steps > 3u);
  BOOST_TEST(array.size() == 10'000'000u);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < array.size(); ++i) wrong += array[i] == static_cast<int>(i) ? 0u : 1u;
  BOOST_TEST(wrong == 0u);
}

BOOST_AUTO_TEST_CASE(pointers_references_and_iterators_survive_growth_shrinking_swap_and_move) {
  test::with_each_storage([](const vlarray_options& options, std::size_t most, bool moves) {
    if (moves) return;
    vlarray<std::string> array(options);
    array.assign({made<std::string>(0), made<std::string>(1), made<std::string>(2)});
    const std::string* const pointer = &array[1];
    const std::string& reference = array[1];
    const auto iterator = array.begin() + 1;
    const auto stays = [&](const vlarray<std::string>& now) {
      BOOST_TEST(pointer == now.data() + 1);
      BOOST_TEST(reference == made<std::string>(1));
      BOOST_TEST((iterator == now.begin() + 1));
    };
    while (array.size() < 2000) array.emplace_back();
    stays(array);
    array.reserve(most - 1);
    stays(array);
    array.resize(3);
    array.shrink_to_fit();
    stays(array);
    array.insert(array.end(), 1000, "x");
    array.erase(array.begin() + 500, array.end());
    stays(array);
    vlarray<std::string> moved(std::move(array));
    stays(moved);
    vlarray<std::string> other(options);
    other.emplace_back();
    swap(moved, other);
    stays(other);
    moved = std::move(other);
    stays(moved);
    vlarray<std::string> with_allocator(std::move(moved), std::pmr::get_default_resource());
    stays(with_allocator);
    with_allocator.prefault(100);
    with_allocator.decommit_unused(10);
    stays(with_allocator);
  });
}

BOOST_AUTO_TEST_CASE(own_elements_can_be_arguments_also_where_the_array_must_grow) {
  test::with_each_storage([](const vlarray_options& options, std::size_t most, bool) {
    const std::vector<std::function<void(vlarray<std::string>&)>> acts{
        [](auto& a) { a.push_back(a.front()); },
        [](auto& a) { a.push_back(std::string(a.back())); },
        [](auto& a) { a.emplace_back(a[a.size() / 2]); },
        [](auto& a) { BOOST_TEST(a.try_push_back(a.front()) != nullptr); },
        [](auto& a) { a.insert(a.begin(), a.back()); },
        [](auto& a) { a.emplace(a.begin() + 1, a.back()); },
        [](auto& a) { a.insert(a.begin(), 3, a.back()); },
        [](auto& a) { a.insert(a.end(), 3, a.front()); },
        [](auto& a) { a.resize(a.size() + 3, a.front()); },
        [](auto& a) { a.append(a); },
        [](auto& a) { a.assign(a.size() + 3, a.back()); },
    };
    const std::vector<std::function<void(std::vector<std::string>&)>> twins{
        [](auto& a) { a.push_back(a.front()); },
        [](auto& a) { a.push_back(a.back()); },
        [](auto& a) { a.emplace_back(a[a.size() / 2]); },
        [](auto& a) { a.push_back(a.front()); },
        [](auto& a) { a.insert(a.begin(), a.back()); },
        [](auto& a) { a.emplace(a.begin() + 1, a.back()); },
        [](auto& a) { a.insert(a.begin(), 3, a.back()); },
        [](auto& a) { a.insert(a.end(), 3, a.front()); },
        [](auto& a) { a.resize(a.size() + 3, a.front()); },
        [](auto& a) {
          const auto copy = a;
          a.insert(a.end(), copy.begin(), copy.end());
        },
        [](auto& a) { a.assign(a.size() + 3, std::string(a.back())); },
    };
    for (std::size_t i = 0; i < acts.size(); ++i) {
      for (const std::size_t missing : {0u, 1u, 2u}) {
        vlarray<std::string> array(options);
        array.emplace_back("first");
        for (int n = 1; array.size() < array.capacity() - missing; ++n) array.push_back(made<std::string>(n));
        if (2 * array.size() > most) continue;
        std::vector<std::string> twin(array.begin(), array.end());
        acts[i](array);
        twins[i](twin);
        BOOST_TEST(same(array, twin), "act " << i << ", " << missing);
        acts[i](array);
        twins[i](twin);
        BOOST_TEST(same(array, twin), "act " << i << ", " << missing << " again");
      }
    }
  });
}

// ---- what a limit means

BOOST_AUTO_TEST_CASE(an_array_that_may_move_stays_where_its_block_can_grow) {
  monotonic_arena arena(std::size_t{1} << 20);
  vlarray<int> array(vlarray_options{&arena, 16, when_full::move});
  array.push_back(0);
  const int* const first = array.data();
  for (int i = 1; i < 1000; ++i) array.push_back(i);
  array.reserve(5000);
  BOOST_TEST(array.data() == first);
  (void)arena.allocate(1);
  const std::size_t full = array.capacity();
  while (array.size() <= full) array.push_back(static_cast<int>(array.size()));
  BOOST_TEST(array.data() != first);
  for (std::size_t i = 0; i < array.size(); ++i) BOOST_REQUIRE(array[i] == static_cast<int>(i));
}

BOOST_AUTO_TEST_CASE(a_limit_beyond_all_memory_reserves_what_can_be_had) {
  if (test::reservations_take_memory()) return test::skip(test::takes_gigabytes);
  vlarray<int> array(vlarray_options{nullptr, std::numeric_limits<std::size_t>::max()});
  array.push_back(1);
  BOOST_TEST(array.reserved_bytes() >= default_reserving_resource().max_size());
}

BOOST_AUTO_TEST_CASE(an_array_in_a_full_block_says_how_large_that_is) {
  alignas(16) std::array<std::byte, 1024> bytes;
  monotonic_arena arena(bytes.data(), bytes.size());
  vlarray<int> array(&arena);
  const auto says_how_large = [&](const std::length_error& error) {
    return std::string(error.what()).find("at most " + std::to_string(array.capacity()) + " ") != std::string::npos;
  };
  const auto fill = [&] {
    for (;;) array.push_back(1);
  };
  BOOST_CHECK_EXCEPTION(fill(), std::length_error, says_how_large);
  BOOST_CHECK_EXCEPTION(array.reserve(array.capacity() + 1), std::length_error, says_how_large);
}

BOOST_AUTO_TEST_SUITE_END()
