#include <algorithm>
#include <allot/block/reservation.hpp>
#include <allot/block/reserving_resource.hpp>
#include <allot/core/allocation_error.hpp>
#include <utility>

namespace allot {

reservation& reservation::operator=(reservation&& other) noexcept {
  if (this != &other) {
    release();
    owner_ = std::exchange(other.owner_, nullptr);
    parts_ = std::exchange(other.parts_, {});
  }
  return *this;
}

void reservation::expect(const os::status& outcome, std::size_t bytes) const {
  if (outcome) return;
  allocation_failure failure{outcome.error};
  if (owner_ != nullptr) failure.resource = owner_->name();
  failure.bytes = bytes;
  failure.limit = outcome.error == memory_errc::limit_reached ? size() : 0;
  failure.os_code = outcome.os_code;
  throw allocation_error(failure);
}

void reservation::commit(std::size_t bytes) { expect(try_commit(bytes), bytes); }

os::status reservation::commit_more(std::size_t bytes, std::size_t most) noexcept {
  if (bytes > parts_.size) return {memory_errc::limit_reached, 0};
  const std::size_t before = parts_.committed;
  reserved_range range = owner_->as_range(parts_);
  const os::status outcome = range.commit(bytes, most);
  parts_ = range.detach();
  owner_->count_reservation(before, parts_.committed);
  return outcome;
}

void reservation::decommit(std::size_t kept) { expect(try_decommit(kept), kept); }

os::status reservation::try_decommit(std::size_t kept) noexcept {
  const std::size_t before = parts_.committed;
  if (kept >= before) return {};
  reserved_range range = owner_->as_range(parts_);
  const os::status outcome = range.decommit(owner_->ladder().kept(kept, parts_.size));
  parts_ = range.detach();
  owner_->count_reservation(before, parts_.committed);
  return outcome;
}

void reservation::prefault(std::size_t bytes) {
  commit(bytes);
  if (bytes == 0) return;
  const std::size_t whole = owner_->ladder().least(bytes, parts_.committed);
  expect(os::populate(parts_.data, whole), bytes);
}

os::status reservation::try_resize(std::size_t bytes, bool may_move, std::size_t alignment,
                                   std::size_t needed) noexcept {
  if (empty()) return {memory_errc::invalid_block, 0};
  return owner_->resize_reservation(parts_, bytes, may_move, alignment, needed);
}

void reservation::give_back() noexcept {
  owner_->give_back(std::exchange(parts_, {}));
  owner_ = nullptr;
}

}  // namespace allot
