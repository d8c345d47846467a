#include "command/moment.hpp"

#include <boost/test/unit_test.hpp>
#include <stdexcept>
#include <string>

using allot::tool::moment;

BOOST_AUTO_TEST_SUITE(moments)

BOOST_AUTO_TEST_CASE(all_forms_are_understood) {
  const auto is = [](const char* text, moment::by what, std::uint64_t number, double part = 0) {
    const moment made = moment::from(text);
    BOOST_TEST((made.what == what), text);
    BOOST_TEST(made.number == number, text);
    BOOST_TEST(made.part == part, text);
  };
  is("peak", moment::by::peak, 0);
  is("end", moment::by::end, 0);
  is("0", moment::by::order, 0);
  is("1234", moment::by::order, 1234);
  is("50%", moment::by::part, 0, 0.5);
  is("12.5%", moment::by::part, 0, 0.125);
  is("1.5s", moment::by::time, 1500000000);
  is("20ms", moment::by::time, 20000000);
  is("3us", moment::by::time, 3000);
  is(".5us", moment::by::time, 500);
  is("100ns", moment::by::time, 100);
  is("18446744073709551615", moment::by::order, ~std::uint64_t{0});
  is("9999999999999999999s", moment::by::time, ~std::uint64_t{0});
}

BOOST_AUTO_TEST_CASE(anything_else_is_refused_and_quoted) {
  for (const char* text : {"", "x", "-1", "+1", "1.5", "101%", "1e3", "%", "s", ".", "1..2s", "5 ms", "5m", "0x10",
                           "9999999999999999999999999999999", "peaks", "\x1b[31m"})
    BOOST_CHECK_THROW((void)moment::from(text), std::invalid_argument);
  try {
    (void)moment::from("a\nb");
  } catch (const std::invalid_argument& error) {
    BOOST_TEST(std::string(error.what()).find("\"a?b\"") != std::string::npos);
  }
}

BOOST_AUTO_TEST_SUITE_END()
