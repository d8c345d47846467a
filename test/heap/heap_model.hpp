#pragma once

#include <algorithm>
#include <allot/core/allocation_error.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/testing/counting_resource.hpp>
#include <allot/testing/failing_resource.hpp>
#include <cstddef>
#include <memory>
#include <new>
#include <random>
#include <stdexcept>
#include <string>

#include "support/held_blocks.hpp"
#include "support/live_blocks.hpp"

// A heap against a model: what is out is in a map, with its contents. What is done next comes from a generator, or from
// bytes, so that a fuzzer can choose.

namespace allot::test {

/// Choices from a generator: they never end.
class random_choices {
 public:
  explicit random_choices(unsigned seed) : random_(seed) {}

  bool ended() const { return false; }
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }

 private:
  std::mt19937_64 random_;
};

/// Choices from bytes; zeros when they have ended.
class byte_choices {
 public:
  byte_choices(const unsigned char* bytes, std::size_t count) : next_(bytes), end_(bytes + count) {}

  bool ended() const { return next_ == end_; }
  std::size_t below(std::size_t bound) {
    std::size_t value = 0;
    for (std::size_t most = 1; most < bound && next_ != end_; most *= 256) value = value * 256 + *next_++;
    return value % bound;
  }

 private:
  const unsigned char* next_;
  const unsigned char* end_;
};

/// What a model found out.
struct model_failure : std::logic_error {
  using std::logic_error::logic_error;
};

/// How large the blocks are that a model asks for.
enum class size_mix { small, medium, large, powers, wide };

struct model_setup {
  enum class ground { pages, chunks, failing_chunks, buffer };
  ground where = ground::buffer;
  size_mix sizes = size_mix::wide;
  std::size_t buffer_bytes = std::size_t{1} << 20;  ///< also what sizes go by elsewhere
  std::size_t check_every = 1000;                   ///< steps
  heap_options options;
};

/// Does what it is told to a heap, and throws model_failure where the heap does not do as the map says.
template <class Choices>
class heap_model {
 public:
  heap_model(const model_setup& setup, Choices choices) : setup_(setup), choices_(std::move(choices)) {
    if (setup.where == model_setup::ground::buffer) {
      buffer_.reset(new std::byte[setup.buffer_bytes]);
      heap_ = std::make_unique<coalescing_heap>(buffer_.get(), setup.buffer_bytes, setup.options);
    } else {
      heap_ = std::make_unique<coalescing_heap>(setup.options,
                                                setup.where == model_setup::ground::pages ? nullptr : &upstream_);
    }
  }

  bool ended() const { return choices_.ended(); }

  void step() {
    switch (choices_.below(64)) {
      case 0:
        trim();
        break;
      case 1:
        if (choices_.below(200) == 0) release();
        break;
      case 2:
        if (setup_.where == model_setup::ground::failing_chunks) upstream_.fail_at(choices_.below(3) + 1);
        break;
      case 3:
        bias_ = choices_.below(24);
        break;
      case 4:
        look_at_any();
        break;
      case 5:
      case 6:
      case 7:
      case 8:
      case 9:
      case 10:
        expand();
        break;
      default:
        choices_.below(64) < 20 + bias_ ? allocate() : deallocate();
    }
    if (++steps_ % setup_.check_every == 0) check_whole();
  }

  /// Frees everything.
  void finish() {
    upstream_.fail_at(0);
    check_whole();
    while (!live_.empty()) deallocate_at(any());
    expect(heap_->usage().used == 0, "used when all is freed");
    check_whole();
    const std::size_t available = heap_->available();
    if (setup_.where == model_setup::ground::buffer) {
      expect(heap_->trim() == 0, "trim() of a buffer");
      expect(heap_->available() == available, "available() after trim() of a buffer");
    } else {
      (void)heap_->trim();
      expect(heap_->usage().reserved == 0 && counting_.live_blocks() == 0, "held when all is freed");
    }
    expect(counting_.mismatches().empty(), "what came back upstream");
  }

  std::size_t served() const { return served_; }
  std::size_t refused() const { return refused_; }
  std::size_t expanded() const { return expanded_; }

 private:
  void expect(bool good, const char* what) const {
    if (!good) throw model_failure(std::string(what) + ", step " + std::to_string(steps_));
  }
  void expect_none(const char* what) const { expect(what == nullptr, what); }

  std::size_t some_bytes() {
    const std::size_t quarter = setup_.buffer_bytes / 4;
    switch (setup_.sizes) {
      case size_mix::small:
        return choices_.below(256) + 1;
      case size_mix::medium:
        return choices_.below(16) == 0 ? choices_.below(20'000) : choices_.below(3000) + 200;
      case size_mix::large:
        return choices_.below(3) == 0 ? choices_.below(quarter) + 1 : choices_.below(quarter / 4) + 1;
      case size_mix::powers:
        return std::min(std::size_t{1} << choices_.below(20), quarter);
      case size_mix::wide:
        break;
    }
    switch (choices_.below(32)) {
      case 0:
        return choices_.below(quarter) + 1;
      case 1:
      case 2:
        return choices_.below(70'000);
      case 3:
      case 4:
      case 5:
        return choices_.below(8000);
      default:
        return choices_.below(256);
    }
  }
  std::size_t some_alignment() {
    return std::size_t{1} << (choices_.below(16) == 0 ? choices_.below(18) : choices_.below(5));
  }

  live_blocks::iterator any() { return live_.from(choices_.below(live_.span() / 16 + 1) * 16); }

  void allocate() {
    const std::size_t bytes = some_bytes();
    const std::size_t alignment = some_alignment();
    const memory_usage before = heap_->usage();
    std::byte* p = nullptr;
    try {
      p = static_cast<std::byte*>(heap_->allocate(bytes, alignment));
    } catch (const std::bad_alloc&) {
      expect(setup_.where != model_setup::ground::pages, "refused where there is no limit");
      expect(heap_->usage() == before, "usage() after a refusal");
      ++refused_;
      return;
    }
    ++served_;
    expect(number_of(p) % 16 == 0, "alignment");
    const std::size_t page = heap_->options().page_size;
    const std::size_t whole = block_bytes_of(bytes);
    if (setup_.options.page_local && whole <= page)
      expect(number_of(p) / page == (number_of(p) + whole - 1) / page, "in one page");
    if (setup_.where == model_setup::ground::pages && whole >= setup_.options.large_threshold)
      expect(number_of(p) % page == 0, "a large block at a page");
    const auto tag = static_cast<unsigned>(++tags_ % 255 + 1);
    expect_none(live_.add(p, {bytes, alignment, tag}, [this](std::size_t n) { return block_bytes_of(n); }));
    used_ += whole;
    peak_ = std::max(peak_, used_);
    expect(heap_->usage().used == used_, "used after allocate()");
  }

  void deallocate() {
    if (!live_.empty()) deallocate_at(any());
  }
  void deallocate_at(live_blocks::iterator at) {
    const auto& [p, known] = *at;
    expect(live_blocks::is_whole(*at), "contents");
    heap_->deallocate(p, known.bytes, known.alignment);
    used_ -= block_bytes_of(known.bytes);
    expect(heap_->usage().used == used_, "used after deallocate()");
    live_.erase(at);
  }

  void expand() {
    if (live_.empty()) return;
    const auto at = any();
    const live_blocks::block old = at->second;
    std::size_t bytes = 0;
    switch (choices_.below(4)) {
      case 0:
        bytes = old.bytes + choices_.below(64);
        break;
      case 1:
        bytes = old.bytes - choices_.below(old.bytes + 1);
        break;
      case 2:
        bytes = old.bytes + choices_.below(setup_.buffer_bytes / 8);
        break;
      default:
        bytes = some_bytes();
    }
    const bool done = heap_->try_expand(at->first, old.bytes, bytes, old.alignment);
    expect(done || bytes > old.bytes || heap_->options().page_local, "a block could not shrink");
    if (!done) {
      expect(live_blocks::is_whole(*at), "contents after a try_expand() that failed");
      expect(heap_->usage().used == used_, "used after a try_expand() that failed");
      return;
    }
    ++expanded_;
    used_ += block_bytes_of(bytes) - block_bytes_of(old.bytes);
    peak_ = std::max(peak_, used_);
    expect_none(live_blocks::resize(*at, bytes));
    expect(heap_->usage().used == used_, "used after try_expand()");
  }

  void trim() {
    const std::size_t before = heap_->usage().committed;
    const std::size_t given = heap_->trim();
    expect(heap_->usage().committed == before - given, "what trim() says");
    expect(heap_->usage().used == used_, "used after trim()");
  }

  void release() {
    heap_->release();
    live_.clear();
    used_ = peak_ = 0;
    expect(heap_->usage().used == 0 && heap_->usage().peak == 0, "used after release()");
    expect(counting_.live_blocks() == 0, "held after release()");
    expect(heap_->check(), "check() after release()");
  }

  void look_at_any() {
    if (live_.empty()) return;
    const auto at = any();
    const std::size_t whole = block_bytes_of(at->second.bytes);
    const block_info found = heap_->find_block(at->first + choices_.below(whole));
    expect(found.begin == at->first && found.bytes == whole && found.state == block_state::used, "find_block()");
    expect(heap_->owns(at->first), "owns()");
  }

  /// Every block, used or free, in the heap's order, and every byte that is out.
  void check_whole() const {
    expect(heap_->check(), "check()");
    auto known = live_.all().begin();
    std::size_t free_bytes = 0;
    std::byte* end = nullptr;
    bool was_free = false;
    for (const heap_block& each : heap_->blocks()) {
      expect(end == nullptr || each.address >= end, "the order of blocks()");
      expect(each.bytes != 0 && each.bytes % 16 == 0, "the size of a block");
      if (setup_.where == model_setup::ground::buffer) {
        expect(end == nullptr || each.address == end, "blocks() side by side");
        expect(each.used || !was_free, "two free blocks side by side");
      }
      if (each.used) {
        expect(known != live_.all().end() && known->first == each.address, "a used block nobody has");
        expect(each.bytes == block_bytes_of(known->second.bytes), "the size of a used block");
        expect(live_blocks::is_whole(*known), "contents of all");
        ++known;
      } else {
        free_bytes += each.bytes;
      }
      was_free = !each.used;
      end = each.address + each.bytes;
    }
    expect(known == live_.all().end(), "blocks() lacks one");
    const memory_usage now = heap_->usage();
    expect(now.used == used_ && now.peak == peak_, "used and peak");
    expect(now.committed <= now.reserved, "committed and reserved");
    expect(now.used + now.wasted <= now.committed, "used and committed");
    expect(heap_->available() >= free_bytes, "available()");
    if (heap_->upstream() != nullptr) expect(now.reserved == counting_.live_bytes(), "reserved");
  }

  std::size_t block_bytes_of(std::size_t bytes) const {
    const std::size_t behind = plain() ? (setup_.options.checked ? 1 : 0) : memory_tools::redzone;
    return (std::max<std::size_t>(bytes, 1) + behind + 15) / 16 * 16;
  }

  model_setup setup_;
  Choices choices_;
  testing::counting_resource counting_;
  testing::failing_resource upstream_{&counting_};
  std::unique_ptr<std::byte[]> buffer_;
  std::unique_ptr<coalescing_heap> heap_;
  live_blocks live_;
  std::size_t used_ = 0;
  std::size_t peak_ = 0;
  std::size_t bias_ = 12;
  std::size_t tags_ = 0;
  std::size_t steps_ = 0;
  std::size_t served_ = 0;
  std::size_t refused_ = 0;
  std::size_t expanded_ = 0;
};

/// A heap of a kind the first bytes say, and all the rest says done to it.
inline void run_heap_model(const unsigned char* bytes, std::size_t count) {
  byte_choices choices(bytes, count);
  model_setup setup;
  setup.where = static_cast<model_setup::ground>(choices.below(4));
  setup.sizes = static_cast<size_mix>(choices.below(5));
  setup.buffer_bytes = std::size_t{1} << (12 + choices.below(9));
  setup.check_every = choices.below(64) + 1;
  const std::size_t flags = choices.below(64);
  setup.options.checked = (flags & 1U) != 0;
  setup.options.page_local = (flags & 2U) != 0;
  if ((flags & 4U) != 0) setup.options.first_chunk = 1;
  if ((flags & 8U) != 0) setup.options.largest_chunk = 4096;
  if ((flags & 16U) != 0) setup.options.reserve = std::size_t{64} << 10;
  if ((flags & 32U) != 0) setup.options.decommit_threshold = setup.options.large_threshold = 4096;
  heap_model<byte_choices> model(setup, choices);
  while (!model.ended()) model.step();
  model.finish();
}

}  // namespace allot::test
