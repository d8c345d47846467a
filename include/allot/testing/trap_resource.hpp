#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/fixed_text.hpp>
#include <allot/core/resource.hpp>
#include <allot/os/call_stack.hpp>
#include <atomic>
#include <cstddef>
#include <memory_resource>
#include <new>

namespace allot::testing {

/// Thrown by trap_resource: says how much was asked for, and where.
///
/// Allocates nothing, copies without throwing and may outlive the resource.
class ALLOT_EXPORT trap_sprung final : public std::bad_alloc {
 public:
  /// For a request of so many bytes at that alignment.
  trap_sprung(std::size_t bytes, std::size_t alignment, const os::call_stack& where) noexcept;
  ~trap_sprung() override;
  /// Allocates nothing.
  trap_sprung(const trap_sprung&) noexcept = default;
  trap_sprung& operator=(const trap_sprung&) noexcept = default;

  /// One line: the bytes and the alignment asked for.
  const char* what() const noexcept override { return what_.c_str(); }

  std::size_t bytes() const noexcept { return bytes_; }            ///< asked for
  std::size_t alignment() const noexcept { return alignment_; }    ///< asked for
  const os::call_stack& where() const noexcept { return where_; }  ///< the calls that led to the request

 private:
  std::size_t bytes_;
  std::size_t alignment_;
  os::call_stack where_;
  fixed_text<127> what_;
};

/// What a trap_resource does with a request.
struct trap_options {
  /// Null: every request throws trap_sprung. Otherwise requests are served from here, and each is told on standard
  /// error with its call stack, so that one run of a program shows all the places.
  std::pmr::memory_resource* serve_from = nullptr;
  std::size_t most_told = 100;  ///< requests that are told; those after them are only counted
};

/// A resource nobody should use, and that counts who does. Installed as the default resource by default_resource_guard,
/// it shows what silently falls back to it: by an exception, or with `serve_from` by a line and a call stack on
/// standard error while the program goes on.
///
/// Thread-safe, when serving as far as `serve_from` is.
class ALLOT_EXPORT trap_resource final : public resource {
 public:
  trap_resource() noexcept = default;
  /// `serve_from`, where there is one, must outlive this object.
  explicit trap_resource(const trap_options& options) noexcept : options_(options) {}
  ~trap_resource() override;

  /// Requests so far; where none is served, deallocate calls as well.
  std::size_t uses() const noexcept { return uses_; }

  std::string_view kind() const noexcept override { return "trap_resource"; }
  std::pmr::memory_resource* upstream() const noexcept override { return options_.serve_from; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override;

  trap_options options_;
  std::atomic<std::size_t> uses_{0};
};

}  // namespace allot::testing
