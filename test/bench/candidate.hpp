#pragma once

#include <functional>
#include <memory>
#include <memory_resource>
#include <string>
#include <utility>

namespace allot::bench {

/// One of those that are measured against each other.
struct candidate {
  enum class role { floor, peer, ours };
  enum class serves { one_thread, many_threads };
  enum class memory {
    of_upstream,
    of_process,  ///< all instances are the one heap of the process
    one_range,   ///< all blocks of an instance lie in one range of addresses
    simulated    ///< the same, but nothing must be written to them
  };

  std::string name;
  role is;
  serves threads;
  memory from;
  std::function<std::unique_ptr<std::pmr::memory_resource>(std::pmr::memory_resource* upstream)> make;
};

/// A pool that is constructed from its upstream alone.
template <class Pool>
candidate pool_candidate(std::string name, candidate::role is, candidate::serves threads) {
  return {std::move(name), is, threads, candidate::memory::of_upstream,
          [](std::pmr::memory_resource* upstream) { return std::make_unique<Pool>(upstream); }};
}

}  // namespace allot::bench
