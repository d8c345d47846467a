#include "system_malloc.hpp"

#include <dlfcn.h>

namespace allot::preload {
namespace {

template <class Function>
bool look_up(const char* name, Function*& found) noexcept {
  found = reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
  return found != nullptr;
}

}  // namespace

bool system_malloc::find() noexcept {
  return look_up("malloc", allocate) && look_up("free", deallocate) && look_up("realloc", resize) &&
         look_up("calloc", allocate_zeroed) && look_up("posix_memalign", allocate_aligned) &&
         look_up("malloc_usable_size", usable_size);
}

}  // namespace allot::preload
