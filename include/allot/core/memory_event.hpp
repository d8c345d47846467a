#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/fixed_text.hpp>
#include <cstddef>
#include <initializer_list>
#include <string_view>

namespace allot {

/// What happened.
enum class memory_event_kind {
  allocate,    ///< a block was handed out
  deallocate,  ///< a block is about to be freed
  expand,      ///< a block grew or shrank in place
  refuse,      ///< a request was refused: `address` is null
  release,     ///< all blocks are about to be given up
  trim,        ///< memory held but not used was given back: `bytes` of it
  grow,        ///< memory was got from the upstream or the system: `bytes` of it
  push,        ///< an arena handed memory out by position, or moved on to an aligned address (0 bytes)
  pop,         ///< an arena took back the last `bytes`, which began at `address`
  mark,        ///< an arena's position was remembered, by a mark or by a scope
  rewind,      ///< an arena went back to a mark or the start of a scope: `bytes` from `address` on are given up
  clear,       ///< an arena went back to position 0: `bytes` from `address` on are given up
};

/// The name of a kind, such as "allocate".
ALLOT_EXPORT std::string_view name_of(memory_event_kind kind) noexcept;

/// A set of kinds.
class memory_event_kinds {
 public:
  constexpr memory_event_kinds() noexcept = default;
  /// Of these kinds.
  constexpr memory_event_kinds(std::initializer_list<memory_event_kind> kinds) noexcept {
    for (const memory_event_kind kind : kinds) bits_ |= bit(kind);
  }
  static constexpr memory_event_kinds all() noexcept { return memory_event_kinds(~0U); }  ///< later ones included

  constexpr bool contains(memory_event_kind kind) const noexcept { return (bits_ & bit(kind)) != 0; }
  constexpr bool empty() const noexcept { return bits_ == 0; }
  friend constexpr memory_event_kinds operator|(memory_event_kinds a, memory_event_kinds b) noexcept {
    return memory_event_kinds(a.bits_ | b.bits_);
  }
  friend constexpr memory_event_kinds operator&(memory_event_kinds a, memory_event_kinds b) noexcept {
    return memory_event_kinds(a.bits_ & b.bits_);
  }

 private:
  constexpr explicit memory_event_kinds(unsigned bits) noexcept : bits_(bits) {}
  static constexpr unsigned bit(memory_event_kind kind) noexcept { return 1U << static_cast<unsigned>(kind); }

  unsigned bits_ = 0;
};

/// Something that happened at a resource. Sizes are in bytes.
struct memory_event {
  memory_event_kind kind{};        ///< what happened
  const void* address = nullptr;   ///< of the block
  std::size_t bytes = 0;           ///< of the block; of expand, before
  std::size_t alignment = 0;       ///< 0 where there is none
  std::size_t new_bytes = 0;       ///< of expand, after
  std::string_view resource = {};  ///< name of the resource; lives as long as the call
  bool at_position = false;        ///< told by an arena itself, which has a position
  std::size_t position = 0;        ///< of that arena when it tells: of deallocate and release before, of others after
};

/// An event in one line without a line end: "entities allocate 0x7f21c8e00010 24 bytes aligned to 8".
ALLOT_EXPORT fixed_text<191> text_of(const memory_event& event) noexcept;

}  // namespace allot
