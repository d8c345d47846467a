#include <allot/core/checked_size.hpp>
#include <allot/core/log_link.hpp>
#include <allot/core/misuse.hpp>
#include <allot/os/address_registry.hpp>
#include <allot/pool/large_blocks.hpp>
#include <cstring>
#include <new>
#include <unordered_map>
#include <utility>

namespace allot {

namespace {

/// Counts what it passes on.
class counted final : public std::pmr::memory_resource {
 public:
  explicit counted(std::pmr::memory_resource* upstream) noexcept : upstream_(upstream) {}
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    void* const p = upstream_->allocate(bytes, alignment);
    bytes_ += bytes;
    return p;
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    upstream_->deallocate(p, bytes, alignment);
    bytes_ -= bytes;
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  std::pmr::memory_resource* upstream_;
  std::size_t bytes_ = 0;
};

}  // namespace

struct large_blocks::book {
  struct entry {
    std::size_t bytes;
    std::size_t alignment;
  };
  explicit book(std::pmr::memory_resource* upstream) : memory(upstream), blocks(&memory) {}
  counted memory;
  std::pmr::unordered_map<const void*, entry> blocks;
};

/// The block first: a request that is refused then takes nothing from an upstream that never takes back.
void* large_blocks::allocate(std::size_t bytes, std::size_t alignment) {
  void* const p = upstream_->allocate(bytes, alignment);
  const bool first = book_ == nullptr;
  try {
    if (first) {
      void* const memory = upstream_->allocate(sizeof(book), alignof(book));
      try {
        book_ = ::new (memory) book(upstream_);
      } catch (...) {
        upstream_->deallocate(memory, sizeof(book), alignof(book));
        throw;
      }
    }
    book_->blocks.emplace(p, book::entry{bytes, alignment});
  } catch (...) {
    if (first) trim();
    upstream_->deallocate(p, bytes, alignment);
    throw;
  }
  bytes_ += bytes;
  if (owner_ != nullptr) (void)os::address_registry::add({p, bytes, owner_, owner_->kind(), shared_});
  return p;
}

bool large_blocks::deallocate(void* p, std::size_t bytes, std::size_t alignment, std::string_view pool, bool zero,
                              std::optional<misuse_report>& misuse) {
  if (book_ == nullptr) return false;
  const auto found = book_->blocks.find(p);
  if (found == book_->blocks.end()) return false;
  const book::entry block = found->second;
  if (block.bytes != bytes) {
    misuse = {misuse_kind::wrong_size, pool, p, bytes, block.bytes};
  } else if (block.alignment != alignment) {
    misuse = {misuse_kind::wrong_alignment, pool, p, alignment, block.alignment};
  } else {
    if (zero) std::memset(p, 0, bytes);
    book_->blocks.erase(found);
    bytes_ -= bytes;
    if (owner_ != nullptr) os::address_registry::remove(p, owner_);
    upstream_->deallocate(p, bytes, alignment);
    if (owner_ != nullptr && !shared_) log_link::tell({memory_event_kind::trim, nullptr, bytes, 0, 0, pool});
  }
  return true;
}

std::size_t large_blocks::book_bytes() const noexcept {
  return book_ != nullptr ? sizeof(book) + book_->memory.bytes() : 0;
}

block_info large_blocks::find(const void* p) const noexcept {
  block_info result;
  for_each([&](const block_info& block) {
    if (range_contains(block.begin, block.bytes, p, 1)) result = block;
  });
  return result;
}

block_extent large_blocks::live_block(const void* p) const noexcept {
  if (book_ == nullptr) return {};
  const auto found = book_->blocks.find(p);
  return found != book_->blocks.end() ? block_extent{found->second.bytes, found->second.alignment} : block_extent{};
}

void large_blocks::for_each(block_visitor visitor) const {
  if (book_ == nullptr) return;
  for (const auto& [begin, block] : book_->blocks) visitor({begin, block.bytes, true, block_state::used});
}

void large_blocks::trim() noexcept {
  if (book_ == nullptr || !book_->blocks.empty()) return;
  book* const empty = std::exchange(book_, nullptr);
  empty->~book();
  upstream_->deallocate(empty, sizeof(book), alignof(book));
}

void large_blocks::release() noexcept {
  if (book_ == nullptr) return;
  for (const auto& [begin, block] : book_->blocks) {
    if (owner_ != nullptr) os::address_registry::remove(begin, owner_);
    upstream_->deallocate(const_cast<void*>(begin), block.bytes, block.alignment);
  }
  book_->blocks.clear();
  bytes_ = 0;
  trim();
}

void large_blocks::abandon() noexcept {
  if (owner_ != nullptr && bytes_ != 0) os::address_registry::remove_all(owner_);
  book_ = nullptr;
  bytes_ = 0;
}

}  // namespace allot
