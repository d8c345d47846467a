#pragma once

#include <allot/core/compiler.hpp>
#include <allot/pool/pool_options.hpp>
#include <cstddef>
#include <cstdint>

namespace allot {

/// The block sizes of a pool, and which of them serves a request. The size is rounded up to a multiple of the alignment
/// first, on allocation and deallocation alike, and a block's size is a multiple of every alignment it is used for: so
/// blocks side by side from an aligned start are aligned, with no padding.
struct ALLOT_EXPORT size_table {
  static constexpr std::size_t most_classes = 96;                ///< in any table
  static constexpr std::size_t smallest = 16;                    ///< block, in bytes
  static constexpr std::size_t largest = std::size_t{32} << 10;  ///< block, in bytes
  static constexpr std::size_t granule = 8;                      ///< bytes; all sizes are multiples
  static constexpr std::size_t largest_alignment = 4096;         ///< of pooled blocks, in bytes
  static constexpr std::uint8_t no_class = most_classes;         ///< stands for none

  std::uint32_t count = 0;                 ///< of classes
  std::uint32_t bytes[most_classes] = {};  ///< in a block of each, ascending
  /// By (size - 1) / granule of the rounded size; no_class where it depends on the alignment, or there is none. So who
  /// finds a class here need not look at the alignment.
  std::uint8_t index[largest / granule] = {};

  /// The table the options ask for where that is one all pools share; null where it must be built. How much of it a
  /// pool uses is its own affair.
  static const size_table* shared(const pool_options& options) noexcept;
  /// Makes one that is not shared.
  static void build(const pool_options& options, size_table& table) noexcept;

  /// How many classes it takes to serve requests of so many bytes; 0 stands for all there are.
  std::size_t classes_up_to(std::size_t size) const noexcept;

  /// The class for a request of 1 byte and more and an alignment that is a power of two; no_class where there is none.
  std::size_t class_of(std::size_t size, std::size_t alignment) const noexcept;
};

}  // namespace allot
