#include <allot/block/memory_budget.hpp>
#include <allot/block/page_resource.hpp>
#include <allot/config/config.hpp>
#include <allot/core/resource.hpp>
#include <allot/pool/pool_resource.hpp>
#include <allot/testing/default_resource_guard.hpp>
#include <boost/test/unit_test.hpp>
#include <memory_resource>
#include <string>
#include <utility>
#include <vector>

#include "support/child.hpp"
#include "support/machine.hpp"
#include "support/misuse_watch.hpp"

using namespace allot;
using allot::test::misuse_watch;

namespace {

template <class Resource>
Resource& as(std::pmr::memory_resource* p) {
  return static_cast<Resource&>(*p);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(config)

BOOST_AUTO_TEST_CASE(a_container_stands_on_a_resource_of_a_config) {
  const resource_set resources = parse_config("[resources.entities]\nstrategy = \"pool_resource\"\n");
  std::pmr::vector<int> v(resources["entities"]);
  for (int i = 0; i < 1000; ++i) v.push_back(i);
  BOOST_TEST(v.back() == 999);
  BOOST_TEST(as<pool_resource>(resources["entities"]).name() == "entities");
}

BOOST_AUTO_TEST_CASE(options_reach_the_resource_in_all_the_ways_they_can_be_written) {
  const resource_set resources = parse_config(R"(
[resources.entities]
strategy = "pool_resource"
first_chunk = "1MiB"
largest_chunk = 2097152
largest_slab = "32 KiB"
spacing = "geometric"
growth = 2
page_local = true
magazine_blocks = 32
returns = "at_once"
name = "the entities"
)");
  const pool_resource& pool = as<pool_resource>(resources["entities"]);
  BOOST_TEST(pool.name() == "the entities");
  BOOST_TEST(pool.options().first_chunk == std::size_t{1} << 20);
  BOOST_TEST(pool.options().largest_chunk == std::size_t{2} << 20);
  BOOST_TEST(pool.options().largest_slab == std::size_t{32} << 10);
  BOOST_TEST((pool.options().spacing == size_spacing::geometric));
  BOOST_TEST(pool.options().growth == 2.0);
  BOOST_TEST(pool.options().page_local);
  BOOST_TEST(pool.options().magazine_blocks == 32u);
  BOOST_TEST((pool.options().returns == chunk_return::at_once));
}

BOOST_AUTO_TEST_CASE(sizes_of_a_list_are_the_blocks_of_a_pool) {
  const resource_set resources =
      parse_config("[resources.a]\nstrategy = \"pool_resource\"\nspacing = \"exact\"\nsizes = [24, \"1KiB\", 96]\n");
  pool_resource& pool = as<pool_resource>(resources["a"]);
  void* const p = pool.allocate(70, 8);
  BOOST_TEST(pool.usage().used == 96u);
  pool.deallocate(p, 70, 8);
}

BOOST_AUTO_TEST_CASE(an_upstream_named_twice_is_shared_and_may_come_later_in_the_file) {
  const resource_set resources = parse_config(R"(
[resources.a]
strategy = "pool_resource"
upstream = "pages"
[resources.b]
strategy = "chained_arena"
upstream = "pages"
[resources.pages]
strategy = "page_resource"
)");
  BOOST_TEST(as_resource(resources["a"])->upstream() == resources["pages"]);
  BOOST_TEST(as_resource(resources["b"])->upstream() == resources["pages"]);
}

BOOST_AUTO_TEST_CASE(a_stack_can_be_written_in_place) {
  const resource_set resources = parse_config(R"(
[resources.a]
strategy = "sampling_guard_resource"
rate = 7
upstream = { strategy = "pool_resource", upstream = { strategy = "page_resource", huge_pages = true } }
)");
  resource& guard = *as_resource(resources["a"]);
  resource& pool = *as_resource(guard.upstream());
  BOOST_TEST(guard.kind() == "sampling_guard_resource");
  BOOST_TEST(pool.kind() == "pool_resource");
  BOOST_TEST(pool.name() == "a.upstream");
  BOOST_TEST(as_resource(pool.upstream())->kind() == "page_resource");
  BOOST_TEST(as_resource(pool.upstream())->name() == "a.upstream.upstream");
  BOOST_TEST(resources.find("a.upstream") == nullptr);
  BOOST_TEST(resources.names() == std::vector<std::string>{"a"});
}

BOOST_AUTO_TEST_CASE(without_an_upstream_a_drop_in_takes_the_default_resource) {
  page_resource pages;
  const allot::testing::default_resource_guard guard(pages);
  const resource_set resources = parse_config("[resources.a]\nstrategy = \"pool_resource\"\n");
  BOOST_TEST(as_resource(resources["a"])->upstream() == &pages);
}

BOOST_AUTO_TEST_CASE(the_default_resource_is_installed_and_put_back) {
  std::pmr::memory_resource* const before = std::pmr::get_default_resource();
  {
    const resource_set resources = parse_config("default = \"a\"\n[resources.a]\nstrategy = \"general_resource\"\n");
    BOOST_TEST(std::pmr::get_default_resource() == resources["a"]);
    std::pmr::vector<int> v{1, 2, 3};
    BOOST_TEST(as_resource(resources["a"])->usage().used > 0u);
  }
  BOOST_TEST(std::pmr::get_default_resource() == before);
}

BOOST_AUTO_TEST_CASE(a_default_resource_somebody_installed_later_stays) {
  page_resource pages;
  {
    const resource_set resources = parse_config("default = \"a\"\n[resources.a]\nstrategy = \"page_resource\"\n");
    std::pmr::set_default_resource(&pages);
  }
  BOOST_TEST(std::pmr::get_default_resource() == &pages);
  std::pmr::set_default_resource(nullptr);
}

BOOST_AUTO_TEST_CASE(two_configs_cannot_both_install_a_default_resource) {
  const std::string text = "default = \"a\"\n[resources.a]\nstrategy = \"page_resource\"\n";
  const resource_set first = parse_config(text);
  BOOST_CHECK_EXCEPTION((void)parse_config(text), config_error, [](const config_error& e) {
    return e.key() == "default" && e.line() == 1 && e.problem().find("another config") == 0;
  });
  BOOST_TEST(std::pmr::get_default_resource() == first["a"]);
}

BOOST_AUTO_TEST_CASE(slices_come_from_their_budgets) {
  const resource_set resources = parse_config(R"(
[budgets.game]
permanent = "1MiB"
transient = "64KiB"
[budgets.level]
parent = "game"
permanent = "128KiB"
[resources.sounds]
strategy = "budget_slice"
budget = "game"
bytes = "256KiB"
[resources.frame]
strategy = "budget_slice"
budget = "game"
bytes = 4096
alignment = 64
part = "transient"
[resources.doors]
strategy = "pool_resource"
upstream = { strategy = "budget_slice", budget = "level", bytes = "64KiB" }
)");
  memory_budget& game = resources.budget("game");
  BOOST_TEST(game.permanent_region().size == std::size_t{1} << 20);
  BOOST_TEST(as<budget_slice>(resources["sounds"]).size() == std::size_t{256} << 10);
  BOOST_TEST(as<budget_slice>(resources["frame"]).size() == 4096u);
  BOOST_TEST(resources.budget("level").permanent_region().taken >= std::size_t{64} << 10);
  game.clear_transient();
  BOOST_TEST(as<budget_slice>(resources["frame"]).size() == 0u);
  BOOST_CHECK_EXCEPTION((void)resources.budget("gmae"), config_error, [](const config_error& e) {
    return std::string(e.what()).find("did you mean \"game\"?") != std::string::npos;
  });
}

BOOST_AUTO_TEST_CASE(a_name_that_is_not_there_is_an_error_that_suggests_one) {
  const resource_set resources = parse_config("[resources.entities]\nstrategy = \"page_resource\"\n", "memory.toml");
  BOOST_TEST(resources.find("entites") == nullptr);
  BOOST_CHECK_EXCEPTION((void)resources["entites"], config_error, [](const config_error& e) {
    return std::string(e.what()) ==
           "memory.toml: entites: there is no resource of that name; did you mean \"entities\"? there are: entities";
  });
}

BOOST_AUTO_TEST_CASE(a_set_can_be_moved_and_what_it_was_moved_from_has_nothing) {
  resource_set first = parse_config("[resources.a]\nstrategy = \"page_resource\"\n");
  std::pmr::memory_resource* const a = first["a"];
  resource_set second = std::move(first);
  BOOST_TEST(second["a"] == a);
  BOOST_TEST(first.find("a") == nullptr);
  BOOST_TEST(first.describe().empty());
  BOOST_CHECK_THROW((void)first["a"], config_error);
  first = parse_config("[resources.b]\nstrategy = \"page_resource\"\n");
  BOOST_TEST(first.names() == std::vector<std::string>{"b"});
}

BOOST_AUTO_TEST_CASE(a_resource_is_destroyed_before_what_it_stands_on) {
  // An upstream that goes first would be given chunks back when it is gone: misuse that its books would find, and
  // AddressSanitizer too. Both orders in the file.
  const misuse_watch misuse;
  for (const bool upstream_first : {true, false}) {
    const std::string pages = "[resources.pages]\nstrategy = \"page_resource\"\n";
    const std::string others =
        "[resources.a]\nstrategy = \"pool_resource\"\nupstream = \"heap\"\n"
        "[resources.heap]\nstrategy = \"coalescing_heap\"\nupstream = \"pages\"\n";
    const resource_set resources = parse_config(upstream_first ? pages + others : others + pages);
    std::pmr::memory_resource* const a = resources["a"];
    a->deallocate(a->allocate(100, 8), 100, 8);  // a chunk is held
    BOOST_TEST(as_resource(resources["pages"])->usage().used > 0u);
  }
  BOOST_TEST(misuse.nothing());
}

BOOST_AUTO_TEST_CASE(what_is_built_is_gone_when_a_later_part_cannot_be) {
  if (test::narrow) return test::skip(test::of_64_bits);
  page_resource pages;
  const allot::testing::default_resource_guard guard(pages);
  BOOST_CHECK_EXCEPTION((void)parse_config(R"(default = "a"
[resources.a]
strategy = "page_resource"
[budgets.b]
permanent = "128 TiB"
)",
                                           "memory.toml"),
                        config_error, [](const config_error& e) {
                          return e.key() == "budgets.b" && e.line() == 4 && e.problem().find("cannot be made: ") == 0;
                        });
  BOOST_TEST(std::pmr::get_default_resource() == &pages);
}

BOOST_AUTO_TEST_CASE(checking_a_config_builds_nothing) {
  if (test::narrow) return test::skip(test::of_64_bits);
  std::pmr::memory_resource* const before = std::pmr::get_default_resource();
  check_config("default = \"a\"\n[budgets.b]\npermanent = \"128TiB\"\n[resources.a]\nstrategy = \"page_resource\"\n");
  BOOST_TEST(std::pmr::get_default_resource() == before);
  BOOST_CHECK_THROW(check_config("[resources.a]\nstrategy = \"page\"\n"), config_error);
}

BOOST_AUTO_TEST_SUITE_END()
