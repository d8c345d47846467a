#pragma once

#include <allot/core/compiler.hpp>
#include <allot/trace/trace_record.hpp>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace allot {

/// A block that lives at some moment of a trace.
struct live_block {
  std::uint64_t address = 0;      ///< as the program had it
  std::uint64_t bytes = 0;        ///< as asked for last
  std::uint64_t nanoseconds = 0;  ///< when it was handed out, since the trace was begun
  std::uint64_t order = 0;        ///< of the event that handed it out
  /// As in that event.
  /// @{
  std::uint32_t thread = 0;
  std::uint32_t resource = 0;
  std::uint32_t tag = 0;
  std::uint32_t stack = 0;
  /// @}
};

/// The blocks that live at a moment of a trace. It is told the events one by one, and tells what becomes of blocks:
/// what an arena gives up by position ends block by block, the newest first, as it does in replays.
///
/// Memory is for the blocks that live, and for the resources that there are: about 150 bytes each.
///
/// Not thread-safe.
class ALLOT_EXPORT live_blocks {
 public:
  /// Hears of blocks. Each function does nothing unless it is overridden.
  class ALLOT_EXPORT listener {
   public:
    listener() = default;
    virtual ~listener();
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;

    /// Called before the first block of the event.
    virtual void event(const trace_record& what);
    virtual void begins(const live_block& block);  ///< it lives from now on
    /// `block` has its new size.
    virtual void resized(const live_block& block, std::uint64_t bytes_before);
    /// Why a block ended is in the event that event() was called with last.
    /// @param newest  of its resource's blocks; so is oldest
    virtual void ends(const live_block& block, bool newest, bool oldest);
  };

  live_blocks() = default;
  live_blocks(const live_blocks&) = delete;
  live_blocks& operator=(const live_blocks&) = delete;

  /// The next event.
  /// @throws std::bad_alloc; what the listener throws
  void take(const trace_record& event, listener& hears);

  std::size_t blocks() const noexcept { return blocks_; }  ///< that live
  std::uint64_t bytes() const noexcept { return bytes_; }  ///< modulo 2^64
  /// Events that make no sense without others, which were lost or came before the recording: frees of blocks that are
  /// not known, and blocks that were handed out again without a free.
  std::uint64_t mended() const noexcept { return mended_; }

  /// visit(live_block), in no order.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [number, of] : heaps_)
      for (const auto& [address, each] : of.live) visit(each.block);
  }

 private:
  struct node {
    live_block block;
    std::uint64_t position = 0;  // of the arena it is in, before it; as far as that is known
    node* older = nullptr;
    node* younger = nullptr;
  };
  struct heap {
    std::unordered_map<std::uint64_t, node> live;  // by address
    node* oldest = nullptr;
    node* newest = nullptr;
    std::uint64_t position = 0;  // last known
  };

  void begin(heap& in, const trace_record& event, std::uint64_t position, listener& hears);
  void end(heap& in, node& block, listener& hears);
  void free(heap& in, const trace_record& event, listener& hears);
  void resize(heap& in, const trace_record& event, listener& hears);
  void go_back(heap& in, std::uint64_t position, listener& hears);

  std::unordered_map<std::uint32_t, heap> heaps_;  // by number of the resource
  std::size_t blocks_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t mended_ = 0;
};

}  // namespace allot
