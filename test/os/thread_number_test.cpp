#include <allot/os/thread_number.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <set>
#include <thread>

using namespace allot;

BOOST_AUTO_TEST_SUITE(thread_numbers)

BOOST_AUTO_TEST_CASE(a_thread_keeps_its_number_and_none_has_that_of_one_that_ended) {
  const std::uint64_t mine = os::this_thread_number();
  BOOST_TEST(mine != 0u);
  std::set<std::uint64_t> seen{mine};
  bool kept = true;
  for (int i = 0; i < 20; ++i) {
    std::uint64_t other = 0;
    std::thread([&] {
      other = os::this_thread_number();
      kept = kept && os::this_thread_number() == other;
    }).join();
    BOOST_TEST(seen.insert(other).second);
  }
  BOOST_TEST(kept);
  BOOST_TEST(os::this_thread_number() == mine);
}

BOOST_AUTO_TEST_SUITE_END()
