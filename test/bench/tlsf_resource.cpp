#include "bench/tlsf_resource.hpp"

#include <algorithm>
#include <allot/core/compiler.hpp>
#include <new>

namespace allot::bench {
namespace {

unsigned lowest_bit(std::uint32_t word) { return static_cast<unsigned>(__builtin_ctz(word)); }
unsigned highest_bit(std::size_t word) { return 63 - static_cast<unsigned>(__builtin_clzll(word)); }

}  // namespace

// Sizes are from one header to the next: 8 bytes more than the user has.
struct tlsf_resource::block {
  block* before;  // the last bytes of the block before; valid while that is free
  std::size_t bytes_and_flags;
  block* next;  // in its list, while this is free; so is the next
  block* previous;

  static constexpr std::size_t header = sizeof(std::size_t);
  static constexpr std::size_t free = 1;
  static constexpr std::size_t before_is_free = 2;
  static constexpr std::size_t flags = free | before_is_free;

  std::size_t bytes() const { return bytes_and_flags & ~flags; }
  bool has(std::size_t flag) const { return (bytes_and_flags & flag) != 0; }
  void* data() { return &next; }
  block* at(std::size_t distance) { return reinterpret_cast<block*>(reinterpret_cast<std::byte*>(this) + distance); }
  block* after() { return at(bytes()); }

  static block* of(void* data) { return reinterpret_cast<block*>(static_cast<std::byte*>(data) - offset); }
  static constexpr std::size_t offset = sizeof(block*) + header;
};

tlsf_resource::tlsf_resource(std::pmr::memory_resource* upstream, std::size_t bytes)
    : upstream_(upstream), bytes_(bytes), buffer_(static_cast<std::byte*>(upstream->allocate(bytes, alignment))) {
  // One free block up to a used one of no size, so that no block needs to know that it is the last.
  block* const all = reinterpret_cast<block*>(buffer_);
  all->bytes_and_flags = (bytes - 2 * alignment) | block::free;
  all->after()->before = all;
  all->after()->bytes_and_flags = block::before_is_free;
  insert(all);
}

tlsf_resource::~tlsf_resource() { upstream_->deallocate(buffer_, bytes_, alignment); }

tlsf_resource::place tlsf_resource::place_of(std::size_t bytes) noexcept {
  if (bytes < std::size_t{1} << small_log2) return {0, bytes / alignment};
  const unsigned power = highest_bit(bytes);
  return {power - small_log2 + 1, (bytes >> (power - lists_log2)) - lists};
}

tlsf_resource::block* tlsf_resource::find(std::size_t bytes) const noexcept {
  if (bytes >= std::size_t{1} << small_log2) bytes += (std::size_t{1} << (highest_bit(bytes) - lists_log2)) - 1;
  auto [doubling, list] = place_of(bytes);
  if (!ALLOT_LIKELY(doubling < doublings)) return nullptr;
  std::uint32_t bits = list_bits_[doubling] & (~std::uint32_t{0} << list);
  if (bits == 0) {
    const std::uint32_t larger = doubling_bits_ & (~std::uint32_t{1} << doubling);
    if (!ALLOT_LIKELY(larger != 0)) return nullptr;
    doubling = lowest_bit(larger);
    bits = list_bits_[doubling];
  }
  return first_[doubling][lowest_bit(bits)];
}

void tlsf_resource::insert(block* b) noexcept {
  const auto [doubling, list] = place_of(b->bytes());
  block*& first = first_[doubling][list];
  b->previous = nullptr;
  b->next = first;
  if (first != nullptr) first->previous = b;
  first = b;
  list_bits_[doubling] |= std::uint32_t{1} << list;
  doubling_bits_ |= std::uint32_t{1} << doubling;
}

void tlsf_resource::remove(block* b) noexcept {
  if (b->next != nullptr) b->next->previous = b->previous;
  if (b->previous != nullptr) {
    b->previous->next = b->next;
    return;
  }
  const auto [doubling, list] = place_of(b->bytes());
  first_[doubling][list] = b->next;
  if (b->next != nullptr) return;
  list_bits_[doubling] &= ~(std::uint32_t{1} << list);
  if (list_bits_[doubling] == 0) doubling_bits_ &= ~(std::uint32_t{1} << doubling);
}

void* tlsf_resource::do_allocate(std::size_t bytes, std::size_t align) {
  if (!ALLOT_LIKELY(bytes < bytes_ && align <= alignment)) throw std::bad_alloc();
  const std::size_t wanted = std::max(sizeof(block), (bytes + block::header + alignment - 1) / alignment * alignment);
  block* const found = find(wanted);
  if (!ALLOT_LIKELY(found != nullptr)) throw std::bad_alloc();
  remove(found);
  const std::size_t left = found->bytes() - wanted;
  if (left >= sizeof(block)) {
    found->bytes_and_flags = wanted;
    block* const rest = found->after();
    rest->bytes_and_flags = left | block::free;
    rest->after()->before = rest;
    insert(rest);
  } else {
    found->bytes_and_flags &= ~block::free;
    found->after()->bytes_and_flags &= ~block::before_is_free;
  }
  return found->data();
}

void tlsf_resource::do_deallocate(void* p, std::size_t, std::size_t) {
  block* freed = block::of(p);
  std::size_t bytes = freed->bytes();
  block* after = freed->at(bytes);
  if (freed->has(block::before_is_free)) {
    freed = freed->before;
    remove(freed);
    bytes += freed->bytes();
  }
  if (after->has(block::free)) {
    remove(after);
    bytes += after->bytes();
    after = after->after();
  }
  freed->bytes_and_flags = bytes | block::free;
  after->before = freed;
  after->bytes_and_flags |= block::before_is_free;
  insert(freed);
}

}  // namespace allot::bench
