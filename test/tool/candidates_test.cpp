#include "command/candidates.hpp"

#include <allot/config/config_error.hpp>
#include <allot/core/resource.hpp>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <memory_resource>

using namespace allot;

namespace {

constexpr const char* two = R"(
default = "pool"
[resources.pool]
strategy = "pool_resource"
upstream = "pages"
[resources.pages]
strategy = "page_resource"
)";

}  // namespace

BOOST_AUTO_TEST_SUITE(candidates)

BOOST_AUTO_TEST_CASE(resources_are_found_by_name_or_are_the_default_and_share_one_stack) {
  const tool::config_candidate made = tool::candidate_from("mine", two, "mine.toml");
  BOOST_TEST(made.replayed.name == "mine");
  {
    const auto named = made.replayed.make("pages");
    const auto other = made.replayed.make("nobody");
    BOOST_TEST(as_resource(named.get())->kind() == "page_resource");
    BOOST_TEST(as_resource(other.get())->kind() == "pool_resource");
    BOOST_TEST(as_resource(other.get())->upstream() == named.get());
    BOOST_TEST(std::pmr::get_default_resource() != other.get());
    other->deallocate(other->allocate(100), 100);
  }
  BOOST_TEST(as_resource(made.replayed.make("nobody").get())->usage().peak == 0u);
}

BOOST_AUTO_TEST_CASE(a_config_that_is_wrong_is_told_at_once_and_one_without_a_default_when_it_is_needed) {
  BOOST_CHECK_THROW((void)tool::candidate_from("x", "nonsense", "x.toml"), config_error);
  const tool::config_candidate made = tool::candidate_from(
      "x", "[resources.a]\nstrategy='page_resource'\n[resources.b]\nstrategy='page_resource'\n", "x");
  BOOST_TEST(made.replayed.make("b") != nullptr);
  BOOST_CHECK_THROW((void)made.replayed.make("c"), config_error);
}

BOOST_AUTO_TEST_SUITE_END()
