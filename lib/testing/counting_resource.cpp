#include <algorithm>
#include <allot/core/checked_size.hpp>
#include <allot/core/fixed_text.hpp>
#include <allot/testing/counting_resource.hpp>
#include <cstdint>
#include <new>

namespace allot::testing {
namespace {

std::string mismatch(const void* p, std::size_t bytes, std::size_t alignment, std::string_view truth) {
  fixed_text<255> line("deallocate(");
  line.append_hex(address_of(p))
      .append(", ")
      .append_decimal(bytes)
      .append(", ")
      .append_decimal(alignment)
      .append("): ");
  return std::string(line.append(truth));
}

/// A block's share of the digest: well mixed, so that different sets of blocks hardly add up to the same.
std::size_t digest_of(std::size_t bytes, std::size_t alignment) noexcept {
  std::uint64_t mixed = (bytes + 1) * 0x9e3779b97f4a7c15U ^ (alignment + 1) * 0xc2b2ae3d27d4eb4fU;
  mixed ^= mixed >> 29;
  return static_cast<std::size_t>(mixed * 0xbf58476d1ce4e5b9U);
}

}  // namespace

counting_resource::counting_resource(std::pmr::memory_resource* upstream, std::size_t most) noexcept
    : upstream_(upstream), most_(most) {}

counting_resource::~counting_resource() = default;

void* counting_resource::do_allocate(std::size_t bytes, std::size_t alignment) {
  if (bytes > most_) throw std::bad_alloc();
  const std::lock_guard lock(mutex_);
  // Whatever the books may throw comes before the upstream is asked.
  const auto room = live_.try_emplace(nullptr, block{bytes, alignment}).first;
  void* p = nullptr;
  try {
    calls_.push_back({call::kind::allocate, bytes, alignment});
    try {
      p = upstream_->allocate(bytes, alignment);
    } catch (...) {
      calls_.pop_back();
      throw;
    }
  } catch (...) {
    live_.erase(room);
    throw;
  }
  auto node = live_.extract(room);
  node.key() = p;
  live_.insert(std::move(node));
  ++allocations_;
  total_bytes_ += bytes;
  live_bytes_ += bytes;
  live_digest_ += digest_of(bytes, alignment);
  peak_bytes_ = std::max(peak_bytes_, live_bytes_);
  return p;
}

void counting_resource::do_deallocate(void* p, std::size_t bytes, std::size_t alignment) {
  const std::lock_guard lock(mutex_);
  const auto found = live_.find(p);
  if (found == live_.end()) {
    mismatches_.push_back(mismatch(p, bytes, alignment, "no such block is out"));
    return;
  }
  const block truth = found->second;
  if (truth.bytes != bytes || truth.alignment != alignment) {
    fixed_text<64> text("allocated as ");
    text.append_decimal(truth.bytes).append(" bytes aligned to ").append_decimal(truth.alignment);
    mismatches_.push_back(mismatch(p, bytes, alignment, text));
  }
  calls_.push_back({call::kind::deallocate, bytes, alignment});
  live_bytes_ -= truth.bytes;
  live_digest_ -= digest_of(truth.bytes, truth.alignment);
  live_.erase(found);
  upstream_->deallocate(p, truth.bytes, truth.alignment);
}

memory_usage counting_resource::usage() const noexcept {
  const std::lock_guard lock(mutex_);
  return {live_bytes_, live_bytes_, live_bytes_, peak_bytes_, 0};
}

bool counting_resource::owns(const void* p) const noexcept {
  const std::lock_guard lock(mutex_);
  auto after = live_.upper_bound(p);
  if (after == live_.begin()) return false;
  --after;
  return range_contains(after->first, after->second.bytes, p, 1);
}

std::size_t counting_resource::allocations() const {
  const std::lock_guard lock(mutex_);
  return allocations_;
}

std::size_t counting_resource::deallocations() const {
  const std::lock_guard lock(mutex_);
  return allocations_ - live_.size();
}

std::size_t counting_resource::live_blocks() const {
  const std::lock_guard lock(mutex_);
  return live_.size();
}

std::size_t counting_resource::live_bytes() const {
  const std::lock_guard lock(mutex_);
  return live_bytes_;
}

std::size_t counting_resource::peak_bytes() const {
  const std::lock_guard lock(mutex_);
  return peak_bytes_;
}

std::size_t counting_resource::total_bytes() const {
  const std::lock_guard lock(mutex_);
  return total_bytes_;
}

std::vector<counting_resource::call> counting_resource::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

counting_resource::summary counting_resource::live() const {
  const std::lock_guard lock(mutex_);
  return {live_.size(), live_bytes_, live_digest_};
}

void counting_resource::reclaim() {
  const std::lock_guard lock(mutex_);
  for (const auto& [p, truth] : live_) upstream_->deallocate(const_cast<void*>(p), truth.bytes, truth.alignment);
  live_.clear();
  live_bytes_ = live_digest_ = 0;
}

std::vector<std::string> counting_resource::mismatches() const {
  const std::lock_guard lock(mutex_);
  return mismatches_;
}

}  // namespace allot::testing
