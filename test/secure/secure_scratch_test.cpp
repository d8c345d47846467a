#include <algorithm>
#include <allot/core/allocation_error.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/os/virtual_memory.hpp>
#include <allot/secure/secure_scratch.hpp>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <memory_resource>
#include <vector>

#include "support/access.hpp"
#include "support/child.hpp"
#include "support/conforms.hpp"
#include "support/misuse_watch.hpp"

using namespace allot;

namespace {

constexpr std::size_t secret_bytes = 10000;

secure_scratch_options at_level(secure_level level) {
  secure_scratch_options options;
  options.level = level;
  return options;
}

/// Writes a secret in a scope, ends it, and touches the place.
void read_behind_the_end(secure_level level) {
  secure_scratch temporary{at_level(level)};
  volatile unsigned char* secret = nullptr;
  {
    const secure_scratch::scope inner(temporary);
    secret = static_cast<volatile unsigned char*>(temporary.allocate(secret_bytes, 1));
    std::memset(const_cast<unsigned char*>(secret), 0x5e, secret_bytes);
  }
  if (secret[secret_bytes - 1] != 0) std::abort();
}

const test::child_program paranoid_end{"scratch_read_behind_the_end",
                                       [] { read_behind_the_end(secure_level::paranoid); }};
const test::child_program before_start{"scratch_write_before_the_start", [] {
                                         secure_scratch temporary;
                                         static_cast<volatile char*>(temporary.allocate(1, 1))[-1] = 1;
                                       }};
const test::child_program past_end{"scratch_write_past_the_end", [] {
                                     secure_scratch temporary;
                                     volatile char* const p = static_cast<volatile char*>(temporary.allocate(1, 1));
                                     p[secure_scratch_options{}.bytes] = 1;
                                   }};

}  // namespace

BOOST_AUTO_TEST_SUITE(secure_scratch_memory)

BOOST_AUTO_TEST_CASE(it_keeps_the_promises_of_resources) {
  for (const secure_level level : {secure_level::hardened, secure_level::trap}) {
    secure_scratch_options options = at_level(level);
    options.bytes = std::size_t{4} << 20;
    test::expect_conforms(testing::make_subject(
        "secure_scratch", [options](std::pmr::memory_resource&) { return std::make_unique<secure_scratch>(options); },
        options.bytes));
  }
}

BOOST_AUTO_TEST_CASE(what_a_scope_held_is_zero_at_its_end) {
  if (memory_tools::active()) return test::skip("what is not handed out cannot be read under a memory tool");
  secure_scratch temporary;
  auto* const kept = static_cast<unsigned char*>(temporary.allocate(3, 1));
  std::memset(kept, 0x11, 3);
  const unsigned char* secret = nullptr;
  {
    const secure_scratch::scope inner(temporary);
    auto* const p = static_cast<unsigned char*>(temporary.allocate(secret_bytes, 1));
    std::memset(p, 0x5e, secret_bytes);
    secret = p;
    BOOST_TEST(temporary.usage().used == secret_bytes + 3);
  }
  BOOST_TEST((std::all_of(secret, secret + secret_bytes, [](unsigned char each) { return each == 0; })));
  BOOST_TEST(kept[2] == 0x11);
  BOOST_TEST(temporary.usage().used == 3u);
  BOOST_TEST(temporary.check());
}

BOOST_AUTO_TEST_CASE(at_paranoid_and_trap_what_a_scope_held_is_inaccessible) {
  const auto outcome = test::run_child("scratch_read_behind_the_end");
  BOOST_TEST((outcome.faulted() || outcome.says("use-after-poison")), outcome.output);
  for (const secure_level level : {secure_level::paranoid, secure_level::trap}) {
    secure_scratch temporary{at_level(level)};
    for (int round = 0; round < 3; ++round) {
      const secure_scratch::scope inner(temporary);
      std::memset(temporary.allocate(secret_bytes, 1), 0x5e, secret_bytes);
    }
    BOOST_TEST(temporary.usage().committed == 0u);
  }
}

BOOST_AUTO_TEST_CASE(guards_stand_before_and_behind) {
  BOOST_TEST(test::run_child("scratch_write_before_the_start").faulted());
  BOOST_TEST(test::run_child("scratch_write_past_the_end").faulted());
}

BOOST_AUTO_TEST_CASE(a_block_is_wiped_when_it_is_freed) {
  if (memory_tools::active()) return test::skip("what is not handed out cannot be read under a memory tool");
  secure_scratch temporary;
  auto* const first = static_cast<unsigned char*>(temporary.allocate(100, 1));
  auto* const second = static_cast<unsigned char*>(temporary.allocate(100, 1));
  std::memset(first, 0x5e, 200);
  temporary.deallocate(first, 100, 1);
  BOOST_TEST(first[50] == 0);
  BOOST_TEST(second[50] == 0x5e);
  temporary.deallocate(second, 100, 1);
  BOOST_TEST(second[50] == 0);
  BOOST_TEST(temporary.usage().used == 100u);
}

BOOST_AUTO_TEST_CASE(containers_work_in_it) {
  secure_scratch temporary;
  const secure_scratch::scope inner(temporary);
  std::pmr::vector<int> numbers(&temporary);
  for (int i = 0; i < 1000; ++i) numbers.push_back(i);
  BOOST_TEST(numbers[999] == 999);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused_with_the_limit) {
  secure_scratch temporary;
  BOOST_CHECK_EXCEPTION(
      temporary.allocate(secure_scratch_options{}.bytes + 1), allocation_error, [](const auto& error) {
        return error.code() == memory_errc::limit_reached && error.limit() == secure_scratch_options{}.bytes;
      });
}

BOOST_AUTO_TEST_CASE(a_scope_that_ends_before_an_inner_one_is_reported) {
  const test::misuse_watch watch;
  secure_scratch temporary;
  auto outer = std::make_unique<secure_scratch::scope>(temporary);
  auto inner = std::make_unique<secure_scratch::scope>(temporary);
  outer.reset();
  BOOST_TEST(watch.only(misuse_kind::stale_mark));
  inner.reset();
  BOOST_TEST(watch.only(misuse_kind::stale_mark));
}

BOOST_AUTO_TEST_CASE(a_pointer_from_elsewhere_is_reported) {
  const test::misuse_watch watch;
  secure_scratch temporary;
  (void)temporary.allocate(10);
  int local = 0;
  temporary.deallocate(&local, sizeof local, alignof(int));
  BOOST_TEST(watch.only(misuse_kind::foreign_pointer));
}

BOOST_AUTO_TEST_SUITE_END()
