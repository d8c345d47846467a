#pragma once

#include <allot/core/compiler.hpp>
#include <allot/heap/heap_range.hpp>
#include <cstddef>
#include <memory_resource>

namespace allot {

/// The ranges of a heap by address. The first few need no memory, more of them a table from the heap's upstream, or
/// from the system where there is none.
///
/// Who throws has changed nothing. Not thread-safe.
class ALLOT_EXPORT range_list {
 public:
  /// @param upstream  where tables come from; null: the system
  explicit range_list(std::pmr::memory_resource* upstream) noexcept : upstream_(upstream) {}
  range_list(const range_list&) = delete;
  range_list& operator=(const range_list&) = delete;
  ~range_list() { clear(); }

  /// Makes sure that one more can be added.
  /// @throws what the upstream throws; allocation_error
  void make_room();
  void add(heap_range& range) noexcept;     ///< after make_room()
  void remove(heap_range& range) noexcept;  ///< of one that was added
  void clear() noexcept;

  std::size_t size() const noexcept { return count_; }
  bool empty() const noexcept { return count_ == 0; }
  heap_range& operator[](std::size_t at) const noexcept { return *entries_[at]; }

  /// The range found last, or one that holds nothing.
  heap_range& recent() const noexcept { return *recent_; }
  /// The range that holds p; null where none does. The one found last is looked at first.
  heap_range* find(const void* p) const noexcept {
    if (ALLOT_LIKELY(recent_->holds(p))) return recent_;
    return search(p);
  }
  /// The range that holds the node of a free block; there is one.
  heap_range& find_node(const void* node) const noexcept {
    return ALLOT_LIKELY(recent_->holds_node(node)) ? *recent_ : search_node(node);
  }
  std::size_t index_of(const heap_range& range) const noexcept;  ///< by address, as operator[] has it

  /// Of a table from upstream or system; 0 while none is needed.
  std::size_t table_bytes() const noexcept { return entries_ != near_ ? room_ * sizeof(heap_range*) : 0; }

 private:
  heap_range* search(const void* p) const noexcept;
  heap_range& search_node(const void* node) const noexcept;
  void drop_table() noexcept;

  static constexpr std::size_t near_room = 8;
  static heap_range none_;  // holds nothing
  mutable heap_range* recent_ = &none_;
  heap_range** entries_ = near_;
  std::size_t count_ = 0;
  std::size_t room_ = near_room;
  heap_range* near_[near_room] = {};
  std::pmr::memory_resource* upstream_;
};

}  // namespace allot
