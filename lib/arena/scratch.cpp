#include <allot/arena/scratch.hpp>
#include <allot/core/allocation_error.hpp>

namespace allot {

// Checked arenas know their scopes, innermost first.

void scratch::enter() noexcept {
  slot_.memory.marks_.note_change();  // so that end() is called
  outer_ = slot_.newest;
  slot_.newest = this;
}

/// More happened than closed scopes.
void scratch::end(std::size_t start, std::size_t floor, std::uint64_t clock) {
  if (slot_.memory.checked()) {
    scratch** link = &slot_.newest;
    while (*link != this) link = &(*link)->outer_;
    *link = outer_;
  }
  slot_.memory.close_scope_slow(start, floor, clock, start);
}

std::size_t scratch::depth() const noexcept {
  std::size_t result = 1;
  for (const scratch* s = outer_; s != nullptr; s = s->outer_) ++result;
  return result;
}

void scratch::expect_newest() const {
  if (slot_.newest == this) return;
  report_outer();
  throw allocation_error({memory_errc::not_supported, slot_.memory.name(), 0, 0, 0, 0});
}

void scratch::report_outer() const {
  report_misuse({misuse_kind::outer_scope, slot_.memory.name(), nullptr, depth(), slot_.newest->depth()});
}

bool scratch::try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes, std::size_t alignment) noexcept {
  if (slot_.memory.checked() && slot_.newest != this && new_bytes > old_bytes) {
    report_outer();
    return false;
  }
  return slot_.memory.try_expand(p, old_bytes, new_bytes, alignment);
}

std::size_t scratch::available() const noexcept { return slot_.memory.available(); }
memory_usage scratch::usage() const noexcept { return slot_.memory.usage(); }
bool scratch::owns(const void* p) const noexcept { return slot_.memory.owns(p); }
block_info scratch::find_block(const void* p) const noexcept { return slot_.memory.find_block(p); }
bool scratch::check() const noexcept { return slot_.memory.check(); }
void scratch::for_each_block(block_visitor visitor) const { slot_.memory.for_each_block(visitor); }
bool scratch::tell_events_to(event_sink* sink) noexcept { return slot_.memory.tell_events_to(sink); }

}  // namespace allot
