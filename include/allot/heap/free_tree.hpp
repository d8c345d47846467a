#pragma once

#include <allot/core/compiler.hpp>
#include <cstddef>

namespace allot {

/// Free blocks in the order of their sizes, and of their addresses where sizes are equal: the smallest that holds a
/// request, and of these the lowest, is found in logarithmic time. The nodes lie in the blocks.
///
/// A red-black tree (Guibas and Sedgewick, "A Dichromatic Framework for Balanced Trees", 1978; insertion and deletion
/// as in Cormen, Leiserson, Rivest and Stein, "Introduction to Algorithms", chapter 13, with null for the leaves).
///
/// Not thread-safe.
class ALLOT_EXPORT free_tree {
 public:
  /// Stands in the free block itself.
  struct node {
    node* child[2];        ///< smaller ones, larger ones
    node* parent;          ///< null for the root
    std::size_t granules;  ///< of the block
    bool red;              ///< otherwise black
  };

  free_tree() noexcept = default;
  free_tree(const free_tree&) = delete;
  free_tree& operator=(const free_tree&) = delete;

  /// The node is made at `block`, which has room for one.
  void insert(void* block, std::size_t granules) noexcept;
  void erase(node& gone) noexcept;
  void clear() noexcept { root_ = nullptr; }

  /// The smallest block of at least so many granules; null where there is none.
  node* first_of(std::size_t granules) const noexcept;
  static node* next(const node& from) noexcept;  ///< in order; null behind the last

  bool empty() const noexcept { return root_ == nullptr; }
  /// Nodes in order and as black as each other, all links and colours as they should be. False, too, where there are
  /// more than `most` nodes; otherwise `count` says how many.
  bool check(std::size_t most, std::size_t& count) const noexcept;

 private:
  void replace(node& gone, node* with) noexcept;
  void rotate(node& top, int side) noexcept;
  void balance_after_insert(node* inserted) noexcept;
  void balance_after_erase(node* short_side, node* parent) noexcept;

  node* root_ = nullptr;
};

}  // namespace allot
