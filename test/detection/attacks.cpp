#include "detection/attacks.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

namespace allot::detection {
namespace {

constexpr unsigned char marked = 0x41;
constexpr std::size_t page = 4096;
constexpr std::size_t enough_to_be_used_again = 100'000;

/// Writes one byte so far beyond (or before) a small block, which is freed then, as are its neighbours.
template <std::ptrdiff_t Offset, bool Zero = false>
outcome beyond(scene& in) {
  unsigned char* const p = in.block();
  const outcome unseen = in.write(p, in.bytes(), static_cast<std::ptrdiff_t>(in.bytes()) + Offset, Zero);
  in.free(p);
  in.settle();
  return unseen;
}

outcome overflow_8(scene& in) {
  unsigned char* const p = in.block();
  outcome unseen = outcome::harmless;
  for (std::size_t i = 0; i < 8; ++i) {
    const auto offset = static_cast<std::ptrdiff_t>(in.bytes() + i);
    unseen = std::max(unseen, in.write(p, in.bytes(), offset));
  }
  in.free(p);
  in.settle();
  return unseen;
}

outcome overflow_of_block_never_freed(scene& in) {
  unsigned char* const p = in.block();
  const outcome unseen = in.write(p, in.bytes(), static_cast<std::ptrdiff_t>(in.bytes()));
  return unseen;
}

outcome underflow_1(scene& in) {
  unsigned char* const p = in.block();
  const outcome unseen = in.write(p, in.bytes(), -1);
  in.free(p);
  in.settle();
  return unseen;
}

outcome sweep(scene& in) {
  unsigned char* const p = in.block();
  in.access([&] { std::memset(p, marked, scene::large); });
  in.free(p);
  in.settle();
  return outcome::missed;
}

template <bool Before>
outcome past_large(scene& in) {
  // Some whole pages, and some with bytes to spare in the last one.
  const std::size_t bytes = scene::large + in.turn() % 3 * 1000;
  unsigned char* const neighbour = in.block(bytes);
  unsigned char* const p = in.block(bytes);
  const outcome unseen = in.write(p, bytes, Before ? -1 : static_cast<std::ptrdiff_t>(bytes));
  in.free(p, bytes);
  in.free(neighbour, bytes);
  in.settle();
  return unseen;
}

outcome read_after_free(scene& in) {
  unsigned char* const p = in.block();
  in.free(p);
  return in.read(p, in.bytes());
}

outcome read_after_reuse(scene& in) {
  unsigned char* const p = in.block();
  in.free(p);
  for (int i = 0; i < 100; ++i) in.block();
  return in.read(p, in.bytes());
}

outcome read_large_after_free(scene& in) {
  unsigned char* const p = in.block(scene::large);
  in.free(p, scene::large);
  in.block(scene::large);
  return in.read(p, scene::large);
}

void write_after_free(scene& in) {
  unsigned char* const p = in.block();
  in.free(p);
  volatile unsigned char* const at = p + in.bytes() / 2;
  in.access([&] { *at = marked; });
}

outcome write_after_free_and_reuse(scene& in) {
  write_after_free(in);
  in.churn(enough_to_be_used_again);
  return outcome::missed;
}

outcome write_after_free_and_end(scene& in) {
  write_after_free(in);
  in.settle();
  return outcome::missed;
}

outcome free_twice_at_once(scene& in) {
  unsigned char* const p = in.block();
  in.free(p);
  in.free(p);
  in.settle();
  return outcome::missed;
}

outcome free_twice_after_others(scene& in) {
  unsigned char* const p = in.block();
  unsigned char* others[50];
  for (unsigned char*& other : others) other = in.block();
  in.free(p);
  for (unsigned char* const other : others) in.free(other);
  in.free(p);
  in.settle();
  return outcome::missed;
}

/// The second free takes the block of whoever has the address by then.
outcome free_twice_after_allocations(scene& in) {
  unsigned char* const p = in.block();
  in.free(p);
  for (int i = 0; i < 100; ++i) in.block();
  in.free(p);
  in.settle();
  return outcome::missed;
}

outcome free_large_twice(scene& in) {
  unsigned char* const p = in.block(scene::large);
  in.free(p, scene::large);
  in.free(p, scene::large);
  in.settle();
  return outcome::missed;
}

outcome free_in_two_threads(scene& in) {
  for (int round = 0; round < 100; ++round) {
    unsigned char* const p = in.block();
    std::atomic<int> ready{0};
    const auto free_at_once = [&] {
      ready.fetch_add(1);
      while (ready.load() < 2) {
      }
      in.free(p);
    };
    std::thread second(free_at_once);
    free_at_once();
    second.join();
  }
  in.settle();
  return outcome::missed;
}

outcome free_interior(scene& in) {
  const std::size_t bytes = std::max<std::size_t>(in.bytes(), 64);
  unsigned char* const p = in.block(bytes);
  in.free(p + 16, bytes);
  in.settle();
  return outcome::missed;
}

outcome free_stack(scene& in) {
  alignas(16) unsigned char local[2048];
  std::memset(local, 0, sizeof local);
  unsigned char* p = local + 64;
  asm volatile("" : "+r"(p) : : "memory");
  in.free(p);
  in.settle();
  return outcome::missed;
}

outcome free_wild(scene& in) {
  alignas(16) static unsigned char global[2 * page];
  unsigned char* p = global + page;
  if (in.turn() % 2 == 0) p = reinterpret_cast<unsigned char*>(0x4141414141410);
  asm volatile("" : "+r"(p) : : "memory");
  in.free(p);
  in.settle();
  return outcome::missed;
}

outcome free_elsewhere(scene& in) {
  auto* const p = static_cast<unsigned char*>(in.other_heap().allocate(in.bytes(), scene::alignment));
  in.free(p);
  in.settle();
  return outcome::missed;
}

template <int Difference>
outcome free_with_wrong_size(scene& in) {
  unsigned char* const p = in.block();
  in.free(p, in.bytes() + static_cast<std::size_t>(Difference));
  in.settle();
  return outcome::missed;
}

outcome free_with_size_of_others(scene& in) {
  unsigned char* const p = in.block();
  in.free(p, in.bytes() * 4);
  in.settle();
  return outcome::missed;
}

outcome free_with_wrong_alignment(scene& in) {
  const std::size_t had = in.turn() % 2 == 0 ? 64 : 8;
  void* const p = in.heap().allocate(in.bytes(), had);
  in.heap().deallocate(p, in.bytes(), 72 - had);
  in.settle();
  return outcome::missed;
}

/// Whether new blocks hold what freed ones held.
outcome left_behind(scene& in, std::size_t bytes, std::size_t freed, std::size_t allocated) {
  constexpr std::size_t most = 64;
  unsigned char* blocks[most];
  for (std::size_t i = 0; i < freed; ++i) blocks[i] = in.block(bytes);
  for (std::size_t i = 0; i < freed; ++i) in.free(blocks[i], bytes);
  std::size_t found = 0;
  for (std::size_t i = 0; i < allocated; ++i) {
    const auto* const p = static_cast<const volatile unsigned char*>(in.heap().allocate(bytes, scene::alignment));
    for (std::size_t at = 0; at < bytes; ++at)
      if (p[at] == scene::secret) ++found;
  }
  constexpr std::size_t by_chance = 8;
  return found < by_chance ? outcome::harmless : outcome::missed;
}

outcome left_behind_small(scene& in) { return left_behind(in, in.bytes(), 64, 2000); }
outcome left_behind_large(scene& in) { return left_behind(in, scene::large, 4, 8); }

outcome use_empty_block(scene& in) {
  unsigned char* const p = static_cast<unsigned char*>(in.heap().allocate(0, scene::alignment));
  return in.write(p, 0, 0);
}

outcome run_block(scene& in) {
  unsigned char* const p = in.block();
  constexpr unsigned char return_instruction = 0xC3;  // of x86; any other processor does not come to read it
  *p = return_instruction;
  in.access([&] { reinterpret_cast<void (*)()>(p)(); });
  return outcome::missed;
}

}  // namespace

const std::vector<attack>& attacks() {
  static const std::vector<attack> all{
      {"overflow_1", "overflow by 1 byte", beyond<0>},
      {"overflow_zero", "overflow by 1 byte of zero, as of a string", beyond<0, true>},
      {"overflow_8", "overflow by 8 bytes", overflow_8},
      {"overflow_31", "one byte written 31 bytes behind the end", beyond<31>, attack::by::layout},
      {"overflow_page", "one byte written 4096 bytes behind the end", beyond<page>, attack::by::layout},
      {"sweep", "overflow by 1 MiB", sweep},
      {"overflow_kept", "overflow by 1 byte, the heap not used afterwards", overflow_of_block_never_freed},
      {"underflow_1", "underflow by 1 byte", underflow_1},
      {"overflow_large", "block of 1 MiB: overflow by 1 byte", past_large<false>},
      {"underflow_large", "block of 1 MiB: underflow by 1 byte", past_large<true>},
      {"read_after_free", "read after free", read_after_free},
      {"read_after_reuse", "read after free, when others have allocated", read_after_reuse},
      {"read_large", "block of 1 MiB: read after free, when others have allocated", read_large_after_free},
      {"write_after_free", "write after free, seen when the memory is used again", write_after_free_and_reuse},
      {"write_and_end", "write after free, seen by `check()` or at the end", write_after_free_and_end},
      {"twice_at_once", "double free, at once", free_twice_at_once},
      {"twice_later", "double free, after 50 others", free_twice_after_others},
      {"twice_reused", "double free, when others have allocated", free_twice_after_allocations},
      {"twice_large", "block of 1 MiB: double free", free_large_twice},
      {"twice_threads", "double free, by two threads at once", free_in_two_threads, attack::by::threads},
      {"interior", "free of a pointer into a block", free_interior},
      {"stack", "free of a pointer to the stack", free_stack},
      {"wild", "free of a pointer to static data or to nothing", free_wild},
      {"elsewhere", "free of another heap's block", free_elsewhere},
      {"size_plus_1", "free with a size 1 too large", free_with_wrong_size<1>},
      {"size_minus_1", "free with a size 1 too small", free_with_wrong_size<-1>},
      {"size_of_others", "free with four times the size", free_with_size_of_others},
      {"wrong_alignment", "free with another alignment", free_with_wrong_alignment},
      {"left_behind", "old contents in a new block", left_behind_small},
      {"left_behind_large", "old contents in a new block of 1 MiB", left_behind_large},
      {"empty", "write to a block of 0 bytes", use_empty_block},
      {"execute", "a block run as code", run_block},
  };
  return all;
}

}  // namespace allot::detection
