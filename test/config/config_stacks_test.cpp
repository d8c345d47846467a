// Random stacks of configs against the conformance kit: a few in the fast tier, many in the soak tier.

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <iterator>
#include <memory>
#include <memory_resource>
#include <random>
#include <string>
#include <string_view>

#include "kits_stack.hpp"
#include "support/conforms.hpp"

using namespace allot;

namespace {

/// Those that take an upstream, have no bound of their own, and keep memory,
constexpr std::string_view keepers[] = {"pool_resource",   "concurrent_pool",  "chained_arena",
                                        "coalescing_heap", "general_resource", "concurrent_general_resource"};
/// or keep none.
constexpr std::string_view others[] = {"limiting_resource",   "debug_resource",   "synchronized_resource",
                                       "statistics_resource", "zeroing_resource", "fallback_resource",
                                       "tracing_resource"};

/// In place, with the kit's upstream at the bottom.
std::string random_stack(unsigned seed) {
  std::mt19937 random(seed);
  std::string stack = "{ strategy = \"kit\" }";
  const std::size_t depth = 2 + random() % 3;
  const std::size_t keeper = random() % depth;
  for (std::size_t i = 0; i < depth; ++i) {
    // One alone keeps memory: a pool that is refused the second of two requests gives the first back, which another
    // pool, an arena or a quarantine below it would then hold.
    const bool top = i + 1 == depth;
    const std::string strategy(i == keeper ? keepers[random() % std::size(keepers)]
                                           : others[random() % std::size(others)]);
    std::string options;
    if (random() % 3 == 0) {
      if (strategy == "pool_resource" || strategy == "concurrent_pool") options = ", page_local = true";
      if (strategy == "coalescing_heap" || strategy == "general_resource") options = ", checked = true";
      if (strategy == "chained_arena") options = ", first_block = \"16KiB\"";
    }
    if (strategy == "tracing_resource") options = ", file = \"/dev/null\"";
    if (strategy == "debug_resource")
      options = ", report_leaks = false" + std::string(top ? "" : ", quarantine_bytes = 0");
    const std::string link = strategy == "fallback_resource" ? "upstreams = [" + stack + "]" : "upstream = " + stack;
    stack = "{ strategy = \"" + strategy + "\"" + options + ", " + link + " }";
  }
  return "[resources]\ntop = " + stack + "\n";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(config_stacks)

BOOST_AUTO_TEST_CASE(random_stacks_keep_the_promises_of_resources) {
#if defined(ALLOT_ALL_PAIRS)
  constexpr unsigned stacks = 200;
#else
  constexpr unsigned stacks = 4;
#endif
  test::register_kit();
  for (unsigned seed = 1; seed <= stacks; ++seed) {
    const std::string text = random_stack(seed);
    test::kits_upstream = std::pmr::new_delete_resource();
    const resource_set probe = parse_config(text);
    const resource* const top = as_resource(probe["top"]);
    testing::conformance_subject subject;
    subject.name = text;
    subject.make = [&](std::pmr::memory_resource& upstream) {
      test::kits_upstream = &upstream;
      return std::make_unique<test::configured>(std::make_shared<resource_set>(parse_config(text)));
    };
    // without release(): the top one's leaves with those below what they keep
    subject.frees_at_destruction = top->root() == top && top->kind() != "fallback_resource";
    subject.keeps_cache_when_refused = false;
    test::expect_conforms(subject, 1);
  }
}

BOOST_AUTO_TEST_SUITE_END()
