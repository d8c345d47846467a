#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/resource.hpp>
#include <allot/os/virtual_memory.hpp>
#include <allot/secure/secure_options.hpp>
#include <cstddef>
#include <string_view>

namespace allot {

/// How much a secure_scratch holds, and how it keeps that from others.
struct secure_scratch_options {
  std::size_t bytes = std::size_t{64} << 10;  ///< the most it can hold, rounded up to pages
  /// From paranoid on, pages nobody uses are inaccessible; below they are only zero.
  secure_level level = secure_level::hardened;
  wish lock = wish::none;      ///< keep it out of swap space
  wish no_dump = wish::none;   ///< leave it out of core dumps
  std::string_view name = {};  ///< what reports call it; empty: its kind
};

/// Temporary memory for what should not stay behind: intermediate results of cryptography, decoded passwords. Blocks
/// are handed out one behind the other between two guard pages, and overwritten with zero when the scope they were
/// allocated in ends:
///
///     | guard | blocks in use | zero, or inaccessible | guard |
///
///     allot::secure_scratch temporary;
///     {
///       const allot::secure_scratch::scope attempt(temporary);
///       std::pmr::vector<char> password(&temporary);
///       ...
///     }  // what was in it is zero now
///
/// A deallocate of the newest block gives its bytes back, wiped; of others it only wipes them.
///
/// For one thread at a time. Constructing one asks the system for nothing.
class ALLOT_EXPORT secure_scratch final : public resource {
 public:
  /// Until its end. Scopes end in the opposite order of their beginning; another order is misuse (stale_mark).
  class ALLOT_EXPORT scope {
   public:
    /// Begins here. `memory` must outlive the scope.
    explicit scope(secure_scratch& memory) noexcept;
    ~scope();
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;

   private:
    secure_scratch& memory_;
    const std::size_t start_;
    const std::size_t depth_;
  };

  secure_scratch() noexcept : secure_scratch(secure_scratch_options{}) {}
  /// Asks the system for nothing yet.
  explicit secure_scratch(const secure_scratch_options& options) noexcept;
  ~secure_scratch() override;

  /// @throws allocation_error: limit_reached when it does not fit, or what the system refuses; nothing has changed
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    return secure_scratch::do_allocate(bytes, alignment);
  }
  void deallocate(void* p, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    secure_scratch::do_deallocate(p, bytes, alignment);
  }

  std::string_view kind() const noexcept override { return "secure_scratch"; }
  [[nodiscard]] void* try_allocate(std::size_t bytes,
                                   std::size_t alignment = alignof(std::max_align_t)) noexcept override;
  std::size_t available() const noexcept override;
  memory_usage usage() const noexcept override;
  bool owns(const void* p) const noexcept override;
  block_info find_block(const void* p) const noexcept override;  ///< the part in use, or the part that is free
  bool try_look_at(const void* p, block_sight& seen) const noexcept override;
  void for_each_block(block_visitor visitor) const override;  ///< the part in use, and what is free
  /// Wipes everything and gives it back. Misuse while a scope with blocks is open.
  void release() noexcept override;
  bool can_release() const noexcept override { return true; }
  /// What is free is zero; with inaccessible pages, those that are not.
  bool check() const noexcept override;

  /// Whether all of it is kept out of swap space. A child process inherits no locks.
  bool locked() const noexcept;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override;

  os::status open() noexcept;
  os::status make_accessible(std::size_t end) noexcept;
  void* place(std::size_t bytes, std::size_t alignment, os::status& outcome) noexcept;
  void* serve(std::size_t bytes, std::size_t alignment, os::status& outcome) noexcept;
  void go_back(std::size_t position) noexcept;

  const secure_scratch_options options_;
  const bool withdraws_;  // access to pages nobody uses
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;        // bytes at data_
  std::size_t position_ = 0;    // of these in use
  std::size_t accessible_ = 0;  // of these that can be touched
  std::size_t peak_ = 0;
  std::size_t depth_ = 0;  // open scopes
  bool locked_ = false;    // in the process whose forks_ these are
  unsigned forks_ = 0;
};

}  // namespace allot
