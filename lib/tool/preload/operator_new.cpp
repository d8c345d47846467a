// operator new and delete in all their forms. A failure is left to those of the program's own C++ library, which ask
// malloc() again: it knows the program's new handler, and throws what the program can catch.

#include <dlfcn.h>

#include <cstddef>
#include <cstdlib>
#include <new>

#include "program_memory.hpp"
#include "report.hpp"

using namespace allot::preload;

namespace {

constexpr std::size_t usual_alignment = alignof(std::max_align_t);

std::size_t number_of(std::align_val_t alignment) noexcept {
  const auto number = static_cast<std::size_t>(alignment);
  return number < usual_alignment ? usual_alignment : number;
}

/// Of the program's C++ library, which a program in C may have loaded late, and for a part of it alone.
void* find_in_library(const char* name) noexcept {
  if (void* const found = ::dlsym(RTLD_NEXT, name); found != nullptr) return found;
  for (const char* const file : {"libstdc++.so.6", "libc++.so.1"}) {
    void* const library = ::dlopen(file, RTLD_LAZY | RTLD_NOLOAD);
    if (library == nullptr) continue;
    void* const found = ::dlsym(library, name);
    ::dlclose(library);
    if (found != nullptr) return found;
  }
  return nullptr;
}

template <class Function>
Function* next(const char* name) noexcept {
  auto* const found = reinterpret_cast<Function*>(find_in_library(name));
  if (found == nullptr) {
    report("no memory for operator new, and no C++ library that could say so");
    std::abort();
  }
  return found;
}

void* allocate(std::size_t bytes, std::size_t alignment) noexcept { return program_memory::allocate(bytes, alignment); }

void deallocate(void* p) noexcept { program_memory::deallocate(p, "operator delete"); }

static_assert(sizeof(std::size_t) == sizeof(unsigned long) || sizeof(std::size_t) == sizeof(unsigned));
constexpr bool long_sizes = __is_same(std::size_t, unsigned long);
constexpr const char* new_name = long_sizes ? "_Znwm" : "_Znwj";
constexpr const char* aligned_new_name = long_sizes ? "_ZnwmSt11align_val_t" : "_ZnwjSt11align_val_t";
constexpr const char* nothrow_new_name = long_sizes ? "_ZnwmRKSt9nothrow_t" : "_ZnwjRKSt9nothrow_t";
constexpr const char* aligned_nothrow_new_name =
    long_sizes ? "_ZnwmSt11align_val_tRKSt9nothrow_t" : "_ZnwjSt11align_val_tRKSt9nothrow_t";

void* fail(std::size_t bytes) { return next<void*(std::size_t)>(new_name)(bytes); }
void* fail(std::size_t bytes, std::align_val_t alignment) {
  return next<void*(std::size_t, std::align_val_t)>(aligned_new_name)(bytes, alignment);
}

// Nothing is caught here: what the program's C++ library throws, it must catch as well. Ours is another.
void* or_null(std::size_t bytes) noexcept {
  return next<void*(std::size_t, const std::nothrow_t&) noexcept>(nothrow_new_name)(bytes, std::nothrow);
}
void* or_null(std::size_t bytes, std::align_val_t alignment) noexcept {
  using function = void*(std::size_t, std::align_val_t, const std::nothrow_t&) noexcept;
  return next<function>(aligned_nothrow_new_name)(bytes, alignment, std::nothrow);
}

}  // namespace

void* operator new(std::size_t bytes) {
  void* const p = allocate(bytes, usual_alignment);
  return p != nullptr ? p : fail(bytes);
}
void* operator new[](std::size_t bytes) { return operator new(bytes); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  void* const p = allocate(bytes, number_of(alignment));
  return p != nullptr ? p : fail(bytes, alignment);
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) { return operator new(bytes, alignment); }

void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  void* const p = allocate(bytes, usual_alignment);
  return p != nullptr ? p : or_null(bytes);
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return operator new(bytes, std::nothrow); }
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  void* const p = allocate(bytes, number_of(alignment));
  return p != nullptr ? p : or_null(bytes, alignment);
}
void* operator new[](std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return operator new(bytes, alignment, std::nothrow);
}

void operator delete(void* p) noexcept { deallocate(p); }
void operator delete[](void* p) noexcept { deallocate(p); }
void operator delete(void* p, std::size_t) noexcept { deallocate(p); }
void operator delete[](void* p, std::size_t) noexcept { deallocate(p); }
void operator delete(void* p, std::align_val_t) noexcept { deallocate(p); }
void operator delete[](void* p, std::align_val_t) noexcept { deallocate(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { deallocate(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { deallocate(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { deallocate(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { deallocate(p); }
void operator delete(void* p, std::align_val_t, const std::nothrow_t&) noexcept { deallocate(p); }
void operator delete[](void* p, std::align_val_t, const std::nothrow_t&) noexcept { deallocate(p); }
