#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <memory_resource>

#include "detection/candidates.hpp"
#include "detection/outcome.hpp"

namespace allot::detection {

/// Where an attack takes place: a heap in use, with blocks of the attacked block's size around it.
///
/// Nothing here is kept in the heap that is attacked. All addresses are opaque to the compiler.
class scene {
 public:
  static constexpr unsigned char secret = 0x5A;  ///< what blocks are full of
  static constexpr std::size_t alignment = 8;
  static constexpr std::size_t large = std::size_t{1} << 20;

  /// @param turn  the number of this try: sizes take turns
  scene(const candidate& of, std::size_t turn, bool synchronized = false);

  std::size_t turn() const { return turn_; }
  /// The size of small blocks in this try.
  std::size_t bytes() const;
  std::pmr::memory_resource& heap() { return *heap_; }
  /// Another instance of ours; beside malloc one of ours, too.
  std::pmr::memory_resource& other_heap() { return *other_heap_; }

  /// A new block, full of secrets.
  unsigned char* block() { return block(bytes()); }
  unsigned char* block(std::size_t bytes);
  void free(unsigned char* p) { free(p, bytes()); }
  void free(unsigned char* p, std::size_t bytes) { heap_->deallocate(p, bytes, alignment); }

  /// The attack's own access to memory: a fault inside is a fault at the right place.
  template <class Access>
  void access(Access what) {
    say('A');
    what();
    say('B');
  }

  /// Changes one byte `offset` from p, a block of so many bytes.
  /// @param zero  makes it zero instead, which may be what it is
  /// @return what that is if nothing notices it
  outcome write(unsigned char* p, std::size_t bytes, std::ptrdiff_t offset, bool zero = false);
  /// Reads a block that is not the reader's.
  outcome read(const unsigned char* p, std::size_t bytes);

  /// Frees and allocates blocks of this size so many times.
  void churn(std::size_t pairs);
  /// Frees what is left, makes use of the heap, and has it look at all it can look at: the last chance to notice.
  void settle();

 private:
  void say(char letter);

  const candidate& of_;
  std::size_t turn_;
  std::unique_ptr<std::pmr::memory_resource> heap_;
  std::unique_ptr<std::pmr::memory_resource> other_heap_;
  std::array<unsigned char*, 1024> around_{};
};

}  // namespace allot::detection
