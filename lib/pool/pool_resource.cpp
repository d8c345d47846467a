#include <allot/core/block_sight.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/growth_report.hpp>
#include <allot/core/log_link.hpp>
#include <allot/os/address_registry.hpp>
#include <allot/pool/cache_walk.hpp>
#include <allot/pool/pool_resource.hpp>

namespace allot {

pool_resource::pool_resource(from_options, const pool_options& options, std::pmr::memory_resource* upstream) noexcept
    : resource(options.name), core_(options, upstream) {
  core_.belong_to(this, false);
  open();
}

pool_resource::~pool_resource() {
  const os::address_registry::ending end(*this);
  pool_resource::release();
}

/// Opens the inline path where there is to be one, and closes it where the table of sizes has gone.
void pool_resource::open() noexcept {
  inline_limit_ = core_.inline_limit();
  index_ = core_.store().started() ? core_.store().sizes().index : nullptr;
}

void pool_resource::start() {
  if (index_ != nullptr) return;
  core_.store().start();
  open();
}

void pool_resource::stop_if_empty() noexcept {
  core_.store().stop_if_empty();
  open();
}

pool_options pool_resource::options() const noexcept {
  return core_.options(name() != kind() ? name() : std::string_view());
}

// ---- allocation

void* pool_resource::allocate_slowly(std::size_t bytes, std::size_t alignment) {
  const growth_report report(*this, bytes, alignment, [this] { return core_.held_bytes(); });
  if (!is_power_of_two(alignment)) refuse_alignment(name(), bytes, alignment);
  if (!core_.may_pool(bytes)) return core_.allocate_large(bytes, alignment, name());
  const bool first = !core_.store().started();
  start();
  try {
    const std::size_t index = core_.class_of(bytes, alignment);
    if (index == size_table::no_class) return core_.allocate_large(bytes, alignment, name());
    return core_.direct() ? core_.allocate_direct(index, bytes) : allocate_cached(index);
  } catch (...) {
    if (first) stop_if_empty();
    throw;
  }
}

void* pool_resource::allocate_cached(std::size_t index) {
  void* p = nullptr;
  if (cache_.pop(index, p) || (cache_.load_second(index) && cache_.pop(index, p))) return p;
  p = cache_.refill(index, core_.store());
  core_.note_peak();
  return p;
}

void pool_resource::deallocate_slowly(void* p, std::size_t bytes, std::size_t alignment) {
  const std::size_t index = core_.class_of(bytes, alignment);
  std::optional<misuse_report> misuse;
  const bool accepted = core_.accept(p, bytes, alignment, index, name(), misuse);
  if (misuse) report_misuse(*misuse);
  if (!accepted || cache_.push(index, p)) return;
  if (cache_.unload_to_second(index) || cache_.make_room(index, core_.store(), name())) {
    (void)cache_.push(index, p);
  } else {
    core_.deallocate_direct(p, index, name());
  }
}

void pool_resource::preallocate(std::size_t bytes, std::size_t count, std::size_t alignment) {
  if (!is_power_of_two(alignment)) refuse_alignment(name(), bytes, alignment);
  if (!core_.may_pool(bytes)) return;
  core_.expect_room(bytes, count, name());
  const bool first = !core_.store().started();
  start();
  try {
    const std::size_t index = core_.class_of(bytes, alignment);
    const std::size_t cached = index != size_table::no_class ? cache_.count(index) : count;
    if (count > cached) core_.store().preallocate(index, count - cached);
  } catch (...) {
    if (first) stop_if_empty();
    throw;
  }
}

// ---- giving back

std::size_t pool_resource::trim() noexcept {
  const std::size_t before = core_.held_bytes();
  cache_.empty_into(core_.store(), name());
  const std::size_t left = core_.held_bytes();  // what went back by then was told
  core_.trim();
  stop_if_empty();
  const std::size_t now = core_.held_bytes();
  log_link::tell({memory_event_kind::trim, nullptr, left - now, 0, 0, name()});
  return before - now;
}

void pool_resource::release() noexcept {
  if (core_.held_bytes() != 0) log_link::tell({memory_event_kind::release, nullptr, 0, 0, 0, name()});
  cache_.forget();
  core_.release();
  open();
}

void pool_resource::abandon() noexcept {
  cache_.forget();
  core_.abandon();
  open();
}

// ---- looking inside

std::size_t pool_resource::cached_bytes() const noexcept {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < core_.bin_count(); ++i)
    bytes += cache_.count(i) * std::size_t{core_.store().sizes().bytes[i]};
  return bytes;
}

block_info pool_resource::find_block(const void* p) const noexcept {
  return find_uncached(core_, p, [&](auto visit, auto arrays) { cache_.for_each(visit, arrays); });
}

block_extent pool_resource::live_block(const void* p) const noexcept { return core_.live_block(p); }

bool pool_resource::try_look_at(const void* p, block_sight& seen) const noexcept {
  seen.block = pool_resource::find_block(p);
  seen.state = seen.block.begin != nullptr ? seen.block.state : block_state::gap;
  return true;
}

void pool_resource::for_each_block(block_visitor visitor) const {
  visit_uncached(core_, visitor, [&](auto visit, auto arrays) { cache_.for_each(visit, arrays); });
}

bool pool_resource::check() const noexcept {
  return check_with_caches(core_, [&](auto visit, auto arrays) { cache_.for_each(visit, arrays); });
}

}  // namespace allot
