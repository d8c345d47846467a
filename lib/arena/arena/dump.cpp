#include <allot/arena/arena.hpp>
#include <allot/core/fixed_text.hpp>
#include <allot/core/memory_tools.hpp>
#include <ostream>

namespace allot {
namespace {

constexpr std::size_t bytes_per_line = 16;

/// "  000001f0  61 62 -- ..  |ab-.|": the offset in the region, the bytes, and the bytes as text.
fixed_text<127> dump_line(const std::byte* region, std::size_t offset, std::size_t bytes) noexcept {
  constexpr std::string_view digits = "0123456789abcdef";
  fixed_text<127> line("  ");
  for (unsigned shift = 32; shift != 0;) {
    shift -= 4;
    line.append(digits.substr((offset >> shift) & 15, 1));
  }
  line.append(" ");
  fixed_text<bytes_per_line> text;
  for (std::size_t i = 0; i < bytes_per_line; ++i) {
    line.append(" ");
    if (i >= bytes) {
      line.append("  ");
      continue;
    }
    const std::byte* const p = region + offset + i;
    if (!memory_tools::accessible(p)) {
      line.append("--");
      text.append("-");
      continue;
    }
    const auto value = std::to_integer<unsigned>(*p);
    line.append(digits.substr(value >> 4, 1)).append(digits.substr(value & 15, 1));
    const char c = static_cast<char>(value);
    text.append(value >= 0x20 && value < 0x7f ? std::string_view(&c, 1) : ".");
  }
  return line.append("  |").append(text).append("|\n");
}

/// Past the stream's formatting: a width the caller has set neither shapes the dump nor is used up.
void write(std::ostream& out, std::string_view text) {
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
}

}  // namespace

void arena::dump(std::ostream& out) const {
  fixed_text<191> head(kind());
  if (name() != kind()) head.append(" '").append(name()).append("'");
  head.append(": ").append_decimal(position()).append(" bytes in use, ").append_decimal(available());
  write(out, head.append(" available\n"));
  for_each_block([&out](const block_info& region) {
    if (region.bytes == 0 || region.state != block_state::used) return;
    fixed_text<95> where("at ");
    where.append_hex(address_of(region.begin)).append(", ").append_decimal(region.bytes).append(" bytes:\n");
    write(out, where);
    for (std::size_t offset = 0; offset < region.bytes; offset += bytes_per_line)
      write(out, dump_line(static_cast<const std::byte*>(region.begin), offset,
                           std::min(bytes_per_line, region.bytes - offset)));
  });
}

}  // namespace allot
