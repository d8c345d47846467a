#include <allot/block/guarded_pages.hpp>
#include <allot/block/stack_book.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/os/virtual_memory.hpp>
#include <new>

namespace allot {

union stack_book::cell {
  cell* next;
  block_stacks stacks;
};

/// Cells follow it to the end of its pages.
struct stack_book::chunk {
  chunk* next;
  std::size_t bytes;

  cell* cells() noexcept { return reinterpret_cast<cell*>(this + 1); }
  std::size_t size() const noexcept { return (bytes - sizeof(chunk)) / sizeof(cell); }
};

block_stacks* stack_book::add(const os::call_stack& allocated) noexcept {
  if (free_ == nullptr && !add_chunk()) return nullptr;
  cell* const taken = free_;
  free_ = taken->next;
  return ::new (static_cast<void*>(&taken->stacks)) block_stacks{allocated, {}};
}

void stack_book::remove(block_stacks* record) noexcept {
  if (record == nullptr) return;
  cell* const given_up = reinterpret_cast<cell*>(record);
  given_up->next = free_;
  free_ = given_up;
}

bool stack_book::add_chunk() noexcept {
  static_assert(alignof(chunk) >= alignof(cell));
  constexpr std::size_t least = std::size_t{16} << 10;
  const std::size_t bytes = align_up(least, os::facts().page_size);
  const os::mapping made = os::map(bytes, 1, os::access::read_write);
  if (!made) return false;
  chunks_ = ::new (made.address) chunk{chunks_, bytes};
  for (std::size_t i = chunks_->size(); i-- > 0;) {
    chunks_->cells()[i].next = free_;
    free_ = &chunks_->cells()[i];
  }
  return true;
}

void stack_book::clear() noexcept {
  while (chunks_ != nullptr) {
    chunk* const last = chunks_;
    chunks_ = last->next;
    give_back_pages(last, last->bytes);
  }
  free_ = nullptr;
}

std::size_t stack_book::bytes() const noexcept {
  std::size_t sum = 0;
  for (const chunk* each = chunks_; each != nullptr; each = each->next) sum += each->bytes;
  return sum;
}

}  // namespace allot
