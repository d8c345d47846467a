// Looking into a secure resource: what a pointer is, what there is, and whether it is whole.

#include <algorithm>
#include <allot/core/block_sight.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/os/address_registry.hpp>
#include <cmath>
#include <mutex>

#include "call.hpp"

namespace allot {

using namespace secure;
using records::state;

namespace {

/// Says in words which block a finding is about.
void describe_block(finding& into, std::size_t bytes, const void* begin, std::size_t alignment,
                    std::string_view is) noexcept {
  into.details.append("  ")
      .append(is)
      .append(" of ")
      .append_decimal(bytes)
      .append(" bytes at ")
      .append_hex(address_of(begin));
  if (alignment != 0) into.details.append(", alignment ").append_decimal(alignment);
  into.details.append("\n");
}

finding mismatch(const void* p, std::size_t bytes, std::size_t alignment, std::size_t true_bytes,
                 std::size_t true_alignment) noexcept {
  finding found{misuse_kind::wrong_size, p, bytes, true_bytes};
  if (bytes == true_bytes) found = {misuse_kind::wrong_alignment, p, alignment, true_alignment};
  describe_block(found, true_bytes, p, true_alignment, "live block");
  return found;
}

}  // namespace

/// Finds out what is wrong with a deallocate.
void secure_base::classify(const void* p, std::size_t bytes, std::size_t alignment, outcome& result) const {
  finding found{misuse_kind::foreign_pointer, p};
  if (!is_power_of_two(alignment)) {
    result.found.emplace(finding{misuse_kind::invalid_alignment, p, alignment});
    return;
  }
  if (state_ != nullptr) {
    const small_blocks::location small = state_->small.locate(p);
    const large_blocks::location large = state_->large.locate(p);
    if (small.is == small_blocks::location::what::place) {
      const std::size_t true_bytes = records::bytes(small.about);
      const bool live = records::state_of(small.about) == state::live;
      const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(p) - small.begin);
      if (!small.intact) {
        found.kind = misuse_kind::damaged_records;
      } else if (offset == 0 && live) {
        found = mismatch(p, bytes, alignment, true_bytes, records::alignment(small.about));
      } else {
        if (offset == 0) found.kind = misuse_kind::double_free;
        if (live && offset < true_bytes) found = {misuse_kind::interior_pointer, p, bytes, true_bytes};
        describe_block(found, true_bytes, small.begin, records::alignment(small.about),
                       live ? "live block" : "freed block");
      }
    } else if (small.is != small_blocks::location::what::outside) {
      found.details.append("  in its address space, where no block is\n");
    } else if (large.is == large_blocks::location::what::block && large.begin == p && !large.freed) {
      found = mismatch(p, bytes, alignment, large.bytes, large.alignment);
    } else if (large.is == large_blocks::location::what::gone ||
               (large.is != large_blocks::location::what::outside && large.freed)) {
      found.kind = misuse_kind::double_free;
    } else if (large.is != large_blocks::location::what::outside) {
      if (large.is == large_blocks::location::what::block)
        found = {misuse_kind::interior_pointer, p, bytes, large.bytes};
      if (large.begin != nullptr) describe_block(found, large.bytes, large.begin, large.alignment, "live block");
    }
  }
  if (found.kind == misuse_kind::foreign_pointer) {
    const os::address_registry::found_range holder = os::address_registry::find(p);
    if (holder.begin != nullptr && holder.owner != this) {
      found.owner.append(holder.name);
      if (holder.owner == nullptr) found.owner.append(", which is gone");
    }
  }
  result.found.emplace(found);
}

memory_usage secure_base::usage() const noexcept {
  outcome ignored;
  const call in(*this);
  if (!may_work(in, ignored) || state_ == nullptr) return {};
  const secure_context& context = state_->context;
  memory_usage now;
  now.reserved = context.reserved + context.records.reserved();
  now.committed = context.committed + context.records.taken();
  now.used = context.used;
  now.peak = context.peak;
  now.wasted = context.records.taken() + state_->small.quarantined_bytes();
  return now;
}

bool secure_base::owns(const void* p) const noexcept {
  outcome ignored;
  const call in(*this);
  if (!may_work(in, ignored) || state_ == nullptr) return false;
  return state_->small.locate(p).is != small_blocks::location::what::outside ||
         state_->large.locate(p).is != large_blocks::location::what::outside;
}

block_info secure_base::find_block(const void* p) const noexcept {
  outcome ignored;
  const call in(*this);
  if (!may_work(in, ignored) || state_ == nullptr) return {};
  const small_blocks::location small = state_->small.locate(p);
  if (small.is == small_blocks::location::what::place) {
    const std::size_t bytes = records::bytes(small.about);
    const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(p) - small.begin);
    if (offset >= std::max<std::size_t>(bytes, 1)) return {};
    return {small.begin, bytes, true,
            records::state_of(small.about) == state::live ? block_state::used : block_state::quarantined};
  }
  const large_blocks::location large = state_->large.locate(p);
  if (large.is != large_blocks::location::what::block) return {};
  return {large.begin, large.bytes, true, large.freed ? block_state::quarantined : block_state::used};
}

block_extent secure_base::live_block(const void* p) const noexcept {
  outcome ignored;
  const call in(*this);
  if (!may_work(in, ignored) || state_ == nullptr) return {};
  const small_blocks::location small = state_->small.locate(p);
  if (small.is == small_blocks::location::what::place) {
    const bool live = small.intact && small.begin == p && records::state_of(small.about) == state::live;
    return live ? block_extent{records::bytes(small.about), records::alignment(small.about)} : block_extent{};
  }
  return state_->large.live_block(p);
}

bool secure_base::try_look_at(const void* p, block_sight& seen) const noexcept {
  std::unique_lock lock(mutex_, std::defer_lock);
  if (synchronized_ && !lock.try_lock()) return false;
  seen.state = block_state::gap;
  if (state_ == nullptr || os::fork_count() != forks_ || !state_->whole()) return true;
  using small_place = small_blocks::location::what;
  using large_place = large_blocks::location::what;
  const small_blocks::location small = state_->small.locate(p);
  if (small.is == small_place::guard) seen.state = block_state::guard;
  if (small.is == small_place::unused) seen.state = block_state::free;
  if (small.is == small_place::place) {
    const bool live = records::state_of(small.about) == state::live;
    seen.block = {small.begin, records::bytes(small.about), true, live ? block_state::used : block_state::quarantined};
  }
  const large_blocks::location large = state_->large.locate(p);
  if (large.is == large_place::guard || large.is == large_place::gone) seen.state = block_state::guard;
  if (large.begin != nullptr)
    seen.block = {large.begin, large.bytes, true, large.freed ? block_state::quarantined : block_state::used};
  if (seen.block.begin == nullptr) return true;
  if (range_contains(seen.block.begin, std::max<std::size_t>(seen.block.bytes, 1), p, 1)) {
    seen.state = seen.block.state;
  } else if (large.is != large_place::guard) {
    seen.state = block_state::slack;
  }
  return true;
}

void secure_base::for_each_block(block_visitor visitor) const {
  outcome result;
  {
    const call in(*this);
    if (may_work(in, result) && state_ != nullptr) {
      state_->small.for_each_block(visitor);
      state_->large.for_each_block(visitor);
    }
  }
  report(result);
}

bool secure_base::check() const noexcept {
  outcome result;
  bool sound = true;
  {
    const call in(*this);
    if (may_work(in, result) && state_ != nullptr) {
      sound = state_->small.check();
      sound = state_->large.check() && sound;
      take_finding(result);
    }
  }
  report(result);
  return sound && !result.found;
}

std::size_t secure_base::trim() noexcept {
  outcome result;
  std::size_t given_back = 0;
  {
    const call in(*this);
    if (may_work(in, result) && state_ != nullptr) given_back = state_->small.trim() + state_->large.trim();
  }
  report(result);
  return given_back;
}

void secure_base::release() noexcept {
  if (state_ == nullptr) return;
  // Of what a fork policy withheld there is nothing left to give back.
  const bool withheld = *options_.fork != fork_policy::inherit && os::fork_count() != forks_;
  if (!withheld && state_->whole()) {
    (void)secure_base::check();
    secure_state::destroy(*state_);
  }
  state_ = nullptr;
}

secure_report secure_base::report() const noexcept {
  outcome ignored;
  const call in(*this);
  secure_report now;
  now.level = options_.level;
  now.guard_interval = *options_.guard_interval;
  if (!may_work(in, ignored) || state_ == nullptr) return now;
  const secure_context& context = state_->context;
  const small_blocks& small = state_->small;

  std::size_t least_bytes = context.most_region_bytes;
  bool all_scattered = true;
  small.for_each_region([&](const std::byte*, std::size_t bytes, std::size_t, bool scattered) {
    ++now.regions;
    least_bytes = std::min(least_bytes, bytes);
    all_scattered = all_scattered && scattered;
  });
  now.regions += state_->large.regions();
  if (all_scattered) now.region_entropy = context.places.entropy();
  now.least_region_bits = static_cast<unsigned>(std::log2(static_cast<double>(least_bytes)));
  if (*options_.random_places && options_.level != secure_level::trap) {
    now.most_slot_entropy = std::log2(static_cast<double>(small.most_places()));
    now.least_slot_entropy = std::log2(static_cast<double>(small.fewest_places()));
  }
  constexpr double canary_bits = 56;  // of a word, but for its first byte
  if (*options_.canary_bytes != 0) now.canary_entropy = canary_bits;
  if (now.guard_interval != 0 || options_.level == secure_level::trap)
    now.guards = small.guards_by_advice() ? secure_report::guard_kind::advice : secure_report::guard_kind::protection;
  now.guards_left_out = small.guards_left_out();
  now.quarantined_blocks = small.quarantined_blocks() + state_->large.quarantined_blocks();
  now.quarantined_bytes = small.quarantined_bytes() + state_->large.quarantined_bytes();
  now.locked_bytes = context.granted.locked_bytes;
  now.lock_refusals = context.granted.lock_refusals;
  now.dump_refusals = context.granted.dump_refusals;
  now.fork_refusals = context.granted.fork_refusals;
  return now;
}

}  // namespace allot
