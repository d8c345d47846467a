#if !defined(_WIN32)
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <allot/block/guarded_pages.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/os/memory_limits.hpp>
#include <allot/secure/safe_buffer.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "support/access.hpp"
#include "support/bytes.hpp"
#include "support/child.hpp"
#include "support/machine.hpp"
#include "support/misuse_watch.hpp"
#include "support/with_code.hpp"

using namespace allot;
using os::failure_injection;
using os::os_call;
using test::misuse_watch;

namespace {

const std::size_t page = os::facts().page_size;

safe_buffer_options only(wish lock, wish no_dump, fork_policy fork) {
  safe_buffer_options options;
  options.lock = lock;
  options.no_dump = no_dump;
  options.fork = fork;
  return options;
}
safe_buffer_options plain() { return only(wish::none, wish::none, fork_policy::inherit); }
safe_buffer_options aligned_to(std::size_t alignment) {
  safe_buffer_options options = plain();
  options.alignment = alignment;
  return options;
}
safe_buffer_options forked_as(fork_policy policy) { return only(wish::none, wish::none, policy); }

void write_over(unsigned char* p) {
  memory_tools::unpoison(p, 1);  // unseen by a tool that watches
  volatile unsigned char& byte = *p;
  byte = static_cast<unsigned char>(byte + 1);
}

bool has_flag(const void* p, const char* flag) {
  return (std::string(test::map_flags(p)) + " ").find(" " + std::string(flag) + " ") != std::string::npos;
}
bool system_tells_flags() { return *test::map_flags(&page) != 0; }
bool has_extras() {
  const safe_buffer buffer(1, forked_as(fork_policy::wipe));
  return buffer.fork() == fork_policy::wipe;
}

/// Sanitizers add mappings of their own.
bool counts_maps() { return !memory_tools::active() && !test::under_thread_sanitizer(); }

#if !defined(_WIN32)
/// Forks; what `work` says of the child.
template <class Work>
bool in_fork(Work work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work() ? 0 : 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void set_lock_limit(std::size_t bytes) {
  const rlimit limit{bytes, bytes};
  ::setrlimit(RLIMIT_MEMLOCK, &limit);
  test::drop_privileges();
}
#endif

void touch(const unsigned char* p) { (void)*const_cast<const volatile unsigned char*>(p); }

const test::child_program write_behind{"safe_buffer_write_behind", [] {
                                         safe_buffer buffer(100);
                                         *const_cast<volatile unsigned char*>(buffer.data() + 100) = 1;
                                       }};
const test::child_program read_behind{"safe_buffer_read_behind", [] {
                                        const safe_buffer buffer(3 * page);
                                        touch(buffer.end());
                                      }};
const test::child_program write_far_before{"safe_buffer_write_far_before", [] {
                                             safe_buffer buffer(100);
                                             *const_cast<volatile unsigned char*>(buffer.end() - page - 1) = 1;
                                           }};
const test::child_program read_hidden{"safe_buffer_read_hidden", [] {
                                        safe_buffer buffer(100);
                                        buffer.protect(safe_buffer::access::none);
                                        touch(buffer.data());
                                      }};
const test::child_program write_constant{"safe_buffer_write_constant", [] {
                                           safe_buffer buffer(100);
                                           buffer.protect(safe_buffer::access::read);
                                           touch(buffer.data());
                                           *const_cast<volatile unsigned char*>(buffer.data()) = 1;
                                         }};
const test::child_program damaged_end{"safe_buffer_damaged_at_its_end", [] {
                                        safe_buffer_options options;
                                        options.name = "api key";
                                        const safe_buffer buffer(100, options);
                                        write_over(const_cast<unsigned char*>(buffer.data()) - 1);
                                      }};
#if !defined(_WIN32)
const test::child_program denied_touched{"safe_buffer_denied_to_a_child", [] {
                                           safe_buffer buffer(100, forked_as(fork_policy::deny));
                                           if (buffer.fork() != fork_policy::deny) std::exit(77);
                                           int status = 0;
                                           const pid_t child = ::fork();
                                           if (child == 0) {
                                             touch(buffer.data());
                                             ::_exit(0);
                                           }
                                           ::waitpid(child, &status, 0);
                                           std::exit(WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 1 : 0);
                                         }};
const test::child_program lock_beyond_limit{
    "safe_buffer_lock_beyond_the_limit", [] {
      set_lock_limit(2 * page);
      const safe_buffer first(1, only(wish::require, wish::none, fork_policy::inherit));
      if (!first.locked()) std::exit(1);
      const std::size_t maps = test::map_count();
      try {
        const safe_buffer second(2 * page, only(wish::require, wish::none, fork_policy::inherit));
      } catch (const allocation_error& error) {
        if (counts_maps() && test::map_count() > maps) std::exit(2);
        if (error.code() != memory_errc::lock_limit || error.limit() != 2 * page || error.os_code() == 0) std::exit(3);
        const safe_buffer attempt(2 * page);
        std::exit(attempt.locked() || attempt.empty() ? 4 : 0);
      }
      std::exit(5);
    }};
const test::child_program no_locks_at_all{
    "safe_buffer_no_locks_at_all", [] {
      set_lock_limit(0);
      if (safe_buffer(1).locked()) std::exit(1);
      try {
        const safe_buffer buffer(1, only(wish::require, wish::none, fork_policy::inherit));
      } catch (const allocation_error& error) {
        const bool says = std::string(error.what()).find("may lock no more memory") != std::string::npos;
        std::exit(error.code() == memory_errc::lock_limit && says ? 0 : 2);
      }
      std::exit(3);
    }};
#endif

}  // namespace

BOOST_AUTO_TEST_SUITE(safe_buffers)

BOOST_AUTO_TEST_CASE(a_buffer_is_zero_and_lies_against_the_guard_behind_it_as_closely_as_its_alignment_lets_it) {
  for (const std::size_t alignment : {std::size_t{1}, std::size_t{2}, std::size_t{16}, std::size_t{64}, page}) {
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{15}, std::size_t{16}, std::size_t{33}, page - 17,
                                    page - 16, page - 15, page - 1, page, page + 1, 3 * page - 16}) {
      safe_buffer buffer(bytes, aligned_to(alignment));
      BOOST_TEST(buffer.size() == bytes);
      BOOST_TEST(is_aligned(buffer.data(), alignment));
      BOOST_TEST(test::all_are(buffer.data(), bytes, 0));
      unsigned char* const guard = buffer.data() + align_up(bytes, alignment);
      BOOST_TEST(is_aligned(guard, page));
      BOOST_TEST(!test::readable(guard));
      unsigned char* const first = buffer.data() - 16 - (address_of(buffer.data() - 16) & (page - 1));
      memory_tools::unpoison(first, 1);
      BOOST_TEST(test::readable(first));
      BOOST_TEST(!test::readable(first - 1));
      std::fill(buffer.begin(), buffer.end(), static_cast<unsigned char>(0x5a));
      BOOST_TEST(buffer.check());
    }
  }
}

BOOST_AUTO_TEST_CASE(no_bytes_make_an_empty_buffer_which_is_harmless) {
  const failure_injection counted(0, os_call::any | os_call::entropy | os_call::lock);
  safe_buffer buffer(0);
  BOOST_TEST(buffer.empty());
  BOOST_TEST(buffer.data() == nullptr);
  BOOST_TEST((buffer.begin() == buffer.end()));
  BOOST_TEST(buffer.check());
  BOOST_TEST(buffer.equals(nullptr, 0));
  BOOST_TEST(!!buffer.fill_random());
  BOOST_TEST(!buffer.locked());
  buffer.protect(safe_buffer::access::none);
  buffer.release();
  buffer.release();
  BOOST_TEST(counted.calls() == 0u);
}

BOOST_AUTO_TEST_CASE(sizes_beyond_the_address_space_are_refused) {
  for (const std::size_t bytes : {~std::size_t{0}, ~std::size_t{0} - 15, ~std::size_t{0} - page, max_object_bytes})
    BOOST_CHECK_EXCEPTION(safe_buffer{bytes}, allocation_error, test::with_code(memory_errc::size_overflow));
}

BOOST_AUTO_TEST_CASE(alignments_that_cannot_be_met_are_refused) {
  BOOST_CHECK_EXCEPTION(safe_buffer(1, aligned_to(2 * page)), allocation_error,
                        test::with_code(memory_errc::invalid_alignment));
  const misuse_watch watch;
  for (const std::size_t alignment : {std::size_t{0}, std::size_t{3}})
    BOOST_CHECK_EXCEPTION(safe_buffer(1, aligned_to(alignment)), allocation_error,
                          test::with_code(memory_errc::invalid_alignment));
  BOOST_TEST(watch.only(misuse_kind::invalid_alignment, 2));
}

BOOST_AUTO_TEST_CASE(going_beyond_either_end_faults) {
  for (const char* child : {"safe_buffer_write_behind", "safe_buffer_read_behind", "safe_buffer_write_far_before"}) {
    const test::child_outcome outcome = test::run_child(child);
    BOOST_TEST(outcome.faulted(), child << ": " << outcome.output);
  }
}

BOOST_AUTO_TEST_CASE(every_byte_around_a_buffer_is_looked_at) {
  safe_buffer buffer(13, aligned_to(8));
  const misuse_watch watch;
  for (unsigned char* byte = buffer.end() + 3 - page; byte != buffer.end() + 3; ++byte) {
    if (byte == buffer.data()) byte += 13;
    write_over(byte);
    BOOST_TEST(!buffer.check());
    BOOST_TEST(watch.only(byte < buffer.data() ? misuse_kind::underrun : misuse_kind::overrun));
    memory_tools::unpoison(byte, 1);
    *byte = static_cast<unsigned char>(*byte - 1);
    BOOST_TEST(buffer.check());
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(damage_is_found_by_whatever_ends_the_chance_to_find_it) {
  const misuse_watch watch;
  {
    safe_buffer buffer(100, plain());
    write_over(buffer.data() - 1);
    buffer.protect(safe_buffer::access::read);
    BOOST_TEST(watch.count() == 1u);
    BOOST_TEST(watch[0].address == buffer.data());
    BOOST_TEST(watch[0].claimed == 100u);
    BOOST_TEST(watch[0].resource == "safe_buffer");
    BOOST_TEST(watch.only(misuse_kind::underrun));
    buffer.release();
    BOOST_TEST(watch.only(misuse_kind::underrun));
  }
  {
    safe_buffer buffer(100, plain());
    write_over(buffer.data() - 16);
  }
  BOOST_TEST(watch.only(misuse_kind::underrun));
  safe_buffer buffer(100, plain());
  write_over(buffer.data() - 5);
  buffer = safe_buffer(10, plain());
  BOOST_TEST(watch.only(misuse_kind::underrun));
}

BOOST_AUTO_TEST_CASE(damage_found_at_the_end_stops_the_program_and_names_the_buffer) {
  const test::child_outcome outcome = test::run_child("safe_buffer_damaged_at_its_end");
  BOOST_TEST(outcome.aborted(), outcome.output);
  BOOST_TEST(outcome.says("api key: written before the start of a block"), outcome.output);
}

BOOST_AUTO_TEST_CASE(no_two_buffers_have_the_same_canary) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const safe_buffer buffer(16, plain());
    memory_tools::unpoison(buffer.data() - 16, 16);
    BOOST_TEST(seen.insert({reinterpret_cast<const char*>(buffer.data()) - 16, 16}).second);
  }
}

BOOST_AUTO_TEST_CASE(protecting_and_opening_keeps_the_bytes) {
  safe_buffer buffer(2 * page + 5);
  BOOST_TEST(!!buffer.fill_random());
  const std::vector<unsigned char> before(buffer.begin(), buffer.end());
  using access = safe_buffer::access;
  for (const access rights : {access::none, access::read, access::none, access::read_write, access::read,
                              access::read_write, access::none, access::read_write}) {
    buffer.protect(rights);
    BOOST_TEST((buffer.rights() == rights));
    BOOST_TEST(test::readable(buffer.data()) == (rights != access::none));
    BOOST_TEST(test::writable(buffer.data()) == (rights == access::read_write));
    BOOST_TEST(!test::readable(buffer.end()));
    BOOST_TEST(buffer.check());
    if (rights != access::none) BOOST_TEST(buffer.equals(before.data(), before.size()));
  }
}

BOOST_AUTO_TEST_CASE(touching_what_is_protected_faults) {
  for (const char* child : {"safe_buffer_read_hidden", "safe_buffer_write_constant"}) {
    const test::child_outcome outcome = test::run_child(child);
    BOOST_TEST(outcome.faulted(), child << ": " << outcome.output);
  }
}

BOOST_AUTO_TEST_CASE(a_refused_protection_changes_nothing) {
  safe_buffer buffer(10);
  buffer[0] = 7;
  {
    const failure_injection injection(1, os_call::protect);
    BOOST_CHECK_EXCEPTION(buffer.protect(safe_buffer::access::none), allocation_error,
                          test::with_code(memory_errc::protection_failed));
  }
  BOOST_TEST((buffer.rights() == safe_buffer::access::read_write));
  BOOST_TEST(test::writable(buffer.data()));
  BOOST_TEST(buffer[0] == 7u);
}

BOOST_AUTO_TEST_CASE(a_lock_lasts_while_nothing_may_be_accessed_or_is_taken_again) {
  const bool lasts = os::facts().locks_last;
  for (const wish lock : {wish::attempt, wish::require}) {
    safe_buffer_options options;
    options.lock = lock;
    if (!safe_buffer(10).locked()) return test::skip("nothing may be locked here");
    safe_buffer buffer(10, options);
    buffer[0] = 7;
    buffer.protect(safe_buffer::access::none);
    BOOST_TEST(buffer.locked() == lasts);
    buffer.protect(safe_buffer::access::read);
    BOOST_TEST(buffer.locked());
    buffer.protect(safe_buffer::access::none);
    const failure_injection injection(1, os_call::lock);
    if (lasts || lock == wish::attempt) {
      buffer.protect(safe_buffer::access::read);
      BOOST_TEST(buffer.locked() == lasts);
    } else {
      BOOST_CHECK_EXCEPTION(buffer.protect(safe_buffer::access::read), allocation_error,
                            test::with_code(memory_errc::lock_limit));
      BOOST_TEST((buffer.rights() == safe_buffer::access::none));
      BOOST_TEST(!test::readable(buffer.data()));
      buffer.protect(safe_buffer::access::read);
      BOOST_TEST(buffer.locked());
    }
    BOOST_TEST(buffer[0] == 7u);
  }
}

BOOST_AUTO_TEST_CASE(random_bytes_fill_all_of_a_buffer_and_nothing_else) {
  safe_buffer a(1000);
  safe_buffer b(1000);
  BOOST_TEST(!!a.fill_random());
  BOOST_TEST(!!b.fill_random());
  BOOST_TEST(!a.equals(b.data(), b.size()));
  BOOST_TEST(std::count(a.begin(), a.end(), 0) < 30);
  BOOST_TEST(a.check());
  const failure_injection injection(1, os_call::entropy);
  BOOST_TEST(!a.fill_random());
  BOOST_TEST(test::all_are(a.data(), a.size(), 0));
}

BOOST_AUTO_TEST_CASE(moving_takes_the_bytes_along_and_leaves_an_empty_buffer) {
  safe_buffer from(10);
  from[3] = 7;
  const unsigned char* const at = from.data();
  safe_buffer to(std::move(from));
  BOOST_TEST(to.data() == at);
  BOOST_TEST(to[3] == 7u);
  BOOST_TEST(to.check());
  BOOST_TEST(from.empty());
  BOOST_TEST(from.data() == nullptr);
  from = std::move(to);
  BOOST_TEST(from.data() == at);
  BOOST_TEST(to.empty());
  safe_buffer& same = from;
  from = std::move(same);
  BOOST_TEST(from[3] == 7u);
  const std::size_t size = from.size();
  from = safe_buffer();
  BOOST_TEST(size == 10u);
  BOOST_TEST(from.empty());
}

// ---- what the system does

BOOST_AUTO_TEST_CASE(what_the_system_granted_shows_in_the_maps) {
  if (test::under_emulator()) return test::skip(test::lost_in_emulator::advice);
  if (!system_tells_flags()) return test::skip("the system does not tell the flags of its maps");
  const safe_buffer buffer(page, only(wish::attempt, wish::attempt, fork_policy::wipe));
  BOOST_TEST(has_flag(buffer.data(), "lo") == buffer.locked());
  BOOST_TEST(has_flag(buffer.data(), "dd") == buffer.kept_out_of_dumps());
  BOOST_TEST(has_flag(buffer.data(), "wf") == (buffer.fork() == fork_policy::wipe));
  BOOST_TEST(buffer.locked() == (os::memory_limits().locked.left >= 2 * page));
  BOOST_TEST(buffer.kept_out_of_dumps() == has_extras());

  const safe_buffer nothing(page, plain());
  for (const char* flag : {"lo", "dd", "wf", "dc"}) BOOST_TEST(!has_flag(nothing.data(), flag));
  BOOST_TEST(!nothing.locked());
  BOOST_TEST(!nothing.kept_out_of_dumps());

  const safe_buffer denied(page, forked_as(fork_policy::deny));
  BOOST_TEST(has_flag(denied.data(), "dc") == has_extras());
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(a_required_lock_beyond_the_limit_names_it_and_an_attempt_goes_on_without) {
  for (const char* child : {"safe_buffer_lock_beyond_the_limit", "safe_buffer_no_locks_at_all"}) {
    const test::child_outcome outcome = test::run_child(child);
    BOOST_TEST(outcome.exit_code == 0, child << ": " << outcome.exit_code << " " << outcome.output);
  }
}
#endif

BOOST_AUTO_TEST_CASE(what_is_required_and_refused_is_an_error_and_what_is_attempted_is_not) {
  {
    const failure_injection refuse(1, os_call::lock, failure_injection::rule::from_then_on);
    BOOST_CHECK_EXCEPTION(safe_buffer(1, only(wish::require, wish::none, fork_policy::inherit)), allocation_error,
                          test::with_code(memory_errc::lock_limit));
    BOOST_TEST(!safe_buffer(1).locked());
  }
  if (!has_extras()) {
    BOOST_CHECK_EXCEPTION(safe_buffer(1, only(wish::none, wish::require, fork_policy::inherit)), allocation_error,
                          test::with_code(memory_errc::not_supported));
    BOOST_TEST(!safe_buffer(1).kept_out_of_dumps());
    BOOST_TEST((safe_buffer(1).fork() == fork_policy::inherit));
  }
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(a_wiped_buffer_is_zero_in_a_child_and_can_be_given_back_there) {
  if (test::under_emulator()) return test::skip(test::lost_in_emulator::advice);
  safe_buffer buffer(100, forked_as(fork_policy::wipe));
  if (buffer.fork() != fork_policy::wipe) return test::skip("this system does not wipe pages for children");
  std::memset(buffer.data(), 0x5a, buffer.size());
  BOOST_TEST(in_fork([&] {
    const bool wiped = test::all_are(buffer.data(), buffer.size(), 0);
    const bool guarded = !test::readable(buffer.end()) && !test::readable(buffer.end() - page - 1);
    const bool sound = buffer.check();
    buffer.protect(safe_buffer::access::read);
    const unsigned char* const at = buffer.data();
    buffer.release();
    return wiped && guarded && sound && !test::readable(at);
  }));
  BOOST_TEST(test::all_are(buffer.data(), buffer.size(), 0x5a));
  BOOST_TEST(buffer.check());
}

BOOST_AUTO_TEST_CASE(a_denied_buffer_is_not_there_in_a_child) {
  if (test::under_emulator()) return test::skip(test::lost_in_emulator::advice);
  safe_buffer buffer(100, forked_as(fork_policy::deny));
  if (buffer.fork() != fork_policy::deny) return test::skip("this system cannot keep pages from children");
  std::memset(buffer.data(), 0x5a, buffer.size());
  BOOST_TEST(in_fork([&] {
    const bool gone = !test::readable(buffer.data()) && !test::readable(buffer.end() - page - 1);
    const bool sound = buffer.check();
    bool told = false;
    {
      const misuse_watch watch;
      buffer.protect(safe_buffer::access::none);
      told = watch.only(misuse_kind::used_after_fork);
    }
    // What the child maps there is none of the buffer's business.
    void* const place = buffer.end() - page;
    const os::mapping own = os::map(page, 1, os::access::read_write, {os::placement::how::fixed, place});
    buffer.release();
    return gone && sound && told && own && buffer.empty() && test::readable(place);
  }));
  BOOST_TEST(test::all_are(buffer.data(), buffer.size(), 0x5a));
  const test::child_outcome outcome = test::run_child("safe_buffer_denied_to_a_child");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}

BOOST_AUTO_TEST_CASE(an_inherited_buffer_is_a_copy_in_a_child_and_not_locked_there) {
  safe_buffer buffer(100, only(wish::attempt, wish::none, fork_policy::inherit));
  std::memset(buffer.data(), 0x5a, buffer.size());
  BOOST_TEST(in_fork([&] {
    const bool same = test::all_are(buffer.data(), buffer.size(), 0x5a) && buffer.check();
    const bool told = !buffer.locked();
    buffer[0] = 1;
    buffer.release();
    return same && told && buffer.empty();
  }));
  BOOST_TEST(test::all_are(buffer.data(), buffer.size(), 0x5a));
}
#endif

// ---- the end

/// The pages stay where the system refuses to take them back, and there one can look.
BOOST_AUTO_TEST_CASE(a_released_buffer_was_overwritten_with_zero_whatever_its_access) {
  using access = safe_buffer::access;
  for (const access rights : {access::read_write, access::read, access::none}) {
    safe_buffer buffer(page + 100);
    std::memset(buffer.data(), 0x5a, buffer.size());
    buffer.protect(rights);
    unsigned char* const at = buffer.data();
    const std::size_t bytes = buffer.size();
    {
      const failure_injection refuse(1, os_call::map | os_call::unmap, failure_injection::rule::from_then_on);
      buffer.release();
    }
    BOOST_TEST(buffer.empty());
    BOOST_REQUIRE(test::readable(at));
    BOOST_TEST(test::all_are(at, bytes, 0));
    memory_tools::unpoison(at - 16, 16);
    BOOST_TEST(test::all_are(at - 16, 16, 0));
    give_back_pages(at + bytes - 3 * page, 4 * page);
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_made_writable_loses_its_contents) {
  using access = safe_buffer::access;
  for (const access rights : {access::read, access::none}) {
    safe_buffer buffer(100, plain());
    std::memset(buffer.data(), 0x5a, buffer.size());
    buffer.protect(rights);
    unsigned char* const at = buffer.data();
    {
      const failure_injection refuse(1, os_call::protect | os_call::unmap, failure_injection::rule::from_then_on);
      buffer.release();
    }
    unsigned char* const pages = at + 100 - page;
    if (os::protect(pages, page, os::access::read)) BOOST_TEST(test::all_are(at, 100, 0));
    give_back_pages(pages - page, 3 * page);
  }
}

BOOST_AUTO_TEST_CASE(a_call_that_fails_leaves_nothing_behind_but_what_could_not_be_unmapped) {
  const safe_buffer first(100);  // there may be books of blocks, in pages of their own
  for (const wish how_much : {wish::attempt, wish::require}) {
    for (const fork_policy policy : {fork_policy::wipe, fork_policy::deny, fork_policy::inherit}) {
      bool fired = true;
      for (std::size_t nth = 1; fired; ++nth) {
        BOOST_REQUIRE(nth < 50u);
        const std::size_t maps = test::map_count();
        const std::size_t leaked = leaked_page_bytes();
        {
          const failure_injection injection(nth, os_call::any | os_call::lock | os_call::entropy);
          try {
            safe_buffer buffer(100, only(how_much, how_much, policy));
            BOOST_TEST(buffer.size() == 100u);
            buffer[99] = 1;
          } catch (const allocation_error& error) {
            BOOST_TEST((injection.fired() || error.code() == memory_errc::not_supported));
          }
          fired = injection.fired();
        }
        if (leaked_page_bytes() == leaked && counts_maps()) BOOST_TEST(test::map_count() <= maps);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(many_buffers_come_and_go_without_a_trace) {
  const std::size_t before = test::map_count();
  for (int round = 0; round < 20; ++round) {
    std::vector<safe_buffer> buffers;
    for (std::size_t i = 1; i <= 50; ++i) buffers.emplace_back(i * 37);
    for (safe_buffer& each : buffers) each[each.size() - 1] = 1;
    while (!buffers.empty()) {
      std::swap(buffers[buffers.size() / 2], buffers.back());
      buffers.pop_back();
    }
  }
  if (counts_maps()) BOOST_TEST(test::map_count() <= before + 1);
}

// ---- comparing

BOOST_AUTO_TEST_CASE(equal_bytes_are_told_from_others_wherever_they_differ) {
  for (std::size_t n = 0; n < 70; ++n) {
    std::vector<unsigned char> a(n + 1, 0x5a);
    std::vector<unsigned char> b(n + 1, 0x5a);
    a[n] = 1;  // not part of it
    BOOST_TEST(constant_time_equal(a.data(), b.data(), n));
    for (std::size_t i = 0; i < n; ++i) {
      for (const unsigned bit : {0U, 3U, 7U}) {
        b[i] = static_cast<unsigned char>(b[i] ^ 1U << bit);
        BOOST_TEST(!constant_time_equal(a.data(), b.data(), n));
        b[i] = 0x5a;
      }
    }
  }
  BOOST_TEST(constant_time_equal(nullptr, nullptr, 0));
}

BOOST_AUTO_TEST_CASE(a_buffer_equals_its_bytes_and_no_fewer_or_more) {
  safe_buffer buffer(5);
  std::memcpy(buffer.data(), "token", 5);
  BOOST_TEST(buffer.equals("token", 5));
  BOOST_TEST(!buffer.equals("tokem", 5));
  BOOST_TEST(!buffer.equals("token", 4));
  BOOST_TEST(!buffer.equals("token\0", 6));
}

BOOST_AUTO_TEST_SUITE_END()
