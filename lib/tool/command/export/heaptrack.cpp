#include <algorithm>
#include <command/words.hpp>
#include <map>
#include <ostream>
#include <unordered_map>
#include <utility>

#include "formats.hpp"
#include "stack_frames.hpp"

namespace allot::tool {
namespace {

/// What heaptrack_interpret of heaptrack 1.4 writes, format 3: lines that begin with what they are. All numbers are
/// hexadecimal, and what later lines refer to is numbered from 1 on in the order in which it comes; allocations from 0.
class heaptrack_lines final : public live_blocks::listener {
 public:
  heaptrack_lines(std::ostream& out, const recording& trace) : out_(out), trace_(trace) {
    const std::string program = printable(trace.summary().program);
    out_ << std::hex << "v 10400 3\nX " << (program.empty() ? "a program" : program) << "\nI 1000 0\n";
  }
  void end() { out_ << "c " << milliseconds_ << '\n' << std::dec; }

 private:
  using number = std::uint64_t;

  /// Pairs of size and place that are known at a time: the format allows for one to be told again.
  static constexpr std::size_t most_infos = std::size_t{1} << 18;

  void event(const trace_record& what) override {
    const number now = what.nanoseconds / 1000000;
    if (now <= milliseconds_) return;
    milliseconds_ = now;
    out_ << "c " << now << '\n';
  }
  void begins(const live_block& block) override { tell('+', block, block.bytes); }
  void ends(const live_block& block, bool, bool) override { tell('-', block, block.bytes); }
  void resized(const live_block& block, std::uint64_t before) override {
    tell('-', block, before);
    tell('+', block, block.bytes);
  }

  void tell(char what, const live_block& block, std::uint64_t bytes) {
    const number info = info_of(bytes, place_of(block));
    out_ << what << ' ' << info << '\n';
  }

  number info_of(std::uint64_t bytes, number place) {
    const auto [at, added] = infos_.try_emplace({bytes, place}, next_info_);
    const number info = at->second;
    if (!added) return info;
    ++next_info_;
    out_ << "a " << bytes << ' ' << place << '\n';
    if (infos_.size() == most_infos) infos_.clear();
    return info;
  }

  /// The innermost node of a block's call stack; without one, of its resource.
  number place_of(const live_block& block) {
    number& place = (block.stack != 0 ? stacks_ : resources_)[block.stack != 0 ? block.stack : block.resource];
    if (place != 0) return place;
    std::vector<stack_frame> frames = frames_of(trace_.stack(block.stack));
    if (frames.empty()) return place = node_of(instruction_of(0, 0, trace_.resource(block.resource)), 0);
    std::reverse(frames.begin(), frames.end());
    number node = 0;
    for (const stack_frame& frame : frames) node = node_of(instruction_of(frame), node);
    return place = node;
  }

  number node_of(number instruction, number caller) {
    const auto [at, added] = nodes_.try_emplace({instruction, caller}, nodes_.size() + 1);
    if (added) out_ << "t " << instruction << ' ' << caller << '\n';
    return at->second;
  }

  number instruction_of(const stack_frame& frame) {
    if (frame.file.empty()) return instruction_of(frame.address, 0, hex_text(frame.address));
    const std::string name = frame.file.substr(frame.file.rfind('/') + 1);
    return instruction_of(frame.address, text_of(frame.file), name + "+" + hex_text(frame.offset));
  }

  number instruction_of(std::uint64_t address, number file, const std::string& name) {
    const auto [at, added] = instructions_.try_emplace({address, name}, instructions_.size() + 1);
    if (!added) return at->second;
    const number function = text_of(name);
    out_ << "i " << address << ' ' << file << ' ' << function << " 0 0\n";
    return at->second;
  }

  number text_of(const std::string& text) {
    const auto [at, added] = texts_.try_emplace(text, texts_.size() + 1);
    if (added) out_ << "s " << text.size() << ' ' << text << '\n';
    return at->second;
  }

  std::ostream& out_;
  const recording& trace_;
  number milliseconds_ = 0;
  number next_info_ = 0;
  std::map<std::pair<std::uint64_t, number>, number> infos_;
  std::unordered_map<std::uint32_t, number> stacks_;
  std::unordered_map<std::uint32_t, number> resources_;
  std::map<std::pair<number, number>, number> nodes_;
  std::map<std::pair<std::uint64_t, std::string>, number> instructions_;
  std::unordered_map<std::string, number> texts_;
};

}  // namespace

void export_heaptrack(std::ostream& out, recording& trace) {
  heaptrack_lines lines(out, trace);
  live_blocks live;
  trace.rewind();
  for (trace_record event; trace.next(event);) live.take(event, lines);
  lines.end();
}

}  // namespace allot::tool
