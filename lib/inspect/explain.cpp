#include <algorithm>
#include <allot/block/block_details.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/misuse.hpp>
#include <allot/inspect/explain.hpp>
#include <allot/os/address_registry.hpp>
#include <allot/os/call_stack.hpp>
#include <cstring>

namespace allot {
namespace {

namespace registry = os::address_registry;
using line = explanation::line;
using holder = explanation::holder;
using place = explanation::place;

constexpr std::string_view allocated_at = "allocated at:";
constexpr std::string_view freed_at = "freed at:";

holder as_holder(const registry::found_range& range) noexcept {
  return {range.name, range.kind, range.begin, range.bytes, range.owner != nullptr};
}

/// Asks the innermost holder, where it may be asked.
void ask(const registry::found_range& innermost, explanation& told) noexcept {
  if (innermost.owner == nullptr) return;
  told.how_much = explanation::detail::another_thread;
  if (!registry::is_used_here(innermost, registry::patience::little)) return;
  told.how_much = explanation::detail::busy;
  const auto look = [&](resource& owner) {
    if (owner.try_look_at(told.address, told.sight)) told.how_much = explanation::detail::told;
  };
  (void)registry::ask(innermost, look, registry::patience::little);
}

void append_count(line& text, std::size_t count) noexcept {
  text.append_decimal(count).append(count == 1 ? " byte" : " bytes");
}

void append_who(line& text, const holder& who) noexcept {
  if (std::string_view(who.name) == who.kind) {
    text.append("a ").append(who.kind).append(" without a name");
  } else {
    text.append("'").append(who.name).append("' (").append(who.kind).append(")");
  }
}

void append_distance(line& text, const place& at) noexcept {
  switch (at.is) {
    case place::where::inside:
      if (at.bytes == 0) {
        text.append("the start of ");
      } else {
        append_count(text, at.bytes);
        text.append(" into ");
      }
      return;
    case place::where::before:
      append_count(text, at.bytes);
      text.append(" before ");
      return;
    case place::where::past:
      append_count(text, at.bytes);
      text.append(" past the end of ");
  }
}

std::string_view adjective(block_state state) noexcept {
  switch (state) {
    case block_state::used:
      return "live ";
    case block_state::free:
      return "free ";
    case block_state::quarantined:
      return "freed ";
    default:
      return {};
  }
}

std::string_view afterthought(const block_sight& sight) noexcept {
  switch (sight.state) {
    case block_state::unknown:
      if (sight.block.begin == nullptr) return {};
      return ", which is live, or free and at hand for a thread";
    case block_state::quarantined:
      return ", which is in quarantine";
    case block_state::guard:
      return ", in a guard that faults";
    case block_state::slack:
      return ", in what is left of its memory";
    case block_state::free:
      if (!sight.all_in_use) return {};
      return sight.used_before ? ", in what was in use until it went back (rewind, pop, clear or a free)"
                               : ", in what has not been in use";
    case block_state::gap:
      return sight.all_in_use ? ", where there is no memory yet" : ", where no block is now";
    case block_state::used:
      break;
  }
  return {};
}

/// What is there, in words that a name can follow.
void append_block(line& text, const explanation& told) noexcept {
  const block_sight& sight = told.sight;
  append_distance(text, told.offset());
  if (sight.all_in_use) {
    text.append("the ");
    append_count(text, sight.block.bytes);
    text.append(" in use");
  } else {
    text.append("a ").append(adjective(sight.block.state)).append_decimal(sight.block.bytes).append("-byte block");
    text.append(sight.block.exact ? "" : " (its size rounded up)");
  }
  text.append(" at ").append_hex(address_of(sight.block.begin)).append(afterthought(sight)).append(", of ");
}

void append_range(line& text, const void* address, const holder& who, std::string_view what) noexcept {
  append_distance(text, {place::where::inside, address_of(address) - address_of(who.begin)});
  text.append(what);
  append_count(text, who.bytes);
  text.append(" at ").append_hex(address_of(who.begin));
}

void append_innermost(line& text, const explanation& told) noexcept {
  const holder& who = told.holders[0];
  const bool has_block = told.how_much == explanation::detail::told && told.sight.block.begin != nullptr;
  if (has_block) {
    append_block(text, told);
  } else {
    append_range(text, told.address, who, "the ");
    if (told.how_much == explanation::detail::told) text.append(afterthought(told.sight));
    text.append(", of ");
  }
  append_who(text, who);
  if (!who.exists) text.append(", which is gone; they are kept inaccessible");
  if (told.how_much == explanation::detail::another_thread) text.append(", which another thread uses");
  if (told.how_much == explanation::detail::busy) text.append(", whose books are in use");
}

bool lies_in(const holder& inner, const holder& outer) noexcept {
  const std::uintptr_t first = address_of(inner.begin);
  const std::uintptr_t outer_first = address_of(outer.begin);
  return first >= outer_first && inner.bytes <= outer.bytes && first - outer_first <= outer.bytes - inner.bytes;
}

void append_last(line& text, const explanation& told) noexcept {
  if (told.last.bytes == 0) return;
  const bool first = told.holder_count == 0;
  if (first) {
    append_range(text, told.address, told.last, "what were the ");
    text.append(", of ");
  } else {
    text.append("; earlier it was memory of ");
  }
  append_who(text, told.last);
  text.append(told.destroyed ? ", which is destroyed" : ", which gave it back");
}

}  // namespace

explanation explain(const void* address) noexcept {
  explanation told;
  told.address = address;
  const registry::findings found = registry::look(address, registry::patience::little);
  static_assert(explanation::most_holders == registry::findings::most);
  for (std::size_t i = 0; i < found.count; ++i) told.holders[i] = as_holder(found.live[i]);
  told.holder_count = found.count;
  told.more_holders = found.outer_left_out;
  told.incomplete = found.busy;
  told.last = as_holder(found.gone);
  told.destroyed = found.destroyed;
  if (found.count != 0) ask(found.live[0], told);
  // What is in use was handed out since, for all that is known.
  if (told.how_much == explanation::detail::told && told.sight.state == block_state::used) told.last = {};
  return told;
}

place explanation::offset() const noexcept {
  const std::uintptr_t at = address_of(address);
  const std::uintptr_t begin = address_of(sight.block.begin);
  if (at < begin) return {place::where::before, begin - at};
  const bool starts_there = at == begin && !sight.all_in_use;  // also where a block has 0 bytes
  if (at - begin < sight.block.bytes || starts_there) return {place::where::inside, at - begin};
  return {place::where::past, at - begin - sight.block.bytes + 1};
}

line explanation::headline() const noexcept {
  line text;
  text.append_hex(address_of(address)).append(": ");
  if (holder_count != 0) append_innermost(text, *this);
  for (std::size_t i = 1; i < holder_count; ++i) {
    text.append(lies_in(holders[0], holders[i]) ? ", whose memory comes from " : ", whose memory overlaps that of ");
    append_who(text, holders[i]);
  }
  if (more_holders) text.append(", and so on");
  append_last(text, *this);
  if (holder_count == 0 && last.bytes == 0)
    text.append(incomplete ? "whose memory it is cannot be told now"
                           : "in no memory that a resource has, or had lately");
  return text;
}

namespace {

block_details whole_text(const explanation& told) noexcept {
  block_details text;
  text.append(told.headline()).append("\n");
  append_stack(text, allocated_at, {told.sight.allocated.frames.data(), told.sight.allocated.count});
  append_stack(text, freed_at, {told.sight.freed.frames.data(), told.sight.freed.count});
  return text;
}

void write_stack(std::string_view title, const block_trace& trace) noexcept {
  if (trace.count == 0) return;
  const os::call_stack stack(trace.frames.data(), trace.count);
  write_diagnostic(fixed_text<31>("  ").append(title));
  for (std::size_t i = 0; i < stack.size(); ++i) write_diagnostic(stack.describe(i));
}

}  // namespace

std::string to_string(const explanation& told) {
  const block_details text = whole_text(told);
  return std::string(text.c_str(), text.size() - 1);
}

std::size_t format_explanation(const explanation& told, char* buffer, std::size_t size) noexcept {
  const block_details text = whole_text(told);
  return std::string_view(text.c_str(), text.size() - 1).copy(buffer, size);
}

void write_explanation(const explanation& told, std::string_view before) noexcept {
  write_diagnostic(line(before).append(told.headline()));
  write_stack(allocated_at, told.sight.allocated);
  write_stack(freed_at, told.sight.freed);
}

}  // namespace allot
