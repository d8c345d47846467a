// Which operations on std::pmr types take memory from the default resource though their operands have another, and what
// to write instead. Each case is a row of docs/propagation.md, by its name: numbers are requests to the resource that
// was given and to the default resource.

#include "propagation.hpp"

#include <algorithm>
#include <allot/arena/chained_arena.hpp>
#include <allot/core/object.hpp>
#include <any>
#include <array>
#include <boost/test/tree/traverse.hpp>
#include <boost/test/tree/visitor.hpp>
#include <boost/test/unit_test.hpp>
#include <deque>
#include <functional>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <memory_resource>
#include <optional>
#include <regex>
#include <sstream>
#include <stack>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

using namespace allot::test;
using allot::testing::counting_resource;
using allot::testing::default_resource_guard;

namespace {

namespace pmr = std::pmr;
using strings = pmr::vector<pmr::string>;
using counts = pmr::map<pmr::string, int>;

constexpr const char* text = "a text that no string keeps in place";
constexpr const char* other_text = "another one that no string keeps in place";

/// Two strings on the resource: three requests.
strings two_strings(pmr::memory_resource& memory) {
  strings made(&memory);
  made.reserve(2);
  made.emplace_back(text);
  made.emplace_back(other_text);
  return made;
}

/// A class that says nothing of allocators, so no container can hand its resource on to the member.
struct unaware {
  pmr::string name;
};

/// The same with what is needed: allocator_type, and a last argument of it for every constructor.
struct aware {
  using allocator_type = pmr::polymorphic_allocator<std::byte>;

  explicit aware(const allocator_type& a) : name(a) {}
  aware(std::string_view n, const allocator_type& a) : name(n, a) {}
  aware(const aware& other, const allocator_type& a = {}) : name(other.name, a) {}
  aware(aware&& other) noexcept = default;
  aware(aware&& other, const allocator_type& a) : name(std::move(other.name), a) {}
  aware& operator=(const aware&) = default;
  aware& operator=(aware&&) = default;
  ~aware() = default;

  pmr::string name;
};

std::size_t length_of_copy(strings copy) { return copy.size(); }
std::size_t length_of(const strings& list) { return list.size(); }

}  // namespace

BOOST_AUTO_TEST_SUITE(propagation)

// ---- copies

BOOST_AUTO_TEST_CASE(copy_construction) {
  counting_resource given;
  const strings list = two_strings(given);
  expect(given, {0, 3}, [&] { auto copy = list; });
  expect_cured(given, 3, [&] { strings copy(list, list.get_allocator()); });
}

BOOST_AUTO_TEST_CASE(argument_by_value) {
  counting_resource given;
  const strings list = two_strings(given);
  expect(given, {0, 3}, [&] { BOOST_TEST(length_of_copy(list) == 2u); });
  expect_cured(given, 0, [&] { BOOST_TEST(length_of(list) == 2u); });
}

BOOST_AUTO_TEST_CASE(element_by_value) {
  counting_resource given;
  const strings list = two_strings(given);
  expect(given, {0, 2}, [&] {
    for (auto element : list) BOOST_TEST(element.size() > 30u);
  });
  expect_cured(given, 0, [&] {
    for (const auto& element : list) BOOST_TEST(element.size() > 30u);
  });
}

BOOST_AUTO_TEST_CASE(structured_binding_by_value) {
  counting_resource given;
  counts ages(&given);
  ages.emplace(text, 1);
  expect(given, {0, 1}, [&] {
    for (auto [name, age] : ages) BOOST_TEST(name.size() > std::size_t(age));
  });
  expect_cured(given, 0, [&] {
    for (const auto& [name, age] : ages) BOOST_TEST(name.size() > std::size_t(age));
  });
}

BOOST_AUTO_TEST_CASE(reference_to_another_pair) {
  counting_resource given;
  counts ages(&given);
  ages.emplace(text, 1);
  expect(given, {0, 1}, [&] {
    using pair = std::pair<pmr::string, int>;  // not what the map holds: that is std::pair<const pmr::string, int>
    std::for_each(ages.begin(), ages.end(), [](const pair& each) { BOOST_TEST(each.first.size() > 30u); });
  });
  expect_cured(given, 0, [&] {
    for (const counts::value_type& each : ages) BOOST_TEST(each.first.size() > 30u);
  });
}

BOOST_AUTO_TEST_CASE(conditional_with_a_literal) {
  counting_resource given;
  const pmr::string name(text, &given);
  expect(given, {0, 1}, [&] {
    const auto& shown = name.empty() ? "none" : name;
    BOOST_TEST(shown.size() > 30u);
  });
  expect_cured(given, 0, [&] {
    const std::string_view shown = name.empty() ? std::string_view("none") : std::string_view(name);
    BOOST_TEST(shown.size() > 30u);
  });
}

BOOST_AUTO_TEST_CASE(lambda_capture) {
  counting_resource given;
  const pmr::string name(text, &given);
  expect(given, {0, 1}, [&] { BOOST_TEST([name] { return name.size(); }() > 30u); });
  expect_cured(given, 1, [&] {
    const auto size = [name = pmr::string(name, name.get_allocator())] { return name.size(); };
    BOOST_TEST(size() > 30u);
  });
}

BOOST_AUTO_TEST_CASE(getter_by_value) {
  struct person {
    explicit person(pmr::memory_resource& memory) : name_(text, &memory) {}
    pmr::string copied_name() const { return name_; }
    const pmr::string& name() const { return name_; }
    pmr::string name(const pmr::polymorphic_allocator<char>& a) const { return {name_, a}; }

   private:
    pmr::string name_;
  };
  counting_resource given;
  const person someone(given);
  expect(given, {0, 1}, [&] { BOOST_TEST(someone.copied_name().size() > 30u); });
  expect_cured(given, 1, [&] { BOOST_TEST(someone.name(&given) == someone.name()); });
}

BOOST_AUTO_TEST_CASE(make_pair) {
  counting_resource given;
  const pmr::string name(text, &given);
  counts ages(&given);
  expect(given, {2, 1}, [&] {
    ages.clear();
    ages.insert(std::make_pair(name, 1));
  });
  expect_cured(given, 2, [&] {
    ages.clear();
    ages.emplace(name, 1);
  });
}

// ---- temporaries

BOOST_AUTO_TEST_CASE(no_argument) {
  counting_resource given;
  expect(given, {0, 1}, [&] { pmr::string name = text; });
  expect_cured(given, 1, [&] { pmr::string name(text, &given); });
}

BOOST_AUTO_TEST_CASE(push_back_of_a_temporary) {
  counting_resource given;
  expect(given, {2, 1}, [&] {
    strings list(&given);
    list.push_back(pmr::string(text));
  });
  expect_cured(given, 2, [&] {
    strings list(&given);
    list.emplace_back(text);
  });
}

BOOST_AUTO_TEST_CASE(push_back_of_a_literal) {
  counting_resource given;
  expect(given, {2, 1}, [&] {
    strings list(&given);
    list.push_back(text);
  });
  expect_cured(given, 2, [&] {
    strings list(&given);
    list.emplace_back(text);
  });
}

BOOST_AUTO_TEST_CASE(initializer_list) {
  counting_resource given;
  expect(given, {3, 2}, [&] { strings list({text, other_text}, &given); });
  expect_cured(given, 3, [&] {
    const std::array<std::string_view, 2> texts{text, other_text};
    strings list(texts.begin(), texts.end(), &given);
  });
}

BOOST_AUTO_TEST_CASE(braced_pair) {
  counting_resource given;
  counts ages(&given);
  expect(given, {2, 1}, [&] {
    ages.clear();
    ages.insert({text, 1});
  });
  expect_cured(given, 2, [&] {
    ages.clear();
    ages.emplace(text, 1);
  });
}

BOOST_AUTO_TEST_CASE(repeated_value) {
  counting_resource given;
  expect(given, {4, 1}, [&] { strings list(3, text, &given); });
  expect_cured(given, 5, [&] { strings list(3, pmr::string(text, &given), &given); });
}

BOOST_AUTO_TEST_CASE(find_by_literal) {
  counting_resource given;
  counts ages(&given);
  ages.emplace(text, 1);
  expect(given, {0, 1}, [&] { BOOST_TEST(ages.find(text)->second == 1); });

  pmr::map<pmr::string, int, std::less<>> transparent(&given);
  transparent.emplace(text, 1);
  expect_cured(given, 0, [&] { BOOST_TEST(transparent.find(text)->second == 1); });
}

BOOST_AUTO_TEST_CASE(subscript_by_literal) {
  counting_resource given;
  expect(given, {2, 1}, [&] {
    counts ages(&given);
    ages[text] = 1;
  });
  expect_cured(given, 2, [&] {
    counts ages(&given);
    ages[pmr::string(text, &given)] = 1;
  });
}

BOOST_AUTO_TEST_CASE(concatenation) {
  counting_resource given;
  const pmr::string name(text, &given);
  expect(given, by_library<requests>({0, 2}, {0, 1}), [&] { const auto sum = name + "!"; });
  expect_cured(given, 2, [&] {
    pmr::string sum(name, &given);
    sum += " and more than there is room for";
  });
}

BOOST_AUTO_TEST_CASE(substring) {
  counting_resource given;
  const pmr::string name(text, &given);
  expect(given, {0, 1}, [&] { const auto part = name.substr(1); });
  expect_cured(given, 1, [&] { const pmr::string part(name, 1, pmr::string::npos, &given); });
}

BOOST_AUTO_TEST_CASE(string_stream) {
  using stream = std::basic_ostringstream<char, std::char_traits<char>, pmr::polymorphic_allocator<char>>;
  counting_resource given;
  expect(given, {0, 1}, [&] {
    stream out;
    out.exceptions(std::ios::badbit);  // or the stream would swallow what a trap throws
    out << text;
  });
  expect_cured(given, 1, [&] {
    pmr::string out(&given);
    out += text;
  });
}

BOOST_AUTO_TEST_CASE(regex_matches) {
  counting_resource given;
  const pmr::string name(text, &given);
  const std::regex pattern("(text) that (no)");
  expect(given, by_library<requests>({0, 2}, {0, 1}), [&] {
    pmr::smatch match;
    BOOST_TEST(std::regex_search(name, match, pattern));
  });
  expect_cured(given, 0, [&] {
    std::match_results<pmr::string::const_iterator> match;  // from the heap, as the pattern is
    BOOST_TEST(std::regex_search(name, match, pattern));
  });
}

// ---- elements and members

BOOST_AUTO_TEST_CASE(struct_elements) {
  counting_resource given;
  expect(given, {1, 1}, [&] {
    pmr::vector<unaware> people(&given);
    people.push_back({text});
  });
  expect_cured(given, 2, [&] {
    pmr::vector<aware> people(&given);
    people.emplace_back(text);
  });
}

BOOST_AUTO_TEST_CASE(struct_members) {
  counting_resource given;
  expect(given, {0, 1}, [&] {
    unaware someone;
    someone.name = text;
  });
  expect_cured(given, 1, [&] {
    aware someone(&given);
    someone.name = text;
  });
}

BOOST_AUTO_TEST_CASE(optional_elements) {
  counting_resource given;
  expect(given, {1, 1}, [&] {
    pmr::vector<std::optional<pmr::string>> list(&given);
    list.emplace_back(text);
  });
  expect_cured(given, 2, [&] {
    pmr::vector<std::optional<pmr::string>> list(&given);
    list.emplace_back(std::in_place, text, &given);
  });
}

BOOST_AUTO_TEST_CASE(variant_elements) {
  using either = std::variant<int, pmr::string>;
  counting_resource given;
  expect(given, {1, 1}, [&] {
    pmr::vector<either> list(&given);
    list.emplace_back(text);
  });
  expect_cured(given, 2, [&] {
    pmr::vector<either> list(&given);
    list.emplace_back(std::in_place_type<pmr::string>, text, &given);
  });
}

BOOST_AUTO_TEST_CASE(array_elements) {
  counting_resource given;
  expect(given, {1, 2}, [&] {
    pmr::vector<std::array<pmr::string, 2>> list(&given);
    list.push_back({text, other_text});
  });
  expect_cured(given, 3, [&] {
    pmr::vector<std::pair<pmr::string, pmr::string>> list(&given);
    list.emplace_back(text, other_text);
  });
}

BOOST_AUTO_TEST_CASE(container_adaptors) {
  using stack = std::stack<int, pmr::vector<int>>;
  counting_resource given;
  expect(given, {0, 1}, [&] {
    stack numbers;
    numbers.push(1);
  });
  expect_cured(given, 1, [&] {
    stack numbers(&given);
    numbers.push(1);
  });
}

BOOST_AUTO_TEST_CASE(make_shared) {
  counting_resource given;
  expect(given, {0, 1}, [&] { const auto shared = std::make_shared<pmr::string>(text); });
  expect_cured(given, 2, [&] {
    const auto shared = std::allocate_shared<pmr::string>(pmr::polymorphic_allocator<pmr::string>(&given), text);
  });
}

BOOST_AUTO_TEST_CASE(make_unique) {
  counting_resource given;
  expect(given, {0, 1}, [&] { const auto owned = std::make_unique<pmr::string>(text); });
  expect_cured(given, 2, [&] { const auto owned = allot::make_unique<pmr::string>(given, text); });
}

BOOST_AUTO_TEST_CASE(any_of_a_string) {
  counting_resource given;
  const pmr::string name(text, &given);
  expect(given, {0, 1}, [&] { const std::any something = name; });
  expect_cured(given, 1, [&] { const std::any something(std::in_place_type<pmr::string>, name, &given); });
}

BOOST_AUTO_TEST_CASE(function_with_a_string) {
  counting_resource given;
  pmr::string name(text, &given);
  expect(given, {0, 1}, [&] { const std::function<std::size_t()> size = [name] { return name.size(); }; });
  expect_cured(given, 0, [&] { const std::function<std::size_t()> size = [&name] { return name.size(); }; });
}

// ---- moves and assignments

BOOST_AUTO_TEST_CASE(assignment_of_a_result) {
  const auto made = [](pmr::memory_resource* memory) { return two_strings(*memory); };
  counting_resource given;
  expect(given, {3, 3}, [&] {
    strings member(&given);
    member = made(pmr::get_default_resource());
    BOOST_TEST((member.get_allocator().resource() == &given));
  });
  expect_cured(given, 3, [&] {
    strings member(&given);
    member = made(member.get_allocator().resource());
  });
}

BOOST_AUTO_TEST_CASE(move_assignment_between_resources) {
  counting_resource given;
  counting_resource source;
  expect(given, {3, 0}, [&] {
    strings from = two_strings(source);
    strings to(&given);
    to = std::move(from);
    BOOST_TEST((to.get_allocator().resource() == &given));
  });
  expect_cured(given, 0, [&] {
    strings from = two_strings(source);
    strings to = std::move(from);
    BOOST_TEST((to.get_allocator().resource() == &source));
  });
}

BOOST_AUTO_TEST_CASE(move_with_an_allocator) {
  counting_resource given;
  counting_resource source;
  expect(given, {3, 0}, [&] {
    strings from = two_strings(source);
    strings to(std::move(from), &given);
  });
  expect_cured(given, 0, [&] {
    strings from = two_strings(source);
    strings to(std::move(from), from.get_allocator());
  });
}

BOOST_AUTO_TEST_CASE(swap_between_resources) {
  counting_resource given;
  counting_resource source;
  strings here = two_strings(given);
  strings there(&source);
  expect_undefined();
  expect_cured(given, 0, [&] {
    strings aside = std::move(here);
    here = std::move(there);
    there = std::move(aside);
  });
  BOOST_TEST(here.empty());
  BOOST_TEST(there.size() == 2u);
  BOOST_TEST(source.allocations() == 3u);
}

BOOST_AUTO_TEST_CASE(splice_between_resources) {
  counting_resource given;
  counting_resource source;
  pmr::list<pmr::string> here(&given);
  pmr::list<pmr::string> there(&source);
  there.emplace_back(text);
  expect_undefined();
  expect_cured(given, 2, [&] {
    for (pmr::string& element : there) here.push_back(std::move(element));
    there.clear();
  });
  BOOST_TEST(here.front() == text);
}

// ---- lifetimes

BOOST_AUTO_TEST_CASE(result_on_a_local_resource) {
  counting_resource given;
  expect_undefined();
  const auto made = [](const pmr::polymorphic_allocator<char>& memory) {
    allot::chained_arena passing(memory.resource());  // for what the function itself needs
    const strings parts = two_strings(passing);
    return pmr::string(parts.front(), memory);
  };
  expect_cured(given, 2, [&] { BOOST_TEST(made(&given) == text); });
}

BOOST_AUTO_TEST_CASE(default_set_later) {
  counting_resource given;
  counting_resource later;
  expect(given, {1, 0}, [&] {
    const default_resource_guard first(given);
    pmr::vector<int> early;  // as one at namespace scope, made before main() runs
    const default_resource_guard second(later);
    early.push_back(1);
  });
  BOOST_TEST(later.allocations() == 0u);
  expect_cured(given, 0, [&] {
    pmr::vector<int> early(&later);
    early.push_back(1);
  });
  BOOST_TEST(later.allocations() == 1u);
}

BOOST_AUTO_TEST_CASE(upstream_read_once) {
  counting_resource given;
  counting_resource later;
  expect(given, {1, 0}, [&] {
    const default_resource_guard first(given);
    allot::chained_arena arena;
    const default_resource_guard second(later);
    arena.deallocate(arena.allocate(10), 10);
  });
  BOOST_TEST(later.allocations() == 0u);
  expect_cured(given, 1, [&] {
    allot::chained_arena arena(&given);
    arena.deallocate(arena.allocate(10), 10);
  });
}

// ---- what is as one would wish

BOOST_AUTO_TEST_CASE(emplacing) {
  counting_resource given;
  expect(given, {2, 0}, [&] {
    strings list(&given);
    list.emplace_back(text);
  });
}

BOOST_AUTO_TEST_CASE(nested_containers) {
  counting_resource given;
  expect(given, {4, 0}, [&] {
    pmr::map<int, pmr::vector<strings>> nested(&given);
    nested[1].emplace_back().emplace_back(text);
  });
}

BOOST_AUTO_TEST_CASE(pairs_and_tuples) {
  counting_resource given;
  expect(given, {5, 0}, [&] {
    pmr::vector<std::pair<pmr::string, int>> pairs(&given);
    pairs.emplace_back(text, 1);
    pmr::vector<std::tuple<int, pmr::string, pmr::string>> tuples(&given);
    tuples.emplace_back(1, text, other_text);
  });
}

BOOST_AUTO_TEST_CASE(growing) {
  counting_resource given;
  strings list = two_strings(given);
  expect(given, {1, 0}, [&] { list.reserve(list.capacity() * 2); });
}

BOOST_AUTO_TEST_CASE(copy_assignment) {
  counting_resource given;
  counting_resource source;
  const strings from = two_strings(source);
  expect(given, {3, 0}, [&] {
    strings to(&given);
    to = from;
  });
}

BOOST_AUTO_TEST_CASE(move_construction) {
  counting_resource given;
  strings list = two_strings(given);
  expect(given, {0, 0}, [&] {
    strings moved = std::move(list);
    BOOST_TEST((moved.get_allocator().resource() == &given));
    list = std::move(moved);
  });
}

BOOST_AUTO_TEST_CASE(sorting) {
  counting_resource given;
  strings list = two_strings(given);
  expect(given, {0, 0}, [&] {
    std::sort(list.begin(), list.end(), std::greater<>());
    std::stable_sort(list.begin(), list.end());
  });
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(propagation_page)

BOOST_AUTO_TEST_CASE(every_row_is_a_case) {
  struct : boost::unit_test::test_tree_visitor {
    void visit(const boost::unit_test::test_case& found) override {
      if (boost::unit_test::framework::get<boost::unit_test::test_suite>(found.p_parent_id).p_name.get() ==
          "propagation")
        cases.insert(found.p_name);
    }
    std::multiset<std::string> cases;
  } known;
  boost::unit_test::traverse_test_tree(boost::unit_test::framework::master_test_suite(), known, true);
  std::multiset<std::string> rows;
  for (const auto& row : rows_of_the_page()) rows.insert(row.front());
  BOOST_TEST(rows == known.cases, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
