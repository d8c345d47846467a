#pragma once

#include <allot/pool/slab_store.hpp>
#include <cstddef>

namespace allot {

/// While this lives, a store takes what is in magazines for free. `Each` calls what it is given for every such block.
template <class Each>
class cached_marks {
 public:
  cached_marks(const slab_store& store, Each each) noexcept : store_(store), each_(each) { mark(true); }
  cached_marks(const cached_marks&) = delete;
  cached_marks& operator=(const cached_marks&) = delete;
  ~cached_marks() { mark(false); }

 private:
  void mark(bool free) noexcept {
    each_([&](const free_block* block, std::size_t) { store_.mark(block, free); });
  }

  const slab_store& store_;
  Each each_;
};

}  // namespace allot
