#include <allot/os/process_usage.hpp>
#include <allot/os/virtual_memory.hpp>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cstddef>
#include <cstring>

using namespace allot;

BOOST_AUTO_TEST_SUITE(process_usage)

BOOST_AUTO_TEST_CASE(pages_that_are_touched_are_resident_and_were_faults) {
  constexpr std::size_t bytes = std::size_t{32} << 20;
  const os::mapping pages = os::map(bytes, 1, os::access::read_write);
  BOOST_TEST_REQUIRE(bool(pages));
  errno = 7;
  const os::process_usage before = os::usage_of_process();
  BOOST_TEST(errno == 7);
  std::memset(pages.address, 1, bytes);
  const os::process_usage after = os::usage_of_process();
  BOOST_TEST(after.page_faults > before.page_faults);
  if (before.resident != 0) BOOST_TEST(after.resident - before.resident > bytes / 2);
  (void)os::release(pages.address, bytes);
}

BOOST_AUTO_TEST_SUITE_END()
