#pragma once

#include <allot/block/block_details.hpp>
#include <allot/core/compiler.hpp>
#include <allot/core/fixed_text.hpp>
#include <allot/os/call_stack.hpp>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <limits>

namespace allot {

class debug_resource;

/// Live blocks that were allocated at one place.
struct leak_group {
  os::call_stack stack;     ///< empty where stacks are not recorded
  std::size_t blocks = 0;   ///< how many
  std::size_t bytes = 0;    ///< as asked for
  std::uint64_t first = 0;  ///< the lowest number of a block
};

/// Which blocks of a debug_resource are live, grouped by the call stacks of their allocations, most bytes first: the
/// answer to "who did not free what". It is a copy, and may outlive the resource.
///
/// Held in pages of its own: making one asks neither the heap nor the resource for memory. Where the system refuses
/// pages it has no groups, and blocks() and bytes() all the same. Not thread-safe; the resource may be in use
/// meanwhile.
class ALLOT_EXPORT leak_list {
 public:
  /// What is live of the blocks with numbers above `after`, up to `up_to`.
  explicit leak_list(const debug_resource& memory, std::uint64_t after = 0,
                     std::uint64_t up_to = (std::numeric_limits<std::uint64_t>::max)()) noexcept;
  leak_list(leak_list&& other) noexcept;  ///< the other is empty
  leak_list& operator=(leak_list&&) = delete;
  ~leak_list();

  std::size_t blocks() const noexcept { return blocks_; }  ///< in all groups
  std::size_t bytes() const noexcept { return bytes_; }    ///< in all groups, as asked for
  bool empty() const noexcept { return blocks_ == 0; }

  const leak_group* begin() const noexcept { return groups_; }
  const leak_group* end() const noexcept { return groups_ + size_; }
  std::size_t size() const noexcept { return size_; }  ///< of groups

  using line = fixed_text<127>;                   ///< without a line end
  using lines = fixed_text<6 * most_of_a_stack>;  ///< each with one

  /// "orders: 3 blocks, 120 bytes not freed, from 2 places"
  line title() const noexcept;
  /// "2 blocks, 96 bytes, no. 4 first, allocated at:"; the frames of the stack follow, where there are any.
  static line header_of(const leak_group& group) noexcept;
  /// For a report: as many groups as there is room for, and how many are left out.
  lines details() const noexcept;
  /// Reports them as misuse (leak), fatal or a note; nothing when there are none. What the handler throws passes
  /// through.
  void report(bool fatal) const;
  /// All of it to standard error.
  void write() const noexcept;

 private:
  leak_group* groups_ = nullptr;
  std::size_t size_ = 0;
  std::size_t page_bytes_ = 0;
  std::size_t blocks_ = 0;
  std::size_t bytes_ = 0;
  fixed_text<31> name_;
};

/// All of it, the title and each group, in lines.
ALLOT_EXPORT std::ostream& operator<<(std::ostream& out, const leak_list& leaks);

}  // namespace allot
