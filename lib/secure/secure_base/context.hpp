#pragma once

#include <allot/core/resource.hpp>
#include <allot/os/virtual_memory.hpp>
#include <allot/secure/chacha_random.hpp>
#include <allot/secure/secure_options.hpp>
#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>

#include "canary.hpp"
#include "finding.hpp"
#include "metadata.hpp"

namespace allot {

/// What all parts of a secure resource share. Not thread-safe.
struct secure_context {
  secure_context(const secure_options& wanted, std::string_view title, chacha_random& generator, const void* known,
                 std::size_t limit) noexcept
      : options(wanted),
        name(title),
        random(generator),
        places(generator, known),
        most_region_bytes(limit),
        records(places, wanted, limit / 4) {}

  /// Counts a block that comes into use, or goes.
  void count_in(std::size_t bytes) noexcept {
    used += bytes;
    peak = std::max(peak, used);
  }
  void count_out(std::size_t bytes) noexcept { used -= bytes; }

  /// Notes damage, unless there is some to report already.
  void find(misuse_kind kind, const void* address, std::size_t claimed, std::size_t actual = 0) {
    if (!found) found.emplace(finding{kind, address, claimed, actual});
  }

  const secure_options& options;  // complete
  const std::string_view name;
  chacha_random& random;
  random_places places;
  const std::size_t most_region_bytes;
  metadata records;
  secret_keys keys;
  wishes_granted granted;
  bool tool = false;
  bool tags = false;            // records carry one
  std::size_t reserved = 0;     // but for metadata
  std::size_t committed = 0;
  std::size_t used = 0;
  std::size_t peak = 0;
  os::status outcome;           // of the call that returned null or false
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

}  // namespace allot
