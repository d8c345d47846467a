// The promises all resources share, kept by every adaptor over every strategy.

#include <boost/test/unit_test.hpp>
#include <cstddef>

#include "adaptor/towers.hpp"
#include "support/conforms.hpp"

using namespace allot::test;

// The fast tier takes one strategy for each adaptor, always another one; the soak tier all pairs.
#if !defined(ALLOT_ALL_PAIRS)
#define ALLOT_ALL_PAIRS 0
#endif

BOOST_AUTO_TEST_SUITE(adaptors_conform)

BOOST_AUTO_TEST_CASE(over_strategies_of_the_suite) {
  std::size_t next = 0;
  for (const storey& adaptor : storeys())
    for (std::size_t i = 0; i < (ALLOT_ALL_PAIRS ? grounds().size() : 1); ++i)
      expect_conforms(tower(grounds()[next++ % grounds().size()], {adaptor}), 1);
}

BOOST_AUTO_TEST_CASE(over_a_foreign_resource) {
  for (const storey& adaptor : storeys()) expect_conforms(tower({adaptor}));
}

BOOST_AUTO_TEST_CASE(all_of_them_on_top_of_each_other) { expect_conforms(tower(storeys())); }

BOOST_AUTO_TEST_SUITE_END()
