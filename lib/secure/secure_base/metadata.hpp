#pragma once

#include <allot/core/checked_size.hpp>
#include <allot/os/virtual_memory.hpp>
#include <allot/secure/chacha_random.hpp>
#include <allot/secure/secure_options.hpp>
#include <cstddef>

namespace allot::secure {

/// What became of wishes to the system.
struct wishes_granted {
  std::size_t locked_bytes = 0;
  std::size_t lock_refusals = 0;
  std::size_t dump_refusals = 0;
  std::size_t fork_refusals = 0;
  bool fork_required = false;  // whether one of these is an error
};

/// Finds places for a secure resource's address space.
class random_places {
 public:
  /// Random places lie below `known`, an address the system chose; null for the system's own choice always.
  random_places(chacha_random& random, const void* known) noexcept;

  /// Address space at a random place, or, where that is taken, at one of the system's choice. `scattered` says which.
  /// @param aligned_byte  which byte of it is to be aligned
  os::mapping reserve(std::size_t bytes, bool& scattered, std::size_t alignment = 1,
                      std::size_t aligned_byte = 0) noexcept;

  /// Bits of entropy in a place of reserve().
  double entropy() const noexcept;

 private:
  static constexpr std::size_t lowest = std::size_t{1} << 20;

  chacha_random& random_;
  std::size_t pages_ = 0;  // places to choose from
};

/// Applies the options' wishes about dumps and forks to address space just reserved. On failure the space is still the
/// caller's.
os::status apply_wishes(void* p, std::size_t bytes, const secure_options& options, wishes_granted& granted) noexcept;

/// Memory for a resource's records: taken piece by piece, given back all at once, between guards at random places.
///
///     | guard | taken | committed | reserved | guard |
///
/// Not thread-safe.
class metadata {
 public:
  metadata(random_places& places, const secure_options& options, wishes_granted& granted,
           std::size_t chunk_bytes) noexcept
      : places_(places), options_(options), granted_(granted), chunk_bytes_(chunk_bytes) {}
  metadata(const metadata&) = delete;
  metadata& operator=(const metadata&) = delete;
  ~metadata();

  /// Zero memory on a cache line, or null and `outcome` says why; nothing has changed then.
  void* take(std::size_t bytes, os::status& outcome) noexcept;

  /// Where the taking has got to.
  struct mark {
    const void* chunk;
    std::size_t taken;
  };
  mark now() const noexcept { return {newest_, newest_ != nullptr ? newest_->taken : 0}; }
  /// Takes back all that was taken since.
  void rewind(const mark& to) noexcept;

  std::size_t reserved() const noexcept { return reserved_; }
  std::size_t taken() const noexcept { return taken_; }

 private:
  struct chunk {
    std::byte* base;  // the lead guard
    std::size_t bytes;
    std::size_t taken;  // both from base
    std::size_t committed;
    chunk* next;
  };

  chunk* open(std::size_t bytes, os::status& outcome) noexcept;
  static bool commit(chunk& into, std::size_t end, os::status& outcome) noexcept;
  void close_newest() noexcept;
  static std::size_t first_byte() noexcept;

  random_places& places_;
  const secure_options& options_;
  wishes_granted& granted_;
  const std::size_t chunk_bytes_;
  chunk* newest_ = nullptr;
  std::size_t reserved_ = 0;
  std::size_t taken_ = 0;
};

}  // namespace allot::secure
