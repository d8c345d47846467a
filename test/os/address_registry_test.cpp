#include <allot/os/address_registry.hpp>
#include <allot/os/failure_injection.hpp>
#include <allot/pool/pool_resource.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <vector>

using namespace allot;
namespace registry = allot::os::address_registry;

namespace {

std::array<std::byte, 1000> memory;

registry::range range_at(std::size_t at, std::size_t bytes, resource* owner = nullptr, std::string_view name = {}) {
  return {memory.data() + at, bytes, owner, name};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(address_registries)

BOOST_AUTO_TEST_CASE(a_range_is_found_by_each_of_its_addresses_and_by_no_other) {
  pool_resource owner;
  BOOST_TEST(static_cast<bool>(registry::add(range_at(100, 50, &owner, "orders"))));
  for (const std::size_t at : {std::size_t{100}, std::size_t{120}, std::size_t{149}}) {
    const registry::range found = registry::find(memory.data() + at);
    BOOST_TEST(found.begin == memory.data() + 100);
    BOOST_TEST(found.bytes == 50u);
    BOOST_TEST(found.owner == &owner);
    BOOST_TEST(std::string_view(found.name) == "orders");
  }
  for (const std::size_t at : {std::size_t{0}, std::size_t{99}, std::size_t{150}})
    BOOST_TEST(registry::find(memory.data() + at).begin == nullptr);
  registry::remove(memory.data() + 100);
  BOOST_TEST(registry::find(memory.data() + 100).begin == nullptr);
}

BOOST_AUTO_TEST_CASE(ranges_come_and_go_in_any_order) {
  constexpr std::size_t step = 5;  // each of 4 bytes, and one between
  for (std::size_t i = 0; i < 200; ++i) {
    const std::size_t at = (i * 77) % 200 * step;
    BOOST_TEST(static_cast<bool>(registry::add(range_at(at, step - 1))));
  }
  for (std::size_t i = 0; i < 200; i += 2) registry::remove(memory.data() + i * step);
  for (std::size_t i = 0; i < 200; ++i) {
    const std::byte* const begin = memory.data() + i * step;
    BOOST_TEST((registry::find(begin + 3).begin == (i % 2 == 0 ? nullptr : begin)));
    BOOST_TEST(registry::find(begin + 4).begin == nullptr);
  }
  for (std::size_t i = 1; i < 200; i += 2) registry::remove(memory.data() + i * step);
  registry::remove(memory.data());
}

BOOST_AUTO_TEST_CASE(a_range_without_an_owner_keeps_the_name) {
  pool_resource owner;
  BOOST_TEST(static_cast<bool>(registry::add(range_at(10, 100, &owner, "orders"))));
  registry::orphan(memory.data() + 10, 40);
  const registry::range found = registry::find(memory.data() + 49);
  BOOST_TEST(found.owner == nullptr);
  BOOST_TEST(std::string_view(found.name) == "orders");
  BOOST_TEST(registry::find(memory.data() + 50).begin == nullptr);
  registry::remove(memory.data() + 10);
}

BOOST_AUTO_TEST_CASE(where_the_system_refuses_memory_nothing_has_changed) {
  std::size_t added = 0;
  os::status outcome;
  {
    const os::failure_injection injection(1, os::os_call::map, os::failure_injection::rule::from_then_on);
    while (added < memory.size() && (outcome = registry::add(range_at(added, 1)))) ++added;
  }
  BOOST_TEST((outcome.error == memory_errc::out_of_memory));
  for (std::size_t i = 0; i < added; ++i) BOOST_TEST(registry::find(memory.data() + i).begin == memory.data() + i);
  BOOST_TEST(registry::find(memory.data() + added).begin == nullptr);
  BOOST_TEST(static_cast<bool>(registry::add(range_at(added, 1))));
  for (std::size_t i = 0; i <= added; ++i) registry::remove(memory.data() + i);
}

BOOST_AUTO_TEST_SUITE_END()
