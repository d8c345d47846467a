#define BOOST_TEST_ALTERNATIVE_INIT_API
#define BOOST_TEST_NO_MAIN
#ifdef ALLOT_TEST_BOOST_HEADERS
#include <boost/test/included/unit_test.hpp>
#else
#include <boost/test/unit_test.hpp>
#endif

#include "support/child.hpp"

int main(int argc, char** argv) {
  allot::test::set_program(argc, argv);
  if (allot::test::is_child()) return allot::test::child_main();
  const int code = boost::unit_test::unit_test_main([] { return true; }, argc, argv);
  return code == 0 && allot::test::skipped() ? allot::test::skipped_exit_code : code;
}
