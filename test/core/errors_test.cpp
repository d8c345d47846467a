#include <allot/core/allocation_error.hpp>
#include <allot/core/memory_errc.hpp>
#include <allot/os/virtual_memory.hpp>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <set>
#include <string>
#include <type_traits>

using namespace allot;

static_assert(std::is_base_of_v<std::bad_alloc, allocation_error>);
static_assert(std::is_nothrow_copy_constructible_v<allocation_error> &&
              std::is_nothrow_copy_assignable_v<allocation_error>);

BOOST_AUTO_TEST_SUITE(errors)

BOOST_AUTO_TEST_CASE(every_code_has_a_one_line_message_of_its_own_and_a_longer_hint) {
  std::set<std::string> seen;
  for (int code = 0; code <= 17; ++code) {
    const std::string text{message(static_cast<memory_errc>(code))};
    const std::string more{hint(static_cast<memory_errc>(code))};
    BOOST_TEST(!text.empty());
    BOOST_TEST(text.find('\n') == std::string::npos);
    BOOST_TEST(seen.insert(text).second, text);
    BOOST_TEST((code == 0 || more.size() > text.size()), text);
    BOOST_TEST(memory_category().message(code) == text);
  }
}

BOOST_AUTO_TEST_CASE(a_number_that_is_no_code_gets_a_text_too) {
  for (int code : {-1, 18, 1000}) {
    BOOST_TEST(message(static_cast<memory_errc>(code)) == "unknown memory error");
    BOOST_TEST(!hint(static_cast<memory_errc>(code)).empty());
    BOOST_TEST(memory_category().message(code) == "unknown memory error");
  }
}

BOOST_AUTO_TEST_CASE(codes_work_as_std_error_codes) {
  const std::error_code code = memory_errc::out_of_memory;
  BOOST_TEST((code == std::errc::not_enough_memory));
  BOOST_TEST((code.category() == memory_category()));
  BOOST_TEST((std::error_code(memory_errc::lock_limit) == std::errc::not_enough_memory));
  BOOST_TEST((std::error_code(memory_errc::permission_denied) == std::errc::permission_denied));
  BOOST_TEST((std::error_code(memory_errc::limit_reached) != std::errc::not_enough_memory));
  BOOST_TEST(!std::error_code(memory_errc::success));
}

BOOST_AUTO_TEST_CASE(os_codes_map_as_the_table_says) {
  struct row {
    int os;
    memory_errc ours;
  };
#if defined(_WIN32)
  for (const row& r : {row{0, memory_errc::success}, row{8, memory_errc::out_of_memory},
                       row{14, memory_errc::out_of_memory}, row{1455, memory_errc::out_of_memory},
                       row{487, memory_errc::invalid_address}, row{87, memory_errc::invalid_address},
                       row{534, memory_errc::size_overflow}, row{5, memory_errc::permission_denied},
                       row{1314, memory_errc::permission_denied}, row{50, memory_errc::not_supported},
                       row{1117, memory_errc::platform_error}, row{-5, memory_errc::platform_error}})
#else
  for (const row& r :
       {row{0, memory_errc::success}, row{ENOMEM, memory_errc::out_of_memory}, row{EAGAIN, memory_errc::out_of_memory},
        row{EEXIST, memory_errc::address_in_use}, row{EINVAL, memory_errc::invalid_address},
        row{EFAULT, memory_errc::invalid_address}, row{EOVERFLOW, memory_errc::size_overflow},
        row{EPERM, memory_errc::permission_denied}, row{EACCES, memory_errc::permission_denied},
        row{ENOSYS, memory_errc::not_supported}, row{ENOTSUP, memory_errc::not_supported},
        row{EIO, memory_errc::platform_error}, row{-5, memory_errc::platform_error}})
#endif
    BOOST_TEST((os::to_memory_errc(r.os) == r.ours), "os code " << r.os);
}

BOOST_AUTO_TEST_CASE(an_error_says_who_what_how_much_and_why) {
  const allocation_error error({memory_errc::limit_reached, "orders", 100, 16, 64, 12});
  const std::string what = error.what();
  for (const char* part : {"orders", "100 bytes", "aligned to 16", "limit reached", "limit 64", "system error 12"})
    BOOST_TEST(what.find(part) != std::string::npos, what);
  BOOST_TEST((error.code() == memory_errc::limit_reached));
  BOOST_TEST(error.bytes() == 100u);
  BOOST_TEST(error.alignment() == 16u);
  BOOST_TEST(error.limit() == 64u);
  BOOST_TEST(error.os_code() == 12);
}

BOOST_AUTO_TEST_CASE(an_error_outlives_the_names_it_was_made_from_and_cuts_long_ones) {
  allocation_error copy({});
  {
    const std::string name(1000, 'x');
    const allocation_error error({memory_errc::out_of_memory, name, 1});
    copy = error;
  }
  BOOST_TEST(copy.resource_name() == std::string(31, 'x'));
  BOOST_TEST(std::string(copy.what()).find("out of memory") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
