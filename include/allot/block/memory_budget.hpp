#pragma once

#include <allot/block/budget_error.hpp>
#include <allot/block/budget_slice.hpp>
#include <allot/block/page_block.hpp>
#include <allot/block/reserved_range.hpp>
#include <allot/core/compiler.hpp>
#include <allot/core/fixed_text.hpp>
#include <allot/core/misuse.hpp>
#include <cstddef>
#include <iosfwd>
#include <memory_resource>
#include <mutex>
#include <string_view>

namespace allot {

/// What becomes of a request a slice has no room for.
enum class overflow_action {
  throw_error,  ///< it fails: allocate() throws, try_allocate() returns null
  fall_back,    ///< memory_budget_options::fallback serves it; a slice or sub-budget that does not fit fails
  abort,        ///< one line on standard error, and the end of the program
};

/// What did not fit. Texts live as long as the call.
struct overflow_report {
  std::string_view budget;    ///< its name
  std::string_view part;      ///< the slice that is full, or the slice or sub-budget the budget has no room for
  std::size_t bytes = 0;      ///< asked for
  std::size_t alignment = 0;  ///< asked for
  std::size_t available = 0;  ///< bytes left, before aligning
};

/// Called where something does not fit, by the thread that asked; says what is to be done.
using overflow_handler = overflow_action (*)(const overflow_report& overflow, void* context) noexcept;

/// What the program may use, and what happens when it wants more.
struct memory_budget_options {
  std::size_t permanent = 0;    ///< bytes for what stays as long as the budget; rounded up to pages
  std::size_t transient = 0;    ///< bytes for what goes with the frame or scene; rounded up to pages
  bool huge_pages = false;      ///< advise the system to back both regions with huge pages
  bool prefault = false;        ///< back every page with memory at the start instead of at its first touch
  bool check_available = true;  ///< refuse to start with more than os::memory_limits() has left; off: than it grants
  overflow_action on_overflow = overflow_action::throw_error;  ///< where there is no handler
  overflow_handler handler = nullptr;                          ///< null: on_overflow is the answer
  void* handler_context = nullptr;                             ///< what the handler gets with each report
  std::pmr::memory_resource* fallback = nullptr;  ///< null: std::pmr::get_default_resource() at construction
  std::string_view name = {};                     ///< in errors, reports and memory maps; the first 31 bytes count
  bool checked = checked_by_default();            ///< of the slices
};

/// What a part of a budget is.
enum class budget_part { permanent, transient, sub_budget };

/// What a budget knows of a part. Parts of one kind and name have one line after the other; those that live at a time
/// have one each.
struct budget_line {
  fixed_text<31> name;                        ///< "budget_slice" or "memory_budget" for a part without one
  budget_part part = budget_part::permanent;  ///< what all parts of the line are
  std::size_t bytes = 0;                      ///< size of the part that had the name last
  std::size_t taken = 0;       ///< bytes of the region gone to parts of the name, with the padding before them
  std::size_t used = 0;        ///< bytes in use, as last known; 0 once clear_transient() took them back
  std::size_t high_water = 0;  ///< the most one part of the name has ever used
  std::size_t refused = 0;     ///< requests for which parts of the name had no room
  bool live = false;           ///< whether the part that had the name last has a handle that is not stale
};

/// One of the two regions of a budget, in bytes.
struct budget_region {
  std::size_t size = 0;        ///< bytes
  std::size_t taken = 0;       ///< gone to parts, with the padding before them
  std::size_t most_taken = 0;  ///< the most `taken` has been
};

/// What seal() forbids.
enum class seal_scope {
  all,        ///< any part
  permanent,  ///< permanent slices and sub-budgets; frames go on
};

/// States at the start of a program what memory it may use, has all of it from then on, and hands out named slices of
/// it to those who build arenas, pools or containers on them. A program that cannot have its memory fails then and
/// there, with a budget_error that names the limit in the way, and not in the middle of its work.
///
///     | guard | permanent: slice | slice | sub-budget |  room  | guard |      transient likewise
///
/// Permanent parts stay taken until the budget ends. Transient ones go all at once, with every frame or scene, by
/// clear_transient(). Nothing is allocated from anywhere but the system: the budget's own books, a line for every name,
/// are in pages of their own, with room for some 9000.
///
/// Neither copied nor moved, since slices know their budget. Slices and sub-budgets must not outlive it: that is
/// misuse, and they are stale then.
///
/// Thread-safe, but for destruction and for clear_transient() while a transient slice is in use. After fork() the child
/// has a copy of the budget and all slices, and may go on using them if no other thread was inside the budget at that
/// moment: making, moving or ending a slice, sealing, clearing, or reading its books.
class ALLOT_EXPORT memory_budget {
 public:
  /// Maps both regions.
  /// @throws budget_error
  explicit memory_budget(const memory_budget_options& options);

  /// A sub-budget: both regions, each of whole pages and without guards, come from the parent's permanent region and
  /// are not given back. Slices, frames, seal and report are its own; the parent's report has a line on it.
  /// Of the options huge_pages, prefault and check_available do not count.
  /// @throws budget_error; the parent is as before
  memory_budget(memory_budget& parent, const memory_budget_options& options);

  ~memory_budget();
  memory_budget(const memory_budget&) = delete;
  memory_budget& operator=(const memory_budget&) = delete;

  /// A slice of exactly `bytes` bytes, right behind the one before. Contents are zero where nothing lay before.
  /// @throws budget_error: limit `budget` where there is no room, which goes to the overflow handler first; `sealed`;
  ///         `names` where the books are full; `system` where they cannot grow. allocation_error for an alignment that
  ///         is no power of two, which is misuse. The budget is as before.
  budget_slice permanent(std::string_view name, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t));

  /// The same until the next clear_transient().
  budget_slice transient(std::string_view name, std::size_t bytes, std::size_t alignment = alignof(std::max_align_t));

  /// Takes all transient slices back. Their handles are stale; what lies in them keeps its bytes until it is handed out
  /// again, and no destructor is run.
  void clear_transient() noexcept;

  /// From now on asking for a part throws. Slices there are go on.
  void seal(seal_scope scope = seal_scope::all) noexcept;

  std::string_view name() const noexcept { return name_; }  ///< "memory_budget" when the options gave none
  budget_region permanent_region() const noexcept;          ///< at this moment
  budget_region transient_region() const noexcept;          ///< at this moment
  std::size_t refused() const noexcept;                     ///< slices and sub-budgets there was no room for

  /// Calls visit(const budget_line&) for every name, in the order in which they came. The visitor may do anything: it
  /// gets copies, and nothing is locked.
  template <class Visitor>
  void for_each_line(Visitor visit) const {
    budget_line found;
    for (std::size_t i = 0; read_line(i, found); ++i) visit(static_cast<const budget_line&>(found));
  }

  /// Writes a table of all lines, with totals.
  void report(std::ostream& out) const;

 private:
  friend class budget_slice;

  struct entry;
  struct region {
    std::byte* begin = nullptr;
    budget_region state;
    std::size_t left() const noexcept { return state.size - state.taken; }
  };
  struct request {
    budget_part part;
    std::string_view name;
    std::size_t bytes;
    std::size_t alignment;
  };

  // For slices.
  bool falls_back(const overflow_report& overflow) const noexcept;
  void slice_begins(budget_slice& slice) noexcept;  // with the lock held
  void slice_moved(budget_slice& slice) noexcept;
  void slice_ends(budget_slice& slice) noexcept;

  void take_options() noexcept;
  os::status map_regions(std::size_t permanent, std::size_t transient) noexcept;
  os::status map_region(page_block& block, region& part, std::size_t bytes, std::string_view kind) const noexcept;
  os::status open_books() noexcept;
  region& region_of(budget_part part) noexcept { return part == budget_part::transient ? transient_ : permanent_; }
  budget_slice make_slice(const request& wanted);
  std::size_t check_room(const request& wanted, std::unique_lock<std::mutex>& lock);
  std::size_t find_line(const request& wanted);
  std::byte* take(const request& wanted, std::size_t padding, std::size_t line_index) noexcept;
  void end_parts(bool outlived) noexcept;
  [[noreturn]] void fail(const request& wanted, budget_limit limit, std::size_t available,
                         const os::status& outcome = {}) const;
  entry* lines() const noexcept;
  bool read_line(std::size_t index, budget_line& found) const noexcept;

  memory_budget_options options_;  // the name is name_
  fixed_text<31> name_;
  memory_budget* parent_ = nullptr;
  std::size_t line_of_parent_ = 0;
  page_block permanent_block_;
  page_block transient_block_;

  mutable std::mutex mutex_;  // guards all below; a parent's is locked before its child's
  region permanent_;
  region transient_;
  std::size_t most_taken_ = 0;  // of both regions together
  reserved_range books_;
  std::size_t line_count_ = 0;
  std::size_t refused_ = 0;
  bool all_sealed_ = false;
  bool permanent_sealed_ = false;
};

}  // namespace allot
