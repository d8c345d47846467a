#include <allot/adaptor/fallback_resource.hpp>
#include <allot/core/allocation_error.hpp>
#include <mutex>

namespace allot {

fallback_resource::fallback_resource(const upstream_ref* first, std::size_t count, const fallback_options& options)
    : branching_resource(branch_list(first, count), options.name) {}

fallback_resource::~fallback_resource() = default;

// ---- the table. No lock is held while an upstream is called, since it may call this resource: to free, say.

/// Keeps room in the table for one more block. False when there are no pages for it.
bool fallback_resource::expect_block() noexcept {
  const std::lock_guard lock(mutex_);
  const std::size_t expected = expected_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (elsewhere_.prepare_insert(expected)) return true;
  expected_.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

/// Puts down where an expected block came from.
void fallback_resource::remember(void* p, std::size_t branch) noexcept {
  block_table::entry block;
  block.address = p;
  block.stamp = branch;
  const std::lock_guard lock(mutex_);
  expected_.fetch_sub(1, std::memory_order_relaxed);
  if (block_table::entry* const stale = elsewhere_.find(p); stale != nullptr) {  // freed directly upstream
    *stale = block;
    return;
  }
  elsewhere_.insert(block);
  elsewhere_count_.fetch_add(1, std::memory_order_relaxed);
}

/// The index of the upstream that p came from; if that is not the first, p is no longer in the table, but is expected.
std::size_t fallback_resource::forget(void* p) noexcept {
  if (fallen_back() == 0) return 0;
  const std::lock_guard lock(mutex_);
  block_table::entry* const found = elsewhere_.find(p);
  if (found == nullptr) return 0;
  const auto branch = static_cast<std::size_t>(found->stamp);
  expected_.fetch_add(1, std::memory_order_relaxed);
  elsewhere_.erase(found);
  elsewhere_count_.fetch_sub(1, std::memory_order_relaxed);
  return branch;
}

std::size_t fallback_resource::home_of(void* p) noexcept {
  if (fallen_back() == 0) return 0;
  const std::lock_guard lock(mutex_);
  const block_table::entry* const found = elsewhere_.find(p);
  return found != nullptr ? static_cast<std::size_t>(found->stamp) : 0;
}

// ---- blocks

/// From the first upstream that can, of those before `end` and behind the very first, for an expected block.
void* fallback_resource::try_others(std::size_t end, std::size_t bytes, std::size_t alignment) noexcept {
  for (std::size_t at = 1; at < end; ++at) {
    void* const p = branches()[at].try_allocate(bytes, alignment);
    if (p == nullptr) continue;
    remember(p, at);
    return p;
  }
  return nullptr;
}

void* fallback_resource::do_allocate(std::size_t bytes, std::size_t alignment) {
  const std::size_t last = branches().size() - 1;
  if (last == 0) return branches()[0].any().allocate(bytes, alignment);
  if (void* const p = branches()[0].try_allocate(bytes, alignment); ALLOT_LIKELY(p != nullptr)) return p;
  if (!expect_block()) throw allocation_error({memory_errc::out_of_memory, name(), bytes, alignment});
  void* p = try_others(last, bytes, alignment);
  if (p != nullptr) return p;
  try {
    p = branches()[last].any().allocate(bytes, alignment);
  } catch (...) {
    expected_.fetch_sub(1, std::memory_order_relaxed);
    throw;
  }
  remember(p, last);
  return p;
}

void* fallback_resource::try_allocate(std::size_t bytes, std::size_t alignment) noexcept {
  if (void* const p = branches()[0].try_allocate(bytes, alignment); p != nullptr) return p;
  if (branches().size() == 1 || !expect_block()) return nullptr;
  void* const p = try_others(branches().size(), bytes, alignment);
  if (p == nullptr) expected_.fetch_sub(1, std::memory_order_relaxed);
  return p;
}

void fallback_resource::do_deallocate(void* p, std::size_t bytes, std::size_t alignment) {
  const std::size_t home = forget(p);
  if (ALLOT_LIKELY(home == 0)) return branches()[0].any().deallocate(p, bytes, alignment);
  try {
    branches()[home].any().deallocate(p, bytes, alignment);
  } catch (...) {
    remember(p, home);
    throw;
  }
  expected_.fetch_sub(1, std::memory_order_relaxed);
}

bool fallback_resource::try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                   std::size_t alignment) noexcept {
  resource* const ours = branches()[home_of(p)].ours();
  return ours != nullptr ? ours->try_expand(p, old_bytes, new_bytes, alignment) : old_bytes == new_bytes;
}

void fallback_resource::release() noexcept {
  branching_resource::release();
  const std::lock_guard lock(mutex_);
  elsewhere_.erase_if(
      [&](const block_table::entry& block) { return branches()[static_cast<std::size_t>(block.stamp)].can_release(); });
  elsewhere_count_.store(elsewhere_.size(), std::memory_order_relaxed);
  if (elsewhere_.size() == 0) elsewhere_.clear();
}

}  // namespace allot
