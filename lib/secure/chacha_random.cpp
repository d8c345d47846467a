#include <allot/core/misuse.hpp>
#include <allot/os/entropy.hpp>
#include <allot/os/secure_memory.hpp>
#include <allot/secure/chacha_random.hpp>
#include <array>
#include <cstdlib>

#include "chacha_random/lanes.hpp"

namespace allot {
namespace {

constexpr int rounds = 8;
constexpr std::array<std::uint32_t, 4> constants{0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};  // "expand 32-byte k"

/// Four blocks: element i has word i of each. No std::array, whose parameter would lose what makes a vector of a type.
constexpr std::size_t block_words = 16;
constexpr std::size_t block_bytes = 64;
using four_blocks = lanes[block_words];
static_assert(sizeof(four_blocks) == 256);

lanes all(std::uint32_t word) noexcept {
  const lanes same = {word, word, word, word};
  return same;
}

template <int Bits>
lanes rotated(lanes x) noexcept {
  return (x << Bits) | (x >> (32 - Bits));
}

ALLOT_ALWAYS_INLINE void quarter_round(lanes& a, lanes& b, lanes& c, lanes& d) noexcept {
  a = a + b;
  d = rotated<16>(d ^ a);
  c = c + d;
  b = rotated<12>(b ^ c);
  a = a + b;
  d = rotated<8>(d ^ a);
  c = c + d;
  b = rotated<7>(b ^ c);
}

/// What goes into the rounds, but for the counters.
void set_input(four_blocks& in, const std::uint32_t* key, const std::uint32_t* nonce) noexcept {
  for (std::size_t i = 0; i < 4; ++i) in[i] = all(constants[i]);
  for (std::size_t i = 0; i < 8; ++i) in[4 + i] = all(key[i]);
  in[14] = all(nonce[0]);
  in[15] = all(nonce[1]);
}

/// The blocks `counter` to `counter` + 3.
ALLOT_ALWAYS_INLINE void make_key_stream(four_blocks& in, std::uint64_t counter, four_blocks& out) noexcept {
  for (int block = 0; block < 4; ++block, ++counter) {
    in[12][block] = static_cast<std::uint32_t>(counter);
    in[13][block] = static_cast<std::uint32_t>(counter >> 32);
  }
  four_blocks x;
  for (std::size_t i = 0; i < block_words; ++i) x[i] = in[i];
  for (int round = 0; round < rounds; round += 2) {
    for (std::size_t i = 0; i < 4; ++i) quarter_round(x[i], x[4 + i], x[8 + i], x[12 + i]);
    for (std::size_t i = 0; i < 4; ++i)
      quarter_round(x[i], x[4 + (i + 1) % 4], x[8 + (i + 2) % 4], x[12 + (i + 3) % 4]);
  }
  for (std::size_t i = 0; i < block_words; ++i) out[i] = x[i] + in[i];
}

std::uint32_t load_little_endian(const unsigned char* bytes) noexcept {
  std::uint32_t word = 0;
  for (int i = 3; i >= 0; --i) word = (word << 8) | bytes[i];
  return word;
}

void store_little_endian(std::uint32_t word, unsigned char* bytes) noexcept {
  for (int i = 0; i < 4; ++i, word >>= 8) bytes[i] = static_cast<unsigned char>(word & 0xff);
}

}  // namespace

void chacha8_block(const unsigned char* key, std::uint64_t counter, const unsigned char* nonce,
                   unsigned char* out) noexcept {
  std::array<std::uint32_t, 8> key_words;
  for (std::size_t i = 0; i < key_words.size(); ++i) key_words[i] = load_little_endian(key + 4 * i);
  const std::array<std::uint32_t, 2> nonce_words{load_little_endian(nonce), load_little_endian(nonce + 4)};
  four_blocks in;
  set_input(in, key_words.data(), nonce_words.data());
  four_blocks blocks;
  make_key_stream(in, counter, blocks);
  for (std::size_t i = 0; i < block_words; ++i) store_little_endian(blocks[i][0], out + 4 * i);
  os::secure_zero(key_words.data(), sizeof key_words);
  os::secure_zero(in, sizeof in);
  os::secure_zero(blocks, sizeof blocks);
}

os::status chacha_random::seed_from_system() noexcept {
  std::array<unsigned char, key_bytes> fresh;
  const os::status outcome = os::entropy(fresh.data(), fresh.size());
  if (!outcome) return outcome;
  // The old key is not worth more than the new one, but may be worth more than nothing.
  for (std::size_t i = 0; i < key_bytes; ++i) buffer_[i] = static_cast<unsigned char>(buffer_[i] ^ fresh[i]);
  os::secure_zero(fresh.data(), fresh.size());
  os::secure_zero(buffer_ + key_bytes, output_bytes);
  left_ = 0;
  since_reseed_ = 0;
  source_ = source::system;
  return outcome;
}

void chacha_random::seed(std::uint64_t seed) noexcept {
  forget();
  for (std::size_t i = 0; i < sizeof seed; ++i, seed >>= 8) buffer_[i] = static_cast<unsigned char>(seed & 0xff);
  source_ = source::seed;
}

void chacha_random::forget() noexcept {
  left_ = 0;
  source_ = source::none;
  since_reseed_ = 0;
  os::secure_zero(buffer_, sizeof buffer_);
}

void chacha_random::refill() noexcept {
  const bool due =
      source_ == source::none || (source_ == source::system && since_reseed_ + output_bytes > reseed_interval);
  if (due && !seed_from_system() && source_ == source::none) {
    write_diagnostic("allot: the system gives no random bytes, and there is no key to go on with");
    std::abort();
  }
  stretch_key();
}

/// Makes the buffer from the key at its start, which is overwritten by that with the next one.
void chacha_random::stretch_key() noexcept {
  // Words stay as the machine has them and blocks side by side: random bytes have no order to keep.
  std::array<std::uint32_t, 8> key;
  std::memcpy(key.data(), buffer_, key_bytes);
  constexpr std::array<std::uint32_t, 2> nonce{};
  four_blocks in;
  set_input(in, key.data(), nonce.data());
  four_blocks blocks;
  for (std::size_t at = 0; at < buffer_bytes; at += sizeof blocks) {
    make_key_stream(in, at / block_bytes, blocks);
    std::memcpy(buffer_ + at, blocks, sizeof blocks);
  }
  os::secure_zero(key.data(), key_bytes);
  os::secure_zero(in, sizeof in);
  os::secure_zero(blocks, sizeof blocks);
  left_ = output_bytes;
  since_reseed_ += output_bytes;
}

std::uint32_t chacha_random::below_small(std::uint32_t n, std::uint32_t product) noexcept {
  const std::uint32_t unfair = (small_range - n) % n;  // 65536 mod n: so many draws must not count
  while ((product & 0xffffU) < unfair) product = std::uint32_t{next16()} * n;
  return product >> 16;
}

std::uint32_t chacha_random::below_large(std::uint32_t n) noexcept {
  std::uint64_t product = std::uint64_t{next32()} * n;
  if (static_cast<std::uint32_t>(product) < n) {
    const std::uint32_t unfair = (0U - n) % n;
    while (static_cast<std::uint32_t>(product) < unfair) product = std::uint64_t{next32()} * n;
  }
  return static_cast<std::uint32_t>(product >> 32);
}

}  // namespace allot
