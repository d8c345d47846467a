#pragma once

#include <optional>
#include <string>

namespace allot::tool {

/// What the header of an ELF file says.
struct elf_header {
  unsigned bits = 0;  ///< 32 or 64
  unsigned machine = 0;
  bool has_interpreter = false;  ///< a dynamic linker starts it

  bool same_machine(const elf_header& other) const noexcept { return bits == other.bits && machine == other.machine; }
};

/// Nothing for what is none, or is cut off.
std::optional<elf_header> elf_header_of(const std::string& path);

}  // namespace allot::tool
