#include <allot/testing/counting_resource.hpp>
#include <allot/testing/default_resource_guard.hpp>
#include <allot/testing/failing_resource.hpp>
#include <allot/testing/trap_resource.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <string>
#include <thread>

#include "support/child.hpp"

using namespace allot;
using namespace allot::testing;

BOOST_AUTO_TEST_SUITE(instruments)

BOOST_AUTO_TEST_CASE(counting_counts_what_goes_out_and_comes_back) {
  counting_resource counting;
  void* a = counting.allocate(100, 16);
  void* b = counting.allocate(50, 8);
  counting.deallocate(a, 100, 16);
  BOOST_TEST(counting.allocations() == 2u);
  BOOST_TEST(counting.deallocations() == 1u);
  BOOST_TEST(counting.live_blocks() == 1u);
  BOOST_TEST(counting.live_bytes() == 50u);
  BOOST_TEST(counting.peak_bytes() == 150u);
  BOOST_TEST(counting.total_bytes() == 150u);
  BOOST_TEST(counting.owns(static_cast<char*>(b) + 49));
  BOOST_TEST(!counting.owns(static_cast<char*>(b) + 50));
  counting.deallocate(b, 50, 8);
  BOOST_TEST(counting.calls().size() == 4u);
  BOOST_TEST((counting.live() == counting_resource::summary{}));
  BOOST_TEST(counting.mismatches().empty());
}

BOOST_AUTO_TEST_CASE(counting_reports_wrong_sizes_alignments_and_pointers_and_survives_them) {
  counting_resource counting;
  char other = 0;
  void* a = counting.allocate(100, 16);
  counting.deallocate(&other, 1, 1);
  counting.deallocate(a, 99, 8);
  BOOST_TEST(counting.mismatches().size() == 2u);
  BOOST_TEST(counting.mismatches().back().find("allocated as 100 bytes aligned to 16") != std::string::npos);
  BOOST_TEST(counting.live_blocks() == 0u);
  counting.deallocate(a, 100, 16);
  BOOST_TEST(counting.mismatches().size() == 3u);
}

BOOST_AUTO_TEST_CASE(counting_refuses_more_than_its_limit_and_counts_nothing) {
  counting_resource counting(std::pmr::new_delete_resource(), 1000);
  BOOST_CHECK_THROW((void)counting.allocate(1001), std::bad_alloc);
  failing_resource failing;
  counting_resource above(&failing);
  failing.fail_at(1);
  BOOST_CHECK_THROW((void)above.allocate(10), injected_failure);
  BOOST_TEST(counting.allocations() + above.allocations() == 0u);
  BOOST_TEST(above.calls().empty());
  BOOST_TEST(above.live_blocks() == 0u);
}

BOOST_AUTO_TEST_CASE(counting_may_be_used_from_several_threads) {
  counting_resource counting;
  const auto work = [&] {
    for (int i = 0; i < 500; ++i) counting.deallocate(counting.allocate(16, 8), 16, 8);
  };
  std::thread other(work);
  work();
  other.join();
  BOOST_TEST(counting.allocations() == 1000u);
  BOOST_TEST(counting.live_blocks() == 0u);
}

BOOST_AUTO_TEST_CASE(failing_fails_the_request_it_was_told_to_once_or_from_then_on) {
  failing_resource failing;
  failing.fail_at(2);
  void* a = failing.allocate(1);
  BOOST_CHECK_THROW((void)failing.allocate(1), injected_failure);
  BOOST_TEST(failing.fired());
  void* b = failing.allocate(1);
  BOOST_TEST(failing.requests() == 3u);
  failing.fail_at(1, failing_resource::rule::from_then_on);
  BOOST_CHECK_THROW((void)failing.allocate(1), injected_failure);
  BOOST_CHECK_THROW((void)failing.allocate(1), injected_failure);
  failing.fail_at(0);
  failing.deallocate(a, 1);
  failing.deallocate(b, 1);
}

BOOST_AUTO_TEST_CASE(the_exception_loop_fails_each_request_once) {
  failing_resource failing;
  int thrown = 0;
  const std::size_t failures = for_each_failure(failing, [&] {
    try {
      std::pmr::string one(100, 'x', &failing);
      std::pmr::string two(100, 'x', &failing);
    } catch (const injected_failure&) {
      ++thrown;
    }
  });
  BOOST_TEST(failures == 2u);
  BOOST_TEST(thrown == 2);
}

BOOST_AUTO_TEST_CASE(a_trap_as_default_resource_shows_who_falls_back_to_it) {
  trap_resource trap;
  {
    const default_resource_guard guard(trap);
    BOOST_CHECK_THROW(std::pmr::string(100, 'x'), trap_sprung);
  }
  BOOST_TEST(trap.uses() == 1u);
  BOOST_TEST((std::pmr::get_default_resource() == std::pmr::new_delete_resource()));
}

BOOST_AUTO_TEST_CASE(a_sprung_trap_says_what_was_asked_for_and_where) {
  trap_resource trap;
  BOOST_CHECK_EXCEPTION((void)trap.allocate(40, 16), trap_sprung, [](const trap_sprung& sprung) {
    const std::string what = sprung.what();
    return sprung.bytes() == 40 && sprung.alignment() == 16 && what.find("40 bytes aligned to 16") != what.npos &&
           sprung.where().size() > 1;
  });
}

void use_a_telling_trap() {
  counting_resource counting;
  trap_resource trap({&counting, 2});
  for (const std::size_t bytes : {100U, 200U, 300U}) trap.deallocate(trap.allocate(bytes, 8), bytes, 8);
  std::exit(trap.uses() == 3 && counting.allocations() == 3 && counting.live_blocks() == 0 ? 0 : 1);
}

const test::child_program telling_trap{"telling_trap", use_a_telling_trap};

BOOST_AUTO_TEST_CASE(a_trap_that_serves_tells_requests_with_their_calls_until_enough_are_told) {
  const auto outcome = test::run_child("telling_trap");
  BOOST_TEST(outcome.exit_code == 0);
  BOOST_TEST(outcome.says("asked for 100 bytes aligned to 8\n    #0 0x"), outcome.output);
  BOOST_TEST(outcome.says("asked for 200 bytes"));
  BOOST_TEST(!outcome.says("asked for 300 bytes"));
}

BOOST_AUTO_TEST_SUITE_END()
