#include <allot/config/config.hpp>
#include <allot/core/byte_size.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <regex>
#include <string>
#include <string_view>

#include "reference_rows.hpp"
#include "support/access.hpp"
#include "support/child.hpp"
#include "support/machine.hpp"

using namespace allot;
using test::listed_option;
using test::options_below;
using test::stack_for;

namespace {

std::uint64_t number(const std::string& text) {
  const parsed_byte_size size = parse_byte_size(text);
  BOOST_REQUIRE_MESSAGE(size, text);
  return size.bytes;
}

void expect_refused(const std::string& text, const std::string& key, const std::string& says) {
  try {
    check_config(text, "m.toml");
    BOOST_ERROR("accepted: " << text);
  } catch (const config_error& e) {
    BOOST_TEST_CONTEXT("what: " << e.what()) {
      BOOST_TEST(e.key() == key);
      BOOST_TEST((e.line() > 1 && e.column() > 1));
      for (std::string_view rest = says; !rest.empty();) {
        const std::string_view part = rest.substr(0, rest.find('|'));
        BOOST_TEST(e.problem().find(part) != std::string::npos, "does not say: " << part);
        rest.remove_prefix(std::min(rest.size(), part.size() + 1));
      }
    }
  }
}

std::string table(const std::string& strategy, const std::string& options) {
  return "[resources.below]\nstrategy = \"page_resource\"\n[resources.a]\nstrategy = \"" + strategy + "\"\n" + options;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(config_bounds)

BOOST_AUTO_TEST_CASE(a_bound_is_in_force_as_written_and_beyond_it_nothing_is_accepted) {
  if (test::system_page_size() > 16384) return test::skip(test::of_small_pages);
  if (test::narrow) return test::skip(test::of_64_bits);
  const std::regex bounds(
      "(a size|a whole number)(?: that is a power of two)?(?: from (\\w+) to (\\w+)| of at least (\\w+)| of at most "
      "(\\w+))(, or 0)?( \\(.*)?(, or .*)?");
  std::size_t seen = 0;
  for (const std::string& strategy : strategy_names()) {
    if (test::is_users(strategy)) continue;
    for (const listed_option& option : options_below("[resources." + strategy + "]")) {
      std::smatch parts;
      if (option.required || !std::regex_match(option.takes, parts, bounds)) continue;
      BOOST_TEST_CONTEXT(strategy << "." << option.key << ": " << option.takes) {
        const std::string least = parts[2].str() + parts[4].str();
        const std::string most = parts[3].str() + parts[5].str();
        for (const bool upper : {false, true}) {
          if ((upper ? most : least).empty()) continue;
          const std::uint64_t bound = number(upper ? most : least);
          const auto line = [&](std::uint64_t value) { return option.key + " = " + std::to_string(value) + "\n"; };
          const std::uint64_t beyond = upper ? bound + 1 : bound - 1;
          if (upper || bound > 1 || parts[6].length() == 0)
            expect_refused(stack_for(strategy, option, line(beyond)), "resources.top." + option.key,
                           std::to_string(beyond) + " is not allowed; it must be " + option.takes);
          // so large a thing can be asked for, but where there is no such memory it is not to be had
          const std::string text = stack_for(strategy, option, line(bound));
          if (upper && bound > std::uint64_t{1} << (sizeof(void*) < 8 ? 30 : 40)) continue;
          if (option.key == "page_size" && !upper) continue;  // less than the system's is the system's
          if (option.key == "alignment" || option.key == "largest_required_pool_block" ||
              option.key == "largest_bytes" || option.key == "bytes")
            continue;
          const std::string described = parse_config(text).describe();
          const bool is_default =
              option.value == "\"" + (upper ? most : least) + "\"" || option.value == std::to_string(bound);
          const std::string as_size =
              "\n" + option.key + " = \"" + format_byte_size(static_cast<std::size_t>(bound)) + "\"\n";
          BOOST_TEST((is_default || described.find("\n" + line(bound)) != described.npos ||
                      described.find(as_size) != described.npos),
                     described);
          ++seen;
        }
      }
    }
  }
  BOOST_TEST(seen > 30u);
}

BOOST_AUTO_TEST_CASE(what_has_no_effect_beside_the_others_is_refused) {
  const std::string on_below = "upstream = \"below\"\n";
  const struct {
    const char* strategy;
    std::string options;
    const char* key;
    const char* says;
  } wrongs[] = {
      {"chained_arena", "virtual_blocks = true\n" + on_below, "upstream", "only without virtual_blocks"},
      {"chained_arena", "virtual_blocks = true\ngrowth_percent = 200\n", "growth_percent",
       "only without virtual_blocks"},
      {"chained_arena", "huge_pages = true\n", "huge_pages", "only with virtual_blocks = true"},
      {"secure_resource", "level = \"checked\"\nverify_on_allocate = true\n", "verify_on_allocate",
       "only with zero_on_free = true"},
      {"secure_resource", "checked = false\nseed = 7\n", "seed", "only with checked = true"},
      {"pool_resource", "growth = 2.0\n", "growth", "only with spacing = \"geometric\""},
      {"concurrent_pool", "keep_spare = false\n", "keep_spare", "only with returns = \"at_once\""},
      {"coalescing_heap", "first_chunk = 4096\n", "first_chunk", "only with upstream"},
      {"coalescing_heap", "reserve = 1048576\n" + on_below, "reserve", "only without upstream"},
      {"general_resource", "huge_pages = true\n" + on_below, "huge_pages", "only without upstream"},
      {"monotonic_arena", "huge_pages = true\n" + on_below, "huge_pages", "only without upstream"},
      {"scratch_pair", "reserve = 1048576\n" + on_below, "reserve", "only without upstream"},
      {"reserving_resource", "fixed_step = 8192\n", "fixed_step", "only with policy = \"fixed_step\""},
      {"guarded_page_resource", "slots = 4\nslot_bytes = 4096\nquarantine_blocks = 7\n", "quarantine_blocks",
       "only without slots"},
  };
  for (const auto& wrong : wrongs)
    expect_refused(table(wrong.strategy, wrong.options), std::string("resources.a.") + wrong.key,
                   std::string("has no effect here; it is |") + wrong.says);
  const std::string both = "[budgets.a]\npermanent = 4096\n[budgets.b]\npermanent = 1\nparent = \"a\"\n";
  expect_refused(both + "prefault = true\n", "budgets.b.prefault", "only without parent");
  expect_refused(both + "fallback = \"c\"\n[resources.c]\nstrategy = \"page_resource\"\n", "budgets.b.fallback",
                 "only with on_overflow = \"fall_back\"");
  // at its default an option asks for nothing
  check_config(table("coalescing_heap", "first_chunk = \"64KiB\"\n"));
  check_config(table("secure_resource", "level = \"checked\"\nverify_on_allocate = true\nzero_on_free = true\n"));
}

BOOST_AUTO_TEST_CASE(what_could_never_work_is_refused) {
  if (test::narrow) return test::skip(test::of_64_bits);
  const struct {
    const char* strategy;
    const char* options;
    const char* key;
    const char* says;
  } wrongs[] = {
      {"guarded_page_resource", "slots = 4000000000\nslot_bytes = \"1TiB\"\n", "slot_bytes",
       "more than a process has addresses for|slots * slot_bytes must be at most 128TiB"},
      {"sampling_guard_resource", "upstream = \"below\"\nlargest_bytes = \"100TiB\"\n", "largest_bytes",
       "more than a process has addresses for"},
      {"sampling_guard_resource", "upstream = \"below\"\nslots = 4294967296\nrate = 2\nlargest_bytes = \"1MiB\"\n",
       "largest_bytes", "more than a process has addresses for"},
      {"coalescing_heap", "upstream = \"below\"\nfirst_chunk = \"1TiB\"\n", "first_chunk",
       "\"1TiB\" is not allowed; it must be a size from 512B to 1GiB"},
      {"coalescing_heap", "upstream = \"below\"\npage_size = 12288\n", "page_size",
       "12288 is not allowed; it must be a size that is a power of two"},
      {"secure_scratch", "bytes = 9223372036854775807\n", "bytes",
       "is not allowed; it must be a size from 1B to 128TiB"},
      {"secure_scratch", "bytes = \"8EiB\"\n", "bytes", "\"8EiB\" is not allowed; it must be a size from 1B to 128TiB"},
      {"pool_resource", "first_chunk = \"1MiB\"\nlargest_chunk = \"64KiB\"\n", "largest_chunk",
       "is below first_chunk, which is 1MiB"},
      {"coalescing_heap", "upstream = \"below\"\nlargest_chunk = \"32KiB\"\n", "largest_chunk",
       "is below first_chunk, which is 64KiB"},
      {"chained_arena", "first_block = \"1MiB\"\nlargest_block = \"64KiB\"\n", "largest_block",
       "is below first_block, which is 1MiB"},
      {"limiting_resource", "upstream = \"below\"\nlimit = 100\nsoft_limit = 101\n", "soft_limit",
       "is above limit, which is 100B"},
  };
  for (const auto& wrong : wrongs)
    expect_refused(table(wrong.strategy, wrong.options), std::string("resources.a.") + wrong.key, wrong.says);
  expect_refused("[resources.c]\nstrategy = \"page_resource\"\n[budgets.a]\npermanent = 0\n", "budgets.a.permanent",
                 "and transient are both 0");
  // a default makes way for what is written
  const std::string described = parse_config(table("pool_resource", "first_chunk = \"128MiB\"\n")).describe();
  BOOST_TEST(described.find("largest_chunk = \"128MiB\"") != described.npos);
}

BOOST_AUTO_TEST_SUITE_END()
