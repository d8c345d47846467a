#include <algorithm>
#include <allot/block/guarded_pages.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/block_sight.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/core/misuse.hpp>
#include <allot/os/address_registry.hpp>
#include <allot/os/fork_hook.hpp>
#include <allot/os/memory_limits.hpp>
#include <allot/os/secure_memory.hpp>
#include <allot/os/virtual_memory.hpp>
#include <allot/secure/secure_scratch.hpp>

namespace allot {

secure_scratch::scope::scope(secure_scratch& memory) noexcept
    : memory_(memory), start_(memory.position_), depth_(++memory.depth_) {}

secure_scratch::scope::~scope() {
  if (depth_ != memory_.depth_)
    report_misuse({misuse_kind::stale_mark, memory_.name(), nullptr, start_, memory_.position_});
  // An inner scope that ends later finds nothing behind its start then, and that is what its end leaves.
  if (memory_.depth_ >= depth_) memory_.depth_ = depth_ - 1;
  if (memory_.position_ > start_) memory_.go_back(start_);
}

secure_scratch::secure_scratch(const secure_scratch_options& options) noexcept
    : resource(options.name),
      options_(options),
      withdraws_(options.level == secure_level::paranoid || options.level == secure_level::trap) {}

secure_scratch::~secure_scratch() {
  const os::address_registry::ending end(*this);
  secure_scratch::release();
}

os::status secure_scratch::open() noexcept {
  const std::size_t page = os::facts().page_size;
  if (page == 0) return {memory_errc::page_size_unknown, 0};
  std::size_t bytes = 0;
  if (!checked_align_up(std::max<std::size_t>(options_.bytes, 1), page, bytes) || bytes > max_object_bytes - 2 * page)
    return {memory_errc::size_overflow, 0};
  const os::mapping made = map_guarded_pages(bytes, 1, withdraws_ ? os::access::none : os::access::read_write);
  if (!made) return made.outcome;
  auto* const data = static_cast<std::byte*>(made.address);
  os::status outcome;
  if (options_.no_dump != wish::none) {
    outcome = os::advise(data, bytes, os::advice::no_dump);
    if (options_.no_dump == wish::attempt) outcome = {};
  }
  if (outcome && options_.lock != wish::none) {
    outcome = os::count_forks();
    if (outcome) outcome = os::lock(data, bytes);
    locked_ = static_cast<bool>(outcome);
    forks_ = os::fork_count();
    if (options_.lock == wish::attempt) outcome = {};
  }
  if (!outcome) {
    give_back_pages(data - page, bytes + 2 * page);
    return outcome;
  }
  data_ = data;
  size_ = bytes;
  (void)os::address_registry::add({data_ - page, size_ + 2 * page, this, secure_scratch::kind()});
  accessible_ = withdraws_ ? 0 : bytes;
  if (memory_tools::active()) memory_tools::poison(data_, size_);
  return {};
}

bool secure_scratch::locked() const noexcept { return locked_ && os::fork_count() == forks_; }

os::status secure_scratch::make_accessible(std::size_t end) noexcept {
  end = align_up(end, os::facts().page_size);
  if (end <= accessible_) return {};
  const os::status outcome = os::protect(data_ + accessible_, end - accessible_, os::access::read_write);
  if (outcome) accessible_ = end;
  return outcome;
}

void* secure_scratch::serve(std::size_t bytes, std::size_t alignment, os::status& outcome) noexcept {
  const bool first = data_ == nullptr;
  if (first) outcome = open();
  if (!outcome) return nullptr;
  void* const p = place(bytes, alignment, outcome);
  if (p == nullptr && first) secure_scratch::release();
  return p;
}

void* secure_scratch::place(std::size_t bytes, std::size_t alignment, os::status& outcome) noexcept {
  const std::size_t start = position_ + padding_for(address_of(data_ + position_), alignment);
  const std::size_t wanted = std::max<std::size_t>(bytes, 1);
  if (start > size_ || wanted > size_ - start) {
    outcome = {memory_errc::limit_reached, 0};
    return nullptr;
  }
  outcome = make_accessible(start + wanted);
  if (!outcome) return nullptr;
  position_ = start + wanted;
  peak_ = std::max(peak_, position_);
  std::byte* const p = data_ + start;
  if (memory_tools::active()) memory_tools::unpoison(p, wanted);
  return p;
}

void* secure_scratch::do_allocate(std::size_t bytes, std::size_t alignment) {
  if (!is_power_of_two(alignment)) {
    report_misuse({misuse_kind::invalid_alignment, name(), nullptr, alignment});
    throw allocation_error({memory_errc::invalid_alignment, name(), bytes, alignment});
  }
  os::status outcome;
  if (void* const p = serve(bytes, alignment, outcome); p != nullptr) return p;
  allocation_failure failure{outcome.error, name(), bytes, alignment};
  failure.os_code = outcome.os_code;
  if (outcome.error == memory_errc::limit_reached) failure.limit = options_.bytes;
  if (const std::size_t most = os::memory_limits().locked.most;
      outcome.error == memory_errc::lock_limit && most != os::memory_limit::none)
    failure.limit = most;
  throw allocation_error(failure);
}

void* secure_scratch::try_allocate(std::size_t bytes, std::size_t alignment) noexcept {
  os::status ignored;
  return is_power_of_two(alignment) ? serve(bytes, alignment, ignored) : nullptr;
}

void secure_scratch::do_deallocate(void* p, std::size_t bytes, std::size_t) {
  const std::size_t held = std::max<std::size_t>(bytes, 1);
  if (!range_contains(data_, position_, p, held) || data_ == nullptr)
    return report_misuse({misuse_kind::foreign_pointer, name(), p});
  const auto start = static_cast<std::size_t>(static_cast<std::byte*>(p) - data_);
  if (start + held == position_) return go_back(start);
  os::secure_zero(p, held);
}

/// Wipes what lies behind a position, and takes the access from whole pages behind it.
void secure_scratch::go_back(std::size_t position) noexcept {
  if (memory_tools::active()) memory_tools::unpoison(data_ + position, position_ - position);
  os::secure_zero(data_ + position, position_ - position);
  if (memory_tools::active()) memory_tools::poison(data_ + position, position_ - position);
  position_ = position;
  const std::size_t kept = align_up(position, os::facts().page_size);
  if (withdraws_ && kept < accessible_ && os::protect(data_ + kept, accessible_ - kept, os::access::none))
    accessible_ = kept;
}

std::size_t secure_scratch::available() const noexcept { return size_ - position_; }

memory_usage secure_scratch::usage() const noexcept {
  if (data_ == nullptr) return {};
  return {size_ + 2 * os::facts().page_size, accessible_, position_, peak_, 0};
}

bool secure_scratch::owns(const void* p) const noexcept {
  return data_ != nullptr && range_contains(data_, size_, p, 1);
}

block_info secure_scratch::find_block(const void* p) const noexcept {
  if (!owns(p)) return {};
  if (range_contains(data_, position_, p, 1)) return {data_, position_, false, block_state::used};
  return {data_ + position_, size_ - position_, false, block_state::free};
}

bool secure_scratch::try_look_at(const void* p, block_sight& seen) const noexcept {
  seen.block = {data_, position_, false, block_state::used};
  seen.all_in_use = true;
  seen.state = block_state::guard;
  if (owns(p)) seen.state = range_contains(data_, position_, p, 1) ? block_state::used : block_state::free;
  seen.used_before = seen.state == block_state::free && address_of(p) - address_of(data_) < peak_;
  return true;
}

void secure_scratch::for_each_block(block_visitor visitor) const {
  if (position_ != 0) visitor({data_, position_, false, block_state::used});
  if (position_ != size_) visitor({data_ + position_, size_ - position_, false, block_state::free});
}

void secure_scratch::release() noexcept {
  if (data_ == nullptr) return;
  if (depth_ != 0 && position_ != 0) report_misuse({misuse_kind::outer_scope, name(), nullptr, 0, depth_});
  go_back(0);
  const std::size_t page = os::facts().page_size;
  os::address_registry::remove(data_ - page, this);
  give_back_pages(data_ - page, size_ + 2 * page);
  data_ = nullptr;
  size_ = position_ = accessible_ = peak_ = 0;
  locked_ = false;
}

bool secure_scratch::check() const noexcept {
  if (position_ > accessible_ || accessible_ > size_) return false;
  if (memory_tools::active()) return true;
  return std::all_of(data_ + position_, data_ + accessible_, [](std::byte each) { return each == std::byte{0}; });
}

}  // namespace allot
