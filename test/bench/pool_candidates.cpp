#include "bench/pool_candidates.hpp"

#include "bench/floor_pool.hpp"

#if __has_include(<allot/pool/pool_resource.hpp>)
#include <allot/pool/pool_resource.hpp>
#define ALLOT_BENCH_POOL
#endif
#if __has_include(<allot/pool/concurrent_pool.hpp>)
#include <allot/pool/concurrent_pool.hpp>
#define ALLOT_BENCH_CONCURRENT_POOL
#endif

namespace allot::bench {

std::vector<candidate> pools() {
  std::vector<candidate> all;
  all.push_back(pool_candidate<floor_pool>("floor", candidate::role::floor, candidate::serves::one_thread));
#ifdef ALLOT_BENCH_POOL
  all.push_back(pool_candidate<pool_resource>("pool_resource", candidate::role::ours, candidate::serves::one_thread));
#endif
#ifdef ALLOT_BENCH_CONCURRENT_POOL
  all.push_back(
      pool_candidate<concurrent_pool>("concurrent_pool", candidate::role::ours, candidate::serves::many_threads));
#endif
  return all;
}

}  // namespace allot::bench
