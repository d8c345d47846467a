#pragma once

#include <cstddef>

/// What tests must know of the machine they run on.
namespace allot::test {

/// 2^log2, or half of all addresses where these are fewer.
constexpr std::size_t two_to(unsigned log2) {
  constexpr unsigned bits = 8 * sizeof(std::size_t);
  return std::size_t{1} << (log2 < bits ? log2 : bits - 1);
}
/// Whether pointers have 32 bits.
inline constexpr bool narrow = sizeof(void*) < 8;
inline constexpr const char* of_64_bits = "it is about numbers of 64 bits";
/// Whether what new gives is aligned to 16, as the numbers of some cases have it.
inline constexpr bool aligns_to_16 = alignof(std::max_align_t) == 16;
inline constexpr const char* of_alignment_16 = "its numbers are those of a natural alignment of 16";
/// Whether the tests are compiled with type information, which the standard library's locales need.
#if defined(__cpp_rtti) || defined(_CPPRTTI)
inline constexpr bool knows_types = true;
#else
inline constexpr bool knows_types = false;
#endif
inline constexpr const char* locales_need_types = "locales need run-time type information";
/// Whether the processor is emulated, as by qemu: system calls are translated, and some advice gets lost in that.
/// Memory of the emulator itself counts as the program's.
bool under_emulator();
/// Whether processors tell of faults only in which page they were.
bool faults_tell_pages_only();
inline constexpr const char* of_exact_faults = "this processor tells of faults only in which page they were";
/// Whether tens of GiB of address space cannot be had: addresses have 32 bits, or the emulator is told to be sparing.
inline bool few_addresses() { return narrow || under_emulator(); }
/// Whether a few GiB of reservations are all that can be had: the same, but for Wine.
bool addresses_run_out();
/// Whether reserved addresses take memory: Wine has a byte for each of their pages.
bool reservations_take_memory();
inline constexpr const char* takes_gigabytes = "reserving so much takes the emulator gigabytes";
/// Whether every mapping takes long: qemu looks at all pages of the address space it was given, one after the other.
bool mappings_are_slow();
inline constexpr const char* takes_hours = "the emulator takes too long for so many mappings";
inline constexpr const char* of_small_pages = "its numbers are those of pages of at most 16 KiB";
/// Whether pages are emulated that are larger than the system's: qemu hands figures on that count the system's pages,
/// and fails at parts of files that end within a page of its own.
bool emulates_large_pages();
inline constexpr const char* counts_small_pages = "the system counts pages smaller than the emulator's";
inline constexpr const char* fails_within_pages = "the emulator fails where a file or a segment ends within its page";
/// Whether a program may start others of its own kind: qemu's system does not know them.
bool starts_its_kind();
inline constexpr const char* does_not_start_its_kind = "the system does not start programs of the emulated kind";
/// Whether a process with several threads can fork. qemu's do at times, and then end in the child.
bool threads_can_fork();
inline constexpr const char* forks_fail = "the emulator cannot fork a program with threads";
/// Whether thread_local variables are freed before their own destructors run, as by MinGW's compilers.
bool frees_thread_variables_early();
inline constexpr const char* thread_variables_are_gone = "thread_local variables are gone before their destructors run";
inline constexpr const char* addresses_are_few = "addresses are few";
namespace lost_in_emulator {
inline constexpr const char* advice = "the emulator takes this advice and does nothing";
inline constexpr const char* limit = "the emulator takes this limit and does nothing";
inline constexpr const char* figures = "the figures are those of the emulator";
}  // namespace lost_in_emulator

}  // namespace allot::test
