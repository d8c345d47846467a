#pragma once

#include <allot/core/bits.hpp>
#include <allot/core/checked_size.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace allot::secure {

inline std::uint64_t load_word(const void* p) noexcept {
  std::uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}
inline void store_word(void* p, std::uint64_t word) noexcept { std::memcpy(p, &word, sizeof word); }

constexpr unsigned char first_byte_one[sizeof(std::uint64_t)] = {1};
inline bool is_little_endian() noexcept { return load_word(first_byte_one) == 1; }

/// A word of which the last `bytes` bytes in memory, at most 7, are all ones.
inline std::uint64_t last_bytes(std::size_t bytes) noexcept {
  const std::size_t others = 8 * (7 - bytes);
  return is_little_endian() ? (~std::uint64_t{0} << others) << 8 : (~std::uint64_t{0} >> others) >> 8;
}

/// The secrets of one resource, and what is computed from them.
///
/// Canaries and tags are keyed hashes of an address and a number that changes with every allocation there, so that one
/// that leaks says nothing of any other. The quick one multiplies 64 by 64 bits and folds the product, twice, since one
/// product of neighbouring addresses moves in equal steps; the strong one is SipHash-1-3 (Aumasson and Bernstein,
/// "SipHash: a fast short-input PRF", 2012).
class secret_keys {
 public:
  secret_keys(std::uint64_t a, std::uint64_t b, std::uint64_t c) noexcept
      : address_key_(a), number_key_(b), tag_key_(c) {}

  /// What stands behind a block. Its first byte in memory is zero, so that reading text runs into an end there.
  std::uint64_t canary(const void* p, std::uint64_t number, bool strong) const noexcept {
    const std::uint64_t hash = strong ? sip_hash(address_of(p), number) : quick_hash(address_of(p), number);
    return hash & last_bytes(7);
  }

  /// A hash of what is remembered of a block. It stays where blocks' users cannot read it, so the quick one does.
  std::uint64_t tag(const void* p, std::uint64_t record) const noexcept {
    return folded_product(address_of(p) ^ tag_key_, record ^ number_key_);
  }

 private:
  std::uint64_t quick_hash(std::uint64_t a, std::uint64_t b) const noexcept {
    constexpr std::uint64_t golden = 0x9e3779b97f4a7c15;  // 2^64 by the golden ratio: odd, and its bits without pattern
    return folded_product(folded_product(a ^ address_key_, b ^ number_key_) ^ tag_key_, golden);
  }
  std::uint64_t sip_hash(std::uint64_t a, std::uint64_t b) const noexcept;

  std::uint64_t address_key_;
  std::uint64_t number_key_;
  std::uint64_t tag_key_;
};

inline std::uint64_t secret_keys::sip_hash(std::uint64_t a, std::uint64_t b) const noexcept {
  const auto rotated = [](std::uint64_t word, unsigned by) { return word << by | word >> (64 - by); };
  std::uint64_t v0 = address_key_ ^ 0x736f6d6570736575;
  std::uint64_t v1 = number_key_ ^ 0x646f72616e646f6d;
  std::uint64_t v2 = address_key_ ^ 0x6c7967656e657261;
  std::uint64_t v3 = number_key_ ^ 0x7465646279746573;
  const auto round = [&] {
    v0 += v1;
    v1 = rotated(v1, 13) ^ v0;
    v0 = rotated(v0, 32);
    v2 += v3;
    v3 = rotated(v3, 16) ^ v2;
    v0 += v3;
    v3 = rotated(v3, 21) ^ v0;
    v2 += v1;
    v1 = rotated(v1, 17) ^ v2;
    v2 = rotated(v2, 32);
  };
  const auto absorb = [&](std::uint64_t word) {
    v3 ^= word;
    round();
    v0 ^= word;
  };
  absorb(a);
  absorb(b);
  absorb(std::uint64_t{16} << 56);  // the length of the message
  v2 ^= 0xff;
  round();
  round();
  round();
  return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace allot::secure
