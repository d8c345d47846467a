// A heap that has aged: half of its blocks freed at random, then used again for what is walked afterwards. The effect
// is that of Bloomberg's P0089R1, "Quantifying Memory-Allocation Strategies", section on diffusion.

#include <algorithm>
#include <iterator>
#include <random>

#include "bench/shapes.hpp"
#include "bench/workloads.hpp"

namespace allot::bench {
namespace {

using std::pmr::memory_resource;

struct node {
  node* next;
  std::size_t payload[4];
};
static_assert(sizeof(node) == 40);

class aged_heap {
 public:
  explicit aged_heap(std::size_t count) : nodes_(count) {
    for (std::size_t i = 0; i < count; ++i) order_.push_back(static_cast<std::uint32_t>(i));
    std::shuffle(order_.begin(), order_.end(), std::mt19937(1));
    std::sort(order_.begin() + middle(), order_.end());  // what is kept is freed in the order it was made in
  }

  /// The whole cycle, and its parts: all are nanoseconds, for each of the nodes the part is about.
  readings run(memory_resource& memory) {
    std::fill(nodes_.begin(), nodes_.end(), nullptr);  // its pages may have to be copied first, after a fork

    cpu_stopwatch build;
    for (node*& n : nodes_) n = make(memory, nullptr);
    build.pause();

    // The order of the frees is found off the clock, so that only the blocks themselves are far apart.
    std::vector<node*> by_order;
    by_order.reserve(nodes_.size());
    for (const std::uint32_t i : order_) by_order.push_back(nodes_[i]);
    const auto kept = by_order.begin() + middle();

    cpu_stopwatch age;
    std::for_each(by_order.begin(), kept, [&](node* n) { give_back(memory, n); });
    age.pause();

    cpu_stopwatch rebuild;
    node* first = nullptr;
    node** last = &first;
    for (auto n = by_order.begin(); n != kept; ++n) {
      *last = make(memory, nullptr);
      last = &(*last)->next;
    }
    rebuild.pause();

    cpu_stopwatch walk;
    std::size_t sum = 0;
    for (const node* n = first; n != nullptr; n = n->next) sum += n->payload[0];
    walk.pause();
    ALLOT_ASSUME_READ(&sum);

    cpu_stopwatch tear_down;
    while (first != nullptr) give_back(memory, std::exchange(first, first->next));
    std::for_each(kept, by_order.end(), [&](node* n) { give_back(memory, n); });
    tear_down.pause();

    const double all = static_cast<double>(nodes_.size());
    const double half = static_cast<double>(middle());
    const double cycle =
        build.nanoseconds() + age.nanoseconds() + rebuild.nanoseconds() + walk.nanoseconds() + tear_down.nanoseconds();
    return {cycle / all,
            walk.nanoseconds() / half,
            build.nanoseconds() / all,
            age.nanoseconds() / half,
            rebuild.nanoseconds() / half,
            tear_down.nanoseconds() / all};
  }

 private:
  std::ptrdiff_t middle() const { return static_cast<std::ptrdiff_t>(nodes_.size() / 2); }

  static node* make(memory_resource& memory, node* next) {
    return ::new (memory.allocate(sizeof(node), alignof(node))) node{next, {1, 2, 3, 4}};
  }
  static void give_back(memory_resource& memory, node* n) { memory.deallocate(n, sizeof(node), alignof(node)); }

  std::vector<node*> nodes_;
  std::vector<std::uint32_t> order_;
};

shape aged_shape(std::string name, std::string what, std::size_t count, shape::starts start, std::size_t rounds,
                 std::vector<goal> goals) {
  return {std::move(name),
          std::move(what),
          {"ns a node, whole cycle", "walk", "build", "age", "rebuild", "tear down"},
          shape::for_whom::one_thread,
          start,
          rounds,
          [=]() -> round_function {
            const auto heap = std::make_shared<aged_heap>(count);
            return [=](const subject& s) { return heap->run(s.memory()); };
          },
          std::move(goals)};
}

}  // namespace

std::vector<shape> aged_heap_shapes(std::size_t shrink) {
  constexpr std::size_t large = 1'500'000;
  constexpr std::size_t small = 200'000;
  constexpr std::size_t walk = 1;  // the place of its measure
  constexpr auto warm = shape::starts::warm;
  constexpr auto cold = shape::starts::cold;
  return {
      aged_shape("aged", "heap of 1.5 million nodes of 40 B, half freed at random, rebuilt, walked, torn down",
                 large / shrink, warm, 5,
                 {{"pool_resource", goal::best_malloc, 0.6},
                  {"pool_resource", "glibc malloc", 0.2},
                  {"pool_resource", "", 12, walk},
                  {"general_resource", "glibc malloc", 0.2}}),
      aged_shape("aged_cold", "the same, each round in a fresh process", large / shrink, cold, 5,
                 {{"pool_resource", goal::best_malloc, 0.8}}),
      aged_shape("aged_small", "the same with 200 000 nodes", small / shrink, warm, 9, {}),
      aged_shape("aged_small_cold", "the same, each round in a fresh process", small / shrink, cold, 9, {}),
  };
}

}  // namespace allot::bench
