// How fast a memory resource serves one thread's blocks of certain sizes.

#include "bench/shapes.hpp"
#include "bench/workloads.hpp"

namespace allot::bench {
namespace {

using std::pmr::memory_resource;

double pairs(memory_resource& memory, std::size_t count) {
  cpu_stopwatch watch;
  allocate_pairs(memory, count);
  watch.pause();
  return watch.nanoseconds() / static_cast<double>(count);
}

double random_sizes(memory_resource& memory, const replacements& plan) {
  std::vector<held_block> blocks = plan.fill(memory);
  cpu_stopwatch watch;
  plan.replace(memory, blocks);
  watch.pause();
  replacements::give_back(memory, blocks);
  return watch.nanoseconds() / static_cast<double>(plan.steps());
}

shape replaced(std::string name, std::string what, std::size_t live, std::size_t steps, replacements::size_source sizes,
               std::vector<goal> goals) {
  const auto prepare = [=] {
    return [plan = replacements(live, steps, sizes, 1)](memory_resource& memory) { return random_sizes(memory, plan); };
  };
  return one_thread_shape(std::move(name), std::move(what), "ns a replacement", prepare, std::move(goals));
}

}  // namespace

std::vector<shape> size_shapes(std::size_t shrink) {
  const goal pool_not_above{"pool_resource", goal::best_peer, goal::not_above};
  const goal heap_below_tlsf{"coalescing_heap", "TLSF", 0.9};
  return {
      one_thread_shape("pair", "allocate and deallocate 32 B at once", "ns a pair",
                       [n = 1'000'000 / shrink] { return [n](memory_resource& m) { return pairs(m, n); }; },
                       {{"pool_resource", "floor", 1.50},
                        {"pool_resource", "std unsynchronized", 0.30},
                        pool_not_above,
                        {"coalescing_heap", "glibc malloc", 0},
                        {"coalescing_heap", "TLSF", 0},
                        {"general_resource", goal::best_malloc, 0},
                        {"TLSF", "glibc malloc", 1.6}}),
      replaced("random_small", "random sizes of 8 to 512 B, 20 000 live, one after the other replaced", 20'000 / shrink,
               400'000 / shrink, size_8_to_512,
               {{"pool_resource", "floor", 1.25},
                pool_not_above,
                {"coalescing_heap", "glibc malloc", goal::not_above},
                heap_below_tlsf,
                {"general_resource", goal::best_malloc, goal::not_above}}),
      replaced("random_large", "64 B to 32 KiB, log-uniform, 4000 live, one after the other replaced", 4'000 / shrink,
               200'000 / shrink, size_64_to_32k,
               {pool_not_above,
                {"coalescing_heap", "glibc malloc", 0.85},
                heap_below_tlsf,
                {"general_resource", goal::best_malloc, 1.3},
                {"general_resource", "glibc malloc", 0.5}}),
  };
}

std::vector<shape> huge_size_shapes(std::size_t shrink) {
  return {replaced("random_huge", "32 KiB to 1 MiB, log-uniform, 200 live, one after the other replaced", 200,
                   40'000 / shrink, size_32k_to_1m,
                   {{"coalescing_heap", "glibc malloc", 1.5},
                    {"coalescing_heap", "TLSF", 0.9},
                    {"general_resource", "glibc malloc", goal::not_above}})};
}

std::vector<shape> cold_size_shapes(std::size_t shrink) {
  std::vector<shape> all;
  for (const auto& group : {size_shapes(shrink), huge_size_shapes(shrink)})
    for (const shape& warm : group) all.push_back(cold_twin(warm));
  return all;
}

}  // namespace allot::bench
