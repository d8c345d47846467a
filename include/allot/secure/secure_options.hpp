#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/misuse.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace allot {

/// How much a secure resource does against errors and attacks, from cheap to dear. Each level is a set of values for
/// the options below; docs/security.md says what each is against.
enum class secure_level {
  checked,   ///< every deallocate is checked exactly; blocks may be written over unseen
  hardened,  ///< canaries, random places, zeroing, quarantine, guards between groups of slabs
  paranoid,  ///< the same with more of each, and a guard at every slab
  trap,      ///< every block on pages of its own, at addresses that never come back
};

/// What becomes of a resource's memory in a child process that was forked.
enum class fork_policy {
  inherit,  ///< the child has a copy, as of all its memory
  wipe,     ///< the child reads zero, and using the resource there is misuse
  deny,     ///< the child has no such memory: touching it faults, and using the resource there is misuse
};

/// How much a wish to the system matters.
enum class wish {
  none,     ///< not asked for
  attempt,  ///< asked for; a refusal is noted in the report and otherwise ignored
  require,  ///< a refusal is an allocation_error that names the limit in the way
};

/// What a secure_resource does. What is not set is as the level has it.
struct secure_options {
  secure_level level = secure_level::hardened;  ///< what the rest defaults to

  /// Address space of a region, of which every block size has one at a random place and more when it is full: 2 to this
  /// power, from 20 to 35. Less where the system has not so much.
  std::optional<unsigned> region_bits;
  /// Bytes of freed blocks of one size that are kept from being used again: as many in random order, and as many in
  /// order of their freeing behind that. For large blocks, bytes of address space in all.
  std::optional<std::size_t> quarantine;
  /// Slabs between two guards; 0 for no guards between slabs.
  std::optional<std::size_t> guard_interval;
  /// Bytes behind every block that must not change: 0, 8, 16, 32 or 64.
  std::optional<std::size_t> canary_bytes;
  std::optional<bool> random_places;       ///< blocks at random places of their slab, not at the next one
  std::optional<bool> zero_on_free;        ///< contents are overwritten with zero when a block is freed
  std::optional<bool> verify_on_allocate;  ///< that they still are zero when the block is used again
  std::optional<wish> lock;                ///< keep blocks out of swap space
  std::optional<wish> no_dump;             ///< leave blocks out of core dumps
  /// In forked children. Where it is set and the system cannot do it, allocations fail with not_supported; where it
  /// comes from the level that is noted in the report.
  std::optional<fork_policy> fork;

  bool checked = checked_by_default();  ///< also look for use by two threads at once, and honour `seed`
  std::uint64_t seed = 0;      ///< with `checked`: not 0 makes all random choices repeatable. Not for production
  std::string_view name = {};  ///< what reports call it; empty: its kind
};

/// The options of a level, as it has them.
inline secure_options options_at(secure_level level) noexcept {
  secure_options options;
  options.level = level;
  return options;
}

/// The options with every value set: as given, else as the level has it, and brought to what is possible.
ALLOT_EXPORT secure_options completed(const secure_options& options) noexcept;

}  // namespace allot
