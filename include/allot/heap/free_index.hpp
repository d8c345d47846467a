#pragma once

#include <allot/core/bits.hpp>
#include <allot/core/compiler.hpp>
#include <allot/heap/free_tree.hpp>
#include <cstddef>
#include <cstdint>
#include <new>

namespace allot {

/// The free blocks of a heap by size, in granules. Up to 63 granules there is a list for each size; from there to 2^20
/// (16 MiB) there are 32 lists to the doubling; larger blocks are in a tree, in order. Lists are last in, first out.
/// All nodes lie in the blocks themselves, of which nothing else is used.
///
/// A request takes the first block of the smallest size there is, but of a list with several sizes the first few that
/// are in the request's own are looked at before the next list is, where every block will do: that is where the block
/// of a request that comes again and again lies, and looking at the next list only would split a larger one instead
/// (two-level segregated fit: Masmano, Ripoll, Crespo and Real, "TLSF: a New Dynamic Memory Allocator for Real-Time
/// Systems", 2004; here with a search that is not rounded up).
///
/// Not thread-safe.
class ALLOT_EXPORT free_index {
 public:
  static constexpr std::size_t exact_sizes = 64;     ///< below, a list has one size
  static constexpr std::size_t tree_size = 1 << 20;  ///< from here on in the tree
  static constexpr std::size_t list_count = 512;     ///< the tree not counted
  static constexpr int most_tried = 4;               ///< blocks of the request's own list

  /// A free block that was found; at null: none was.
  struct block {
    void* at = nullptr;        ///< its node
    std::size_t granules = 0;  ///< its size
  };

  free_index() noexcept { clear(); }
  free_index(const free_index&) = delete;
  free_index& operator=(const free_index&) = delete;

  ALLOT_ALWAYS_INLINE void insert(void* at, std::size_t granules) noexcept {
    if (!ALLOT_LIKELY(granules < tree_size)) return tree_.insert(at, granules);
    add(list_of(granules), at);
    // Not needed in lists of one size, but telling these apart would cost more.
    if (ALLOT_LIKELY(granules > 1)) static_cast<sized_link*>(at)->granules = granules;
  }
  /// Of a block that insert() was told with the same size.
  ALLOT_ALWAYS_INLINE void remove(void* at, std::size_t granules) noexcept {
    if (!ALLOT_LIKELY(granules < tree_size)) return tree_.erase(*static_cast<free_tree::node*>(at));
    unlink(*static_cast<link*>(at), list_of(granules));
  }

  /// The first block of exactly so many granules, below exact_sizes; null where there is none.
  ALLOT_ALWAYS_INLINE void* first_exact(std::size_t granules) const noexcept {
    return (filled_[0] >> granules & 1) != 0 ? lists_[granules].next : nullptr;
  }
  /// remove() and insert() for sizes below exact_sizes.
  /// @{
  ALLOT_ALWAYS_INLINE void remove_exact(void* at, std::size_t granules) noexcept {
    unlink(*static_cast<link*>(at), granules);
  }
  ALLOT_ALWAYS_INLINE void insert_exact(void* at, std::size_t granules) noexcept { add(granules, at); }
  /// @}

  /// Takes the block that suits a request for so many granules best out; none where no block has as many.
  ALLOT_ALWAYS_INLINE block take(std::size_t granules) noexcept {
    if (granules < exact_sizes) {
      if (const std::uint64_t filled = filled_[0] >> granules << granules; ALLOT_LIKELY(filled != 0)) {
        const std::size_t list = lowest_bit(filled);
        link& first = *lists_[list].next;
        unlink(first, list);
        return {&first, list};
      }
    }
    const block found = find(granules);
    if (found.at != nullptr) remove(found.at, found.granules);
    return found;
  }

  ALLOT_ALWAYS_INLINE block find(std::size_t granules) const noexcept {
    if (!ALLOT_LIKELY(granules < tree_size)) return of(tree_.first_of(granules));
    std::size_t list = list_of(granules);
    int tried = 0;
    for (const link* at = lists_[list].next; at != &lists_[list] && tried < most_tried; at = at->next, ++tried)
      if (const block found = block_in(list, at); found.granules >= granules) return found;
    list = next_filled(list + 1);
    return ALLOT_LIKELY(list < list_count) ? block_in(list, lists_[list].next) : of(tree_.first_of(0));
  }

  /// The first block of at least `granules` that `fits(block)` says yes to, among a few from the smallest on, and then
  /// any of at least `enough`, in which it is sure to fit.
  template <class Fits>
  block find_fitting(std::size_t granules, std::size_t enough, Fits fits) const noexcept {
    if (granules < tree_size) {
      std::size_t list = list_of(granules);
      for (int lists = 0; lists < most_lists && list < list_count; ++lists, ++list) {
        list = next_filled(list);
        if (list == list_count) break;
        int tried = 0;
        for (const link* at = lists_[list].next; at != &lists_[list] && tried < most_tried; at = at->next, ++tried) {
          const block candidate = block_in(list, at);
          if (candidate.granules >= granules && fits(candidate)) return candidate;
        }
      }
    }
    int tried = 0;
    for (free_tree::node* at = tree_.first_of(granules); at != nullptr && tried < most_lists;
         at = free_tree::next(*at), ++tried)
      if (fits(of(at))) return of(at);
    return find(enough);
  }

  void clear() noexcept;

  /// Calls visit(block) for every block that is in a list or in the tree.
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::size_t list = next_filled(0); list < list_count; list = next_filled(list + 1))
      for (const link* at = lists_[list].next; at != &lists_[list]; at = at->next) visit(block_in(list, at));
    for (const free_tree::node* at = tree_.first_of(0); at != nullptr; at = free_tree::next(*at)) visit(of(at));
  }

  /// Whether lists, their bits and the tree agree, and hold `count` blocks.
  bool check(std::size_t count) const noexcept;

  /// The list, or one number for all of the tree, that blocks of a size are in.
  static std::size_t list_of(std::size_t granules) noexcept {
    if (granules >= tree_size) return list_count;
    // 32 to the doubling from 64 on; below, where that comes to one list a size, the size itself.
    const std::size_t shift = highest_bit(granules | 32) - 5;
    return (granules >> shift) + shift * 32;
  }
  /// The smallest size of a list.
  static std::size_t least_of(std::size_t list) noexcept {
    if (list < exact_sizes) return list;
    const std::size_t shift = list / 32 - 1;
    return (list - shift * 32) << shift;
  }

 private:
  struct link {
    link* next;
    link* previous;
  };
  struct sized_link : link {
    std::size_t granules;
  };
  static constexpr std::size_t words = list_count / 64;
  static constexpr int most_lists = 8;

  static block of(const free_tree::node* n) noexcept {
    return n != nullptr ? block{const_cast<free_tree::node*>(n), n->granules} : block{};
  }
  static block block_in(std::size_t list, const link* at) noexcept {
    return {const_cast<link*>(at), list < exact_sizes ? list : static_cast<const sized_link*>(at)->granules};
  }

  ALLOT_ALWAYS_INLINE void add(std::size_t list, void* at) noexcept {
    link& head = lists_[list];
    link* const second = head.next;
    link* const made = ::new (at) link{second, &head};
    second->previous = made;
    head.next = made;
    filled_[list / 64] |= std::uint64_t{1} << list % 64;
  }

  ALLOT_ALWAYS_INLINE void unlink(link& gone, std::size_t list) noexcept {
    link* const next = gone.next;
    link* const previous = gone.previous;
    next->previous = previous;
    previous->next = next;
    // They are the same, the head, only where nothing is left.
    filled_[list / 64] &= ~(std::uint64_t{next == previous} << list % 64);
  }

  std::size_t next_filled(std::size_t list) const noexcept { return find_bit(filled_, list, list_count, true); }

  link lists_[list_count];  // heads of rings
  std::uint64_t filled_[words];
  free_tree tree_;
};

}  // namespace allot
