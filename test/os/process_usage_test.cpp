#include <allot/os/process_usage.hpp>
#include <allot/os/virtual_memory.hpp>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>

#include "support/machine.hpp"

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
  if (!test::under_emulator()) BOOST_TEST(after.page_faults > before.page_faults);
  if (before.resident != 0) BOOST_TEST(after.resident - before.resident > bytes / 2);
  (void)os::release(pages.address, bytes);
}

BOOST_AUTO_TEST_CASE(what_was_freed_goes_back_to_the_system) {
  const auto resident = [] { return os::usage_of_process().resident; };
  std::vector<std::unique_ptr<char[]>> blocks;
  std::vector<std::unique_ptr<char[]>> kept;  // between them, so that they cannot go back by lowering the heap's end
  for (int i = 0; i < 300; ++i) {
    blocks.push_back(std::make_unique<char[]>(100'000));  // too small for mappings of their own
    kept.push_back(std::make_unique<char[]>(5000));
    // Compilers may leave out blocks that nobody looks at.
    for (std::size_t at = 0; at < 100'000; at += 1000) static_cast<volatile char&>(blocks.back()[at]) = 1;
    static_cast<volatile char&>(kept.back()[0]) = 1;
  }
  blocks.clear();
  [[maybe_unused]] const std::size_t before = resident();
  errno = 7;
  os::give_back_free_heap();
  BOOST_TEST(errno == 7);
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  if (before != 0) BOOST_TEST(resident() + (std::size_t{20} << 20) < before);
#endif
}

BOOST_AUTO_TEST_SUITE_END()
