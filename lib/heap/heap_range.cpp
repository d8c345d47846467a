#include <algorithm>
#include <allot/core/bits.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/heap/free_tree.hpp>
#include <allot/heap/heap_range.hpp>
#include <new>
#include <utility>

namespace allot {
namespace {

constexpr std::size_t granule = granule_table::granule;
using word_pair = granule_table::word_pair;

constexpr std::size_t table_bytes(std::size_t granules) noexcept {
  return granule_table::pairs_for(granules) * sizeof(word_pair);
}

std::size_t in_pages(std::size_t bytes, std::size_t page) noexcept { return (bytes + page - 1) / page * page; }

}  // namespace

/// What a range on own reservations has besides.
struct heap_range::reserved_parts {
  reserved_range blocks;
  reserved_range books;
  std::size_t page = 0;
  std::uint64_t* dropped = nullptr;  // a bit for each page, once there is such a page

  std::size_t dropped_bytes() const noexcept {
    return in_pages(words_for(blocks.size() / page) * sizeof(std::uint64_t), os::facts().page_size);
  }
};

// ---- making

namespace {
constexpr std::size_t header = (sizeof(heap_range) + granule - 1) / granule * granule;
}

constexpr std::size_t heap_range::reserved_header = align_up(header + sizeof(reserved_parts), granule);

std::size_t heap_range::bytes_for(std::size_t granules) noexcept {
  return granule - 1 + header + table_bytes(granules) + granules * granule;
}

std::size_t heap_range::granules_in(const void* memory, std::size_t bytes) noexcept {
  const std::size_t lost = padding_for(address_of(memory), granule) + header;
  if (bytes < lost + table_bytes(1) + granule) return 0;
  const std::size_t room = bytes - lost;
  // 65 pairs of words are as many bytes as 64 granules with a pair for them.
  std::size_t granules = (room - table_bytes(0)) / (65 * granule) * 64 + 64;
  while (table_bytes(granules) + granules * granule > room) --granules;
  return granules;
}

heap_range* heap_range::make_in(void* memory, std::size_t bytes, bool watched) noexcept {
  const std::size_t granules = memory != nullptr ? granules_in(memory, bytes) : 0;
  if (granules == 0) return nullptr;
  auto* const first = static_cast<std::byte*>(memory) + padding_for(address_of(memory), granule);
  auto* const made = ::new (first) heap_range;
  std::byte* const table = first + header;
  made->begin_ = made->nodes_ = table + table_bytes(granules);
  made->most_granules_ = granules;
  made->memory_ = memory;
  made->bytes_ = bytes;
  if (watched && !made->map_nodes()) return nullptr;
  made->table_ = granule_table(reinterpret_cast<word_pair*>(table));
  made->table_.clear(granules);
  made->table_.start();
  made->set_granules(granules);
  return made;
}

os::status heap_range::make_reserved(std::size_t bytes, std::size_t least, const commit_ladder& ladder, bool watched,
                                     heap_range*& result) noexcept {
  result = nullptr;
  reserved_range blocks;
  if (const os::status outcome = blocks.reserve(bytes, least, ladder); !outcome) return outcome;
  const std::size_t granules = blocks.size() / granule;
  commit_ladder small_steps;
  small_steps.page_size = ladder.page_size;
  small_steps.policy = commit_policy::fixed_step;
  small_steps.fixed_step = ladder.page_size;
  reserved_range books;
  const std::size_t book_bytes = reserved_header + table_bytes(granules);
  if (const os::status outcome = books.reserve(book_bytes, book_bytes, small_steps); !outcome) return outcome;
  if (const os::status outcome = books.commit(reserved_header + table_bytes(0)); !outcome) return outcome;

  auto* const made = ::new (books.data()) heap_range;
  made->begin_ = made->nodes_ = blocks.data();
  made->most_granules_ = granules;
  if (watched && !made->map_nodes()) return {memory_errc::out_of_memory, 0};
  made->table_ = granule_table(reinterpret_cast<word_pair*>(books.data() + reserved_header));
  made->table_.start();
  std::byte* const parts = books.data() + header;
  made->reserved_ = ::new (parts) reserved_parts{std::move(blocks), std::move(books), ladder.page_size, nullptr};
  result = made;
  return {};
}

/// For a memory tool.
bool heap_range::map_nodes() noexcept {
  const std::size_t bytes = in_pages(most_granules_ * granule, os::facts().page_size);
  const os::mapping made = os::map(bytes, 1, os::access::read_write);
  if (made) nodes_ = static_cast<std::byte*>(made.address);
  return static_cast<bool>(made);
}

void heap_range::drop(heap_range& range) noexcept {
  if (range.nodes_ != range.begin_) {
    memory_tools::unpoison(range.begin_, range.granules_ * granule);
    (void)os::release(range.nodes_, in_pages(range.most_granules_ * granule, os::facts().page_size));
  }
  if (range.reserved_ == nullptr) return;
  if (range.reserved_->dropped != nullptr)
    (void)os::release(range.reserved_->dropped, range.reserved_->dropped_bytes());
  // The books hold their own owner.
  reserved_range books(std::move(range.reserved_->books));
  reserved_range blocks(std::move(range.reserved_->blocks));
}

// ---- growing and shrinking

std::size_t heap_range::books_for(std::size_t granules) const noexcept {
  return reserved_header + table_bytes(granules);
}

os::status heap_range::grow(std::size_t least) noexcept {
  if (least <= granules_) return {};
  if (reserved_ == nullptr) return {memory_errc::limit_reached, 0};
  if (const os::status outcome = reserved_->blocks.commit(least * granule); !outcome) return outcome;
  const std::size_t granules = reserved_->blocks.committed() / granule;
  if (const os::status outcome = reserved_->books.commit(books_for(granules)); !outcome) {
    (void)reserved_->blocks.decommit(granules_ * granule);
    return outcome;
  }
  set_granules(granules);
  return {};
}

void heap_range::set_granules(std::size_t granules) noexcept {
  if (nodes_ != begin_ && granules > granules_)
    memory_tools::poison(begin_ + granules_ * granule, (granules - granules_) * granule);
  table_.move_end(granules_, granules);
  granules_ = granules;
  bytes_in_blocks_ = granules * granule;
}

void heap_range::shrink(std::size_t kept) noexcept {
  if (reserved_ == nullptr) return;
  const std::size_t before = reserved_->blocks.committed();
  if (!reserved_->blocks.decommit(kept * granule) || reserved_->blocks.committed() == before) return;
  const std::size_t left = reserved_->blocks.committed() / granule;
  touch(left, granules_ - left);
  set_granules(left);
  (void)reserved_->books.decommit(books_for(left));
}

// ---- pages

std::size_t heap_range::drop_pages(std::size_t at, std::size_t granules, std::size_t threshold) noexcept {
  if (reserved_ == nullptr) return 0;
  const std::size_t page = reserved_->page;
  const std::size_t kept = nodes_ == begin_ ? sizeof(free_tree::node) : 0;
  const std::size_t first = in_pages(at * granule + kept, page) / page;
  const std::size_t end = (at + granules) * granule / page;
  if (end <= first || (end - first) * page < threshold) return 0;
  if (reserved_->dropped == nullptr) {
    const os::mapping made = os::map(reserved_->dropped_bytes(), 1, os::access::read_write);
    if (!made) return 0;
    reserved_->dropped = static_cast<std::uint64_t*>(made.address);
  }
  std::uint64_t* const dropped = reserved_->dropped;
  std::size_t count = 0;
  for (std::size_t from = find_bit(dropped, first, end, false); from < end;) {
    const std::size_t to = find_bit(dropped, from, end, true);
    std::byte* const begin = begin_ + from * page;
    if (nodes_ != begin_) memory_tools::unpoison(begin, (to - from) * page);
    if (os::zero_pages(begin, (to - from) * page, os::access::read_write)) {
      for (std::size_t i = from; i < to; ++i) set_bit(dropped, i);
      count += to - from;
    }
    if (nodes_ != begin_) memory_tools::poison(begin, (to - from) * page);
    from = find_bit(dropped, to, end, false);
  }
  dropped_pages_ += count;
  return count * page;
}

void heap_range::touch_pages(std::size_t at, std::size_t granules) noexcept {
  const std::size_t page = reserved_->page;
  std::uint64_t* const dropped = reserved_->dropped;
  const std::size_t end = ((at + granules) * granule - 1) / page + 1;
  for (std::size_t i = find_bit(dropped, at * granule / page, end, true); i < end;
       i = find_bit(dropped, i + 1, end, true)) {
    clear_bit(dropped, i);
    --dropped_pages_;
  }
}

// ---- bytes

std::size_t heap_range::held_bytes() const noexcept {
  return reserved_ != nullptr ? reserved_->blocks.size() + reserved_->books.size() : bytes_;
}

// What was committed for granules that were refused after all does not count; they have it when they come.

std::size_t heap_range::committed_bytes() const noexcept {
  if (reserved_ == nullptr) return bytes_;
  return granules_ * granule - dropped_pages_ * reserved_->page + book_bytes();
}

std::size_t heap_range::book_bytes() const noexcept {
  if (reserved_ == nullptr) return bytes_ - most_granules_ * granule;
  return in_pages(books_for(granules_), reserved_->page);
}

}  // namespace allot
