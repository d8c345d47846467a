// The table of a range's blocks against a simple reference.

#include <algorithm>
#include <allot/heap/granule_table.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <initializer_list>
#include <random>
#include <vector>

using namespace allot;

namespace {

using word_pair = granule_table::word_pair;

/// Memory for a table, with something in it already and words around it that must stay.
class table_memory {
 public:
  explicit table_memory(std::size_t granules) : words_(granule_table::pairs_for(granules) + 2, dirt) {}

  word_pair* data() { return words_.data() + 1; }
  bool kept_within() const { return is_dirt(words_.front()) && is_dirt(words_.back()); }

 private:
  static constexpr word_pair dirt{0xA5A5'5A5A'A5A5'5A5A, 0x5A5A'A5A5'5A5A'A5A5};
  static bool is_dirt(const word_pair& pair) { return pair.starts == dirt.starts && pair.used == dirt.used; }

  std::vector<word_pair> words_;
};

struct block {
  std::size_t at;
  std::size_t granules;
  bool used;
};

/// Whether the table says of every granule what the blocks say, which lie side by side.
bool agrees(const granule_table& table, const std::vector<block>& blocks) {
  bool good = true;
  bool left_used = true;
  std::size_t left_start = static_cast<std::size_t>(-1);
  for (const block& each : blocks) {
    const std::size_t end = each.at + each.granules;
    good = good && table.is_start(each.at) && table.is_used(each.at) == each.used;
    good = good && table.is_used_start(each.at) == each.used && table.size_at(each.at) == each.granules;
    const granule_table::block left = table.before(each.at);
    good = good && left.start == left_start && left.used == left_used;
    for (std::size_t at = each.at; at < end; ++at) {
      good = good && table.is_start(at) == (at == each.at) && table.is_used_start(at) == (at == each.at && each.used);
      const granule_table::block around = table.around(at);
      good = good && around.start == each.at && around.used == each.used;
    }
    left_start = each.at;
    left_used = each.used;
  }
  const std::size_t end = blocks.back().at + blocks.back().granules;
  const granule_table::block last = table.before(end);
  return good && last.start == left_start && last.used == left_used && table.is_start(end) && !table.is_used(end);
}

void note(granule_table& table, const block& noted) {
  if (noted.used) {
    table.set_used(noted.at);
  } else {
    table.set_free(noted.at);
  }
  table.set_size(noted.at, noted.granules, noted.used);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(granule_tables)

BOOST_AUTO_TEST_CASE(a_new_table_has_a_used_block_before_it_and_a_free_one_behind_it) {
  table_memory memory(0);
  granule_table table(memory.data());
  table.start();
  BOOST_TEST(table.is_start(0));
  BOOST_TEST(!table.is_used(0));
  BOOST_TEST(table.before(0).used);
  BOOST_TEST(table.before(0).start == static_cast<std::size_t>(-1));
  BOOST_TEST(memory.kept_within());
}

BOOST_AUTO_TEST_CASE(a_block_of_any_size_is_found_at_any_place_between_any_neighbours) {
  std::size_t wrong = 0;
  for (std::size_t granules = 1; granules <= 400; ++granules) {
    for (std::size_t offset = 0; offset <= 130; ++offset) {
      // All neighbours with every size would take long: the two kinds come in turn.
      const unsigned kinds = static_cast<unsigned>(granules + offset);
      std::vector<block> blocks;
      if (offset != 0) blocks.push_back({0, offset, (kinds & 1U) != 0});
      blocks.push_back({offset, granules, (kinds & 2U) != 0});
      blocks.push_back({offset + granules, 70, (kinds & 4U) != 0});
      const std::size_t all = offset + granules + 70;
      table_memory memory(all);
      granule_table table(memory.data());
      table.clear(all);
      table.start();
      table.move_end(0, all);
      for (const block& each : blocks) note(table, each);
      if (!agrees(table, blocks) || !memory.kept_within()) ++wrong;
    }
  }
  BOOST_TEST(wrong == 0u);
}

BOOST_AUTO_TEST_CASE(all_eight_kinds_of_a_block_and_its_neighbours_are_told_apart) {
  std::size_t wrong = 0;
  for (const std::size_t granules :
       std::initializer_list<std::size_t>{1, 2, 62, 63, 64, 65, 66, 127, 128, 129, 191, 192, 193, 400}) {
    for (std::size_t offset = 1; offset <= 130; ++offset) {
      for (unsigned kinds = 0; kinds < 8; ++kinds) {
        const std::vector<block> blocks{{0, offset, (kinds & 1U) != 0},
                                        {offset, granules, (kinds & 2U) != 0},
                                        {offset + granules, offset, (kinds & 4U) != 0}};
        table_memory memory(granules + 2 * offset);
        granule_table table(memory.data());
        table.clear(granules + 2 * offset);
        table.start();
        table.move_end(0, granules + 2 * offset);
        for (const block& each : blocks) note(table, each);
        if (!agrees(table, blocks) || !memory.kept_within()) ++wrong;
      }
    }
  }
  BOOST_TEST(wrong == 0u);
}

BOOST_AUTO_TEST_CASE(blocks_that_split_and_merge_at_random_are_as_in_a_list_of_them) {
  std::mt19937 random(1);
  for (const std::size_t all :
       {std::size_t{1}, std::size_t{63}, std::size_t{64}, std::size_t{700}, std::size_t{2000}}) {
    table_memory memory(all);
    granule_table table(memory.data());
    table.clear(all);
    table.start();
    table.move_end(0, all);
    std::vector<block> blocks{{0, all, false}};
    note(table, blocks[0]);
    bool good = true;
    for (int step = 0; step < 3000 && good; ++step) {
      const std::size_t i = random() % blocks.size();
      block& chosen = blocks[i];
      if (random() % 2 == 0 && chosen.granules > 1) {
        const std::size_t first = random() % 4 == 0 ? 1 : random() % (chosen.granules - 1) + 1;
        const block rest{chosen.at + first, chosen.granules - first, random() % 2 == 0};
        chosen.granules = first;
        note(table, chosen);
        note(table, rest);
        blocks.insert(blocks.begin() + static_cast<std::ptrdiff_t>(i) + 1, rest);
      } else if (i + 1 < blocks.size()) {
        table.clear_start(blocks[i + 1].at);
        chosen.granules += blocks[i + 1].granules;
        blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        chosen.used = random() % 2 == 0;
        note(table, chosen);
      }
      if (step % 8 == 0 || blocks.size() < 8) good = agrees(table, blocks);
    }
    BOOST_TEST(good, all);
    BOOST_TEST(memory.kept_within());
  }
}

BOOST_AUTO_TEST_CASE(a_table_grows_and_shrinks_at_its_end) {
  std::mt19937 random(2);
  constexpr std::size_t most = 1000;
  table_memory memory(most);
  granule_table table(memory.data());
  table.clear(most);
  table.start();
  std::vector<block> blocks;
  std::size_t end = 0;
  bool good = true;
  for (int step = 0; step < 5000 && good; ++step) {
    if (random() % 3 != 0) {
      const std::size_t to = std::min<std::size_t>(most, end + random() % 200 + 1);
      if (to == end) continue;
      table.move_end(end, to);
      blocks.push_back({end, to - end, random() % 2 == 0});
      note(table, blocks.back());
      end = to;
    } else if (!blocks.empty()) {
      // Part of the last block goes, or all of it.
      block& last = blocks.back();
      const std::size_t kept = random() % last.granules;
      table.move_end(end, last.at + kept);
      end = last.at + kept;
      last.granules = kept;
      if (kept == 0) {
        blocks.pop_back();
      } else {
        note(table, last);
      }
    }
    good = table.is_start(end) && !table.is_used(end) && (blocks.empty() || agrees(table, blocks));
  }
  BOOST_TEST(good);
  BOOST_TEST(memory.kept_within());
}

BOOST_AUTO_TEST_SUITE_END()
