#include <algorithm>
#include <allot/block/page_resource.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/block_sight.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/core/misuse.hpp>
#include <allot/os/address_registry.hpp>

namespace allot {
namespace {

bool round_to_pages(std::size_t bytes, std::size_t& rounded) noexcept {
  const std::size_t page = os::facts().page_size;
  return page != 0 && checked_align_up(std::max<std::size_t>(bytes, 1), page, rounded) && rounded <= max_object_bytes;
}

void* behind(const block_table::entry& block) noexcept { return static_cast<std::byte*>(block.address) + block.mapped; }

/// What is left of the last page is not the caller's.
void poison_slack(void* p, std::size_t bytes, std::size_t mapped) noexcept {
  if (memory_tools::active()) memory_tools::poison(static_cast<std::byte*>(p) + bytes, mapped - bytes);
}

block_info describe(const block_table::entry& block) noexcept {
  return {block.address, block.requested, true, block_state::used};
}

}  // namespace

page_resource::page_resource(const page_resource_options& options) noexcept
    : resource(options.name), huge_pages_(options.huge_pages) {}

page_resource::~page_resource() {
  const os::address_registry::ending end(*this);
  page_resource::release();
}

void* page_resource::try_allocate(std::size_t bytes, std::size_t alignment) noexcept {
  return is_power_of_two(alignment) ? map_block(bytes, alignment).address : nullptr;
}

void* page_resource::do_allocate(std::size_t bytes, std::size_t alignment) {
  allocation_failure failure{memory_errc::invalid_alignment, name(), bytes, alignment};
  if (!is_power_of_two(alignment)) {
    report_misuse({misuse_kind::invalid_alignment, name(), nullptr, alignment});
    throw allocation_error(failure);
  }
  const os::mapping made = map_block(bytes, alignment);
  if (made) return made.address;
  failure.code = made.outcome.error;
  failure.os_code = made.outcome.os_code;
  throw allocation_error(failure);
}

os::mapping page_resource::map_block(std::size_t bytes, std::size_t alignment) noexcept {
  if (os::facts().page_size == 0) return {nullptr, {memory_errc::page_size_unknown, 0}};
  std::size_t mapped = 0;
  if (!round_to_pages(bytes, mapped)) return {nullptr, {memory_errc::size_overflow, 0}};
  const std::size_t large = os::facts().advised_page_size;
  const bool huge = huge_pages_ && large != 0 && mapped >= large;

  const std::lock_guard lock(mutex_);
  if (const os::status outcome = blocks_.prepare_insert(); !outcome) return {nullptr, outcome};
  const os::mapping made = os::map(mapped, huge ? std::max(alignment, large) : alignment, os::access::read_write);
  if (!made) return made;
  if (huge) (void)os::advise(made.address, mapped, os::advice::huge_pages);
  blocks_.insert({made.address, mapped, bytes, alignment});
  (void)os::address_registry::add({made.address, mapped, this, kind(), true});
  poison_slack(made.address, bytes, mapped);
  usage_.reserved += mapped;
  usage_.committed += mapped;
  usage_.used += bytes;
  usage_.peak = std::max(usage_.peak, usage_.used);
  return made;
}

void page_resource::do_deallocate(void* p, std::size_t bytes, std::size_t alignment) {
  misuse_report wrong{misuse_kind::foreign_pointer, name(), p};
  {
    const std::lock_guard lock(mutex_);
    block_table::entry* const block = blocks_.find(p);
    if (block != nullptr && !block->freed && block->requested == bytes && block->alignment == alignment) {
      give_back(*block);
      return;
    }
    if (block != nullptr && block->freed) {
      wrong.kind = misuse_kind::double_free;
    } else if (block != nullptr && block->requested != bytes) {
      wrong = {misuse_kind::wrong_size, name(), p, bytes, block->requested};
    } else if (block != nullptr) {
      wrong = {misuse_kind::wrong_alignment, name(), p, alignment, block->alignment};
    }
  }
  report_misuse(wrong);
}

bool page_resource::try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes, std::size_t alignment) noexcept {
  std::size_t mapped = 0;
  if (!round_to_pages(new_bytes, mapped)) return false;
  const std::lock_guard lock(mutex_);
  block_table::entry* const block = blocks_.find(p);
  if (block == nullptr || block->freed || block->requested != old_bytes || block->alignment != alignment) return false;
  if (mapped != block->mapped && !resize_block(*block, mapped)) return false;
  if (memory_tools::active()) memory_tools::unpoison(p, new_bytes);
  poison_slack(p, new_bytes, block->mapped);
  usage_.used = usage_.used - old_bytes + new_bytes;
  usage_.peak = std::max(usage_.peak, usage_.used);
  block->requested = new_bytes;
  return true;
}

bool page_resource::resize_block(block_table::entry& block, std::size_t mapped) noexcept {
  if (mapped < block.mapped) {
    void* const rest = static_cast<std::byte*>(block.address) + mapped;
    if (memory_tools::active()) memory_tools::unpoison(rest, block.mapped - mapped);
    // Whoever gets the addresses next may be there before this thread goes on.
    os::address_registry::resize(block.address, this, mapped);
    if (!os::release(rest, block.mapped - mapped)) {
      os::address_registry::resize(block.address, this, block.mapped);
      return false;
    }
  } else {
    const os::placement there{os::placement::how::fixed, behind(block)};
    if (!os::map(mapped - block.mapped, 1, os::access::read_write, there)) return false;
    os::address_registry::resize(block.address, this, mapped);
  }
  usage_.reserved = usage_.reserved - block.mapped + mapped;
  usage_.committed = usage_.committed - block.mapped + mapped;
  block.mapped = mapped;
  return true;
}

/// Unmaps a live block, or drops its contents and leaves it waiting when the system has no map entry left to split
/// with.
void page_resource::give_back(block_table::entry& block) noexcept {
  if (memory_tools::active()) memory_tools::unpoison(block.address, block.mapped);
  if (!block.freed) {
    usage_.used -= block.requested;
    usage_.committed -= block.mapped;
  }
  os::address_registry::remove(block.address, this);
  if (os::release(block.address, block.mapped)) {
    usage_.reserved -= block.mapped;
    blocks_.erase(&block);
  } else {
    (void)os::decommit(block.address, block.mapped);
    block.freed = true;
  }
}

memory_usage page_resource::usage() const noexcept {
  const std::lock_guard lock(mutex_);
  memory_usage now = usage_;
  now.wasted = now.committed - now.used;  // rounding up to pages
  return now;
}

bool page_resource::owns(const void* p) const noexcept { return find_block(p).begin != nullptr; }

block_info page_resource::find_block(const void* p) const noexcept {
  const std::lock_guard lock(mutex_);
  block_info found;
  blocks_.for_each([&](const block_table::entry& block) {
    if (!block.freed && range_contains(block.address, block.mapped, p, 1)) found = describe(block);
  });
  return found;
}

bool page_resource::try_look_at(const void* p, block_sight& seen) const noexcept {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return false;
  seen.state = block_state::gap;
  blocks_.for_each([&](const block_table::entry& block) {
    if (block.freed || !range_contains(block.address, block.mapped, p, 1)) return;
    seen.block = describe(block);
    const std::size_t bytes = std::max<std::size_t>(block.requested, 1);  // the pointer to a block of 0 is valid, too
    seen.state = range_contains(block.address, bytes, p, 1) ? block_state::used : block_state::slack;
  });
  return true;
}

void page_resource::release() noexcept {
  const std::lock_guard lock(mutex_);
  blocks_.for_each([this](const block_table::entry& block) {
    os::address_registry::remove(block.address, this);
    if (memory_tools::active()) memory_tools::unpoison(block.address, block.mapped);
    if (!os::release(block.address, block.mapped)) (void)os::decommit(block.address, block.mapped);
  });
  blocks_.clear();
  usage_ = {};
}

std::size_t page_resource::trim() noexcept {
  const std::lock_guard lock(mutex_);
  const std::size_t before = usage_.reserved;
  for (bool progress = true; progress;) {  // erasing moves entries, so the walk starts again after each
    block_table::entry waiting;
    blocks_.for_each([&](const block_table::entry& block) {
      if (block.freed) waiting = block;
    });
    progress = waiting.address != nullptr && os::release(waiting.address, waiting.mapped);
    if (!progress) break;
    usage_.reserved -= waiting.mapped;
    blocks_.erase(blocks_.find(waiting.address));
  }
  return before - usage_.reserved;
}

bool page_resource::check() const noexcept {
  const std::lock_guard lock(mutex_);
  const std::size_t page = os::facts().page_size;
  std::size_t reserved = 0;
  std::size_t used = 0;
  bool sound = true;
  blocks_.for_each([&](const block_table::entry& block) {
    reserved += block.mapped;
    if (!block.freed) used += block.requested;
    sound = sound && is_aligned(block.address, page) && block.mapped % page == 0 &&
            (block.freed || block.requested <= block.mapped);
  });
  return sound && reserved == usage_.reserved && used == usage_.used;
}

void page_resource::for_each_block(block_visitor visitor) const {
  const std::lock_guard lock(mutex_);
  blocks_.for_each([&](const block_table::entry& block) {
    if (!block.freed) visitor(describe(block));
  });
}

}  // namespace allot
