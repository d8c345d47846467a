#include <allot/adaptor/adaptor_resource.hpp>
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

#include "support/conforms.hpp"

using namespace allot;

namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  BOOST_REQUIRE_MESSAGE(in, "cannot read " << file);
  return {std::istreambuf_iterator<char>(in), {}};
}

const std::string budget = "[budgets.budget]\npermanent = \"1MiB\"\ncheck_available = false\n";

/// The text of a table for each strategy, with what it must have; `below` is another resource.
std::string table_of(const std::string& strategy) {
  std::string table = "strategy = \"" + strategy + "\"\n";
  const std::string reference = config_reference();
  std::istringstream lines(reference.substr(reference.find("[resources." + strategy + "]")));
  std::string line;
  std::getline(lines, line);
  std::getline(lines, line);
  while (std::getline(lines, line) && (line.empty() || line[0] != '[')) {
    if (line.empty() || line[0] == '#') continue;
    line = std::regex_replace(line, std::regex("\"(page|new_delete)_resource\""), "\"below\"");
    line = std::regex_replace(line, std::regex("\"memory_budget\""), "\"budget\"");
    line = std::regex_replace(line, std::regex("\"4KiB\""), "\"512KiB\"");
    table += line + "\n";
  }
  return table;
}

std::string stack_of(const std::string& strategy, const std::string& below) {
  return budget + "[resources.top]\n" + table_of(strategy) + "[resources.below]\nstrategy = \"" + below + "\"\n";
}

/// Stands between the kit and a resource of a config, and keeps the config.
class configured final : public adaptor_resource {
 public:
  explicit configured(std::shared_ptr<resource_set> set)
      : adaptor_resource(*(*set)["top"], as_resource((*set)["top"])->name()), set_(std::move(set)) {}
  std::string_view kind() const noexcept override { return "configured"; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override { return upstream_allocate(bytes, alignment); }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    upstream_deallocate(p, bytes, alignment);
  }

  std::shared_ptr<resource_set> set_;
};

std::pmr::memory_resource* kits_upstream = nullptr;

/// Hands the kit's upstream to a config.
class outlet final : public std::pmr::memory_resource {
 public:
  explicit outlet(std::pmr::memory_resource* to) : to_(to) {}

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override { return to_->allocate(bytes, alignment); }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    to_->deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  std::pmr::memory_resource* to_;
};

void register_outlet() {
  static const bool once = [] {
    register_strategy("kit", [](strategy_request&) { return std::make_unique<outlet>(kits_upstream); });
    return true;
  }();
  (void)once;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(config_strategies)

BOOST_AUTO_TEST_CASE(every_resource_of_the_suite_can_be_named) {
  // Bases, what others are made of, what only code can make (a scope, an allocator's adaptor), and instruments of
  // tests.
  const std::set<std::string> left_out{
      "resource", "arena",       "adaptor_resource", "branching_resource", "general_tiers",           "secure_base",
      "scratch",  "local_arena", "heap_of_pool",     "request_probe",      "resource_from_allocator", "pages_in_heap"};
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
  const fs::path file = fs::path(ALLOT_SOURCE_DIR) / "docs/config_reference.toml";
  BOOST_TEST((read(file) == config_reference()), "build the target config_reference, which writes " << file);
}

BOOST_AUTO_TEST_CASE(the_reference_is_a_good_config_and_so_are_all_its_defaults) {
  const std::string reference = config_reference();
  check_config(reference);
  // the # goes from every option, but not from the texts about them
  const std::string all = std::regex_replace(reference, std::regex("\n# ([a-z_]+ = )"), "\n$1");
  BOOST_TEST(all.size() < reference.size());
  check_config(all);
}

BOOST_AUTO_TEST_CASE(every_strategy_describes_itself_as_it_was_written) {
  const testing::default_resource_guard guard(*std::pmr::new_delete_resource());
  register_outlet();
  for (const std::string& strategy : strategy_names()) {
    if (strategy == "kit") continue;
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

BOOST_AUTO_TEST_CASE(every_stack_of_a_config_keeps_the_promises_of_resources) {
  register_outlet();
  for (const std::string& strategy : strategy_names()) {
    if (strategy == "kit") continue;
    const resource_set probe = parse_config(stack_of(strategy, "new_delete_resource"));
    const resource* const ours = as_resource(probe["top"]);
    if (ours == nullptr) continue;  // the standard's are the standard's affair
    testing::conformance_subject subject;
    subject.name = "config: " + strategy;
    const bool bounded = strategy == "budget_slice" || strategy == "secure_scratch" || strategy == "monotonic_arena";
    subject.capacity = strategy == "secure_scratch" ? std::size_t{32} << 10
                       : bounded                    ? std::size_t{256} << 10
                                                    : testing::conformance_subject::unlimited;
    subject.make = [&](std::pmr::memory_resource& upstream) {
      kits_upstream = &upstream;
      return std::make_unique<configured>(std::make_shared<resource_set>(parse_config(stack_of(strategy, "kit"))));
    };
    subject.release = [](std::pmr::memory_resource& memory) { static_cast<configured&>(memory).release(); };
    subject.frees_at_destruction = ours->root() == ours;  // an adaptor keeps no books
    subject.keeps_cache_when_refused = false;
    test::expect_conforms(subject);
  }
}

BOOST_AUTO_TEST_SUITE_END()
