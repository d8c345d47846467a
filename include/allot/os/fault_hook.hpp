#pragma once

#include <allot/core/compiler.hpp>
#include <cstdint>

namespace allot::os {

/// Has a function called when the program touches memory it must not touch, to say what it touched. The function
/// cannot mend anything: afterwards the signal goes to whatever handled it before (a sanitizer, the program's own
/// handler, the system's default with its core dump), as if nobody had looked.
///
/// The object is its own entry in the list of hooks, so nothing is allocated. The first hook takes over the signals
/// and the last gives them back, unless somebody has put a handler on top meanwhile: that stays. A signal sent by a
/// process instead of caused by a fault calls no hook. Where the system has no such signals hooks are never called.
///
/// Thread-safe. Once the destructor returns the function is not called any more.
class ALLOT_EXPORT fault_hook {
 public:
  /// What is run, with the address of the fault as the system tells it, in a signal handler: it may use nothing that is
  /// not safe there, must not wait for a lock without an end, since the thread that faulted may hold it, and must not
  /// make or destroy hooks. A fault in it ends the program.
  using function = void (*)(void* context, const void* address);

  /// The address where the system does not tell it: x86-64 keeps back those that no memory can have, such as a pointer
  /// made of a fill pattern.
  static const void* untold() noexcept { return reinterpret_cast<const void*>(~std::uintptr_t{0}); }

  /// @param context  handed to `run` as it is
  fault_hook(function run, void* context) noexcept;
  ~fault_hook();
  fault_hook(const fault_hook&) = delete;
  fault_hook& operator=(const fault_hook&) = delete;

 private:
  friend struct fault_hook_list;  // of the platform source

  function run_;
  void* context_;
  fault_hook* next_ = nullptr;
};

}  // namespace allot::os
