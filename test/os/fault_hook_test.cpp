#include <allot/os/fault_hook.hpp>
#include <boost/test/unit_test.hpp>
#include <optional>
#include <thread>
#include <vector>

#include "os/fault_hooks.hpp"
#include "support/child.hpp"

using namespace allot;
using test::first_name;
using test::hook_calls;
using test::inaccessible_page;
using test::second_name;
using test::tell;
using test::touch;

namespace {

const test::child_program fault_child{"fault_hook_fault", [] {
                                        const os::fault_hook first(&tell, first_name);
                                        const os::fault_hook second(&tell, second_name);
                                        touch(inaccessible_page());
                                      }};
const test::child_program removed_child{"fault_hook_removed", [] {
                                          std::optional<os::fault_hook> first(std::in_place, &tell, first_name);
                                          const os::fault_hook second(&tell, second_name);
                                          first.reset();
                                          touch(inaccessible_page());
                                        }};
const test::child_program all_removed_child{"fault_hook_all_removed", [] {
                                              { const os::fault_hook first(&tell, first_name); }
                                              touch(inaccessible_page());
                                            }};

}  // namespace

BOOST_AUTO_TEST_SUITE(fault_hooks)

BOOST_AUTO_TEST_CASE(every_hook_is_called_with_the_address_and_the_program_ends_as_without) {
  const auto outcome = test::run_child("fault_hook_fault");
  BOOST_TEST(outcome.faulted());
  BOOST_TEST(outcome.says("the first hook\n"));
  BOOST_TEST(outcome.says("the second hook\nat the address expected\n"));
}

BOOST_AUTO_TEST_CASE(hooks_that_are_gone_are_not_called) {
  const auto one_left = test::run_child("fault_hook_removed");
  BOOST_TEST(one_left.faulted());
  BOOST_TEST(!one_left.says("the first hook"));
  BOOST_TEST(one_left.says("the second hook"));
  const auto none_left = test::run_child("fault_hook_all_removed");
  BOOST_TEST(none_left.faulted());
  BOOST_TEST(!none_left.says("the first hook"));
}

BOOST_AUTO_TEST_CASE(threads_make_and_destroy_hooks_together) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([] {
      for (int round = 0; round < 500; ++round) {
        const os::fault_hook one(&tell, first_name);
        const os::fault_hook two(&tell, second_name);
      }
    });
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(hook_calls == 0);
}

BOOST_AUTO_TEST_SUITE_END()
