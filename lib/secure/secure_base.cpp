#include <allot/core/allocation_error.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/misuse.hpp>
#include <allot/os/address_registry.hpp>
#include <allot/os/fork_hook.hpp>
#include <allot/os/memory_limits.hpp>
#include <allot/os/virtual_memory.hpp>
#include <allot/secure/secure_base.hpp>

#include "secure_base/call.hpp"
#include "secure_base/state.hpp"

namespace allot {

secure_base::secure_base(const secure_options& options, bool synchronized) noexcept
    : resource(options.name),
      options_(completed(options)),
      fork_required_(options.fork.has_value()),
      synchronized_(synchronized),
      watches_threads_(!synchronized && (options.checked || options.level >= secure_level::paranoid)),
      unguarded_(!synchronized_ && !watches_threads_) {}

secure_base::~secure_base() {
  const os::address_registry::ending end(*this);
  secure_base::release();
}

/// Whether a call can go straight to the state: it was made, and this is the process it was made in.
inline bool secure_base::is_ready() const noexcept {
  return ALLOT_LIKELY(state_ != nullptr && os::fork_count() == forks_ && state_->whole());
}

void* secure_base::do_allocate(std::size_t bytes, std::size_t alignment) {
  if (ALLOT_LIKELY(unguarded_ && is_ready() && is_power_of_two(alignment))) {
    void* const p = state_->allocate(bytes, alignment);
    return ALLOT_LIKELY(p != nullptr && !state_->context.found) ? p : allocate_slowly(p, bytes, alignment, true);
  }
  return allocate_guarded(bytes, alignment);
}

void* secure_base::allocate_guarded(std::size_t bytes, std::size_t alignment) {
  void* p = nullptr;
  {
    const call in(*this);
    if (ALLOT_LIKELY(in.alone() && is_ready() && is_power_of_two(alignment))) {
      p = state_->allocate(bytes, alignment);
      if (ALLOT_LIKELY(p != nullptr && !state_->context.found)) return p;
    }
  }
  return allocate_slowly(p, bytes, alignment, true);
}

void* secure_base::try_allocate(std::size_t bytes, std::size_t alignment) noexcept {
  if (!is_power_of_two(alignment)) return nullptr;
  try {
    return allocate_slowly(nullptr, bytes, alignment, false);
  } catch (...) {  // a handler that throws: the block is back by then
    return nullptr;
  }
}

/// All that can come of a request but the usual.
/// @param p  what was served already
void* secure_base::allocate_slowly(void* p, std::size_t bytes, std::size_t alignment, bool throws) {
  if (!is_power_of_two(alignment)) {
    report_misuse({misuse_kind::invalid_alignment, name(), nullptr, alignment});
    throw allocation_error({memory_errc::invalid_alignment, name(), bytes, alignment});
  }
  outcome result;
  {
    const call in(*this);
    if (p == nullptr && may_work(in, result)) p = make_and_allocate(bytes, alignment, result);
    take_finding(result);
  }
  try {
    report(result);
  } catch (...) {
    if (p != nullptr) secure_base::do_deallocate(p, bytes, alignment);
    throw;
  }
  if (p != nullptr || !throws) return p;
  if (result.status) result.status.error = memory_errc::invalid_block;  // the handler of misuse returned
  allocation_failure failure{result.status.error, name(), bytes, alignment};
  failure.os_code = result.status.os_code;
  if (failure.code == memory_errc::lock_limit) failure.limit = os::memory_limits().locked.most;
  if (failure.limit == os::memory_limit::none) failure.limit = 0;
  throw allocation_error(failure);
}

inline void* secure_base::make_and_allocate(std::size_t bytes, std::size_t alignment, outcome& result) {
  const bool fresh = state_ == nullptr;
  if (fresh) {
    result.status = os::count_forks();
    if (result.status) state_ = secure::secure_state::make(options_, fork_required_, *this, result.status);
    if (state_ == nullptr) return nullptr;
    forks_ = os::fork_count();
    state_->context.shared = synchronized_;
  }
  void* const p = state_->allocate(bytes, alignment);
  if (p == nullptr) result.status = state_->context.outcome;
  if (p == nullptr && fresh) {
    secure::secure_state::destroy(*state_);
    state_ = nullptr;
  }
  return p;
}

void secure_base::do_deallocate(void* p, std::size_t bytes, std::size_t alignment) {
  if (ALLOT_LIKELY(unguarded_ && is_ready() && is_power_of_two(alignment))) {
    const bool done = state_->deallocate(p, bytes, alignment);
    return ALLOT_LIKELY(done && !state_->context.found) ? void() : deallocate_slowly(p, bytes, alignment, done);
  }
  deallocate_guarded(p, bytes, alignment);
}

void secure_base::deallocate_guarded(void* p, std::size_t bytes, std::size_t alignment) {
  bool done = false;
  {
    const call in(*this);
    if (ALLOT_LIKELY(in.alone() && is_ready() && is_power_of_two(alignment))) {
      done = state_->deallocate(p, bytes, alignment);
      if (ALLOT_LIKELY(done && !state_->context.found)) return;
    }
  }
  deallocate_slowly(p, bytes, alignment, done);
}

/// @param done  whether the block was freed already, and only what was found on the way is to be reported
void secure_base::deallocate_slowly(void* p, std::size_t bytes, std::size_t alignment, bool done) {
  outcome result;
  {
    const call in(*this);
    if (!done && may_work(in, result)) {
      // What was not to be freed a moment ago may be now, in a child process.
      done = state_ != nullptr && is_power_of_two(alignment) && state_->deallocate(p, bytes, alignment);
      if (!done) classify(p, bytes, alignment, result);
    }
    if (!result.found) take_finding(result);
  }
  report(result);
}

bool secure_base::try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes, std::size_t alignment) noexcept {
  if (!is_power_of_two(alignment) || new_bytes > max_object_bytes) return false;
  outcome result;
  bool done = false;
  {
    const call in(*this);
    if (may_work(in, result) && state_ != nullptr) {
      secure::small_blocks::size_class* const of = state_->small.class_for(old_bytes, alignment);
      done = of != nullptr ? state_->small.try_expand(*of, p, old_bytes, new_bytes, alignment)
                           : old_bytes == new_bytes && state_->large.holds(p, old_bytes, alignment);
      take_finding(result);
    }
  }
  report(result);
  return done;
}

}  // namespace allot
