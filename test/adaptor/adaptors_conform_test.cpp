// The promises all resources share, kept by every adaptor over every strategy.

#include <algorithm>
#include <allot/adaptor/synchronized_resource.hpp>
#include <allot/pool/pool_resource.hpp>
#include <allot/testing/counting_resource.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <mutex>

#include "adaptor/towers.hpp"
#include "support/conforms.hpp"
#include "support/machine.hpp"

using namespace allot::test;
using allot::testing::counting_resource;

// The fast tier takes one strategy for each adaptor, always another one; the soak tier all pairs.
#if !defined(ALLOT_ALL_PAIRS)
#define ALLOT_ALL_PAIRS 0
#endif

BOOST_AUTO_TEST_SUITE(adaptors_conform)

BOOST_AUTO_TEST_CASE(over_strategies_of_the_suite) {
  if (emulates_large_pages()) return skip(addresses_are_few);
  if (mappings_are_slow()) return skip(takes_hours);
  std::size_t next = 0;
  for (const storey& adaptor : storeys())
    for (std::size_t i = 0; i < (ALLOT_ALL_PAIRS ? grounds().size() : 1); ++i)
      expect_conforms(tower(grounds()[next++ % grounds().size()], {adaptor}), 1);
}

BOOST_AUTO_TEST_CASE(over_a_foreign_resource) {
  for (const storey& adaptor : storeys()) expect_conforms(tower({adaptor}));
}

BOOST_AUTO_TEST_CASE(all_of_them_on_top_of_each_other) { expect_conforms(tower(storeys())); }

BOOST_AUTO_TEST_CASE(a_lock_over_a_type_that_is_known) {
  const auto pool =
      std::find_if(grounds().begin(), grounds().end(), [](const ground& g) { return g.name == "pool_resource"; });
  const storey locked{"synchronized_resource of a pool_resource",
                      [](allot::upstream_ref on, std::pmr::memory_resource&) {
                        auto& known = static_cast<allot::pool_resource&>(on.any());
                        return std::make_shared<allot::synchronized_resource<std::mutex, allot::pool_resource>>(known);
                      }};
  BOOST_TEST_REQUIRE((pool != grounds().end()));
  expect_conforms(tower(*pool, {locked}));
}

BOOST_AUTO_TEST_CASE(what_can_release_gives_live_blocks_back) {
  std::size_t released = 0;
  for (const ground& below : grounds())
    for (const storey& adaptor : storeys()) {
      const auto subject = tower(below, {adaptor});
      const bool foreign = below.name.rfind("std::", 0) == 0;  // debug_resource frees its blocks, but not they theirs
      counting_resource upstream;
      const auto memory = subject.make(upstream);
      allot::resource& top = *allot::as_resource(memory.get());
      if (!top.can_release()) continue;
      ++released;
      for (const std::size_t bytes : {1u, 100u, 5000u}) (void)top.allocate(bytes);
      top.release();
      BOOST_TEST(top.usage().used == 0u, subject.name);
      if (!foreign) BOOST_TEST(upstream.live_blocks() == 0u, subject.name);
      BOOST_TEST(upstream.mismatches().empty(), subject.name);
      top.deallocate(top.allocate(10), 10);
      BOOST_TEST(top.check(), subject.name);
    }
  BOOST_TEST(released > grounds().size());
}

BOOST_AUTO_TEST_SUITE_END()
