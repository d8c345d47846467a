#include "bench/stream.hpp"

#include <algorithm>

#include "bench/random_sizes.hpp"

namespace allot::bench {
namespace {

/// Takes a random one out; the order of the others changes.
template <class T>
T take_random(std::vector<T>& from, quick_random& random) {
  std::swap(from[random.below(from.size())], from.back());
  T taken = std::move(from.back());
  from.pop_back();
  return taken;
}

stream replaced(std::size_t live, std::size_t steps, std::uint64_t seed, std::size_t (*size)(quick_random&)) {
  quick_random random(seed);
  stream made;
  std::vector<std::uint32_t> blocks;
  for (std::size_t i = 0; i < live; ++i) blocks.push_back(made.allocate(size(random)));
  for (std::size_t i = 0; i < steps; ++i) {
    std::uint32_t& block = blocks[random.below(live)];
    made.deallocate(block);
    block = made.allocate(size(random));
  }
  made.deallocate_all();
  return made;
}

stream uniform_sizes(std::size_t shrink, std::uint64_t seed) {
  return replaced(60'000 / shrink, 400'000 / shrink, seed, size_16_to_1k);
}

stream log_uniform_sizes(std::size_t shrink, std::uint64_t seed) {
  return replaced(4'000 / shrink, 300'000 / shrink, seed,
                  [](quick_random& random) { return log_uniform(random, 16, std::size_t{64} << 10); });
}

/// What containers ask for: a vector grows to its length when it is made.
std::uint32_t container_block(stream& made, quick_random& random) {
  const std::size_t kind = random.below(20);
  if (kind < 11) return made.allocate(24 + 8 * random.below(7));
  if (kind < 19) return made.allocate(uniform(random, 16, 200));
  const std::size_t length = log_uniform(random, 32, std::size_t{16} << 10);
  std::size_t bytes = 16;
  std::uint32_t block = made.allocate(bytes);
  while (bytes < length) {
    bytes *= 2;
    const std::uint32_t larger = made.allocate(bytes);
    made.deallocate(block);
    block = larger;
  }
  return block;
}

stream container_mix(std::size_t shrink, std::uint64_t seed) {
  const std::size_t live = 100'000 / shrink;
  quick_random random(seed);
  stream made;
  std::vector<std::uint32_t> blocks;
  for (std::size_t i = 0; i < live; ++i) blocks.push_back(container_block(made, random));
  for (std::size_t i = 0; i < 3 * live; ++i) {
    std::uint32_t& block = blocks[random.below(live)];
    made.deallocate(block);
    block = container_block(made, random);
  }
  made.deallocate_all();
  return made;
}

/// Fills with blocks of one size class, frees all but a tenth of all blocks, goes on with the next class.
stream phases(std::size_t shrink, std::uint64_t seed) {
  const std::size_t full = (std::size_t{24} << 20) / shrink;
  quick_random random(seed);
  stream made;
  std::vector<std::uint32_t> blocks;
  for (std::size_t least = 24; least <= std::size_t{24} << 9; least *= 2) {
    while (made.live_bytes() < full) blocks.push_back(made.allocate(uniform(random, least, 2 * least)));
    for (std::size_t kept = blocks.size() / 10; blocks.size() > kept;) made.deallocate(take_random(blocks, random));
  }
  made.deallocate_all();
  return made;
}

/// Blocks of all sizes that are allocated together and freed together, but for a few that live on for a while.
stream sessions(std::size_t shrink, std::uint64_t seed) {
  constexpr std::size_t survivors_kept = 2'000;
  const std::size_t open = 400 / shrink;
  quick_random random(seed);
  stream made;
  std::vector<std::vector<std::uint32_t>> live;
  std::vector<std::uint32_t> survivors;
  for (std::size_t i = 0; i < 13 * open; ++i) {
    if (live.size() == open) {
      for (const std::uint32_t block : take_random(live, random)) {
        if (random.below(50) == 0) {
          survivors.push_back(block);
        } else {
          made.deallocate(block);
        }
      }
      while (survivors.size() > survivors_kept) made.deallocate(take_random(survivors, random));
    }
    auto& session = live.emplace_back();
    for (std::size_t left = uniform(random, 20, 180); left > 0; --left)
      session.push_back(made.allocate(log_uniform(random, 16, std::size_t{8} << 10)));
  }
  made.deallocate_all();
  return made;
}

/// A vector of 8-byte elements on its way to its length.
struct growing {
  std::size_t length;
  bool doubles;  // otherwise it grows by a half
  std::size_t capacity;
  std::uint32_t block;
};

stream vector_growth(std::size_t shrink, std::uint64_t seed) {
  constexpr std::size_t element = 8;
  const std::size_t live = 4'000 / shrink;
  quick_random random(seed);
  stream made;
  std::vector<growing> vectors;
  const auto begun = [&] {
    return growing{log_uniform(random, 8, std::size_t{32} << 10), random.below(2) == 0, 2, made.allocate(2 * element)};
  };
  for (std::size_t i = 0; i < live; ++i) vectors.push_back(begun());
  for (std::size_t i = 0; i < 75 * live; ++i) {
    growing& v = vectors[random.below(live)];
    if (v.capacity >= v.length) {
      made.deallocate(v.block);
      v = begun();
      continue;
    }
    v.capacity += v.doubles ? v.capacity : v.capacity / 2;
    const std::uint32_t larger = made.allocate(v.capacity * element);
    made.deallocate(v.block);
    v.block = larger;
  }
  made.deallocate_all();
  return made;
}

}  // namespace

std::uint32_t stream::allocate(std::size_t bytes) {
  if (unused_.empty()) {
    unused_.push_back(static_cast<std::uint32_t>(bytes_.size()));
    bytes_.push_back(0);
  }
  const std::uint32_t block = unused_.back();
  unused_.pop_back();
  bytes_[block] = static_cast<std::uint32_t>(bytes);
  events_.push_back({block, bytes_[block], true});
  live_ += bytes;
  peak_ = std::max(peak_, live_);
  return block;
}

void stream::deallocate(std::uint32_t block) {
  events_.push_back({block, bytes_[block], false});
  live_ -= bytes_[block];
  bytes_[block] = 0;
  unused_.push_back(block);
}

void stream::deallocate_all() {
  for (std::uint32_t block = 0; block < bytes_.size(); ++block)
    if (bytes_[block] != 0) deallocate(block);
}

std::vector<stream_kind> stream_kinds() {
  return {
      {"uniform", "random blocks of 16 B to 1 KiB replaced", uniform_sizes},
      {"log_uniform", "random blocks of 16 B to 64 KiB, log-uniform, replaced", log_uniform_sizes},
      {"containers", "nodes of 24 to 72 B, strings of 16 to 200 B and vectors that grow to 16 KiB, replaced",
       container_mix},
      {"phases", "24 MiB of blocks of 24 to 48 B, nine in ten freed at random, then of twice that size and so on",
       phases},
      {"sessions", "groups of blocks of 16 B to 8 KiB that come and go together, and a few that stay", sessions},
      {"vectors", "vectors that grow by doubling or by a half up to 256 KiB", vector_growth},
  };
}

}  // namespace allot::bench
