#include "stack_frames.hpp"

#include <charconv>

namespace allot::tool {
namespace {

/// The hexadecimal number behind "0x" at the start of the text, which is taken off. False where there is none.
bool take_hex(std::string_view& text, std::uint64_t& number) {
  if (text.substr(0, 2) != "0x") return false;
  const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), number, 16);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool frame_of(std::string_view line, stack_frame& frame) {
  const std::size_t number = line.find('#');
  const std::size_t address = line.find(" 0x");
  if (number == line.npos || address == line.npos || line.find_first_not_of(' ') != number) return false;
  line.remove_prefix(address + 1);
  if (!take_hex(line, frame.address)) return false;
  const std::size_t open = line.rfind('(');
  const std::size_t plus = line.rfind("+0x");
  if (open == line.npos || plus == line.npos || plus < open || line.back() != ')') return true;
  std::string_view offset = line.substr(plus + 1);
  if (!take_hex(offset, frame.offset) || frame.offset > frame.address) return true;
  frame.file = line.substr(open + 1, plus - open - 1);
  return true;
}

}  // namespace

std::vector<stack_frame> frames_of(std::string_view stack) {
  std::vector<stack_frame> frames;
  while (!stack.empty()) {
    const std::size_t end = stack.find('\n');
    stack_frame frame;
    if (frame_of(stack.substr(0, end), frame)) frames.push_back(std::move(frame));
    stack.remove_prefix(end == stack.npos ? stack.size() : end + 1);
  }
  return frames;
}

}  // namespace allot::tool
