#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/resource.hpp>
#include <atomic>
#include <cstddef>
#include <memory_resource>
#include <new>

namespace allot::testing {

/// What a failing_resource throws: derived from std::bad_alloc and unlike every other, so a test can see that an
/// upstream's own exception came through.
class ALLOT_EXPORT injected_failure final : public std::bad_alloc {
 public:
  ~injected_failure() override;
  const char* what() const noexcept override;
};

/// An upstream for tests: passes requests on until the one that must fail.
///
/// Thread-safe as far as its upstream is.
class ALLOT_EXPORT failing_resource final : public resource {
 public:
  /// How long requests fail, once they do.
  enum class rule { once, from_then_on };

  /// `upstream` must outlive this object. No request fails before fail_at().
  explicit failing_resource(std::pmr::memory_resource* upstream = std::pmr::new_delete_resource()) noexcept;
  ~failing_resource() override;

  /// Makes the nth request from now on fail, 1 for the next; 0 for none.
  void fail_at(std::size_t nth, rule how_long = rule::once) noexcept;

  std::size_t requests() const noexcept { return requests_; }  ///< since the last fail_at()
  bool fired() const noexcept { return fired_; }               ///< whether one of them was failed

  std::string_view kind() const noexcept override { return "failing_resource"; }
  std::pmr::memory_resource* upstream() const noexcept override { return upstream_; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override;

  std::pmr::memory_resource* upstream_;
  std::atomic<std::size_t> nth_{0};
  std::atomic<std::size_t> requests_{0};
  std::atomic<bool> for_good_{false};
  std::atomic<bool> fired_{false};
};

/// The exception loop: runs body() with the first request failing, then the second, and so on until a run needs none
/// that fails. Returns how many runs saw a failure. body() catches what it expects and checks the state it promises.
template <class Body>
std::size_t for_each_failure(failing_resource& upstream, Body body) {
  for (std::size_t nth = 1;; ++nth) {
    upstream.fail_at(nth);
    body();
    const bool fired = upstream.fired();
    upstream.fail_at(0);
    if (!fired) return nth - 1;
  }
}

}  // namespace allot::testing
