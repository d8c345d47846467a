// The promises all resources share, kept by secure ones of every level.

#include <allot/secure/secure_resource.hpp>
#include <allot/secure/synchronized_secure_resource.hpp>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>

#include "support/conforms.hpp"
#include "support/machine.hpp"

using namespace allot;

namespace {

template <class Resource>
void conforms_at(secure_level level, std::string name) {
  if (test::mappings_are_slow()) return test::skip(test::takes_hours);
  if (test::emulates_large_pages()) return test::skip(test::addresses_are_few);
  test::expect_conforms(testing::make_subject(
      std::move(name), [level](std::pmr::memory_resource&) { return std::make_unique<Resource>(level); }));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(secure_conforms)

BOOST_AUTO_TEST_CASE(checked) { conforms_at<secure_resource>(secure_level::checked, "checked"); }
BOOST_AUTO_TEST_CASE(hardened) { conforms_at<secure_resource>(secure_level::hardened, "hardened"); }
BOOST_AUTO_TEST_CASE(paranoid) { conforms_at<secure_resource>(secure_level::paranoid, "paranoid"); }
BOOST_AUTO_TEST_CASE(trap) { conforms_at<secure_resource>(secure_level::trap, "trap"); }
BOOST_AUTO_TEST_CASE(synchronized) {
  conforms_at<synchronized_secure_resource>(secure_level::hardened, "synchronized");
}

BOOST_AUTO_TEST_SUITE_END()
