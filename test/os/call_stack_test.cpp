#if !defined(_WIN32)
#include <dlfcn.h>
#endif

#include <allot/core/checked_size.hpp>
#include <allot/os/call_stack.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "support/worker.hpp"

using namespace allot;

namespace {

/// Captures `depth` calls below the caller. The loop at the end keeps every call a real one.
ALLOT_NEVER_INLINE void capture_below(std::size_t depth, os::call_stack& stack, std::size_t skip) {
  if (depth == 0) {
    stack.capture(skip);
  } else {
    capture_below(depth - 1, stack, skip);
  }
  for (volatile int i = 0; i < 1; i = i + 1) {
  }
}

os::call_stack stack_of(std::size_t depth, std::size_t skip = 0) {
  os::call_stack stack;
  capture_below(depth, stack, skip);
  return stack;
}

os::call_stack within_library;
[[maybe_unused]] int capture_and_compare(const void* a, const void* b) {
  within_library.capture();
  return static_cast<int>(*static_cast<const char*>(a)) - static_cast<int>(*static_cast<const char*>(b));
}

#if !defined(_WIN32)
std::string output_of(const std::string& command) {
  std::string text;
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), &::pclose);
  for (int c = 0; pipe && (c = std::fgetc(pipe.get())) != EOF;) text += static_cast<char>(c);
  return text;
}
#endif

}  // namespace

BOOST_AUTO_TEST_SUITE(call_stacks)

BOOST_AUTO_TEST_CASE(a_stack_begins_with_the_caller_and_goes_outwards) {
  const os::call_stack stack = stack_of(5);
  BOOST_REQUIRE(stack.size() > 6u);
  const auto function = reinterpret_cast<std::uintptr_t>(&capture_below);
  for (std::size_t i = 0; i < 6; ++i) {
    BOOST_TEST(address_of(stack[i]) > function);
    BOOST_TEST(address_of(stack[i]) < function + 500);
  }
  for (std::size_t i = 2; i < 6; ++i) BOOST_TEST(stack[i] == stack[1]);  // the same call
  BOOST_TEST(stack[0] != stack[1]);
}

BOOST_AUTO_TEST_CASE(frames_are_skipped_from_the_inside) {
  const os::call_stack whole = stack_of(5);
  const os::call_stack outer = stack_of(5, 2);
  BOOST_TEST(outer[0] == whole[2]);
  BOOST_TEST(stack_of(5, 1000).size() == 0u);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_left_out_at_the_outside) {
  const os::call_stack stack = stack_of(40);
  BOOST_TEST(stack.size() == os::call_stack::capacity);
  BOOST_TEST(stack[os::call_stack::capacity - 1] == stack[1]);
}

BOOST_AUTO_TEST_CASE(a_new_stack_is_empty) { BOOST_TEST(os::call_stack{}.size() == 0u); }

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(a_line_has_the_file_and_the_place_in_it) {
  const os::call_stack stack = stack_of(1);
  const std::string line(std::string_view(stack.describe(1)));
  BOOST_TEST(line.find("    #1 0x") == 0u, line);
  if (line.back() != ')') return;  // the C library cannot tell safely
  const std::size_t plus = line.rfind('+');
  const std::string place = line.substr(plus + 1, line.size() - plus - 2);
  const std::string path = line.substr(line.find('(') + 1, plus - line.find('(') - 1);
  BOOST_TEST(path[0] == '/', line);
  if (std::system("command -v addr2line >/dev/null") != 0) return;
  const std::string found = output_of("addr2line -Cfe '" + path + "' " + place);
  BOOST_TEST(found.find("capture_below") != std::string::npos, found);
}

BOOST_AUTO_TEST_CASE(functions_of_shared_libraries_are_named) {
  std::array<char, 2> two{'b', 'a'};
  std::qsort(two.data(), two.size(), 1, &capture_and_compare);
  std::size_t named = 0;
  for (std::size_t i = 0; i < within_library.size(); ++i) {
    const std::string line(std::string_view(within_library.describe_with_name(i)));
    Dl_info info{};
    if (::dladdr(within_library[i], &info) == 0 || info.dli_sname == nullptr) continue;
    ++named;
    BOOST_TEST(line.find(" in " + std::string(info.dli_sname).substr(0, 80) + " (") != std::string::npos, line);
  }
  BOOST_TEST(named > 0u);
}
#endif

BOOST_AUTO_TEST_CASE(threads_capture_together) {
  test::in_threads(8, [](std::size_t) {
    for (std::size_t round = 0; round < 300; ++round)
      if (stack_of(round % 20).size() == 0) std::abort();
  });
}

BOOST_AUTO_TEST_SUITE_END()
