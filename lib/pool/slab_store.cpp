#include <algorithm>
#include <allot/core/bits.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/os/virtual_memory.hpp>
#include <allot/pool/slab_store.hpp>
#include <iterator>
#include <new>
#include <utility>

#include "slab_store/chunk.hpp"

namespace allot {
namespace {

constexpr std::size_t largest_possible_slab = std::size_t{64} << 10;
constexpr std::size_t fewest_taken = 8;  // where one slab has less, the next one's blocks are taken, too
constexpr std::size_t largest_possible_chunk = std::size_t{128} << 20;

pool_options normalized(pool_options options) noexcept {
  options.growth = options.growth > 1.05 ? std::min(options.growth, 4.0) : 1.05;  // also for what is no number
  if (options.sizes == nullptr) options.size_count = 0;
  options.size_count = std::min(options.size_count, size_table::most_classes);
  if (options.largest_required_pool_block == 0 || options.largest_required_pool_block > size_table::largest)
    options.largest_required_pool_block = size_table::largest;
  options.magazine_blocks = std::clamp<std::size_t>(options.magazine_blocks, 1, 4096);
  options.magazine_bytes = std::clamp<std::size_t>(options.magazine_bytes, 1, std::size_t{16} << 20);
  options.fewest_in_magazine = std::clamp<std::size_t>(options.fewest_in_magazine, 1, 4096);
  options.largest_slab = std::min(options.largest_slab, largest_possible_slab);
  options.first_chunk = std::clamp<std::size_t>(options.first_chunk, 1024, largest_possible_chunk);
  options.largest_chunk = std::clamp(options.largest_chunk, options.first_chunk, largest_possible_chunk);
  options.name = {};  // the pool holds a copy; the caller's text may go
  return options;
}

}  // namespace

slab_store::slab_store(const pool_options& options, std::pmr::memory_resource* upstream) noexcept
    : sizes_(size_table::shared(options)),
      upstream_(upstream),
      options_(normalized(options)),
      watched_(memory_tools::active()) {
  std::copy_n(options.sizes, options_.size_count, exact_sizes_);
  options_.sizes = options_.size_count != 0 ? exact_sizes_ : nullptr;
  if (sizes_ != nullptr) class_count_ = sizes_->classes_up_to(options_.largest_required_pool_block);
}

pool_options slab_store::options() const noexcept {
  pool_options options = options_;
  size_table to_come;
  if (!started()) size_table::build(options_, to_come);
  const size_table& sizes = started() ? *sizes_ : to_come;
  options.largest_required_pool_block = sizes.bytes[sizes.classes_up_to(options_.largest_required_pool_block) - 1];
  if (options.max_blocks_per_chunk == 0) options.max_blocks_per_chunk = options.largest_chunk / size_table::smallest;
  return options;
}

// ---- sizes

void slab_store::start() {
  if (started()) return;
  own_sizes_ = ::new (upstream_->allocate(sizeof(size_table), alignof(size_table))) size_table;
  held_ += sizeof(size_table);
  size_table::build(options_, *own_sizes_);
  sizes_ = own_sizes_;
  class_count_ = sizes_->classes_up_to(options_.largest_required_pool_block);
}

std::size_t slab_store::class_of(std::size_t bytes, std::size_t alignment) const noexcept {
  if (!is_power_of_two(alignment)) return size_table::no_class;
  const std::size_t found = sizes_->class_of(std::max<std::size_t>(bytes, 1), alignment);
  return found < class_count_ ? found : size_table::no_class;
}

std::uint32_t slab_store::magazine_capacity(std::size_t index) const noexcept {
  const std::size_t by_bytes = std::max(options_.magazine_bytes / sizes_->bytes[index], options_.fewest_in_magazine);
  return static_cast<std::uint32_t>(std::min(by_bytes, options_.magazine_blocks));
}

/// How blocks of a class lie in a slab.
slab_store::shape slab_store::shape_of(std::size_t index) const noexcept {
  shape found;
  found.bytes = sizes_->bytes[index];
  found.alignment = std::min(found.bytes & (~found.bytes + 1), size_table::largest_alignment);
  const std::size_t page = os::facts().page_size;
  if (options_.page_local && is_power_of_two(page) && found.bytes <= page) {
    const std::size_t window =
        found.bytes <= size_table::largest_alignment ? std::min(page, size_table::largest_alignment) : page;
    if (window % found.bytes != 0) {
      found.window_shift = log2_of(window);
      found.per_window = window / found.bytes;
      found.alignment = std::max(found.alignment, window);
    } else {
      found.alignment = std::max(found.alignment, found.bytes);  // it divides a page, and lies within one if aligned so
    }
  }
  const std::size_t wanted =
      std::clamp(classes_[index].counts.bytes / 2, found.bytes, std::max(found.bytes, options_.largest_slab));
  found.slab_bytes = std::max(wanted, found.bytes);
  // Where there are many slabs of few blocks, longer ones are no loss, and their ends add up.
  constexpr std::size_t many = 16 * chunk::largest_unit;
  const bool few_blocks = found.bytes > options_.largest_slab / 16;
  found.acceptable = few_blocks && classes_[index].counts.bytes >= many ? 128 : 16;
  return found;
}

// ---- blocks

std::uint32_t slab_store::take(std::size_t index, void** blocks, std::uint32_t most) {
  if (classes_[index].first_open == nullptr) new_slab(index);
  const std::uint32_t taken = take_open(index, blocks, most);
  taken_ += taken * std::size_t{sizes_->bytes[index]};
  return taken;
}

std::uint32_t slab_store::take_open(std::size_t index, void** blocks, std::uint32_t most) noexcept {
  class_state& state = classes_[index];
  std::uint32_t taken = 0;
  while (state.first_open != nullptr && taken < most) {
    slab& from = *state.first_open;
    from.take([&](void* p) {
      if (watched_) memory_tools::hand_out(p, from.block_bytes);
      blocks[taken++] = p;
      return taken < most;
    });
    if (from.free == 0) unlink(from);
    if (taken >= fewest_taken) break;
  }
  state.counts.free -= taken;
  return taken;
}

inline slab_store::chunk* slab_store::chunk_of(const void* p) const noexcept {
  const std::uintptr_t at = address_of(p);
  chunk* const found = found_[(at >> found_shift_) % found_slots];
  return ALLOT_LIKELY(found != nullptr && at - address_of(found) < found->bytes) ? found : search_chunk(p);
}

ALLOT_NEVER_INLINE slab_store::chunk* slab_store::search_chunk(const void* p) const noexcept {
  if (entry_count_ == 0) return nullptr;
  const std::uintptr_t at = address_of(p);
  const chunk_entry* nearest = entries_;
  for (std::size_t count = entry_count_; count > 1;) {
    const std::size_t half = count / 2;
    nearest += nearest[half].begin <= at ? half : 0;
    count -= half;
  }
  if (at - nearest->begin >= nearest->held->bytes) return nullptr;
  return found_[(at >> found_shift_) % found_slots] = nearest->held;
}

inline slab_store::slab* slab_store::slab_of(const void* p) const noexcept {
  chunk* const home = chunk_of(p);
  return home != nullptr ? home->slab_of(p) : nullptr;
}

/// Marks a block free; who calls this counts it. False where there is no such block, or it is free already.
ALLOT_ALWAYS_INLINE bool slab_store::give(std::size_t index, void* p) noexcept {
  slab* const home = slab_of(p);
  std::size_t at = 0;
  if (home == nullptr || home->class_index != index || !home->number_of(p, at) || !home->give(at)) return false;
  if (home->free == 1) link(*home);
  if (home->free == home->blocks && !is_kept(*home)) retire(*home);
  return true;
}

void slab_store::put(std::size_t index, void** blocks, std::uint32_t count, std::string_view pool) {
  const std::size_t before = held_;
  std::uint32_t wrong = 0;
  for (std::uint32_t i = 0; i < count; ++i)
    if (!ALLOT_LIKELY(give(index, blocks[i]))) blocks[wrong++] = blocks[i];
  classes_[index].counts.free += count - wrong;
  taken_ -= (count - wrong) * std::size_t{sizes_->bytes[index]};
  if (held_ < before) log_given_back(before - held_);
  for (std::uint32_t i = 0; i < wrong; ++i) {
    const verdict found = judge(blocks[i], index);
    report_misuse({found.kind, pool, blocks[i], sizes_->bytes[index], found.block_bytes, true, false});
  }
}

// ---- magazines' own blocks

magazine_array* slab_store::make_array(std::size_t index, std::uint32_t capacity_now) noexcept {
  constexpr std::size_t first_bytes = 64;
  constexpr std::size_t growth = 4;
  const std::uint32_t wanted = magazine_capacity(index);
  if (capacity_now >= wanted) return nullptr;
  std::size_t bytes = first_bytes;
  while (magazine_array::bytes_for(capacity_now) >= bytes) bytes *= growth;
  bytes = std::min({bytes, magazine_array::bytes_for(wanted), size_table::largest});
  std::size_t from = sizes_->class_of(bytes, alignof(magazine_array));
  if (from >= class_count_) from = class_count_ - 1;
  const std::size_t room = (sizes_->bytes[from] - sizeof(magazine_array)) / sizeof(void*);
  if (room <= capacity_now) return nullptr;

  // Little of what there is goes into magazines.
  constexpr std::size_t share_of_class = 8;
  constexpr std::size_t share_of_pool = 16;
  if (sizes_->bytes[from] > classes_[index].counts.bytes / share_of_class) return nullptr;
  if (classes_[from].first_open == nullptr) {
    if (chunk::largest_unit > held_ / share_of_pool) return nullptr;
    const shape blocks = shape_of(from);
    if (!slab_from_chunks(from, blocks) && !(reclaim() && slab_from_chunks(from, blocks))) return nullptr;
  }
  void* p = nullptr;
  if (take_open(from, &p, 1) == 0) return nullptr;
  ++arrays_;
  ++classes_[from].counts.arrays;
  return ::new (p) magazine_array{nullptr, 0, std::min(wanted, static_cast<std::uint32_t>(room))};
}

void slab_store::drop_array(magazine_array& array) noexcept {
  const std::size_t before = held_;
  const std::size_t index = slab_of(&array)->class_index;
  --arrays_;
  --classes_[index].counts.arrays;
  ++classes_[index].counts.free;
  (void)give(index, &array);
  if (held_ < before) log_given_back(before - held_);
}

/// Until trim() these slabs are for that size only.
void slab_store::preallocate(std::size_t index, std::size_t count) {
  class_state& state = classes_[index];
  for (slab* each = state.first_open; each != nullptr; each = each->next) each->made_ahead = true;
  while (state.counts.free < count) {
    new_slab(index);
    state.last_open->made_ahead = true;
  }
}

slab_store::verdict slab_store::judge(const void* p, std::size_t index) const noexcept {
  chunk* const held = chunk_of(p);
  const slab* const home = held != nullptr ? held->slab_of(p) : nullptr;
  // Where its slab has gone, it must have been free.
  if (home == nullptr && held != nullptr && p >= held->units) return {false, misuse_kind::double_free, 0};
  std::size_t at = 0;
  if (home == nullptr || !home->number_of(p, at)) return {};
  if (home->is_free(at)) return {false, misuse_kind::double_free, home->block_bytes};
  if (home->class_index != index) return {false, misuse_kind::wrong_size, home->block_bytes};
  return {true, misuse_kind::foreign_pointer, home->block_bytes};
}

bool slab_store::owns(const void* p) const noexcept {
  return chunk_of(p) != nullptr || (own_sizes_ != nullptr && range_contains(own_sizes_, sizeof(size_table), p, 1)) ||
         (entries_ != near_ && range_contains(entries_, entry_room_ * sizeof(chunk_entry), p, 1));
}

block_info slab_store::find(const void* p) const noexcept {
  const slab* const home = slab_of(p);
  if (home == nullptr) return {};
  const std::size_t at = home->number_around(p);
  if (at >= home->blocks || !range_contains(home->block(at), home->block_bytes, p, 1)) return {};
  return {home->block(at), home->block_bytes, false, home->is_free(at) ? block_state::free : block_state::used};
}

block_extent slab_store::live_block(const void* p) const noexcept {
  const chunk* const home = chunk_of(p);
  if (home == nullptr) return {};
  if (sightings_ != nullptr) sightings_->note(p, home, home->bytes);
  return live_block_in(home, p);
}

/// Whatever the alignment was, the block's own size leads to its class.
block_extent slab_store::live_block_in(const void* chunk, const void* p) noexcept {
  const slab* const home = static_cast<const slab_store::chunk*>(chunk)->slab_of(p);
  std::size_t at = 0;
  if (home == nullptr || !home->number_of(p, at)) return {};
  return {home->block_bytes, 1};
}

std::size_t slab_store::class_in(const void* chunk, const void* p) noexcept {
  const slab* const home = static_cast<const slab_store::chunk*>(chunk)->slab_of(p);
  std::size_t at = 0;
  return home != nullptr && home->number_of(p, at) ? home->class_index : std::size_t{size_table::no_class};
}

void slab_store::mark(const void* p, bool free) const noexcept {
  slab* const home = slab_of(p);
  std::size_t at = 0;
  if (home != nullptr && home->number_of(p, at)) home->set(at, free);
}

void slab_store::for_each_free(block_visitor visitor) const {
  for (std::size_t i = 0; i < entry_count_; ++i) {
    entries_[i].held->for_each_slab([&](const slab& each) {
      for (std::size_t at = 0; at < each.blocks; ++at)
        if (each.is_free(at)) visitor({each.block(at), each.block_bytes, false, block_state::free});
    });
  }
  for_each_unused(visitor);
}

void slab_store::for_each_used(block_visitor visitor) const {
  for (std::size_t i = 0; i < entry_count_; ++i) {
    entries_[i].held->for_each_slab([&](const slab& each) {
      for (std::size_t at = 0; at < each.blocks; ++at)
        if (!each.is_free(at)) visitor({each.block(at), each.block_bytes, false, block_state::used});
    });
  }
}

// ---- slabs

/// Whether a slab stays though it is empty.
bool slab_store::is_kept(const slab& empty) const noexcept {
  if (empty.made_ahead) return true;
  const class_state& state = classes_[empty.class_index];
  return options_.returns == chunk_return::by_trim && state.first_open == &empty && state.last_open == &empty;
}

void slab_store::link(slab& open) noexcept {
  class_state& state = classes_[open.class_index];
  open.next = nullptr;
  open.previous = state.last_open;
  (state.last_open != nullptr ? state.last_open->next : state.first_open) = &open;
  state.last_open = &open;
}

void slab_store::unlink(slab& open) noexcept {
  class_state& state = classes_[open.class_index];
  (open.previous != nullptr ? open.previous->next : state.first_open) = open.next;
  (open.next != nullptr ? open.next->previous : state.last_open) = open.previous;
}

void slab_store::new_slab(std::size_t index) {
  const shape blocks = shape_of(index);
  if (slab_from_chunks(index, blocks) || (reclaim() && slab_from_chunks(index, blocks))) return;
  new_chunk(blocks);
  // A chunk has room for what it was made for; only huge pages to keep blocks in could ask for too many units.
  if (!slab_from_chunks(index, blocks)) throw std::bad_alloc();
}

/// The slab of a class that is empty and stays only until its units are needed. Null where there is none.
slab_store::slab* slab_store::spare_slab(const class_state& state) const noexcept {
  slab* const only = state.first_open;
  const bool spare = only != nullptr && only == state.last_open && only->free == only->blocks && !only->made_ahead;
  return spare ? only : nullptr;
}

/// Takes the units of such slabs. False where there are none.
bool slab_store::reclaim() noexcept {
  bool found = false;
  for (class_state& state : classes_) {
    slab* const spare = spare_slab(state);
    if (spare == nullptr) continue;
    retire(*spare);
    found = true;
  }
  return found;
}

std::size_t slab_store::spare_tail_bytes() const noexcept {
  std::size_t bytes = 0;
  for (const class_state& state : classes_)
    if (const slab* const spare = spare_slab(state); spare != nullptr)
      bytes += spare->owner->bytes_of(*spare) - std::size_t{spare->blocks} * spare->block_bytes;
  return bytes;
}

/// As long as it should be where there is room for that, else the longest there is.
bool slab_store::slab_from_chunks(std::size_t index, const shape& blocks) noexcept {
  chunk* best = nullptr;
  run longest;
  for (std::size_t i = 0; i < entry_count_; ++i) {
    chunk& held = *entries_[i].held;
    if (held.free_units == 0) continue;
    const run found = held.find_run(held.units_for(blocks), held.units_for_one(blocks));
    if (found.units == 0) continue;
    if (found.units >= held.units_for(blocks)) {
      make_slab(held, {found.first, held.units_for(blocks)}, index, blocks);
      return true;
    }
    if (best == nullptr || found.units << held.unit_shift > longest.units << best->unit_shift) {
      best = &held;
      longest = found;
    }
  }
  if (best == nullptr) return false;
  make_slab(*best, longest, index, blocks);
  return true;
}

void slab_store::make_slab(chunk& from, const run& units, std::size_t index, const shape& blocks) noexcept {
  if (from.is_empty()) --empty_chunks_;
  slab& made = from.make_slab(units, index, blocks);
  account& counts = classes_[index].counts;
  counts.blocks += made.blocks;
  counts.free += made.blocks;
  counts.bytes += from.bytes_of(made);
  ++counts.slabs;
  link(made);
}

void slab_store::retire(slab& empty) noexcept {
  chunk& home = *empty.owner;
  unlink(empty);
  account& counts = classes_[empty.class_index].counts;
  counts.blocks -= empty.blocks;
  counts.free -= empty.blocks;
  counts.bytes -= home.bytes_of(empty);
  --counts.slabs;
  home.retire(empty);
  if (!home.is_empty()) return;
  ++empty_chunks_;
  if (options_.returns == chunk_return::at_once && empty_chunks_ > (options_.keep_spare ? 1U : 0U)) give_back(home);
}

}  // namespace allot
