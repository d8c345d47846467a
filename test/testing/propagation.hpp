#pragma once

#include <allot/testing/counting_resource.hpp>
#include <allot/testing/default_resource_guard.hpp>
#include <allot/testing/trap_resource.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <exception>
#include <fstream>
#include <memory_resource>
#include <ostream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

/// How cases about propagation measure, and how they compare with the rows of docs/propagation.md. Only what the
/// standard library and Boost.Test have: the cases also run with another standard library (test/run --target libcxx).
namespace allot::test {

/// Requests that a piece of code made, shown as the page does: to the resource it was given / to the default one.
struct requests {
  std::size_t given;
  std::size_t by_default;

  friend bool operator==(const requests& a, const requests& b) noexcept {
    return a.given == b.given && a.by_default == b.by_default;
  }
  friend std::ostream& operator<<(std::ostream& out, const requests& r) {
    return out << r.given << '/' << r.by_default;
  }
};

#if defined(_LIBCPP_VERSION)
inline constexpr std::size_t library_column = 3;
#else
inline constexpr std::size_t library_column = 2;
#endif

/// What is true with libstdc++, and with libc++.
template <class T>
T by_library(T libstdcxx, T libcxx) {
  return library_column == 2 ? libstdcxx : libcxx;
}

/// The cells of the page's rows: those that begin with a name in backticks, which comes without them.
inline std::vector<std::vector<std::string>> rows_of_the_page() {
  std::vector<std::vector<std::string>> rows;
  std::ifstream in(ALLOT_DOCS_DIR "/propagation.md");
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("| `", 0) != 0) continue;
    std::vector<std::string> cells;
    for (std::size_t at = 2, end = 0; (end = line.find(" |", at)) != std::string::npos; at = end + 3)
      cells.push_back(line.substr(at, end - at));
    cells.front() = cells.front().substr(1, cells.front().size() - 2);
    rows.push_back(cells);
  }
  return rows;
}

/// The page has a row of the running case's name, and it says this about the library in use.
inline void expect_row(const std::string& said) {
  const std::string name = boost::unit_test::framework::current_test_case().p_name;
  std::size_t found = 0;
  for (const auto& row : rows_of_the_page()) {
    if (row.front() != name) continue;
    ++found;
    BOOST_TEST(row.at(library_column) == said,
               "docs/propagation.md, " << name << ": " << row.at(library_column) << ", measured " << said);
  }
  BOOST_TEST(found == 1u, "docs/propagation.md has " << found << " rows for " << name);
}

/// Counts what the code asks for, which is as expected and as the page says. If the default resource is among it, a
/// trap in its place is sprung.
template <class Code>
void expect(testing::counting_resource& given, const requests& expected, Code code) {
  testing::counting_resource fallback;
  const std::size_t before = given.allocations();
  {
    const testing::default_resource_guard guard(fallback);
    code();
  }
  const requests measured{given.allocations() - before, fallback.allocations()};
  BOOST_TEST(measured == expected);
  BOOST_TEST(given.mismatches().empty());
  BOOST_TEST(fallback.mismatches().empty());
  BOOST_TEST(fallback.live_blocks() == 0u);
  std::ostringstream said;
  said << measured;
  expect_row(said.str());

  if (expected.by_default == 0) return;
  testing::trap_resource trap;
  const testing::default_resource_guard guard(trap);
  BOOST_CHECK_THROW(code(), std::exception);  // what the trap throws, or what a stream makes of it
  BOOST_TEST(trap.uses() == 1u);
}

/// The code does without the default resource, and makes so many requests to its own.
template <class Code>
void expect_cured(testing::counting_resource& given, std::size_t requests, Code code) {
  testing::trap_resource trap;
  const testing::default_resource_guard guard(trap);
  const std::size_t before = given.allocations();
  BOOST_CHECK_NO_THROW(code());
  BOOST_TEST(given.allocations() - before == requests);
  BOOST_TEST(trap.uses() == 0u);
  BOOST_TEST(given.mismatches().empty());
}

/// What the page says of what cannot be measured, since it may do anything.
inline void expect_undefined() { expect_row("undefined"); }

}  // namespace allot::test
