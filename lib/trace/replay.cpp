#include <algorithm>
#include <allot/os/process_usage.hpp>
#include <allot/trace/replay.hpp>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "replay/run.hpp"

namespace allot {
namespace replaying {

run::run(const replay_program& program, const replay_candidate& candidate, const replay_options& options)
    : program_(program),
      options_(options),
      most_memory_(options.most_memory != 0 ? options.most_memory : memory_for_replays()),
      blocks_(program.blocks()),
      lanes_(options.threads ? std::clamp<std::uint32_t>(program.threads(), 1, options.most_threads) : 1),
      in_order_(options.keep == replay_options::order::recorded) {
  for (const std::string& name : program.resources()) {
    memory_.push_back(candidate.make(name));
    if (memory_.back() == nullptr) throw std::invalid_argument("replay: " + candidate.name + " makes no resource");
    ours_.push_back(as_resource(memory_.back().get()));
    const auto first = std::find(memory_.begin(), memory_.end() - 1, memory_.back());
    same_as_.push_back(static_cast<std::size_t>(first - memory_.begin()));
    shared_.push_back(same_as_.back() != shared_.size());
    if (shared_.back()) shared_[same_as_.back()] = true;
  }
  if (program.peak_live() > most_memory_) leave_out();
  if (lanes_.size() > 1) find_users();
  if (!options.latencies) return;
  for (lane& each : lanes_) each.timed = std::make_unique<latencies>();
  looking_ = latencies::of_looking();
}

/// Blocks with which more bytes would live than may, as they come in the recorded order; also those that grow so far.
void run::leave_out() {
  std::size_t live = 0;
  for (const operation& each : program_.operations()) {
    if (each.what != action::allocate && each.what != action::deallocate && each.what != action::expand) continue;
    replayed_block& block = blocks_[each.block];
    if (block.left_out) continue;
    if (each.what != action::allocate) live -= static_cast<std::size_t>(each.bytes);
    if (each.what == action::deallocate) continue;
    const auto bytes = static_cast<std::size_t>(each.what == action::allocate ? each.bytes : each.new_bytes);
    block.left_out = bytes > most_memory_ - live;
    if (block.left_out)
      ++result_.left_out;
    else
      live += bytes;
  }
}

void run::all_by_one() {
  const std::size_t count = program_.operations().size();
  for (std::size_t at = 0; at < count;) {
    // Up to the next moment at which something is looked at.
    const std::size_t step = options_.sample_every != 0 ? options_.sample_every : count;
    std::size_t end = std::min(count, at - at % step + step);
    const bool to_peak = at <= program_.peak_at() && program_.peak_at() < end;
    if (to_peak) end = program_.peak_at() + 1;
    const auto start = clock::now();
    do_those_between(at, end, lanes_.front());
    result_.seconds += std::chrono::duration<double>(clock::now() - start).count();
    at = end;
    sample();
    if (to_peak) look_at_pages();
  }
}

/// A resource that is released while several threads use it is so at one moment of the recorded order, so that is kept.
void run::find_users() {
  std::vector<std::uint32_t> users(program_.resources().size(), many);
  std::vector<bool> used(users.size());
  std::vector<bool> released(users.size());
  const std::vector<operation>& all = program_.operations();
  for (std::size_t at = 0; at < all.size(); ++at) {
    const std::uint32_t by = lane_of(all[at].thread);
    lanes_[by].its_own.push_back(at);
    const std::size_t index = same_as_[all[at].resource];
    if (!used[index]) users[index] = by;
    if (users[index] != by) users[index] = many;
    used[index] = true;
    if (all[at].what == action::release) released[index] = true;
  }
  for (std::size_t i = 0; i < users.size(); ++i)
    if (released[i] && users[i] == many) in_order_ = true;
  users_ = std::move(users);
  committed_ = std::vector<std::atomic<std::size_t>>(users_.size());
}

void run::do_those_of(std::uint32_t thread) {
  lane& own = lanes_[thread];
  std::size_t since_look = 0;
  for (const std::size_t at : own.its_own) {
    if (in_order_)
      while (turn_.load(std::memory_order_acquire) != at && !abandoned_) std::this_thread::yield();
    if (abandoned_) return;
    do_one(program_.operations()[at], own);
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
  working_ = lanes_.size();
  try {
    for (std::uint32_t i = 0; i < lanes_.size(); ++i)
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

replay_result run::operator()() {
  os::give_back_free_heap();  // or a candidate on malloc would have pages that others have to be given first
  const os::process_usage before = os::usage_of_process();
  resident_before_ = before.resident;
  if (lanes_.size() == 1)
    all_by_one();
  else
    all_at_once();
  result_.page_faults = os::usage_of_process().page_faults - before.page_faults - own_faults_;
  look_at_neighbours();
  sum_up();
  for (const operation& left : program_.frees_at_end()) do_one(left, lanes_.front());
  return result_;
}

}  // namespace replaying

replay_result replay(const replay_program& program, const replay_candidate& candidate, const replay_options& options) {
  if (options.most_threads == 0) throw std::invalid_argument("replay: at least one thread");
  return replaying::run(program, candidate, options)();
}

}  // namespace allot
