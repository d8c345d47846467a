#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/fixed_text.hpp>
#include <allot/core/memory_errc.hpp>
#include <cstddef>
#include <new>
#include <string_view>

namespace allot {

/// What a failed request asked for and what stood in its way. All fields but `code` may be left at their defaults.
struct allocation_failure {
  memory_errc code = memory_errc::out_of_memory;  ///< what went wrong
  std::string_view resource = {};                 ///< name or kind of the resource that refused
  std::size_t bytes = 0;                          ///< bytes asked for
  std::size_t alignment = 0;                      ///< alignment asked for; 0 where there is none
  std::size_t limit = 0;                          ///< the limit met, in bytes; 0 where there is none
  int os_code = 0;                                ///< the operating system's own code; 0 when it was not asked
};

/// Thrown by every allot resource when a request cannot be met.
///
/// Holds truncated copies in fixed buffers: it allocates nothing, copies without throwing and may outlive the resource.
class ALLOT_EXPORT allocation_error : public std::bad_alloc {
 public:
  explicit allocation_error(const allocation_failure& failure) noexcept;  ///< copies the name, cut off after 31 bytes
  ~allocation_error() override;
  /// Allocates nothing.
  allocation_error(const allocation_error&) noexcept = default;
  allocation_error& operator=(const allocation_error&) noexcept = default;

  /// One line: resource, request, reason, limit and OS code where there are any.
  const char* what() const noexcept override { return what_.c_str(); }

  /// As in the allocation_failure it was made from.
  /// @{
  memory_errc code() const noexcept { return code_; }
  int os_code() const noexcept { return os_code_; }
  std::string_view resource_name() const noexcept { return resource_; }
  std::size_t bytes() const noexcept { return bytes_; }
  std::size_t alignment() const noexcept { return alignment_; }
  std::size_t limit() const noexcept { return limit_; }
  /// @}

 private:
  memory_errc code_;
  int os_code_;
  std::size_t bytes_;
  std::size_t alignment_;
  std::size_t limit_;
  fixed_text<31> resource_;
  fixed_text<223> what_;
};

}  // namespace allot
