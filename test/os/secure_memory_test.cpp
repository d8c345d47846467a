#include <algorithm>
#include <allot/os/secure_memory.hpp>
#include <array>
#include <boost/test/unit_test.hpp>

using namespace allot;

BOOST_AUTO_TEST_SUITE(secure_memory)

BOOST_AUTO_TEST_CASE(zero_and_fill_touch_exactly_their_bytes) {
  std::array<unsigned char, 64> bytes{};
  os::secure_fill(bytes.data(), 0x5a, bytes.size());
  BOOST_TEST(std::all_of(bytes.begin(), bytes.end(), [](unsigned char byte) { return byte == 0x5a; }));
  os::secure_zero(bytes.data() + 8, 16);
  BOOST_TEST(bytes[7] == 0x5au);
  BOOST_TEST(std::all_of(bytes.begin() + 8, bytes.begin() + 24, [](unsigned char byte) { return byte == 0; }));
  BOOST_TEST(bytes[24] == 0x5au);
}

BOOST_AUTO_TEST_CASE(nothing_and_null_are_harmless) {
  os::secure_zero(nullptr, 0);
  os::secure_fill(nullptr, 1, 0);
  unsigned char byte = 7;
  os::secure_zero(&byte, 0);
  BOOST_TEST(byte == 7u);
}

BOOST_AUTO_TEST_SUITE_END()
