#include <algorithm>
#include <command/words.hpp>
#include <limits>
#include <map>
#include <ostream>
#include <utility>

#include "formats.hpp"
#include "stack_frames.hpp"

namespace allot::tool {
namespace {

struct stack_use {
  std::uint64_t live_blocks = 0;
  std::uint64_t live = 0;
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
};

class stack_uses final : public live_blocks::listener {
 public:
  std::map<std::uint32_t, stack_use> all;

 private:
  void begins(const live_block& block) override {
    stack_use& use = all[block.stack];
    ++use.blocks;
    ++use.live_blocks;
    use.bytes += block.bytes;
    use.live += block.bytes;
  }
  void resized(const live_block& block, std::uint64_t before) override {
    all[block.stack].live += block.bytes - before;
  }
  void ends(const live_block& block, bool, bool) override {
    stack_use& use = all[block.stack];
    --use.live_blocks;
    use.live -= block.bytes;
  }
};

/// pprof's numbers are signed.
std::uint64_t signed_at_most(std::uint64_t number) {
  return std::min<std::uint64_t>(number, std::numeric_limits<std::int64_t>::max());
}

void write_use(std::ostream& out, const stack_use& use) {
  out << signed_at_most(use.live_blocks) << ": " << signed_at_most(use.live) << " [" << signed_at_most(use.blocks)
      << ": " << signed_at_most(use.bytes) << "] @";
}

/// Where a file was loaded, and up to where it was seen.
using mapping = std::pair<std::uint64_t, std::string>;
using mappings = std::map<mapping, std::uint64_t>;

/// Programs that cannot be moved are not loaded at 0, though addresses in them are told from there; linkers put them
/// here.
std::uint64_t start_of(const stack_frame& frame) {
  constexpr std::uint64_t unmoved = 0x400000;
  return frame.offset == frame.address && frame.address >= unmoved ? unmoved : frame.address - frame.offset;
}

void write_mappings(std::ostream& out, const mappings& files) {
  constexpr std::uint64_t page = 4096;
  out << "\nMAPPED_LIBRARIES:\n";
  for (const auto& [file, last] : files) {
    const std::uint64_t end = last > ~std::uint64_t{0} - page ? last : (last / page + 1) * page;
    out << std::hex << file.first << '-' << end << std::dec << " r-xp 00000000 00:00 0 " << file.second << '\n';
  }
}

}  // namespace

void export_pprof(std::ostream& out, recording& trace, moment when) {
  stack_uses uses;
  heap_at end;
  follow_to(when, trace, extent_of(trace), end, uses);
  stack_use sum;
  for (const auto& [stack, use] : uses.all) {
    sum.live_blocks += use.live_blocks;
    sum.live += use.live;
    sum.blocks += use.blocks;
    sum.bytes += use.bytes;
  }
  out << "heap profile: ";
  write_use(out, sum);
  out << " heapprofile\n";
  mappings files;
  for (const auto& [stack, use] : uses.all) {
    write_use(out, use);
    bool innermost = true;
    for (const stack_frame& frame : frames_of(trace.stack(stack))) {
      // Readers take all but the innermost for return addresses, and look at the byte before.
      const std::uint64_t address = frame.address + (innermost || frame.address == ~std::uint64_t{0} ? 0 : 1);
      innermost = false;
      out << ' ' << hex_text(address);
      if (frame.file.empty()) continue;
      std::uint64_t& last = files[{start_of(frame), frame.file}];
      last = std::max(last, address);
    }
    if (innermost) out << " 0x0";
    out << '\n';
  }
  write_mappings(out, files);
}

}  // namespace allot::tool
