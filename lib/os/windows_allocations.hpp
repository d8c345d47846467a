#pragma once

#include <cstddef>

/// Windows has address space in granules of 64 KiB and ends an allocation only as a whole; the contracts of
/// virtual_memory.hpp know pages, and parts. So there are books of every allocation: which of its bytes are not
/// released yet, and where what was asked for of it ends. Pages behind that are reserved and nobody's: a mapping that
/// is to be right there gets them.
namespace allot::os::windows {

/// Whether there is room to put down one more, of which [begin, begin + bytes) is handed out. Thread-safe, as all of
/// this.
bool note_allocation(void* base, std::size_t reserved, void* begin, std::size_t bytes) noexcept;

/// Hands out up to so many bytes from p on, if p is where what is handed out of an allocation ends; how many.
std::size_t claim_behind(void* base, void* p, std::size_t bytes) noexcept;

/// Forgets the allocation if so many bytes are all that is handed out of it; whether they are.
bool note_end(void* base, std::size_t bytes) noexcept;

/// Takes back what was handed out; how many bytes are left. The allocation is forgotten with its last byte.
std::size_t note_release(void* base, void* begin, std::size_t bytes) noexcept;

}  // namespace allot::os::windows
