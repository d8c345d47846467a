#pragma once

#include <allot/arena/scratch_pair.hpp>
#include <allot/core/compiler.hpp>
#include <allot/core/fixed_text.hpp>
#include <cstddef>
#include <mutex>
#include <utility>

namespace allot {

/// Scratch memory for fibers and jobs, which may go on in another thread than they began in, so that a thread's own
/// pair is the wrong one. A fiber or job leases a pair for its life; pairs that come back serve the next one, with the
/// memory they keep.
///
///     allot::scratch_set set;                       // one for all
///     allot::scratch_set::lease memory = set.acquire();  // in each job
///     allot::scratch temporary = memory.get(output);
///
/// Thread-safe; a lease is for one fiber or job at a time. Must outlive its leases.
class ALLOT_EXPORT scratch_set {
  struct node;

 public:
  /// Exclusive use of one pair.
  class ALLOT_EXPORT lease {
   public:
    /// The other has no pair then, and can only be destroyed.
    lease(lease&& other) noexcept : set_(other.set_), node_(std::exchange(other.node_, nullptr)) {}
    lease& operator=(lease&&) = delete;
    ~lease();  ///< no scope may live any more

    scratch_pair& pair() const noexcept;  ///< used by the next lease after this one

    /// As scratch_pair::get().
    template <class... Conflicts>
    [[nodiscard]] scratch get(const Conflicts&... conflicts) const {
      return pair().get(conflicts...);
    }

   private:
    friend class scratch_set;
    lease(scratch_set& set, node* leased) noexcept : set_(set), node_(leased) {}

    scratch_set& set_;
    node* node_;
  };

  /// Makes no pair yet. An upstream serves all of them, so it must be thread-safe.
  explicit scratch_set(const scratch_options& options = {}) noexcept;
  scratch_set(const scratch_set&) = delete;
  scratch_set& operator=(const scratch_set&) = delete;
  ~scratch_set();

  /// A pair nobody else has.
  /// @throws allocation_error when a new one is needed and there is no memory
  [[nodiscard]] lease acquire();

  /// Frees the pairs nobody has. Returns the bytes of address space or upstream blocks they held.
  std::size_t trim() noexcept;

 private:
  void give_back(node* returned) noexcept;

  const scratch_options options_;
  fixed_text<31> name_;
  std::mutex mutex_;
  node* free_ = nullptr;  // guarded by mutex_
};

}  // namespace allot
