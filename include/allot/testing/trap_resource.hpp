#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/resource.hpp>
#include <atomic>
#include <cstddef>
#include <memory_resource>
#include <new>

namespace allot::testing {

/// Thrown by trap_resource.
class ALLOT_EXPORT trap_sprung final : public std::bad_alloc {
 public:
  ~trap_sprung() override;
  const char* what() const noexcept override;
};

/// A resource nobody may use: every request throws trap_sprung and is counted. Installed as the default resource it
/// shows what silently falls back to it.
///
/// Thread-safe.
class ALLOT_EXPORT trap_resource final : public resource {
 public:
  trap_resource() noexcept = default;
  ~trap_resource() override;

  std::size_t uses() const noexcept { return uses_; }  ///< allocate and deallocate calls so far

  std::string_view kind() const noexcept override { return "trap_resource"; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override;

  std::atomic<std::size_t> uses_{0};
};

}  // namespace allot::testing
