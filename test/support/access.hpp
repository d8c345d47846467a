#pragma once

#include <cstddef>

namespace allot::test {

/// Whether the system lets this process read the byte at p: asks the kernel, so nothing faults and no tool complains.
bool readable(const void* p);

/// The same for writing; the byte keeps its value.
bool writable(void* p);

/// More bytes than a process of 64 bits has addresses for; with 32 bits it may have them.
inline constexpr std::size_t beyond_addresses = std::size_t{1} << (sizeof(std::size_t) > 4 ? 60 : 31);

/// The page size, asked of the system itself.
std::size_t system_page_size();

/// Bytes of address space this process has.
std::size_t address_space();

/// Bytes of memory this process really has (its resident set).
std::size_t resident();

/// How many mappings this process has.
std::size_t map_count();

/// The flags line ("VmFlags:") of the mapping p lies in, or "" where the system does not tell.
const char* map_flags(const void* p);

/// Bytes of memory the system has promised to all processes (Committed_AS); 0 where it does not tell.
std::size_t committed_by_system();

}  // namespace allot::test
