#pragma once

#include <algorithm>
#include <allot/core/memory_tools.hpp>
#include <allot/core/resource.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/heap/heap_options.hpp>
#include <allot/testing/counting_resource.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <string>
#include <utility>
#include <vector>

#include "support/held_blocks.hpp"

// Ways to make a heap, and to say what is in it.

namespace allot::test {

/// Where a heap's memory comes from.
enum class ground { pages, upstream, buffer };
inline constexpr std::array<ground, 3> every_ground{ground::pages, ground::upstream, ground::buffer};

inline heap_options heap_named(const char* name, bool checked = false) {
  heap_options options;
  options.name = name;
  options.checked = checked;
  return options;
}

/// A heap with what it stands on.
class grounded_heap {
 public:
  static constexpr std::size_t buffer_bytes = std::size_t{4} << 20;

  explicit grounded_heap(ground where, const heap_options& options = {}) {
    if (where == ground::buffer) {
      buffer_.reset(new std::byte[buffer_bytes]);
      heap_ = std::make_unique<coalescing_heap>(buffer_.get(), buffer_bytes, options);
    } else {
      heap_ = std::make_unique<coalescing_heap>(options, where == ground::upstream ? &upstream_ : nullptr);
    }
  }

  coalescing_heap& operator*() { return *heap_; }
  coalescing_heap* operator->() { return &*heap_; }
  const testing::counting_resource& upstream() const { return upstream_; }

 private:
  testing::counting_resource upstream_;
  std::unique_ptr<std::byte[]> buffer_;
  std::unique_ptr<coalescing_heap> heap_;
};

/// Bytes the block of such a request has.
inline std::size_t block_bytes(std::size_t bytes, bool checked = false) {
  const std::size_t behind = plain() ? (checked ? 1 : 0) : memory_tools::redzone;
  return (std::max<std::size_t>(bytes, 1) + behind + 15) / 16 * 16;
}
/// Bytes to ask for, so that the block has as many as stated: at least 32.
inline std::size_t request_for(std::size_t block, bool checked = false) {
  return block - (plain() ? (checked ? 1 : 0) : memory_tools::redzone);
}

inline std::vector<heap_block> blocks_of(const coalescing_heap& heap) {
  std::vector<heap_block> all;
  for (const heap_block& each : heap.blocks()) all.push_back(each);
  return all;
}

/// The blocks in order, each with its bytes, free ones in brackets.
inline std::string picture(const coalescing_heap& heap) {
  std::string text;
  for (const heap_block& each : heap.blocks()) {
    const std::string bytes = std::to_string(each.bytes);
    text += (text.empty() ? "" : " ") + (each.used ? bytes : '[' + bytes + ']');
  }
  return text;
}

/// What a call that failed must leave as it was.
struct heap_state {
  std::vector<heap_block> blocks;
  memory_usage usage;
  std::size_t available;

  friend bool operator==(const heap_state& a, const heap_state& b) {
    return a.blocks == b.blocks && a.usage == b.usage && a.available == b.available;
  }
};
inline heap_state state_of(const coalescing_heap& heap) { return {blocks_of(heap), heap.usage(), heap.available()}; }

/// Whether the used blocks of a heap are just those, each as large as it must be.
inline bool holds_just(const coalescing_heap& heap, std::vector<held_block> live, bool checked = false) {
  std::sort(live.begin(), live.end(), [](auto& a, auto& b) { return number_of(a.p) < number_of(b.p); });
  auto next = live.begin();
  for (const heap_block& each : heap.blocks()) {
    if (!each.used) continue;
    if (next == live.end() || each.address != next->p || each.bytes != block_bytes(next->bytes, checked)) return false;
    ++next;
  }
  return next == live.end();
}

}  // namespace allot::test
