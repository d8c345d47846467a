#pragma once

#include <allot/os/virtual_memory.hpp>
#include <allot/secure/chacha_random.hpp>
#include <allot/secure/secure_options.hpp>
#include <cstddef>

#include "context.hpp"
#include "large_blocks.hpp"
#include "small_blocks.hpp"

namespace allot::secure {

/// All that a secure resource has once it was used, in pages of its own between guards:
///
///     | guard | random numbers | state | guard |
///
/// The page of random numbers is wiped in a forked child where the system can do that, so that the two draw different
/// ones from there on.
class secure_state {
 public:
  /// Null, and `outcome` says why, when the system refuses something; nothing is left behind then.
  static secure_state* make(const secure_options& options, bool fork_required, resource& owner,
                            os::status& outcome) noexcept;
  static void destroy(secure_state& state) noexcept;

  /// False in a child where the fork policy had this wiped.
  bool whole() const noexcept { return whole_; }

  void* allocate(std::size_t bytes, std::size_t alignment) {
    small_blocks::size_class* const from = small.class_for(bytes, alignment);
    return ALLOT_LIKELY(from != nullptr) ? small.allocate(*from, bytes, alignment) : large.allocate(bytes, alignment);
  }
  bool deallocate(void* p, std::size_t bytes, std::size_t alignment) {
    small_blocks::size_class* const from = small.class_for(bytes, alignment);
    return ALLOT_LIKELY(from != nullptr) ? small.deallocate(*from, p, bytes, alignment)
                                         : large.deallocate(p, bytes, alignment);
  }

  secure_context context;
  small_blocks small;
  large_blocks large;

 private:
  secure_state(const secure_options& options, resource& owner, chacha_random& random, std::size_t limit,
               const wishes_granted& granted) noexcept;

  bool whole_ = true;
};

}  // namespace allot::secure
