#include <allot/core/memory_tools.hpp>
#include <atomic>
#include <cstdint>

#if defined(ALLOT_WEAK)

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#endif

// Weak: null in a program that is not sanitized, whatever this file was compiled with.
// NOLINTBEGIN(bugprone-reserved-identifier): the sanitizers chose these names
extern "C" {
ALLOT_WEAK void __asan_poison_memory_region(const volatile void* p, std::size_t bytes);
ALLOT_WEAK void __asan_unpoison_memory_region(const volatile void* p, std::size_t bytes);
ALLOT_WEAK void __msan_poison(const volatile void* p, std::size_t bytes);
ALLOT_WEAK void __msan_unpoison(const volatile void* p, std::size_t bytes);
ALLOT_WEAK void __sanitizer_annotate_contiguous_container(const void* begin, const void* limit, const void* old_end,
                                                          const void* new_end);
ALLOT_WEAK int __asan_address_is_poisoned(const volatile void* p);
ALLOT_WEAK void __asan_set_error_report_callback(void (*callback)(const char*));
ALLOT_WEAK void* __asan_get_report_address(void);
ALLOT_WEAK void __tsan_acquire(void* p);
ALLOT_WEAK std::ptrdiff_t __msan_test_shadow(const volatile void* p, std::size_t bytes);
}
// NOLINTEND(bugprone-reserved-identifier)

namespace allot::memory_tools {
namespace {

std::atomic<void (*)(const void*)> report_follower{nullptr};

void tell_follower(const char* /*report*/) {
  if (void (*const tell)(const void*) = report_follower.load(); tell != nullptr) tell(__asan_get_report_address());
}

bool address_sanitizer() noexcept {
  return &__asan_poison_memory_region != nullptr && &__asan_unpoison_memory_region != nullptr;
}

bool memory_sanitizer() noexcept { return &__msan_poison != nullptr && &__msan_unpoison != nullptr; }

/// Only its Memcheck looks at memory: under the tools that count or trace, a program must run as it does without them.
bool memcheck() noexcept {
#if defined(VALGRIND_GET_VBITS)
  static const bool running = [] {
    unsigned char byte = 0;
    unsigned char validity = 0;
    return VALGRIND_GET_VBITS(&byte, &validity, 1) == 1;
  }();
  return running;
#else
  return false;
#endif
}

}  // namespace

bool active() noexcept { return address_sanitizer() || memory_sanitizer() || memcheck(); }

bool rule_addresses() noexcept { return active() || &__tsan_acquire != nullptr; }

void follow_reports(void (*tell)(const void*)) noexcept {
  if (&__asan_set_error_report_callback == nullptr || &__asan_get_report_address == nullptr) return;
  report_follower = tell;
  __asan_set_error_report_callback(tell != nullptr ? &tell_follower : nullptr);
}

bool accessible(const void* p) noexcept {
  if (address_sanitizer() && __asan_address_is_poisoned != nullptr) return __asan_address_is_poisoned(p) == 0;
  if (memory_sanitizer() && __msan_test_shadow != nullptr) return __msan_test_shadow(p, 1) == -1;
#if defined(VALGRIND_GET_VBITS)
  unsigned char validity = 0;
  if (memcheck()) return VALGRIND_GET_VBITS(p, &validity, 1) == 1 && validity == 0;
#endif
  return true;
}

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
  if (memcheck()) VALGRIND_MAKE_MEM_NOACCESS(p, bytes);
#endif
}

void hand_out(const void* p, std::size_t bytes) noexcept {
  if (bytes == 0) return;
  if (address_sanitizer()) __asan_unpoison_memory_region(p, bytes);
  if (memory_sanitizer()) __msan_poison(p, bytes);
#if defined(VALGRIND_MAKE_MEM_UNDEFINED)
  if (memcheck()) VALGRIND_MAKE_MEM_UNDEFINED(p, bytes);
#endif
}

void unpoison(const void* p, std::size_t bytes) noexcept {
  if (bytes == 0) return;
  if (address_sanitizer()) __asan_unpoison_memory_region(p, bytes);
  if (memory_sanitizer()) __msan_unpoison(p, bytes);
#if defined(VALGRIND_MAKE_MEM_DEFINED)
  if (memcheck()) VALGRIND_MAKE_MEM_DEFINED(p, bytes);
#endif
}

void move_container_end(const void* begin, const void* limit, const void* old_end, const void* new_end) noexcept {
  constexpr std::int64_t largest_annotated = std::int64_t{1} << 34;  // more the sanitizer takes for a mistake
  const auto* const first = static_cast<const char*>(begin);
  const auto* const before = static_cast<const char*>(old_end);
  const auto* const now = static_cast<const char*>(new_end);
  if (address_sanitizer() && __sanitizer_annotate_contiguous_container != nullptr &&
      static_cast<const char*>(limit) - first <= largest_annotated) {
    __sanitizer_annotate_contiguous_container(begin, limit, old_end, new_end);
  } else if (now > before) {
    hand_out(before, static_cast<std::size_t>(now - before));
  } else {
    poison(now, static_cast<std::size_t>(before - now));
  }
}

}  // namespace allot::memory_tools

#else

// Where a program cannot be asked whether a tool is in it, there is none.
namespace allot::memory_tools {

bool active() noexcept { return false; }
bool rule_addresses() noexcept { return false; }
bool accessible(const void*) noexcept { return true; }
void poison(const void*, std::size_t) noexcept {}
void hand_out(const void*, std::size_t) noexcept {}
void unpoison(const void*, std::size_t) noexcept {}
void move_container_end(const void*, const void*, const void*, const void*) noexcept {}
void follow_reports(void (*)(const void*)) noexcept {}

}  // namespace allot::memory_tools

#endif
