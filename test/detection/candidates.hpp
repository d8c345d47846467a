#pragma once

#include <allot/secure/secure_options.hpp>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace allot::detection {

/// An allocator that is attacked, each time in a process of its own.
struct candidate {
  std::string name;                   ///< as the table has it
  std::optional<secure_level> level;  ///< of ours; none: what operator new and delete call in that process
  std::string preload = {};           ///< a library to be loaded before the C library
};

/// Our four levels, and the C library's malloc.
std::vector<candidate> own_candidates();

/// A new instance. With `synchronized`, one that several threads may use.
std::unique_ptr<std::pmr::memory_resource> make_heap(std::optional<secure_level> level, bool synchronized = false);

/// Bytes at p that the allocator has given, which may be more than were asked for; `asked` where it does not tell.
std::size_t usable_bytes(const candidate& of, void* p, std::size_t asked);

/// The file that this process's malloc comes from.
std::string file_of_malloc();

}  // namespace allot::detection
