#include "finding.hpp"

#include <allot/core/checked_size.hpp>
#include <cstdint>

namespace allot {
namespace {

using debug_fences::damage;
using entry = block_table::entry;
using line = fixed_text<255>;

void append_count(line& text, std::size_t count, std::string_view one, std::string_view many) noexcept {
  text.append_decimal(count).append(count == 1 ? one : many);
}

/// The first byte past the end, and the one before the start, are 1 away.
void append_place(line& text, const entry& block, const void* at) noexcept {
  const std::uintptr_t start = address_of(block.address);
  const std::uintptr_t place = address_of(at);
  if (place < start) {
    append_count(text, start - place, " byte before the start", " bytes before the start");
  } else if (place - start < block.requested) {
    text.append("byte ").append_decimal(place - start);
  } else {
    append_count(text, place - start - block.requested + 1, " byte past the end", " bytes past the end");
  }
}

void append_hex_digits(line& text, unsigned char byte) noexcept {
  constexpr std::string_view digits = "0123456789abcdef";
  text.append(" ").append(digits.substr(byte / 16, 1)).append(digits.substr(byte % 16, 1));
}

}  // namespace

debug_resource::finding& debug_resource::finding::of(const entry& block, const void* at) noexcept {
  lines_.append("  ");
  if (at != block.address) {
    append_place(lines_, block, at);
    lines_.append(" of ");
  }
  lines_.append("block no. ").append_decimal(static_cast<std::size_t>(block.stamp)).append(": ");
  append_count(lines_, block.requested, " byte", " bytes");
  lines_.append(" at ").append_hex(address_of(block.address));
  lines_.append(", aligned to ").append_decimal(block.alignment).append(block.freed ? ", freed\n" : "\n");
  if (block.stacks != nullptr) block_stacks_.allocated = block.stacks->allocated;
  if (block.stacks != nullptr && block.freed) block_stacks_.freed = block.stacks->freed;
  return *this;
}

debug_resource::finding& debug_resource::finding::owned_by(std::string_view owner) noexcept {
  owner_.append(owner);
  return *this;
}

debug_resource::finding debug_resource::finding::damaged(std::string_view resource, const entry& block,
                                                         const damage& found) noexcept {
  misuse_kind kind = found.where == damage::part::behind ? misuse_kind::overrun : misuse_kind::underrun;
  if (block.freed) kind = misuse_kind::write_after_free;
  finding made({kind, resource, block.address, block.requested});
  made.of(block);
  line& text = made.lines_;
  text.append("  changed: ");
  append_count(text, found.changed, " byte", " bytes");
  text.append(", the first ");
  append_place(text, block, found.first);
  text.append(":");
  for (std::size_t i = 0; i < found.known; ++i) append_hex_digits(text, found.now[i]);
  text.append("\n");
  return made;
}

ALLOT_NEVER_INLINE void debug_resource::finding::tell(const os::call_stack& caller) const {
  block_details details;
  details.append(lines_);
  append_stack(details, "now at:", caller);
  append_stack(details, "allocated at:", block_stacks_.allocated);
  append_stack(details, "freed at:", block_stacks_.freed);
  misuse_report whole = report_;
  whole.owner = owner_;
  whole.details = details;
  report_misuse(whole);
}

}  // namespace allot
