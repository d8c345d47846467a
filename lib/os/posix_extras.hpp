#pragma once

#include <allot/os/memory_limits.hpp>
#include <allot/os/virtual_memory.hpp>
#include <cstddef>

/// What systems of the POSIX family do differently, for posix.cpp alone. linux.cpp has it all; posix_plain.cpp is the
/// honest "no" of a system about which nothing is known. Each returns 0 or an errno value; ENOTSUP where there is no
/// such thing.
namespace allot::os::extras {

/// What mmap needs to refuse a fixed address that is taken; 0 where it has no such flag.
extern const int fixed_no_replace_flag;

/// Advised or explicit large pages, in bytes; 0 where there are none.
std::size_t large_page_size() noexcept;

/// Whether guard_by_advice works here: it was tried and seen to fault.
bool guard_advice_works(std::size_t page_size) noexcept;

int guard_by_advice(void* p, std::size_t bytes) noexcept;
int unguard_by_advice(void* p, std::size_t bytes) noexcept;
int drop_contents(void* p, std::size_t bytes) noexcept;
int populate(void* p, std::size_t bytes) noexcept;
int advise(void* p, std::size_t bytes, advice wish) noexcept;
/// Locks pages, each when it is touched first.
int lock_on_touch(void* p, std::size_t bytes) noexcept;
int map_large_over(void* p, std::size_t bytes, int protection) noexcept;
int move_pages(void* from, std::size_t bytes, void* to) noexcept;
int set_name(void* p, std::size_t bytes, const char* name) noexcept;

/// Random bytes.
int entropy(void* p, std::size_t bytes) noexcept;

/// Whether this process has about as many mappings as it may; tells one kind of ENOMEM from the others.
bool at_map_limit() noexcept;

/// Whether this process has rights that whoever started it does not have, as a setuid program has.
bool has_lent_rights() noexcept;

/// Of this process; 0 where that is not told.
std::size_t resident_bytes() noexcept;

/// Of the C library's malloc, all that is free; nothing where it has no such call.
void trim_heap() noexcept;

/// The path of this process's program, at most so many bytes; how many there are, 0 where that is not told.
std::size_t own_path(char* path, std::size_t bytes) noexcept;

/// Adds what POSIX cannot tell: on entry `limits` has the bounds of the process, with nothing used of them.
void complete(process_limits& limits) noexcept;

}  // namespace allot::os::extras
