#if !defined(_WIN32)
#include <sys/resource.h>
#endif

#include <algorithm>
#include <allot/arena/chained_arena.hpp>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/block/budget_error.hpp>
#include <allot/block/memory_budget.hpp>
#include <allot/container/vlarray.hpp>
#include <allot/core/byte_size.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/os/memory_limits.hpp>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iomanip>
#include <memory>
#include <memory_resource>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/access.hpp"
#include "support/child.hpp"
#include "support/misuse_watch.hpp"

using namespace allot;
using namespace allot::literals;

namespace {

const std::size_t page = test::system_page_size();
constexpr std::size_t none = static_cast<std::size_t>(-1);

memory_budget_options options_for(std::size_t permanent, std::size_t transient, std::string_view name = "game") {
  memory_budget_options options;
  options.permanent = permanent;
  options.transient = transient;
  options.name = name;
  return options;
}

/// The error of something that must fail.
template <class Function>
budget_error error_of(Function function) {
  try {
    function();
  } catch (const budget_error& error) {
    return error;
  }
  BOOST_FAIL("nothing was refused");
  std::abort();
}

budget_error start_error(const memory_budget_options& options) {
  return error_of([&] { memory_budget budget(options); });
}

budget_line line_of(const memory_budget& budget, std::string_view name) {
  std::optional<budget_line> found;
  budget.for_each_line([&](const budget_line& line) {
    if (std::string_view(line.name) == name) found = line;
  });
  BOOST_REQUIRE(found.has_value());
  return *found;
}

std::size_t line_count(const memory_budget& budget) {
  std::size_t count = 0;
  budget.for_each_line([&](const budget_line&) { ++count; });
  return count;
}

/// What a budget is, to be compared.
std::string picture(const memory_budget& budget) {
  std::ostringstream out;
  budget.report(out);
  out << budget.permanent_region().most_taken << ' ' << budget.transient_region().most_taken;
  return out.str();
}

bool all_zero(const std::byte* p, std::size_t bytes) {
  return std::all_of(p, p + bytes, [](std::byte b) { return b == std::byte{}; });
}

// ---- programs in processes of their own. Each prints what the error says and exits with 0 when it is right.

[[maybe_unused]] void expect_limit(const memory_budget_options& options, budget_limit limit,
                                   std::size_t least_available, std::size_t most_available) {
  try {
    memory_budget budget(options);
  } catch (const budget_error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    std::exit(error.in_the_way() == limit && error.wanted() == 1_GiB && error.available() >= least_available &&
                      error.available() <= most_available
                  ? 0
                  : 1);
  }
  std::exit(2);
}

#if !defined(_WIN32)
void lower(decltype(RLIMIT_AS) which, std::size_t to) {
  const rlimit limit{to, to};
  if (::setrlimit(which, &limit) != 0) std::exit(3);
}

template <bool Checks>
void start_in_little_address_space() {
  lower(RLIMIT_AS, test::address_space() + 64_MiB);
  memory_budget_options options = options_for(768_MiB, 256_MiB);
  options.check_available = Checks;
  expect_limit(options, budget_limit::address_space, 32_MiB, test::address_space() + 64_MiB);
}

template <bool Checks>
void start_with_little_data() {
  lower(RLIMIT_DATA, 512_MiB);
  memory_budget_options options = options_for(256_MiB, 768_MiB);
  options.check_available = Checks;
  expect_limit(options, budget_limit::data, 400_MiB, 512_MiB);  // without the region that could be had
}

const test::child_program little_address_space{"budget_little_address_space", &start_in_little_address_space<true>};
const test::child_program little_address_space_unchecked{"budget_little_address_space_unchecked",
                                                         &start_in_little_address_space<false>};
const test::child_program little_data{"budget_little_data", &start_with_little_data<true>};
const test::child_program little_data_unchecked{"budget_little_data_unchecked", &start_with_little_data<false>};
#endif

const test::child_program outliving_slice{"slice_outlives_budget", [] {
                                            std::optional<memory_budget> budget;
                                            budget.emplace(options_for(page, 0));
                                            const budget_slice slice = budget->permanent("world", 100);
                                            budget.reset();
                                          }};
const test::child_program overrun_region{"budget_overrun_region", [] {
                                           memory_budget budget(options_for(page, page));
                                           const budget_slice slice = budget.permanent("all", page);
                                           const_cast<volatile std::byte*>(slice.data())[page] = {};
                                         }};
const test::child_program underrun_region{"budget_underrun_region", [] {
                                            memory_budget budget(options_for(page, page));
                                            const budget_slice slice = budget.transient("all", page);
                                            const_cast<volatile std::byte*>(slice.data())[-1] = {};
                                          }};

static_assert(!std::is_copy_constructible_v<memory_budget> && !std::is_move_constructible_v<memory_budget>);
static_assert(std::is_nothrow_copy_constructible_v<budget_error> && std::is_base_of_v<allocation_error, budget_error>);

}  // namespace

BOOST_AUTO_TEST_SUITE(memory_budgets)

// ---- the start

BOOST_AUTO_TEST_CASE(a_budget_has_two_regions_of_whole_pages_between_guards) {
  memory_budget budget(options_for(1, 3 * page + 1));
  BOOST_TEST(budget.name() == "game");
  BOOST_TEST(budget.permanent_region().size == page);
  BOOST_TEST(budget.transient_region().size == 4 * page);
  BOOST_TEST(budget.permanent_region().taken == 0u);
  const budget_slice all = budget.permanent("all", page);
  const budget_slice frame = budget.transient("frame", 4 * page);
  BOOST_TEST(all_zero(all.data(), page));
  BOOST_TEST(all_zero(frame.data(), 4 * page));
  for (const budget_slice* each : {&all, &frame}) {
    BOOST_TEST(test::writable(each->data()));
    BOOST_TEST(!test::readable(each->data() - 1));
    BOOST_TEST(!test::readable(each->data() + each->size()));
  }
  BOOST_TEST(test::run_child("budget_overrun_region").faulted());
  BOOST_TEST(test::run_child("budget_underrun_region").faulted());
}

BOOST_AUTO_TEST_CASE(either_region_may_be_left_out) {
  for (const auto& [permanent, transient] : {std::pair(page, std::size_t{0}), {std::size_t{0}, page}, {0, 0}}) {
    memory_budget budget(options_for(permanent, transient, ""));
    BOOST_TEST(budget.name() == "memory_budget");
    BOOST_TEST(budget.permanent_region().size == permanent);
    BOOST_TEST(budget.transient_region().size == transient);
    if (permanent == 0) BOOST_CHECK_THROW((void)budget.permanent("p", 1), budget_error);
    if (transient == 0) BOOST_CHECK_THROW((void)budget.transient("t", 1), budget_error);
    if (permanent != 0) BOOST_TEST(budget.permanent("p", 1).is_current());
    if (transient != 0) BOOST_TEST(budget.transient("t", 1).is_current());
    const budget_slice nothing = budget.permanent("nothing", 0);
    BOOST_TEST(nothing.is_current());
    BOOST_TEST(nothing.size() == 0u);
    budget.clear_transient();
  }
}

BOOST_AUTO_TEST_CASE(the_options_can_be_written_in_place) {
  memory_budget budget({1_MiB, 64_KiB});
  BOOST_TEST(budget.permanent_region().size == 1_MiB);
  BOOST_TEST(budget.transient_region().size == 64_KiB);
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(a_start_that_cannot_be_met_says_what_was_wanted_what_there_is_and_which_limit_is_in_the_way) {
  const os::memory_limit tight{10 * page, 3 * page};
  struct {
    os::memory_limit os::process_limits::*member;
    budget_limit limit;
    const char* words;
  } const cases[] = {
      {&os::process_limits::address_space, budget_limit::address_space,
       "address space limit of the process (RLIMIT_AS)"},
      {&os::process_limits::data, budget_limit::data, "data limit of the process (RLIMIT_DATA)"},
      {&os::process_limits::control_group, budget_limit::control_group, "memory limit of the control group (cgroup)"},
      {&os::process_limits::physical, budget_limit::physical_memory, "memory of the machine"},
  };
  for (const auto& each : cases) {
    os::process_limits limits;
    limits.*each.member = tight;
    const os::limits_injection injection(limits);
    const budget_error error = start_error(options_for(4 * page, 2 * page));
    BOOST_TEST((error.in_the_way() == each.limit));
    BOOST_TEST(error.wanted() == 6 * page);
    BOOST_TEST(error.available() == 3 * page);
    BOOST_TEST((error.code() == memory_errc::out_of_memory));
    BOOST_TEST(error.resource_name() == "game");
    BOOST_TEST(error.part_name() == "");
    const std::string what = error.what();
    BOOST_TEST(what.find("game: wanted " + std::to_string(6 * page) + " bytes") == 0u);
    BOOST_TEST(what.find("available " + std::to_string(3 * page) + " bytes") != what.npos);
    BOOST_TEST(what.find(each.words) != what.npos, what);

    memory_budget_options options = options_for(4 * page, 2 * page);
    options.check_available = false;  // the system has it
    memory_budget budget(options);
  }
}
#endif

BOOST_AUTO_TEST_CASE(too_few_mappings_are_in_the_way) {
  os::process_limits limits;
  limits.mappings = {100, 3};
  const os::limits_injection injection(limits);
  const budget_error error = start_error(options_for(page, page));
  BOOST_TEST((error.in_the_way() == budget_limit::map_count));
  BOOST_TEST((error.code() == memory_errc::map_limit));
  BOOST_TEST(error.available() == 3u);
  BOOST_TEST(std::string(error.what()).find("available 3 mappings; in the way: the number of mappings") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_tightest_limit_is_named) {
  os::process_limits limits;
  limits.address_space = {100 * page, 50 * page};
  limits.control_group = {100 * page, 40 * page};
  limits.physical = {100 * page, 45 * page};
  limits.mappings = {100, 1};
  const os::limits_injection injection(limits);
  BOOST_TEST((start_error(options_for(48 * page, 0)).in_the_way() == budget_limit::control_group));
  BOOST_TEST((start_error(options_for(40 * page, page)).in_the_way() == budget_limit::control_group));
  BOOST_TEST((start_error(options_for(40 * page, 0)).in_the_way() == budget_limit::map_count));
}

BOOST_AUTO_TEST_CASE(what_is_left_is_enough) {
  os::process_limits limits;
  limits.control_group = limits.physical = {6 * page, 6 * page};
  limits.address_space = limits.data = {12 * page, 12 * page};  // guards and books
  const os::limits_injection injection(limits);
  memory_budget budget(options_for(4 * page, 2 * page));
  BOOST_CHECK_THROW(memory_budget(options_for(4 * page, 2 * page + 1)), budget_error);
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(sizes_beyond_the_address_space_are_refused_at_once) {
  for (const auto& [permanent, transient] : {std::pair(none, std::size_t{0}),
                                             {std::size_t{0}, none},
                                             {none, none},
                                             {none / 2, none / 2},
                                             {none - page, page},
                                             {max_object_bytes, std::size_t{0}}}) {
    const budget_error error = start_error(options_for(permanent, transient));
    BOOST_TEST((error.in_the_way() == budget_limit::address_width));
    BOOST_TEST((error.code() == memory_errc::size_overflow));
    BOOST_TEST(error.wanted() > max_object_bytes / 2);
    BOOST_TEST(error.available() == max_object_bytes / 2);
    const std::string what = error.what();
    BOOST_TEST(what.find("; in the way: the width of addresses") != what.npos, what);
    BOOST_TEST(what.find("RLIMIT_AS") == what.npos, what);
  }
}
#endif

BOOST_AUTO_TEST_CASE(more_than_the_machine_has_is_refused_by_the_check_and_by_the_system) {
  if (sizeof(void*) < 8) return test::skip(test::addresses_are_few);
  for (const bool checks : {true, false}) {
    memory_budget_options options = options_for(none / 16, 0);
    options.check_available = checks;
    const budget_error error = start_error(options);
    const bool addresses = error.in_the_way() == budget_limit::address_space;  // where the system bounds these, too
    BOOST_TEST((addresses || error.in_the_way() == budget_limit::physical_memory));
    BOOST_TEST(error.available() < error.wanted());
    BOOST_TEST((error.os_code() == 0) == checks);
  }
}

BOOST_AUTO_TEST_CASE(a_control_group_is_blamed_for_pages_that_cannot_be_filled_and_for_no_mapping) {
  os::process_limits limits;
  limits.control_group = {page, page};
  const os::limits_injection answers(limits);
  memory_budget_options options = options_for(2 * page, 0);
  options.check_available = false;
  {
    const os::failure_injection injection(1, os::os_call::map, os::failure_injection::rule::from_then_on);
    BOOST_TEST((start_error(options).in_the_way() == budget_limit::system));
  }
  options.prefault = true;
  const os::failure_injection injection(1, os::os_call::advise, os::failure_injection::rule::from_then_on);
  const budget_error error = start_error(options);
  BOOST_TEST((error.in_the_way() == budget_limit::control_group));
  BOOST_TEST(error.available() == page);
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(the_address_space_limit_of_a_process_is_named) {
  if (test::few_addresses()) return test::skip(test::addresses_are_few);
  for (const char* name : {"budget_little_address_space", "budget_little_address_space_unchecked"}) {
    const auto outcome = test::run_child(name);
    BOOST_TEST(outcome.exit_code == 0, outcome.output);
    BOOST_TEST(outcome.says("game: wanted 1073741824 bytes (1.0 GiB), available "));
    BOOST_TEST(outcome.says("in the way: the address space limit of the process (RLIMIT_AS)"));
  }
}

BOOST_AUTO_TEST_CASE(the_data_limit_of_a_process_is_named) {
  if (test::few_addresses()) return test::skip(test::addresses_are_few);
  if (memory_tools::active() || test::under_thread_sanitizer())
    return test::skip("a sanitizer's own memory counts as data");
  for (const char* name : {"budget_little_data", "budget_little_data_unchecked"}) {
    const auto outcome = test::run_child(name);
    BOOST_TEST(outcome.exit_code == 0, outcome.output);
    BOOST_TEST(outcome.says("in the way: the data limit of the process (RLIMIT_DATA)"));
  }
}
#endif

BOOST_AUTO_TEST_CASE(a_start_that_fails_at_any_call_leaves_nothing_behind) {
  if (test::under_thread_sanitizer()) return test::skip("ThreadSanitizer adds mappings of its own");
  for (const bool prefault : {false, true}) {
    memory_budget_options options = options_for(8 * page, 4 * page);
    options.prefault = prefault;
    const auto attempt = [&] {
      try {
        memory_budget budget(options);
        return budget.permanent("p", 8 * page).is_current() && budget.transient("t", 4 * page).is_current();
      } catch (const budget_error& error) {
        BOOST_TEST((error.in_the_way() == budget_limit::system));
        BOOST_TEST(error.wanted() == 12 * page);
        BOOST_TEST(error.available() == budget_error::unknown);
        BOOST_TEST(std::string(error.what()).find("available nobody knows") != std::string::npos);
        return false;
      }
    };
    BOOST_TEST(attempt());
    {
      const os::failure_injection injection(1, os::os_call::map);  // what exceptions need is there from now on
      BOOST_TEST(!attempt());
    }
    std::size_t failed = 0;
    for (const auto rule : {os::failure_injection::rule::once, os::failure_injection::rule::from_then_on}) {
      // Giving back must work, or nothing could be given back.
      const auto kinds = os::os_call::map | os::os_call::protect | os::os_call::advise | os::os_call::remap;
      for (std::size_t nth = 1;; ++nth) {
        const std::size_t maps = test::map_count();
        bool fired = false;
        {
          const os::failure_injection injection(nth, kinds, rule);
          if (!attempt()) ++failed;
          fired = injection.fired();
        }
        BOOST_TEST(test::map_count() == maps);
        if (!fired) break;
      }
    }
    BOOST_TEST(failed >= 3u);
    BOOST_TEST(attempt());
  }
}

BOOST_AUTO_TEST_CASE(a_budget_gives_all_its_memory_back) {
  if (test::under_emulator()) return test::skip(test::lost_in_emulator::figures);
  if (test::under_thread_sanitizer()) return test::skip("ThreadSanitizer adds mappings of its own");
  const auto use = [] {
    memory_budget budget(options_for(1_MiB, 1_MiB));
    memory_budget sub(budget, options_for(64_KiB, 64_KiB, "sub"));
    budget_slice slice = sub.permanent("s", 100);
    (void)slice.allocate(100);
  };
  use();
  const std::size_t maps = test::map_count();
  const std::size_t space = test::address_space();
  for (int i = 0; i < 20; ++i) use();
  BOOST_TEST(test::map_count() == maps);
  BOOST_TEST(test::address_space() == space);
}

BOOST_AUTO_TEST_CASE(prefault_fills_every_page_at_the_start) {
  if (test::under_emulator()) return test::skip(test::lost_in_emulator::advice);
  if (memory_tools::active() || test::under_thread_sanitizer()) return test::skip("a sanitizer takes memory as well");
  for (const bool prefault : {false, true}) {
    memory_budget_options options = options_for(32_MiB, 16_MiB);
    options.prefault = prefault;
    const std::size_t before = test::resident();
    memory_budget budget(options);
    const std::size_t grown = test::resident() - before;
    BOOST_TEST((grown >= 48_MiB) == prefault);
    BOOST_TEST((prefault || grown < 16_MiB));
  }
}

BOOST_AUTO_TEST_CASE(huge_pages_are_advised_where_there_are_any) {
  if (test::under_emulator()) return test::skip(test::lost_in_emulator::advice);
  if (os::facts().advised_page_size == 0) return test::skip("this system has no huge pages");
  memory_budget_options options = options_for(3 * os::facts().advised_page_size, 3 * os::facts().advised_page_size);
  options.huge_pages = true;
  memory_budget budget(options);
  const budget_slice p = budget.permanent("p", page);
  const budget_slice t = budget.transient("t", page);
  for (const budget_slice* each : {&p, &t}) {
    const std::string flags = test::map_flags(each->data());
    if (flags.empty()) return test::skip("the system does not tell the flags of mappings");
    BOOST_TEST(flags.find(" hg") != flags.npos, flags);
  }
}

// ---- slices

BOOST_AUTO_TEST_CASE(slices_lie_behind_each_other_without_a_byte_between) {
  memory_budget budget(options_for(page, page));
  const budget_slice a = budget.permanent("a", 10, 1);
  const budget_slice b = budget.permanent("b", 20, 1);
  const budget_slice c = budget.permanent("c", 64, 64);
  BOOST_TEST(b.data() == a.data() + 10);
  BOOST_TEST(c.data() == a.data() + 64);
  BOOST_TEST(budget.permanent_region().taken == 128u);
  const budget_slice rest = budget.permanent("rest", page - 128, 1);
  BOOST_TEST(budget.permanent_region().taken == page);
  BOOST_TEST(budget.transient_region().taken == 0u);
}

BOOST_AUTO_TEST_CASE(a_slice_that_does_not_fit_says_so_and_changes_nothing) {
  memory_budget budget(options_for(2 * page, page));
  const budget_slice a = budget.permanent("a", page + 1, 1);
  for (const std::size_t bytes : {page, none, none - 15, none / 2, none - page}) {
    const budget_region before = budget.permanent_region();
    const budget_error error = error_of([&] { (void)budget.permanent("late", bytes, 1); });
    BOOST_TEST((error.in_the_way() == budget_limit::budget));
    BOOST_TEST((error.code() == memory_errc::limit_reached));
    BOOST_TEST(error.wanted() == bytes);
    BOOST_TEST(error.available() == page - 1);
    BOOST_TEST(error.part_name() == "late");
    BOOST_TEST(error.resource_name() == "game");
    BOOST_TEST(budget.permanent_region().taken == before.taken);
    BOOST_TEST(budget.permanent_region().most_taken == before.most_taken);
  }
  BOOST_CHECK_THROW((void)budget.permanent("late", 1, none / 2 + 1), budget_error);
  const std::string text = error_of([&] { (void)budget.permanent("late", page, 64); }).what();
  if (page == 4096)
    BOOST_TEST(text ==
               "game, late: wanted 4096 bytes (4.0 KiB) aligned to 64, available 4095 bytes (3.9 KiB); in the "
               "way: the room the budget has left");
  BOOST_TEST(budget.refused() == 7u);
  BOOST_TEST(line_count(budget) == 1u);
  const budget_slice rest = budget.permanent("rest", page - 1, 1);
}

BOOST_AUTO_TEST_CASE(a_slice_that_does_not_fit_reaches_the_handler_and_fails_whatever_it_says) {
  struct heard {
    std::size_t count = 0;
    std::string text;
  } told;
  memory_budget_options options = options_for(page, page);
  options.handler_context = &told;
  options.handler = [](const overflow_report& overflow, void* context) noexcept {
    auto& to = *static_cast<heard*>(context);
    ++to.count;
    to.text = std::string(overflow.budget) + "/" + std::string(overflow.part) + " " + std::to_string(overflow.bytes) +
              " " + std::to_string(overflow.alignment) + " " + std::to_string(overflow.available);
    return overflow_action::fall_back;
  };
  memory_budget budget(options);
  BOOST_CHECK_THROW((void)budget.transient("frame", page + 1, 64), budget_error);
  BOOST_TEST(told.text == "game/frame " + std::to_string(page + 1) + " 64 " + std::to_string(page));
  BOOST_CHECK_THROW(memory_budget(budget, options_for(page, page, "sub")), budget_error);
  BOOST_TEST(told.text ==
             "game/sub " + std::to_string(2 * page) + " " + std::to_string(page) + " " + std::to_string(page));
  BOOST_TEST(told.count == 2u);
}

BOOST_AUTO_TEST_CASE(an_alignment_that_is_none_is_misuse_and_refused) {
  memory_budget budget(options_for(page, page));
  const test::misuse_watch watch;
  BOOST_CHECK_THROW((void)budget.permanent("p", 1, 0), allocation_error);
  BOOST_TEST(watch.only(misuse_kind::invalid_alignment));
  BOOST_CHECK_THROW((void)budget.transient("t", 1, 3), allocation_error);
  BOOST_TEST(watch.only(misuse_kind::invalid_alignment));
  BOOST_TEST(line_count(budget) == 0u);
}

BOOST_AUTO_TEST_CASE(a_destroyed_handle_gives_nothing_back) {
  memory_budget budget(options_for(page, page));
  for (int i = 1; i <= 4; ++i) {
    { const budget_slice slice = budget.permanent("p", page / 4); }
    BOOST_TEST(budget.permanent_region().taken == page / 4 * static_cast<std::size_t>(i));
    { const budget_slice slice = budget.transient("t", page / 4); }
    BOOST_TEST(budget.transient_region().taken == page / 4 * static_cast<std::size_t>(i));
  }
  BOOST_CHECK_THROW((void)budget.permanent("p", 1), budget_error);
  budget.clear_transient();
  BOOST_CHECK_THROW((void)budget.permanent("p", 1), budget_error);
  BOOST_TEST(budget.transient("t", page).is_current());
}

BOOST_AUTO_TEST_CASE(containers_arenas_and_pools_live_on_slices) {
  memory_budget budget(options_for(1_MiB, 2_MiB));
  budget_slice for_arena = budget.permanent("arena", 256_KiB);
  monotonic_arena raw(for_arena.data(), for_arena.size());
  *raw.push<int>() = 1;
  budget_slice for_chain = budget.permanent("chain", 256_KiB);
  budget_slice for_pool = budget.transient("pool", 1_MiB);
  for (int round = 0; round < 20; ++round) {
    chained_arena chain(&for_chain);
    std::pmr::unsynchronized_pool_resource pool(&for_pool);
    std::pmr::vector<std::pmr::string> words(&chain);
    std::pmr::vector<std::pmr::string> others(&pool);
    for (int i = 0; i < 300; ++i) {
      words.emplace_back("a word longer than the small string optimisation");
      others.emplace_back("another word longer than the small string optimisation");
    }
    BOOST_TEST(for_chain.used() > 10000u);
  }
  BOOST_TEST(for_chain.used() == 0u);
  BOOST_TEST(for_pool.used() == 0u);
  BOOST_TEST(line_of(budget, "chain").high_water == for_chain.high_water());
}

BOOST_AUTO_TEST_CASE(the_handler_hears_of_what_is_needed_and_not_of_what_would_be_good) {
  memory_budget_options options = options_for(1_MiB, 0);
  options.on_overflow = overflow_action::fall_back;
  memory_budget budget(options);
  budget_slice for_array = budget.permanent("array", 4000);
  vlarray<int> array(&for_array);
  while (array.size() < 1000) array.push_back(1);
  BOOST_TEST(for_array.owns(array.data()));
  BOOST_TEST(for_array.refused() == 0u);

  budget_slice for_chain = budget.permanent("chain", 4000);
  chained_arena chain(&for_chain);
  for (int i = 0; i < 30; ++i) BOOST_TEST(for_chain.owns(chain.allocate(64)));
  BOOST_TEST(for_chain.refused() == 0u);
  BOOST_TEST(!for_chain.owns(chain.allocate(4000)));
  BOOST_TEST(for_chain.refused() == 1u);
}

// ---- frames

BOOST_AUTO_TEST_CASE(clear_transient_makes_transient_handles_stale_and_leaves_permanent_ones_alone) {
  memory_budget budget(options_for(page, page));
  budget_slice world = budget.permanent("world", 100);
  void* kept = world.allocate(50);
  std::memset(kept, 'w', 50);
  const budget_slice a = budget.transient("a", 100);
  const budget_slice b = budget.transient("b", 100);
  const std::byte* const start = a.data();
  budget.clear_transient();
  BOOST_TEST(!a.is_current());
  BOOST_TEST(!b.is_current());
  BOOST_TEST(world.is_current());
  BOOST_TEST(world.used() == 50u);
  BOOST_TEST(static_cast<char*>(kept)[49] == 'w');
  BOOST_TEST(budget.transient_region().taken == 0u);
  BOOST_TEST(budget.transient_region().most_taken == align_up(100, alignof(std::max_align_t)) + 100);
  const budget_slice next = budget.transient("c", page);
  BOOST_TEST(next.data() == start);
  budget.clear_transient();
  budget.clear_transient();
}

BOOST_AUTO_TEST_CASE(frames_go_on_for_ever_and_a_name_keeps_its_counters) {
  memory_budget budget(options_for(page, 4 * page));
  for (std::size_t frame = 1; frame <= 1000; ++frame) {
    budget_slice particles = budget.transient("particles", 2 * page);
    budget_slice sounds = budget.transient("sounds", page);
    (void)particles.allocate(frame);
    (void)sounds.try_allocate(frame == 500 ? 2 * page : 10);
    budget.clear_transient();
  }
  BOOST_TEST(line_count(budget) == 2u);
  const budget_line particles = line_of(budget, "particles");
  BOOST_TEST(particles.high_water == 1000u);
  BOOST_TEST(particles.refused == 0u);
  BOOST_TEST(particles.bytes == 2 * page);
  BOOST_TEST(particles.taken == 0u);
  BOOST_TEST(particles.used == 0u);
  BOOST_TEST(!particles.live);
  BOOST_TEST((particles.part == budget_part::transient));
  const budget_line sounds = line_of(budget, "sounds");
  BOOST_TEST(sounds.high_water == 10u);
  BOOST_TEST(sounds.refused == 1u);
  BOOST_TEST(budget.transient_region().most_taken == 3 * page);
}

// ---- seal

BOOST_AUTO_TEST_CASE(a_sealed_budget_gives_no_more_parts_away) {
  memory_budget budget(options_for(4 * page, page));
  budget_slice world = budget.permanent("world", 100);
  const budget_slice frame = budget.transient("frame", 100);
  budget.seal();
  const auto refused = [&](auto ask) {
    const budget_error error = error_of(ask);
    return error.in_the_way() == budget_limit::sealed && error.code() == memory_errc::limit_reached &&
           std::string(error.what()).find("in the way: the budget is sealed") != std::string::npos;
  };
  BOOST_TEST(refused([&] { (void)budget.permanent("late", 1); }));
  BOOST_TEST(refused([&] { (void)budget.transient("late", 1); }));
  BOOST_TEST(refused([&] { memory_budget sub(budget, options_for(page, 0)); }));
  BOOST_TEST(error_of([&] { (void)budget.permanent("late", 1, 1); }).available() == 4 * page - 100);
  BOOST_TEST(world.allocate(100, 1) != nullptr);
  BOOST_TEST(frame.is_current());
  BOOST_TEST(budget.refused() == 0u);
  BOOST_TEST(line_count(budget) == 2u);
  budget.seal(seal_scope::permanent);  // takes nothing back
  BOOST_TEST(refused([&] { (void)budget.transient("late", 1); }));
}

BOOST_AUTO_TEST_CASE(a_seal_on_permanent_parts_lets_frames_go_on) {
  memory_budget budget(options_for(4 * page, page));
  budget.seal(seal_scope::permanent);
  BOOST_CHECK_THROW((void)budget.permanent("late", 1), budget_error);
  BOOST_CHECK_THROW(memory_budget(budget, options_for(page, 0)), budget_error);
  for (int i = 0; i < 3; ++i) {
    BOOST_TEST(budget.transient("frame", page).is_current());
    budget.clear_transient();
  }
  budget.seal();
  BOOST_CHECK_THROW((void)budget.transient("frame", page), budget_error);
}

// ---- sub-budgets

BOOST_AUTO_TEST_CASE(a_sub_budget_is_a_budget_within_its_parents_permanent_region) {
  memory_budget game(options_for(16 * page, page));
  const budget_slice before = game.permanent("before", 10);
  memory_budget audio(game, options_for(2 * page - 5, page, "audio"));
  BOOST_TEST(audio.permanent_region().size == 2 * page);
  BOOST_TEST(audio.transient_region().size == page);
  BOOST_TEST(game.permanent_region().taken == 4 * page);
  budget_slice samples = audio.permanent("samples", 2 * page, page);
  const budget_slice mix = audio.transient("mix", page, page);
  BOOST_TEST(samples.data() == before.data() + page);
  BOOST_TEST(mix.data() == samples.data() + 2 * page);
  std::memset(samples.data(), 1, samples.size());
  std::memset(mix.data(), 2, mix.size());
  const budget_slice behind = game.permanent("behind", 10);
  BOOST_TEST(behind.data() == mix.data() + page);
  game.clear_transient();
  BOOST_TEST(mix.is_current());
  audio.clear_transient();
  BOOST_TEST(!mix.is_current());
  BOOST_TEST(samples.is_current());
  audio.seal();
  BOOST_TEST(game.permanent("more", 10).is_current());
  BOOST_CHECK_THROW((void)audio.transient("more", 10), budget_error);
}

BOOST_AUTO_TEST_CASE(a_parents_report_follows_a_sub_budget) {
  memory_budget game(options_for(16 * page, page));
  {
    memory_budget audio(game, options_for(2 * page, page, "audio"));
    const budget_slice samples = audio.permanent("samples", 100, 1);
    const budget_slice mix = audio.transient("mix", 200, 1);
    BOOST_TEST(line_of(game, "audio").used == 300u);
    audio.clear_transient();
    BOOST_CHECK_THROW((void)audio.permanent("late", 100 * page), budget_error);
    const budget_line line = line_of(game, "audio");
    BOOST_TEST((line.part == budget_part::sub_budget));
    BOOST_TEST(line.bytes == 3 * page);
    BOOST_TEST(line.taken == 3 * page);
    BOOST_TEST(line.used == 100u);
    BOOST_TEST(line.high_water == 300u);
    BOOST_TEST(line.refused == 1u);
    BOOST_TEST(line.live);
  }
  const budget_line line = line_of(game, "audio");
  BOOST_TEST(!line.live);
  BOOST_TEST(line.taken == 3 * page);  // nothing comes back
  BOOST_TEST(line.high_water == 300u);
  memory_budget again(game, options_for(page, 0, "audio"));
  BOOST_TEST(line_of(game, "audio").bytes == page);
  BOOST_TEST(line_of(game, "audio").taken == 4 * page);
  BOOST_TEST(line_of(game, "audio").high_water == 300u);
  BOOST_TEST(line_count(game) == 1u);
}

BOOST_AUTO_TEST_CASE(a_sub_budget_that_does_not_fit_leaves_its_parent_as_it_was) {
  memory_budget game(options_for(4 * page, page));
  const budget_slice before = game.permanent("before", 10);
  const std::string was = picture(game);
  for (const auto& [permanent, transient] :
       {std::pair(4 * page, std::size_t{0}), {2 * page, 2 * page}, {none, none}, {none / 2, none / 2}, {none, 1}}) {
    const budget_error error =
        error_of([&, p = permanent, t = transient] { memory_budget sub(game, options_for(p, t, "sub")); });
    BOOST_TEST((error.in_the_way() == budget_limit::budget));
    BOOST_TEST(error.available() == 4 * page - 10);
    BOOST_TEST(error.part_name() == "sub");
    BOOST_TEST(error.resource_name() == "game");
    BOOST_TEST(game.permanent_region().taken == 10u);
    BOOST_TEST(line_count(game) == 1u);
  }
}

BOOST_AUTO_TEST_CASE(a_sub_budget_that_fails_at_any_call_leaves_its_parent_as_it_was) {
  std::size_t failed = 0;
  for (std::size_t nth = 1;; ++nth) {
    memory_budget game(options_for(4 * page, page));
    const std::string before = picture(game);
    const std::size_t maps = test::map_count();
    const auto kinds = os::os_call::map | os::os_call::protect | os::os_call::advise;
    const os::failure_injection injection(nth, kinds, os::failure_injection::rule::from_then_on);
    try {
      memory_budget sub(game, options_for(page, 0, "sub"));
      BOOST_TEST(sub.permanent("s", page).is_current());
    } catch (const budget_error& error) {
      ++failed;
      BOOST_TEST((error.in_the_way() == budget_limit::system));
      BOOST_TEST(error.part_name() == "sub");
      BOOST_TEST(picture(game) == before);
      if (!test::under_thread_sanitizer()) BOOST_TEST(test::map_count() == maps);  // it adds some of its own
    }
    if (!injection.fired()) break;
  }
  BOOST_TEST(failed >= 2u);
}

BOOST_AUTO_TEST_CASE(sub_budgets_have_sub_budgets) {
  memory_budget game(options_for(8 * page, 0));
  memory_budget child(game, options_for(4 * page, 0, "child"));
  memory_budget grandchild(child, options_for(2 * page, page, "grandchild"));
  BOOST_TEST(grandchild.transient("t", page).is_current());
  BOOST_TEST(line_of(game, "child").used == 3 * page);
}

// ---- outliving

BOOST_AUTO_TEST_CASE(a_slice_that_outlives_its_budget_is_caught_and_stale) {
  for (const bool checked : {false, true}) {
    const test::misuse_watch watch;
    memory_budget_options options = options_for(page, page);
    options.checked = checked;
    auto budget = std::make_unique<memory_budget>(options);
    budget_slice slice = budget->permanent("world", 100);
    const budget_slice frame = budget->transient("frame", 100);
    (void)slice.allocate(10);
    const std::byte* const data = slice.data();
    budget.reset();
    BOOST_REQUIRE(watch.count() == 2u);
    BOOST_TEST((watch[0].kind == misuse_kind::outlived_budget));
    BOOST_TEST(watch[0].address == data);
    BOOST_TEST((watch[1].kind == misuse_kind::outlived_budget));
    watch.forget();
    BOOST_TEST(!slice.is_current());
    BOOST_TEST(!frame.is_current());
    BOOST_TEST(slice.data() == nullptr);
    BOOST_CHECK_THROW((void)slice.allocate(1), allocation_error);
    BOOST_TEST((checked ? watch.only(misuse_kind::stale_slice) : watch.nothing()));
    budget_slice moved(std::move(slice));
  }
  const auto outcome = test::run_child("slice_outlives_budget");
  BOOST_TEST(outcome.aborted());
  BOOST_TEST(outcome.says("allot: misuse of world: still alive when its budget ends"));
}

BOOST_AUTO_TEST_CASE(a_stale_slice_may_outlive_its_budget) {
  const test::misuse_watch watch;
  auto budget = std::make_unique<memory_budget>(options_for(page, page));
  const budget_slice frame = budget->transient("frame", 100);
  budget->clear_transient();
  budget.reset();
  BOOST_TEST(watch.nothing());
  BOOST_TEST(!frame.is_current());
}

BOOST_AUTO_TEST_CASE(a_sub_budget_that_outlives_its_parent_is_caught_and_empty) {
  const test::misuse_watch watch;
  auto game = std::make_unique<memory_budget>(options_for(16 * page, page));
  memory_budget audio(*game, options_for(4 * page, page, "audio"));
  auto inner = std::make_unique<memory_budget>(audio, options_for(page, page, "inner"));
  const budget_slice samples = audio.permanent("samples", 100);
  const budget_slice deep = inner->transient("deep", 100);
  game.reset();
  BOOST_TEST(watch.only(misuse_kind::outlived_budget));
  BOOST_TEST(!samples.is_current());
  BOOST_TEST(!deep.is_current());
  BOOST_TEST(audio.permanent_region().size == 0u);
  BOOST_CHECK_THROW((void)audio.permanent("late", 1), budget_error);
  BOOST_CHECK_THROW((void)inner->transient("late", 1), budget_error);
  audio.clear_transient();
  inner.reset();
  BOOST_TEST(watch.nothing());
}

// ---- books

BOOST_AUTO_TEST_CASE(a_line_follows_its_slice) {
  memory_budget budget(options_for(4 * page, page));
  std::optional<budget_slice> slice;
  slice.emplace(budget.permanent("world", 1000, 1));
  (void)slice->allocate(10, 1);
  void* p = slice->allocate(90, 1);
  slice->deallocate(p, 90, 1);
  (void)slice->try_allocate(1000, 1);
  budget_line line = line_of(budget, "world");
  BOOST_TEST((line.part == budget_part::permanent));
  BOOST_TEST(line.bytes == 1000u);
  BOOST_TEST(line.taken == 1000u);
  BOOST_TEST(line.used == 10u);
  BOOST_TEST(line.high_water == 100u);
  BOOST_TEST(line.refused == 1u);
  BOOST_TEST(line.live);
  {
    budget_slice moved(std::move(*slice));
    slice.reset();
    (void)moved.allocate(500, 1);
    line = line_of(budget, "world");
    BOOST_TEST(line.used == 510u);
    BOOST_TEST(line.live);
  }
  line = line_of(budget, "world");
  BOOST_TEST(!line.live);
  BOOST_TEST(line.used == 510u);  // as last known: blocks may live on
  BOOST_TEST(line.high_water == 510u);

  const budget_slice again = budget.permanent("world", 50, 1);
  line = line_of(budget, "world");
  BOOST_TEST(line_count(budget) == 1u);
  BOOST_TEST(line.live);
  BOOST_TEST(line.bytes == 50u);
  BOOST_TEST(line.taken == 1050u);
  BOOST_TEST(line.used == 0u);
  BOOST_TEST(line.high_water == 510u);
  BOOST_TEST(line.refused == 1u);
}

BOOST_AUTO_TEST_CASE(live_slices_of_one_name_and_slices_of_another_kind_have_lines_of_their_own) {
  memory_budget budget(options_for(4 * page, page));
  const budget_slice a = budget.permanent("same", 10);
  const budget_slice b = budget.permanent("same", 10);
  const budget_slice c = budget.transient("same", 10);
  BOOST_TEST(line_count(budget) == 3u);
  const std::string long_name(100, 'x');
  { const budget_slice d = budget.permanent(long_name, 10); }
  { const budget_slice d = budget.permanent(long_name, 10); }
  BOOST_TEST(line_count(budget) == 4u);
  BOOST_TEST(line_of(budget, long_name.substr(0, 31)).taken <= 32u);
}

BOOST_AUTO_TEST_CASE(lines_add_up_to_the_regions) {
  memory_budget budget(options_for(64 * page, 16 * page));
  std::deque<budget_slice> slices;
  std::vector<std::unique_ptr<memory_budget>> subs;
  for (std::size_t i = 0; i < 20; ++i) {
    slices.push_back(budget.permanent("p" + std::to_string(i % 7), i * 10, std::size_t{1} << i % 8));
    slices.push_back(budget.transient("t" + std::to_string(i % 7), i * 20, std::size_t{1} << i % 8));
    if (i % 3 == 0) slices.pop_front();
    if (i % 9 == 0) subs.push_back(std::make_unique<memory_budget>(budget, options_for(page, page, "sub")));
    if (i == 15) budget.clear_transient();
    std::size_t permanent = 0;
    std::size_t transient = 0;
    budget.for_each_line(
        [&](const budget_line& line) { (line.part == budget_part::transient ? transient : permanent) += line.taken; });
    BOOST_TEST(permanent == budget.permanent_region().taken);
    BOOST_TEST(transient == budget.transient_region().taken);
  }
}

BOOST_AUTO_TEST_CASE(books_that_cannot_grow_refuse_the_slice_and_change_nothing) {
  memory_budget budget(options_for(64 * page, 0));
  std::size_t failed = 0;
  for (int i = 0; i < 1500; ++i) {
    const std::string name = "slice " + std::to_string(i);
    const std::string before = i % 100 == 0 ? picture(budget) : "";
    {
      const os::failure_injection injection(1, os::os_call::any, os::failure_injection::rule::from_then_on);
      try {
        const budget_slice slice = budget.permanent(name, 1, 1);
        continue;
      } catch (const budget_error& error) {
        ++failed;
        BOOST_TEST((error.in_the_way() == budget_limit::system));
        BOOST_TEST(error.part_name() == name);
      }
    }
    if (!before.empty()) BOOST_TEST(picture(budget) == before);
    const budget_slice slice = budget.permanent(name, 1, 1);  // the next call works
  }
  BOOST_TEST(failed >= (sizeof(void*) > 4 ? 2u : 1u));
  BOOST_TEST(line_count(budget) == 1500u);
  BOOST_TEST(budget.permanent_region().taken == 1500u);
}

BOOST_AUTO_TEST_CASE(more_names_than_the_books_hold_are_refused) {
  memory_budget budget(options_for(64 * page, 0));
  std::size_t names = 0;
  std::optional<budget_error> refused;
  for (; !refused && names < 100000; ++names) {
    try {
      (void)budget.permanent("slice " + std::to_string(names), 1, 1);
    } catch (const budget_error& error) {
      refused = error;
    }
  }
  BOOST_REQUIRE(refused.has_value());
  BOOST_TEST(names > 9000u);
  BOOST_TEST((refused->in_the_way() == budget_limit::names));
  BOOST_TEST((refused->code() == memory_errc::limit_reached));
  BOOST_TEST(refused->available() == 0u);
  const std::string what = refused->what();
  BOOST_TEST(what.find("available 0 names; in the way: the number of names") != what.npos, what);
  BOOST_TEST(budget.permanent("slice 0", 1, 1).is_current());  // a name that is there
}

BOOST_AUTO_TEST_CASE(the_report_is_a_table_with_totals) {
  if (page != 4096) return test::skip("the figures expected are those of pages of 4 KiB");
  memory_budget budget(options_for(16 * 4096, 4096));
  budget_slice world = budget.permanent("world", 20000, 1);
  (void)world.allocate(12345, 1);
  (void)world.try_allocate(20000, 1);
  memory_budget audio(budget, options_for(4096, 0, "audio"));
  {
    budget_slice frame = budget.transient("frame with a longer name", 100, 1);
    (void)frame.allocate(99, 1);
    budget.clear_transient();
  }
  BOOST_CHECK_THROW((void)budget.transient("late", 5000), budget_error);
  std::ostringstream out;
  out << std::hex << std::setw(40) << std::setfill('*');
  budget.report(out);
  const std::string expected =
      "game                      kind        bytes  taken   used  high water  refused\n"
      "world                     permanent   20000  20000  12345       12345        1  live\n"
      "audio                     sub-budget   4096   4576      0           0        0  live\n"
      "frame with a longer name  transient     100      0      0          99        0  gone\n"
      "in all                    permanent   65536  24576  12345       24576        1\n"
      "in all                    transient    4096      0      0         100        0\n"
      "1 part did not fit\n";
  if (page == 4096) BOOST_TEST(out.str() == expected);
}

BOOST_AUTO_TEST_CASE(a_visitor_may_call_the_budget) {
  memory_budget budget(options_for(page, page));
  const budget_slice a = budget.permanent("a", 10);
  std::size_t visits = 0;
  budget.for_each_line([&](const budget_line&) {
    ++visits;
    if (visits < 3) (void)budget.permanent("new " + std::to_string(visits), 1);
    (void)budget.permanent_region();
  });
  BOOST_TEST(visits == 3u);
}

// ---- threads

BOOST_AUTO_TEST_CASE(threads_make_and_use_slices_while_another_reports) {
  memory_budget budget(options_for(8_MiB, page));
  std::atomic<bool> done{false};
  std::thread reporter([&] {
    while (!done) {
      std::ostringstream out;
      budget.report(out);
    }
  });
  std::vector<std::thread> workers;
  std::atomic<std::size_t> wrong{0};
  for (int t = 0; t < 4; ++t)
    workers.emplace_back([&, t] {
      for (int round = 0; round < 50; ++round) {
        budget_slice slice = budget.permanent("worker " + std::to_string(t), 4000, 1);
        std::vector<std::pair<char*, std::size_t>> blocks;
        for (std::size_t i = 1; i < 50; ++i) {
          auto* p = static_cast<char*>(slice.allocate(i, 1));
          std::memset(p, t, i);
          blocks.emplace_back(p, i);
        }
        budget_slice moved(std::move(slice));
        for (const auto& [p, bytes] : blocks) {
          if (p[bytes - 1] != t) ++wrong;
          moved.deallocate(p, bytes, 1);
        }
        (void)moved.try_allocate(4001, 1);
      }
    });
  for (std::thread& worker : workers) worker.join();
  done = true;
  reporter.join();
  BOOST_TEST(wrong == 0u);
  BOOST_TEST(budget.permanent_region().taken == 4u * 50 * 4000);
  for (int t = 0; t < 4; ++t) {
    const budget_line line = line_of(budget, "worker " + std::to_string(t));
    BOOST_TEST(line.taken == 200000u);
    BOOST_TEST(line.high_water == 1225u);
    BOOST_TEST(line.refused == 50u);
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(budget_errors)

BOOST_AUTO_TEST_CASE(sizes_are_told_exactly_and_in_round_figures) {
  const auto what = [](std::size_t wanted) {
    const std::string text = budget_error({budget_limit::system, "b", {}, wanted}).what();
    const std::size_t start = text.find("wanted ") + 7;
    return text.substr(start, text.find(", available") - start);
  };
  BOOST_TEST(what(0) == "0 bytes");
  BOOST_TEST(what(1) == "1 byte");
  BOOST_TEST(what(1023) == "1023 bytes");
  BOOST_TEST(what(1024) == "1024 bytes (1.0 KiB)");
  BOOST_TEST(what(1536) == "1536 bytes (1.5 KiB)");
  BOOST_TEST(what(1024 * 1024 - 1) == "1048575 bytes (1023.9 KiB)");
  BOOST_TEST(what(1_MiB) == "1048576 bytes (1.0 MiB)");
  BOOST_TEST(what(3_GiB / 2) == "1610612736 bytes (1.5 GiB)");
  if (sizeof(std::size_t) > 4) {
    BOOST_TEST(what(7_TiB) == "7696581394432 bytes (7.0 TiB)");
    BOOST_TEST(what(none) == "18446744073709551615 bytes (15.9 EiB)");
  }
}

BOOST_AUTO_TEST_CASE(the_longest_text_fits) {
  const std::string long_name(100, 'n');
  const budget_error error({budget_limit::map_count, long_name, long_name, none, none / 2 + 1, none - 1,
                            os::status{memory_errc::large_pages_unavailable, 2147483647}});
  const std::string what = error.what();
  BOOST_TEST(what.substr(what.size() - 25) == "(system error 2147483647)", what);
  BOOST_TEST(error.part_name().size() == 31u);
}

BOOST_AUTO_TEST_CASE(a_copy_tells_the_same_and_outlives_the_budget) {
  std::optional<budget_error> copy;
  {
    memory_budget budget(options_for(page, 0));
    copy = error_of([&] { (void)budget.permanent("late", 2 * page); });
  }
  const budget_error again = *copy;
  BOOST_TEST(std::string(again.what()) == copy->what());
  BOOST_TEST(again.resource_name() == "game");
  BOOST_TEST(again.part_name() == "late");
  const std::bad_alloc& base = again;
  BOOST_TEST(std::string(base.what()) == again.what());
}

BOOST_AUTO_TEST_CASE(every_limit_has_words_of_its_own) {
  std::vector<std::string_view> words;
  for (int i = 0; i <= static_cast<int>(budget_limit::system); ++i)
    words.push_back(describe(static_cast<budget_limit>(i)));
  std::sort(words.begin(), words.end());
  BOOST_TEST((std::adjacent_find(words.begin(), words.end()) == words.end()));
  BOOST_TEST(!words.front().empty());
}

BOOST_AUTO_TEST_SUITE_END()
