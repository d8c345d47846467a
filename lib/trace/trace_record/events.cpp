#include "events.hpp"

#include <allot/core/bits.hpp>

namespace allot::trace_file {
namespace {

// The first byte: the kind, and which of the rarer parts follow.
constexpr unsigned char kind_bits = 0x0f;
constexpr unsigned char other_resource = 0x10;
constexpr unsigned char other_tag = 0x20;
constexpr unsigned char other_alignment = 0x40;
constexpr unsigned char has_stack = 0x80;

// Numbers of kinds in files, which stay what they are.
constexpr memory_event_kind kinds[] = {
    memory_event_kind::allocate, memory_event_kind::deallocate, memory_event_kind::expand, memory_event_kind::refuse,
    memory_event_kind::release,  memory_event_kind::trim,       memory_event_kind::grow,   memory_event_kind::push,
    memory_event_kind::pop,      memory_event_kind::mark,       memory_event_kind::rewind, memory_event_kind::clear,
};
constexpr std::size_t kind_count = sizeof(kinds) / sizeof(kinds[0]);

unsigned char number_of(memory_event_kind kind) noexcept {
  for (std::size_t i = 0; i < kind_count; ++i)
    if (kinds[i] == kind) return static_cast<unsigned char>(i);
  return kind_bits;
}

constexpr memory_event_kinds with_position{memory_event_kind::push, memory_event_kind::pop, memory_event_kind::mark,
                                           memory_event_kind::rewind, memory_event_kind::clear};

}  // namespace

//   first byte | order - before - 1 | time | [resource] | [tag] | [alignment: 0, or 1 + log2] | address | bytes |
//   [new bytes, of expand] | [position, of an arena's own events] | [stack]
unsigned char* put_event(unsigned char* at, event_context& before, const trace_record& event) noexcept {
  unsigned char& first = *at++;
  first = number_of(event.kind);
  at = put_number(at, event.order - before.order - 1);
  at = put_number(at, zigzag(event.nanoseconds - before.nanoseconds));
  if (event.resource != before.resource) {
    first |= other_resource;
    at = put_number(at, event.resource);
  }
  if (event.tag != before.tag) {
    first |= other_tag;
    at = put_number(at, event.tag);
  }
  if (event.alignment != before.alignment) {
    first |= other_alignment;
    *at++ = event.alignment == 0 ? 0 : static_cast<unsigned char>(1 + lowest_bit(event.alignment));
  }
  at = put_number(at, zigzag(event.address - before.address));
  at = put_number(at, event.bytes);
  if (event.kind == memory_event_kind::expand) at = put_number(at, event.new_bytes);
  if (with_position.contains(event.kind)) at = put_number(at, event.position);
  if (event.stack != 0) {
    first |= has_stack;
    at = put_number(at, event.stack);
  }
  before = {event.order, event.nanoseconds, event.address, event.alignment, event.resource, event.tag};
  return at;
}

bool get_event(byte_source& from, event_context& before, trace_record& event) noexcept {
  const unsigned char first = from.byte();
  if ((first & kind_bits) >= kind_count) return false;
  event.kind = kinds[first & kind_bits];
  event.order = before.order + 1 + from.number();
  event.nanoseconds = before.nanoseconds + unzigzag(from.number());
  event.resource = (first & other_resource) != 0 ? static_cast<std::uint32_t>(from.number()) : before.resource;
  event.tag = (first & other_tag) != 0 ? static_cast<std::uint32_t>(from.number()) : before.tag;
  event.alignment = before.alignment;
  if ((first & other_alignment) != 0) {
    const unsigned char log2 = from.byte();
    if (log2 > 64) return false;
    event.alignment = log2 == 0 ? 0 : std::uint64_t{1} << (log2 - 1);
  }
  event.address = before.address + unzigzag(from.number());
  event.bytes = from.number();
  event.new_bytes = event.kind == memory_event_kind::expand ? from.number() : 0;
  event.position = with_position.contains(event.kind) ? from.number() : 0;
  event.stack = (first & has_stack) != 0 ? static_cast<std::uint32_t>(from.number()) : 0;
  const bool in_order = event.order > before.order;  // and did not wrap
  before = {event.order, event.nanoseconds, event.address, event.alignment, event.resource, event.tag};
  return in_order && !from.failed();
}

}  // namespace allot::trace_file
