// System V Application Binary Interface, chapters 4 (object files) and 5 (program loading).

#include "elf_header.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>

namespace allot::tool {
namespace {

/// Where the fields of a class of files are.
struct layout {
  std::size_t table_offset;
  std::size_t offset_bytes;
  std::size_t entry_size;
  std::size_t entries;
};
constexpr layout of_32_bits{28, 4, 42, 44};
constexpr layout of_64_bits{32, 8, 54, 56};

constexpr std::uint64_t interpreter_entry = 3;  // PT_INTERP

class elf_file {
 public:
  explicit elf_file(const std::string& path) : in_(path, std::ios::binary) {}

  /// A number of that many bytes at a place of the file; 0 where the file ends before, as in no header of interest.
  std::uint64_t number(std::uint64_t at, std::size_t bytes) {
    std::array<unsigned char, 8> raw{};
    in_.clear();
    in_.seekg(static_cast<std::streamoff>(at));
    in_.read(reinterpret_cast<char*>(raw.data()), static_cast<std::streamsize>(bytes));
    if (!in_) return 0;
    if (little_endian_) std::reverse(raw.begin(), raw.begin() + static_cast<std::ptrdiff_t>(bytes));
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | raw[i];
    return value;
  }

  void little_endian() noexcept { little_endian_ = true; }

 private:
  std::ifstream in_;
  bool little_endian_ = false;
};

}  // namespace

std::optional<elf_header> elf_header_of(const std::string& path) {
  elf_file file(path);
  if (file.number(0, 4) != 0x7f454c46) return {};  // 0x7f ELF
  const std::uint64_t width = file.number(4, 1);
  const std::uint64_t order = file.number(5, 1);
  if ((width != 1 && width != 2) || (order != 1 && order != 2)) return {};
  if (order == 1) file.little_endian();
  const layout& fields = width == 1 ? of_32_bits : of_64_bits;
  elf_header header;
  header.bits = width == 1 ? 32 : 64;
  header.machine = static_cast<unsigned>(file.number(18, 2));
  const std::uint64_t table = file.number(fields.table_offset, fields.offset_bytes);
  const std::uint64_t size = file.number(fields.entry_size, 2);
  const std::uint64_t count = file.number(fields.entries, 2);
  if (header.machine == 0 || table == 0 || count == 0) return {};
  for (std::uint64_t i = 0; i < count && !header.has_interpreter; ++i)
    header.has_interpreter = file.number(table + i * size, 4) == interpreter_entry;
  return header;
}

}  // namespace allot::tool
