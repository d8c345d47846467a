#pragma once

#include <allot/core/checked_size.hpp>
#include <allot/core/compiler.hpp>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace allot {

/// In which chunks of a pool blocks were found lately, so that a thread that has a live block finds its chunk without
/// a lock.
///
/// What is noted is a chunk's whole extent in one word, so it is never seen by half. Notes are made under the pool's
/// lock, and forgotten there whenever chunks come or go. Who has a block has it from after that, so a note that covers
/// the block is of the chunk it is in, which stays as long as the block does.
class chunk_sightings {
 public:
  /// To be called under the lock, before blocks of a chunk that has come are handed out, and before one that goes is
  /// given back.
  /// @param held  bytes of all chunks
  void forget(std::size_t held) noexcept {
    unsigned part = least_part;
    while (part < most_part && held >> part > sets / 2) ++part;
    part_.store(part, std::memory_order_relaxed);
    for (std::atomic<std::uint64_t>& each : notes_) each.store(0, std::memory_order_relaxed);
  }

  /// To be called under the lock, of a chunk that holds p. What cannot be noted is found under the lock next time, too.
  void note(const void* p, const void* chunk, std::size_t bytes) noexcept {
    const std::uint64_t begin = address_of(chunk);
    const std::uint64_t grains = bytes >> grain_log2;
    if (begin >> address_bits != 0 || (begin & (unit - 1)) != 0 || grains >> (64 - extent_shift) != 0) return;
    std::atomic<std::uint64_t>* const set = set_of(p);
    if (set[0].load(std::memory_order_relaxed) != 0)
      set[1].store(set[0].load(std::memory_order_relaxed), std::memory_order_relaxed);
    set[0].store(begin / unit | grains << extent_shift, std::memory_order_relaxed);
  }

  /// Where the chunk of a live block starts; null where it is not noted. Needs no lock.
  const void* find(const void* p) const noexcept {
    const std::atomic<std::uint64_t>* const set = const_cast<chunk_sightings*>(this)->set_of(p);
    for (std::size_t way = 0; way < ways; ++way) {
      const std::uint64_t note = set[way].load(std::memory_order_relaxed);
      const std::uint64_t begin = (note & begin_mask) * unit;
      if (ALLOT_LIKELY(address_of(p) - begin < note >> extent_shift << grain_log2))
        return reinterpret_cast<const void*>(static_cast<std::uintptr_t>(begin));
    }
    return nullptr;
  }

 private:
  static constexpr unsigned address_bits = 47;
  static constexpr std::uint64_t unit = 16;  // chunks start at multiples of it
  static constexpr unsigned extent_shift = address_bits - 4;
  static constexpr std::uint64_t begin_mask = (std::uint64_t{1} << extent_shift) - 1;
  static constexpr unsigned grain_log2 = 7;  // of the extent, rounded down
  static constexpr unsigned least_part = 16;
  static constexpr unsigned most_part = 20;  // of an address: more than one chunk and a part of another are in few
  static constexpr std::size_t sets = 512;
  static constexpr std::size_t ways = 2;

  std::atomic<std::uint64_t>* set_of(const void* p) noexcept {
    return &notes_[(address_of(p) >> part_.load(std::memory_order_relaxed)) % sets * ways];
  }

  std::atomic<unsigned> part_{least_part};
  std::array<std::atomic<std::uint64_t>, sets * ways> notes_{};
};

}  // namespace allot
