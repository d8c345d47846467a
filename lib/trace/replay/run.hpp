#pragma once

#include <allot/core/resource.hpp>
#include <allot/trace/replay.hpp>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <vector>

#include "latencies.hpp"

namespace allot::replaying {

using action = replay_program::action;
using operation = replay_program::operation;
using content = replay_options::content;

/// A block of the replay. Threads wait for each other by the steps that are done.
struct replayed_block {
  std::atomic<std::uint32_t> steps{0};
  bool left_out = false;    // there is not the memory for it
  bool there = false;       // otherwise it was refused, or is gone
  void* address = nullptr;  // the last it had; null: it was refused
  std::size_t bytes = 0;    // as they are, where the candidate did not resize as the trace says
};

/// What one thread of the replay counts. Only it writes there; the one that samples reads.
struct alignas(128) lane {
  std::atomic<std::size_t> live{0};  // bytes it was handed, less those it freed; sums of all are right
  std::size_t not_looked_at = 0;     // bytes it was handed since it looked whether there is room
  std::unique_ptr<latencies> timed;  // null where calls are not timed
  std::vector<std::size_t> its_own;  // operations, where several threads replay

  void add_live(std::size_t more) noexcept {
    live.store(live.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  }
};

/// One replay: the candidate's resources, the blocks, and what is counted.
class run {
 public:
  run(const replay_program& program, const replay_candidate& candidate, const replay_options& options);
  replay_result operator()();

 private:
  // replay.cpp
  void leave_out();
  void find_users();
  std::uint32_t lane_of(std::uint32_t thread) const noexcept {
    return thread % static_cast<std::uint32_t>(lanes_.size());
  }
  void all_by_one();
  void all_at_once();
  void one_by_each(std::uint32_t thread);
  void do_those_of(std::uint32_t thread);

  // operations.cpp
  void do_those_between(std::size_t first, std::size_t end, lane& by);
  void do_one(const operation& what, lane& by);
  void allocate(const operation& what, replayed_block& block, lane& by);
  void deallocate(const operation& what, replayed_block& block, lane& by);
  void expand(const operation& what, replayed_block& block, lane& by);
  void release(const operation& what, lane& by);
  void look_at_room(std::size_t resource);
  void* get(const operation& what, std::size_t bytes, lane& by);
  void give_back(const operation& what, const replayed_block& block, lane& by);
  void wait_until(const std::atomic<std::uint32_t>& steps, std::uint32_t done) const;
  unsigned char value_of(const replayed_block& block) const noexcept;
  void fill(replayed_block& block, std::size_t from);
  void look_at(const replayed_block& block);

  // measuring.cpp
  void look_at_own(std::uint32_t thread);
  void sample();
  void sample_resident();
  std::size_t resident_growth() const noexcept;
  void look_at_pages();
  void look_at_neighbours();
  void sum_up();

  const replay_program& program_;
  const replay_options& options_;
  const std::size_t most_memory_;
  std::vector<std::shared_ptr<std::pmr::memory_resource>> memory_;
  std::vector<resource*> ours_;       // the same, null where they are foreign
  std::vector<std::size_t> same_as_;  // the first on the same memory: counted there
  std::vector<bool> shared_;          // others are on the same memory
  std::vector<replayed_block> blocks_;
  std::vector<lane> lanes_;  // one for each thread of the replay

  // Of several threads:
  static constexpr std::uint32_t many = 0xffffffff;
  std::vector<std::uint32_t> users_;                 // of each resource: its only thread, or many
  std::vector<std::atomic<std::size_t>> committed_;  // of each resource, as its only thread saw it last
  std::atomic<std::size_t> most_committed_{0};       // by these together
  bool in_order_;
  std::atomic<std::size_t> turn_{0};    // where the recorded order is kept: the operation whose turn it is
  std::atomic<bool> abandoned_{false};  // a thread could not be started, or ended by an exception
  std::atomic<std::size_t> working_{0};
  std::mutex mutex_;
  std::exception_ptr thrown_;
  clock::time_point end_{};

  replay_result result_;
  double looking_ = 0;  // at the clock, in nanoseconds
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> damaged_{0};
  std::atomic<bool> full_{false};  // the candidate has taken as much as it may
  std::size_t resident_before_ = 0;
  std::uint64_t own_faults_ = 0;  // of looking
  std::size_t samples_ = 0;
  std::size_t looks_at_resident_ = 0;
  double committed_sum_ = 0;
  double fragmentation_sum_ = 0;
  double resident_sum_ = 0;
};

}  // namespace allot::replaying
