#include <algorithm>
#include <allot/block/guarded_pages.hpp>
#include <allot/block/page_block.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <atomic>
#include <cstring>
#include <utility>

namespace allot {
namespace {

std::atomic<std::uint64_t> last_generation{0};

constexpr page_flags access_mask = page_flags::rwx;

constexpr page_flags common(page_flags a, page_flags b) noexcept {
  return static_cast<page_flags>(static_cast<unsigned>(a) & static_cast<unsigned>(b));
}

constexpr page_flags without(page_flags set, page_flags part) noexcept {
  return static_cast<page_flags>(static_cast<unsigned>(set) & ~static_cast<unsigned>(part));
}

constexpr os::access to_access(page_flags flags) noexcept {
  return static_cast<os::access>(static_cast<unsigned>(common(flags, access_mask)));
}
static_assert(to_access(page_flags::read) == os::access::read && to_access(page_flags::write) == os::access::write &&
                  to_access(page_flags::execute) == os::access::execute,
              "page_flags and os::access agree on the access bits");

std::byte* at(void* p, std::size_t offset) noexcept { return static_cast<std::byte*>(p) + offset; }

}  // namespace

page_block::page_block(std::size_t bytes, page_flags flags) : page_block(bytes, page_options{flags}) {}

// Delegates, so that the destructor runs should a misuse handler throw.
page_block::page_block(std::size_t bytes, const page_options& options) : page_block() {
  if (const os::status outcome = create(bytes, options); !outcome) fail(outcome, bytes);
  verify_zero(0);
}

page_block page_block::try_create(std::size_t bytes, const page_options& options, os::status& outcome) noexcept {
  page_block block;
  outcome = block.create(bytes, options);
  if (outcome) block.verify_zero(0);
  return block;
}

page_block::page_block(page_block&& other) noexcept { adopt(other); }

page_block& page_block::operator=(page_block&& other) noexcept {
  if (this != &other) {
    unmap();
    adopt(other);
  }
  return *this;
}

page_block::~page_block() { unmap(); }

bool page_block::resize(std::size_t bytes, contents keep) {
  void* const before = data_;
  if (const os::status outcome = try_resize(bytes, keep); !outcome) fail(outcome, bytes);
  return data_ != before;
}

os::status page_block::try_resize(std::size_t bytes, contents keep) noexcept {
  if (bytes == 0) return {memory_errc::invalid_size, 0};
  if (empty()) {
    const page_options same{flags_, base_, name_, checked_};
    return create(bytes, same);
  }
  std::size_t usable = 0;
  if (!checked_align_up(bytes, page_size(), usable)) return {memory_errc::size_overflow, 0};

  const std::size_t old_size = size_;
  const bool discards = keep == contents::discard;
  os::status outcome;
  if (usable != size_ && discards && !includes(rights(), os::access::write)) {
    // Zeroing what is not writable can fail, and after the size has changed that would be too late.
    if (includes(flags_, page_flags::base_fixed)) return {memory_errc::not_supported, 0};
    outcome = replace(usable, keep);
  } else {
    if (usable < size_) outcome = shrink(usable);
    if (usable > size_) outcome = grow(usable, keep);
    if (outcome && discards) outcome = zero_all();
  }
  if (!outcome) return outcome;
  requested_ = bytes;
  if (size_ != old_size) start_generation();
  verify_zero(keep == contents::discard ? 0 : std::min(old_size, size_));
  return {};
}

void page_block::reset() {
  if (empty()) return;
  if (const os::status outcome = zero_all(); !outcome) fail(outcome, size_);
  verify_zero(0);
}

void page_block::release() noexcept {
  if (empty()) {
    if (checked_ && generation_ != 0)
      report_misuse({misuse_kind::released_twice, display_name(), nullptr, 0, 0, false});
    return;
  }
  unmap();
  data_ = nullptr;
  size_ = requested_ = lead_ = total_ = 0;
  base_honoured_ = false;
  start_generation();
}

void page_block::protect(page_flags wanted) {
  wanted = common(wanted, access_mask);
  if (!empty()) {
    if (const os::status outcome = os::protect(data_, size_, to_access(wanted)); !outcome) fail(outcome, size_);
  }
  flags_ = without(flags_, access_mask) | wanted;
}

std::size_t page_block::page_size() const noexcept {
  return includes(flags_, page_flags::large_pages) ? os::facts().large_page_size : os::facts().page_size;
}

std::size_t page_block::leaked_bytes() noexcept { return leaked_page_bytes(); }

os::access page_block::rights() const noexcept { return to_access(flags_); }

os::status page_block::create(std::size_t bytes, const page_options& options) noexcept {
  flags_ = options.flags;
  base_ = options.base;
  name_ = fixed_text<31>(options.name);
  checked_ = options.checked;
  if (bytes == 0) return {};
  if (os::facts().page_size == 0) return {memory_errc::page_size_unknown, 0};
  if (page_size() == 0) return {memory_errc::large_pages_unavailable, 0};
  std::size_t usable = 0;
  if (!checked_align_up(bytes, page_size(), usable)) return {memory_errc::size_overflow, 0};
  if (const os::status outcome = map_pages(usable); !outcome) return outcome;
  requested_ = bytes;
  start_generation();
  return {};
}

/// Makes `usable` bytes between guards where the flags say; sets data_, size_, lead_, total_ and base_honoured_ on
/// success.
os::status page_block::map_pages(std::size_t usable) noexcept {
  const std::size_t page = os::facts().page_size;
  std::size_t largest_total = 0;
  if (!checked_add(usable, page_size() + page, largest_total) || largest_total > max_object_bytes)
    return {memory_errc::size_overflow, 0};

  const bool fixed = includes(flags_, page_flags::base_fixed);
  os::placement where;
  if (fixed || includes(flags_, page_flags::base_hint)) {
    const bool possible = address_of(base_) >= page && (!fixed || is_aligned(base_, page_size()));
    if (fixed && !possible) return {memory_errc::invalid_address, 0};
    if (possible) {
      where.rule = fixed ? os::placement::how::fixed : os::placement::how::hint;
      where.address = reinterpret_cast<void*>(align_down(address_of(base_), page) - page);
    }
  }
  const os::status outcome =
      includes(flags_, page_flags::large_pages) ? map_large_pages(usable, where) : map_small_pages(usable, where);
  if (outcome) {
    base_honoured_ = data_ == base_;
    if (name_.size() != 0) (void)os::set_name(start(), total_, name_.c_str());
  }
  return outcome;
}

os::status page_block::map_small_pages(std::size_t usable, os::placement where) noexcept {
  const std::size_t page = os::facts().page_size;
  // Large blocks all lie alike within large pages: whole page tables can move when they are resized, and advice for
  // huge pages finds aligned ranges.
  const std::size_t large = os::facts().advised_page_size;
  const bool aligned = where.rule == os::placement::how::anywhere && large != 0 && usable >= 2 * large;
  os::mapping made = map_guarded_pages(usable, aligned ? large : 1, rights(), where);
  // Aligning takes more address space for a moment than there may be.
  if (!made && aligned) made = map_guarded_pages(usable, 1, rights(), where);
  if (!made) return made.outcome;

  void* const start = static_cast<std::byte*>(made.address) - page;
  const std::size_t total = page + usable + page;
  if (const os::status outcome = finish_pages(start, total); !outcome) {
    give_back_pages(start, total);
    return outcome;
  }
  data_ = made.address;
  size_ = usable;
  lead_ = page;
  total_ = total;
  return {};
}

os::status page_block::map_large_pages(std::size_t usable, os::placement where) noexcept {
  const std::size_t page = os::facts().page_size;
  const bool fixed = where.rule == os::placement::how::fixed;
  std::size_t lead = page;
  std::size_t total = lead + usable + page;
  os::mapping made;
  if (fixed || (where.rule == os::placement::how::hint && is_aligned(base_, page_size()))) {
    where.rule = os::placement::how::fixed;
    made = os::reserve(total, 1, where);
    if (fixed && !made) return made.outcome;
  }
  if (!made) {
    lead = page_size();
    total = lead + usable + page;
    made = os::reserve(total, page_size());
  }
  if (!made) return made.outcome;

  void* const data = at(made.address, lead);
  os::status outcome = os::commit_large(data, usable, rights());
  if (outcome) outcome = finish_pages(data, usable);
  if (!outcome) {
    give_back_pages(made.address, total);
    return outcome;
  }
  data_ = data;
  size_ = usable;
  lead_ = lead;
  total_ = total;
  return {};
}

/// What the flags ask for beyond access.
os::status page_block::finish_pages(void* p, std::size_t bytes) noexcept {
  if (!includes(flags_, page_flags::transient)) return {};
  const os::status outcome = os::advise(p, bytes, os::advice::no_dump);
  return outcome.error == memory_errc::not_supported ? os::status{} : outcome;
}

/// The pages behind the new end become the tail guard; all but one go back.
os::status page_block::shrink(std::size_t usable) noexcept {
  if (memory_tools::active()) memory_tools::unpoison(at(data_, usable), size_ - usable);
  if (includes(flags_, page_flags::large_pages)) {
    // Large mappings cannot be cut at small pages: the whole rest becomes the guard.
    if (const os::status outcome = os::decommit(at(data_, usable), size_ - usable); !outcome) return outcome;
    size_ = usable;
    return {};
  }
  if (const os::status outcome = os::guard(at(data_, usable), page_size()); !outcome) return outcome;
  size_ = usable;
  if (!cut_tail()) (void)os::decommit(at(data_, size_), tail_guard_size());
  return {};
}

/// Gives back what lies behind the first page of the tail guard. Fails only when the system has no map entry left to
/// split with; the rest then stays behind the guard until the next try or release().
bool page_block::cut_tail() noexcept {
  const std::size_t kept = lead_ + size_ + page_size();
  if (kept == total_) return true;
  if (!os::release(at(start(), kept), total_ - kept)) return false;
  total_ = kept;
  return true;
}

os::status page_block::grow(std::size_t usable, contents keep) noexcept {
  const os::status outcome = grow_in_place(usable);
  if (outcome) return outcome;
  return includes(flags_, page_flags::base_fixed) ? outcome : replace(usable, keep);
}

/// Maps more pages right behind the block and turns the old tail guard into usable pages, last of all.
os::status page_block::grow_in_place(std::size_t usable) noexcept {
  if (includes(flags_, page_flags::large_pages)) return {memory_errc::not_supported, 0};
  const std::size_t page = os::facts().page_size;
  std::size_t total = 0;
  if (!checked_add(lead_ + page, usable, total) || total > max_object_bytes) return {memory_errc::size_overflow, 0};
  if (!cut_tail()) return {memory_errc::not_supported, 0};  // old contents may be there

  void* const end = at(start(), total_);
  const std::size_t extra = total - total_;
  const os::placement behind{os::placement::how::fixed, end};
  const bool advice = os::facts().guard_advice;
  const os::mapping made = advice ? os::map(extra, 1, rights(), behind) : os::reserve(extra, 1, behind);
  if (!made) return made.outcome;

  os::status outcome;
  if (advice) {
    outcome = os::guard(at(end, extra - page), page);
  } else if (extra != page && rights() != os::access::none) {
    outcome = os::commit(end, extra - page, rights());
  }
  if (outcome) outcome = finish_pages(end, extra);
  if (outcome) outcome = os::unguard(at(data_, size_), tail_guard_size(), rights());
  if (!outcome) {
    give_back_pages(end, extra);
    return outcome;
  }
  size_ = usable;
  total_ = total;
  return {};
}

/// Another block takes over the contents; this one is given up only when nothing can fail any more.
os::status page_block::replace(std::size_t usable, contents keep) noexcept {
  page_block fresh;
  fresh.flags_ = flags_;
  fresh.base_ = base_;
  fresh.name_ = name_;
  if (const os::status outcome = fresh.map_pages(usable); !outcome) return outcome;
  if (keep == contents::preserve) {
    if (const os::status outcome = fresh.take_contents_of(*this); !outcome) return outcome;
  }
  std::swap(data_, fresh.data_);
  std::swap(size_, fresh.size_);
  std::swap(lead_, fresh.lead_);
  std::swap(total_, fresh.total_);
  base_honoured_ = fresh.base_honoured_;
  return {};
}

/// Moves or copies the usable bytes of `old`, which is smaller and has the same access. After a move `old` owns its
/// guards only through this function, which gives them back: the hole between them is not ours any more.
os::status page_block::take_contents_of(page_block& old) noexcept {
  if (memory_tools::active())
    memory_tools::unpoison(old.data_, old.size_);  // an arena on the block may have poisoned it
  if (!includes(flags_, page_flags::large_pages) && os::move_pages(old.data_, old.size_, data_)) {
    give_back_pages(old.start(), old.lead_);
    give_back_pages(at(old.data_, old.size_), old.tail_guard_size());
    old.data_ = nullptr;
    old.size_ = old.lead_ = old.total_ = 0;
    return {};
  }

  const bool readable = includes(rights(), os::access::read);
  const bool writable = includes(rights(), os::access::write);
  os::status outcome;
  if (!writable) outcome = os::protect(data_, size_, os::access::read_write);
  if (outcome && !readable) outcome = os::protect(old.data_, old.size_, os::access::read);
  if (!outcome) return outcome;
  std::memcpy(data_, old.data_, old.size_);
  if (!writable) outcome = os::protect(data_, size_, rights());
  if (!outcome && !readable && !os::protect(old.data_, old.size_, old.rights()))
    old.flags_ = old.flags_ | page_flags::read;  // flags() tells the truth
  return outcome;
}

os::status page_block::zero_all() noexcept {
  const bool by_writing = includes(flags_, page_flags::large_pages) && !includes(rights(), os::access::write);
  if (!by_writing) {
    const os::status outcome = os::zero_pages(data_, size_, rights());
    if (outcome) (void)finish_pages(data_, size_);  // new pages may have replaced the old ones
    return outcome;
  }
  // Pages that replace large ones would be small: these are made writable for the moment instead.
  if (const os::status outcome = os::protect(data_, size_, os::access::read_write); !outcome) return outcome;
  (void)os::zero_pages(data_, size_, os::access::read_write);
  const os::status restored = os::protect(data_, size_, rights());
  if (!restored) flags_ = without(flags_, access_mask) | page_flags::rw;  // flags() tells the truth
  return restored;
}

void page_block::adopt(page_block& other) noexcept {
  data_ = std::exchange(other.data_, nullptr);
  size_ = std::exchange(other.size_, 0);
  requested_ = std::exchange(other.requested_, 0);
  lead_ = std::exchange(other.lead_, 0);
  total_ = std::exchange(other.total_, 0);
  generation_ = other.generation_;
  base_ = other.base_;
  flags_ = other.flags_;
  base_honoured_ = std::exchange(other.base_honoured_, false);
  checked_ = other.checked_;
  name_ = other.name_;
  if (generation_ != 0) other.start_generation();
}

void page_block::unmap() noexcept {
  if (!empty()) give_back_pages(start(), total_);
}

void page_block::verify_zero(std::size_t from) const {
  if (!checked_ || !includes(flags_, page_flags::zeroed | page_flags::read)) return;
  const auto* bytes = static_cast<const unsigned char*>(data_);
  const auto* found = std::find_if(bytes + from, bytes + size_, [](unsigned char byte) { return byte != 0; });
  if (found != bytes + size_) report_misuse({misuse_kind::not_zero, display_name(), found});
}

std::string_view page_block::display_name() const noexcept {
  return name_.size() != 0 ? std::string_view(name_) : "page_block";
}

void page_block::start_generation() noexcept { generation_ = ++last_generation; }

void page_block::fail(const os::status& why, std::size_t bytes) const {
  throw allocation_error({why.error, display_name(), bytes, 0, 0, why.os_code});
}

}  // namespace allot
