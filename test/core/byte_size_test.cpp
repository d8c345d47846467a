#include <allot/core/byte_size.hpp>
#include <allot/core/memory_errc.hpp>
#include <boost/test/unit_test.hpp>
#include <limits>
#include <stdexcept>

using namespace allot;
using namespace allot::literals;

static_assert(64_KiB == 65536 && 2_MiB == (2u << 20) && 1_B == 1, "literals are constant expressions");

BOOST_AUTO_TEST_SUITE(byte_sizes)

BOOST_AUTO_TEST_CASE(literals_scale_and_overflow_throws) {
  BOOST_TEST(1_GiB == (std::size_t{1} << 30));
  if constexpr (sizeof(std::size_t) == 8) BOOST_TEST(1_TiB == (std::size_t{1} << (sizeof(std::size_t) * 5)));
  BOOST_CHECK_THROW(18446744073709551615_KiB, std::overflow_error);
}

BOOST_AUTO_TEST_CASE(sizes_are_read_as_people_write_them) {
  struct row {
    const char* text;
    std::size_t bytes;
  };
  for (const row& r : {row{"0", 0}, row{"4096", 4096}, row{"100B", 100}, row{"64KiB", 65536}, row{"64 kib", 65536},
                       row{"  1 MiB \n", 1u << 20}, row{"2GIB", std::size_t{2} << 30}}) {
    const parsed_byte_size parsed = parse_byte_size(r.text);
    BOOST_TEST(!!parsed, r.text);
    BOOST_TEST(parsed.bytes == r.bytes, r.text);
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_size_is_refused_with_the_reason) {
  for (const char* text : {"", " ", "KiB", "-1", "+1", "1.5MiB", "1kB", "1MB", "64KiBs", "1 2", "0x10", "1e3",
                           "99999999999999999999999zz"})
    BOOST_TEST((parse_byte_size(text).error == memory_errc::invalid_size), text);
  for (const char* text :
       {"18446744073709551616", "99999999999999999999999", "18014398509481984KiB", "18446744073709551615TiB"})
    BOOST_TEST((parse_byte_size(text).error == memory_errc::size_overflow), text);
}

BOOST_AUTO_TEST_CASE(what_is_formatted_reads_back_as_the_same) {
  BOOST_TEST(format_byte_size(65536) == "64KiB");
  BOOST_TEST(format_byte_size(100) == "100B");
  BOOST_TEST(format_byte_size(0) == "0B");
  BOOST_TEST(format_byte_size(1536) == "1536B");
  for (std::size_t bytes :
       {std::size_t{1}, std::size_t{1023}, std::size_t{1} << 30, std::numeric_limits<std::size_t>::max()})
    BOOST_TEST(parse_byte_size(format_byte_size(bytes)).bytes == bytes);
}

BOOST_AUTO_TEST_SUITE_END()
