// What eight threads may do with one debug_resource at a time.

#include <allot/adaptor/debug_resource.hpp>
#include <allot/adaptor/leak_list.hpp>
#include <allot/general/concurrent_general_resource.hpp>
#include <allot/pool/concurrent_pool.hpp>
#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstring>
#include <memory_resource>
#include <mutex>
#include <random>
#include <vector>

#include "support/misuse_watch.hpp"
#include "support/usage.hpp"
#include "support/worker.hpp"

using namespace allot;
using test::misuse_watch;

namespace {

constexpr std::size_t threads = 8;

struct held {
  unsigned char* p;
  std::size_t bytes, alignment;
};

/// Allocates, resizes, writes and frees at random, and looks at what it wrote.
void use(debug_resource& memory, std::size_t thread, std::size_t steps, std::atomic<std::size_t>& wrong) {
  std::mt19937 random(static_cast<unsigned>(thread));
  const auto mark = static_cast<unsigned char>(thread + 1);
  std::vector<held> live;
  for (std::size_t step = 0; step < steps; ++step) {
    if (live.size() < 40 && random() % 2 == 0) {
      const std::size_t bytes = 1 + random() % 500;
      const std::size_t alignment = std::size_t{1} << random() % 7;
      live.push_back({static_cast<unsigned char*>(memory.allocate(bytes, alignment)), bytes, alignment});
      std::memset(live.back().p, mark, bytes);
    } else if (!live.empty()) {
      held& block = live[random() % live.size()];
      if (const std::size_t wanted = 1 + random() % 600;
          memory.try_expand(block.p, block.bytes, wanted, block.alignment)) {
        if (wanted > block.bytes) std::memset(block.p + block.bytes, mark, wanted - block.bytes);
        block.bytes = wanted;
      }
      for (std::size_t i = 0; i < block.bytes; ++i)
        if (block.p[i] != mark) ++wrong;
      memory.deallocate(block.p, block.bytes, block.alignment);
      block = live.back();
      live.pop_back();
    }
  }
  for (const held& block : live) memory.deallocate(block.p, block.bytes, block.alignment);
}

std::atomic<std::size_t> reports{0};
void count_report(const misuse_report&) { ++reports; }

}  // namespace

BOOST_AUTO_TEST_SUITE(debug_threads)

BOOST_AUTO_TEST_CASE(eight_threads_share_it_over_an_upstream_that_they_may_share) {
  const auto share = [](std::pmr::memory_resource& upstream, std::size_t quarantine_bytes) {
    debug_options options;
    options.quarantine_bytes = quarantine_bytes;
    debug_resource memory(upstream, options);
    std::atomic<std::size_t> wrong{0};
    const misuse_watch watch(&count_report);
    reports = 0;
    test::in_threads(threads, [&](std::size_t i) { use(memory, i, 1500, wrong); });
    BOOST_TEST(wrong == 0u);
    BOOST_TEST(reports == 0u);
    BOOST_TEST(memory.usage().used == 0u);
    BOOST_TEST(memory.check());
    memory.trim();
    BOOST_TEST((memory.usage() == memory_usage{0, 0, 0, memory.usage().peak, 0}));
  };
  concurrent_pool pool;
  concurrent_general_resource general;
  for (const std::size_t quarantine_bytes : {0U, 2000U, 1U << 20}) {
    share(pool, quarantine_bytes);
    share(general, quarantine_bytes);
    share(*std::pmr::new_delete_resource(), quarantine_bytes);
  }
}

BOOST_AUTO_TEST_CASE(tools_look_at_it_while_it_is_used) {
  debug_resource memory(*std::pmr::new_delete_resource());
  std::atomic<std::size_t> wrong{0};
  std::atomic<std::size_t> busy{threads - 1};
  test::in_threads(threads, [&](std::size_t i) {
    if (i != 0) {
      use(memory, i, 1500, wrong);
      --busy;
      return;
    }
    while (busy != 0) {
      if (!memory.check()) ++wrong;
      const memory_usage usage = memory.usage();
      if (usage.used > usage.committed || usage.committed > usage.reserved) ++wrong;
      const leak_list live(memory);
      if (live.blocks() < live.size()) ++wrong;
      memory.for_each_block([&](const block_info& block) {
        if (!block.exact) ++wrong;
      });
      if (memory.owns(&memory)) ++wrong;
      memory.trim();
    }
  });
  BOOST_TEST(wrong == 0u);
}

BOOST_AUTO_TEST_CASE(of_threads_that_free_the_same_block_one_succeeds) {
  concurrent_pool pool;
  debug_resource memory(pool);
  const misuse_watch watch(&count_report);
  reports = 0;
  constexpr std::size_t rounds = 100;
  for (std::size_t round = 0; round < rounds; ++round) {
    void* const p = memory.allocate(64);
    test::in_threads(threads, [&](std::size_t) { memory.deallocate(p, 64); });
    BOOST_TEST(memory.usage().used == 0u);
  }
  BOOST_TEST(reports == rounds * (threads - 1));
  BOOST_TEST(memory.check());
}

BOOST_AUTO_TEST_CASE(blocks_are_numbered_without_gaps_or_repetitions) {
  concurrent_pool pool;
  debug_resource memory(pool);
  std::array<std::vector<void*>, threads> blocks;
  test::in_threads(threads, [&](std::size_t i) {
    for (int j = 0; j < 200; ++j) blocks.at(i).push_back(memory.allocate(8));
  });
  std::vector<bool> seen(threads * 200 + 1);
  memory.for_each_live([&](const debug_block& block) { seen.at(static_cast<std::size_t>(block.number)) = true; });
  for (std::size_t number = 1; number < seen.size(); ++number) BOOST_TEST(seen[number]);
  BOOST_TEST(memory.newest() == threads * 200);
  for (const auto& mine : blocks)
    for (void* const p : mine) memory.deallocate(p, 8);
}

BOOST_AUTO_TEST_SUITE_END()
