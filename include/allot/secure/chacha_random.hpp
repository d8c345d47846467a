#pragma once

#include <allot/core/compiler.hpp>
#include <allot/os/virtual_memory.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace allot {

/// One block of the ChaCha stream cipher with 8 rounds: 64 bytes of key stream at `out`. Nothing in allot encrypts;
/// this is what chacha_random is made of, and lets it be held against published test vectors.
///
/// @param key    32 bytes
/// @param nonce  8 bytes
ALLOT_EXPORT void chacha8_block(const unsigned char* key, std::uint64_t counter, const unsigned char* nonce,
                                unsigned char* out) noexcept;

/// Random numbers nobody can guess from others of them, for where blocks go and what guards them.
///
/// ChaCha (D. J. Bernstein, "ChaCha, a variant of Salsa20", 2008) with 8 rounds and fast key erasure (the same,
/// "Fast-key-erasure random-number generators", 2017): a key becomes a buffer of output whose first 32 bytes are the
/// next key, and what was drawn is overwritten with zero. So who reads the object sees what will be drawn from it, and
/// nothing of what was. After each reseed_interval bytes the system's random bytes are mixed into the key.
///
/// An object of zero bytes has no key: its first draw asks the system for one. It may live in pages that are wiped
/// when the process forks; elsewhere a child has to forget(), or draws what its parent draws.
///
/// A draw without a key, when the system refuses to give random bytes, ends the program: there is nothing safe to go on
/// with. Where that is no answer, seed_from_system() comes first. A generator that has a key goes on with it whatever
/// the system says.
///
/// Not thread-safe. Draws cost about a nanosecond for each 2 bytes at most, the buffer's making included.
class ALLOT_EXPORT chacha_random {
 public:
  static constexpr std::size_t reseed_interval = std::size_t{256} << 10;  ///< bytes of output

  chacha_random() noexcept = default;
  ~chacha_random() { forget(); }
  chacha_random(const chacha_random&) = delete;
  chacha_random& operator=(const chacha_random&) = delete;

  /// Mixes a key from the system into the one there is, if any. On failure nothing has changed.
  [[nodiscard]] os::status seed_from_system() noexcept;

  /// From here on the numbers are those of `seed`, the same at every run on machines of one byte order, and the system
  /// is not asked until forget(). For reproducing layouts: such numbers can be guessed.
  void seed(std::uint64_t seed) noexcept;

  /// Random numbers of that many bits, all equally likely.
  /// @{
  std::uint16_t next16() noexcept { return draw<std::uint16_t>(); }
  std::uint32_t next32() noexcept { return draw<std::uint32_t>(); }
  std::uint64_t next64() noexcept { return draw<std::uint64_t>(); }
  /// @}

  /// A number from 0 to n - 1, each as likely as the others (D. Lemire, "Fast random integer generation in an
  /// interval", 2019); 0 for an n of 0. Draws 2 bytes at a time where n is at most 65536.
  std::uint32_t below(std::uint32_t n) noexcept {
    if (n > small_range) return below_large(n);
    const std::uint32_t product = std::uint32_t{next16()} * n;  // at most 0xffff0000
    if (ALLOT_LIKELY((product & 0xffffU) >= n)) return product >> 16;
    return below_small(n, product);
  }

  /// Wipes the key and all output not drawn yet: the next draw asks the system for a key. For a child process.
  void forget() noexcept;

 private:
  static constexpr std::size_t key_bytes = 32;
  static constexpr std::size_t buffer_bytes = 1024;
  static constexpr std::size_t output_bytes = buffer_bytes - key_bytes;
  static constexpr std::uint32_t small_range = 65536;

  enum class source : std::uint32_t { none = 0, system, seed };

  template <class T>
  T draw() noexcept {
    if (!ALLOT_LIKELY(left_ >= sizeof(T))) refill();
    left_ -= static_cast<std::uint32_t>(sizeof(T));
    unsigned char* const at = buffer_ + key_bytes + left_;
    T value;
    std::memcpy(&value, at, sizeof(T));
    std::memset(at, 0, sizeof(T));
    return value;
  }

  void refill() noexcept;
  void stretch_key() noexcept;
  std::uint32_t below_small(std::uint32_t n, std::uint32_t product) noexcept;
  std::uint32_t below_large(std::uint32_t n) noexcept;

  std::uint32_t left_ = 0;  // bytes of output not drawn yet; they are drawn from the last one down
  source source_ = source::none;
  std::uint64_t since_reseed_ = 0;                       // bytes of output made
  alignas(16) unsigned char buffer_[buffer_bytes] = {};  // the key, then the output
};

}  // namespace allot
