#pragma once

#include <allot/block/reserved_range.hpp>
#include <allot/core/compiler.hpp>
#include <allot/os/virtual_memory.hpp>
#include <cstddef>
#include <utility>

namespace allot {

class reserving_resource;

/// A range of address space from a reserving_resource, of which a growing first part can be used.
///
///     | committed: may be touched | reserved: faults |
///     data()      data() + committed()               data() + size()
///
/// Goes back to its resource when it dies, and must not outlive it. Move-only. Not thread-safe; distinct reservations
/// are independent.
class ALLOT_EXPORT reservation {
 public:
  using extent = reserved_range::extent;  ///< the range in numbers, see detach()

  reservation() noexcept = default;
  /// The other is empty then.
  reservation(reservation&& other) noexcept
      : owner_(std::exchange(other.owner_, nullptr)), parts_(std::exchange(other.parts_, {})) {}
  reservation& operator=(reservation&& other) noexcept;
  ~reservation() { release(); }

  std::byte* data() const noexcept { return parts_.data; }
  std::size_t size() const noexcept { return parts_.size; }  ///< bytes reserved: the most that can be committed
  std::size_t committed() const noexcept { return parts_.committed; }  ///< bytes that may be touched
  bool empty() const noexcept { return parts_.data == nullptr; }
  reserving_resource* owner() const noexcept { return owner_; }  ///< where it goes back to; null: nowhere

  /// Makes at least the first `bytes` usable, as far beyond as the resource's policy says or the system grants. What
  /// was never committed before reads zero unless the reservation was in use before: then only what was decommitted
  /// since does.
  /// @throws allocation_error: limit_reached beyond size(), or what the system refuses; nothing has changed
  void commit(std::size_t bytes);
  /// @param most  committed bytes not to go beyond
  [[nodiscard]] os::status try_commit(std::size_t bytes, std::size_t most = max_object_bytes) noexcept {
    return bytes <= parts_.committed ? os::status{} : commit_more(bytes, most);
  }

  /// Gives the memory behind the first `kept` bytes, rounded up to pages, back to the system; the addresses stay. Where
  /// the resource uses huge pages, from 2 MiB on `kept` is rounded up to these.
  /// @throws allocation_error: what the system refuses; nothing has changed
  void decommit(std::size_t kept);
  /// As decommit(), but tells the outcome instead of throwing.
  [[nodiscard]] os::status try_decommit(std::size_t kept) noexcept;

  /// Backs the first `bytes` with memory now instead of at the first touch, and commits them if they are not.
  /// @throws as commit(), or what the system refuses to back: then only committed() may have changed
  void prefault(std::size_t bytes);

  /// Changes size(), rounded up to pages, in place if it can be, else by moving the pages to other addresses; contents
  /// stay up to the smaller size.
  /// @param may_move   false: fail with address_in_use instead of moving
  /// @param alignment  of the new place
  /// @param needed     bytes that are usable afterwards, as after commit(); 0: those that are
  /// On failure nothing has changed.
  [[nodiscard]] os::status try_resize(std::size_t bytes, bool may_move, std::size_t alignment = 1,
                                      std::size_t needed = 0) noexcept;

  /// Gives everything back to the resource. Twice is harmless.
  void release() noexcept {
    if (!empty()) give_back();
  }

  /// Hands over the numbers, for those who keep them in a place of their own; this object is empty then.
  extent detach() noexcept {
    owner_ = nullptr;
    return std::exchange(parts_, {});
  }
  /// Takes over what detach() gave of a reservation of that resource.
  reservation(reserving_resource& owner, const extent& parts) noexcept : owner_(&owner), parts_(parts) {}

 private:
  void give_back() noexcept;
  os::status commit_more(std::size_t bytes, std::size_t most) noexcept;
  void expect(const os::status& outcome, std::size_t bytes) const;

  reserving_resource* owner_ = nullptr;
  extent parts_;
};

}  // namespace allot
