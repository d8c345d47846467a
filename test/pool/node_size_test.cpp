#include <allot/core/memory_tools.hpp>
#include <allot/pool/node_size.hpp>
#include <allot/pool/pool_resource.hpp>
#include <allot/testing/counting_resource.hpp>
#include <boost/test/unit_test.hpp>
#include <deque>
#include <forward_list>
#include <list>
#include <map>
#include <memory_resource>
#include <set>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "support/child.hpp"

using namespace allot;

namespace {

/// No default constructor, and no order worth the name.
struct stone {
  explicit stone(int w) : weight(w) {}
  friend bool operator<(const stone&, const stone&) { return false; }
  int weight;
  double place[3] = {};
};

/// Whether a pool of nothing but blocks of that size, all made ahead, serves every node of a container.
template <class Container, class Fill>
bool is_the_size_of_nodes(std::size_t bytes, Fill fill) {
  testing::counting_resource upstream;
  pool_options options;
  options.spacing = size_spacing::exact;
  options.sizes = &bytes;
  options.size_count = 1;
  pool_resource pool(options, &upstream);
  pool.preallocate(bytes, 200);
  const std::size_t asked = upstream.calls().size();
  {
    Container container(&pool);
    for (int i = 0; i < 100; ++i) fill(container, i);
  }
  return upstream.calls().size() == asked;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(node_sizes)

BOOST_AUTO_TEST_CASE(a_pool_of_blocks_of_that_size_serves_all_nodes) {
  if (memory_tools::active()) return test::skip("a memory tool wants larger blocks");
  using list = std::pmr::list<int>;
  using forward_list = std::pmr::forward_list<std::pmr::string>;
  using map = std::pmr::map<int, std::pmr::string>;
  using set = std::pmr::set<char>;
  BOOST_TEST(is_the_size_of_nodes<list>(node_size<list>(), [](list& c, int i) { c.push_back(i); }));
  BOOST_TEST(
      is_the_size_of_nodes<forward_list>(node_size<forward_list>(), [](forward_list& c, int) { c.emplace_front(); }));
  BOOST_TEST(is_the_size_of_nodes<map>(node_size<map>(), [](map& c, int i) { c[i] = "short"; }));
  BOOST_TEST(is_the_size_of_nodes<set>(node_size<set>(), [](set& c, int i) { c.insert(static_cast<char>(i)); }));
}

BOOST_AUTO_TEST_CASE(it_is_no_less_than_the_element) {
  BOOST_TEST(node_size<std::pmr::list<int>>() > sizeof(int));
  BOOST_TEST((node_size<std::pmr::unordered_map<int, int>>() >= sizeof(std::pair<const int, int>)));
  BOOST_TEST(node_size<std::pmr::unordered_set<std::pmr::string>>() >= sizeof(std::pmr::string));
  BOOST_TEST((node_size<std::pmr::multimap<int, stone>>(1, stone(2)) >= sizeof(stone)));
  BOOST_TEST((node_size<std::pmr::map<int, int>>() > node_size<std::pmr::list<int>>()));
}

BOOST_AUTO_TEST_CASE(elements_can_be_made_of_what_is_given) {
  BOOST_TEST(node_size<std::pmr::list<stone>>(7) >= sizeof(stone));
  BOOST_TEST(node_size<std::pmr::set<stone>>(7) >= sizeof(stone));
}

BOOST_AUTO_TEST_CASE(what_elements_ask_for_themselves_is_not_the_node) {
  const std::string text(100, 'a');
  using list = std::pmr::list<std::pmr::string>;
  BOOST_TEST(node_size<list>(text.c_str()) == node_size<list>());
  using map = std::pmr::map<int, std::pmr::string>;
  BOOST_TEST(node_size<map>(1, text.c_str()) == node_size<map>());
}

BOOST_AUTO_TEST_CASE(containers_without_nodes_have_none) {
  BOOST_TEST(node_size<std::pmr::vector<int>>() == 0u);
  BOOST_TEST(node_size<std::pmr::deque<int>>() == 0u);
}

BOOST_AUTO_TEST_CASE(what_an_element_throws_passes_on) {
  struct never {
    explicit never(int) { throw std::runtime_error("never"); }
  };
  BOOST_CHECK_THROW((void)node_size<std::pmr::list<never>>(1), std::runtime_error);
}

BOOST_AUTO_TEST_SUITE_END()
