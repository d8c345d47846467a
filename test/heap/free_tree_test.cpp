// The tree of large free blocks against std::set.

#include <algorithm>
#include <allot/heap/free_tree.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <functional>
#include <numeric>
#include <random>
#include <set>
#include <utility>
#include <vector>

using namespace allot;

namespace {

using entry = std::pair<std::size_t, std::size_t>;  // granules, number of the block

/// Blocks for nodes to lie in, and a set that says what is in the tree.
class tree_and_set {
 public:
  explicit tree_and_set(std::size_t blocks) : blocks_(blocks) {}

  void insert(std::size_t block, std::size_t granules) {
    tree_.insert(&blocks_[block], granules);
    set_.insert({granules, block});
  }
  void erase(const entry& gone) {
    tree_.erase(blocks_[gone.second]);
    set_.erase(gone);
  }
  const std::set<entry>& set() const { return set_; }

  /// Invariants, the order, and how many there are.
  bool agrees() const {
    std::size_t count = 0;
    if (!tree_.check(set_.size(), count) || count != set_.size() || tree_.empty() != set_.empty()) return false;
    const free_tree::node* at = tree_.first_of(0);
    for (const entry& each : set_) {
      if (at != &blocks_[each.second] || at->granules != each.first) return false;
      at = free_tree::next(*at);
    }
    return at == nullptr;
  }
  bool first_agrees(std::size_t granules) const {
    const auto expected = set_.lower_bound({granules, 0});
    return tree_.first_of(granules) == (expected == set_.end() ? nullptr : &blocks_[expected->second]);
  }
  /// No way from the root is longer than twice the logarithm.
  bool is_shallow() const {
    std::size_t longest = 0;
    for (const entry& each : set_) {
      std::size_t depth = 0;
      for (const free_tree::node* up = &blocks_[each.second]; up != nullptr; up = up->parent) ++depth;
      longest = std::max(longest, depth);
    }
    std::size_t bits = 0;
    for (std::size_t left = set_.size() + 1; left > 1; left = (left + 1) / 2) ++bits;
    return longest <= 2 * bits;
  }

  free_tree& tree() { return tree_; }
  std::vector<free_tree::node>& blocks() { return blocks_; }

 private:
  mutable std::vector<free_tree::node> blocks_;
  free_tree tree_;
  std::set<entry> set_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(free_trees)

BOOST_AUTO_TEST_CASE(an_empty_tree_has_nothing) {
  const free_tree tree;
  std::size_t count = 1;
  BOOST_TEST(tree.empty());
  BOOST_TEST(tree.first_of(0) == nullptr);
  BOOST_TEST(tree.check(0, count));
  BOOST_TEST(count == 0u);
}

BOOST_AUTO_TEST_CASE(blocks_in_any_order_come_and_go_in_any_order) {
  for (std::size_t count = 1; count <= 6; ++count) {
    std::vector<std::size_t> in(count);
    std::iota(in.begin(), in.end(), std::size_t{0});
    bool good = true;
    do {
      std::vector<std::size_t> out(count);
      std::iota(out.begin(), out.end(), std::size_t{0});
      do {
        tree_and_set both(count);
        for (const std::size_t each : in) both.insert(each, 5000 + each);
        good = good && both.agrees();
        for (const std::size_t each : out) {
          both.erase({5000 + each, each});
          good = good && both.agrees();
        }
      } while (std::next_permutation(out.begin(), out.end()));
    } while (good && std::next_permutation(in.begin(), in.end()));
    BOOST_TEST(good, count);
  }
}

BOOST_AUTO_TEST_CASE(blocks_at_random_are_as_in_a_set) {
  for (unsigned seed = 1; seed <= 6; ++seed) {
    std::mt19937 random(seed);
    constexpr std::size_t most = 600;
    const std::size_t sizes = seed % 3 == 0 ? 3 : 100'000;  // with many of one size, too
    tree_and_set both(most);
    std::vector<std::size_t> idle(most);
    std::iota(idle.begin(), idle.end(), std::size_t{0});
    std::shuffle(idle.begin(), idle.end(), random);
    bool good = true;
    for (int step = 0; step < 8000 && good; ++step) {
      const bool grows = step / 1000 % 2 == 0;
      if (!idle.empty() && (both.set().empty() || random() % 100 < (grows ? 70 : 30))) {
        both.insert(idle.back(), 4096 + random() % sizes);
        idle.pop_back();
      } else {
        auto gone = both.set().lower_bound({4096 + random() % sizes, random() % most});
        if (gone == both.set().end()) gone = both.set().begin();
        idle.push_back(gone->second);
        both.erase(entry(*gone));
        std::swap(idle.back(), idle[random() % idle.size()]);
      }
      good = both.first_agrees(4096 + random() % sizes);
      if (step % 20 == 0) good = good && both.agrees() && both.is_shallow();
    }
    BOOST_TEST(good, "seed " << seed);
    while (!both.set().empty()) both.erase(entry(*both.set().begin()));
    BOOST_TEST(both.agrees());
  }
}

BOOST_AUTO_TEST_CASE(rising_and_falling_sizes_keep_a_tree_shallow) {
  for (const bool rising : {true, false}) {
    tree_and_set both(3000);
    for (std::size_t i = 0; i < 3000; ++i) both.insert(i, rising ? 4096 + i : 9000 - i);
    BOOST_TEST(both.agrees());
    BOOST_TEST(both.is_shallow());
    for (int i = 0; i < 2900; ++i) both.erase(entry(*both.set().begin()));
    BOOST_TEST(both.agrees());
    BOOST_TEST(both.is_shallow());
  }
}

BOOST_AUTO_TEST_CASE(of_equal_blocks_the_lowest_comes_first) {
  tree_and_set both(50);
  for (std::size_t i = 0; i < 50; ++i) both.insert(i * 7 % 50, 5000);
  for (std::size_t i = 0; i < 50; ++i) {
    free_tree::node* const first = both.tree().first_of(4500);
    BOOST_REQUIRE(first == &both.blocks()[i]);
    both.erase({5000, i});
  }
  BOOST_TEST(both.tree().empty());
}

BOOST_AUTO_TEST_CASE(cleared_it_is_empty_and_serves_again) {
  tree_and_set both(10);
  for (std::size_t i = 0; i < 10; ++i) both.insert(i, 5000);
  both.tree().clear();
  BOOST_TEST(both.tree().empty());
  BOOST_TEST(both.tree().first_of(0) == nullptr);
  both.tree().insert(&both.blocks()[3], 7000);
  BOOST_TEST(both.tree().first_of(0) == &both.blocks()[3]);
}

BOOST_AUTO_TEST_CASE(check_finds_what_is_broken) {
  const auto breaks = [](auto damage) {
    tree_and_set both(20);
    for (std::size_t i = 0; i < 20; ++i) both.insert(i, 5000 + i);
    std::size_t count = 0;
    BOOST_TEST_REQUIRE(both.tree().check(20, count));
    free_tree::node* root = &both.blocks()[0];
    while (root->parent != nullptr) root = root->parent;
    damage(*root, both.blocks());
    return !both.tree().check(20, count);
  };
  BOOST_TEST(breaks([](auto& root, auto&) { root.red = true; }));
  BOOST_TEST(breaks([](auto& root, auto&) { root.granules = 1; }));
  BOOST_TEST(breaks([](auto& root, auto&) { std::swap(root.child[0], root.child[1]); }));
  BOOST_TEST(breaks([](auto& root, auto& blocks) { root.parent = &blocks[19]; }));
  BOOST_TEST(breaks([](auto&, auto& blocks) { blocks[19].red = !blocks[19].red; }));
  BOOST_TEST(breaks([](auto&, auto& blocks) { blocks[0].red = !blocks[0].red; }));
  BOOST_TEST(breaks([](auto&, auto& blocks) { blocks[5].granules = blocks[6].granules + 1; }));
  BOOST_TEST(breaks([](auto& root, auto&) { root.child[1] = nullptr; }));
  tree_and_set four(4);
  for (std::size_t i = 0; i < 4; ++i) four.insert(i, 5000 + i);
  std::size_t count = 0;
  BOOST_TEST(four.tree().check(4, count));
  four.blocks()[0].red = four.blocks()[2].red = true;  // as black as each other still, but the last is red, too
  BOOST_TEST(!four.tree().check(4, count));
  tree_and_set both(3);
  for (std::size_t i = 0; i < 3; ++i) both.insert(i, 5000);
  BOOST_TEST(!both.tree().check(2, count));  // more than there may be
}

BOOST_AUTO_TEST_SUITE_END()
