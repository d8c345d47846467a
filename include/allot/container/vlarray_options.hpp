#pragma once

#include <cstddef>
#include <memory_resource>

namespace allot {

/// What a vlarray does when its reservation is full.
enum class when_full {
  throw_length_error,
  /// Go on in a larger reservation, or block where it cannot grow in place: pointers, references and iterators are
  /// invalid then, as with std::vector. Pages are remapped where elements are trivially copyable; other elements are
  /// moved one by one if that cannot throw. Others have no way but std::length_error.
  move,
};

/// Where a vlarray has its elements, and how many there may be.
struct vlarray_options {
  /// Where the elements are; null: default_reserving_resource(). Over any other than a reserving_resource the array has
  /// one block, which grows only in place, by try_expand().
  std::pmr::memory_resource* storage = nullptr;
  /// Address space in elements, rounded up to pages; of a plain resource, its block. 0: what the reserving_resource
  /// reserves by default; a plain resource is asked for 64 KiB, or less if it refuses, and more as far as the block
  /// grows in place.
  std::size_t max_elements = 0;
  when_full on_full = when_full::throw_length_error;  ///< when there is no room for another element
};

}  // namespace allot
