// What a replay does to the candidate's resources, event by event.

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <thread>

#include "run.hpp"

namespace allot::replaying {
namespace {

/// What throws is not timed.
template <class Call>
void timed(const lane& by, Call call) {
  if (by.timed == nullptr) return call();
  const auto start = clock::now();
  call();
  by.timed->add(clock::now() - start);
}

// An alignment that was had where addresses are wider is refused here: the largest is asked for, which nobody has.
std::size_t alignment_of(const operation& what) noexcept {
  constexpr unsigned widest = std::numeric_limits<std::size_t>::digits - 1;
  return std::size_t{1} << std::min<unsigned>(what.alignment_log2, widest);
}

}  // namespace

/// What other threads have yet to do with a block.
void run::wait_until(const std::atomic<std::uint32_t>& steps, std::uint32_t done) const {
  while (steps.load(std::memory_order_acquire) < done && !abandoned_) std::this_thread::yield();
}

/// Another one for each block, and not that of fresh pages.
unsigned char run::value_of(const replayed_block& block) const noexcept {
  return static_cast<unsigned char>(1 + static_cast<std::size_t>(&block - blocks_.data()) % 255);
}

void run::fill(replayed_block& block, std::size_t from) {
  auto* const bytes = static_cast<unsigned char*>(block.address);
  if (options_.blocks == content::checked) {
    std::memset(bytes + from, value_of(block), block.bytes - from);
  } else if (options_.blocks == content::touched) {
    for (std::size_t i = from; i < block.bytes; i += 64) bytes[i] = 1;
  }
}

void run::look_at(const replayed_block& block) {
  if (options_.blocks != content::checked) return;
  const auto* const bytes = static_cast<const unsigned char*>(block.address);
  const unsigned char value = value_of(block);
  if (!std::all_of(bytes, bytes + block.bytes, [value](unsigned char byte) { return byte == value; }))
    damaged_.fetch_add(1, std::memory_order_relaxed);
}

/// A candidate that never uses memory again may take any amount of it between two samples.
void run::look_at_room(std::size_t resource) {
  const std::size_t committed = ours_[resource] != nullptr ? ours_[resource]->usage().committed : resident_growth();
  if (committed > most_memory_) full_.store(true, std::memory_order_relaxed);
}

/// Null where the candidate refuses.
void* run::get(const operation& what, std::size_t bytes, lane& by) {
  void* address = nullptr;
  try {
    if (full_.load(std::memory_order_relaxed)) throw std::bad_alloc();
    timed(by, [&] { address = memory_[what.resource]->allocate(bytes, alignment_of(what)); });
    by.add_live(bytes);
    by.not_looked_at += bytes;
    if (by.not_looked_at > most_memory_ / 64) {
      by.not_looked_at = 0;
      look_at_room(what.resource);
    }
  } catch (const std::bad_alloc&) {
    refused_.fetch_add(1, std::memory_order_relaxed);
  }
  return address;
}

void run::give_back(const operation& what, const replayed_block& block, lane& by) {
  by.add_live(0 - block.bytes);
  timed(by, [&] { memory_[what.resource]->deallocate(block.address, block.bytes, alignment_of(what)); });
}

void run::allocate(const operation& what, replayed_block& block, lane& by) {
  if (block.left_out) return;
  block.bytes = static_cast<std::size_t>(what.bytes);
  block.address = get(what, block.bytes, by);
  block.there = block.address != nullptr;
  if (block.there) fill(block, 0);
}

void run::deallocate(const operation& what, replayed_block& block, lane& by) {
  look_at(block);
  block.there = false;
  give_back(what, block, by);
}

/// In place where the candidate can; otherwise as containers do it, by another block.
void run::expand(const operation& what, replayed_block& block, lane& by) {
  const auto bytes = static_cast<std::size_t>(what.new_bytes);
  const std::size_t before = block.bytes;
  resource* const ours = ours_[what.resource];
  if (ours != nullptr && ours->try_expand(block.address, before, bytes, alignment_of(what))) {
    by.add_live(bytes - before);
  } else {
    void* const moved = get(what, bytes, by);
    if (moved == nullptr) return;
    std::memcpy(moved, block.address, std::min(before, bytes));
    give_back(what, block, by);
    block.address = moved;
  }
  block.bytes = bytes;
  if (bytes > before) fill(block, before);
}

/// With the candidate's own release() where it has one: then the frees that follow find their blocks gone. Where others
/// are on the same memory, their blocks stay, so these are freed one by one.
void run::release(const operation& what, lane& by) {
  resource* const ours = ours_[what.resource];
  if (ours == nullptr || !ours->can_release() || shared_[what.resource]) return;
  const operation* const frees = &what + 1;
  for (std::size_t i = 0; i < what.bytes; ++i) {
    replayed_block& block = blocks_[frees[i].block];
    wait_until(block.steps, frees[i].step);
    if (!block.there) continue;
    look_at(block);
    by.add_live(0 - block.bytes);
    block.there = false;
  }
  timed(by, [&] { ours->release(); });
}

void run::do_one(const operation& what, lane& by) {
  if (what.what == action::release) return release(what, by);
  if (what.what == action::trim) {
    if (resource* const ours = ours_[what.resource]; ours != nullptr) (void)ours->trim();
    return;
  }
  replayed_block& block = blocks_[what.block];
  wait_until(block.steps, what.step);
  if (what.what == action::allocate)
    allocate(what, block, by);
  else if (block.there && what.what == action::deallocate)
    deallocate(what, block, by);
  else if (block.there)
    expand(what, block, by);
  block.steps.store(what.step + 1, std::memory_order_release);
}

void run::do_those_between(std::size_t first, std::size_t end, lane& by) {
  const std::vector<operation>& all = program_.operations();
  for (std::size_t at = first; at < end; ++at) do_one(all[at], by);
}

}  // namespace allot::replaying
