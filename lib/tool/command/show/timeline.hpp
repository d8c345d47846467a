#pragma once

#include <allot/trace/live_blocks.hpp>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace allot::tool {

/// Live bytes over time, of all resources together and of each of the first ones, in as many stretches of equal length
/// as fit: when time goes on these become twice as long.
class timeline final : public live_blocks::listener {
 public:
  static constexpr std::size_t most_stretches = 1024;
  static constexpr std::size_t most_resources = 64;

  std::uint64_t stretch() const noexcept { return std::uint64_t{1} << shift_; }  ///< nanoseconds
  std::size_t stretches() const noexcept { return stretches_; }

  /// The most bytes that lived at a time in each of `count` parts of the whole, or of as many stretches as there are.
  std::vector<std::uint64_t> most_live(std::size_t count) const { return most_live(all_, count); }
  /// The same of a resource; empty where that is none of the first.
  std::vector<std::uint64_t> most_live(std::uint32_t resource, std::size_t count) const;

 private:
  struct stretch_use {
    std::uint64_t most = 0;
    std::uint64_t last = 0;
    bool changed = false;  // otherwise all is as it was at the end of the stretch before
  };
  struct series {
    std::uint64_t live = 0;
    std::vector<stretch_use> uses;
  };

  void event(const trace_record& what) override;
  void begins(const live_block& block) override { change(block.resource, block.bytes); }
  void resized(const live_block& block, std::uint64_t before) override { change(block.resource, block.bytes - before); }
  void ends(const live_block& block, bool, bool) override { change(block.resource, 0 - block.bytes); }

  void change(std::uint32_t resource, std::uint64_t more);
  void change(series& of, std::uint64_t more) const;
  void halve();
  std::vector<std::uint64_t> most_live(const series& of, std::size_t count) const;

  unsigned shift_ = 0;
  std::size_t now_ = 0;  // the stretch of the event
  std::size_t stretches_ = 0;
  series all_;
  std::unordered_map<std::uint32_t, series> resources_;
};

}  // namespace allot::tool
