#include <algorithm>
#include <allot/block/budget_slice.hpp>
#include <allot/block/reserving_resource.hpp>
#include <allot/container/array_memory.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/core/misuse.hpp>
#include <allot/core/resource.hpp>
#include <stdexcept>
#include <string>
#include <utility>

namespace allot {
namespace {

constexpr std::size_t default_block = std::size_t{64} << 10;
constexpr std::size_t largest_reservation = max_object_bytes / 2;

/// Blocks end on a granule, which no other owner then shares.
std::size_t block_bytes(std::size_t bytes) noexcept {
  return bytes > max_object_bytes ? bytes : align_up(bytes, memory_tools::granule);
}

std::size_t doubled(std::size_t bytes) noexcept { return bytes > max_object_bytes / 2 ? max_object_bytes : bytes * 2; }

/// What is usable behind the first `used` bytes holds no elements yet.
void watch_from(const array_memory& memory, std::size_t used) noexcept {
  if (memory.watched) memory.move_end(memory.data + memory.committed, memory.data + used);
}

[[noreturn]] void fail(const reserving_resource& source, const os::status& outcome, std::size_t bytes,
                       std::size_t alignment) {
  allocation_failure failure{outcome.error};
  failure.resource = source.name();
  failure.bytes = bytes;
  failure.alignment = alignment;
  failure.os_code = outcome.os_code;
  throw allocation_error(failure);
}

/// Lets a reservation do something with the memory.
template <class Change>
os::status change(array_memory& memory, Change apply) {
  reservation range(*memory.reserving, {memory.data, memory.size, memory.committed});
  const os::status outcome = apply(range);
  const reservation::extent parts = range.detach();
  memory.data = parts.data;
  memory.size = parts.size;
  memory.committed = parts.committed;
  return outcome;
}

bool start_reservation(array_memory& memory, const array_settings& settings, reserving_resource& from,
                       std::size_t bytes, std::size_t alignment) {
  if (bytes > (settings.max_bytes != 0 ? settings.max_bytes : from.max_size()) && !settings.may_move) return false;
  os::status outcome;
  const std::size_t wanted = std::min(settings.max_bytes, largest_reservation);  // beyond, there is nothing to halve
  reservation range = from.try_reserve(wanted, bytes, alignment, outcome);
  if (outcome) outcome = range.try_commit(bytes);
  if (!outcome) fail(from, outcome, bytes, alignment);
  const reservation::extent parts = range.detach();
  memory = {parts.data, parts.size, parts.committed, &from, from.watched()};
  watch_from(memory, 0);
  return true;
}

bool grow_reservation(array_memory& memory, std::size_t bytes, std::size_t alignment) {
  if (bytes > memory.size) return false;
  const std::size_t before = memory.committed;
  const os::status outcome = change(memory, [&](reservation& range) { return range.try_commit(bytes); });
  if (!outcome) fail(*memory.reserving, outcome, bytes, alignment);
  watch_from(memory, before);
  return true;
}

/// What a first block may have of a slice, in whole granules, or a block that grows in place. No bound elsewhere.
std::size_t room_in_slice(const array_memory& memory, const array_settings& settings, std::size_t alignment) noexcept {
  std::size_t room = room_without_overflow(settings.resource, alignment);
  if (memory.data != nullptr)
    if (const budget_slice* const slice = as_budget_slice(settings.resource); slice != nullptr)
      room = slice->expandable_to(memory.data, memory.size);
  return align_down(room, memory_tools::granule);
}

/// A block, or, where no size was stated, less of it than would be good if the resource has no more.
void start_block(array_memory& memory, const array_settings& settings, std::size_t bytes, std::size_t alignment) {
  const std::size_t least = block_bytes(std::max(settings.max_bytes, bytes));
  std::size_t size = std::max(least, settings.max_bytes != 0 ? least : default_block);
  size = std::max(least, std::min(size, room_in_slice(memory, settings, alignment)));
  for (;;) {
    try {
      auto* const data = static_cast<std::byte*>(settings.resource->allocate(size, alignment));
      memory = {data, size, size, nullptr, memory_tools::active()};
      return watch_from(memory, 0);
    } catch (const std::bad_alloc&) {
      if (size == least) throw;
    }
    size = std::max(block_bytes(size / 2), least);
  }
}

/// In place: to twice the size if that can be, else by what is needed.
bool grow_block(array_memory& memory, const array_settings& settings, std::size_t bytes, std::size_t alignment) {
  resource* const ours = as_resource(settings.resource);
  if (ours == nullptr) return false;
  const std::size_t least = block_bytes(bytes);
  std::size_t wanted = std::max(least, block_bytes(doubled(memory.size)));
  if (settings.max_bytes != 0) wanted = std::min(wanted, std::max(least, block_bytes(settings.max_bytes)));
  if (!ours->try_expand(memory.data, memory.size, wanted, alignment)) {
    if (wanted == least || !ours->try_expand(memory.data, memory.size, least, alignment)) {
      // An array that may move asks for another block, which the slice refuses by itself.
      if (budget_slice* const slice = as_budget_slice(settings.resource); slice != nullptr && !settings.may_move)
        slice->report_overflow(least - memory.size, alignment);
      return false;
    }
    wanted = least;
  }
  const std::size_t before = std::exchange(memory.size, wanted);
  memory.committed = wanted;
  watch_from(memory, before);
  return true;
}

}  // namespace

std::pmr::memory_resource* array_settings::source() const noexcept {
  return resource != nullptr ? resource : &default_reserving_resource();
}

// ---- growing

bool array_memory::grow(const array_settings& settings, std::size_t bytes, std::size_t alignment) {
  if (bytes <= committed) return true;
  if (reserving != nullptr) return grow_reservation(*this, bytes, alignment);
  if (settings.resource == nullptr)
    return start_reservation(*this, settings, default_reserving_resource(), bytes, alignment);
  if (data == nullptr)
    if (reserving_resource* const from = as_reserving_resource(settings.resource); from != nullptr)
      return start_reservation(*this, settings, *from, bytes, alignment);
  if (settings.max_bytes != 0 && bytes > settings.max_bytes && !settings.may_move) return false;
  if (data != nullptr) return grow_block(*this, settings, bytes, alignment);
  start_block(*this, settings, bytes, alignment);
  return true;
}

bool array_memory::make_room(const array_settings& settings, std::size_t used, std::size_t more,
                             std::size_t alignment) {
  const std::size_t needed = used + std::min(more, max_object_bytes);
  if (needed > committed && (needed > max_object_bytes || !grow(settings, needed, alignment))) return false;
  if (watched) move_end(data + used, data + needed);
  return true;
}

bool array_memory::remap(std::size_t used, std::size_t bytes, std::size_t alignment) {
  if (reserving == nullptr) return false;
  if (watched) memory_tools::unpoison(data, committed);
  const os::status outcome = change(*this, [&](reservation& range) {
    const os::status done = range.try_resize(std::max(bytes, doubled(range.size())), true, alignment, bytes);
    return done ? done : range.try_resize(bytes, true, alignment, bytes);
  });
  watch_from(*this, used);
  if (!outcome) fail(*reserving, outcome, bytes, alignment);
  return true;
}

array_memory array_memory::larger(array_settings settings, std::size_t bytes, std::size_t alignment) const {
  array_memory next;
  settings.max_bytes = std::max(bytes, doubled(size));
  try {
    if (next.grow(settings, bytes, alignment)) return next;
  } catch (const std::bad_alloc&) {
    if (settings.max_bytes == bytes) throw;
  }
  settings.max_bytes = bytes;
  (void)next.grow(settings, bytes, alignment);  // what may move has no limit
  return next;
}

// ---- giving back

void array_memory::shrink(std::size_t used, std::size_t kept) noexcept {
  if (reserving == nullptr || kept >= committed) return;
  if (watched) memory_tools::unpoison(data + used, committed - used);
  (void)change(*this, [&](reservation& range) { return range.try_decommit(kept); });
  watch_from(*this, used);
}

void array_memory::prefault(std::size_t bytes) const noexcept {
  const std::size_t page = os::facts().page_size;
  if (data == nullptr || page == 0) return;
  const std::size_t before = padding_for(address_of(data), page);
  if (bytes <= before) return;
  // Of a reservation the last page is all the array's; of a block it may belong to others, too.
  const std::size_t inside = bytes - before;
  const std::size_t whole = reserving != nullptr ? align_up(inside, page) : align_down(inside, page);
  if (whole != 0) (void)os::populate(data + before, whole);
}

void array_memory::release(const array_settings& settings, std::size_t alignment) const noexcept {
  if (data == nullptr) return;
  if (watched) memory_tools::unpoison(data, committed);
  if (reserving != nullptr) {
    reservation(*reserving, {data, size, committed}).release();
  } else {
    settings.resource->deallocate(data, size, alignment);
  }
}

// ---- looking

std::size_t array_memory::most(const array_settings& settings, std::size_t alignment) const noexcept {
  if (settings.may_move) return max_object_bytes;
  if (reserving != nullptr) return size;
  if (data != nullptr && as_resource(settings.resource) == nullptr) return size;  // it cannot grow in place
  const std::size_t room = std::min(room_in_slice(*this, settings, alignment), max_object_bytes);
  if (settings.max_bytes != 0) return std::max(std::min(settings.max_bytes, room), size);
  const reserving_resource* const from =
      settings.resource != nullptr ? as_reserving_resource(settings.resource) : &default_reserving_resource();
  return from != nullptr ? from->max_size() : room;
}

std::size_t array_memory::had(const array_settings& settings, std::size_t alignment) const noexcept {
  return data != nullptr && !settings.may_move ? size : most(settings, alignment);
}

void array_memory::move_end(const void* old_end, const void* new_end) const noexcept {
  memory_tools::move_container_end(data, data + committed, old_end, new_end);
}

// ---- what is wrong

void array_memory::throw_length_error(std::size_t count, std::size_t most) {
  throw std::length_error("vlarray: " + std::to_string(count) + " elements where at most " + std::to_string(most) +
                          " can be");
}

void array_memory::throw_out_of_range(std::size_t index, std::size_t size) {
  throw std::out_of_range("vlarray: index " + std::to_string(index) + " where there are " + std::to_string(size) +
                          " elements");
}

void array_memory::report_no_capacity(const void* end) { report_misuse({misuse_kind::overrun, "vlarray", end}); }

}  // namespace allot
