#pragma once

#include <algorithm>
#include <allot/core/memory_tools.hpp>
#include <allot/core/resource.hpp>
#include <allot/os/address_registry.hpp>
#include <allot/os/virtual_memory.hpp>
#include <allot/secure/chacha_random.hpp>
#include <allot/secure/secure_options.hpp>
#include <cstddef>
#include <optional>

#include "canary.hpp"
#include "finding.hpp"
#include "metadata.hpp"

namespace allot::secure {

/// What all parts of a secure resource share. Not thread-safe.
struct secure_context {
  secure_context(const secure_options& wanted, resource& whose, chacha_random& generator, const void* known,
                 std::size_t limit, const wishes_granted& so_far) noexcept
      : options(wanted),
        owner(whose),
        random(generator),
        places(generator, known),
        most_region_bytes(limit),
        granted(so_far),
        records(places, wanted, granted, limit / 4),
        keys(generator.next64(), generator.next64(), generator.next64()),
        tool(memory_tools::active()),
        strong(wanted.level == secure_level::paranoid || wanted.level == secure_level::trap) {}

  /// Counts a block that comes into use, or goes.
  void count_in(std::size_t bytes) noexcept {
    used += bytes;
    peak = std::max(peak, used);
  }
  void count_out(std::size_t bytes) noexcept { used -= bytes; }

  /// Makes address space just reserved the resource's. On failure it still is the caller's, as it was.
  /// @param guards  bytes of it that do not count as reserved
  os::status claim(std::byte* base, std::size_t bytes, std::size_t guards = 0) noexcept {
    if (const os::status refusal = apply_wishes(base, bytes, options, granted); !refusal) return refusal;
    const os::status registered = os::address_registry::add({base, bytes, &owner, owner.kind(), shared, true});
    if (registered) reserved += bytes - guards;
    return registered;
  }
  /// Undoes claim(), before the space is unmapped.
  void disclaim(const std::byte* base, std::size_t bytes, std::size_t guards = 0) noexcept {
    os::address_registry::remove(base, &owner, true);
    reserved -= bytes - guards;
  }

  /// Notes damage, unless there is some to report already.
  void find(misuse_kind kind, const void* address, std::size_t claimed, std::size_t actual = 0) {
    if (!found) found.emplace(finding{kind, address, claimed, actual});
  }

  const secure_options& options;  // complete
  resource& owner;
  chacha_random& random;
  random_places places;
  const std::size_t most_region_bytes;
  wishes_granted granted;
  metadata records;
  const secret_keys keys;
  const bool tool;           // one that watches memory
  bool shared = false;       // among threads, which take turns
  const bool strong;         // records carry tags, canaries are strong hashes, and all of a block is looked at
  std::size_t reserved = 0;  // but for metadata
  std::size_t committed = 0;
  std::size_t used = 0;
  std::size_t peak = 0;
  os::status outcome;  // of the call that returned null or false
  std::optional<finding> found;
};

/// Where guards between mappings come from in this process: by advice they cost nothing, and otherwise they take of the
/// map entries of which a process has only so many.
class guard_budget {
 public:
  /// Takes `entries` for guards about to be made. False: there are too few left for the rest of the program.
  static bool take(std::size_t entries) noexcept;
  static void give_back(std::size_t entries) noexcept;
};

}  // namespace allot::secure
