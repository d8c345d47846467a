#if !defined(_WIN32)
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/os/memory_limits.hpp>
#include <allot/os/virtual_memory.hpp>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "support/access.hpp"
#include "support/child.hpp"

using namespace allot;

namespace {

#if defined(_WIN32)
constexpr int no_memory = 8;  // ERROR_NOT_ENOUGH_MEMORY
#else
constexpr int no_memory = ENOMEM;
#endif
const std::size_t page = os::facts().page_size;

std::byte* bytes_at(void* p, std::size_t offset = 0) { return static_cast<std::byte*>(p) + offset; }

bool all_zero(const void* p, std::size_t size) {
  const auto* bytes = static_cast<const unsigned char*>(p);
  return std::all_of(bytes, bytes + size, [](unsigned char byte) { return byte == 0; });
}

/// A mapping that ends with the case.
struct mapped {
  explicit mapped(os::mapping made, std::size_t size) : memory(made), bytes(size) { BOOST_REQUIRE(!!memory); }
  ~mapped() { (void)os::release(memory.address, bytes); }
  mapped(const mapped&) = delete;
  mapped& operator=(const mapped&) = delete;
  void* at(std::size_t offset = 0) const { return bytes_at(memory.address, offset); }

  os::mapping memory;
  std::size_t bytes;
};

#if !defined(_WIN32)
const test::child_program beyond_the_limit{"lock_beyond_the_limit", [] {
                                             const rlimit one_page{page, page};
                                             ::setrlimit(RLIMIT_MEMLOCK, &one_page);
                                             test::drop_privileges();
                                             const os::mapping made = os::map(4 * page, 1, os::access::read_write);
                                             if (!os::lock(made.address, page)) std::exit(1);
                                             const os::status outcome = os::lock(bytes_at(made.address, page), page);
                                             std::exit(outcome.error == memory_errc::lock_limit ? 0 : 2);
                                           }};
#endif

}  // namespace

BOOST_AUTO_TEST_SUITE(virtual_memory)

BOOST_AUTO_TEST_CASE(the_facts_make_sense) {
  BOOST_TEST(is_power_of_two(page));
  BOOST_TEST(os::facts().granularity % page == 0u);
  BOOST_TEST((os::facts().large_page_size == 0 || os::facts().large_page_size % page == 0));
}

BOOST_AUTO_TEST_CASE(a_reservation_is_inaccessible_until_committed_and_then_reads_zero) {
  const mapped range(os::reserve(4 * page), 4 * page);
  BOOST_TEST(!test::readable(range.at()));
  BOOST_TEST(!!os::commit(range.at(page), 2 * page));
  BOOST_TEST(!test::readable(range.at()));
  BOOST_TEST(test::writable(range.at(page)));
  BOOST_TEST(all_zero(range.at(page), 2 * page));
  BOOST_TEST(!test::readable(range.at(3 * page)));
}

BOOST_AUTO_TEST_CASE(decommitted_memory_is_inaccessible_and_reads_zero_when_committed_again) {
  const mapped range(os::reserve(2 * page), 2 * page);
  BOOST_TEST(!!os::commit(range.at(), 2 * page));
  std::memset(range.at(), 0x5a, 2 * page);
  BOOST_TEST(!!os::decommit(range.at(), page));
  BOOST_TEST(!test::readable(range.at()));
  BOOST_TEST(test::readable(range.at(page)));
  BOOST_TEST(!!os::commit(range.at(), page));
  BOOST_TEST(all_zero(range.at(), page));
}

BOOST_AUTO_TEST_CASE(decommitting_gives_the_charge_back) {
  constexpr std::size_t size = std::size_t{512} << 20;
  if (test::committed_by_system() == 0) return test::skip("the system does not tell what it has committed");
  const mapped range(os::map(size, 1, os::access::read_write), size);
  *bytes_at(range.at()) = std::byte{1};
  const std::size_t before = test::committed_by_system();
  BOOST_TEST(!!os::decommit(range.at(), size));
  const std::size_t after = test::committed_by_system();
  BOOST_TEST(after + size / 2 < before);  // other processes come and go: half is beyond their noise
}

BOOST_AUTO_TEST_CASE(mappings_are_aligned_as_asked_for) {
  for (std::size_t alignment = 1; alignment <= std::size_t{16} << 20; alignment *= 4) {
    const mapped reserved(os::reserve(3 * page, alignment), 3 * page);
    BOOST_TEST(is_aligned(reserved.at(), alignment));
    const mapped memory(os::map(page, alignment, os::access::read_write), page);
    BOOST_TEST(is_aligned(memory.at(), alignment));
    BOOST_TEST(test::writable(memory.at()));
  }
  BOOST_TEST((os::reserve(page, 3).outcome.error == memory_errc::invalid_alignment));
}

BOOST_AUTO_TEST_CASE(a_fixed_address_is_taken_only_when_it_is_free) {
  void* address = nullptr;
  {
    const mapped probe(os::reserve(4 * page), 4 * page);
    address = probe.at();
  }
  const os::placement there{os::placement::how::fixed, address};
  const mapped first(os::map(2 * page, 1, os::access::read_write, there), 2 * page);
  BOOST_TEST(first.at() == address);
  std::memset(first.at(), 0x5a, 2 * page);
  BOOST_TEST((os::map(page, 1, os::access::read_write, there).outcome.error == memory_errc::address_in_use));
  BOOST_TEST(*static_cast<unsigned char*>(first.at()) == 0x5au);

  const os::placement taken_hint{os::placement::how::hint, address};
  const mapped second(os::map(page, 1, os::access::read_write, taken_hint), page);
  BOOST_TEST(second.at() != address);
}

BOOST_AUTO_TEST_CASE(impossible_fixed_addresses_are_refused) {
  if (test::under_thread_sanitizer()) return test::skip("ThreadSanitizer ends the program at such addresses");
  const auto fixed = [](std::uintptr_t address) {
    return os::reserve(page, 1, {os::placement::how::fixed, reinterpret_cast<void*>(address)}).outcome.error;
  };
  BOOST_TEST((fixed(0) == memory_errc::invalid_address));
  BOOST_TEST((fixed(page + 1) == memory_errc::invalid_address));
  // A system that takes fixed addresses as hints only cannot tell why it went elsewhere.
  const memory_errc beyond = fixed(~std::uintptr_t{0} - 16 * page + 1);
  if (sizeof(void*) == 8)  // a program of 32 bits may have all the addresses
    BOOST_TEST((beyond == memory_errc::invalid_address || beyond == memory_errc::address_in_use));
}

BOOST_AUTO_TEST_CASE(more_than_the_address_space_is_refused_with_the_systems_code) {
  if (sizeof(void*) < 8) return test::skip("half of the address space may be had");
  const os::mapping made = os::reserve(align_down(max_object_bytes, page));
  BOOST_TEST(!made);
  BOOST_TEST((made.outcome.error == memory_errc::out_of_memory));
  BOOST_TEST(made.outcome.os_code != 0);
}

BOOST_AUTO_TEST_CASE(protection_takes_and_gives_access) {
  const mapped range(os::map(page, 1, os::access::read_write), page);
  BOOST_TEST(!!os::protect(range.at(), page, os::access::read));
  BOOST_TEST(test::readable(range.at()));
  BOOST_TEST(!test::writable(range.at()));
  BOOST_TEST(!!os::protect(range.at(), page, os::access::none));
  BOOST_TEST(!test::readable(range.at()));
  BOOST_TEST(!!os::protect(range.at(), page, os::access::read_write));
  BOOST_TEST(test::writable(range.at()));
}

BOOST_AUTO_TEST_CASE(protecting_what_is_not_mapped_says_so) {
  if (test::under_emulator()) return test::skip("the emulator keeps what it unmaps for itself");
  void* address = nullptr;
  {
    const mapped gone(os::reserve(page), page);
    address = gone.at();
  }
  BOOST_TEST((os::protect(address, page, os::access::read).error == memory_errc::protection_failed));
}

BOOST_AUTO_TEST_CASE(guarded_pages_fault_and_are_zero_when_unguarded) {
  const mapped range(os::map(3 * page, 1, os::access::read_write), 3 * page);
  std::memset(range.at(), 0x5a, 3 * page);
  BOOST_TEST(!!os::guard(range.at(page), page));
  BOOST_TEST(test::readable(range.at(page - 1)));
  BOOST_TEST(!test::readable(range.at(page)));
  BOOST_TEST(test::readable(range.at(2 * page)));
  BOOST_TEST(!!os::unguard(range.at(page), page, os::access::read_write));
  BOOST_TEST(test::writable(range.at(page)));
  BOOST_TEST(all_zero(range.at(page), page));
}

BOOST_AUTO_TEST_CASE(pages_of_a_reservation_can_be_unguarded_and_guarded_in_turn) {
  const mapped range(os::reserve(3 * page), 3 * page);
  for (int round = 0; round < 3; ++round) {
    BOOST_TEST(!!os::unguard(range.at(page), page, os::access::read_write));
    BOOST_TEST(!test::readable(range.at(page - 1)));
    BOOST_TEST(test::writable(range.at(page)));
    BOOST_TEST(!test::readable(range.at(2 * page)));
    BOOST_TEST(all_zero(range.at(page), page));
    std::memset(range.at(page), 0x5a, page);
    BOOST_TEST(!!os::guard(range.at(page), page));
    BOOST_TEST(!test::readable(range.at(page)));
  }
}

BOOST_AUTO_TEST_CASE(guards_cost_no_map_entries_where_advice_works) {
  if (!os::facts().guard_advice) return test::skip("this system has no guard advice");
  const mapped range(os::map(64 * page, 1, os::access::read_write), 64 * page);
  const std::size_t before = test::map_count();
  for (std::size_t i = 0; i < 64; i += 2) BOOST_TEST(!!os::guard(range.at(i * page), page));
  BOOST_TEST(test::map_count() == before);
}

BOOST_AUTO_TEST_CASE(zeroed_pages_read_zero_and_stay_writable) {
  const mapped range(os::map(2 * page, 1, os::access::read_write), 2 * page);
  std::memset(range.at(), 0x5a, 2 * page);
  BOOST_TEST(!!os::zero_pages(range.at(), page, os::access::read_write));
  BOOST_TEST(all_zero(range.at(), page));
  BOOST_TEST(!all_zero(range.at(page), page));
  BOOST_TEST(test::writable(range.at()));
}

BOOST_AUTO_TEST_CASE(zeroing_works_without_the_systems_help_and_without_write_access) {
  for (const os::access rights : {os::access::read_write, os::access::read}) {
    const mapped range(os::map(2 * page, 1, os::access::read_write), 2 * page);
    std::memset(range.at(), 0x5a, 2 * page);
    BOOST_TEST(!!os::protect(range.at(), 2 * page, rights));
    {
      const os::failure_injection injection(1, os::os_call::advise);
      BOOST_TEST(!!os::zero_pages(range.at(), page, rights));
    }
    BOOST_TEST(all_zero(range.at(), page));
    BOOST_TEST(!all_zero(range.at(page), page));
    BOOST_TEST(test::writable(range.at()) == (rights == os::access::read_write));
    const os::failure_injection injection(1, os::os_call::any, os::failure_injection::rule::from_then_on);
    const os::status outcome = os::zero_pages(range.at(page), page, rights);
    BOOST_TEST(!!outcome == (rights == os::access::read_write));
    BOOST_TEST(all_zero(range.at(page), page) == !!outcome);
  }
}

BOOST_AUTO_TEST_CASE(populating_keeps_the_contents) {
  const mapped range(os::map(8 * page, 1, os::access::read_write), 8 * page);
  std::memset(range.at(page), 0x5a, page);
  BOOST_TEST(!!os::populate(range.at(), 8 * page));
  BOOST_TEST(all_zero(range.at(), page));
  BOOST_TEST(*static_cast<unsigned char*>(range.at(page)) == 0x5au);
}

BOOST_AUTO_TEST_CASE(moved_pages_bring_contents_and_access_along) {
  const os::mapping from = os::map(2 * page, 1, os::access::read_write);
  BOOST_REQUIRE(!!from);
  std::memset(from.address, 0x5a, 2 * page);
  const mapped to(os::map(4 * page, 1, os::access::read_write), 4 * page);
  const os::status moved = os::move_pages(from.address, 2 * page, to.at(page));
  if (moved.error == memory_errc::not_supported) {
    (void)os::release(from.address, 2 * page);
    return test::skip("this system cannot move pages");
  }
  BOOST_TEST(!!moved);
  BOOST_TEST(all_zero(to.at(), page));
  BOOST_TEST(*static_cast<unsigned char*>(to.at(page)) == 0x5au);
  BOOST_TEST(!test::readable(from.address));
}

BOOST_AUTO_TEST_CASE(released_memory_is_gone) {
  const os::mapping made = os::map(3 * page, 1, os::access::read_write);
  BOOST_TEST(!!os::release(bytes_at(made.address, 2 * page), page));
  BOOST_TEST(!test::readable(bytes_at(made.address, 2 * page)));
  BOOST_TEST(test::readable(made.address));
  BOOST_TEST(!!os::release(made.address, 2 * page));
  BOOST_TEST(!test::readable(made.address));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_unmapped_says_that_map_entries_are_missing) {
  const mapped range(os::map(page, 1, os::access::read_write), page);
  const os::failure_injection injection(1, os::os_call::unmap);
  BOOST_TEST((os::release(range.at(), page).error == memory_errc::map_limit));
}

BOOST_AUTO_TEST_CASE(dropped_from_dumps_shows_in_the_maps) {
  if (test::under_emulator()) return test::skip(test::lost_in_emulator::advice);
  const mapped range(os::map(page, 1, os::access::read_write), page);
  const os::status advised = os::advise(range.at(), page, os::advice::no_dump);
  if (advised.error == memory_errc::not_supported) return test::skip("this system has no such advice");
  BOOST_TEST(!!advised);
  BOOST_TEST(std::string(test::map_flags(range.at())).find(" dd") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(locked_pages_show_in_the_maps_until_they_are_unlocked) {
  const mapped range(os::map(2 * page, 1, os::access::read_write), 2 * page);
  errno = 4711;
  BOOST_TEST(!!os::lock(range.at(), page));
  const bool tells = !test::under_emulator() && *test::map_flags(range.at()) != 0;  // of the emulator's addresses
  const auto is_locked = [&](std::size_t offset) {
    return tells && std::string(test::map_flags(range.at(offset))).find(" lo") != std::string::npos;
  };
  BOOST_TEST(is_locked(0) == tells);
  BOOST_TEST(!is_locked(page));
  std::memset(range.at(), 0x5a, 2 * page);
  BOOST_TEST(!!os::unlock(range.at(), 2 * page));
  // Sanitizers make the call that unlocks do nothing.
  if (!memory_tools::active() && !test::under_thread_sanitizer()) BOOST_TEST(!is_locked(0));
  BOOST_TEST(*static_cast<unsigned char*>(range.at()) == 0x5au);
  BOOST_TEST(errno == 4711);
}

BOOST_AUTO_TEST_CASE(locking_takes_no_memory_for_pages_nobody_touched) {
  if (test::under_emulator()) return test::skip("the emulator locks at once");
  const std::size_t limit = os::memory_limits().locked.left;
  const std::size_t size = align_down(std::min<std::size_t>(limit, std::size_t{4} << 20), page);
  if (size < 64 * page) return test::skip("this process may not lock so much");
  const mapped range(os::map(size, 1, os::access::read_write), size);
  if (os::advise(range.at(), size, os::advice::no_dump).error == memory_errc::not_supported)
    return test::skip("this system has no such lock");
  const std::size_t before = test::resident();
  BOOST_TEST(!!os::lock(range.at(), size));
  BOOST_TEST(test::resident() < before + size / 2);
}

BOOST_AUTO_TEST_CASE(a_refused_lock_says_so_and_locks_nothing) {
  const mapped range(os::map(page, 1, os::access::read_write), page);
  const os::failure_injection injection(1, os::os_call::lock);
  const os::status outcome = os::lock(range.at(), page);
  BOOST_TEST((outcome.error == memory_errc::lock_limit));
  BOOST_TEST(outcome.os_code == no_memory);
  BOOST_TEST(std::string(test::map_flags(range.at())).find(" lo") == std::string::npos);
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(a_lock_beyond_what_the_process_may_lock_names_the_limit) {
  const test::child_outcome outcome = test::run_child("lock_beyond_the_limit");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}

BOOST_AUTO_TEST_CASE(a_child_process_reads_zero_or_nothing_where_it_was_advised_so) {
  if (test::under_emulator()) return test::skip(test::lost_in_emulator::advice);
  const mapped range(os::map(3 * page, 1, os::access::read_write), 3 * page);
  std::memset(range.at(), 0x5a, 3 * page);
  const os::status wiped = os::advise(range.at(), page, os::advice::wipe_on_fork);
  const os::status denied = os::advise(range.at(page), page, os::advice::no_fork);
  if (wiped.error == memory_errc::not_supported) {
    BOOST_TEST((denied.error == memory_errc::not_supported));
    return test::skip("this system has no such advice");
  }
  BOOST_TEST(!!wiped);
  BOOST_TEST(!!denied);
  const pid_t child = ::fork();
  if (child == 0) {
    const bool good = all_zero(range.at(), page) && !test::readable(range.at(page)) &&
                      *static_cast<unsigned char*>(range.at(2 * page)) == 0x5a;
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  BOOST_TEST(WIFEXITED(status));
  BOOST_TEST(WEXITSTATUS(status) == 0);
  BOOST_TEST(*static_cast<unsigned char*>(range.at()) == 0x5au);
}
#endif

BOOST_AUTO_TEST_CASE(errno_is_as_before_whatever_happens) {
  errno = 4711;
  (void)os::reserve(align_down(max_object_bytes, page));
  (void)os::protect(nullptr, page, os::access::read);
  const os::mapping made = os::map(page, 1, os::access::read_write);
  (void)os::set_name(made.address, page, "allot test");
  (void)os::release(made.address, page);
  BOOST_TEST(errno == 4711);
}

/// Every contract function with each of its system calls failing in turn: it reports the failure or gets around it, and
/// what it reports as failed has changed nothing.
BOOST_AUTO_TEST_CASE(every_call_can_be_made_to_fail_and_changes_nothing_then) {
  struct row {
    const char* name;
    std::function<os::status(void*)> call;  // on four pages, the first two of them committed and full of 0x5a
  };
  const std::vector<row> rows{
      {"reserve", [](void*) { return os::reserve(page).outcome; }},
      {"reserve aligned", [](void*) { return os::reserve(page, 1 << 20).outcome; }},
      {"map", [](void*) { return os::map(page, 1, os::access::read).outcome; }},
      {"map fixed",
       [](void* p) {
         return os::map(page, 1, os::access::read, {os::placement::how::fixed, p}).outcome;
       }},
      {"commit", [](void* p) { return os::commit(bytes_at(p, 2 * page), page); }},
      {"commit large", [](void* p) { return os::commit_large(p, page, os::access::read_write); }},
      {"decommit", [](void* p) { return os::decommit(p, page); }},
      {"release", [](void* p) { return os::release(bytes_at(p, 3 * page), page); }},
      {"protect", [](void* p) { return os::protect(p, page, os::access::none); }},
      {"guard", [](void* p) { return os::guard(p, page); }},
      {"unguard", [](void* p) { return os::unguard(bytes_at(p, 2 * page), page, os::access::read_write); }},
      {"populate", [](void* p) { return os::populate(p, page); }},
      {"wipe on fork", [](void* p) { return os::advise(p, page, os::advice::wipe_on_fork); }},
      {"advise", [](void* p) { return os::advise(p, page, os::advice::no_dump); }},
      {"move pages", [](void* p) { return os::move_pages(p, page, bytes_at(p, 2 * page)); }},
      {"set name", [](void* p) { return os::set_name(p, page, "allot test"); }},
  };
  for (const row& r : rows) {
    bool fired = true;
    bool reported = false;
    for (std::size_t nth = 1; fired && nth < 20; ++nth) {
      const mapped range(os::reserve(4 * page), 4 * page);
      BOOST_REQUIRE(!!os::commit(range.at(), 2 * page));
      std::memset(range.at(), 0x5a, 2 * page);
      os::status outcome;
      {
        const os::failure_injection injection(nth);
        outcome = r.call(range.at());
        fired = injection.fired();
      }
      if (!fired || outcome) continue;
      reported = true;
      BOOST_TEST((outcome.error != memory_errc::success), r.name);
      BOOST_TEST(test::writable(range.at()), r.name << ", call " << nth);
      BOOST_TEST(*static_cast<unsigned char*>(range.at()) == 0x5au, r.name << ", call " << nth);
      BOOST_TEST(!test::readable(range.at(2 * page)), r.name << ", call " << nth);
    }
    BOOST_TEST((reported || std::string(r.name) == "guard"), r.name << " never reported a failure");
  }
}

BOOST_AUTO_TEST_CASE(failing_calls_leave_no_mapping_behind) {
  if (test::under_thread_sanitizer()) return test::skip("ThreadSanitizer adds mappings of its own");
  const mapped first(os::reserve(page), page);  // there may be books, in pages of their own
  const std::size_t before = test::map_count();
  for (std::size_t nth = 1; nth < 6; ++nth) {
    const os::failure_injection injection(nth);
    const os::mapping made = os::reserve(64 * page, std::size_t{1} << 21);
    if (made) (void)os::release(made.address, 64 * page);
  }
  BOOST_TEST(test::map_count() <= before + 1);  // a last unmapping that fails too cannot be helped
}

BOOST_AUTO_TEST_CASE(injection_counts_only_the_kinds_it_was_told_and_ends_with_its_scope) {
  {
    const os::failure_injection injection(2, os::os_call::map, os::failure_injection::rule::from_then_on);
    const os::mapping first = os::map(page, 1, os::access::read_write);
    BOOST_TEST(!!first);
    BOOST_TEST(!!os::release(first.address, page));
    BOOST_TEST(injection.calls() == 1u);
    BOOST_TEST(!injection.fired());
    BOOST_TEST(!os::map(page, 1, os::access::read_write));
    BOOST_TEST(!os::map(page, 1, os::access::read_write));
    BOOST_TEST(injection.fired());
  }
  const mapped after(os::map(page, 1, os::access::read_write), page);
}

BOOST_AUTO_TEST_SUITE_END()
