#include <algorithm>
#include <allot/adaptor/debug_resource.hpp>
#include <allot/adaptor/leak_list.hpp>
#include <allot/block/block_details.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/block_sight.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/os/address_registry.hpp>
#include <allot/os/thread_number.hpp>

#include "debug_resource/fences.hpp"
#include "debug_resource/finding.hpp"
#include "debug_resource/leaks_at_exit.hpp"

namespace allot {
namespace {

using debug_fences::damage;
using debug_fences::start_of;

block_info info_of(const block_table::entry& block) noexcept {
  return {block.address, block.requested, true, block.freed ? block_state::quarantined : block_state::used};
}

}  // namespace

/// Room in the books for a block that the upstream has yet to give.
class debug_resource::expected_block {
 public:
  explicit expected_block(debug_resource& memory) noexcept : memory_(memory) {
    const std::lock_guard lock(memory_.mutex_);
    outcome_ = memory_.blocks_.prepare_insert(memory_.expected_ + 1);
    if (outcome_) ++memory_.expected_;
  }
  ~expected_block() {
    if (came_ || !outcome_) return;
    const std::lock_guard lock(memory_.mutex_);
    --memory_.expected_;
  }
  expected_block(const expected_block&) = delete;
  expected_block& operator=(const expected_block&) = delete;

  const os::status& outcome() const noexcept { return outcome_; }

  /// It came: `start` is what the upstream gave. Returns what is handed out.
  void* admit(entry& block, void* start, const os::call_stack& caller) noexcept {
    block.address = static_cast<std::byte*>(start) + block.lead;
    debug_fences::put(block, memory_.fence_bytes_);
    debug_fences::hand_out(block.address, block.requested, memory_.fill_fresh_);

    const std::lock_guard lock(memory_.mutex_);
    came_ = true;
    --memory_.expected_;
    if (entry* const lost = memory_.blocks_.find(block.address); lost != nullptr) memory_.forget(*lost);
    block.stamp = ++memory_.newest_;
    if (memory_.record_stacks_) block.stacks = memory_.stacks_.add(caller);
    memory_.blocks_.insert(block);
    (void)os::address_registry::add({start, block.mapped, &memory_, memory_.kind(), true});
    memory_usage& usage = memory_.usage_;
    usage.reserved += block.mapped;
    usage.committed += block.mapped;
    usage.used += block.requested;
    usage.peak = std::max(usage.peak, usage.used);
    return block.address;
  }

 private:
  debug_resource& memory_;
  os::status outcome_;
  bool came_ = false;
};

debug_resource::debug_resource(upstream_ref upstream, const debug_options& options) noexcept
    : adaptor_resource(upstream, options.name),
      fence_bytes_(options.fence_bytes),
      quarantine_bytes_(options.quarantine_bytes),
      fill_fresh_(options.fill_fresh),
      fill_freed_(options.fill_freed),
      record_stacks_(options.record_stacks),
      at_exit_(options.report_leaks_at_exit),
      report_leaks_(options.report_leaks),
      owner_(options.used_by == debug_options::threads::own_only ? os::this_thread_number() : 0) {
  if (at_exit_) leaks_at_exit::add(*this);
}

debug_resource::~debug_resource() {
  const os::address_registry::ending end(*this);
  if (at_exit_) leaks_at_exit::remove(*this);
  if (report_leaks_) leak_list(*this).report(false);
  give_all_back();
}

void debug_resource::take_over() noexcept {
  if (owner_ != 0) owner_ = os::this_thread_number();
}

os::call_stack debug_resource::here() const noexcept {
  os::call_stack caller;
  if (record_stacks_) caller.capture();
  return caller;
}

bool debug_resource::belongs_to_caller(const os::call_stack& caller) const {
  const std::uint64_t owner = owner_;
  if (owner == 0 || owner == os::this_thread_number()) return true;
  finding({misuse_kind::wrong_thread, name(), nullptr, static_cast<std::size_t>(os::this_thread_number()),
           static_cast<std::size_t>(owner)})
      .tell(caller);
  return false;
}

// ---- allocation

void* debug_resource::do_allocate(std::size_t bytes, std::size_t alignment) {
  allocation_failure failure{memory_errc::invalid_alignment, name(), bytes, alignment};
  const os::call_stack caller = here();
  if (!is_power_of_two(alignment)) {
    finding({misuse_kind::invalid_alignment, name(), nullptr, alignment}).tell(caller);
    throw allocation_error(failure);
  }
  failure.code = memory_errc::permission_denied;
  if (!belongs_to_caller(caller)) throw allocation_error(failure);

  entry block;
  block.requested = bytes;
  block.alignment = alignment;
  failure.code = memory_errc::size_overflow;
  if (!debug_fences::lay_out(block, fence_bytes_)) throw allocation_error(failure);
  expected_block expected(*this);
  failure.code = expected.outcome().error;
  failure.os_code = expected.outcome().os_code;
  if (!expected.outcome()) throw allocation_error(failure);
  return expected.admit(block, allocate_upstream(block.mapped, alignment), caller);
}

void* debug_resource::allocate_upstream(std::size_t bytes, std::size_t alignment) {
  try {
    return upstream_allocate(bytes, alignment);
  } catch (...) {
    if (give_up_freed(0) == 0) throw;
  }
  return upstream_allocate(bytes, alignment);
}

void* debug_resource::try_allocate(std::size_t bytes, std::size_t alignment) noexcept {
  const os::call_stack caller = here();
  if (!is_power_of_two(alignment) || !belongs_to_caller(caller)) return nullptr;
  entry block;
  block.requested = bytes;
  block.alignment = alignment;
  if (!debug_fences::lay_out(block, fence_bytes_)) return nullptr;
  expected_block expected(*this);
  if (!expected.outcome()) return nullptr;
  void* start = adaptor_resource::try_allocate(block.mapped, alignment);
  if (start == nullptr && give_up_freed(0) != 0) start = adaptor_resource::try_allocate(block.mapped, alignment);
  return start != nullptr ? expected.admit(block, start, caller) : nullptr;
}

// ---- what comes back

void debug_resource::do_deallocate(void* p, std::size_t bytes, std::size_t alignment) {
  const os::call_stack caller = here();
  if (!belongs_to_caller(caller)) return;
  entry block;
  {
    std::unique_lock lock(mutex_);
    entry* const found = find_for_use(p, bytes, alignment);
    if (found == nullptr) {
      const finding misuse = misuse_of(p, bytes, alignment);
      lock.unlock();
      return misuse.tell(caller);
    }
    block = *found;
    found->freed = found->busy = true;
    if (found->stacks != nullptr) found->stacks->freed = caller;
    usage_.used -= bytes;
    usage_.committed -= block.mapped;
  }
  {
    // The contents stay until the report is made, for whoever looks at them then; a handler that throws leaves the
    // block freed, too.
    const burial at_end{*this, block};
    (void)report_damage(block, caller);
  }
  (void)give_up_freed(quarantine_bytes_);
}

/// The live block that is what the caller says, and no other call is at work on; or null.
block_table::entry* debug_resource::find_for_use(const void* p, std::size_t bytes, std::size_t alignment) noexcept {
  entry* const found = blocks_.find(p);
  const bool sound =
      found != nullptr && !found->freed && !found->busy && found->requested == bytes && found->alignment == alignment;
  return sound ? found : nullptr;
}

debug_resource::finding debug_resource::misuse_of(const void* p, std::size_t bytes, std::size_t alignment) noexcept {
  const auto about = [&](misuse_kind kind, std::size_t claimed, std::size_t actual) {
    return finding({kind, name(), p, claimed, actual});
  };
  if (const entry* const block = blocks_.find(p); block != nullptr) {
    if (block->freed) return about(misuse_kind::double_free, 0, 0).of(*block);
    if (block->busy) return about(misuse_kind::used_by_two_threads, 0, 0).of(*block);
    if (block->requested != bytes) return about(misuse_kind::wrong_size, bytes, block->requested).of(*block);
    return about(misuse_kind::wrong_alignment, alignment, block->alignment).of(*block);
  }
  if (const entry* const block = around(p); block != nullptr) {
    const bool inside = range_contains(block->address, block->requested, p, 1);
    return about(inside ? misuse_kind::interior_pointer : misuse_kind::foreign_pointer, bytes, block->requested)
        .of(*block, p);
  }
  return about(misuse_kind::foreign_pointer, 0, 0).owned_by(os::address_registry::find(p).name);
}

/// The block p lies in, or in a fence of.
const block_table::entry* debug_resource::around(const void* p) const noexcept {
  const entry* found = nullptr;
  blocks_.for_each([&](const entry& block) {
    if (range_contains(start_of(block), block.mapped, p, 1)) found = &block;
  });
  return found;
}

/// Whether there was any. The block is live, and nobody else's now.
bool debug_resource::report_damage(const entry& block, const os::call_stack& caller) const {
  const damage found = debug_fences::damage_of_live(block, fence_bytes_);
  if (found) finding::damaged(name(), block, found).tell(caller);
  return bool(found);
}

// ---- the quarantine

/// A block that was freed goes into the quarantine.
debug_resource::burial::~burial() {
  debug_fences::bury(block, memory.fence_bytes_, memory.fill_freed_);
  const std::lock_guard lock(memory.mutex_);
  memory.put_in_quarantine(*memory.blocks_.find(block.address));
}

/// One that is too large for the quarantine will be the first to leave it, and drives out no others.
void debug_resource::put_in_quarantine(entry& block) noexcept {
  block.busy = false;
  block.next = nullptr;
  if (oldest_freed_ == nullptr) {
    oldest_freed_ = youngest_freed_ = block.address;
  } else if (block.mapped > quarantine_bytes_) {
    block.next = oldest_freed_;
    oldest_freed_ = block.address;
  } else {
    blocks_.find(youngest_freed_)->next = block.address;
    youngest_freed_ = block.address;
  }
  freed_bytes_ += block.mapped;
}

/// Strikes a block off the books that the upstream has taken back on its own: it gave the address out anew.
void debug_resource::forget(entry& lost) noexcept {
  usage_.reserved -= lost.mapped;
  if (!lost.freed) {
    usage_.committed -= lost.mapped;
    usage_.used -= lost.requested;
  } else if (!lost.busy) {
    freed_bytes_ -= lost.mapped;
    void* before = nullptr;
    for (void* at = oldest_freed_; at != lost.address; at = blocks_.find(at)->next) before = at;
    (before == nullptr ? oldest_freed_ : blocks_.find(before)->next) = lost.next;
    if (youngest_freed_ == lost.address) youngest_freed_ = before;
  }
  blocks_.erase(&lost);
}

/// Takes a block out of the quarantine and the books, which keep room for it.
block_table::entry debug_resource::take_oldest() noexcept {
  entry* const oldest = blocks_.find(oldest_freed_);
  const entry taken = *oldest;
  oldest_freed_ = taken.next;
  if (oldest_freed_ == nullptr) youngest_freed_ = nullptr;
  freed_bytes_ -= taken.mapped;
  usage_.reserved -= taken.mapped;
  blocks_.erase(oldest);
  ++expected_;
  return taken;
}

/// Returns the bytes that went upstream.
std::size_t debug_resource::give_up_freed(std::size_t most) {
  for (std::size_t given = 0;;) {
    entry oldest;
    {
      const std::lock_guard lock(mutex_);
      if (freed_bytes_ <= most) return given;
      oldest = take_oldest();
    }
    give_back(oldest);
    given += oldest.mapped;
  }
}

/// Gives a block back that take_oldest() took. When that throws the block is in the quarantine again, as good as new.
void debug_resource::give_back(const entry& freed) {
  try {
    if (const damage found = debug_fences::damage_of_freed(freed, fence_bytes_, fill_freed_))
      finding::damaged(name(), freed, found).tell();
    debug_fences::give_up(freed);
    os::address_registry::remove(start_of(freed), this);
    upstream_deallocate(start_of(freed), freed.mapped, freed.alignment);
  } catch (...) {
    debug_fences::bury(freed, fence_bytes_, fill_freed_);
    const std::lock_guard lock(mutex_);
    --expected_;
    usage_.reserved += freed.mapped;
    blocks_.insert(freed);
    (void)os::address_registry::add({start_of(freed), freed.mapped, this, kind(), true});
    put_in_quarantine(*blocks_.find(freed.address));
    throw;
  }
  const std::lock_guard lock(mutex_);
  --expected_;
  stacks_.remove(freed.stacks);
}

std::size_t debug_resource::trim() noexcept {
  const std::size_t given = give_up_freed(0);
  return given + adaptor_resource::trim();
}

// ---- resizing

bool debug_resource::try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes, std::size_t alignment) noexcept {
  const os::call_stack caller = here();
  if (!belongs_to_caller(caller)) return false;
  entry block;
  {
    std::unique_lock lock(mutex_);
    entry* const found = find_for_use(p, old_bytes, alignment);
    if (found == nullptr) {
      const finding misuse = misuse_of(p, old_bytes, alignment);
      lock.unlock();
      misuse.tell(caller);
      return false;
    }
    found->busy = true;
    block = *found;
  }
  const bool sound = !report_damage(block, caller);
  const entry before = block;
  const bool done = sound && expand(block, new_bytes);

  const std::lock_guard lock(mutex_);
  block.busy = false;
  *blocks_.find(p) = block;
  if (block.mapped != before.mapped) os::address_registry::resize(start_of(block), this, block.mapped);
  usage_.reserved = usage_.reserved - before.mapped + block.mapped;
  usage_.committed = usage_.committed - before.mapped + block.mapped;
  usage_.used = usage_.used - before.requested + block.requested;
  usage_.peak = std::max(usage_.peak, usage_.used);
  return done;
}

/// Leaves the block as it is where the upstream cannot.
bool debug_resource::expand(entry& block, std::size_t new_bytes) noexcept {
  entry wanted = block;
  wanted.requested = new_bytes;
  if (!debug_fences::lay_out(wanted, fence_bytes_)) return false;
  debug_fences::open_behind(block);
  if (wanted.mapped != block.mapped &&
      !adaptor_resource::try_expand(start_of(block), block.mapped, wanted.mapped, block.alignment)) {
    debug_fences::close_behind(block);
    return false;
  }
  if (wanted.requested > block.requested) {
    std::byte* const end = static_cast<std::byte*>(block.address) + block.requested;
    debug_fences::hand_out(end, wanted.requested - block.requested, fill_fresh_);
  }
  debug_fences::put_behind(wanted, fence_bytes_);
  block = wanted;
  return true;
}

// ---- the end

void debug_resource::release() noexcept {
  give_all_back();
  adaptor_resource::release();
}

/// No call is in progress, so nothing is locked, and a handler may ask about the blocks.
void debug_resource::give_all_back() noexcept {
  blocks_.for_each([this](const entry& block) {
    if (!block.freed) (void)report_damage(block, {});
  });
  (void)give_up_freed(0);
  blocks_.for_each([this](const entry& block) {
    debug_fences::give_up(block);
    os::address_registry::remove(start_of(block), this);
    upstream_deallocate(start_of(block), block.mapped, block.alignment);
  });
  stacks_.clear();
  blocks_.clear();
  usage_ = {};
}

// ---- looking inside

std::uint64_t debug_resource::newest() const noexcept {
  const std::lock_guard lock(mutex_);
  return newest_;
}

memory_usage debug_resource::usage() const noexcept {
  const std::lock_guard lock(mutex_);
  memory_usage now = usage_;
  now.wasted = now.committed - now.used;
  return now;
}

bool debug_resource::owns(const void* p) const noexcept {
  const std::lock_guard lock(mutex_);
  return around(p) != nullptr;
}

block_info debug_resource::find_block(const void* p) const noexcept {
  const std::lock_guard lock(mutex_);
  const entry* const block = around(p);
  if (block == nullptr || !range_contains(block->address, std::max<std::size_t>(block->requested, 1), p, 1)) return {};
  return info_of(*block);
}

bool debug_resource::try_look_at(const void* p, block_sight& seen) const noexcept {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return false;
  const entry* const block = around(p);
  seen.state = block_state::gap;
  if (block == nullptr) return true;
  seen.block = info_of(*block);
  const bool inside = range_contains(block->address, std::max<std::size_t>(block->requested, 1), p, 1);
  seen.state = inside ? seen.block.state : block_state::slack;
  if (block->stacks != nullptr) {
    put_down(block->stacks->allocated, seen.allocated);
    put_down(block->stacks->freed, seen.freed);
  }
  return true;
}

void debug_resource::for_each_block(block_visitor visitor) const {
  const std::lock_guard lock(mutex_);
  blocks_.for_each([&](const entry& block) { visitor(info_of(block)); });
}

/// Blocks that a call is at work on are left out: that call looks at them.
bool debug_resource::check() const noexcept {
  const auto damage_of = [this](const entry& block) {
    if (block.busy) return damage{};
    return block.freed ? debug_fences::damage_of_freed(block, fence_bytes_, fill_freed_)
                       : debug_fences::damage_of_live(block, fence_bytes_);
  };
  std::unique_lock lock(mutex_);
  const entry* first = nullptr;
  blocks_.for_each([&](const entry& block) {
    if ((first == nullptr || block.stamp < first->stamp) && damage_of(block)) first = &block;
  });
  const bool sound = adds_up();
  if (first != nullptr) {
    const finding found = finding::damaged(name(), *first, damage_of(*first));
    lock.unlock();
    found.tell();
    return false;
  }
  lock.unlock();
  return adaptor_resource::check() && sound;
}

bool debug_resource::adds_up() const noexcept {
  bool sound = true;
  memory_usage sum;
  std::size_t freed_bytes = 0;
  blocks_.for_each([&](const entry& block) {
    sound = sound && is_aligned(block.address, block.alignment) && block.lead + block.requested <= block.mapped;
    sum.reserved += block.mapped;
    if (block.freed && !block.busy) freed_bytes += block.mapped;
    if (block.freed) return;
    sum.committed += block.mapped;
    sum.used += block.requested;
  });
  return sound && sum.reserved == usage_.reserved && sum.committed == usage_.committed && sum.used == usage_.used &&
         freed_bytes == freed_bytes_;
}

}  // namespace allot
