#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/misuse.hpp>
#include <allot/os/fork_hook.hpp>
#include <allot/os/virtual_memory.hpp>
#include <allot/secure/secure_base.hpp>
#include <atomic>
#include <optional>

#include "finding.hpp"
#include "state.hpp"

namespace allot {

/// What a call found: why it failed, and what is to be reported when nothing is locked any more.
struct secure_base::outcome {
  os::status status;
  std::optional<secure::finding> found;
};

/// Locks around a call, or watches that nobody else is in one.
class secure_base::call {
 public:
  explicit call(const secure_base& on) noexcept : on_(on) {
    if (on_.synchronized_) on_.mutex_.lock();
    if (on_.watches_threads_ && on_.busy_.exchange(true, std::memory_order_acquire)) alone_ = false;
  }
  ~call() {
    if (on_.watches_threads_ && alone_) on_.busy_.store(false, std::memory_order_release);
    if (on_.synchronized_) on_.mutex_.unlock();
  }
  call(const call&) = delete;
  call& operator=(const call&) = delete;

  bool alone() const noexcept { return alone_; }

 private:
  const secure_base& on_;
  bool alone_ = true;
};

/// Whether the resource can be worked with now and in this process; else that is noted.
inline bool secure_base::may_work(const call& in, outcome& result) const {
  if (!in.alone()) {
    result.found.emplace(secure::finding{misuse_kind::used_by_two_threads, nullptr});
    return false;
  }
  if (state_ == nullptr || (os::fork_count() == forks_ && state_->whole())) return true;
  if (*options_.fork != fork_policy::inherit) {
    result.found.emplace(secure::finding{misuse_kind::used_after_fork, nullptr});
    return false;
  }
  forks_ = os::fork_count();
  state_->context.random.forget();
  state_->context.granted.locked_bytes = 0;  // a child inherits no locks
  return true;
}

/// Moves what the state found, if anything, to where it can be reported from.
inline void secure_base::take_finding(outcome& result) const {
  if (result.found || state_ == nullptr || !state_->context.found) return;
  result.found = state_->context.found;
  state_->context.found.reset();
}

inline void secure_base::report(const outcome& result) const {
  if (!ALLOT_LIKELY(!result.found)) report_misuse(result.found->report_for(name()));
}

}  // namespace allot
