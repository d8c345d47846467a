#pragma once

#include <allot/testing/conformance.hpp>
#include <boost/test/unit_test.hpp>

#include "support/child.hpp"

namespace allot::test {

// The fast tier uses one seed, the soak tier many.
#if !defined(ALLOT_CONFORMANCE_SEEDS)
#define ALLOT_CONFORMANCE_SEEDS 1
#endif

/// Checks all promises, and that something was served at all. Skipped under ThreadSanitizer: the kit has one thread.
inline void expect_conforms(const testing::conformance_subject& subject, unsigned seeds = ALLOT_CONFORMANCE_SEEDS) {
  if (under_thread_sanitizer()) {
    if (!skipped()) skip("ThreadSanitizer looks at threads, and here is one");
    return;
  }
  testing::conformance_options options;
  for (options.seed = 1; options.seed <= seeds; ++options.seed) {
    const auto report = testing::check_conformance(subject, options);
    BOOST_TEST(report.passed(), report);
    BOOST_TEST(report.served > 0u);
    BOOST_TEST_MESSAGE(report);
  }
}

}  // namespace allot::test
