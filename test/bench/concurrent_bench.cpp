// How fast a memory resource serves several threads: always the same work in all, on the wall clock.

#include <array>
#include <atomic>
#include <thread>

#include "bench/crew.hpp"
#include "bench/shapes.hpp"
#include "bench/workloads.hpp"

namespace allot::bench {
namespace {

using std::pmr::memory_resource;

constexpr std::size_t two = 2;

// ---- two threads, each on blocks of its own: nanoseconds for each operation of one thread ---------------------------

round_function prepare_own_pairs(std::size_t count) {
  return [count, threads = std::make_shared<crew>(two)](const subject& s) -> readings {
    const double time = threads->run([&](std::size_t i) { allocate_pairs(s.memory(i), count); });
    return {time / static_cast<double>(count)};
  };
}

round_function prepare_own_sizes(std::size_t live, std::size_t steps) {
  const std::array plans{replacements(live, steps, size_8_to_512, 1), replacements(live, steps, size_8_to_512, 2)};
  return [=, threads = std::make_shared<crew>(two)](const subject& s) -> readings {
    std::array<std::vector<held_block>, two> blocks;
    threads->run([&](std::size_t i) { blocks[i] = plans[i].fill(s.memory(i)); });
    const double time = threads->run([&](std::size_t i) { plans[i].replace(s.memory(i), blocks[i]); });
    threads->run([&](std::size_t i) { replacements::give_back(s.memory(i), blocks[i]); });
    return {time / static_cast<double>(steps)};
  };
}

// ---- larson: each thread replaces random blocks, ends, and leaves them to a new one ---------------------------------
// The pattern of Larson and Krishnan, "Memory Allocation for Long-Running Server Applications", ISMM 1998.

struct larson_plan {
  std::size_t slots = 1000;  // blocks a thread holds
  std::size_t generations = 10;
  std::size_t steps = 0;  // replacements of one thread in one generation
};

std::size_t size_8_to_1000(quick_random& random) { return 8 + random.below(993); }

void replace_at_random(memory_resource& memory, std::vector<held_block>& blocks, std::size_t steps,
                       quick_random& random) {
  for (std::size_t i = 0; i < steps; ++i) {
    held_block& block = blocks[random.below(blocks.size())];
    block.give_back(memory);
    block = held_block::of(memory, size_8_to_1000(random));
  }
}

round_function prepare_larson(std::size_t threads, const larson_plan& plan) {
  return [=, lanes = std::make_shared<crew>(threads)](const subject& s) -> readings {
    memory_resource& memory = s.memory();
    std::vector<std::vector<held_block>> blocks(threads);
    for (std::size_t i = 0; i < threads; ++i)
      blocks[i] = replacements(plan.slots, 0, size_8_to_1000, i + 1).fill(memory);
    const double time = lanes->run([&](std::size_t i) {
      quick_random random(i + 1);
      for (std::size_t generation = 0; generation < plan.generations; ++generation)
        std::thread([&] { replace_at_random(memory, blocks[i], plan.steps, random); }).join();
    });
    for (const auto& left : blocks) replacements::give_back(memory, left);
    return {time / static_cast<double>(threads * plan.generations * plan.steps)};
  };
}

// ---- one thread allocates, another frees, with a bounded queue of batches between them ------------------------------

using batch = std::array<held_block, 256>;

/// For one thread that gives and one that takes.
class batch_queue {
 public:
  /// Waits for a place to fill; publish() hands it on.
  batch& next_to_fill() {
    while (filled_.load(std::memory_order_relaxed) - emptied_.load(std::memory_order_acquire) == places_.size())
      std::this_thread::yield();
    return places_[filled_.load(std::memory_order_relaxed) % places_.size()];
  }
  void publish() { filled_.store(filled_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

  /// Waits for a filled one; done() gives its place back.
  const batch& next_to_empty() {
    while (filled_.load(std::memory_order_acquire) == emptied_.load(std::memory_order_relaxed))
      std::this_thread::yield();
    return places_[emptied_.load(std::memory_order_relaxed) % places_.size()];
  }
  void done() { emptied_.store(emptied_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

 private:
  // Each on a line of its own: the two threads write to one each.
  alignas(128) std::atomic<std::size_t> filled_{0};
  alignas(128) std::atomic<std::size_t> emptied_{0};
  alignas(128) std::array<batch, 16> places_{};
};

std::size_t size_64(quick_random&) { return 64; }

round_function prepare_producer_consumer(std::size_t batches, replacements::size_source sizes) {
  quick_random random(1);
  std::array<std::size_t, 4096> bytes{};
  for (std::size_t& b : bytes) b = sizes(random);
  return [=, threads = std::make_shared<crew>(two)](const subject& s) -> readings {
    memory_resource& memory = s.memory();
    const auto queue = std::make_unique<batch_queue>();
    const auto produce = [&] {
      for (std::size_t i = 0, at = 0; i < batches; ++i) {
        for (held_block& block : queue->next_to_fill()) block = held_block::of(memory, bytes[at++ % bytes.size()]);
        queue->publish();
      }
    };
    const auto consume = [&] {
      for (std::size_t i = 0; i < batches; ++i) {
        for (const held_block& block : queue->next_to_empty()) block.give_back(memory);
        queue->done();
      }
    };
    const double time = threads->run([&](std::size_t i) { i == 0 ? produce() : consume(); });
    return {time / static_cast<double>(batches * batch().size())};
  };
}

shape concurrent_shape(std::string name, std::string what, shape::for_whom whom,
                       std::function<round_function()> prepare, std::vector<goal> goals) {
  return {std::move(name),    std::move(what), {"ns an operation"}, whom, shape::starts::warm, 21,
          std::move(prepare), std::move(goals)};
}

}  // namespace

std::vector<shape> concurrent_shapes(std::size_t shrink) {
  constexpr auto own = shape::for_whom::own_blocks;
  constexpr auto shared = shape::for_whom::many_threads;
  const std::vector<goal> private_pools{{"concurrent_pool", "2 x pool_resource", 1.5},
                                        {"concurrent_pool", "std synchronized", 0.10}};
  const goal not_above_best{"concurrent_pool", goal::best_peer, goal::not_above};
  const goal half_of_glibc{"concurrent_pool", "glibc malloc", 0.5};
  const auto larson = [=](std::size_t threads) {
    return [=] {
      larson_plan plan;
      plan.steps = 800'000 / shrink / plan.generations / threads;
      return prepare_larson(threads, plan);
    };
  };
  return {
      concurrent_shape(
          "own_pairs", "two threads, each allocates and deallocates 32 B at once", own,
          [=] { return prepare_own_pairs(500'000 / shrink); }, private_pools),
      concurrent_shape(
          "own_sizes", "two threads, each with 5000 live blocks of 8 to 512 B that it replaces", own,
          [=] { return prepare_own_sizes(5'000 / shrink, 300'000 / shrink); }, private_pools),
      concurrent_shape("larson_2", "2 threads replace random blocks of 8 to 1000 B and leave them to new threads",
                       shared, larson(2), {not_above_best}),
      concurrent_shape("larson_8", "the same with 8 threads", shared, larson(8), {not_above_best}),
      concurrent_shape("producer_consumer", "one thread allocates 64 B, another deallocates", shared,
                       [=] { return prepare_producer_consumer(2000 / shrink, size_64); },
                       {not_above_best, half_of_glibc}),
      concurrent_shape("producer_consumer_sizes", "the same with 8 to 512 B", shared,
                       [=] { return prepare_producer_consumer(2000 / shrink, size_8_to_512); },
                       {not_above_best, half_of_glibc}),
  };
}

}  // namespace allot::bench
