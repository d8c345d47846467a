#include <allot/config/config.hpp>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <memory_resource>
#include <string>

#include "support/access.hpp"

using namespace allot;

namespace {

bool has(const std::string& all, const std::string& part) { return all.find(part) != all.npos; }

/// What lies in place so many times in each other.
std::string nested(const std::string& before, const std::string& after, int levels) {
  std::string stack = "{ strategy = \"page_resource\" }";
  for (int i = 1; i < levels; ++i) stack = before + stack + after;
  return stack;
}

void expect_too_deep(const std::string& text, const std::string& key_ends) {
  BOOST_CHECK_EXCEPTION(check_config(text), config_error, [&](const config_error& e) {
    const std::string& key = e.key();
    BOOST_TEST_MESSAGE(e.what());
    return has(e.what(), "is nested more than 31 deep") && e.line() != 0 && key.size() >= key_ends.size() &&
           key.compare(key.size() - key_ends.size(), key_ends.size(), key_ends) == 0;
  });
}

void expect_same_again(const std::string& text) {
  const std::string described = parse_config(text).describe();
  BOOST_TEST(parse_config(described).describe() == described);
}

/// An upstream under headers of its own, at that depth, with others below it in place.
std::string under_headers(int headers, int in_place) {
  std::string text;
  std::string path = "[resources.a";
  for (int i = 0; i < headers; ++i) {
    text += path + "]\nstrategy = \"pool_resource\"\nspacing = \"geometric\"\ngrowth = 1.5\n";
    path += ".upstream";
  }
  return text + path + "]\nstrategy = \"pool_resource\"\nspacing = \"geometric\"\ngrowth = 1.5\nupstream = " +
         nested("{ strategy = \"pool_resource\", spacing = \"geometric\", growth = 1.5, upstream = ", " }", in_place);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(config_describe)

BOOST_AUTO_TEST_CASE(a_stack_as_deep_as_can_be_is_described_as_it_can_be_read) {
  expect_same_again(under_headers(15, 16));
  expect_too_deep(under_headers(15, 17), ".upstream");
  const std::string lists = "{ strategy = \"fallback_resource\", upstreams = [";
  const std::string headers =
      "[resources.a]\nstrategy = \"pool_resource\"\n[resources.a.upstream]\nstrategy = \"pool_resource\"\nupstream = ";
  expect_same_again(headers + nested(lists, "] }", 15));
  expect_too_deep(headers + nested(lists, "] }", 16), ".upstreams[0]");
  const std::string route =
      "{ strategy = \"size_routing_resource\", otherwise = { strategy = \"page_resource\" }, routes = [{ to = ";
  expect_same_again(headers + nested(route, " }] }", 10));
  expect_too_deep(headers + nested(route, " }] }", 11), ".to");
}

BOOST_AUTO_TEST_CASE(values_of_users_are_described_as_they_can_be_read) {
  register_strategy("takes_anything", [](strategy_request&) -> std::unique_ptr<std::pmr::memory_resource> {
    return std::make_unique<std::pmr::monotonic_buffer_resource>();
  });
  const std::string head = "[resources.a]\nstrategy = \"takes_anything\"\n";
  const auto lists = [](std::size_t depth) { return std::string(depth, '[') + "1.5" + std::string(depth, ']') + "\n"; };
  check_config(head + "x = " + lists(31));
  const std::string deep = "[resources.a.upstream]\nstrategy = \"takes_anything\"\nx = ";
  check_config(head + deep + lists(30));
  expect_too_deep(head + deep + lists(31), "upstream.x");
}

BOOST_AUTO_TEST_CASE(what_is_rounded_up_is_described_as_it_is) {
  const std::size_t page = test::system_page_size();
  const std::string one_page = '"' + std::to_string(page / 1024) + "KiB\"";
  const std::string room_for_5000 = page < 5000 ? "\"8KiB\"" : one_page;
  const struct {
    const char* strategy;
    const char* option;
    std::string described;
  } rounded[] = {
      {"monotonic_arena", "size = 5000", "size = " + room_for_5000},
      {"monotonic_arena", "size = 5000\nupstream = \"p\"", "size = \"5000B\""},
      {"monotonic_arena", "page_size = 5000", "page_size = " + room_for_5000},
      {"secure_scratch", "bytes = 70000",
       "bytes = \"" + std::to_string((70000 + page - 1) / page * page / 1024) + "KiB\""},
      {"guarded_page_resource", "slots = 2\nslot_bytes = 5000", "slot_bytes = " + room_for_5000},
      {"sampling_guard_resource", "upstream = \"p\"\nlargest_bytes = 5000", "largest_bytes = " + room_for_5000},
      {"coalescing_heap", "page_size = 1024\npage_local = true", "page_local = true"},
      {"secure_resource", "level = \"paranoid\"\nzero_on_free = false", "verify_on_allocate = false"},
  };
  for (const auto& one : rounded) {
    const std::string text = "[resources.p]\nstrategy = \"page_resource\"\n[resources.a]\nstrategy = \"" +
                             std::string(one.strategy) + "\"\n" + one.option + "\n";
    const std::string described = parse_config(text).describe();
    BOOST_TEST(has(described, one.described + '\n'), described);
    expect_same_again(text);
  }
  const std::string budget = parse_config("[budgets.b]\npermanent = 5000\ntransient = 1\n").describe();
  BOOST_TEST(has(budget, "permanent = " + room_for_5000 + "\ntransient = " + one_page + '\n'), budget);
}

BOOST_AUTO_TEST_SUITE_END()
