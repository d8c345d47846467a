#include "bench/secure_candidates.hpp"

#include <allot/secure/secure_resource.hpp>
#include <allot/secure/synchronized_secure_resource.hpp>

namespace allot::bench {
namespace {

using serves = candidate::serves;

template <class Resource>
candidate at_level(std::string name, secure_level level, serves threads) {
  return {std::move(name), candidate::role::ours, threads, candidate::memory::of_upstream,
          [level](std::pmr::memory_resource*) { return std::make_unique<Resource>(level); }};
}

}  // namespace

std::vector<candidate> secure_resources() {
  return {
      at_level<secure_resource>("checked", secure_level::checked, serves::one_thread),
      at_level<secure_resource>("hardened", secure_level::hardened, serves::one_thread),
      at_level<secure_resource>("paranoid", secure_level::paranoid, serves::one_thread),
      at_level<secure_resource>("trap", secure_level::trap, serves::one_thread),
      at_level<synchronized_secure_resource>("hardened synchronized", secure_level::hardened, serves::many_threads),
  };
}

}  // namespace allot::bench
