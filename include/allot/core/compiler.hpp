#pragma once

// The one place for what compilers spell differently. Nothing here depends on the build type: a program may mix objects
// built with any flags with one build of the library.

#if defined(_WIN32)
#if defined(ALLOT_BUILDING)
#define ALLOT_EXPORT __declspec(dllexport)
#elif defined(ALLOT_SHARED)
#define ALLOT_EXPORT __declspec(dllimport)
#else
#define ALLOT_EXPORT
#endif
#elif defined(__GNUC__)
#define ALLOT_EXPORT __attribute__((visibility("default")))
#else
#define ALLOT_EXPORT
#endif

#if defined(__GNUC__)
#define ALLOT_LIKELY(condition) __builtin_expect(static_cast<bool>(condition), 1)
#define ALLOT_NEVER_INLINE __attribute__((noinline))
#define ALLOT_ALWAYS_INLINE __attribute__((always_inline)) inline
#define ALLOT_PREFETCH(p) __builtin_prefetch(p)
// For a thread_local variable of one source file: its place is known when the library is loaded, so a look at it needs
// no call.
#define ALLOT_INITIAL_EXEC __attribute__((tls_model("initial-exec")))
// After this the compiler must assume that what p points to was read, so stores to it are not dead.
#define ALLOT_ASSUME_READ(p) __asm__ __volatile__("" : : "r"(p) : "memory")
// From here on the value is in a register of its own. Keeps compilers from loading it together with its neighbours by
// one wide instruction, which must wait when a neighbour was stored just before.
#define ALLOT_IN_REGISTER(value) __asm__("" : "+r"(value))
// Before a variable that linkers put into a section of that name and keep, whether somebody uses it or not. Not defined
// where compilers do it by pragmas.
#define ALLOT_KEEP_IN_SECTION(name) __attribute__((section(name), used))
// Behind an arithmetic type: a vector of so many bytes, whose operators work on all its elements at once. Not defined
// where compilers have no such types, or processors no such registers.
#if !defined(__i386__) || defined(__SSE2__)
#define ALLOT_VECTOR_OF_BYTES(count) __attribute__((vector_size(count)))
#endif
#else
#define ALLOT_LIKELY(condition) (condition)
#if defined(_MSC_VER)
#define ALLOT_NEVER_INLINE __declspec(noinline)
#else
#define ALLOT_NEVER_INLINE
#endif
#define ALLOT_ALWAYS_INLINE inline
#define ALLOT_PREFETCH(p) static_cast<void>(p)
#define ALLOT_INITIAL_EXEC
#define ALLOT_IN_REGISTER(value)
#include <atomic>
namespace allot {
/// The last address that compilers were to take for read.
inline const volatile void* volatile assumed_read = nullptr;
}  // namespace allot
#define ALLOT_ASSUME_READ(p) \
  (static_cast<void>(allot::assumed_read = (p)), std::atomic_signal_fence(std::memory_order_seq_cst))
#endif

// Of a word of 64 bits that is not 0, and an integer of twice its width. Not defined where compilers have none.
#if defined(__GNUC__)
#define ALLOT_TRAILING_ZEROS(word) __builtin_ctzll(word)
#define ALLOT_LEADING_ZEROS(word) __builtin_clzll(word)
#endif
#if defined(__SIZEOF_INT128__)
namespace allot {
__extension__ using unsigned_128 = unsigned __int128;
}
#define ALLOT_UNSIGNED_128 allot::unsigned_128
#endif

// A symbol that is null in programs where nobody defines it. Not defined where linkers have no such thing.
#if defined(__GNUC__) && !defined(_WIN32)
#define ALLOT_WEAK __attribute__((weak))
#endif

// Sets `result` to whether `value`, a number as wide as a pointer, is at most the address in `limit`, a std::atomic
// other threads may store to: a relaxed load and a comparison, in one instruction, which no compiler makes of the two.
#if defined(__x86_64__) && defined(__GCC_ASM_FLAG_OUTPUTS__)
#define ALLOT_AT_MOST(result, value, limit) __asm__("cmp{ %2, %1| %1, %2}" : "=@ccbe"(result) : "r"(value), "m"(limit))
#else
#define ALLOT_AT_MOST(result, value, limit) \
  (result) = (value) <= reinterpret_cast<std::uintptr_t>((limit).load(std::memory_order_relaxed))
#endif
