#include "support/environment.hpp"

#include <allot/os/environment.hpp>
#include <boost/test/unit_test.hpp>
#include <string>

using namespace allot;

BOOST_AUTO_TEST_SUITE(environment)

BOOST_AUTO_TEST_CASE(says_what_the_variable_holds) {
  constexpr const char* variable = "ALLOT_TEST_SAYS";
  test::set_variable(variable, "something");
  const char* const found = os::environment_variable(variable);
  BOOST_REQUIRE(found != nullptr);
  BOOST_TEST(std::string(found) == "something");
  test::set_variable(variable, nullptr);
  BOOST_TEST((os::environment_variable(variable) == nullptr));
}

BOOST_AUTO_TEST_SUITE_END()
