#include <algorithm>
#include <allot/config/config.hpp>
#include <allot/core/resource.hpp>
#include <allot/testing/default_resource_guard.hpp>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <memory_resource>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "kits_stack.hpp"
#include "reference_page.hpp"
#include "reference_rows.hpp"
#include "support/child.hpp"
#include "support/conforms.hpp"
#include "support/machine.hpp"

using namespace allot;
using test::configured;
using test::is_users;
using test::listed_option;
using test::options_below;
using test::register_kit;
using test::stack_for;
using test::stack_of;

namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  BOOST_REQUIRE_MESSAGE(in, "cannot read " << file);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool is_good(const std::string& text) {
  try {
    check_config(text);
    return true;
  } catch (const config_error&) {
    return false;
  }
}

/// A value for the option that is not its default; empty when there is none.
std::string other_value(const std::string& strategy, const listed_option& option) {
  if (option.value == "true") return "false";
  if (option.value == "false") return "true";
  for (const char* value : {"131072",
                            "32768",
                            "1024",
                            "32",
                            "16",
                            "2.5",
                            "2",
                            "150",
                            "\"power_of_two\"",
                            "\"start\"",
                            "\"fixed_step\"",
                            "\"transient\"",
                            "\"fall_back\"",
                            "\"at_once\"",
                            "\"paranoid\"",
                            "\"attempt\"",
                            "\"wipe\"",
                            "\"deallocate\"",
                            "\"allocate\"",
                            "\"own_only\""}) {
    if (option.value == value || (option.value == "\"1KiB\"" && std::string(value) == "1024")) continue;
    if (option.value == "\"32KiB\"" && std::string(value) == "32768") continue;
    const std::string line = option.key + " = " + value + "\n";
    if (is_good(stack_for(strategy, option, line))) return value;
  }
  return "";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(config_strategies)

BOOST_AUTO_TEST_CASE(every_resource_of_the_suite_can_be_named) {
  // Bases, what others are made of, what only code can make (a scope, an allocator's adaptor), and instruments of
  // tests and of replays.
  const std::set<std::string> left_out{"resource",         "arena",         "adaptor_resource",  "branching_resource",
                                       "general_tiers",    "secure_base",   "scratch",           "local_arena",
                                       "heap_of_pool",     "request_probe", "limit_reservation", "metered_resource",
                                       "std_pool_on_pages"};
  const fs::path include = fs::path(ALLOT_SOURCE_DIR) / "include/allot";
  std::set<std::string> resources{"resource", "memory_resource"};
  std::vector<std::pair<std::string, std::string>> classes;
  const std::regex definition(R"(class (?:ALLOT_EXPORT )?(\w+)(?: final)?\s*:\s*public\s+(?:[\w:]*::)?(\w+))");
  for (const fs::directory_entry& file : fs::recursive_directory_iterator(include)) {
    if (!file.is_regular_file() || file.path().parent_path().filename() == "testing") continue;
    const std::string text = read(file.path());
    for (std::sregex_iterator at(text.begin(), text.end(), definition), end; at != end; ++at)
      classes.emplace_back((*at)[1], (*at)[2]);
  }
  for (bool more = true; more;) {
    more = false;
    for (const auto& [name, base] : classes) more |= resources.count(base) != 0 && resources.insert(name).second;
  }
  BOOST_TEST(resources.count("concurrent_general_resource") == 1u);
  const std::vector<std::string> names = strategy_names();
  for (const std::string& name : resources) {
    if (left_out.count(name) != 0 || name == "memory_resource") continue;
    BOOST_TEST((std::find(names.begin(), names.end(), name) != names.end()), name << " cannot be named in a config");
  }
}

BOOST_AUTO_TEST_CASE(the_reference_is_up_to_date) {
  if (!test::aligns_to_16) return test::skip(test::of_alignment_16);
  if (test::narrow) return test::skip(test::of_64_bits);
  const fs::path file = fs::path(ALLOT_SOURCE_DIR) / "docs/config_reference.toml";
  BOOST_TEST((read(file) == config_reference()), "build the target config_reference, which writes " << file);
  const fs::path page = fs::path(ALLOT_SOURCE_DIR) / "docs/config_strategies.md";
  BOOST_TEST((read(page) == test::reference_page()), "build the target config_reference, which writes " << page);
}

BOOST_AUTO_TEST_CASE(the_reference_is_a_good_config_and_so_are_all_its_defaults) {
  const testing::default_resource_guard guard(*std::pmr::new_delete_resource());
  const std::string reference = config_reference();
  BOOST_TEST(parse_config(reference).names().size() > 30u);
  // the # goes from every option, but not from the texts about them
  const std::string all = std::regex_replace(reference, std::regex("\n# ([a-z_]+ = )"), "\n$1");
  BOOST_TEST(all.size() < reference.size());
  BOOST_TEST(parse_config(all).names().size() > 30u);
}

BOOST_AUTO_TEST_CASE(every_strategy_describes_itself_as_it_was_written) {
  const testing::default_resource_guard guard(*std::pmr::new_delete_resource());
  register_kit();
  for (const std::string& strategy : strategy_names()) {
    if (is_users(strategy)) continue;
    BOOST_TEST_CONTEXT(strategy) {
      const resource_set first = parse_config(stack_of(strategy, "new_delete_resource"));
      const std::string text = first.describe();
      BOOST_TEST_MESSAGE(text);
      const resource_set second = parse_config(text);
      BOOST_TEST(second.describe() == text);
      BOOST_TEST(text.find("strategy = \"" + strategy + "\"") != text.npos);
      if (const resource* const made = as_resource(first["top"]); made != nullptr) {
        BOOST_TEST(made->kind() == strategy);
        BOOST_TEST(made->name() == "top");
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(every_option_of_every_strategy_reaches_the_resource_and_is_described) {
  // Written in place of these are sizes of blocks there are, and what the standard's library makes of them.
  const std::set<std::string> adjusted{"largest_required_pool_block", "max_blocks_per_chunk"};
  std::size_t seen = 0;
  for (const std::string& strategy : strategy_names()) {
    if (is_users(strategy)) continue;
    for (const listed_option& option : options_below("[resources." + strategy + "]")) {
      if (option.required || option.key == "upstream" || option.key == "name" || option.key == "initial_size" ||
          option.key == "file")
        continue;
      BOOST_TEST_CONTEXT(strategy << "." << option.key) {
        const std::string value = other_value(strategy, option);
        BOOST_TEST(!value.empty());
        const std::string line = option.key + " = " + value + "\n";
        const resource_set first = parse_config(stack_for(strategy, option, line));
        const std::string text = first.describe();
        const std::string sized = option.key + (value == "131072"  ? " = \"128KiB\"\n"
                                                : value == "32768" ? " = \"32KiB\"\n"
                                                                   : " = \"1KiB\"\n");
        const bool same = text.find("\n" + line) != text.npos || text.find("\n" + sized) != text.npos;
        BOOST_TEST((same || adjusted.count(option.key) != 0), text << "has no " << line);
        BOOST_TEST(parse_config(text).describe() == text);
        ++seen;
      }
    }
  }
  BOOST_TEST(seen > 100u);
}

BOOST_AUTO_TEST_CASE(every_option_of_a_budget_is_described) {
  for (const listed_option& option : options_below("[budgets.memory_budget]")) {
    if (option.key == "name" || option.key == "check_available") continue;
    const std::string value = option.key == "on_overflow" ? "\"fall_back\""
                              : option.value == "false"   ? "true"
                                                          : "\"128KiB\"";
    const std::string line = option.key + " = " + value + "\n";
    const std::string more = option.key == "permanent" ? "" : "permanent = \"64KiB\"\n";
    const resource_set made = parse_config("[budgets.b]\ncheck_available = false\n" + more + line +
                                           "[resources.page]\nstrategy = \"page_resource\"\n");
    BOOST_TEST(made.describe().find("\n" + line) != std::string::npos, made.describe() << "has no " << line);
    BOOST_TEST(parse_config(made.describe()).describe() == made.describe());
  }
}

BOOST_AUTO_TEST_CASE(every_stack_of_a_config_keeps_the_promises_of_resources) {
  if (test::mappings_are_slow() || test::emulates_large_pages()) return test::skip(test::takes_hours);
  register_kit();
  for (const std::string& strategy : strategy_names()) {
    if (is_users(strategy)) continue;
    const resource_set probe = parse_config(stack_of(strategy, "new_delete_resource"));
    const resource* const ours = as_resource(probe["top"]);
    if (ours == nullptr) continue;  // the standard's are the standard's affair
    std::string more;
    if (strategy == "sampling_guard_resource") more = "seed = 1\n";  // a twin must do the same
    if (strategy == "monotonic_arena") more = "size = \"512KiB\"\n";
    if (strategy == "tracing_resource") more = "file = \"/dev/null\"\n";
    testing::conformance_subject subject;
    subject.name = "config: " + strategy;
    const bool bounded = strategy == "budget_slice" || strategy == "secure_scratch" || strategy == "monotonic_arena";
    subject.capacity = strategy == "secure_scratch" ? std::size_t{32} << 10
                       : bounded                    ? std::size_t{256} << 10
                                                    : testing::conformance_subject::unlimited;
    const std::string text = stack_of(strategy, "kit", more);
    subject.make = [&](std::pmr::memory_resource& upstream) {
      test::kits_upstream = &upstream;
      return std::make_unique<configured>(std::make_shared<resource_set>(parse_config(text)));
    };
    subject.release = [](std::pmr::memory_resource& memory) { static_cast<configured&>(memory).release(); };
    const bool branches = strategy == "fallback_resource" || strategy == "size_routing_resource";
    // an adaptor keeps no books
    subject.frees_at_destruction = ours->root() == ours && !branches && strategy != "resource_from_allocator";
    subject.keeps_cache_when_refused = false;
    test::expect_conforms(subject);
  }
}

BOOST_AUTO_TEST_SUITE_END()
