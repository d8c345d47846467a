#pragma once

#include <allot/pool/slab_store.hpp>
#include <cstddef>
#include <cstdint>

namespace allot {

/// Whole magazines on their way from threads that free to threads that allocate. Not thread-safe.
class magazine_depot {
 public:
  std::size_t count(std::size_t index) const noexcept { return lists_[index].count; }

  /// Takes a full magazine.
  void put(std::size_t index, free_block* magazine) noexcept {
    magazine->next_list = lists_[index].first;
    lists_[index].first = magazine;
    ++lists_[index].count;
  }

  /// Null where there is none.
  free_block* take(std::size_t index) noexcept {
    free_block* const magazine = lists_[index].first;
    if (magazine == nullptr) return nullptr;
    lists_[index].first = magazine->next_list;
    --lists_[index].count;
    return magazine;
  }

  /// Calls visit(block, class index) for every block.
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::size_t i = 0; i < size_table::most_classes; ++i)
      for (const free_block* each = lists_[i].first; each != nullptr; each = each->next_list)
        for (const free_block* block = each; block != nullptr; block = block->next) visit(block, i);
  }

  void forget() noexcept {
    for (stack& each : lists_) each = {};
  }

 private:
  struct stack {
    free_block* first = nullptr;
    std::size_t count = 0;
  };
  stack lists_[size_table::most_classes];
};

}  // namespace allot
