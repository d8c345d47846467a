#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <allot/core/resource.hpp>
#include <allot/os/process_usage.hpp>
#include <allot/os/virtual_memory.hpp>
#include <allot/trace/replay.hpp>
#include <atomic>
#include <chrono>
#include <cstring>
#include <exception>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <vector>

namespace allot {
namespace {

using clock = std::chrono::steady_clock;
using action = replay_program::action;
using operation = replay_program::operation;
using content = replay_options::content;

/// A block of the replay. Threads wait for each other by the steps that are done.
struct replayed_block {
  std::atomic<std::uint32_t> steps{0};
  bool there = false;  // otherwise it was refused, or is gone
  void* address = nullptr;
  std::size_t bytes = 0;  // as they are, where the candidate did not resize as the trace says
};

/// One run: the candidate's resources, the blocks, and what is counted.
class run {
 public:
  run(const replay_program& program, const replay_candidate& candidate, const replay_options& options)
      : program_(program), options_(options), blocks_(program.blocks()) {
    for (const std::string& name : program.resources()) {
      memory_.push_back(candidate.make(name));
      ours_.push_back(as_resource(memory_.back().get()));
    }
  }

  replay_result operator()();

 private:
  void all_by_one();
  void all_at_once(std::size_t count);
  void one_by_each(std::uint32_t thread);
  void do_one(const operation& what);
  void allocate(const operation& what, replayed_block& block);
  void deallocate(const operation& what, replayed_block& block);
  void expand(const operation& what, replayed_block& block);
  void release(const operation& what);
  void wait_until(const std::atomic<std::uint32_t>& steps, std::uint32_t done) const;
  unsigned char value_of(const replayed_block& block) const noexcept;
  void fill(replayed_block& block, std::size_t from);
  void look_at(const replayed_block& block);
  void sample();
  void look_at_pages();

  const replay_program& program_;
  const replay_options& options_;
  std::vector<std::unique_ptr<std::pmr::memory_resource>> memory_;
  std::vector<resource*> ours_;  // the same, null where they are foreign
  std::vector<replayed_block> blocks_;
  std::atomic<std::size_t> turn_{0};    // where the recorded order is kept: the operation whose turn it is
  std::atomic<bool> abandoned_{false};  // not all threads could be started
  std::atomic<std::size_t> working_{0};

  replay_result result_;
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> damaged_{0};
  std::size_t resident_before_ = 0;
  std::size_t samples_ = 0;
  double committed_sum_ = 0;
};

// ---- operations

/// What other threads have yet to do with a block.
void run::wait_until(const std::atomic<std::uint32_t>& steps, std::uint32_t done) const {
  while (steps.load(std::memory_order_acquire) < done && !abandoned_) std::this_thread::yield();
}

/// Another one for each block, and not that of fresh pages.
unsigned char run::value_of(const replayed_block& block) const noexcept {
  return static_cast<unsigned char>(1 + static_cast<std::size_t>(&block - blocks_.data()) % 255);
}

void run::fill(replayed_block& block, std::size_t from) {
  auto* const bytes = static_cast<unsigned char*>(block.address);
  if (options_.blocks == content::checked) {
    std::memset(bytes + from, value_of(block), block.bytes - from);
  } else if (options_.blocks == content::touched) {
    for (std::size_t i = from; i < block.bytes; i += 64) bytes[i] = 1;
  }
}

void run::look_at(const replayed_block& block) {
  if (options_.blocks != content::checked) return;
  const auto* const bytes = static_cast<const unsigned char*>(block.address);
  const unsigned char value = value_of(block);
  if (!std::all_of(bytes, bytes + block.bytes, [value](unsigned char byte) { return byte == value; }))
    damaged_.fetch_add(1, std::memory_order_relaxed);
}

void run::allocate(const operation& what, replayed_block& block) {
  try {
    block.bytes = static_cast<std::size_t>(what.bytes);
    block.address = memory_[what.resource]->allocate(block.bytes, std::size_t{1} << what.alignment_log2);
    block.there = true;
    fill(block, 0);
  } catch (const std::bad_alloc&) {
    refused_.fetch_add(1, std::memory_order_relaxed);
  }
}

void run::deallocate(const operation& what, replayed_block& block) {
  look_at(block);
  block.there = false;
  memory_[what.resource]->deallocate(block.address, block.bytes, std::size_t{1} << what.alignment_log2);
}

/// In place where the candidate can; otherwise as containers do it, by another block.
void run::expand(const operation& what, replayed_block& block) {
  const auto bytes = static_cast<std::size_t>(what.new_bytes);
  const std::size_t alignment = std::size_t{1} << what.alignment_log2;
  const std::size_t before = block.bytes;
  resource* const ours = ours_[what.resource];
  if (ours == nullptr || !ours->try_expand(block.address, before, bytes, alignment)) {
    try {
      void* const moved = memory_[what.resource]->allocate(bytes, alignment);
      std::memcpy(moved, block.address, std::min(before, bytes));
      memory_[what.resource]->deallocate(block.address, before, alignment);
      block.address = moved;
    } catch (const std::bad_alloc&) {
      refused_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
  }
  block.bytes = bytes;
  if (bytes > before) fill(block, before);
}

/// With the candidate's own release() where it has one: then the frees that follow find their blocks gone.
void run::release(const operation& what) {
  resource* const ours = ours_[what.resource];
  if (ours == nullptr || !ours->can_release()) return;
  const operation* const frees = &what + 1;
  for (std::size_t i = 0; i < what.bytes; ++i) {
    replayed_block& block = blocks_[frees[i].block];
    wait_until(block.steps, frees[i].step);
    if (block.there) look_at(block);
    block.there = false;
  }
  ours->release();
}

void run::do_one(const operation& what) {
  if (what.what == action::release) return release(what);
  if (what.what == action::trim) {
    if (resource* const ours = ours_[what.resource]; ours != nullptr) (void)ours->trim();
    return;
  }
  replayed_block& block = blocks_[what.block];
  wait_until(block.steps, what.step);
  if (what.what == action::allocate)
    allocate(what, block);
  else if (block.there && what.what == action::deallocate)
    deallocate(what, block);
  else if (block.there)
    expand(what, block);
  block.steps.store(what.step + 1, std::memory_order_release);
}

// ---- threads

void run::all_by_one() {
  const std::vector<operation>& all = program_.operations();
  for (std::size_t at = 0; at < all.size();) {
    // Up to the next moment at which something is looked at.
    std::size_t end = std::min(all.size(), at - at % options_.sample_every + options_.sample_every);
    const bool to_peak = at <= program_.peak_at() && program_.peak_at() < end;
    if (to_peak) end = program_.peak_at() + 1;
    const auto start = clock::now();
    for (; at < end; ++at) do_one(all[at]);
    result_.seconds += std::chrono::duration<double>(clock::now() - start).count();
    sample();
    if (to_peak) look_at_pages();
  }
}

void run::one_by_each(std::uint32_t thread) {
  const std::vector<operation>& all = program_.operations();
  const bool in_order = options_.keep == replay_options::order::recorded;
  for (std::size_t at = 0; at < all.size() && !abandoned_; ++at) {
    if (all[at].thread != thread) continue;
    if (in_order)
      while (turn_.load(std::memory_order_acquire) != at && !abandoned_) std::this_thread::yield();
    do_one(all[at]);
    if (in_order) turn_.store(at + 1, std::memory_order_release);
  }
}

/// Looks at the memory meanwhile.
void run::all_at_once(std::size_t count) {
  std::vector<std::thread> threads;
  std::atomic<bool> go{false};
  working_ = count;
  try {
    for (std::uint32_t i = 0; i < count; ++i)
      threads.emplace_back([this, i, &go] {
        while (!go) std::this_thread::yield();
        one_by_each(i);
        --working_;
      });
  } catch (...) {
    abandoned_ = true;
    go = true;
    for (std::thread& each : threads) each.join();
    throw;
  }
  const auto start = clock::now();
  go = true;
  while (working_ != 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    sample();
  }
  result_.seconds = std::chrono::duration<double>(clock::now() - start).count();
  for (std::thread& each : threads) each.join();
}

// ---- measuring

void run::sample() {
  std::size_t committed = 0;
  for (const resource* each : ours_)
    if (each != nullptr) committed += each->usage().committed;
  result_.peak_committed = std::max(result_.peak_committed, committed);
  committed_sum_ += static_cast<double>(committed);
  ++samples_;
  if (samples_ % 16 != 1) return;  // a look at the process takes long
  const std::size_t resident = os::usage_of_process().resident;
  if (resident > resident_before_) result_.peak_resident = std::max(result_.peak_resident, resident - resident_before_);
}

void run::look_at_pages() {
  const std::size_t page = os::facts().page_size;
  if (page == 0) return;
  std::unordered_set<std::uintptr_t> pages;
  for (const replayed_block& block : blocks_) {
    if (!block.there) continue;
    const std::uintptr_t last = address_of(block.address) + std::max<std::size_t>(block.bytes, 1) - 1;
    for (std::uintptr_t at = address_of(block.address) / page; at <= last / page; ++at) pages.insert(at);
  }
  result_.pages_at_peak = pages.size() * page;
}

replay_result run::operator()() {
  const os::process_usage before = os::usage_of_process();
  resident_before_ = before.resident;
  if (options_.threads && program_.threads() > 1)
    all_at_once(program_.threads());
  else
    all_by_one();
  result_.page_faults = os::usage_of_process().page_faults - before.page_faults;
  for (const operation& left : program_.frees_at_end()) do_one(left);
  result_.operations = program_.operations().size();
  result_.refused = refused_;
  result_.damaged = damaged_;
  result_.peak_live = program_.peak_live();
  result_.average_committed =
      samples_ != 0 ? static_cast<std::size_t>(committed_sum_ / static_cast<double>(samples_)) : 0;
  return result_;
}

}  // namespace

replay_result replay(const replay_program& program, const replay_candidate& candidate, const replay_options& options) {
  return run(program, candidate, options)();
}

}  // namespace allot
