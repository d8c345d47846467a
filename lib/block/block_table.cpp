#include <algorithm>
#include <allot/block/block_table.hpp>
#include <allot/block/guarded_pages.hpp>
#include <allot/core/checked_size.hpp>
#include <cstdint>

namespace allot {
namespace {

std::size_t bytes_for(std::size_t slots) noexcept {
  return align_up(slots * sizeof(block_table::entry), os::facts().page_size);
}

void give_back(const block_table::entry* table, std::size_t slots) noexcept {
  const std::size_t page = os::facts().page_size;
  (void)os::release(reinterpret_cast<std::byte*>(const_cast<block_table::entry*>(table)) - page,
                    bytes_for(slots) + 2 * page);
}

}  // namespace

inline std::size_t block_table::home(const void* p) const noexcept {
  // Multiplicative hashing (Knuth, 6.4); the bits from the middle up depend on all below them.
  constexpr std::uint64_t golden = 0x9e3779b97f4a7c15;
  const std::uint64_t mixed = address_of(p) * golden;
  return static_cast<std::size_t>(mixed >> 32) & (slots_ - 1);
}

os::status block_table::prepare_insert(std::size_t blocks) noexcept {
  std::size_t slots = std::max<std::size_t>(slots_, 128);
  while (size_ + blocks > slots - slots / 4) slots *= 2;  // at most three quarters full
  if (slots == slots_) return {};
  const os::mapping made = map_guarded_pages(bytes_for(slots), 1, os::access::read_write);
  if (!made) return made.outcome;

  const entry* const old = table_;
  const std::size_t old_slots = slots_;
  table_ = static_cast<entry*>(made.address);  // zero pages are empty slots
  slots_ = slots;
  size_ = 0;
  for (std::size_t i = 0; i < old_slots; ++i)
    if (old[i].address != nullptr) insert(old[i]);
  if (old != nullptr) give_back(old, old_slots);
  return {};
}

void block_table::insert(const entry& block) noexcept {
  std::size_t slot = home(block.address);
  while (table_[slot].address != nullptr) slot = next(slot);
  table_[slot] = block;
  ++size_;
}

const block_table::entry* block_table::find(const void* p) const noexcept {
  if (size_ == 0 || p == nullptr) return nullptr;
  for (std::size_t slot = home(p); table_[slot].address != nullptr; slot = next(slot))
    if (table_[slot].address == p) return &table_[slot];
  return nullptr;
}

void block_table::erase(entry* found) noexcept {
  auto hole = static_cast<std::size_t>(found - table_);
  for (std::size_t slot = next(hole); table_[slot].address != nullptr; slot = next(slot)) {
    // An entry may move back to the hole unless its home lies between the hole and itself.
    const std::size_t from_home = (slot - home(table_[slot].address)) & (slots_ - 1);
    const std::size_t from_hole = (slot - hole) & (slots_ - 1);
    if (from_home < from_hole) continue;
    table_[hole] = table_[slot];
    hole = slot;
  }
  table_[hole] = entry{};
  --size_;
}

void block_table::clear() noexcept {
  if (table_ != nullptr) give_back(table_, slots_);
  table_ = nullptr;
  slots_ = size_ = 0;
}

}  // namespace allot
