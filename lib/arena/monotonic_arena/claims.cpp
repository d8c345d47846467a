// Checked arenas on memory that is not their own, a caller's buffer or a block of pages, know of each other: two that
// hand out the same bytes are a mistake that shows much later. An arena on memory that another one has handed out is
// none.

#include <allot/arena/monotonic_arena.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/core/never_destroyed.hpp>
#include <mutex>
#include <utility>

namespace allot {
namespace {

monotonic_arena* newest = nullptr;  // the claims, linked through the arenas themselves

struct guard_of_claims {
  std::mutex mutex;  // guards all of this
};

std::mutex& claims_mutex() noexcept { return never_destroyed<guard_of_claims>().mutex; }

}  // namespace

/// Makes the claim, or reports that another arena's is in the way; this one is dead then.
void monotonic_arena::claim_memory() {
  if (!checked_ || size_ == 0) return;
  std::size_t others_size = 0;
  fixed_text<31> others_name;
  {
    const std::lock_guard lock(claims_mutex());
    for (const monotonic_arena* other = newest; other != nullptr; other = other->next_claim_) {
      const std::byte* const end = other->claimed_ + other->claimed_size_;
      const bool apart = data_ + size_ <= other->claimed_ || end <= data_;
      const bool handed_out = other->claimed_ <= data_ && data_ + size_ <= other->published_cursor();
      if (apart || handed_out || other->lost()) continue;
      others_size = other->claimed_size_;
      others_name = other->given_name();
    }
    if (others_size == 0) {
      claimed_ = data_;
      claimed_size_ = size_;
      next_claim_ = newest;
      if (newest != nullptr) newest->previous_claim_ = this;
      newest = this;
      return;
    }
  }
  misuse_report overlap{misuse_kind::overlapping_memory, name(), data_, size_, others_size};
  overlap.owner = others_name.size() != 0 ? std::string_view(others_name) : "an arena without a name";
  if (tool_) memory_tools::unpoison(data_, size_);
  die();
  report_misuse(overlap);
}

void monotonic_arena::disclaim_memory() noexcept {
  if (claimed_ == nullptr) return;
  const std::lock_guard lock(claims_mutex());
  if (next_claim_ != nullptr) next_claim_->previous_claim_ = previous_claim_;
  (previous_claim_ != nullptr ? previous_claim_->next_claim_ : newest) = next_claim_;
  next_claim_ = previous_claim_ = nullptr;
  claimed_ = nullptr;
}

void monotonic_arena::take_claim_of(monotonic_arena& other) noexcept {
  if (other.claimed_ == nullptr) return;
  const std::lock_guard lock(claims_mutex());
  claimed_ = std::exchange(other.claimed_, nullptr);
  claimed_size_ = other.claimed_size_;
  next_claim_ = std::exchange(other.next_claim_, nullptr);
  previous_claim_ = std::exchange(other.previous_claim_, nullptr);
  if (next_claim_ != nullptr) next_claim_->previous_claim_ = this;
  (previous_claim_ != nullptr ? previous_claim_->next_claim_ : newest) = this;
}

}  // namespace allot
