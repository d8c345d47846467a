#pragma once

#include <allot/core/compiler.hpp>
#include <allot/os/fault_hook.hpp>

namespace allot {

/// While it lives, a fault of the program says on standard error what explain() tells of the address, before whatever
/// handled faults otherwise goes on: for all strategies, and for addresses of none.
///
/// A resource that is not thread-safe is asked by the thread that uses it even in the middle of a call. Whose memory it
/// is was written by then, in a line of its own.
///
/// A program that handles faults on an alternate stack (sigaltstack) gives it 16 KiB at least: this takes up to 12, a
/// third of which is what the system itself puts there.
///
/// Thread-safe; any number of them may live, and each writes.
class ALLOT_EXPORT fault_explainer {
 public:
  fault_explainer() noexcept;

 private:
  os::fault_hook hook_;
};

}  // namespace allot
