#pragma once

#include <allot/pool/magazine.hpp>
#include <allot/pool/size_table.hpp>
#include <cstddef>

namespace allot {

/// Whole magazines on their way from threads that free to threads that allocate. Not thread-safe.
class magazine_depot {
 public:
  std::size_t count(std::size_t index) const noexcept { return stacks_[index].count; }    ///< of magazines
  std::size_t blocks(std::size_t index) const noexcept { return stacks_[index].blocks; }  ///< in them

  /// @param index  of the class, here and below
  void put(std::size_t index, magazine_array& magazine) noexcept {
    stack& to = stacks_[index];
    magazine.next = to.first;
    to.first = &magazine;
    to.blocks += magazine.count;
    ++to.count;
  }

  /// Null where there is none.
  magazine_array* take(std::size_t index) noexcept {
    stack& from = stacks_[index];
    magazine_array* const magazine = from.first;
    if (magazine == nullptr) return nullptr;
    from.first = magazine->next;
    from.blocks -= magazine->count;
    --from.count;
    return magazine;
  }

  /// Calls visit(magazine, class index) for every magazine.
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::size_t i = 0; i < size_table::most_classes; ++i)
      for (magazine_array* each = stacks_[i].first; each != nullptr; each = each->next) visit(*each, i);
  }

  /// Has none any more, and touches none.
  void forget() noexcept {
    for (stack& each : stacks_) each = {};
  }

 private:
  struct stack {
    magazine_array* first = nullptr;
    std::size_t count = 0;
    std::size_t blocks = 0;
  };
  stack stacks_[size_table::most_classes];
};

}  // namespace allot
