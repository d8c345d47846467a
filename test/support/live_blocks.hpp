#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>

#include "support/bytes.hpp"

namespace allot::test {

/// The blocks that are out, as a model knows them, with their contents.
class live_blocks {
 public:
  struct block {
    std::size_t bytes;
    std::size_t alignment;
    unsigned tag;  // of the contents
  };
  using map = std::map<std::byte*, block>;
  using iterator = map::iterator;

  const map& all() const { return blocks_; }
  bool empty() const { return blocks_.empty(); }
  std::size_t size() const { return blocks_.size(); }
  bool has(const void* p) const { return blocks_.count(static_cast<std::byte*>(const_cast<void*>(p))) != 0; }

  /// Takes in a block that was handed out, and fills it. Null, or what is wrong with it. Each block is known to have
  /// extent(bytes) bytes.
  template <class Extent>
  const char* add(std::byte* p, const block& made, Extent extent) {
    if (p == nullptr || reinterpret_cast<std::uintptr_t>(p) % made.alignment != 0) return "alignment";
    const auto next = blocks_.lower_bound(p);
    if (next != blocks_.end() && p + extent(made.bytes) > next->first) return "overlaps the next";
    if (next != blocks_.begin()) {
      const auto before = std::prev(next);
      if (before->first + extent(before->second.bytes) > p) return "overlaps the one before";
    }
    fill(p, made.bytes, made.tag);
    blocks_.emplace_hint(next, p, made);
    if (low_ == nullptr || p < low_) low_ = p;
    if (p > high_) high_ = p;
    return nullptr;
  }
  const char* add(std::byte* p, const block& made) {
    return add(p, made, [](std::size_t bytes) { return std::max<std::size_t>(bytes, 1); });
  }

  /// The first block from there on, of the addresses from the lowest block ever to the highest; there is one.
  iterator from(std::size_t offset) {
    const auto at = blocks_.lower_bound(low_ + offset);
    return at != blocks_.end() ? at : blocks_.begin();
  }
  std::size_t span() const { return static_cast<std::size_t>(high_ - low_); }
  iterator any(std::mt19937& random) { return from(random() % (span() + 1)); }

  static bool is_whole(const map::value_type& each) { return all_are(each.first, each.second.bytes, each.second.tag); }

  /// Notes that a block has another size now, and fills it. Null, or what is wrong with it.
  static const char* resize(map::value_type& each, std::size_t bytes) {
    if (!all_are(each.first, std::min(bytes, each.second.bytes), each.second.tag)) return "contents after expanding";
    each.second.bytes = bytes;
    fill(each.first, bytes, each.second.tag);
    return nullptr;
  }

  void erase(iterator at) { blocks_.erase(at); }
  void clear() {
    blocks_.clear();
    low_ = high_ = nullptr;
  }

 private:
  map blocks_;
  std::byte* low_ = nullptr;
  std::byte* high_ = nullptr;
};

}  // namespace allot::test
