// Every adaptor that is as thread-safe as its upstream, used by eight threads at once.

#include <algorithm>
#include <allot/pool/concurrent_pool.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <string>
#include <vector>

#include "adaptor/towers.hpp"
#include "support/worker.hpp"

using namespace allot;

namespace {

struct block {
  unsigned char* bytes;
  std::size_t size;
  unsigned char value;
};

/// Whether all blocks stay as they were written, while others come, go and grow.
bool serves_well(resource& memory, std::size_t thread) {
  bool sound = true;
  std::vector<block> mine;
  const auto give_back = [&](const block& b) {
    sound = sound && std::all_of(b.bytes, b.bytes + b.size, [&](unsigned char byte) { return byte == b.value; });
    memory.deallocate(b.bytes, b.size, 8);
  };
  for (std::size_t i = 0; i < 600; ++i) {
    const std::size_t size = 1 + (i * 37 + thread * 11) % 500;
    const auto value = static_cast<unsigned char>(thread * 16 + i % 16);
    auto* const bytes = static_cast<unsigned char*>(memory.allocate(size, 8));
    std::fill_n(bytes, size, value);
    mine.push_back({bytes, size, value});
    if (i % 7 == 0 && memory.try_expand(mine.back().bytes, size, size + 8, 8)) {
      std::fill_n(mine.back().bytes, size + 8, value);
      mine.back().size += 8;
    }
    if (i % 3 == 0) {
      const std::size_t at = (i * 13) % mine.size();
      give_back(mine[at]);
      mine.erase(mine.begin() + static_cast<std::ptrdiff_t>(at));
    }
    if (i % 100 == 0) sound = sound && memory.usage().used <= memory.usage().reserved;
  }
  for (const block& b : mine) give_back(b);
  return sound;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(adaptors_in_threads)

BOOST_AUTO_TEST_CASE(eight_threads_find_their_blocks_as_they_left_them) {
  for (const test::storey& adaptor : test::storeys()) {
    if (!adaptor.for_threads) continue;
    concurrent_pool pool;
    concurrent_pool beside;
    const std::shared_ptr<resource> memory = adaptor.make(pool, beside);
    std::vector<char> sound(8);
    test::in_threads(8, [&](std::size_t thread) { sound[thread] = serves_well(*memory, thread) ? 1 : 0; });
    BOOST_TEST((std::count(sound.begin(), sound.end(), 1) == 8), adaptor.name);
    BOOST_TEST(memory->check(), adaptor.name);
    (void)memory->trim();  // a quarantine holds some
    BOOST_TEST(pool.usage().used + beside.usage().used == 0u, adaptor.name);
  }
}

BOOST_AUTO_TEST_SUITE_END()
