#include <allot/block/page_resource.hpp>
#include <allot/block/reserving_resource.hpp>
#include <allot/config/config.hpp>
#include <allot/core/resource.hpp>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <memory_resource>
#include <new>
#include <string>
#include <vector>

using namespace allot;

namespace {

const std::string text = R"(
[resources.a]
strategy = "pool_resource"
upstream = { strategy = "chained_arena", upstream = "pages" }
[resources.b]
strategy = "new_delete_resource"
[resources.pages]
strategy = "page_resource"
[resources.space]
strategy = "reserving_resource"
[resources.guarded]
strategy = "sampling_guard_resource"
upstream = "b"
[resources.heap]
strategy = "coalescing_heap"
)";

void expect_refused(resource_set& resources, const std::string& name, const std::string& table,
                    const std::string& says) {
  const std::string before = resources.describe();
  std::vector<std::pmr::memory_resource*> places;
  for (const std::string& one : resources.names()) places.push_back(resources[one]);
  BOOST_CHECK_EXCEPTION(resources.replace(name, table), config_error, [&](const config_error& e) {
    BOOST_TEST_MESSAGE(e.what());
    return std::string(e.what()).find(says) != std::string::npos;
  });
  BOOST_TEST(resources.describe() == before);
  std::size_t i = 0;
  for (const std::string& one : resources.names()) BOOST_TEST(resources[one] == places[i++]);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(config_replace)

BOOST_AUTO_TEST_CASE(an_unused_resource_is_replaced_by_one_of_another_strategy) {
  resource_set resources = parse_config(text);
  resources.replace("a", "strategy = \"general_resource\"\nupstream = \"pages\"\n");
  BOOST_TEST(as_resource(resources["a"])->kind() == "general_resource");
  BOOST_TEST(as_resource(resources["a"])->name() == "a");
  std::pmr::vector<int> v(100, 1, resources["a"]);
  BOOST_TEST(resources.describe().find("chained_arena") == std::string::npos);
  BOOST_TEST(parse_config(resources.describe()).describe() == resources.describe());
}

BOOST_AUTO_TEST_CASE(what_the_old_one_held_goes_back_before_its_upstream_goes) {
  resource_set resources = parse_config(text);
  std::pmr::memory_resource* const a = resources["a"];
  a->deallocate(a->allocate(64, 8), 64, 8);
  BOOST_TEST(as_resource(resources["pages"])->usage().used > 0u);
  resources.replace("a", "strategy = \"pool_resource\"\nupstream = { strategy = \"page_resource\" }\n");
  BOOST_TEST(as_resource(resources["pages"])->usage().used == 0u);
  resources.replace("a", "strategy = \"pool_resource\"\n");
  resources.replace("pages", "strategy = \"page_resource\"\nhuge_pages = true\n");  // nothing stands on it any more
  BOOST_TEST(resources.describe().find("huge_pages = true") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_resource_with_live_blocks_is_not_replaced) {
  resource_set resources = parse_config(text);
  const std::string other = "strategy = \"page_resource\"\n";
  {
    const std::pmr::vector<int> v(10, 1, resources["a"]);
    expect_refused(resources, "a", other, "resources.a: cannot be replaced: blocks of it are live, ");
  }
  {
    reservation held = static_cast<reserving_resource&>(*resources["space"]).reserve();
    expect_refused(resources, "space", other, "blocks of it are live");
  }
  resources.replace("space", other);
  resources.replace("a", other);
}

BOOST_AUTO_TEST_CASE(a_resource_that_cannot_tell_or_that_others_stand_on_is_not_replaced) {
  resource_set resources = parse_config(text);
  const std::string other = "strategy = \"page_resource\"\n";
  expect_refused(resources, "b", other, "resources.guarded stands on it");
  expect_refused(resources, "guarded", other, "nobody can tell whether blocks of a sampling_guard_resource are live");
  expect_refused(resources, "pages", other, "resources.a.upstream stands on it");
}

BOOST_AUTO_TEST_CASE(a_bad_replacement_changes_nothing) {
  resource_set resources = parse_config(text);
  expect_refused(resources, "a", "strategy = \"pool_resorce\"",
                 "replacement of resources.a:1:12: resources.a.strategy");
  expect_refused(resources, "a", "strategy = ", "replacement of resources.a:1:12: resources.a.strategy: is no TOML");
  expect_refused(resources, "a", "", "has no strategy");
  expect_refused(resources, "a", "strategy = \"pool_resource\"\nupstream = \"a\"", "stands on itself");
  expect_refused(resources, "a", "strategy = \"pool_resource\"\nupstream = \"none\"", "there is no resource \"none\"");
  expect_refused(resources, "aa", "strategy = \"pool_resource\"", "did you mean \"a\"?");
  expect_refused(resources, "a", "[resources.a]\nstrategy = \"pool_resource\"", "has no strategy");
}

BOOST_AUTO_TEST_CASE(a_replacement_that_cannot_be_made_changes_nothing) {
  static bool fails = false;
  register_strategy("fails_at_times", [](strategy_request&) -> std::unique_ptr<std::pmr::memory_resource> {
    if (fails) throw std::bad_alloc();
    return std::make_unique<page_resource>();
  });
  resource_set resources = parse_config(text);
  fails = true;
  expect_refused(resources, "heap",
                 "strategy = \"pool_resource\"\n"
                 "upstream = { strategy = \"pool_resource\", upstream = { strategy = \"fails_at_times\" } }",
                 "resources.heap.upstream.upstream: cannot be made: ");
  fails = false;
  resources.replace("heap", "strategy = \"fails_at_times\"\n");
  expect_refused(resources, "heap", "strategy = \"page_resource\"\n", "nobody can tell");
}

BOOST_AUTO_TEST_CASE(a_default_resource_stays_the_default_when_it_is_replaced) {
  std::pmr::memory_resource* const before = std::pmr::get_default_resource();
  {
    resource_set resources = parse_config("default = \"heap\"\n" + text);
    BOOST_TEST(std::pmr::get_default_resource() == resources["heap"]);
    resources.replace("heap", "strategy = \"general_resource\"\n");
    BOOST_TEST(as_resource(resources["heap"])->kind() == "general_resource");
    BOOST_TEST(std::pmr::get_default_resource() == resources["heap"]);
  }
  BOOST_TEST(std::pmr::get_default_resource() == before);
}

BOOST_AUTO_TEST_CASE(a_replacement_never_stands_on_the_default_resource_of_its_own_set) {
  std::pmr::memory_resource* const before = std::pmr::get_default_resource();
  for (const char* const strategy : {"pool_resource", "chained_arena", "default_resource"}) {
    resource_set resources = parse_config("default = \"heap\"\n" + text);
    resources.replace("heap", std::string("strategy = \"") + strategy + "\"\n");
    std::pmr::memory_resource* const made = resources["heap"];
    if (const resource* const ours = as_resource(made)) BOOST_TEST(ours->upstream() == before);
    BOOST_TEST(std::pmr::get_default_resource() == made);
    made->deallocate(made->allocate(100), 100);
  }
  BOOST_TEST(std::pmr::get_default_resource() == before);
}

BOOST_AUTO_TEST_CASE(a_block_of_no_bytes_is_live_too) {
  for (const char* const strategy :
       {"pool_resource", "concurrent_pool", "chained_arena", "coalescing_heap", "general_resource", "page_resource",
        "guarded_page_resource", "secure_resource", "concurrent_general_resource", "monotonic_arena", "scratch_pair",
        "secure_scratch", "reserving_resource", "debug_resource\"\nupstream = \"b",
        "limiting_resource\"\nupstream = \"b", "statistics_resource\"\nupstream = \"b"}) {
    BOOST_TEST_CONTEXT(strategy) {
      resource_set resources = parse_config("[resources.x]\nstrategy = \"" + std::string(strategy) +
                                            "\"\n[resources.b]\nstrategy = \"page_resource\"\n");
      std::pmr::memory_resource* const x = resources["x"];
      void* const p = x->allocate(0, 1);
      expect_refused(resources, "x", "strategy = \"page_resource\"\n", "blocks of it are live");
      x->deallocate(p, 0, 1);
      if (resource* const ours = as_resource(x)) ours->release();
      resources.replace("x", "strategy = \"page_resource\"\n");
    }
  }
}

BOOST_AUTO_TEST_CASE(what_many_share_is_looked_at_once) {
  // 2 to the 64 ways from the top down
  std::string towers = "[resources.r64]\nstrategy = \"page_resource\"\n";
  for (int i = 0; i < 64; ++i) {
    const std::string below = "\"r" + std::to_string(i + 1) + "\"";
    towers += "[resources.r" + std::to_string(i) + "]\nstrategy = \"fallback_resource\"\nupstreams = [" + below + ", " +
              below + "]\n";
  }
  resource_set resources = parse_config(towers);
  resources.replace("r0", "strategy = \"zeroing_resource\"\nupstream = \"r1\"\n");
  void* const p = resources["r64"]->allocate(100);
  expect_refused(resources, "r0", "strategy = \"page_resource\"", "blocks of it are live");
  resources["r64"]->deallocate(p, 100);
}

BOOST_AUTO_TEST_CASE(a_resource_can_be_replaced_any_number_of_times) {
  resource_set resources = parse_config(text);
  const std::string other =
      "strategy = \"fallback_resource\"\nupstreams = [{ strategy = \"pool_resource\", upstream = { strategy = "
      "\"chained_arena\", upstream = \"pages\" } }, \"heap\"]\n";
  for (int i = 0; i < 100; ++i) {
    resources.replace("a", other);
    resources["a"]->deallocate(resources["a"]->allocate(100), 100);
    expect_refused(resources, "heap", "strategy = \"page_resource\"\n", "resources.a stands on it");
    resources.replace("a", "strategy = \"pool_resource\"\nupstream = { strategy = \"page_resource\" }\n");
    expect_refused(resources, "a", "strategy = \"pool_resource\"\nupstream = { strategy = \"limiting_resource\" }",
                   "resources.a.upstream: a limiting_resource needs upstream");
  }
  BOOST_TEST(parse_config(resources.describe()).describe() == resources.describe());
}

BOOST_AUTO_TEST_SUITE_END()
