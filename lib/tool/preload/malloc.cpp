// The functions of malloc's family, as C programs know them (ISO C23 7.24.3, POSIX, and what glibc adds).

#include <unistd.h>

#include <allot/core/checked_size.hpp>
#include <cerrno>
#include <cstddef>

#include "program_memory.hpp"

using namespace allot;
using namespace allot::preload;

namespace {

constexpr std::size_t usual_alignment = alignof(std::max_align_t);

std::size_t page_size() noexcept {
  static const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return page;
}

void* refuse(int error) noexcept {
  errno = error;
  return nullptr;
}

std::size_t at_least_usual(std::size_t alignment) noexcept {
  return alignment < usual_alignment ? usual_alignment : alignment;
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

void* malloc(std::size_t bytes) { return program_memory::allocate(bytes, usual_alignment); }

void free(void* p) { program_memory::deallocate(p, "free"); }

// The sizes are not needed, and a program that states them wrongly is not punished for it.
void free_sized(void* p, std::size_t /*bytes*/) { program_memory::deallocate(p, "free_sized"); }

void free_aligned_sized(void* p, std::size_t /*alignment*/, std::size_t /*bytes*/) {
  program_memory::deallocate(p, "free_aligned_sized");
}

void cfree(void* p) { program_memory::deallocate(p, "cfree"); }

void* calloc(std::size_t count, std::size_t bytes) { return program_memory::allocate_zeroed(count, bytes); }

/// As glibc does, 0 bytes free the block.
void* realloc(void* p, std::size_t bytes) {
  if (p == nullptr || bytes != 0) return program_memory::resize(p, bytes);
  program_memory::deallocate(p, "realloc");
  return nullptr;
}

void* reallocarray(void* p, std::size_t count, std::size_t bytes) {
  std::size_t all = 0;
  return checked_multiply(count, bytes, all) ? realloc(p, all) : refuse(ENOMEM);
}

void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  if (!is_power_of_two(alignment)) return refuse(EINVAL);
  return program_memory::allocate(bytes, at_least_usual(alignment));
}

/// As glibc does, other alignments become the next power of two, and only where there is none they are invalid.
void* memalign(std::size_t alignment, std::size_t bytes) {
  if (alignment > max_object_bytes + 1) return refuse(EINVAL);
  std::size_t power = usual_alignment;
  while (power < alignment) power *= 2;
  return program_memory::allocate(bytes, power);
}

int posix_memalign(void** p, std::size_t alignment, std::size_t bytes) {
  if (!is_power_of_two(alignment) || alignment < sizeof(void*)) return EINVAL;
  const int error = errno;
  void* const made = program_memory::allocate(bytes, at_least_usual(alignment));
  errno = error;
  if (made == nullptr) return ENOMEM;
  *p = made;
  return 0;
}

void* valloc(std::size_t bytes) { return program_memory::allocate(bytes, page_size()); }

void* pvalloc(std::size_t bytes) {
  std::size_t pages = 0;
  if (!checked_align_up(bytes, page_size(), pages)) return refuse(ENOMEM);
  return program_memory::allocate(pages, page_size());
}

std::size_t malloc_usable_size(void* p) { return program_memory::usable_size(p); }

}  // extern "C"
#pragma GCC visibility pop
