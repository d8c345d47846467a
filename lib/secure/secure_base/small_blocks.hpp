#pragma once

#include <allot/core/resource.hpp>
#include <allot/core/size_classes.hpp>
#include <allot/os/virtual_memory.hpp>
#include <array>
#include <cstddef>
#include <cstdint>

#include "context.hpp"
#include "features.hpp"
#include "patterns.hpp"
#include "quarantine.hpp"
#include "slab.hpp"

namespace allot::secure {

/// Blocks that share slabs with others of their size. Not thread-safe.
class small_blocks {
 public:
  static constexpr std::size_t largest_place = size_classes::largest;
  static constexpr std::size_t largest_alignment = 4096;

  explicit small_blocks(secure_context& context) noexcept;
  small_blocks(const small_blocks&) = delete;
  small_blocks& operator=(const small_blocks&) = delete;
  ~small_blocks();

  struct size_class;

  /// Where a request goes; null when it is not for here. Blocks of 0 bytes have places of their own.
  size_class* class_for(std::size_t bytes, std::size_t alignment) noexcept {
    if (!ALLOT_LIKELY(bytes - 1 < largest_ && alignment <= largest_alignment))
      return bytes != 0 || alignment > largest_alignment
                 ? nullptr
                 : &classes_[size_classes::count + (alignment > size_classes::smallest ? 1 : 0)];
    // Not more than largest_place, of which every alignment is a divisor.
    const std::size_t unit = alignment < 8 ? 8 : alignment;
    return &classes_[class_of_eighths_[align_up(bytes + behind_, unit) / 8]];
  }

  /// Null, and context.outcome says why, when there is no memory. What is found damaged on the way is in context.found.
  void* allocate(size_class& from, std::size_t bytes, std::size_t alignment);
  /// False, with nothing changed, when there is no such block; damage around it is in context.found.
  bool deallocate(size_class& from, void* p, std::size_t bytes, std::size_t alignment);
  bool try_expand(size_class& of, void* p, std::size_t old_bytes, std::size_t new_bytes, std::size_t alignment);

  /// What lies at an address of one of the regions.
  struct location {
    enum class what { outside, guard, unused, place };
    what is = what::outside;
    std::byte* begin = nullptr;  // of the block, for a place
    record about = 0;
    std::size_t place_bytes = 0;
    bool intact = true;  // what is remembered of the place
  };
  location locate(const void* p) const noexcept;

  bool check();
  void for_each_block(block_visitor visitor) const;  ///< freed ones too, until their place is used again
  std::size_t trim() noexcept;
  /// Calls visit(begin, bytes, opened) for every region: of its `bytes`, `opened` may have been handed out.
  template <class Visit>
  void for_each_region(Visit visit) const {
    for (const size_class& each : classes_)
      for (const region* r = each.newest; r != nullptr; r = r->older)
        visit(r->base, r->bytes, r->opened << each.slab_shift, r->scattered);
  }

  std::size_t quarantined_blocks() const noexcept;
  std::size_t quarantined_bytes() const noexcept;
  std::size_t guards_left_out() const noexcept { return guards_left_out_; }
  /// Of the smallest blocks, and of the largest.
  std::size_t most_places() const noexcept { return classes_.front().places; }
  std::size_t fewest_places() const noexcept { return classes_[size_classes::count - 1].places; }
  bool guards_by_advice() const noexcept { return advice_; }

  /// What is done with places, so that the usual sets of options are known when this is compiled.
  enum class shape : unsigned char { bare, hardened, paranoid, any };

  /// Places of one size.
  struct size_class {
    std::uint32_t stride = 0;
    std::uint32_t reciprocal = 0;  // 2^32 / stride, rounded up
    std::uint32_t places = 0;      // in a slab
    std::uint32_t behind = 0;      // least bytes between a block and the next place
    unsigned slab_shift = 0;
    bool inaccessible = false;  // for blocks of 0 bytes
    shape as = shape::any;
    region* newest = nullptr;
    std::uint32_t worth_listing = 1;  // free places a slab must have to be used again
    std::uint32_t next_start = 0;     // where in a slab the next place is looked for
    slab* current = nullptr;          // where places are taken from
    slab* partial = nullptr;          // others with free places
    slab* returned = nullptr;         // given back to the system
    std::size_t empty = 0;            // accessible slabs with free places only
    slab** slabs = nullptr;           // by number, from 1 on
    std::uint32_t slabs_made = 0;
    std::uint32_t slabs_room = 0;
    quarantine freed;
    bool ready = false;  // has its quarantine
  };

 private:
  struct spot {
    region* in = nullptr;
    slab* of = nullptr;
    std::uint32_t place = 0;
    std::byte* begin = nullptr;
    explicit operator bool() const noexcept { return of != nullptr; }
  };

  static bool find_in(const size_class& from, region* in, const void* p, spot& found) noexcept;
  spot find(const size_class& from, const void* p) const noexcept;

  template <class Features>
  void* allocate_with(const Features& has, size_class& from, std::size_t bytes, std::size_t alignment);
  template <class Features>
  bool deallocate_with(const Features& has, size_class& from, void* p, std::size_t bytes, std::size_t alignment);
  template <class Features>
  std::uint32_t choose(const Features& has, const size_class& from, slab& of) noexcept;
  template <class Features>
  bool was_left_alone(const Features& has, const size_class& of, const std::byte* begin, record about);
  template <class Features>
  void look_before(const Features& has, const size_class& of, const spot& at, std::size_t bytes);
  void choose_ahead(size_class& from) noexcept;
  void look_before_slab(const size_class& of, const spot& at, std::size_t bytes);
  void note_underrun(const size_class& of, const spot& at, std::size_t bytes);
  void put_back(size_class& into, slab& of, std::uint32_t place) noexcept;
  void note_room(size_class& into, slab& of) noexcept;
  void empty_quarantine(size_class& of) noexcept;

  // Memory tools:
  void open_for_us(const size_class& of, const std::byte* begin) const noexcept;
  void close_for_others(const size_class& of, const std::byte* begin, std::size_t handed_out) const noexcept;

  // Slabs and regions, in small_regions.cpp:
  void set_up(size_class& one, std::size_t stride, std::size_t behind, bool inaccessible) noexcept;
  slab* next_slab(size_class& from) noexcept;
  slab* open_slab(size_class& from) noexcept;
  slab* try_open_slab(size_class& from) noexcept;
  void write_tail(const size_class& of, slab& one) noexcept;
  void start_use(size_class& of, slab& one) noexcept;
  slab* any_with_room(size_class& in) const noexcept;
  slab* revive_slab(size_class& from) noexcept;
  bool make_ready(size_class& one) noexcept;
  bool make_room_for_slab(size_class& one) noexcept;
  bool open_region(size_class& of) noexcept;
  bool open_positions(size_class& of, region& in) noexcept;
  bool commit_slabs(region& in, const size_class& of, std::size_t first, std::size_t count, bool guards) noexcept;
  os::status lock(std::byte* p, std::size_t bytes) noexcept;
  std::byte* tail_of(const size_class& of, const slab& one) const noexcept;
  void give_back_slab(size_class& of, slab& one) noexcept;
  void list(size_class& in, slab& one) noexcept;
  void unlist(size_class& in, slab& one) noexcept;
  bool check_class(const size_class& one, std::size_t& live_bytes);
  bool check_slab(const size_class& one, slab& of, std::size_t& live_bytes);

  static constexpr std::size_t zero_size_kinds = 2;  // for small and for page-like alignments
  static constexpr std::size_t kinds = size_classes::count + zero_size_kinds;

  secure_context& context_;
  chacha_random& random_;
  const any_features has_;
  const std::size_t behind_;   // canary bytes
  const std::size_t largest_;  // bytes of a request for here
  const bool advice_;          // guards cost no map entries
  std::size_t guards_left_out_ = 0;
  std::size_t budget_taken_ = 0;
  std::array<size_class, kinds> classes_;
  std::array<std::uint8_t, largest_place / 8 + 1> class_of_eighths_;
};

inline bool small_blocks::find_in(const size_class& from, region* in, const void* p, spot& found) noexcept {
  const std::uintptr_t offset = address_of(p) - address_of(in->base);
  if (offset >= in->bytes) return false;
  slab* const of = in->slabs[offset >> from.slab_shift];
  const auto inside = static_cast<std::uint32_t>(offset & ((std::uintptr_t{1} << from.slab_shift) - 1));
  // Exact for offsets below 2^17 and places of 16 bytes and more.
  const auto place = static_cast<std::uint32_t>(std::uint64_t{inside} * from.reciprocal >> 32);
  found = {in, of, place, in->base + (offset - inside) + std::size_t{place} * from.stride};
  return of != nullptr && place < from.places;
}

inline small_blocks::spot small_blocks::find(const size_class& from, const void* p) const noexcept {
  spot found;
  for (region* in = from.newest; in != nullptr; in = in->older)
    if (find_in(from, in, p, found)) return found;
  return {};
}

}  // namespace allot::secure
