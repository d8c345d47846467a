#pragma once

#include <allot/core/block_sight.hpp>
#include <allot/core/compiler.hpp>
#include <allot/core/fixed_text.hpp>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace allot {

/// What is known of an address: whose memory it is in, which block is there, and what state that is in. Plain data,
/// which holds copies and may outlive all it speaks of.
struct ALLOT_EXPORT explanation {
  /// A resource that has, or had, a range around the address.
  struct holder {
    fixed_text<31> name = {};     ///< its kind when it has none
    std::string_view kind = {};   ///< the class's own name
    const void* begin = nullptr;  ///< of the range
    std::size_t bytes = 0;        ///< of it
    bool exists = true;           ///< false: it is gone, and the addresses are kept inaccessible
  };

  /// How much the innermost holder told of its blocks.
  enum class detail {
    told,
    another_thread,  ///< nothing: another thread uses it, and it is not thread-safe
    busy,            ///< nothing: it was locked
    none,            ///< there is no such resource any more, or never was
  };

  static constexpr std::size_t most_holders = 4;  ///< told of

  const void* address = nullptr;  ///< that was asked about
  /// The innermost first; each is in memory of the next, unless the program gave two the same memory.
  std::array<holder, most_holders> holders = {};
  std::size_t holder_count = 0;    ///< of these; 0: none was found
  bool more_holders = false;       ///< further out, of whom is not told
  bool incomplete = false;         ///< a part of the registry was locked, so there may be other holders
  detail how_much = detail::none;  ///< `sight` means something only if told
  block_sight sight = {};          ///< what the innermost told
  holder last = {};                ///< had the address before, and it is not known to be in use since; bytes 0: none
  bool destroyed = false;          ///< `last` was; otherwise it gave the memory back

  /// How far the address is from the block of `sight`: bytes into it, before its start, or past its end, where 1 is the
  /// first byte that is no longer in it.
  struct place {
    /// Of the block.
    enum class where { inside, before, past } is = where::inside;  ///< on which side
    std::size_t bytes = 0;                                         ///< how far
  };
  /// Means nothing where no block is known: `sight.block.begin` is null.
  place offset() const noexcept;

  using line = fixed_text<1023>;  ///< cut off where it is longer
  /// The whole in one line, without stacks: "3 bytes past the end of a live 41-byte block at 0x7f..., ...".
  line headline() const noexcept;
};

/// What an address is. Reads no memory at the address, allocates nothing, and never waits long, so it may be called in
/// a handler of signals, too: what is locked just then is left out, and `incomplete` or `how_much` say so.
///
/// Thread-safe. Blocks of a resource that is not thread-safe are told only to the thread that last had it take memory
/// (a chunk, a reservation, more of one), which is taken to be the one that uses it.
ALLOT_EXPORT explanation explain(const void* address) noexcept;

/// The headline, and the stacks where there are any, lines separated by line ends. The second writes to `buffer`, cuts
/// off what does not fit, and returns the length. Not for signal handlers, since names of functions are looked up.
ALLOT_EXPORT std::string to_string(const explanation& told);
/// @copydoc to_string(const explanation&)
ALLOT_EXPORT std::size_t format_explanation(const explanation& told, char* buffer, std::size_t size) noexcept;

/// The same to standard error, behind the text of `before`, with no names of functions: safe in a signal handler.
ALLOT_EXPORT void write_explanation(const explanation& told, std::string_view before) noexcept;

}  // namespace allot
