#pragma once

#include <allot/core/compiler.hpp>
#include <allot/secure/secure_options.hpp>
#include <cstddef>

namespace allot {

/// What a secure resource really got from the system, which may be less than it asked for. Entropy is in bits: the
/// number of guesses an attacker needs is about 2 to that power.
struct secure_report {
  /// What lies between slabs.
  enum class guard_kind {
    none,        ///< no guards between slabs
    advice,      ///< by advice: no map entries of their own
    protection,  ///< inaccessible mappings of their own
  };

  secure_level level = secure_level::hardened;  ///< as asked for
  double region_entropy = 0;  ///< of the place of a region, the least of all; 0 when only the system chose
  double least_slot_entropy =
      0;  ///< of a block's place in an empty slab, for the largest blocks that share slabs; 0 at level trap
  double most_slot_entropy = 0;          ///< the same for the smallest blocks
  double canary_entropy = 0;             ///< of one canary
  unsigned least_region_bits = 0;        ///< address space of the smallest region, as a power of 2
  guard_kind guards = guard_kind::none;  ///< what lies between slabs
  std::size_t guard_interval = 0;        ///< slabs between guards, as asked for
  std::size_t guards_left_out = 0;       ///< guards that could not be had
  std::size_t regions = 0;               ///< ranges of addresses that blocks lie in
  std::size_t quarantined_blocks = 0;    ///< kept from use for a while
  std::size_t quarantined_bytes = 0;     ///< of freed blocks among them
  std::size_t locked_bytes = 0;          ///< kept out of swap space
  std::size_t lock_refusals = 0;         ///< ranges the system would not lock
  std::size_t fork_refusals = 0;         ///< ranges whose fork policy the system does not know: children have a copy
  std::size_t dump_refusals = 0;         ///< ranges the system would not leave out of core dumps
};

}  // namespace allot
