// The interface of std::vector (C++17, [vector.overview]), worked through member by member against a std::vector:
//
//   value_type allocator_type size_type difference_type reference const_reference pointer const_pointer iterator
//   const_iterator reverse_iterator const_reverse_iterator
//   vector()  vector(allocator)  vector(n)  vector(n, value)  vector(first, last)  vector(list)  vector(const vector&)
//   vector(vector&&)  the same with an allocator  ~vector
//   = const vector&  = vector&&  = list  assign(first, last)  assign(n, value)  assign(list)  get_allocator
//   begin end rbegin rend cbegin cend crbegin crend
//   empty size max_size capacity resize(n) resize(n, value) reserve shrink_to_fit
//   [] at front back data
//   emplace_back push_back(const T&) push_back(T&&) pop_back emplace(position, ...)
//   insert(position, const T& | T&& | n, value | first, last | list) erase(position) erase(first, last) swap clear
//   == != < > <= >=  swap(a, b)  vector(first, last, allocator) -> vector  erase(v, value) erase_if(v, predicate)
//
// and what vlarray has beside them:
//
//   vlarray(storage, allocator) vlarray(options, allocator) storage
//   try_push_back(const T& | T&&) try_emplace_back unchecked_push_back(const T& | T&&) unchecked_emplace_back
//   append(range | list) append_uninitialized prefault decommit_unused committed_bytes reserved_bytes

#include <allot/arena/monotonic_arena.hpp>
#include <allot/block/reserving_resource.hpp>
#include <allot/container/vlarray.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <forward_list>
#include <iterator>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "container/elements.hpp"
#include "container/twins.hpp"

using namespace allot;
using test::element;
using test::forward_others;
using test::made;
using test::numbered;
using test::once_from;
using test::once_to;
using test::others;
using test::same;
using test::value_of;
using test::with_twins;

template class allot::vlarray<int>;
template class allot::vlarray<char>;
template class allot::vlarray<bool>;
template class allot::vlarray<double*>;
template class allot::vlarray<std::string>;
template class allot::vlarray<std::pmr::string>;
template class allot::vlarray<test::hard_to_move>;
template class allot::vlarray<test::only_copied>;
template class allot::vlarray<std::pair<std::pmr::string, int>>;
template class allot::vlarray<vlarray<int>>;

namespace {

using strings = vlarray<std::string>;

// ---- typedefs and properties

template <class T, class Member>
constexpr bool is = std::is_same_v<T, Member>;

static_assert(is<vlarray<int>::value_type, int> && is<vlarray<int>::size_type, std::size_t> &&
              is<vlarray<int>::difference_type, std::ptrdiff_t> && is<vlarray<int>::reference, int&> &&
              is<vlarray<int>::const_reference, const int&> && is<vlarray<int>::pointer, int*> &&
              is<vlarray<int>::const_pointer, const int*>);
static_assert(is<vlarray<int>::allocator_type, std::pmr::vector<int>::allocator_type>);
static_assert(is<std::iterator_traits<vlarray<int>::iterator>::iterator_category, std::random_access_iterator_tag> &&
              is<std::iterator_traits<vlarray<int>::iterator>::reference, int&> &&
              is<std::iterator_traits<vlarray<int>::const_iterator>::reference, const int&>);
static_assert(is<vlarray<int>::reverse_iterator, std::reverse_iterator<vlarray<int>::iterator>> &&
              is<vlarray<int>::const_reverse_iterator, std::reverse_iterator<vlarray<int>::const_iterator>>);
static_assert(std::is_convertible_v<vlarray<int>::iterator, vlarray<int>::const_iterator> &&
              !std::is_convertible_v<vlarray<int>::const_iterator, vlarray<int>::iterator>);
static_assert(is<vlarray<bool>::reference, bool&>);

/// The properties that a program can ask for are those of the pmr vector.
template <class T>
constexpr bool as_pmr_vector() {
  using ours = vlarray<T>;
  using twin = std::pmr::vector<T>;
  using allocator = std::pmr::polymorphic_allocator<T>;
  return std::is_nothrow_default_constructible_v<ours> && std::is_nothrow_move_constructible_v<ours> &&
         std::is_nothrow_swappable_v<ours> && std::is_nothrow_destructible_v<ours> &&
         std::is_nothrow_constructible_v<ours, const allocator&> &&
         std::is_copy_constructible_v<ours> == std::is_copy_constructible_v<twin> &&
         std::is_copy_assignable_v<ours> == std::is_copy_assignable_v<twin> &&
         std::is_nothrow_copy_constructible_v<ours> == std::is_nothrow_copy_constructible_v<twin> &&
         std::is_nothrow_copy_assignable_v<ours> == std::is_nothrow_copy_assignable_v<twin> &&
         std::is_nothrow_move_assignable_v<ours> == std::is_nothrow_move_assignable_v<twin> &&
         std::is_convertible_v<std::size_t, ours> == std::is_convertible_v<std::size_t, twin> &&
         std::is_convertible_v<allocator, ours> == std::is_convertible_v<allocator, twin> &&
         std::is_convertible_v<std::initializer_list<T>, ours> &&
         std::uses_allocator_v<ours, std::pmr::polymorphic_allocator<std::byte>> &&
         std::is_default_constructible_v<ours> && !std::is_trivially_destructible_v<ours>;
}
static_assert(as_pmr_vector<int>() && as_pmr_vector<std::string>() && as_pmr_vector<test::hard_to_move>() &&
              as_pmr_vector<std::unique_ptr<int>>());
static_assert(!std::is_convertible_v<std::pmr::memory_resource*, vlarray<int>>);
static_assert(!std::is_convertible_v<vlarray_options, vlarray<int>>);

using ours = vlarray<int>;
static_assert(
    noexcept(std::declval<ours&>().begin()) && noexcept(std::declval<const ours&>().rend()) && noexcept(
        std::
            declval<ours&>()
                .size()) && noexcept(std::declval<ours&>()
                                         .capacity()) && noexcept(std::declval<ours&>()
                                                                      .max_size()) && noexcept(std::declval<ours&>()
                                                                                                   .data()) && noexcept(std::
                                                                                                                            declval<
                                                                                                                                ours&>()
                                                                                                                                .clear()) && noexcept(std::
                                                                                                                                                          declval<
                                                                                                                                                              ours&>()
                                                                                                                                                              .pop_back()) && noexcept(std::
                                                                                                                                                                                           declval<
                                                                                                                                                                                               ours&>()
                                                                                                                                                                                               .shrink_to_fit()) && noexcept(std::
                                                                                                                                                                                                                                 declval<
                                                                                                                                                                                                                                     ours&>()
                                                                                                                                                                                                                                     .get_allocator()) && noexcept(std::declval<ours&>()
                                                                                                                                                                                                                                                                       .decommit_unused()) && noexcept(std::declval<ours&>()
                                                                                                                                                                                                                                                                                                           .storage()) && noexcept(std::
                                                                                                                                                                                                                                                                                                                                       declval<
                                                                                                                                                                                                                                                                                                                                           ours&>()
                                                                                                                                                                                                                                                                                                                                           .front()) && noexcept(std::
                                                                                                                                                                                                                                                                                                                                                                     declval<
                                                                                                                                                                                                                                                                                                                                                                         ours&>()
                                                                                                                                                                                                                                                                                                                                                                         [0]));

// Const arrays hand out const elements.
static_assert(is<decltype(std::declval<const ours&>().begin()), const int*> &&
              is<decltype(std::declval<const ours&>().data()), const int*> &&
              is<decltype(std::declval<const ours&>()[0]), const int&> &&
              is<decltype(std::declval<const ours&>().at(0)), const int&> &&
              is<decltype(std::declval<const ours&>().front()), const int&> &&
              is<decltype(std::declval<const ours&>().back()), const int&> &&
              is<decltype(std::declval<ours&>().cbegin()), const int*> &&
              is<decltype(std::declval<const ours&>().rbegin()), ours::const_reverse_iterator> &&
              is<decltype(std::declval<ours&>().rbegin()), ours::reverse_iterator> &&
              is<decltype(std::declval<ours&>().crend()), ours::const_reverse_iterator>);
static_assert(is<decltype(std::declval<ours&>().emplace_back(1)), int&> &&
              is<decltype(std::declval<ours&>().insert(nullptr, 1)), int*> &&
              is<decltype(std::declval<ours&>().try_push_back(1)), int*>);

/// append_uninitialized() is for types that nobody needs to construct or destroy.
template <class Array, class = void>
constexpr bool appends_uninitialized = false;
template <class Array>
constexpr bool appends_uninitialized<Array, std::void_t<decltype(std::declval<Array&>().append_uninitialized(1))>> =
    true;
static_assert(appends_uninitialized<vlarray<int>> && !appends_uninitialized<vlarray<std::string>>);

// ---- deduction

const std::list<double> a_list{1, 2};
static_assert(is<decltype(vlarray(a_list.begin(), a_list.end())), vlarray<double>>);
static_assert(is<decltype(vlarray(a_list.begin(), a_list.end(), std::pmr::new_delete_resource())), vlarray<double>>);
static_assert(is<decltype(vlarray(std::istream_iterator<char>(), std::istream_iterator<char>())), vlarray<char>>);
static_assert(is<decltype(vlarray{1, 2, 3}), vlarray<int>> && is<decltype(vlarray({1.5f})), vlarray<float>>);
static_assert(is<decltype(vlarray(3u, 'x')), vlarray<char>> && is<decltype(vlarray(3, 5)), vlarray<int>>);
static_assert(is<decltype(vlarray(std::declval<const strings&>())), strings>);
static_assert(is<decltype(vlarray(std::declval<strings>(), strings::allocator_type())), strings>);

}  // namespace

BOOST_AUTO_TEST_SUITE(vlarray_interface)

// ---- construction

BOOST_AUTO_TEST_CASE(a_default_constructed_array_is_empty) {
  const vlarray<int> array;
  BOOST_TEST(array.empty());
  BOOST_TEST(array.size() == 0u);
  BOOST_TEST(array.capacity() == 0u);
  BOOST_TEST(array.committed_bytes() == 0u);
  BOOST_TEST(array.reserved_bytes() == 0u);
  BOOST_TEST(array.max_size() > 1'000'000u);
  BOOST_TEST((array.begin() == array.end()));
  BOOST_TEST((array.rbegin() == array.rend()));
  BOOST_TEST(array.get_allocator().resource() == std::pmr::get_default_resource());
  BOOST_TEST(array.storage() == &default_reserving_resource());
}

BOOST_AUTO_TEST_CASE(constructors_make_what_those_of_a_vector_make) {
  with_twins([](auto& array) {
    using array_type = std::remove_reference_t<decltype(array)>;
    using T = value_of<array_type>;
    const auto n = array.size();
    const array_type of_count(n);
    array_type of_values(n, made<T>(7));
    const array_type of_range(array.begin(), array.end());
    const auto list = others<std::list, T>(5);
    const array_type of_list(list.begin(), list.end());
    const auto forward = forward_others<T>(4);
    const array_type of_forward(forward.begin(), forward.end());
    const array_type of_input(once_from(list), once_to(list));
    const array_type of_braces{made<T>(1), made<T>(2), made<T>(3)};
    const array_type of_no_braces = {};
    const array_type copy(array);
    const array_type copy_of_const = of_list;
    const array_type moved(std::move(of_values));
    array.insert(array.end(), of_count.begin(), of_count.end());
    for (const auto* other :
         {&moved, &of_range, &of_list, &of_forward, &of_input, &of_braces, &of_no_braces, &copy, &copy_of_const})
      array.insert(array.end(), other->begin(), other->end());
    return of_values.size();  // 0: it was moved from
  });
}

BOOST_AUTO_TEST_CASE(a_count_of_numbers_is_of_zeros) {
  vlarray<int>(300, 7).clear();  // memory that was used before
  const vlarray<int> zeros(300);
  BOOST_TEST(std::count(zeros.begin(), zeros.end(), 0) == 300);
  const vlarray<int> braces{300, 7};
  BOOST_TEST(braces.size() == 2u);
  const vlarray<int> parentheses(300, 7);
  BOOST_TEST(parentheses.size() == 300u);
  BOOST_TEST(parentheses.back() == 7);
  const vlarray<std::size_t> of_its_size_type(std::size_t{3}, std::size_t{4});
  BOOST_TEST(of_its_size_type.size() == 3u);
}

BOOST_AUTO_TEST_CASE(pointers_to_resources_can_be_elements_and_arguments) {
  monotonic_arena storage(100'000);
  monotonic_arena elements(100'000);
  const vlarray<std::pmr::string> on_both(&storage, &elements);
  BOOST_TEST(on_both.storage() == &storage);
  BOOST_TEST(on_both.get_allocator().resource() == &elements);
  const vlarray<std::pmr::string> allocator_only(std::pmr::polymorphic_allocator<std::pmr::string>{&elements});
  BOOST_TEST(allocator_only.storage() == &default_reserving_resource());
  BOOST_TEST(allocator_only.get_allocator().resource() == &elements);
  const vlarray<std::pmr::string> counted(3, &elements);
  BOOST_TEST(counted.size() == 3u);
  BOOST_TEST(counted[2].get_allocator().resource() == &elements);
  const vlarray<std::pmr::string> listed({"a", "b"}, &elements);
  BOOST_TEST(listed[1].get_allocator().resource() == &elements);
  const vlarray<std::pmr::string> valued(2, "x", &elements);
  BOOST_TEST(valued[1] == "x");
  BOOST_TEST(valued[1].get_allocator().resource() == &elements);
  const std::vector<const char*> texts{"y", "z"};
  const vlarray<std::pmr::string> ranged(texts.begin(), texts.end(), &elements);
  BOOST_TEST(ranged[1] == "z");
  BOOST_TEST(ranged[1].get_allocator().resource() == &elements);
  vlarray<std::pmr::memory_resource*> resources;
  resources.push_back(&storage);
  resources.assign(2, &elements);
  BOOST_TEST(resources[1] == &elements);
}

BOOST_AUTO_TEST_CASE(an_array_of_an_unfinished_type_can_be_a_member_of_it) {
  struct node {
    int value = 0;
    vlarray<node> children{};
  };
  node root;
  root.children.resize(3);
  root.children[1].children.emplace_back().value = 5;
  node copy = root;
  root.children.clear();
  BOOST_TEST(copy.children[1].children[0].value == 5);
}

// ---- assignment

BOOST_AUTO_TEST_CASE(assignment_in_all_forms_leaves_what_a_vectors_leaves) {
  for (const int count : {0, 1, 3, 299, 300, 301, 1000}) {
    with_twins([&](auto& array) {
      using array_type = std::remove_reference_t<decltype(array)>;
      using T = value_of<array_type>;
      const auto list = others<std::list, T>(count);
      const auto forward = forward_others<T>(count);
      const array_type source(list.begin(), list.end());
      std::vector<array_type> results(6, array);
      results[0] = source;
      results[1] = array_type(source);
      results[2].assign(list.begin(), list.end());
      results[3].assign(forward.begin(), forward.end());
      results[4].assign(once_from(list), once_to(list));
      results[5].assign(static_cast<std::size_t>(count), made<T>(9));
      BOOST_TEST(same(results[5], std::vector<T>(static_cast<std::size_t>(count), made<T>(9))));
      for (int i = 0; i < 5; ++i) BOOST_TEST((results[static_cast<std::size_t>(i)] == source));
      array.assign(source.data(), source.data() + source.size());
    });
  }
  with_twins([](auto& array) {
    using T = value_of<decltype(array)>;
    array = {made<T>(1), made<T>(2), made<T>(3)};
  });
  with_twins([](auto& array) {
    using T = value_of<decltype(array)>;
    array.assign({made<T>(4)});
  });
  with_twins([](auto& array) { array = {}; });
}

BOOST_AUTO_TEST_CASE(assigning_an_array_to_itself_changes_nothing) {
  auto array = numbered<strings>(10);
  const strings before = array;
  const std::string* const data = array.data();
  strings& itself = array;
  array = itself;
  BOOST_TEST((array == before));
  array = std::move(itself);
  BOOST_TEST((array == before));
  BOOST_TEST(array.data() == data);
  vlarray<test::pinned> still(3);
  auto& the_same = still;
  still = std::move(the_same);
  BOOST_TEST(still.size() == 3u);
}

BOOST_AUTO_TEST_CASE(assigning_a_count_of_an_own_element_works) {
  for (const std::size_t count : {0u, 1u, 2u, 5u, 400u})
    with_twins(
        [&](auto& array) {
          using T = value_of<decltype(array)>;
          if constexpr (std::is_same_v<decltype(array), vlarray<T>&>) {
            array.assign(count, array.back());
          } else {
            const T last = array.back();  // the standard promises less
            array.assign(count, last);
          }
        },
        {1, 2, 5, 300});
}

// ---- elements

BOOST_AUTO_TEST_CASE(elements_are_where_a_vector_has_them) {
  with_twins(
      [](auto& array) {
        using T = value_of<decltype(array)>;
        const auto& constant = array;
        BOOST_TEST((&array[0] == array.data() && &constant[0] == constant.data()));
        BOOST_TEST((&array.at(0) == array.data() && &constant.at(0) == constant.data()));
        BOOST_TEST((&array.front() == array.data() && &constant.front() == constant.data()));
        BOOST_TEST((&array.back() == array.data() + array.size() - 1));
        BOOST_TEST((&constant.back() == constant.data() + constant.size() - 1));
        array.at(array.size() - 1) = made<T>(50);
        array[array.size() / 2] = made<T>(51);
        array.front() = made<T>(52);
        *array.data() = made<T>(53);
        return std::vector<T>{array.front(), array.back(), constant.at(array.size() / 2)};
      },
      {1, 2, 5, 300});
}

BOOST_AUTO_TEST_CASE(at_throws_behind_the_end) {
  with_twins([](auto& array) {
    const auto& constant = array;
    array.reserve(array.size() + 10);
    for (const std::size_t index : {array.size(), array.size() + 1, static_cast<std::size_t>(-1)}) {
      BOOST_CHECK_THROW((void)array.at(index), std::out_of_range);
      BOOST_CHECK_THROW((void)constant.at(index), std::out_of_range);
    }
  });
  BOOST_CHECK_EXCEPTION((void)vlarray<int>(3).at(5), std::out_of_range, [](const std::out_of_range& e) {
    return std::string_view(e.what()) == "vlarray: index 5 where there are 3 elements";
  });
}

BOOST_AUTO_TEST_CASE(iterators_go_over_all_elements_both_ways) {
  with_twins([](auto& array) {
    using T = value_of<decltype(array)>;
    const auto& constant = array;
    std::vector<T> seen(array.begin(), array.end());
    seen.insert(seen.end(), array.rbegin(), array.rend());
    seen.insert(seen.end(), constant.begin(), constant.end());
    seen.insert(seen.end(), constant.rbegin(), constant.rend());
    seen.insert(seen.end(), array.cbegin(), array.cend());
    seen.insert(seen.end(), array.crbegin(), array.crend());
    for (auto& value : array) value = made<T>(3);
    return seen;
  });
}

// ---- capacity

BOOST_AUTO_TEST_CASE(sizes_say_what_a_vectors_say) {
  with_twins([](auto& array) {
    BOOST_TEST(array.capacity() >= array.size());
    BOOST_TEST(array.max_size() >= array.capacity());
    return std::pair(array.empty(), array.size());
  });
}

BOOST_AUTO_TEST_CASE(resize_leaves_what_a_vectors_leaves) {
  for (const std::size_t count : {0u, 1u, 3u, 299u, 300u, 301u, 5000u}) {
    with_twins([&](auto& array) { array.resize(count); });
    with_twins([&](auto& array) { array.resize(count, made<value_of<decltype(array)>>(8)); });
    with_twins([&](auto& array) { array.resize(count, array.front()); }, {1, 2, 300});
  }
}

BOOST_AUTO_TEST_CASE(reserve_gives_capacity_and_never_takes_any) {
  with_twins([](auto& array) {
    for (const std::size_t count : {0u, 1u, 20'000u, 10u, 100'000u}) {
      const std::size_t before = array.capacity();
      array.reserve(count);
      BOOST_TEST(array.capacity() >= std::max(count, before));
      const auto* const data = array.data();
      while (array.size() < count && array.size() < 30'000) array.push_back(made<value_of<decltype(array)>>(1));
      BOOST_TEST(array.data() == data);
    }
    array.shrink_to_fit();
    BOOST_TEST(array.capacity() >= array.size());
  });
}

// ---- swap and comparison

BOOST_AUTO_TEST_CASE(swap_exchanges_everything) {
  monotonic_arena storage(100'000);
  monotonic_arena elements(100'000);
  vlarray<std::pmr::string> a({"a", "b"}, &elements);
  vlarray<std::pmr::string> b(&storage);
  b.push_back("c");
  const auto* const in_a = a.data();
  const auto* const in_b = b.data();
  a.swap(b);
  BOOST_TEST(a.data() == in_b);
  BOOST_TEST(b.data() == in_a);
  BOOST_TEST(a.storage() == &storage);
  BOOST_TEST(b.storage() == &default_reserving_resource());
  BOOST_TEST(b.get_allocator().resource() == &elements);
  BOOST_TEST(a.get_allocator().resource() == std::pmr::get_default_resource());
  a.push_back("d");
  b.push_back("e");
  using std::swap;
  swap(a, b);
  BOOST_TEST(a.back() == "e");
  BOOST_TEST(b.back() == "d");
  swap(a, a);
  a.swap(a);
  BOOST_TEST(a.size() == 3u);
  BOOST_TEST(a.data() == in_a);
  a.push_back("f");
  vlarray<std::pmr::string> empty;
  swap(a, empty);
  BOOST_TEST(a.empty());
  BOOST_TEST(empty.back() == "f");
  a.push_back("g");
  BOOST_TEST(a[0] == "g");
}

BOOST_AUTO_TEST_CASE(comparison_is_that_of_vectors) {
  const std::vector<std::vector<int>> all{{}, {1}, {1, 2}, {2}, {1, 2, 3}, {1, 3}, {0}};
  for (const auto& left : all) {
    for (const auto& right : all) {
      const vlarray<int> a(left.begin(), left.end());
      const vlarray<int> b(right.begin(), right.end());
      BOOST_TEST((a == b) == (left == right));
      BOOST_TEST((a != b) == (left != right));
      BOOST_TEST((a < b) == (left < right));
      BOOST_TEST((a > b) == (left > right));
      BOOST_TEST((a <= b) == (left <= right));
      BOOST_TEST((a >= b) == (left >= right));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
