#include "detection/candidates.hpp"

#include <dlfcn.h>
#include <malloc.h>

#include <allot/secure/secure_resource.hpp>
#include <allot/secure/synchronized_secure_resource.hpp>

namespace allot::detection {
namespace {

/// operator new and delete, told size and alignment each time: all that a C++ program can tell a malloc.
class new_and_delete final : public std::pmr::memory_resource {
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    std::pmr::new_delete_resource()->deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

}  // namespace

std::vector<candidate> own_candidates() {
  return {{"checked", secure_level::checked},
          {"hardened", secure_level::hardened},
          {"paranoid", secure_level::paranoid},
          {"trap", secure_level::trap},
          {"glibc", std::nullopt}};
}

std::unique_ptr<std::pmr::memory_resource> make_heap(std::optional<secure_level> level, bool synchronized) {
  if (!level) return std::make_unique<new_and_delete>();
  if (synchronized) return std::make_unique<synchronized_secure_resource>(*level);
  return std::make_unique<secure_resource>(*level);
}

std::size_t usable_bytes(const candidate& of, void* p, std::size_t asked) {
  return of.level ? asked : ::malloc_usable_size(p);
}

std::string file_of_malloc() {
  Dl_info found{};
  void* const function = ::dlsym(RTLD_DEFAULT, "malloc");
  return function != nullptr && ::dladdr(function, &found) != 0 ? found.dli_fname : "";
}

}  // namespace allot::detection
