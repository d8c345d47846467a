#include <allot/os/address_registry.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/pool/pool_resource.hpp>
#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <deque>
#include <set>
#include <string_view>
#include <thread>
#include <vector>

using namespace allot;
namespace registry = allot::os::address_registry;

namespace {

std::array<std::byte, 40000> memory;

pool_resource& named(std::string_view name) {
  static std::deque<pool_resource> all;
  pool_options options;
  options.name = name;
  return all.emplace_back(options);
}

registry::range range_at(std::size_t at, std::size_t bytes, resource& owner) {
  return {memory.data() + at, bytes, &owner, owner.kind()};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(address_registries)

BOOST_AUTO_TEST_CASE(a_range_is_found_by_each_of_its_addresses_and_by_no_other) {
  resource& owner = named("orders");
  BOOST_TEST(static_cast<bool>(registry::add(range_at(100, 50, owner))));
  for (const std::size_t at : {std::size_t{100}, std::size_t{120}, std::size_t{149}}) {
    const registry::found_range found = registry::find(memory.data() + at);
    BOOST_TEST(found.begin == memory.data() + 100);
    BOOST_TEST(found.bytes == 50u);
    BOOST_TEST(found.owner == &owner);
    BOOST_TEST(std::string_view(found.name) == "orders");
    BOOST_TEST(found.kind == "pool_resource");
    BOOST_TEST(registry::is_used_here(found));
  }
  for (const std::size_t at : {std::size_t{0}, std::size_t{99}, std::size_t{150}})
    BOOST_TEST(registry::find(memory.data() + at).begin == nullptr);
  registry::remove(memory.data() + 100, &owner);
  BOOST_TEST(registry::find(memory.data() + 100).begin == nullptr);
}

BOOST_AUTO_TEST_CASE(ranges_come_and_go_in_any_order) {
  resource& owner = named("many");
  constexpr std::size_t step = 5;  // each of 4 bytes, and one between
  constexpr std::size_t count = 8000;
  for (std::size_t i = 0; i < count; ++i)
    BOOST_TEST_REQUIRE(static_cast<bool>(registry::add(range_at((i * 77) % count * step, step - 1, owner))));
  for (std::size_t i = 0; i < count; i += 2) registry::remove(memory.data() + i * step, &owner);
  bool right = true;
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* const begin = memory.data() + i * step;
    right = right && registry::find(begin + 3).begin == (i % 2 == 0 ? nullptr : begin);
    right = right && registry::find(begin + 4).begin == nullptr;
  }
  BOOST_TEST(right);
  for (std::size_t i = 1; i < count; i += 2) registry::remove(memory.data() + i * step, &owner);
  registry::remove(memory.data(), &owner);
}

BOOST_AUTO_TEST_CASE(the_innermost_of_nested_ranges_comes_first_also_where_they_are_alike) {
  std::vector<resource*> owners;
  for (const std::string_view name : {"outer", "middle", "inner", "innermost"}) owners.push_back(&named(name));
  BOOST_TEST(static_cast<bool>(registry::add(range_at(0, 1000, *owners[0]))));
  BOOST_TEST(static_cast<bool>(registry::add(range_at(100, 500, *owners[1]))));
  BOOST_TEST(static_cast<bool>(registry::add(range_at(100, 200, *owners[2]))));
  BOOST_TEST(static_cast<bool>(registry::add(range_at(100, 200, *owners[3]))));
  const registry::findings found = registry::look(memory.data() + 150);
  BOOST_TEST_REQUIRE(found.count == 4u);
  for (std::size_t i = 0; i < 4; ++i) BOOST_TEST(found.live[i].owner == owners[3 - i]);
  BOOST_TEST(registry::find(memory.data() + 450).owner == owners[1]);
  BOOST_TEST(registry::find(memory.data() + 50).owner == owners[0]);
  resource& more = named("one more");
  BOOST_TEST(static_cast<bool>(registry::add(range_at(0, 2000, more))));
  BOOST_TEST(registry::look(memory.data() + 150).outer_left_out);
  registry::remove(memory.data(), &more);
  for (std::size_t i = 0; i < 4; ++i) registry::remove_all(owners[i]);
  BOOST_TEST(registry::look(memory.data() + 150).count == 0u);
}

BOOST_AUTO_TEST_CASE(a_range_can_change_its_size_and_its_owner) {
  resource& first = named("first");
  resource& second = named("second");
  BOOST_TEST(static_cast<bool>(registry::add(range_at(10, 100, first))));
  registry::resize(memory.data() + 10, &first, 200);
  BOOST_TEST(registry::find(memory.data() + 209).owner == &first);
  registry::hand_over(memory.data() + 10, &first, second);
  BOOST_TEST(registry::find(memory.data() + 209).owner == &second);
  registry::remove(memory.data() + 10, &first);
  BOOST_TEST(registry::find(memory.data() + 209).owner == &second);
  registry::remove(memory.data() + 10, &second);
  BOOST_TEST(registry::find(memory.data() + 209).begin == nullptr);
}

BOOST_AUTO_TEST_CASE(what_was_removed_is_remembered_until_somebody_else_comes) {
  resource& first = named("first");
  BOOST_TEST(static_cast<bool>(registry::add(range_at(10, 100, first))));
  {
    const registry::ending end(first);
    registry::remove(memory.data() + 10, &first);
  }
  registry::findings found = registry::look(memory.data() + 50);
  BOOST_TEST(std::string_view(found.gone.name) == "first");
  BOOST_TEST(found.destroyed);
  resource& second = named("second");
  BOOST_TEST(static_cast<bool>(registry::add(range_at(0, 1000, second))));
  BOOST_TEST(registry::look(memory.data() + 50).gone.bytes == 0u);
  registry::remove(memory.data(), &second);
  found = registry::look(memory.data() + 50);
  BOOST_TEST(std::string_view(found.gone.name) == "second");
  BOOST_TEST(!found.destroyed);
}

BOOST_AUTO_TEST_CASE(a_range_without_an_owner_keeps_the_name) {
  resource& owner = named("orders");
  registry::range range = range_at(10, 100, owner);
  range.bounded = true;
  BOOST_TEST(static_cast<bool>(registry::add(range)));
  BOOST_TEST(registry::find_bounded(memory.data() + 49).owner == &owner);
  registry::orphan(memory.data() + 10, &owner, 40);
  const registry::found_range found = registry::find(memory.data() + 49);
  BOOST_TEST(found.owner == nullptr);
  BOOST_TEST(std::string_view(found.name) == "orders");
  BOOST_TEST(registry::find(memory.data() + 50).begin == nullptr);
  BOOST_TEST(!registry::ask(found, [](resource&) {}));
  registry::remove(memory.data() + 10, nullptr, true);
}

BOOST_AUTO_TEST_CASE(every_owner_is_visited_once_also_one_without_addresses) {
  resource& many = named("many");
  resource& none = named("none");
  for (std::size_t i = 0; i < 100; ++i) BOOST_TEST(static_cast<bool>(registry::add(range_at(i * 10, 10, many))));
  BOOST_TEST(static_cast<bool>(registry::add({&none, 0, &none, none.kind()})));
  std::multiset<resource*> visited;
  registry::for_each_owner([&](resource& owner) { visited.insert(&owner); });
  BOOST_TEST(visited.count(&many) == 1u);
  BOOST_TEST(visited.count(&none) == 1u);
  BOOST_TEST(registry::find(&none).owner != &none);
  registry::remove_all(&many);
  registry::remove_all(&none);
}

BOOST_AUTO_TEST_CASE(where_the_system_refuses_memory_nothing_has_changed) {
  resource& owner = named("many");
  std::size_t added = 0;
  os::status outcome;
  {
    const os::failure_injection injection(1, os::os_call::map, os::failure_injection::rule::from_then_on);
    while (added < memory.size() && (outcome = registry::add(range_at(added, 1, owner)))) ++added;
  }
  BOOST_TEST((outcome.error == memory_errc::out_of_memory));
  bool right = true;
  for (std::size_t i = 0; i < added; ++i) right = right && registry::find(memory.data() + i).begin == memory.data() + i;
  BOOST_TEST(right);
  BOOST_TEST(registry::find(memory.data() + added).begin == nullptr);
  BOOST_TEST(static_cast<bool>(registry::add(range_at(added, 1, owner))));
  for (std::size_t i = 0; i <= added; ++i) registry::remove(memory.data() + i, &owner);
}

BOOST_AUTO_TEST_CASE(sixty_four_threads_add_look_and_remove) {
  resource& owner = named("crowd");
  std::vector<std::thread> threads;
  std::atomic<std::size_t> wrong{0};
  for (std::size_t t = 0; t < 64; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t round = 0; round < 50; ++round) {
        const std::size_t at = t * 600 + round % 10 * 50;
        if (!registry::add(range_at(at, 40, owner))) ++wrong;
        const registry::found_range found = registry::find(memory.data() + at + 39);
        if (found.begin != memory.data() + at) ++wrong;
        (void)registry::look(memory.data() + (t + 1) % 64 * 600 + 20, registry::patience::little);
        registry::remove(memory.data() + at, &owner);
        if (registry::find(memory.data() + at + 39).begin == memory.data() + at) ++wrong;
      }
    });
  for (std::thread& each : threads) each.join();
  BOOST_TEST(wrong == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
