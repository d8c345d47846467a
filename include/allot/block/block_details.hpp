#pragma once

#include <algorithm>
#include <allot/core/block_sight.hpp>
#include <allot/core/fixed_text.hpp>
#include <allot/os/call_stack.hpp>
#include <cstddef>
#include <string_view>

namespace allot {

/// The most bytes that one stack takes in a report.
inline constexpr std::size_t most_of_a_stack = 2700;

/// Further lines of a report about a block, each ending in a line end: room for three stacks.
using block_details = fixed_text<3 * most_of_a_stack>;

/// Appends a title and the frames of a stack, a line each; nothing for an empty stack. Lines that do not fit whole are
/// left out. Not for signal handlers.
template <std::size_t Capacity>
void append_stack(fixed_text<Capacity>& text, std::string_view title, const os::call_stack& stack) noexcept {
  if (stack.size() == 0) return;
  const std::size_t limit = (std::min)(text.size() + most_of_a_stack, Capacity);
  text.append("  ").append(title).append("\n");
  for (std::size_t i = 0; i < stack.size(); ++i) {
    const os::call_stack::line line = stack.describe_with_name(i);
    if (text.size() + line.size() + 1 > limit) return;
    text.append(line).append("\n");
  }
}

/// For resource::try_look_at().
inline void put_down(const os::call_stack& stack, block_trace& trace) noexcept {
  trace.count = (std::min)(stack.size(), trace.frames.size());
  for (std::size_t i = 0; i < trace.count; ++i) trace.frames[i] = stack[i];
}

}  // namespace allot
