// The lists and the tree of free blocks against a list of them.

#include <algorithm>
#include <allot/heap/free_index.hpp>
#include <allot/heap/free_tree.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <vector>

using namespace allot;

namespace {

/// Room for the node of a block, which is all that is touched of one; of a small one no more than it has.
class blocks_to_list {
 public:
  explicit blocks_to_list(std::size_t count) : nodes_(count) {}

  void* operator[](std::size_t i) { return &nodes_[i]; }

 private:
  std::vector<free_tree::node> nodes_;
};

/// The blocks an index should hold.
class reference {
 public:
  void insert(void* at, std::size_t granules) { blocks_[at] = granules; }
  void remove(void* at) { blocks_.erase(at); }
  std::size_t size() const { return blocks_.size(); }
  bool has(const free_index::block& block) const {
    const auto found = blocks_.find(block.at);
    return found != blocks_.end() && found->second == block.granules;
  }
  /// The size of the smallest block of at least so many granules; 0 where there is none.
  std::size_t best(std::size_t granules) const {
    std::size_t found = 0;
    for (const auto& [at, there] : blocks_)
      if (there >= granules && (found == 0 || there < found)) found = there;
    return found;
  }
  const std::map<void*, std::size_t>& blocks() const { return blocks_; }

 private:
  std::map<void*, std::size_t> blocks_;
};

/// Whether the index visits every block once, and no other.
bool visits_just(const free_index& index, const reference& expected) {
  std::set<void*> seen;
  bool good = true;
  index.for_each(
      [&](const free_index::block& each) { good = good && expected.has(each) && seen.insert(each.at).second; });
  return good && seen.size() == expected.size() && index.check(expected.size());
}

constexpr std::size_t exact = free_index::exact_sizes;
constexpr std::size_t tree_size = free_index::tree_size;

std::size_t some_granules(std::mt19937& random) {
  switch (random() % 4) {
    case 0:
      return random() % 63 + 1;
    case 1:
      return random() % 400 + 1;
    case 2:
      return random() % 6000 + 1;
    default:
      return random() % (2 * tree_size) + 1;
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(free_indexes)

BOOST_AUTO_TEST_CASE(every_size_is_in_the_list_it_should_be_in) {
  std::size_t last = free_index::list_of(1);
  std::size_t wrong = 0;
  for (std::size_t granules = 1; granules < tree_size + 10; ++granules) {
    const std::size_t list = free_index::list_of(granules);
    bool good = list <= free_index::list_count && (list == last || list == last + 1);
    good = good && free_index::least_of(list) <= granules && (granules >= exact || list == granules);
    if (list < free_index::list_count) good = good && free_index::least_of(list + 1) > granules;
    if (list != last) good = good && free_index::least_of(list) == granules;
    if (!good) ++wrong;
    last = list;
  }
  BOOST_TEST(wrong == 0u);
  BOOST_TEST(free_index::list_of(tree_size - 1) == free_index::list_count - 1);
  BOOST_TEST(free_index::list_of(tree_size) == free_index::list_count);
  BOOST_TEST(free_index::list_of(static_cast<std::size_t>(-1)) == free_index::list_count);
  // 32 lists to the doubling.
  for (std::size_t from = 64; from < tree_size; from *= 2)
    BOOST_TEST(free_index::list_of(2 * from - 1) - free_index::list_of(from) == 31u);
}

BOOST_AUTO_TEST_CASE(an_empty_index_has_nothing) {
  free_index index;
  for (const std::size_t granules : {std::size_t{1}, exact - 1, exact, tree_size - 1, tree_size, tree_size * 9}) {
    BOOST_TEST(index.find(granules).at == nullptr);
    BOOST_TEST(index.take(granules).at == nullptr);
    BOOST_TEST(index.find_fitting(granules, granules, [](auto) { return true; }).at == nullptr);
  }
  BOOST_TEST(index.check(0));
  BOOST_TEST(!index.check(1));
}

BOOST_AUTO_TEST_CASE(one_block_serves_what_it_holds_and_no_more) {
  blocks_to_list memory(1);
  for (const std::size_t granules : std::initializer_list<std::size_t>{
           1,   2,    3,    62,   63,   64,   65,   66,   127,     128,           129,       131,
           132, 1000, 4031, 4032, 4094, 4095, 4096, 4097, 100'000, tree_size - 1, tree_size, 3 * tree_size}) {
    free_index index;
    index.insert(memory[0], granules);
    BOOST_TEST(index.check(1));
    BOOST_TEST(index.find(granules + 1).at == nullptr, granules);
    for (std::size_t wanted = 1; wanted <= granules; wanted += wanted < 200 ? 1 : 37 + wanted / 64) {
      const free_index::block found = index.find(wanted);
      BOOST_TEST_REQUIRE(found.at == memory[0], wanted << " of " << granules);
      BOOST_TEST_REQUIRE(found.granules == granules);
    }
    BOOST_TEST(index.find(granules).at == memory[0]);
    BOOST_TEST(index.take(1).at == memory[0]);
    BOOST_TEST(index.check(0));
    BOOST_TEST(index.find(1).at == nullptr);
  }
}

BOOST_AUTO_TEST_CASE(small_blocks_are_found_by_exact_best_fit) {
  blocks_to_list memory(63);
  std::mt19937 random(1);
  free_index index;
  reference expected;
  for (std::size_t i = 0; i < 63; ++i) {
    const std::size_t granules = random() % 63 + 1;
    index.insert(memory[i], granules);
    expected.insert(memory[i], granules);
  }
  while (expected.size() != 0) {
    const std::size_t wanted = random() % 64;
    const std::size_t best = expected.best(std::max<std::size_t>(wanted, 1));
    const free_index::block found = index.take(std::max<std::size_t>(wanted, 1));
    BOOST_TEST_REQUIRE((found.at == nullptr) == (best == 0));
    if (found.at == nullptr) {
      const auto any = expected.blocks().begin();
      index.remove(any->first, any->second);
      expected.remove(any->first);
      continue;
    }
    BOOST_TEST_REQUIRE(found.granules == best);
    expected.remove(found.at);
  }
  BOOST_TEST(index.check(0));
}

BOOST_AUTO_TEST_CASE(large_blocks_are_found_by_exact_best_fit_the_lowest_first) {
  blocks_to_list memory(200);
  std::mt19937 random(2);
  free_index index;
  reference expected;
  for (std::size_t i = 0; i < 200; ++i) {
    const std::size_t granules = tree_size + random() % 50;
    index.insert(memory[i], granules);
    expected.insert(memory[i], granules);
  }
  while (expected.size() != 0) {
    const std::size_t wanted = tree_size + random() % 50;
    const std::size_t best = expected.best(wanted);
    if (best == 0) {
      index.remove(expected.blocks().begin()->first, expected.blocks().begin()->second);
      expected.remove(expected.blocks().begin()->first);
      continue;
    }
    const free_index::block found = index.take(wanted);
    BOOST_TEST_REQUIRE(found.granules == best);
    for (const auto& [at, granules] : expected.blocks())
      if (granules == best) {
        BOOST_TEST_REQUIRE(found.at == at);  // a map is in order of addresses
        break;
      }
    expected.remove(found.at);
  }
}

BOOST_AUTO_TEST_CASE(lists_are_last_in_first_out) {
  for (const std::size_t granules : {std::size_t{5}, std::size_t{100}}) {
    blocks_to_list memory(10);
    free_index index;
    for (std::size_t i = 0; i < 10; ++i) index.insert(memory[i], granules);
    for (std::size_t i = 10; i-- > 0;) BOOST_TEST(index.take(granules).at == memory[i]);
  }
}

BOOST_AUTO_TEST_CASE(a_few_of_the_requests_own_list_are_tried_before_the_next) {
  // 128 to 131 granules share a list.
  BOOST_TEST_REQUIRE(free_index::list_of(128) == free_index::list_of(131));
  constexpr std::size_t tried = free_index::most_tried;
  for (std::size_t too_small = 0; too_small <= tried; ++too_small) {
    blocks_to_list memory(tried + 2);
    free_index index;
    index.insert(memory[0], 200);
    index.insert(memory[1], 131);
    for (std::size_t i = 0; i < too_small; ++i) index.insert(memory[2 + i], 128);
    BOOST_TEST(index.find(130).granules == (too_small < tried ? 131u : 200u), too_small);
    BOOST_TEST(index.find(128).granules == (too_small == 0 ? 131u : 128u));
    BOOST_TEST(index.find(132).granules == 200u);
  }
}

BOOST_AUTO_TEST_CASE(blocks_at_random_are_as_in_a_list_of_them) {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    std::mt19937 random(seed);
    constexpr std::size_t most = 400;
    blocks_to_list memory(most);
    std::vector<void*> idle;
    for (std::size_t i = 0; i < most; ++i) idle.push_back(memory[i]);
    free_index index;
    reference expected;
    bool good = true;
    for (int step = 0; step < 6000 && good; ++step) {
      if (!idle.empty() && random() % 100 < (step / 1000 % 2 == 0 ? 70 : 30)) {
        std::swap(idle.back(), idle[random() % idle.size()]);
        const std::size_t granules = some_granules(random);
        index.insert(idle.back(), granules);
        expected.insert(idle.back(), granules);
        idle.pop_back();
      } else if (expected.size() != 0 && random() % 3 == 0) {
        const auto gone = std::next(expected.blocks().begin(), static_cast<std::ptrdiff_t>(random() % expected.size()));
        idle.push_back(gone->first);
        index.remove(gone->first, gone->second);
        expected.remove(gone->first);
      } else {
        const std::size_t wanted = some_granules(random);
        const std::size_t best = expected.best(wanted);
        const free_index::block found = index.take(wanted);
        // One of the request's own list may be missed, but never for one of a later list than the next that is there.
        good = found.at == nullptr
                   ? best == 0 || (best < tree_size && free_index::list_of(best) == free_index::list_of(wanted))
                   : expected.has(found) && found.granules >= wanted;
        if (found.at != nullptr) {
          const std::size_t next = expected.best(
              wanted < exact || wanted >= tree_size ? wanted : free_index::least_of(free_index::list_of(wanted) + 1));
          good = good && (next == 0 || free_index::list_of(found.granules) <= free_index::list_of(next));
          if (wanted < exact && best < exact) good = good && found.granules == best;
          if (wanted >= tree_size) good = good && found.granules == best;
          expected.remove(found.at);
          idle.push_back(found.at);
        }
      }
      if (step % 50 == 0) good = good && visits_just(index, expected);
    }
    BOOST_TEST(good, "seed " << seed);
    BOOST_TEST(visits_just(index, expected));
    index.clear();
    BOOST_TEST(index.check(0));
    BOOST_TEST(index.find(1).at == nullptr);
  }
}

BOOST_AUTO_TEST_CASE(a_fitting_block_is_chosen_by_the_caller_among_the_smallest) {
  blocks_to_list memory(8);
  free_index index;
  const std::size_t sizes[] = {10, 10, 12, 100, tree_size, tree_size + 1, 300, 2 * tree_size};
  for (std::size_t i = 0; i < 8; ++i) index.insert(memory[i], sizes[i]);
  for (std::size_t i = 0; i < 8; ++i) {
    const auto only = [&](const free_index::block& each) { return each.at == memory[i]; };
    const free_index::block found = index.find_fitting(10, 9 * tree_size, only);
    if (sizes[i] <= 300) BOOST_TEST(found.at == memory[i], i);
    BOOST_TEST(index.find_fitting(sizes[i] + 1, 9 * tree_size, only).at == nullptr);
  }
  const auto none = [](auto) { return false; };
  BOOST_TEST(index.find_fitting(10, tree_size + 1, none).granules == tree_size + 1);  // enough for certain
  BOOST_TEST(index.find_fitting(10, 2 * tree_size + 1, none).at == nullptr);
  std::size_t asked = 0;
  (void)index.find_fitting(1, 2 * tree_size + 1, [&](const free_index::block& each) {
    BOOST_TEST(each.granules >= 1u);
    ++asked;
    return false;
  });
  BOOST_TEST(asked >= 5u);
}

BOOST_AUTO_TEST_CASE(check_finds_what_is_broken) {
  for (const std::size_t granules : {std::size_t{5}, std::size_t{100}, tree_size}) {
    blocks_to_list memory(3);
    free_index index;
    for (std::size_t i = 0; i < 3; ++i) index.insert(memory[i], granules);
    BOOST_TEST(index.check(3));
    BOOST_TEST(!index.check(2));
    BOOST_TEST(!index.check(4));
    void*& link = *static_cast<void**>(memory[1]);
    void* const before = link;
    link = granules < tree_size ? memory[1] : nullptr;
    BOOST_TEST(!index.check(3));
    link = before;
    BOOST_TEST(index.check(3));
  }
}

BOOST_AUTO_TEST_CASE(check_finds_a_list_that_is_empty_and_said_to_be_filled) {
  blocks_to_list memory(1);
  free_index index;
  index.insert(memory[0], 5);
  auto* const head = static_cast<void***>(memory[0])[1];
  head[0] = head[1] = head;
  BOOST_TEST(!index.check(0));
}

BOOST_AUTO_TEST_SUITE_END()
