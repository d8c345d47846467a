#pragma once

/// What tests must know of the machine they run on.
namespace allot::test {

/// Whether the processor is emulated, as by qemu: system calls are translated, and some advice gets lost in that.
/// Memory of the emulator itself counts as the program's.
bool under_emulator();
/// Whether processors tell of faults only in which page they were.
bool faults_tell_pages_only();
/// Whether tens of GiB of address space cannot be had: addresses have 32 bits, or the emulator is told to be sparing.
inline bool few_addresses() { return sizeof(void*) < 8 || under_emulator(); }
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
