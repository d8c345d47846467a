#include "programs.hpp"

#include <allot/adaptor/tracing_resource.hpp>
#include <allot/arena/chained_arena.hpp>
#include <allot/pool/concurrent_pool.hpp>
#include <allot/trace/trace_reader.hpp>
#include <allot/trace/trace_sink.hpp>
#include <array>
#include <atomic>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <list>
#include <map>
#include <memory_resource>
#include <random>
#include <string>
#include <thread>
#include <utility>

namespace allot::proof {
namespace {

/// A trace of what the code does to such a resource.
template <class Resource, class Code>
replay_program trace_of(Code code) {
  const std::string file = (std::filesystem::temp_directory_path() / "allot_recommend_proof.trace").string();
  {
    trace_writer trace(file);
    trace_sink sink(trace, "memory");
    Resource below;
    tracing_resource memory(below, sink);
    code(memory);
    trace.close();
  }
  trace_reader reader(file);
  replay_program program(reader);
  std::filesystem::remove(file);
  return program;
}

struct block {
  void* address = nullptr;
  std::size_t bytes = 0;
};

std::size_t between(std::mt19937& random, std::size_t least, std::size_t most) {
  return least + random() % (most - least + 1);
}

/// So many blocks at a time, of which one after the other, at random, is replaced.
template <class Size>
replay_program replaced(std::size_t live, std::size_t times, std::size_t alignment, Size size) {
  return trace_of<concurrent_pool>([=](tracing_resource& memory) {
    std::mt19937 random(1);
    std::vector<block> blocks(live);
    for (std::size_t i = 0; i < live + times; ++i) {
      block& each = blocks[i < live ? i : random() % live];
      if (each.address != nullptr) memory.deallocate(each.address, each.bytes, alignment);
      each.bytes = size(random);
      each.address = memory.allocate(each.bytes, alignment);
    }
    for (const block& each : blocks) memory.deallocate(each.address, each.bytes, alignment);
  });
}

void scope(tracing_resource& memory, std::mt19937& random, int depth) {
  std::array<block, 6> blocks;
  for (block& each : blocks) {
    each.bytes = between(random, 16, 400);
    each.address = memory.allocate(each.bytes);
  }
  if (depth != 0)
    for (int i = 0; i < 3; ++i) scope(memory, random, depth - 1);
  for (auto each = blocks.rbegin(); each != blocks.rend(); ++each) memory.deallocate(each->address, each->bytes);
}

replay_program scopes() {
  return trace_of<concurrent_pool>([](tracing_resource& memory) {
    std::mt19937 random(2);
    for (int i = 0; i < 40; ++i) scope(memory, random, 3);
  });
}

replay_program frames() {
  return trace_of<chained_arena>([](tracing_resource& memory) {
    std::mt19937 random(3);
    for (int frame = 0; frame < 40; ++frame) {
      for (int i = 0; i < 400; ++i) (void)memory.allocate(between(random, 8, 300), 8);
      memory.release();
    }
  });
}

replay_program handed_on() {
  return trace_of<concurrent_pool>([](tracing_resource& memory) {
    constexpr std::size_t count = 30'000;
    constexpr std::size_t places = 512;
    std::array<std::atomic<void*>, places> queue{};
    const auto size = [](std::size_t i) { return 32 + i % 7 * 32; };
    std::thread consumer([&] {
      for (std::size_t i = 0; i < count; ++i) {
        void* taken = nullptr;
        while ((taken = queue[i % places].exchange(nullptr)) == nullptr) std::this_thread::yield();
        memory.deallocate(taken, size(i));
      }
    });
    for (std::size_t i = 0; i < count; ++i) {
      while (queue[i % places].load() != nullptr) std::this_thread::yield();
      queue[i % places].store(memory.allocate(size(i)));
    }
    consumer.join();
  });
}

/// One at a time grows in small steps, where it is; a few that are done wait to be used.
replay_program growing() {
  return trace_of<chained_arena>([](tracing_resource& memory) {
    std::deque<block> done;
    for (std::size_t i = 0; i < 150; ++i) {
      block grown{memory.allocate(256), 256};
      const std::size_t end = 4096 + i % 9 * 4096;
      while (grown.bytes < end) {
        const std::size_t more = grown.bytes + 256;
        if (memory.try_expand(grown.address, grown.bytes, more, alignof(std::max_align_t))) {
          grown.bytes = more;
          continue;
        }
        void* const moved = memory.allocate(more);
        memory.deallocate(grown.address, grown.bytes);
        grown = {moved, more};
      }
      done.push_back(grown);
      if (done.size() <= 8) continue;
      memory.deallocate(done.front().address, done.front().bytes);
      done.pop_front();
    }
    for (const block& each : done) memory.deallocate(each.address, each.bytes);
  });
}

/// Built once, and looked things up in until the end.
replay_program word_index() {
  return trace_of<concurrent_pool>([](tracing_resource& memory) {
    using places = std::pmr::list<int>;
    std::mt19937 random(4);
    std::pmr::map<std::pmr::string, places> index(&memory);
    for (int i = 0; i < 8'000; ++i) {
      const std::string word =
          "a word of some length " + std::to_string(between(random, 0, 60) * between(random, 0, 60));
      index[std::pmr::string(word, &memory)].push_back(i);
    }
  });
}

std::size_t one_size(std::mt19937&) { return 48; }
std::size_t cache_line(std::mt19937&) { return 64; }
std::size_t small_size(std::mt19937& random) { return between(random, 8, 256); }
std::size_t large_size(std::mt19937& random) { return between(random, 3000, 60'000); }
std::size_t huge_size(std::mt19937& random) { return between(random, 2, 8) << 19; }

}  // namespace

const std::vector<known_program>& known_programs() {
  const std::vector<std::string> arenas{"monotonic_arena", "chained_arena", "monotonic_buffer_resource"};
  const std::vector<std::string> pools{"pool_resource", "concurrent_pool", "general_resource",
                                       "concurrent_general_resource"};
  const std::vector<std::string> heaps{"coalescing_heap", "general_resource", "concurrent_general_resource"};
  static const std::vector<known_program> all{
      {"scopes", "nested scopes free the newest block first, 16 to 400 bytes", pools,
       "the newest block of a size is the next; arenas take single blocks back only by their position", false, scopes},
      {"nodes", "3000 nodes of 48 bytes, one after the other replaced", pools, "one size needs one free list", false,
       [] { return replaced(3'000, 20'000, 8, one_size); }},
      {"buffers", "60 buffers of 3 to 60 KB, replaced at random", heaps,
       "large blocks of many sizes come from what merged", false, [] { return replaced(60, 800, 16, large_size); }},
      {"images", "4 blocks of 1 to 4 MiB, replaced", heaps, "what is freed is kept, and its pages with it", false,
       [] { return replaced(4, 12, 16, huge_size); }},
      {"hand-over",
       "one thread allocates, another frees, 32 to 224 bytes",
       {"concurrent_pool", "concurrent_general_resource"},
       "blocks go back in batches, without a lock",
       true,
       handed_on},
      {"frames", "400 blocks of 8 to 300 bytes, then all at once are released", arenas, "nothing is freed one by one",
       false, frames},
      {"strings", "3000 blocks of 8 to 256 bytes, replaced at random", pools, "each size has its class", false,
       [] { return replaced(3'000, 20'000, 8, small_size); }},
      {"growing arrays",
       "arrays grow in place by 256 bytes up to 4 to 36 KB",
       {"coalescing_heap", "general_resource", "monotonic_arena", "chained_arena"},
       "they grow into what lies behind them",
       false,
       growing},
      {"cache lines", "3000 aligned blocks of 64 bytes, replaced at random", pools, "slabs are aligned as their blocks",
       false, [] { return replaced(3'000, 20'000, 64, cache_line); }},
      {"word index",
       "a map of strings to lists, built once",
       {"pool_resource", "general_resource", "monotonic_arena", "chained_arena", "monotonic_buffer_resource"},
       "hardly anything is freed before the end",
       false,
       word_index}};
  return all;
}

}  // namespace allot::proof
