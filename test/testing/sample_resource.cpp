#include "testing/sample_resource.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <set>
#include <stdexcept>
#include <string>

namespace allot::test {

namespace {

/// All there are, by which they know each other: not every test is compiled with type information.
std::set<const std::pmr::memory_resource*>& alive() {
  static std::set<const std::pmr::memory_resource*> all;
  return all;
}

}  // namespace

sample_resource::sample_resource(std::pmr::memory_resource& upstream, defect broken)
    : upstream_(upstream), broken_(broken) {
  alive().insert(this);
}

sample_resource::~sample_resource() {
  alive().erase(this);
  if (broken_ != defect::leaks_at_destruction) {
    const bool keeps = broken_ == defect::release_keeps_blocks;
    if (keeps) broken_ = defect::none;
    release();
  }
}

void sample_resource::release() {
  if (broken_ == defect::release_keeps_blocks) return;
  if (broken_ == defect::release_twice_frees_twice && blocks_.empty()) upstream_.deallocate(this, 1, 1);
  for (const auto& entry : blocks_) give_back(entry.second);
  blocks_.clear();
  if (broken_ != defect::release_keeps_growth) growth_ = 0;
}

void sample_resource::give_back(const block& held) {
  std::size_t bytes = held.bytes;
  std::size_t alignment = held.alignment;
  if (broken_ == defect::wrong_bytes_upstream && bytes > 1000) ++bytes;
  if (broken_ == defect::wrong_alignment_upstream && alignment > 64) alignment /= 2;
  upstream_.deallocate(held.start, bytes, alignment);
}

void* sample_resource::do_allocate(std::size_t bytes, std::size_t alignment) {
  if (broken_ == defect::always_refuses || dead_) throw std::bad_alloc();
  if (broken_ == defect::refuses_large && bytes > 60000) throw std::bad_alloc();
  if (bytes == 0 && broken_ == defect::zero_size_is_null) return nullptr;
  static char shared[65536];
  if (bytes == 0 && broken_ == defect::zero_size_is_shared && alignment == 1) return shared;
  try {
    return take(bytes, alignment);
  } catch (const std::bad_alloc&) {
    dead_ = broken_ == defect::dead_after_a_failure;
    if (broken_ == defect::replaces_upstream_exception) throw std::bad_alloc();
    if (broken_ == defect::throws_another_type) throw std::runtime_error("out of memory");
    throw;
  }
}

void* sample_resource::take(std::size_t bytes, std::size_t alignment) {
  constexpr std::size_t max = std::numeric_limits<std::size_t>::max();
  constexpr std::size_t note_bytes = 64;  // only so that there are two upstream calls to fail
  if (broken_ != defect::size_wraps && bytes > max / 2) {
    if (broken_ == defect::huge_refusal_leaks) blocks_.emplace(this, block{16, 8, upstream_.allocate(16, 8)});
    throw std::bad_alloc();
  }
  std::pmr::memory_resource& notes =
      broken_ == defect::uses_default_resource ? *std::pmr::get_default_resource() : upstream_;
  void* const note = notes.allocate(note_bytes, 8);

  block made{bytes + 32 + (growth_ += 8), std::max<std::size_t>(alignment, 8), nullptr};
  if (broken_ == defect::alignment_ignored) made.alignment = 8;
  try {
    made.start = upstream_.allocate(made.bytes, made.alignment);
  } catch (...) {
    growth_ -= 8;
    if (broken_ != defect::leaks_when_upstream_fails) notes.deallocate(note, note_bytes, 8);
    throw;
  }
  notes.deallocate(note, note_bytes, 8);

  void* p = made.start;
  if (broken_ == defect::alignment_ignored) p = static_cast<char*>(p) + 8;
  if (broken_ == defect::blocks_overlap && bytes == 48 && !blocks_.empty()) {
    give_back(made);
    return blocks_.begin()->first;
  }
  if (broken_ == defect::contents_damaged && bytes == 1000) {
    const auto victim =
        std::find_if(blocks_.begin(), blocks_.end(), [](const auto& b) { return b.second.bytes > 500; });
    if (victim != blocks_.end()) ++*static_cast<unsigned char*>(victim->first);
  }
  blocks_.emplace(p, made);
  return p;
}

void sample_resource::do_deallocate(void* p, std::size_t, std::size_t) {
  if (broken_ == defect::default_resource_at_deallocate) (void)std::pmr::string(100, 'x');
  const auto held = blocks_.find(p);
  if (held == blocks_.end()) return;
  give_back(held->second);
  blocks_.erase(held);
}

bool sample_resource::do_is_equal(const std::pmr::memory_resource& other) const noexcept {
  if (broken_ == defect::equal_by_type) return alive().count(&other) != 0;
  return this == &other;
}

}  // namespace allot::test
