// What a few calls cost in instructions, for callgrind to count: each function repeats one of them, and `nothing` is
// the loop alone. test/bench/run runs it and prints a table.

#include <allot/arena/monotonic_arena.hpp>
#include <allot/arena/scope.hpp>
#include <allot/core/compiler.hpp>
#include <cstddef>
#include <cstdlib>
#include <memory_resource>
#include <vector>

namespace {

constexpr long repetitions = 10000;
std::vector<std::byte> buffer(std::size_t{1} << 22);

/// Keeps the value, and costs nothing: after it the compiler must have it in a register.
void use(void* p) { ALLOT_ASSUME_READ(p); }

}  // namespace

#define COUNTED extern "C" ALLOT_NEVER_INLINE void

COUNTED nothing(allot::monotonic_arena& arena) {
  for (long i = 0; i < repetitions; ++i) use(&arena);
}
COUNTED push_constant_size(allot::monotonic_arena& arena) {
  for (long i = 0; i < repetitions; ++i) use(arena.push(16));
}
COUNTED push_constant_size_and_alignment(allot::monotonic_arena& arena) {
  for (long i = 0; i < repetitions; ++i) use(arena.push(16, 8));
}
COUNTED push_type(allot::monotonic_arena& arena) {
  for (long i = 0; i < repetitions; ++i) use(arena.push<long>());
}
COUNTED push_general_alignment(allot::monotonic_arena& arena, const volatile std::size_t& alignment) {
  for (long i = 0; i < repetitions; ++i) use(arena.push(16, alignment));  // one of the instructions reads it
}
COUNTED push_general_size(allot::monotonic_arena& arena, const volatile std::size_t& bytes) {
  for (long i = 0; i < repetitions; ++i) use(arena.push(bytes));
}
COUNTED push_behind_marks(allot::monotonic_arena& arena) {
  for (long i = 0; i < repetitions; ++i) use(arena.push(16));
}
COUNTED allocate_constant(allot::monotonic_arena& arena) {
  for (long i = 0; i < repetitions; ++i) use(arena.allocate(16, 8));
}
COUNTED allocate_through_pointer(std::pmr::memory_resource* memory) {
  for (long i = 0; i < repetitions; ++i) use(memory->allocate(16, 8));
}
COUNTED allocate_from_standard(std::pmr::memory_resource* memory) {
  for (long i = 0; i < repetitions; ++i) use(memory->allocate(16, 8));
}
COUNTED scope_and_push(allot::monotonic_arena& arena) {
  for (long i = 0; i < repetitions; ++i) {
    const allot::scope here(arena);
    use(arena.push(64));
  }
}

int main() {
  allot::monotonic_arena arena(buffer.data(), buffer.size());
  nothing(arena);
  push_constant_size(arena);
  push_constant_size_and_alignment(arena);
  push_type(arena);
  const std::size_t alignment = 8;
  const std::size_t bytes = 24;
  push_general_alignment(arena, alignment);
  push_general_size(arena, bytes);
  for (int i = 0; i < 100; ++i) {
    (void)arena.mark();
    arena.push(1);
  }
  push_behind_marks(arena);
  allocate_constant(arena);
  allocate_through_pointer(&arena);
  scope_and_push(arena);
  std::pmr::monotonic_buffer_resource standard(buffer.data(), buffer.size());
  allocate_from_standard(&standard);
}
