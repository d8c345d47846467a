#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <allot/core/memory_tools.hpp>
#include <allot/os/environment.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "support/child.hpp"

using namespace allot;

namespace {

constexpr const char* variable = "ALLOT_TEST_SAYS";
constexpr int seen = 3;
constexpr int without_lent_rights = 4;

const test::child_program with_lent_rights{"environment_with_lent_rights", [] {
                                             if (::geteuid() == ::getuid()) std::_Exit(without_lent_rights);
                                             if (os::environment_variable(variable) != nullptr) std::_Exit(seen);
                                           }};

}  // namespace

BOOST_AUTO_TEST_SUITE(environment_rights)

BOOST_AUTO_TEST_CASE(says_nothing_to_a_setuid_program) {
  if (::geteuid() != 0) return test::skip("only the superuser can make a program of somebody else");
  if (memory_tools::active() || test::under_thread_sanitizer()) return test::skip("sanitizers want no lent rights");
  if (test::under_emulator()) return test::skip("the emulator is who gets the rights");
  const std::string copy = "environment_test." + std::to_string(::getpid());
  {
    std::ifstream from("/proc/self/exe", std::ios::binary);
    std::ofstream to(copy, std::ios::binary);
    to << from.rdbuf();
  }
  constexpr uid_t nobody = 65534;
  BOOST_REQUIRE(::chown(copy.c_str(), nobody, nobody) == 0);
  BOOST_REQUIRE(::chmod(copy.c_str(), 04755) == 0);
  const std::string command =
      std::string(variable) + "=1 ALLOT_TEST_CHILD=environment_with_lent_rights ./" + copy + " 2>/dev/null";
  const int status = std::system(command.c_str());
  std::remove(copy.c_str());
  BOOST_REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == without_lent_rights) return test::skip("the file system takes no setuid programs");
  BOOST_TEST(WEXITSTATUS(status) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
