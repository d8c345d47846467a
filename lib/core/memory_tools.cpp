#include <allot/core/memory_tools.hpp>

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#endif

// Weak: null in a program that is not sanitized, whatever this file was compiled with.
extern "C" {
ALLOT_WEAK void __asan_poison_memory_region(const volatile void* p, std::size_t bytes);
ALLOT_WEAK void __asan_unpoison_memory_region(const volatile void* p, std::size_t bytes);
ALLOT_WEAK void __msan_poison(const volatile void* p, std::size_t bytes);
ALLOT_WEAK void __msan_unpoison(const volatile void* p, std::size_t bytes);
}

namespace allot::memory_tools {
namespace {

bool address_sanitizer() noexcept {
  return &__asan_poison_memory_region != nullptr && &__asan_unpoison_memory_region != nullptr;
}

bool memory_sanitizer() noexcept { return &__msan_poison != nullptr && &__msan_unpoison != nullptr; }

bool valgrind() noexcept {
#if defined(RUNNING_ON_VALGRIND)
  static const bool running = RUNNING_ON_VALGRIND != 0;
  return running;
#else
  return false;
#endif
}

}  // namespace

bool active() noexcept { return address_sanitizer() || memory_sanitizer() || valgrind(); }

void poison(const void* p, std::size_t bytes) noexcept {
  constexpr std::size_t most_at_once = std::size_t{1} << 30;
  constexpr std::size_t end_bytes = std::size_t{64} << 20;
  if (bytes > most_at_once) {
    poison(p, end_bytes);
    poison(static_cast<const char*>(p) + (bytes - end_bytes), end_bytes);
    return;
  }
  if (bytes == 0) return;
  if (address_sanitizer()) __asan_poison_memory_region(p, bytes);
  if (memory_sanitizer()) __msan_poison(p, bytes);
#if defined(VALGRIND_MAKE_MEM_NOACCESS)
  if (valgrind()) VALGRIND_MAKE_MEM_NOACCESS(p, bytes);
#endif
}

void hand_out(const void* p, std::size_t bytes) noexcept {
  if (bytes == 0) return;
  if (address_sanitizer()) __asan_unpoison_memory_region(p, bytes);
  if (memory_sanitizer()) __msan_poison(p, bytes);
#if defined(VALGRIND_MAKE_MEM_UNDEFINED)
  if (valgrind()) VALGRIND_MAKE_MEM_UNDEFINED(p, bytes);
#endif
}

void unpoison(const void* p, std::size_t bytes) noexcept {
  if (bytes == 0) return;
  if (address_sanitizer()) __asan_unpoison_memory_region(p, bytes);
  if (memory_sanitizer()) __msan_unpoison(p, bytes);
#if defined(VALGRIND_MAKE_MEM_DEFINED)
  if (valgrind()) VALGRIND_MAKE_MEM_DEFINED(p, bytes);
#endif
}

}  // namespace allot::memory_tools
