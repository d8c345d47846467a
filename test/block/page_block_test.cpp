#if !defined(_WIN32)
#include <sys/resource.h>
#endif

#include <algorithm>
#include <allot/block/page_block.hpp>
#include <allot/block/page_resource.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/byte_size.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/os/failure_injection.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "block/access_with.hpp"
#include "support/access.hpp"
#include "support/child.hpp"
#include "support/with_code.hpp"

using namespace allot;
using namespace allot::literals;
using test::with_code;

namespace {

const std::size_t page = test::system_page_size();
constexpr std::size_t max = std::numeric_limits<std::size_t>::max();

unsigned char* bytes_of(const page_block& block) { return static_cast<unsigned char*>(block.data()); }

bool all_are(const page_block& block, std::size_t from, std::size_t to, unsigned char value) {
  return std::all_of(bytes_of(block) + from, bytes_of(block) + to, [&](unsigned char byte) { return byte == value; });
}

page_options options_for(page_flags flags, void* base = nullptr) {
  page_options options;
  options.flags = flags;
  options.base = base;
  return options;
}

/// While it lives, the system has more large pages to give, if this process may ask for them.
class large_page_pool {
 public:
  explicit large_page_pool(std::size_t more) {
    std::ifstream(path) >> before_;
    std::ofstream(path) << before_ + more;
  }
  ~large_page_pool() { std::ofstream(path) << before_; }
  large_page_pool(const large_page_pool&) = delete;
  large_page_pool& operator=(const large_page_pool&) = delete;

 private:
  static constexpr const char* path = "/proc/sys/vm/nr_hugepages";
  std::size_t before_ = 0;
};

/// Whether this is a system of which nothing beyond POSIX is known.
bool plain_system() {
  const page_block block(page);
  return os::advise(block.data(), page, os::advice::no_dump).error == memory_errc::not_supported;
}

/// An address range that is free, most likely also for the next call.
void* free_address(std::size_t bytes) {
  const os::mapping made = os::reserve(bytes);
  BOOST_REQUIRE(!!made);
  (void)os::release(made.address, bytes);
  return made.address;
}

volatile unsigned char sink;
void touch(const page_block& block, std::ptrdiff_t offset) { sink = bytes_of(block)[offset]; }

const test::child_program before_block{"block_underflow", [] { touch(page_block(page), -1); }};
const test::child_program after_block{"block_overflow", [] {
                                        const page_block block(page);
                                        touch(block, static_cast<std::ptrdiff_t>(block.size()));
                                      }};
const test::child_program inside_block{"block_inside", [] {
                                         const page_block block(page);
                                         touch(block, 0);
                                         touch(block, static_cast<std::ptrdiff_t>(block.size()) - 1);
                                       }};
const test::child_program released_block{"block_after_release", [] {
                                           page_block block(page);
                                           const page_view view = block.view();
                                           block.release();
                                           sink = *static_cast<unsigned char*>(view.data());
                                         }};

const test::child_program no_page_size{"no_page_size", [] {
                                         // The first call that needs the facts is refused them, and all later ones with
                                         // it.
                                         const os::failure_injection injection(1, os::os_call::page_size);
                                         os::status outcome;
                                         (void)page_block::try_create(1, {}, outcome);
                                         if (outcome.error != memory_errc::page_size_unknown) std::abort();
                                         if (page_resource().try_allocate(1) != nullptr) std::abort();
                                         if (os::reserve(4096).outcome.error != memory_errc::page_size_unknown)
                                           std::abort();
                                       }};

#if !defined(_WIN32)
const test::child_program under_limit{"block_under_address_limit", [] {
                                        // Room for the block and its guards, but not for aligning it.
                                        constexpr std::size_t size = 64_MiB;
                                        (void)os::facts();
                                        rlimit limit{};
                                        limit.rlim_cur = limit.rlim_max = test::address_space() + size + 1_MiB;
                                        if (::setrlimit(RLIMIT_AS, &limit) != 0) std::abort();
                                        os::status outcome;
                                        const page_block block = page_block::try_create(size, {}, outcome);
                                        if (block.size() != size) std::abort();
                                        os::status second;
                                        const page_block none = page_block::try_create(size, {}, second);
                                        if (second.error != memory_errc::out_of_memory) std::abort();
                                      }};
#endif

template <class T, class = void>
struct can_release : std::false_type {};
template <class T>
struct can_release<T, std::void_t<decltype(std::declval<T&>().release())>> : std::true_type {};
static_assert(can_release<page_block>::value && !can_release<page_view>::value, "a view owns nothing");
static_assert(!std::is_copy_constructible_v<page_block> && std::is_nothrow_move_constructible_v<page_block> &&
              std::is_nothrow_move_assignable_v<page_block> && std::is_nothrow_default_constructible_v<page_block>);

misuse_report noted;
void note(const misuse_report& report) { noted = report; }

}  // namespace

BOOST_AUTO_TEST_SUITE(page_blocks)

BOOST_AUTO_TEST_CASE(total_size_is_usable_bytes_and_both_guards) {
  for (std::size_t bytes : {std::size_t{1}, page - 1, page, page + 1, 10 * page}) {
    const page_block block(bytes);
    BOOST_TEST(block.size() == align_up(bytes, page));
    BOOST_TEST(block.requested_size() == bytes);
    BOOST_TEST(block.lead_guard_size() >= page);
    BOOST_TEST(block.tail_guard_size() >= page);
    BOOST_TEST(block.total_size() == block.lead_guard_size() + block.size() + block.tail_guard_size());
    BOOST_TEST(is_aligned(block.data(), page));
    BOOST_TEST(all_are(block, 0, block.size(), 0));
    std::memset(block.data(), 0x5a, block.size());
  }
}

BOOST_AUTO_TEST_CASE(both_guards_fault_and_the_inside_does_not) {
  BOOST_TEST(test::run_child("block_underflow").faulted());
  BOOST_TEST(test::run_child("block_overflow").faulted());
  BOOST_TEST(test::run_child("block_inside").exit_code == 0);
}

BOOST_AUTO_TEST_CASE(guards_are_whole_and_their_neighbours_are_not) {
  const page_block block(3 * page);
  const auto* start = bytes_of(block) - block.lead_guard_size();
  for (std::size_t at = 0; at < block.total_size(); at += page) {
    const bool usable = at >= block.lead_guard_size() && at < block.lead_guard_size() + block.size();
    BOOST_TEST(test::readable(start + at) == usable);
    BOOST_TEST(test::readable(start + at + page - 1) == usable);
  }
}

BOOST_AUTO_TEST_CASE(size_zero_makes_an_empty_block_without_an_error) {
  const page_block block(0);
  BOOST_TEST(block.empty());
  BOOST_TEST(block.data() == nullptr);
  BOOST_TEST(block.size() + block.total_size() + block.tail_guard_size() == 0u);
  BOOST_TEST(block.generation() == 0u);
}

BOOST_AUTO_TEST_CASE(sizes_near_the_end_of_the_range_overflow_and_say_so) {
  for (std::size_t bytes : {max, max - 1, max - page, max - 2 * page, max / 2 + 1, max / 2 - page})
    BOOST_CHECK_EXCEPTION(page_block{bytes}, allocation_error, with_code(memory_errc::size_overflow));
  page_block block(page);
  BOOST_CHECK_EXCEPTION(block.resize(max), allocation_error, with_code(memory_errc::size_overflow));
  BOOST_TEST(block.size() == page);
}

BOOST_AUTO_TEST_CASE(more_than_there_is_says_out_of_memory_with_the_systems_code) {
  if (sizeof(void*) < 8) return test::skip(test::addresses_are_few);
  try {
    const page_block block(max / 4);
    BOOST_ERROR("a quarter of the address space was granted");
  } catch (const allocation_error& error) {
    BOOST_TEST((error.code() == memory_errc::out_of_memory));
    BOOST_TEST(error.os_code() != 0);
    BOOST_TEST(error.bytes() == max / 4);
    BOOST_TEST(error.resource_name() == "page_block");
  }
}

BOOST_AUTO_TEST_CASE(try_create_tells_instead_of_throwing) {
  os::status outcome;
  const page_block none = page_block::try_create(max, {}, outcome);
  BOOST_TEST((outcome.error == memory_errc::size_overflow));
  BOOST_TEST(none.empty());
  const page_block one = page_block::try_create(1, {}, outcome);
  BOOST_TEST(!!outcome);
  BOOST_TEST(one.size() == page);
}

BOOST_AUTO_TEST_CASE(a_system_that_does_not_tell_its_page_size_is_named) {
  BOOST_TEST(test::run_child("no_page_size").exit_code == 0);
}

BOOST_AUTO_TEST_CASE(release_twice_leaves_null_and_is_noted_when_checked) {
  page_options options;
  options.checked = true;
  options.name = "orders";
  page_block block(page, options);
  const auto generation = block.generation();
  noted = {};
  const misuse_handler before = set_misuse_handler(&note);
  block.release();
  BOOST_TEST(block.data() == nullptr);
  BOOST_TEST(block.size() == 0u);
  BOOST_TEST(block.generation() > generation);
  BOOST_TEST(noted.resource.empty());
  block.release();
  set_misuse_handler(before);
  BOOST_TEST((noted.kind == misuse_kind::released_twice));
  BOOST_TEST(!noted.fatal);
  BOOST_TEST(block.data() == nullptr);
}

BOOST_AUTO_TEST_CASE(a_second_release_is_silent_when_not_checked) {
  page_block block(page);
  noted = {};
  const misuse_handler before = set_misuse_handler(&note);
  block.release();
  block.release();
  page_block().release();
  set_misuse_handler(before);
  BOOST_TEST(noted.fatal);  // nothing was noted: the default of the field
  BOOST_TEST((noted.kind == misuse_kind{}));
}

BOOST_AUTO_TEST_CASE(touching_a_block_after_release_faults) {
  BOOST_TEST(test::run_child("block_after_release").faulted());
}

BOOST_AUTO_TEST_CASE(the_same_rounded_size_neither_moves_nor_starts_a_generation) {
  page_block block(page + 1);
  std::memset(block.data(), 0x5a, block.size());
  void* const data = block.data();
  const auto generation = block.generation();
  BOOST_TEST(!block.resize(2 * page));
  BOOST_TEST(!block.resize(page + 7));
  BOOST_TEST(block.data() == data);
  BOOST_TEST(block.generation() == generation);
  BOOST_TEST(block.requested_size() == page + 7);
  BOOST_TEST(all_are(block, 0, block.size(), 0x5a));
}

BOOST_AUTO_TEST_CASE(growing_preserves_the_contents_and_grown_bytes_are_zero) {
  for (int blocked = 0; blocked < 2; ++blocked) {
    page_block block(2 * page);
    // With the addresses behind it taken, the block has to move.
    const os::placement behind{os::placement::how::fixed,
                               bytes_of(block) - block.lead_guard_size() + block.total_size()};
    const os::mapping obstacle = blocked != 0 ? os::reserve(page, 1, behind) : os::mapping{};
    std::memset(block.data(), 0x5a, block.size());
    const auto generation = block.generation();
    void* const data = block.data();
    const bool moved = block.resize(50 * page);
    BOOST_TEST(moved == (block.data() != data));
    if (blocked != 0) BOOST_TEST(moved);
    BOOST_TEST(block.size() == 50 * page);
    BOOST_TEST(block.generation() > generation);
    BOOST_TEST(all_are(block, 0, 2 * page, 0x5a));
    BOOST_TEST(all_are(block, 2 * page, 50 * page, 0));
    BOOST_TEST(!test::readable(bytes_of(block) - 1));
    BOOST_TEST(!test::readable(bytes_of(block) + block.size()));
    std::memset(block.data(), 1, block.size());
    if (obstacle) (void)os::release(obstacle.address, page);
  }
}

BOOST_AUTO_TEST_CASE(a_block_that_moves_leaves_nothing_behind) {
  page_block block(page);
  const std::size_t before = test::address_space();
  for (std::size_t pages = 2; pages < 40; ++pages) {
    void* const data = block.data();
    const std::size_t lead = block.lead_guard_size();
    const std::size_t total = block.total_size();
    void* const start = bytes_of(block) - lead;
    const os::mapping obstacle = os::reserve(page, 1, {os::placement::how::fixed, static_cast<char*>(start) + total});
    block.resize(pages * page);
    BOOST_TEST(block.data() != data);
    if (obstacle) (void)os::release(obstacle.address, page);
  }
  block.resize(1);
  if (!test::under_thread_sanitizer() && !test::under_emulator())
    BOOST_TEST(test::address_space() <= before + 4 * page);
}

BOOST_AUTO_TEST_CASE(shrinking_stays_in_place_and_what_grows_back_is_zero) {
  page_block block(50 * page);
  std::memset(block.data(), 0x5a, block.size());
  void* const data = block.data();
  BOOST_TEST(!block.resize(3 * page));
  BOOST_TEST(block.data() == data);
  BOOST_TEST(block.size() == 3 * page);
  BOOST_TEST(block.total_size() == block.lead_guard_size() + 3 * page + block.tail_guard_size());
  BOOST_TEST(all_are(block, 0, 3 * page, 0x5a));
  BOOST_TEST(!test::readable(bytes_of(block) + block.size()));
  block.resize(50 * page);
  BOOST_TEST(all_are(block, 0, 3 * page, 0x5a));
  BOOST_TEST(all_are(block, 3 * page, 50 * page, 0));
  block.resize(49 * page);  // by one page: the old last page is the new guard
  BOOST_TEST(!test::readable(bytes_of(block) + block.size()));
}

BOOST_AUTO_TEST_CASE(discarding_zeroes_every_byte_whether_it_grows_shrinks_or_stays) {
  for (std::size_t pages : {std::size_t{1}, std::size_t{4}, std::size_t{40}}) {
    page_block block(4 * page);
    std::memset(block.data(), 0x5a, block.size());
    block.resize(pages * page, page_block::contents::discard);
    BOOST_TEST(block.size() == pages * page);
    BOOST_TEST(all_are(block, 0, block.size(), 0));
  }
}

BOOST_AUTO_TEST_CASE(resetting_zeroes_and_changes_nothing_else) {
  page_block block(4 * page);
  std::memset(block.data(), 0x5a, block.size());
  void* const data = block.data();
  const auto generation = block.generation();
  block.reset();
  BOOST_TEST(all_are(block, 0, block.size(), 0));
  std::memset(block.data(), 0x5a, block.size());
  block.protect(page_flags::read);
  block.reset();
  BOOST_TEST(all_are(block, 0, block.size(), 0));
  BOOST_TEST(!test::writable(block.data()));
  BOOST_TEST(block.data() == data);
  BOOST_TEST(block.generation() == generation);
  page_block().reset();
}

BOOST_AUTO_TEST_CASE(resizing_to_zero_is_invalid_and_resizing_an_empty_block_allocates) {
  page_block block(page);
  BOOST_CHECK_EXCEPTION(block.resize(0), allocation_error, with_code(memory_errc::invalid_size));
  BOOST_TEST(block.size() == page);
  page_block empty;
  empty.resize(3 * page);
  BOOST_TEST(empty.size() == 3 * page);
  std::memset(empty.data(), 1, empty.size());
  empty.release();
  empty.resize(page);
  BOOST_TEST(all_are(empty, 0, page, 0));
}

BOOST_AUTO_TEST_CASE(every_combination_of_access_holds_also_after_growing) {
  for (unsigned bits = 0; bits < 8; ++bits) {
    const auto flags = static_cast<page_flags>(bits);
    page_block block(page, flags);
    for (int grown = 0; grown < 2; ++grown) {
      BOOST_TEST(test::readable(block.data()) == test::reads_with(flags));
      BOOST_TEST(test::writable(block.data()) == test::writes_with(flags));
      BOOST_TEST((block.flags() == flags));
      BOOST_TEST(!test::readable(bytes_of(block) - 1));
      BOOST_TEST(!test::readable(bytes_of(block) + block.size()));
      block.resize(30 * page);
    }
    block.protect(page_flags::rw);
    BOOST_TEST(all_are(block, 0, block.size(), 0));
  }
}

BOOST_AUTO_TEST_CASE(code_can_be_written_made_executable_and_called) {
#if defined(__x86_64__) || defined(__i386__)
  const unsigned char code[] = {0xb8, 0x2a, 0x00, 0x00, 0x00, 0xc3};  // mov eax, 42; ret
#elif defined(__aarch64__)
  const unsigned char code[] = {0x40, 0x05, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6};  // mov w0, #42; ret
#else
  const unsigned char code[] = {0};
  return test::skip("no machine code for this processor in the test");
#endif
  page_block block(sizeof code);
  std::memcpy(block.data(), code, sizeof code);
  block.protect(page_flags::read | page_flags::execute);
  BOOST_TEST(!test::writable(block.data()));
  __builtin___clear_cache(static_cast<char*>(block.data()), static_cast<char*>(block.data()) + sizeof code);
  int (*function)() = nullptr;
  void* const data = block.data();
  std::memcpy(&function, &data, sizeof function);
  BOOST_TEST(function() == 42);
}

BOOST_AUTO_TEST_CASE(a_fixed_base_is_honoured_or_refused_without_harm) {
  void* const address = free_address(64 * page);
  void* const base = static_cast<char*>(address) + 8 * page;
  page_block first(4 * page, options_for(page_flags::rw | page_flags::base_fixed, base));
  BOOST_TEST(first.data() == base);
  BOOST_TEST(first.base_honoured());
  std::memset(first.data(), 0x5a, first.size());
  const auto again = options_for(page_flags::rw | page_flags::base_fixed, static_cast<char*>(base) + page);
  BOOST_CHECK_EXCEPTION(page_block(page, again), allocation_error, with_code(memory_errc::address_in_use));
  BOOST_TEST(all_are(first, 0, first.size(), 0x5a));
  BOOST_TEST(!test::readable(bytes_of(first) - 1));

  // It grows where it is, or not at all.
  first.resize(6 * page);
  BOOST_TEST(first.data() == base);
  const std::uintptr_t end = address_of(bytes_of(first)) - first.lead_guard_size() + first.total_size();
  const std::uintptr_t behind = align_up(end, os::facts().granularity) + page;
  const page_block obstacle(page,
                            options_for(page_flags::rw | page_flags::base_fixed, reinterpret_cast<void*>(behind)));
  BOOST_CHECK_EXCEPTION(first.resize(60 * page), allocation_error, with_code(memory_errc::address_in_use));
  BOOST_TEST(first.size() == 6 * page);
  BOOST_TEST(all_are(first, 0, 4 * page, 0x5a));
}

BOOST_AUTO_TEST_CASE(impossible_fixed_bases_are_refused) {
  if (test::under_thread_sanitizer()) return test::skip("ThreadSanitizer ends the program at such addresses");
  for (std::uintptr_t base : {std::uintptr_t{0}, std::uintptr_t{1}, std::uintptr_t{page}, ~std::uintptr_t{0} - page + 1,
                              std::uintptr_t{1} << (sizeof(std::uintptr_t) > 4 ? 40 : 30) | 1}) {
    os::status outcome;
    const auto block = page_block::try_create(
        page, options_for(page_flags::rw | page_flags::base_fixed, reinterpret_cast<void*>(base)), outcome);
    BOOST_TEST(block.empty(), base);
    // The lowest pages may be forbidden; and a system that takes fixed addresses as hints cannot tell why it went
    // elsewhere.
    BOOST_TEST((outcome.error == memory_errc::invalid_address || outcome.error == memory_errc::permission_denied ||
                outcome.error == memory_errc::address_in_use),
               base << ": " << message(outcome.error));
  }
}

BOOST_AUTO_TEST_CASE(a_hint_is_honoured_when_free_and_ignored_when_not) {
  void* const base = static_cast<char*>(free_address(64 * page)) + 8 * page;
  const auto hint = [](void* where) { return options_for(page_flags::rw | page_flags::base_hint, where); };
  const page_block first(page, hint(base));
  BOOST_TEST(first.base_honoured());
  BOOST_TEST(first.data() == base);
  const page_block second(page, hint(base));
  BOOST_TEST(!second.base_honoured());
  BOOST_TEST(second.data() != base);
  const page_block unaligned(page, hint(static_cast<char*>(base) + 20 * page + 3));
  BOOST_TEST(!unaligned.base_honoured());
  BOOST_TEST(is_aligned(unaligned.data(), page));
  for (std::uintptr_t odd : {std::uintptr_t{0}, std::uintptr_t{1}, ~std::uintptr_t{0}}) {
    const page_block block(page, hint(reinterpret_cast<void*>(odd)));
    BOOST_TEST(!block.base_honoured());
    std::memset(block.data(), 1, block.size());
  }
}

BOOST_AUTO_TEST_CASE(transient_blocks_stay_out_of_core_dumps_also_after_growing) {
  if (test::under_emulator()) return test::skip(test::lost_in_emulator::advice);
  page_block block(page, page_flags::rw | page_flags::transient);
  if (plain_system()) return test::skip("this system has no such advice");
  block.resize(100 * page);
  for (std::size_t at : {std::size_t{0}, block.size() - 1})
    BOOST_TEST(std::string(test::map_flags(bytes_of(block) + at)).find(" dd") != std::string::npos);
  // Also where the pages had to be replaced by new ones to be zero.
  block.protect(page_flags::read);
  {
    const os::failure_injection injection(1, os::os_call::advise);
    block.resize(block.size(), page_block::contents::discard);
    BOOST_TEST(injection.fired());
  }
  BOOST_TEST(std::string(test::map_flags(block.data())).find(" dd") != std::string::npos);
  const page_block plain(page);
  BOOST_TEST(std::string(test::map_flags(plain.data())).find(" dd") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(large_pages_come_whole_or_are_refused_by_name) {
  const std::size_t large = os::facts().large_page_size;
  os::status outcome;
  page_block block = page_block::try_create(1, options_for(page_flags::rw | page_flags::large_pages), outcome);
  if (!outcome) {
    BOOST_TEST((outcome.error == memory_errc::large_pages_unavailable));
    BOOST_TEST(block.empty());
#if defined(_WIN32)
    constexpr int privilege_not_held = 1314;
    constexpr int not_supported = 50;
    BOOST_TEST((outcome.os_code == privilege_not_held || outcome.os_code == not_supported), outcome.os_code);
    BOOST_TEST(hint(outcome.error).find("SeLockMemoryPrivilege") != std::string_view::npos);
#endif
    return;
  }
  BOOST_TEST(block.size() == large);
  BOOST_TEST(block.page_size() == large);
}

BOOST_AUTO_TEST_CASE(large_pages_work_with_the_privilege_to_reserve_them) {
  const std::size_t large = os::facts().large_page_size;
  const large_page_pool pool(8);
  os::status outcome;
  page_block block = page_block::try_create(1, options_for(page_flags::rw | page_flags::large_pages), outcome);
  if (!outcome) return test::skip("this machine grants no large pages (not root, or none free)");
  BOOST_TEST(is_aligned(block.data(), large));
  BOOST_TEST(!test::readable(bytes_of(block) - 1));
  BOOST_TEST(!test::readable(bytes_of(block) + block.size()));
  std::memset(block.data(), 0x5a, block.size());
  block.resize(3 * large);
  BOOST_TEST(all_are(block, 0, large, 0x5a));
  BOOST_TEST(all_are(block, large, 3 * large, 0));
  block.resize(large + 1);
  BOOST_TEST(block.size() == 2 * large);
  BOOST_TEST(!test::readable(bytes_of(block) + block.size()));
  block.reset();
  BOOST_TEST(all_are(block, 0, block.size(), 0));
  std::memset(block.data(), 0x5a, block.size());
  block.protect(page_flags::read);
  {
    const os::failure_injection injection(1, os::os_call::advise);
    block.reset();
  }
  BOOST_TEST(all_are(block, 0, block.size(), 0));
  BOOST_TEST(!test::writable(block.data()));
  void* const address = block.data();
  block.release();
  page_block hinted = page_block::try_create(
      1, options_for(page_flags::rw | page_flags::large_pages | page_flags::base_hint, address), outcome);
  BOOST_TEST(!!outcome);
  BOOST_TEST(hinted.base_honoured());
}

BOOST_AUTO_TEST_CASE(a_view_goes_stale_with_every_change_of_place_or_size) {
  page_block block(2 * page);
  page_view view = block.view();
  BOOST_TEST(block.is_current(view));
  BOOST_TEST(view.data() == block.data());
  BOOST_TEST(view.size() == block.size());
  block.resize(page);
  BOOST_TEST(!block.is_current(view));
  view = block.view();
  block.reset();
  BOOST_TEST(block.is_current(view));
  page_block moved = std::move(block);
  BOOST_TEST(moved.is_current(view));
  BOOST_TEST(!block.is_current(view));
  moved.release();
  BOOST_TEST(!moved.is_current(view));
  page_block other(page);
  BOOST_TEST(!other.is_current(view));
}

BOOST_AUTO_TEST_CASE(moving_empties_the_source_and_frees_the_target) {
  page_block a(page);
  page_block b(2 * page);
  void* const old = a.data();
  void* const data = b.data();
  a = std::move(b);
  BOOST_TEST(a.data() == data);
  BOOST_TEST(a.size() == 2 * page);
  BOOST_TEST(b.data() == nullptr);
  BOOST_TEST(b.total_size() == 0u);
  BOOST_TEST(!test::readable(old));
  page_block& self = a;
  a = std::move(self);
  BOOST_TEST(a.data() == data);
}

BOOST_AUTO_TEST_CASE(zeroed_is_verified_when_checked) {
  page_options options = options_for(page_flags::rw_zeroed);
  options.checked = true;
  options.name = "orders";
  noted = {};
  const misuse_handler before = set_misuse_handler(&note);
  {
    page_block block(4 * page, options);
    block.resize(40 * page);
    block.resize(2 * page, page_block::contents::discard);
    block.reset();
    BOOST_TEST((noted.kind == misuse_kind{}));
    // Bytes somebody wrote into the tail of the block's own mapping before it became usable: here, through the system.
    auto* const tail = bytes_of(block) + block.size();
    BOOST_TEST(!!os::unguard(tail, block.tail_guard_size(), os::access::read_write));
    tail[7] = 1;
    block.resize(3 * page);
    BOOST_TEST(
        ((noted.kind == misuse_kind::not_zero && noted.address == tail + 7) || bytes_of(block) != tail - 2 * page));
  }
  set_misuse_handler(before);
}

BOOST_AUTO_TEST_CASE(a_block_shrunk_where_the_system_refused_to_cut_grows_with_zeroes) {
  for (const auto rule : {os::failure_injection::rule::once, os::failure_injection::rule::from_then_on}) {
    page_block block(8 * page);
    std::memset(block.data(), 0x5a, block.size());
    {
      const os::failure_injection injection(2, os::os_call::any, rule);
      block.resize(2 * page);
      BOOST_TEST(injection.fired());
    }
    BOOST_TEST(block.size() == 2 * page);
    block.resize(20 * page);
    BOOST_TEST(all_are(block, 0, 2 * page, 0x5a));
    BOOST_TEST(all_are(block, 2 * page, 20 * page, 0));
  }
}

BOOST_AUTO_TEST_CASE(a_fixed_block_without_write_access_is_not_discarded_into_another_size) {
  void* const base = static_cast<char*>(free_address(64 * page)) + 8 * page;
  page_block block(8 * page, options_for(page_flags::rw | page_flags::base_fixed, base));
  std::memset(block.data(), 0x5a, block.size());
  block.protect(page_flags::read);
  for (std::size_t pages : {std::size_t{2}, std::size_t{20}})
    BOOST_CHECK_EXCEPTION(block.resize(pages * page, page_block::contents::discard), allocation_error,
                          with_code(memory_errc::not_supported));
  BOOST_TEST(block.size() == 8 * page);
  BOOST_TEST(all_are(block, 0, block.size(), 0x5a));
  block.resize(8 * page, page_block::contents::discard);
  BOOST_TEST(all_are(block, 0, block.size(), 0));
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(a_large_block_does_without_alignment_where_address_space_is_short) {
  if (test::under_emulator()) return test::skip(test::lost_in_emulator::limit);
  if (test::under_thread_sanitizer()) return test::skip("ThreadSanitizer has limits of its own");
  const auto outcome = test::run_child("block_under_address_limit");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}
#endif

/// Creation and every kind of resize with each system call failing in turn: the block is as before, nothing is left
/// behind.
BOOST_AUTO_TEST_CASE(every_failure_of_the_system_leaves_the_block_as_it_was) {
  struct row {
    std::size_t pages;
    page_block::contents keep;
    page_flags flags;
  };
  using contents = page_block::contents;
  for (const row& r : {row{40, contents::preserve, page_flags::rw}, row{40, contents::discard, page_flags::rw},
                       row{2, contents::preserve, page_flags::rw}, row{2, contents::discard, page_flags::rw},
                       row{40, contents::preserve, page_flags::read}, row{2, contents::discard, page_flags::read},
                       row{40, contents::preserve, page_flags::rw | page_flags::transient}}) {
    for (const auto rule : {os::failure_injection::rule::once, os::failure_injection::rule::from_then_on}) {
      bool fired = true;
      std::size_t failures = 0;
      for (std::size_t nth = 1; fired && nth < 40; ++nth) {
        os::status outcome;
        page_block block = page_block::try_create(4 * page, options_for(page_flags::rw | r.flags), outcome);
        BOOST_REQUIRE(!!outcome);
        std::memset(block.data(), 0x5a, block.size());
        block.protect(r.flags);
        const page_view before = block.view();
        {
          const os::failure_injection injection(nth, os::os_call::any, rule);
          outcome = block.try_resize(r.pages * page, r.keep);
          fired = injection.fired();
        }
        if (!fired) break;
        if (!outcome) {
          ++failures;
          BOOST_TEST(block.is_current(before));
          BOOST_TEST(block.data() == before.data());
          BOOST_TEST(block.size() == before.size());
          BOOST_TEST(all_are(block, 0, block.size(), 0x5a));
          BOOST_TEST(test::writable(block.data()) == includes(r.flags, page_flags::write));
          outcome = block.try_resize(r.pages * page, r.keep);
          BOOST_TEST(!!outcome, message(outcome.error));
        }
        BOOST_TEST(block.size() == r.pages * page);
        const std::size_t kept = r.keep == contents::preserve ? std::min<std::size_t>(4, r.pages) * page : 0;
        BOOST_TEST(all_are(block, 0, kept, 0x5a));
        BOOST_TEST(all_are(block, kept, block.size(), 0));
        BOOST_TEST(!test::readable(bytes_of(block) - 1));
        BOOST_TEST(!test::readable(bytes_of(block) + block.size()));
      }
      BOOST_TEST(!fired);
      if (rule == os::failure_injection::rule::from_then_on) BOOST_TEST(failures > 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_creation_that_fails_leaves_no_mapping_behind) {
  if (test::under_thread_sanitizer()) return test::skip("ThreadSanitizer adds mappings of its own");
  const page_block first(page);  // there may be books of blocks, in pages of their own
  for (const page_flags flags : {page_flags::rw, page_flags::none, page_flags::rw | page_flags::transient,
                                 page_flags::rw | page_flags::large_pages}) {
    bool fired = true;
    for (std::size_t nth = 1; fired; ++nth) {
      const std::size_t before = test::map_count();
      const std::size_t leaked = page_block::leaked_bytes();
      const os::failure_injection injection(nth);
      os::status outcome;
      const page_block block = page_block::try_create(64 * page, options_for(flags), outcome);
      fired = injection.fired();
      if (page_block::leaked_bytes() != leaked) continue;  // the failed call was the one that cleans up
      if (!outcome)
        BOOST_TEST(test::map_count() <= before, "flags " << static_cast<unsigned>(flags) << ", call " << nth);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_release_the_system_refuses_is_counted_and_drops_the_contents) {
  const std::size_t before = page_block::leaked_bytes();
  page_block block(4 * page);
  void* const data = block.data();
  const std::size_t total = block.total_size();
  void* const start = bytes_of(block) - block.lead_guard_size();
  {
    const os::failure_injection injection(1, os::os_call::unmap);
    block.release();
  }
  BOOST_TEST(block.empty());
  BOOST_TEST(page_block::leaked_bytes() == before + total);
  BOOST_TEST(!test::readable(data));
  BOOST_TEST(!!os::release(start, total));
}

BOOST_AUTO_TEST_CASE(protecting_that_fails_leaves_the_access_and_the_flags) {
  page_block block(page);
  const os::failure_injection injection(1, os::os_call::protect);
  BOOST_CHECK_EXCEPTION(block.protect(page_flags::none), allocation_error, with_code(memory_errc::protection_failed));
  BOOST_TEST((block.flags() == page_flags::rw));
  BOOST_TEST(test::writable(block.data()));
}

BOOST_AUTO_TEST_CASE(forty_thousand_guarded_blocks_live_at_a_time) {
  // An emulator at the limit of map entries ends, or stands still, over memory of its own.
  if (!os::facts().guard_advice && test::under_emulator()) return test::skip(test::lost_in_emulator::figures);
  constexpr std::size_t count = 40000;
  std::vector<page_block> blocks;
  blocks.reserve(count);
  os::status outcome;
  while (blocks.size() < count) {
    blocks.push_back(page_block::try_create(page, {}, outcome));
    if (!outcome) break;
  }
  if (!os::facts().guard_advice) {
    if (!outcome) BOOST_TEST((outcome.error == memory_errc::map_limit || outcome.error == memory_errc::out_of_memory));
    return test::skip("without guard advice two map entries a block are more than the system allows");
  }
  BOOST_TEST(blocks.size() == count);
  BOOST_TEST(!!outcome);
  for (std::size_t i = 0; i < count; i += 997) {
    *bytes_of(blocks[i]) = 1;
    BOOST_TEST(!test::readable(bytes_of(blocks[i]) - 1));
    BOOST_TEST(!test::readable(bytes_of(blocks[i]) + blocks[i].size()));
  }
}

BOOST_AUTO_TEST_CASE(running_out_of_map_entries_is_named_as_such) {
  if (test::under_emulator()) return test::skip(test::lost_in_emulator::figures);
  std::vector<page_block> blocks;
  os::status outcome;
  page_flags flags = page_flags::read;
  while (outcome && blocks.size() < 70000) {
    blocks.push_back(page_block::try_create(page, options_for(flags), outcome));
    flags = flags == page_flags::read ? page_flags::rw : page_flags::read;  // neighbours that cannot share an entry
  }
  if (outcome) return test::skip("this system allows more map entries than the test makes");
  blocks.clear();
  if (plain_system()) return test::skip("on this system the limit cannot be told from other lack of memory");
  BOOST_TEST((outcome.error == memory_errc::map_limit), message(outcome.error));
}

BOOST_AUTO_TEST_SUITE_END()
