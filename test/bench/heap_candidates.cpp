#include "bench/heap_candidates.hpp"

#include <allot/heap/coalescing_heap.hpp>

#include "bench/best_fit.hpp"
#include "bench/tlsf_resource.hpp"

#if __has_include(<allot/general/general_resource.hpp>)
#include <allot/general/general_resource.hpp>
#define ALLOT_BENCH_GENERAL
#endif
#if __has_include(<allot/general/concurrent_general_resource.hpp>)
#include <allot/general/concurrent_general_resource.hpp>
#define ALLOT_BENCH_CONCURRENT_GENERAL
#endif

namespace allot::bench {
namespace {

using role = candidate::role;
using serves = candidate::serves;
using memory = candidate::memory;

/// On memory of its own.
template <class Resource>
candidate own_memory(std::string name, role is, serves threads, memory from) {
  return {std::move(name), is, threads, from, [](std::pmr::memory_resource*) { return std::make_unique<Resource>(); }};
}

}  // namespace

std::vector<candidate> heaps() {
  std::vector<candidate> all;
  all.push_back(own_memory<best_fit>("best fit", role::floor, serves::one_thread, memory::simulated));
  candidate tlsf = pool_candidate<tlsf_resource>("TLSF", role::peer, serves::one_thread);
  tlsf.from = memory::one_range;
  all.push_back(std::move(tlsf));
  all.push_back(own_memory<coalescing_heap>("coalescing_heap", role::ours, serves::one_thread, memory::one_range));
#ifdef ALLOT_BENCH_GENERAL
  all.push_back(own_memory<general_resource>("general_resource", role::ours, serves::one_thread, memory::of_upstream));
#endif
#ifdef ALLOT_BENCH_CONCURRENT_GENERAL
  all.push_back(own_memory<concurrent_general_resource>("concurrent_general_resource", role::ours, serves::many_threads,
                                                        memory::of_upstream));
#endif
  return all;
}

}  // namespace allot::bench
