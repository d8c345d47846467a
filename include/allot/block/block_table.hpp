#pragma once

#include <allot/core/compiler.hpp>
#include <allot/os/virtual_memory.hpp>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace allot {

struct block_stacks;

/// A hash table from block address to what a resource must remember of the block, in pages of its own between guards:
/// nothing here uses the heap. Linear probing with backward-shift deletion (Knuth, The Art of Computer Programming,
/// vol. 3, 6.4, algorithm R).
///
/// Not thread-safe.
class ALLOT_EXPORT block_table {
 public:
  /// A block, as its resource knows it.
  struct entry {
    void* address = nullptr;         ///< null: the slot is empty
    std::size_t mapped = 0;          ///< bytes the block really has
    std::size_t requested = 0;       ///< bytes asked for
    std::size_t alignment = 0;       ///< asked for
    bool freed = false;              ///< deallocated, but kept by the resource
    bool accessible = false;         ///< though freed: the system refused to guard it
    bool busy = false;               ///< a call is at work on it, without the lock of the resource
    void* next = nullptr;            ///< for a chain of the resource's own: an address, because entries move
    block_stacks* stacks = nullptr;  ///< in a book of the resource's own, where it keeps one
    std::size_t lead = 0;            ///< bytes of guards before `mapped`, where they vary
    std::size_t tail = 0;            ///< and behind it
    std::uint64_t stamp = 0;         ///< the resource's own
  };

  block_table() noexcept = default;
  block_table(const block_table&) = delete;
  block_table& operator=(const block_table&) = delete;
  ~block_table() { clear(); }

  std::size_t size() const noexcept { return size_; }

  /// Makes sure that as many insert() cannot fail. On failure nothing has changed.
  [[nodiscard]] os::status prepare_insert(std::size_t blocks = 1) noexcept;

  /// Adds a block whose address is not in the table; prepare_insert() came before.
  void insert(const entry& block) noexcept;

  /// The entry of the block that starts at p, or null. Valid until the next insert or erase.
  entry* find(const void* p) noexcept { return const_cast<entry*>(std::as_const(*this).find(p)); }
  const entry* find(const void* p) const noexcept;

  void erase(entry* found) noexcept;

  /// Erases every block of which gone(entry) is true.
  template <class Gone>
  void erase_if(Gone gone) noexcept {
    // An erase moves entries back, and at the end of the table some from its start: then they are met at the next pass.
    for (std::size_t before = size_ + 1; before != size_;) {
      before = size_;
      for (std::size_t i = 0; i < slots_; ++i)
        while (table_[i].address != nullptr && gone(static_cast<const entry&>(table_[i]))) erase(&table_[i]);
    }
  }

  /// Forgets every block and gives the table's pages back.
  void clear() noexcept;

  /// Calls visit(entry) for every block.
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::size_t i = 0; i < slots_; ++i)
      if (table_[i].address != nullptr) visit(table_[i]);
  }

 private:
  std::size_t home(const void* p) const noexcept;
  std::size_t next(std::size_t slot) const noexcept { return (slot + 1) & (slots_ - 1); }

  entry* table_ = nullptr;
  std::size_t slots_ = 0;  // 0 or a power of two
  std::size_t size_ = 0;
};

}  // namespace allot
