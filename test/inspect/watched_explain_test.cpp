// What AddressSanitizer's reports say. The library may be built plainly; this program must not be.

#include <allot/arena/monotonic_arena.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/inspect/tool_explainer.hpp>
#include <allot/pool/pool_resource.hpp>
#include <boost/test/unit_test.hpp>

#include "support/child.hpp"

using namespace allot;

namespace {

const test::child_program freed_block{"a freed block of a pool", [] {
                                        const tool_explainer explainer;
                                        pool_options options;
                                        options.name = "shapes";
                                        pool_resource pool(options);
                                        void* const p = pool.allocate(41);
                                        pool.deallocate(p, 41);
                                        static_cast<volatile char*>(p)[7] = 1;
                                      }};

}  // namespace

BOOST_AUTO_TEST_SUITE(watched_explanations)

BOOST_AUTO_TEST_CASE(a_report_is_followed_by_whose_memory_it_is) {
  if (!memory_tools::active()) return test::skip("no memory tool watches");
  const test::child_outcome outcome = test::run_child("a freed block of a pool");
  BOOST_TEST(outcome.says("use-after-poison"), outcome.output);
  BOOST_TEST(outcome.says(": 7 bytes into a free "), outcome.output);
  BOOST_TEST(outcome.says("of 'shapes' (pool_resource)"), outcome.output);
}

BOOST_AUTO_TEST_SUITE_END()
