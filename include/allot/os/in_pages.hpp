#pragma once

#include <allot/core/checked_size.hpp>
#include <allot/os/virtual_memory.hpp>
#include <new>
#include <utility>

namespace allot::os {

/// An object in pages of its own, for the few the library needs that must come from no heap. Null, and the outcome says
/// why, when there are no pages.
template <class T, class... Args>
T* make_in_pages(status& outcome, Args&&... args) noexcept {
  const std::size_t page = facts().page_size;
  if (page == 0) {
    outcome = {memory_errc::page_size_unknown, 0};
    return nullptr;
  }
  const mapping made = map(align_up(sizeof(T), page), 1, access::read_write);
  outcome = made.outcome;
  return made ? ::new (made.address) T(std::forward<Args>(args)...) : nullptr;
}

/// Destroys an object of make_in_pages() and gives its pages back.
template <class T>
void destroy_in_pages(T& object) noexcept {
  object.~T();
  (void)release(&object, align_up(sizeof(T), facts().page_size));
}

}  // namespace allot::os
