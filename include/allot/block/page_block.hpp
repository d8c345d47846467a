#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/fixed_text.hpp>
#include <allot/core/misuse.hpp>
#include <allot/os/virtual_memory.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace allot {

/// What a page_block is for and where it goes, as a set.
enum class page_flags : unsigned {
  none = 0,
  read = 1,
  write = 2,
  execute = 4,
  zeroed =
      8,  ///< promise relied upon: bytes read zero when new (blocks of this library always do; verified when checked)
  base_hint = 16,    ///< data() should be at page_options::base; anywhere else if that is taken
  base_fixed = 32,   ///< data() must be at page_options::base, now and after resize(); never replaces what is there
  large_pages = 64,  ///< explicit large pages, or large_pages_unavailable
  transient = 128,   ///< scratch data: left out of core dumps
  rw = read | write,
  rwx = read | write | execute,
  rw_zeroed = read | write | zeroed,
};
constexpr page_flags operator|(page_flags a, page_flags b) noexcept {
  return static_cast<page_flags>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
/// Whether all flags of `part` are among those of `set`.
constexpr bool includes(page_flags set, page_flags part) noexcept {
  return (static_cast<unsigned>(set) & static_cast<unsigned>(part)) == static_cast<unsigned>(part);
}

/// What the pages of a page_block are like.
struct page_options {
  page_flags flags = page_flags::rw;  ///< access, and what else is wanted of the pages
  void* base = nullptr;               ///< where data() should be; used with base_hint or base_fixed only
  std::string_view name =
      {};  ///< shown in errors and, where the system can, in its memory maps; the first 31 bytes count
  bool checked = checked_by_default();  ///< verify `zeroed`, and note a second release()
};

/// A view of a page_block's usable bytes at one moment. Owns nothing; ask page_block::is_current() before trusting it.
class page_view {
 public:
  void* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  std::uint64_t generation() const noexcept { return generation_; }  ///< of the block at that moment

 private:
  friend class page_block;
  page_view(void* data, std::size_t size, std::uint64_t generation) noexcept
      : data_(data), size_(size), generation_(generation) {}

  void* data_;
  std::size_t size_;
  std::uint64_t generation_;
};

/// Owns pages of memory between two guards: running off either end faults at once instead of corrupting a neighbour.
///
///     | lead guard | usable: data() .. data() + size() | tail guard |
///     |<---------------------- total_size() ---------------------->|
///
/// Sizes round up to pages (large pages with large_pages). Guards are one page each, except that the lead guard of
/// large-page blocks fills a large page where the system chose the place. Where the system has guard advice a block
/// costs no map entries of its own (a transient one costs one), elsewhere two.
///
/// Move-only; views stay current in the moved-to block. Distinct blocks are independent; one block is not thread-safe.
class ALLOT_EXPORT page_block {
 public:
  /// What a resize() does to the bytes.
  enum class contents {
    preserve,  ///< bytes up to the smaller size stay, grown bytes are zero
    discard,   ///< every byte is zero
  };

  /// An empty block: no memory, data() is null.
  page_block() noexcept = default;

  /// `bytes` usable bytes, rounded up to pages; 0 makes an empty block.
  /// @throws allocation_error, with the system's own code in os_code()
  /// @{
  explicit page_block(std::size_t bytes, page_flags flags = page_flags::rw);
  page_block(std::size_t bytes, const page_options& options);
  /// @}

  /// As the constructor, but tells the outcome instead of throwing; on failure the result is an empty block.
  [[nodiscard]] static page_block try_create(std::size_t bytes, const page_options& options,
                                             os::status& outcome) noexcept;

  /// The other is empty then; views of it are current here.
  page_block(page_block&& other) noexcept;
  page_block& operator=(page_block&& other) noexcept;
  ~page_block();

  /// Changes the size in bytes, rounded up to pages. A block that rounds to the same size neither moves nor changes its
  /// generation; any other success starts a new one. An empty block allocates. Prefers to stay in place, then moves the
  /// pages without copying, and copies only where the system can do neither. A base_fixed block stays or fails
  /// (address_in_use where something is in the way; not_supported for large pages, and for discarding without write
  /// access).
  /// @return whether data() moved
  /// @throws allocation_error; invalid_size for 0. The block is as before; but where pages that cannot be read had to
  /// be copied, and the system refused to take the access back as well, they can be read now, as flags() tells.
  bool resize(std::size_t bytes, contents keep = contents::preserve);

  /// As resize(), but tells the outcome instead of throwing.
  [[nodiscard]] os::status try_resize(std::size_t bytes, contents keep = contents::preserve) noexcept;

  /// Every byte reads zero again and the pages go back to the system until touched. Base, size and generation stay.
  /// @throws allocation_error where the system cannot drop the pages of a block that is not writable; it is as before
  void reset();

  /// Gives everything back; the block is empty then. Twice is harmless (and noted when checked). Views go stale.
  void release() noexcept;

  /// Changes the access of the usable bytes to the read, write and execute bits of `rights`; contents stay.
  /// @throws allocation_error (protection_failed or permission_denied); the access is as before
  void protect(page_flags rights);

  void* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }                 ///< usable bytes
  std::size_t requested_size() const noexcept { return requested_; }  ///< as asked for, before rounding
  std::size_t lead_guard_size() const noexcept { return lead_; }      ///< bytes right before data(); 0 when empty
  /// Bytes right behind the usable ones; 0 when empty. More than a page where a smaller size could not give all back.
  std::size_t tail_guard_size() const noexcept { return total_ - lead_ - size_; }
  std::size_t total_size() const noexcept { return total_; }  ///< usable bytes and both guards
  std::size_t page_size() const noexcept;                     ///< unit sizes round to; 0 when unknown
  page_flags flags() const noexcept { return flags_; }        ///< as asked for, with the access there is now
  bool empty() const noexcept { return data_ == nullptr; }
  bool base_honoured() const noexcept { return base_honoured_; }  ///< whether data() is where it was asked for
  std::string_view name() const noexcept { return name_; }        ///< empty when the options gave none

  /// Changes whenever data() or size() does; never repeats in a process, 0 for a block that never had memory.
  std::uint64_t generation() const noexcept { return generation_; }
  page_view view() const noexcept { return {data_, size_, generation_}; }  ///< of this moment
  /// Whether data() and size() are still those of the view; false for an empty block.
  bool is_current(const page_view& view) const noexcept { return !empty() && view.generation() == generation_; }

  /// Bytes of address space that could not be given back since the program started, because the system had no map entry
  /// left to split a mapping. Their contents are dropped where possible.
  static std::size_t leaked_bytes() noexcept;

 private:
  os::status create(std::size_t bytes, const page_options& options) noexcept;
  os::status map_pages(std::size_t usable) noexcept;
  os::status map_small_pages(std::size_t usable, os::placement where) noexcept;
  os::status map_large_pages(std::size_t usable, os::placement where) noexcept;
  os::status finish_pages(void* p, std::size_t bytes) noexcept;
  os::status shrink(std::size_t usable) noexcept;
  bool cut_tail() noexcept;
  os::status grow(std::size_t usable, contents keep) noexcept;
  os::status grow_in_place(std::size_t usable) noexcept;
  os::status replace(std::size_t usable, contents keep) noexcept;
  os::status zero_all() noexcept;
  os::status take_contents_of(page_block& old) noexcept;
  void adopt(page_block& other) noexcept;
  void unmap() noexcept;
  void verify_zero(std::size_t from) const;
  void start_generation() noexcept;
  std::string_view display_name() const noexcept;
  void* start() const noexcept { return static_cast<std::byte*>(data_) - lead_; }
  os::access rights() const noexcept;
  [[noreturn]] void fail(const os::status& why, std::size_t bytes) const;

  void* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t requested_ = 0;
  std::size_t lead_ = 0;
  std::size_t total_ = 0;
  std::uint64_t generation_ = 0;
  void* base_ = nullptr;
  page_flags flags_ = page_flags::rw;
  bool base_honoured_ = false;
  bool checked_ = false;
  fixed_text<31> name_;
};

}  // namespace allot
