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
#include <stdexcept>
#include <string>
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
      if (memory_.back() == nullptr) throw std::invalid_argument("replay: " + candidate.name + " makes no resource");
      ours_.push_back(as_resource(memory_.back().get()));
    }
    if (options.threads && program.threads() > 1) find_users();
  }

  replay_result operator()();

 private:
  void find_users();
  void all_by_one();
  void all_at_once();
  void one_by_each(std::uint32_t thread);
  void do_those_of(std::uint32_t thread);
  void do_one(const operation& what);
  void allocate(const operation& what, replayed_block& block);
  void deallocate(const operation& what, replayed_block& block);
  void expand(const operation& what, replayed_block& block);
  void release(const operation& what);
  void wait_until(const std::atomic<std::uint32_t>& steps, std::uint32_t done) const;
  unsigned char value_of(const replayed_block& block) const noexcept;
  void fill(replayed_block& block, std::size_t from);
  void look_at(const replayed_block& block);
  void look_at_own(std::uint32_t thread);
  void sample();
  void look_at_pages();

  const replay_program& program_;
  const replay_options& options_;
  std::vector<std::shared_ptr<std::pmr::memory_resource>> memory_;
  std::vector<resource*> ours_;  // the same, null where they are foreign
  std::vector<replayed_block> blocks_;

  // Of several threads:
  static constexpr std::uint32_t many = 0xffffffff;
  std::vector<std::vector<std::size_t>> operations_of_;  // what each does, in order
  std::vector<std::uint32_t> users_;                     // of each resource: its only thread, or many
  std::vector<std::atomic<std::size_t>> committed_;      // of each resource, as its only thread saw it last
  std::atomic<std::size_t> most_committed_{0};           // by these together
  bool in_order_ = options_.keep == replay_options::order::recorded;
  std::atomic<std::size_t> turn_{0};    // where the recorded order is kept: the operation whose turn it is
  std::atomic<bool> abandoned_{false};  // a thread could not be started, or ended by an exception
  std::atomic<std::size_t> working_{0};
  std::mutex mutex_;
  std::exception_ptr thrown_;
  clock::time_point end_{};

  replay_result result_;
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> damaged_{0};
  std::size_t resident_before_ = 0;
  std::uint64_t own_faults_ = 0;  // of looking
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
    const std::size_t step = options_.sample_every != 0 ? options_.sample_every : all.size();
    std::size_t end = std::min(all.size(), at - at % step + step);
    const bool to_peak = at <= program_.peak_at() && program_.peak_at() < end;
    if (to_peak) end = program_.peak_at() + 1;
    const auto start = clock::now();
    for (; at < end; ++at) do_one(all[at]);
    result_.seconds += std::chrono::duration<double>(clock::now() - start).count();
    sample();
    if (to_peak) look_at_pages();
  }
}

/// A resource that is released while several threads use it is so at one moment of the recorded order, so that is kept.
void run::find_users() {
  operations_of_.resize(program_.threads());
  std::vector<std::uint32_t> users(program_.resources().size(), many);
  std::vector<bool> used(users.size());
  std::vector<bool> released(users.size());
  const std::vector<operation>& all = program_.operations();
  for (std::size_t at = 0; at < all.size(); ++at) {
    operations_of_[all[at].thread].push_back(at);
    const std::size_t index = all[at].resource;
    if (!used[index]) users[index] = all[at].thread;
    if (users[index] != all[at].thread) users[index] = many;
    used[index] = true;
    if (all[at].what == action::release) released[index] = true;
  }
  for (std::size_t i = 0; i < users.size(); ++i)
    if (released[i] && users[i] == many) in_order_ = true;
  users_ = std::move(users);
  committed_ = std::vector<std::atomic<std::size_t>>(users_.size());
}

void run::do_those_of(std::uint32_t thread) {
  std::size_t since_look = 0;
  for (const std::size_t at : operations_of_[thread]) {
    if (in_order_)
      while (turn_.load(std::memory_order_acquire) != at && !abandoned_) std::this_thread::yield();
    if (abandoned_) return;
    do_one(program_.operations()[at]);
    if (in_order_) turn_.store(at + 1, std::memory_order_release);
    if (++since_look != options_.sample_every && at != program_.peak_at()) continue;
    look_at_own(thread);
    since_look = 0;
  }
}

void run::one_by_each(std::uint32_t thread) {
  try {
    do_those_of(thread);
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (thrown_ == nullptr) thrown_ = std::current_exception();
    abandoned_ = true;
  }
  const std::lock_guard lock(mutex_);
  end_ = std::max(end_, clock::now());
}

/// Looks at the memory meanwhile.
void run::all_at_once() {
  std::vector<std::thread> threads;
  std::atomic<bool> go{false};
  const auto join = [&] {
    go = true;
    for (std::thread& each : threads) each.join();
  };
  working_ = program_.threads();
  try {
    for (std::uint32_t i = 0; i < program_.threads(); ++i)
      threads.emplace_back([this, i, &go] {
        while (!go) std::this_thread::yield();
        one_by_each(i);
        --working_;
      });
  } catch (...) {
    abandoned_ = true;
    join();
    throw;
  }
  const auto start = clock::now();
  go = true;
  while (working_ != 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    sample();
  }
  join();
  if (thrown_ != nullptr) std::rethrow_exception(thrown_);
  result_.seconds = std::chrono::duration<double>(end_ - start).count();
}

// ---- measuring

/// At the resources that this thread alone uses: nobody else may ask them.
void run::look_at_own(std::uint32_t thread) {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < ours_.size(); ++i) {
    if (ours_[i] != nullptr && users_[i] == thread)
      committed_[i].store(ours_[i]->usage().committed, std::memory_order_relaxed);
    sum += committed_[i].load(std::memory_order_relaxed);
  }
  std::size_t most = most_committed_.load(std::memory_order_relaxed);
  while (most < sum && !most_committed_.compare_exchange_weak(most, sum, std::memory_order_relaxed)) {
  }
}

void run::sample() {
  std::size_t committed = 0;
  for (std::size_t i = 0; i < ours_.size(); ++i) {
    if (ours_[i] == nullptr) continue;
    const bool confined = !users_.empty() && users_[i] != many;
    committed += confined ? committed_[i].load(std::memory_order_relaxed) : ours_[i]->usage().committed;
  }
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
  const std::uint64_t before = os::usage_of_process().page_faults;
  std::unordered_set<std::uintptr_t> pages;
  for (const replayed_block& block : blocks_) {
    if (!block.there) continue;
    const std::uintptr_t last = address_of(block.address) + std::max<std::size_t>(block.bytes, 1) - 1;
    for (std::uintptr_t at = address_of(block.address) / page; at <= last / page; ++at) pages.insert(at);
  }
  result_.pages_at_peak = pages.size() * page;
  own_faults_ = os::usage_of_process().page_faults - before;
}

replay_result run::operator()() {
  const os::process_usage before = os::usage_of_process();
  resident_before_ = before.resident;
  if (operations_of_.empty())
    all_by_one();
  else
    all_at_once();
  result_.page_faults = os::usage_of_process().page_faults - before.page_faults - own_faults_;
  for (const operation& left : program_.frees_at_end()) do_one(left);
  result_.operations = program_.operations().size();
  result_.refused = refused_;
  result_.damaged = damaged_;
  result_.peak_live = program_.peak_live();
  result_.peak_committed = std::max(result_.peak_committed, most_committed_.load());
  result_.average_committed =
      samples_ != 0 ? static_cast<std::size_t>(committed_sum_ / static_cast<double>(samples_)) : 0;
  return result_;
}

}  // namespace

replay_result replay(const replay_program& program, const replay_candidate& candidate, const replay_options& options) {
  return run(program, candidate, options)();
}

}  // namespace allot
