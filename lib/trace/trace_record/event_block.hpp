#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "bytes.hpp"
#include "events.hpp"

/// What a writer has in memory of a trace.
namespace allot::trace_file {

/// Events of one thread that are written together.
struct event_block {
  explicit event_block(std::size_t size) : content(size) {}

  bytes content;
  std::size_t used = 0;
  event_context context;
  std::uint64_t first_order = 0;
  std::uint32_t count = 0;
  std::uint32_t thread = 0;
  std::unique_ptr<event_block> next;  // in a queue
};
using block_ptr = std::unique_ptr<event_block>;

/// Blocks in the order in which they came. Putting one in cannot fail.
class block_queue {
 public:
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

  void push(block_ptr block) noexcept {
    event_block* const last = block.get();
    (last_ != nullptr ? last_->next : first_) = std::move(block);
    last_ = last;
    ++size_;
  }

  block_ptr pop() noexcept {
    block_ptr block = std::move(first_);
    first_ = std::move(block->next);
    if (first_ == nullptr) last_ = nullptr;
    --size_;
    return block;
  }

 private:
  block_ptr first_;
  event_block* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace allot::trace_file
