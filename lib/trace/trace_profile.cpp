#include <algorithm>
#include <allot/trace/trace_profile.hpp>
#include <cstddef>
#include <limits>
#include <unordered_map>
#include <vector>

namespace allot {
namespace {

using action = replay_program::action;
using operation = replay_program::operation;

constexpr std::uint64_t most_bytes = std::numeric_limits<std::uint64_t>::max();

/// The live blocks of a resource by age: a list through an array of all blocks.
class ages {
 public:
  explicit ages(std::size_t blocks, std::size_t resources) : links_(blocks), ends_(resources) {}

  void add(const operation& block) {
    link& added = links_[block.block];
    ends& of = ends_[block.resource];
    added.older = of.newest;
    (of.newest != none ? links_[of.newest].younger : of.oldest) = block.block;
    of.newest = block.block;
  }

  void remove(const operation& block) {
    const link gone = links_[block.block];
    ends& of = ends_[block.resource];
    (gone.older != none ? links_[gone.older].younger : of.oldest) = gone.younger;
    (gone.younger != none ? links_[gone.younger].older : of.newest) = gone.older;
  }

  bool is_newest(const operation& block) const { return ends_[block.resource].newest == block.block; }
  bool is_oldest(const operation& block) const { return ends_[block.resource].oldest == block.block; }

 private:
  static constexpr std::uint32_t none = 0xffffffff;
  struct link {
    std::uint32_t older = none;
    std::uint32_t younger = none;
  };
  struct ends {
    std::uint32_t oldest = none;
    std::uint32_t newest = none;
  };

  std::vector<link> links_;
  std::vector<ends> ends_;
};

void find_commonest(trace_profile& profile, const std::unordered_map<std::uint64_t, std::uint64_t>& counts) {
  std::vector<trace_profile::size> all;
  all.reserve(counts.size());
  for (const auto& [bytes, blocks] : counts) all.push_back({bytes, blocks});
  const auto most = std::min(all.size(), profile.commonest.size());
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(most);
  std::partial_sort(all.begin(), end, all.end(), [](const trace_profile::size& a, const trace_profile::size& b) {
    return a.blocks != b.blocks ? a.blocks > b.blocks : a.bytes < b.bytes;
  });
  std::copy(all.begin(), end, profile.commonest.begin());
  profile.sizes = all.size();
}

/// Of numbers that may be as large as numbers are.
std::string percent(std::uint64_t part, std::uint64_t whole) {
  for (; part > most_bytes / 128; part /= 2) whole /= 2;
  return std::to_string(part * 100 / whole) + " %";
}

/// "24, 48 and 64 bytes"
std::string sizes_as_text(const trace_profile& profile, std::size_t count) {
  std::vector<std::uint64_t> sizes;
  for (std::size_t i = 0; i < count; ++i) sizes.push_back(profile.commonest[i].bytes);
  std::sort(sizes.begin(), sizes.end());
  std::string text;
  for (std::size_t i = 0; i < count; ++i)
    text += (i == 0 ? "" : i + 1 == count ? " and " : ", ") + std::to_string(sizes[i]);
  return text + " bytes";
}

}  // namespace

trace_profile profile_of(const replay_program& program) {
  trace_profile profile;
  profile.threads = program.threads();
  profile.peak_live = program.peak_live();
  std::unordered_map<std::uint64_t, std::uint64_t> counts;
  std::vector<std::uint32_t> allocated_by(program.blocks());
  ages live(program.blocks(), program.resources().size());
  std::uint64_t frees_of_release = 0;  // that are still to come
  for (const operation& each : program.operations()) {
    switch (each.what) {
      case action::allocate:
        ++profile.blocks;
        profile.bytes += std::min(each.bytes, most_bytes - profile.bytes);
        profile.largest = std::max(profile.largest, each.bytes);
        if (std::size_t{1} << each.alignment_log2 > alignof(std::max_align_t)) ++profile.aligned;
        ++counts[each.bytes];
        allocated_by[each.block] = each.thread;
        live.add(each);
        break;
      case action::deallocate:
        if (frees_of_release != 0) {
          --frees_of_release;
          ++profile.released;
        } else {
          ++profile.freed;
          if (live.is_newest(each)) ++profile.freed_newest;
          if (live.is_oldest(each)) ++profile.freed_oldest;
          if (allocated_by[each.block] != each.thread) ++profile.freed_by_another;
        }
        live.remove(each);
        break;
      case action::expand:
        ++profile.resized;
        break;
      case action::release:
        frees_of_release = each.bytes;
        break;
      case action::trim:
        break;
    }
  }
  profile.released += program.frees_at_end().size();
  find_commonest(profile, counts);
  return profile;
}

std::vector<std::string> traits_of(const trace_profile& profile) {
  std::vector<std::string> traits;
  if (profile.blocks == 0) return {"no block was allocated"};
  std::uint64_t common = 0;
  for (std::size_t i = 0; i < profile.commonest.size() && profile.commonest[i].blocks != 0; ++i) {
    common += profile.commonest[i].blocks;
    if (common * 10 < profile.blocks * 9) continue;
    traits.push_back(percent(common, profile.blocks) + " of the blocks have " +
                     (i == 0 ? "one size: " : "one of " + std::to_string(i + 1) + " sizes: ") +
                     sizes_as_text(profile, i + 1));
    break;
  }
  if (traits.empty()) traits.push_back("there are " + std::to_string(profile.sizes) + " different sizes");
  if (profile.released * 10 >= profile.blocks * 9)
    traits.push_back(percent(profile.released, profile.blocks) + " of the blocks are never freed one by one");
  if (profile.freed != 0 && profile.freed_newest * 10 >= profile.freed * 9)
    traits.push_back(percent(profile.freed_newest, profile.freed) + " of the frees are of the newest block");
  else if (profile.freed != 0 && profile.freed_oldest * 10 >= profile.freed * 9)
    traits.push_back(percent(profile.freed_oldest, profile.freed) + " of the frees are of the oldest block");
  if (profile.threads > 1) {
    std::string text = std::to_string(profile.threads) + " threads use it";
    if (profile.freed != 0)
      text +=
          ", and " + percent(profile.freed_by_another, profile.freed) + " of the frees are of another thread's block";
    traits.push_back(text);
  }
  if (profile.resized * 10 >= profile.blocks)
    traits.push_back("blocks are resized " + std::to_string(profile.resized) + " times in place");
  if (profile.aligned * 10 >= profile.blocks)
    traits.push_back(percent(profile.aligned, profile.blocks) + " of the blocks have large alignments");
  if (profile.bytes != 0 && profile.peak_live < profile.bytes / 10)
    traits.push_back("at most " + percent(profile.peak_live, profile.bytes) + " of the bytes live at a time");
  return traits;
}

}  // namespace allot
