#include <allot/block/block_table.hpp>
#include <allot/os/failure_injection.hpp>
#include <boost/test/unit_test.hpp>
#include <map>
#include <random>

using namespace allot;

namespace {
void* address(std::size_t page_number) { return reinterpret_cast<void*>(page_number * os::facts().page_size); }
}  // namespace

BOOST_AUTO_TEST_SUITE(block_tables)

BOOST_AUTO_TEST_CASE(agrees_with_a_map_over_random_inserts_and_erases) {
  block_table table;
  std::map<void*, std::size_t> truth;
  std::mt19937 random(1);
  for (int step = 0; step < 20000; ++step) {
    void* const p = address(1 + random() % 2000);
    if (truth.count(p) != 0) {
      table.erase(table.find(p));
      truth.erase(p);
    } else {
      BOOST_REQUIRE(!!table.prepare_insert());
      table.insert({p, random(), 0, 0});
      truth[p] = table.find(p)->mapped;
    }
    BOOST_REQUIRE(table.size() == truth.size());
  }
  for (std::size_t i = 1; i <= 2000; ++i) {
    const auto expected = truth.find(address(i));
    const auto* found = table.find(address(i));
    BOOST_REQUIRE((found != nullptr) == (expected != truth.end()));
    if (found != nullptr) BOOST_REQUIRE(found->mapped == expected->second);
  }
  std::size_t visited = 0;
  table.for_each([&](const block_table::entry& entry) { visited += truth.count(entry.address); });
  BOOST_TEST(visited == truth.size());
}

BOOST_AUTO_TEST_CASE(room_for_many_blocks_is_made_at_once) {
  for (const std::size_t blocks : {1U, 96U, 97U, 1000U}) {
    block_table table;
    BOOST_REQUIRE(!!table.prepare_insert(blocks));
    const os::failure_injection injection(1, os::os_call::any, os::failure_injection::rule::from_then_on);
    BOOST_TEST(!!table.prepare_insert(blocks));
    for (std::size_t i = 1; i <= blocks; ++i) table.insert({address(i), i, i, 1});
    for (std::size_t i = 1; i <= blocks; ++i) BOOST_REQUIRE(table.find(address(i))->mapped == i);
    BOOST_TEST(!injection.fired());
  }
}

BOOST_AUTO_TEST_CASE(a_table_that_cannot_grow_says_so_and_keeps_what_it_has) {
  block_table table;
  for (std::size_t i = 1; i <= 1000; ++i) {
    {
      const os::failure_injection injection(1);
      const bool ready = !!table.prepare_insert();
      BOOST_TEST(ready == !injection.fired());
    }
    BOOST_REQUIRE(!!table.prepare_insert());
    table.insert({address(i), i, i, 1});
  }
  for (std::size_t i = 1; i <= 1000; ++i) BOOST_REQUIRE(table.find(address(i))->mapped == i);
  table.clear();
  BOOST_TEST(table.size() == 0u);
  BOOST_TEST(table.find(address(1)) == nullptr);
  BOOST_TEST(table.find(nullptr) == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
