#pragma once

#include <allot/adaptor/adaptor_resource.hpp>
#include <cstddef>
#include <string_view>

namespace allot {

/// The common base of adaptors that count bytes against an account before they ask the upstream: blocks are charged as
/// callers asked for them, none as one byte, and what the upstream refuses is not charged.
///
/// `Account` is the derived class. It has take(bytes), false when so many are not to be had, which may throw;
/// give_back(bytes) noexcept; and refuse(bytes, alignment), which throws.
///
/// As thread-safe as the account and the upstream.
template <class Account>
class metered_resource : public adaptor_resource {
 public:
  /// Within the account. What the upstream refuses is given back to it.
  [[nodiscard]] void* try_allocate(std::size_t bytes,
                                   std::size_t alignment = alignof(std::max_align_t)) noexcept override {
    if (!try_take(charge_of(bytes))) return nullptr;
    void* const p = adaptor_resource::try_allocate(bytes, alignment);
    if (p == nullptr) account().give_back(charge_of(bytes));
    return p;
  }

  /// Within the account. On success the block is charged with its new size.
  [[nodiscard]] bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                std::size_t alignment) noexcept override {
    if (base().ours() == nullptr) return old_bytes == new_bytes;
    const std::size_t before = charge_of(old_bytes);
    const std::size_t after = charge_of(new_bytes);
    const std::size_t more = after > before ? after - before : 0;
    if (more != 0 && !try_take(more)) return false;
    const bool done = adaptor_resource::try_expand(p, old_bytes, new_bytes, alignment);
    if (!done)
      account().give_back(more);
    else if (after < before)
      account().give_back(before - after);
    return done;
  }

  /// The upstream's extent may be more than was charged.
  block_extent live_block(const void* /*p*/) const noexcept override { return {}; }

 protected:
  using adaptor_resource::adaptor_resource;

  void* do_allocate(std::size_t bytes, std::size_t alignment) final {
    if (!account().take(charge_of(bytes))) account().refuse(bytes, alignment);
    try {
      return upstream_allocate(bytes, alignment);
    } catch (...) {
      account().give_back(charge_of(bytes));
      throw;
    }
  }

  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) final {
    upstream_deallocate(p, bytes, alignment);
    account().give_back(charge_of(bytes));
  }

 private:
  static constexpr std::size_t charge_of(std::size_t bytes) noexcept { return bytes == 0 ? 1 : bytes; }

  Account& account() noexcept { return static_cast<Account&>(*this); }

  bool try_take(std::size_t bytes) noexcept {
    try {
      return account().take(bytes);
    } catch (...) {
      return false;
    }
  }
};

}  // namespace allot
