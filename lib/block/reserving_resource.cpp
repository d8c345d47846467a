#include <algorithm>
#include <allot/block/reserving_resource.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/block_sight.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/log_link.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/core/misuse.hpp>
#include <allot/os/address_registry.hpp>
#include <allot/os/fork_hook.hpp>
#include <allot/os/memory_limits.hpp>
#include <new>
#include <utility>

namespace allot {
namespace {

constexpr char this_class[] = "reserving_resource";

/// False where there is no such number, or the system does not tell its page size.
bool whole_pages(std::size_t bytes, std::size_t& rounded) noexcept {
  const std::size_t page = os::facts().page_size;
  return page != 0 && checked_align_up(std::max<std::size_t>(bytes, 1), page, rounded) && rounded <= max_object_bytes;
}

/// Of a block that is served already.
std::size_t pages_of(std::size_t bytes) noexcept {
  return align_up(std::max<std::size_t>(bytes, 1), os::facts().page_size);
}

os::status why_no_pages() noexcept {
  return {os::facts().page_size == 0 ? memory_errc::page_size_unknown : memory_errc::size_overflow, 0};
}

/// What is left of the last page is not the caller's.
void poison_slack(void* p, std::size_t bytes) noexcept {
  if (memory_tools::active()) memory_tools::poison(static_cast<std::byte*>(p) + bytes, pages_of(bytes) - bytes);
}

reserving_resource_options normalized(reserving_resource_options options) noexcept {
  options.name = {};  // the base holds a copy; the caller's text may go
  return options;
}

}  // namespace

reserving_resource::reserving_resource(const reserving_resource_options& options) noexcept
    : resource(options.name),
      cache_(options.cached_ranges, options.cached_bytes),
      options_(normalized(options)),
      default_size_(options.reservation),
      tool_(memory_tools::active()) {}

reserving_resource::~reserving_resource() {
  const os::address_registry::ending end(*this);
  reserving_resource::release();
}

commit_ladder reserving_resource::ladder() const noexcept {
  return {os::facts().page_size, options_.huge_pages && os::facts().advised_page_size != 0, options_.policy,
          options_.fixed_step};
}

// ---- ranges

/// Under the lock.
inline void reserving_resource::count_used(std::size_t more) noexcept {
  usage_.used += more;
  usage_.peak = std::max(usage_.peak, usage_.used);
}

inline reserving_resource::extent reserving_resource::from_cache(std::size_t size, std::size_t alignment,
                                                                 purpose use) noexcept {
  const std::lock_guard lock(mutex_);
  const extent kept = cache_.take(size, alignment);
  if (kept.data == nullptr) return kept;
  blocks_.find(kept.data)->freed = false;
  if (use == purpose::reservation) count_used(kept.committed);
  if (tool_) memory_tools::hand_out(kept.data, kept.committed);
  return kept;
}

/// A range from the cache or the system that the table knows. What is committed of a reservation counts as in use.
inline reserving_resource::obtained reserving_resource::obtain(std::size_t bytes, std::size_t least,
                                                               std::size_t alignment, purpose use) noexcept {
  std::size_t size = 0;
  if (!whole_pages(bytes, size)) return {{}, why_no_pages()};
  if (!is_power_of_two(alignment)) return {{}, {memory_errc::invalid_alignment, 0}};
  if (const extent kept = from_cache(size, alignment, use); kept.data != nullptr) return {kept, {}};
  return new_range(size, std::min(least, size), alignment);
}

/// Under the lock. False where the cache has no room, or where addresses are what the process is short of.
inline bool reserving_resource::keep(const extent& range) noexcept {
  if (max_size() < options_.reservation) return false;
  if (!cache_.may_hold(range.committed) || !cache_.has_room(range.committed)) return false;
  if (tool_) memory_tools::poison(range.data, range.committed);
  cache_.put(range);
  return true;
}

reservation reserving_resource::reserve(std::size_t bytes, std::size_t least, std::size_t alignment) {
  allocation_failure failure{memory_errc::invalid_alignment, name(), std::max(bytes, least), alignment};
  if (!is_power_of_two(alignment)) {
    report_misuse({misuse_kind::invalid_alignment, name(), nullptr, alignment});
    throw allocation_error(failure);
  }
  os::status outcome;
  reservation made = try_reserve(bytes, least, alignment, outcome);
  if (!made.empty()) return made;
  log_link::tell({memory_event_kind::refuse, nullptr, failure.bytes, alignment, 0, name()});
  failure.code = outcome.error;
  failure.os_code = outcome.os_code;
  throw allocation_error(failure);
}

reservation reserving_resource::try_reserve(std::size_t bytes, std::size_t least, std::size_t alignment,
                                            os::status& outcome) noexcept {
  const std::size_t wanted = std::max(bytes != 0 ? bytes : max_size(), least);
  const obtained made = obtain(wanted, least, alignment, purpose::reservation);
  outcome = made.outcome;
  if (made.range.data == nullptr) return {};
  if (bytes == 0 && made.range.size < wanted) default_size_ = made.range.size;
  return {*this, made.range};
}

reserving_resource::obtained reserving_resource::new_range(std::size_t bytes, std::size_t least,
                                                           std::size_t alignment) noexcept {
  reserved_range fresh;
  os::status outcome = fresh.reserve(bytes, bytes, ladder(), alignment);
  if (!outcome) {
    (void)empty_cache();
    outcome = fresh.reserve(bytes, least, ladder(), alignment);
  }
  if (!outcome) return {{}, outcome};
  const std::lock_guard lock(mutex_);
  if (outcome = blocks_.prepare_insert(); !outcome) return {{}, outcome};
  blocks_.insert({fresh.data(), fresh.size()});
  (void)os::address_registry::add({fresh.data(), fresh.size(), this, kind(), true});
  usage_.reserved += fresh.size();
  return {fresh.detach(), {}};
}

/// Takes a range back from its holder.
void reserving_resource::give_back(const extent& range) {
  bool known = false;
  {
    const std::lock_guard lock(mutex_);
    block_table::entry* const block = blocks_.find(range.data);
    known = block != nullptr && !block->freed && is_reservation(*block) && block->mapped == range.size;
    if (known) {
      block->freed = true;
      usage_.used -= range.committed;
      if (keep(range)) return;
    }
  }
  if (!known) return report_misuse({misuse_kind::foreign_pointer, name(), range.data});
  keep_or_release(range);
}

/// Keeps a range that nobody has any more for the next, or gives it to the system. The system is never waited for under
/// the lock, and the table forgets a range before the system may give its addresses to others.
void reserving_resource::keep_or_release(extent range) noexcept {
  if (range.committed > cache_.share()) {
    const std::size_t before = range.committed;
    reserved_range large = as_range(range);
    (void)large.decommit(ladder().least(cache_.share() / 2, range.size));
    range = large.detach();
    count_committed(before, range.committed);
    log_given_back(before - range.committed);
  }
  for (;;) {
    extent gone;
    {
      const std::lock_guard lock(mutex_);
      if (keep(range)) return;
      if (cache_.may_hold(range.committed)) gone = cache_.take_oldest();
      if (gone.data == nullptr) gone = range;
      forget(gone);
    }
    as_range(gone).release();
    log_given_back(gone.committed);
    if (gone.data == range.data) break;
  }
  default_size_ = options_.reservation;  // where addresses were short, there are some again
}

/// Under the lock.
void reserving_resource::forget(const extent& range) noexcept {
  usage_.reserved -= range.size;
  usage_.committed -= range.committed;
  blocks_.erase(blocks_.find(range.data));
  os::address_registry::remove(range.data, this);
}

std::size_t reserving_resource::trim() noexcept {
  default_size_ = options_.reservation;
  return empty_cache();
}

void reserving_resource::log_given_back(std::size_t bytes) const noexcept {
  if (bytes != 0) log_link::tell({memory_event_kind::trim, nullptr, bytes, 0, 0, name()});
}

std::size_t reserving_resource::empty_cache() noexcept {
  std::size_t given_back = 0;
  for (;;) {
    extent gone;
    {
      const std::lock_guard lock(mutex_);
      gone = cache_.take_oldest();
      if (gone.data == nullptr) break;
      forget(gone);
    }
    given_back += gone.committed;
    as_range(gone).release();
  }
  log_given_back(given_back);
  return given_back;
}

/// Under the lock as a whole, so that no other thread is given the addresses left behind before the table forgot them.
os::status reserving_resource::resize_reservation(extent& range, std::size_t bytes, bool may_move,
                                                  std::size_t alignment, std::size_t needed) noexcept {
  const std::lock_guard lock(mutex_);
  block_table::entry* const known = blocks_.find(range.data);
  if (known == nullptr || known->freed) return {memory_errc::invalid_block, 0};
  const extent before = range;
  reserved_range changing = as_range(range, alignment);
  const os::status outcome = changing.resize(bytes, may_move, needed);
  range = changing.detach();
  if (!outcome) return outcome;
  blocks_.erase(known);
  blocks_.insert({range.data, range.size});
  os::address_registry::remove(before.data, this);
  (void)os::address_registry::add({range.data, range.size, this, kind(), true});
  usage_.reserved = usage_.reserved - before.size + range.size;
  usage_.committed = usage_.committed - before.committed + range.committed;
  usage_.used -= before.committed;
  count_used(range.committed);
  return {};
}

void reserving_resource::count_committed(std::size_t before, std::size_t now) noexcept {
  {
    const std::lock_guard lock(mutex_);
    usage_.committed = usage_.committed - before + now;
  }
  log_growth(before, now);
}

void reserving_resource::log_growth(std::size_t before, std::size_t now) const noexcept {
  if (now > before) log_link::tell({memory_event_kind::grow, nullptr, now - before, 0, 0, name()});
}

/// What is committed of a reservation is in use.
void reserving_resource::count_reservation(std::size_t before, std::size_t now) noexcept {
  {
    const std::lock_guard lock(mutex_);
    usage_.committed = usage_.committed - before + now;
    usage_.used -= before;
    count_used(now);
  }
  log_growth(before, now);
}

// ---- as a memory_resource

void* reserving_resource::try_allocate(std::size_t bytes, std::size_t alignment) noexcept {
  return is_power_of_two(alignment) ? allocate_block(bytes, alignment).range.data : nullptr;
}

void* reserving_resource::do_allocate(std::size_t bytes, std::size_t alignment) {
  allocation_failure failure{memory_errc::invalid_alignment, name(), bytes, alignment};
  if (!is_power_of_two(alignment)) {
    report_misuse({misuse_kind::invalid_alignment, name(), nullptr, alignment});
    throw allocation_error(failure);
  }
  const obtained made = allocate_block(bytes, alignment);
  if (made.range.data != nullptr) return made.range.data;
  log_link::tell({memory_event_kind::refuse, nullptr, bytes, alignment, 0, name()});
  failure.code = made.outcome.error;
  failure.os_code = made.outcome.os_code;
  throw allocation_error(failure);
}

/// A range of whole pages, committed, that the table knows as a block.
reserving_resource::obtained reserving_resource::allocate_block(std::size_t bytes, std::size_t alignment) noexcept {
  obtained made = obtain(bytes, bytes, alignment, purpose::block);
  if (made.range.data == nullptr) return made;
  const std::size_t before = made.range.committed;
  reserved_range range = as_range(made.range);
  made.outcome = range.commit(range.size());
  made.range = range.detach();
  count_committed(before, made.range.committed);
  if (!made.outcome) {
    {
      const std::lock_guard lock(mutex_);
      forget(made.range);
    }
    as_range(made.range).release();
    return {{}, made.outcome};
  }
  poison_slack(made.range.data, bytes);
  const std::lock_guard lock(mutex_);
  block_table::entry& block = *blocks_.find(made.range.data);
  block.requested = bytes;
  block.alignment = alignment;
  rounded_away_ += pages_of(bytes) - bytes;
  count_used(bytes);
  return made;
}

void reserving_resource::do_deallocate(void* p, std::size_t bytes, std::size_t alignment) {
  misuse_report wrong{misuse_kind::foreign_pointer, name(), p};
  extent range;
  {
    const std::lock_guard lock(mutex_);
    block_table::entry* const block = blocks_.find(p);
    if (block != nullptr && block->freed) {
      wrong.kind = misuse_kind::double_free;
    } else if (block != nullptr && !is_reservation(*block) && block->requested != bytes) {
      wrong = {misuse_kind::wrong_size, name(), p, bytes, block->requested};
    } else if (block != nullptr && !is_reservation(*block) && block->alignment != alignment) {
      wrong = {misuse_kind::wrong_alignment, name(), p, alignment, block->alignment};
    } else if (block != nullptr && !is_reservation(*block)) {
      range = {static_cast<std::byte*>(p), block->mapped, pages_of(bytes)};
      rounded_away_ -= pages_of(bytes) - bytes;
      usage_.used -= bytes;
      *block = {p, block->mapped, 0, 0, true};
    }
  }
  if (range.data == nullptr) return report_misuse(wrong);
  keep_or_release(range);
}

bool reserving_resource::try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                    std::size_t alignment) noexcept {
  const std::lock_guard lock(mutex_);
  block_table::entry* const block = blocks_.find(p);
  if (block == nullptr || block->freed || is_reservation(*block) || block->requested != old_bytes ||
      block->alignment != alignment || !resize_block(*block, new_bytes))
    return false;
  if (tool_) memory_tools::unpoison(p, new_bytes);
  poison_slack(p, new_bytes);
  rounded_away_ = rounded_away_ - (pages_of(old_bytes) - old_bytes) + (pages_of(new_bytes) - new_bytes);
  usage_.used -= old_bytes;
  count_used(new_bytes);
  block->requested = new_bytes;
  return true;
}

/// Under the lock. A block has all the pages it asks for committed; its range may be larger, after a growth the system
/// took back only in part.
bool reserving_resource::resize_block(block_table::entry& block, std::size_t bytes) noexcept {
  std::size_t size = 0;
  if (!whole_pages(bytes, size)) return false;
  const std::size_t committed = pages_of(block.requested);
  if (size == committed) return true;
  reserved_range range = as_range({static_cast<std::byte*>(block.address), block.mapped, committed});
  bool done = false;
  if (size < committed) {
    done = static_cast<bool>(range.resize(size, false));
  } else {
    done = size <= block.mapped || range.resize(size, false);
    if (done && !range.commit(size, size)) {
      done = false;
      (void)range.resize(block.mapped, false);
    }
  }
  const extent now = range.detach();
  usage_.reserved = usage_.reserved - block.mapped + now.size;
  usage_.committed = usage_.committed - committed + now.committed;
  if (block.mapped != now.size) os::address_registry::resize(block.address, this, now.size);
  block.mapped = now.size;
  return done;
}

// ---- looking inside

std::size_t reserving_resource::available() const noexcept {
  const std::lock_guard lock(mutex_);
  return cache_.bytes();
}

memory_usage reserving_resource::usage() const noexcept {
  const std::lock_guard lock(mutex_);
  memory_usage now = usage_;
  now.wasted = rounded_away_;
  return now;
}

namespace {

block_info describe(const block_table::entry& block) noexcept {
  const bool exact = block.alignment != 0;
  return {block.address, exact ? block.requested : block.mapped, exact,
          block.freed ? block_state::free : block_state::used};
}

}  // namespace

bool reserving_resource::owns(const void* p) const noexcept { return find_block(p).begin != nullptr; }

block_info reserving_resource::find_block(const void* p) const noexcept {
  const std::lock_guard lock(mutex_);
  block_info found;
  blocks_.for_each([&](const block_table::entry& block) {
    if (range_contains(block.address, block.mapped, p, 1)) found = describe(block);
  });
  return found;
}

bool reserving_resource::try_look_at(const void* p, block_sight& seen) const noexcept {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return false;
  seen.state = block_state::gap;
  blocks_.for_each([&](const block_table::entry& block) {
    if (!range_contains(block.address, block.mapped, p, 1)) return;
    seen.block = describe(block);
    const bool inside = range_contains(block.address, seen.block.bytes, p, 1);
    seen.state = inside ? seen.block.state : block_state::slack;
  });
  return true;
}

void reserving_resource::for_each_block(block_visitor visitor) const {
  const std::lock_guard lock(mutex_);
  blocks_.for_each([&](const block_table::entry& block) {
    if (!block.freed) visitor(describe(block));
  });
}

bool reserving_resource::check() const noexcept {
  const std::lock_guard lock(mutex_);
  const std::size_t page = os::facts().page_size;
  std::size_t reserved = 0;
  std::size_t rounded_away = 0;
  std::size_t freed = 0;  // those of the cache, and those on their way into it or out of the table
  bool sound = usage_.committed <= usage_.reserved && cache_.bytes() <= usage_.committed;
  blocks_.for_each([&](const block_table::entry& block) {
    reserved += block.mapped;
    freed += block.freed ? 1 : 0;
    sound = sound && is_aligned(block.address, page) && block.mapped % page == 0 && block.requested <= block.mapped;
    if (!is_reservation(block)) rounded_away += pages_of(block.requested) - block.requested;
  });
  return sound && reserved == usage_.reserved && rounded_away == rounded_away_ && freed >= cache_.count();
}

void reserving_resource::release() noexcept {
  (void)reserving_resource::trim();
  if (reserving_resource::usage().reserved != 0) log_link::tell({memory_event_kind::release, nullptr, 0, 0, 0, name()});
  const std::lock_guard lock(mutex_);
  blocks_.for_each([&](const block_table::entry& block) {
    // How much of it is committed its holder knows; here, that it is not more than all there is.
    const std::size_t committed = std::min(block.mapped, usage_.committed);
    os::address_registry::remove(block.address, this);
    as_range({static_cast<std::byte*>(block.address), block.mapped, committed}).release();
  });
  blocks_.clear();
  usage_ = {};
  rounded_away_ = 0;
}

// ---- the instance for all

namespace {

/// Where the process may have only so much address space, many arrays must fit into it beside all else.
std::size_t default_reservation(std::size_t wanted) noexcept {
  constexpr std::size_t smallest = std::size_t{1} << 20;
  constexpr std::size_t share = 32;
  const os::memory_limit space = os::memory_limits().address_space;
  if (space.left == os::memory_limit::none) return wanted;
  while (wanted > smallest && wanted > space.left / share) wanted /= 2;
  return wanted;
}

}  // namespace

reserving_resource& default_reserving_resource() noexcept {
  static reserving_resource* const instance = [] {
    alignas(reserving_resource) static std::byte memory[sizeof(reserving_resource)];
    static reserving_resource* made = nullptr;
    reserving_resource_options options;
    options.name = "default_reserving_resource";
    options.reservation = default_reservation(options.reservation);
    made = ::new (memory) reserving_resource(options);
    // Where the system has no room for the hook, a fork while another thread has the lock is what it was without.
    (void)os::at_fork([] { made->mutex_.lock(); }, [] { made->mutex_.unlock(); });
    return made;
  }();
  return *instance;
}

const void* reserving_resource::exact_class() const noexcept { return this_class; }

reserving_resource* as_reserving_resource(std::pmr::memory_resource* p) noexcept {
  resource* const ours = as_resource(p);
  return ours != nullptr && ours->exact_class() == this_class ? static_cast<reserving_resource*>(ours) : nullptr;
}

}  // namespace allot
