#include <allot/os/entropy.hpp>
#include <allot/os/failure_injection.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cstddef>
#include <set>
#include <vector>

#include "support/bytes.hpp"

using namespace allot;

BOOST_AUTO_TEST_SUITE(entropy)

BOOST_AUTO_TEST_CASE(random_bytes_are_not_the_same_twice) {
  std::set<std::array<unsigned char, 16>> seen;
  for (int i = 0; i < 100; ++i) {
    std::array<unsigned char, 16> bytes{};
    BOOST_TEST(!!os::entropy(bytes.data(), bytes.size()));
    BOOST_TEST(seen.insert(bytes).second);
  }
}

BOOST_AUTO_TEST_CASE(every_byte_asked_for_is_random_and_no_other_changes) {
  std::vector<unsigned char> bytes(100000 + 2, 0x5a);
  BOOST_TEST(!!os::entropy(bytes.data() + 1, bytes.size() - 2));
  BOOST_TEST(bytes.front() == 0x5au);
  BOOST_TEST(bytes.back() == 0x5au);
  std::array<int, 256> counts{};
  for (std::size_t i = bytes.size() / 2; i < bytes.size(); ++i) ++counts[bytes[i]];  // the end as well as the start
  for (const int count : counts) {
    BOOST_TEST(count > 195 - 112);  // eight deviations
    BOOST_TEST(count < 195 + 112);
  }
}

BOOST_AUTO_TEST_CASE(no_bytes_at_null_are_harmless) { BOOST_TEST(!!os::entropy(nullptr, 0)); }

BOOST_AUTO_TEST_CASE(a_failure_is_told_and_leaves_zero) {
  std::array<unsigned char, 64> bytes;
  bytes.fill(0x5a);
  errno = 4711;
  const os::failure_injection injection(1, os::os_call::entropy);
  const os::status outcome = os::entropy(bytes.data(), bytes.size());
  BOOST_TEST((outcome.error == memory_errc::platform_error));
  BOOST_TEST(outcome.os_code != 0);
  BOOST_TEST(test::all_are(bytes.data(), bytes.size(), 0));
  BOOST_TEST(errno == 4711);
}

BOOST_AUTO_TEST_SUITE_END()
