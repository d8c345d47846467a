#pragma once

#include <allot/adaptor/adaptor_resource.hpp>
#include <cstddef>
#include <memory_resource>
#include <mutex>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace allot {

/// Makes a resource for one thread usable from many: every call holds a lock.
///
/// `Lockable` is any with lock() and unlock(), owned, or shared with others by reference, so that one lock can stand
/// for several resources. `Upstream` is the type that lock() gives access to: `synchronized_resource shared(arena);`
/// finds it, and calls of a final class then need no virtual call.
///
/// lock() holds the lock for several steps at once, and gives the upstream for as long, with all it can do:
///
///     auto locked = shared.lock();
///     const auto mark = locked->mark();
///     ...
///     locked->rewind(mark);
///
/// Thread-safe, but for destruction. A lock() that throws makes try_ functions fail, and ends the program in those that
/// cannot. What holds the lock must use the upstream, as lock() gives it, not this resource, unless Lockable is
/// recursive. A child of fork() may use it if no other thread can have held the lock then; os::fork_mutex is a Lockable
/// that sees to that.
template <class Lockable = std::mutex, class Upstream = std::pmr::memory_resource>
class synchronized_resource final : public adaptor_resource {
 public:
  /// @param upstream  must outlive this object, and is used through it alone
  explicit synchronized_resource(Upstream& upstream,
                                 std::string_view name = {}) noexcept(std::is_nothrow_default_constructible_v<Lockable>)
      : adaptor_resource(upstream, name), upstream_(upstream), own_(std::in_place), mutex_(*own_) {}
  /// @param mutex  must outlive this object
  synchronized_resource(Upstream& upstream, Lockable& mutex, std::string_view name = {}) noexcept
      : adaptor_resource(upstream, name), upstream_(upstream), mutex_(mutex) {}

  /// The upstream, while the lock is held. Moveable; ends the hold when destroyed.
  class locked_upstream {
   public:
    locked_upstream(locked_upstream&& other) noexcept  ///< the other holds nothing, and gives null
        : lock_(std::move(other.lock_)), upstream_(std::exchange(other.upstream_, nullptr)) {}
    locked_upstream& operator=(locked_upstream&& other) noexcept {
      lock_ = std::move(other.lock_);
      upstream_ = std::exchange(other.upstream_, nullptr);
      return *this;
    }
    ~locked_upstream() = default;

    Upstream& operator*() const noexcept { return *upstream_; }
    Upstream* operator->() const noexcept { return upstream_; }

   private:
    friend class synchronized_resource;
    explicit locked_upstream(const synchronized_resource& owner) : lock_(owner.mutex_), upstream_(&owner.upstream_) {}

    std::unique_lock<Lockable> lock_;
    Upstream* upstream_;
  };

  /// @throws what Lockable's lock() throws
  [[nodiscard]] locked_upstream lock() { return locked_upstream(*this); }

  /// @throws what Lockable's lock() or the upstream throws
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    return synchronized_resource::do_allocate(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    synchronized_resource::do_deallocate(p, bytes, alignment);
  }

  std::string_view kind() const noexcept override { return "synchronized_resource"; }
  [[nodiscard]] void* try_allocate(std::size_t bytes,
                                   std::size_t alignment = alignof(std::max_align_t)) noexcept override {
    try {
      const std::lock_guard lock(mutex_);
      return adaptor_resource::try_allocate(bytes, alignment);
    } catch (...) {
      return nullptr;
    }
  }
  [[nodiscard]] bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                std::size_t alignment) noexcept override {
    try {
      const std::lock_guard lock(mutex_);
      return adaptor_resource::try_expand(p, old_bytes, new_bytes, alignment);
    } catch (...) {
      return false;
    }
  }
  std::size_t available() const noexcept override {
    const std::lock_guard lock(mutex_);
    return adaptor_resource::available();
  }
  memory_usage usage() const noexcept override {
    const std::lock_guard lock(mutex_);
    return adaptor_resource::usage();
  }
  bool owns(const void* p) const noexcept override {
    const std::lock_guard lock(mutex_);
    return adaptor_resource::owns(p);
  }
  block_info find_block(const void* p) const noexcept override {
    const std::lock_guard lock(mutex_);
    return adaptor_resource::find_block(p);
  }
  block_extent live_block(const void* p) const noexcept override {
    const std::lock_guard lock(mutex_);
    return adaptor_resource::live_block(p);
  }
  void release() noexcept override {
    const std::lock_guard lock(mutex_);
    adaptor_resource::release();
  }
  std::size_t trim() noexcept override {
    const std::lock_guard lock(mutex_);
    return adaptor_resource::trim();
  }
  bool check() const noexcept override {
    const std::lock_guard lock(mutex_);
    return adaptor_resource::check();
  }
  void for_each_block(block_visitor visitor) const override {
    const std::lock_guard lock(mutex_);
    adaptor_resource::for_each_block(visitor);
  }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    const std::lock_guard lock(mutex_);
    return upstream_.allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    const std::lock_guard lock(mutex_);
    upstream_.deallocate(p, bytes, alignment);
  }

  Upstream& upstream_;
  std::optional<Lockable> own_;
  Lockable& mutex_;
};

template <class Upstream>
synchronized_resource(Upstream&) -> synchronized_resource<std::mutex, Upstream>;
template <class Upstream>
synchronized_resource(Upstream&, const char*) -> synchronized_resource<std::mutex, Upstream>;
template <class Upstream>
synchronized_resource(Upstream&, std::string_view) -> synchronized_resource<std::mutex, Upstream>;
template <class Upstream, class Lockable>
synchronized_resource(Upstream&, Lockable&) -> synchronized_resource<Lockable, Upstream>;
template <class Upstream, class Lockable>
synchronized_resource(Upstream&, Lockable&, std::string_view) -> synchronized_resource<Lockable, Upstream>;

}  // namespace allot
