#include "bench/peers.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <allot/core/compiler.hpp>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <optional>
#include <ostream>
#include <string>
#include <utility>

#ifdef ALLOT_BENCH_FOONATHAN
#include <foonathan/memory/memory_pool_collection.hpp>
#include <type_traits>
#endif

#ifdef ALLOT_BENCH_BOOST
#include <boost/container/pmr/memory_resource.hpp>
#include <boost/container/pmr/synchronized_pool_resource.hpp>
#include <boost/container/pmr/unsynchronized_pool_resource.hpp>
#endif

namespace allot::bench {
namespace {

using std::pmr::memory_resource;

/// What malloc aligns to without being asked.
constexpr std::size_t plain_alignment = 16;

void* checked(void* p) {
  if (!ALLOT_LIKELY(p != nullptr)) throw std::bad_alloc();
  return p;
}

/// A malloc as a memory_resource.
/// @tparam Calls  the four calls as inline members: take(bytes), take_aligned(bytes, alignment), give(p, bytes) and
///                give_aligned(p, bytes, alignment)
template <class Calls>
class malloc_resource final : public memory_resource {
 public:
  explicit malloc_resource(const Calls& calls) : calls_(calls) {}

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return checked(ALLOT_LIKELY(alignment <= plain_alignment) ? calls_.take(bytes)
                                                              : calls_.take_aligned(bytes, alignment));
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    if (ALLOT_LIKELY(alignment <= plain_alignment))
      calls_.give(p, bytes);
    else
      calls_.give_aligned(p, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  Calls calls_;
};

/// What a malloc must have.
struct malloc_calls {
  void* (*malloc)(std::size_t) = std::malloc;
  void* (*aligned)(std::size_t alignment, std::size_t bytes) = std::aligned_alloc;
  void (*free)(void*) = std::free;

  void* take(std::size_t bytes) const { return malloc(bytes); }
  void* take_aligned(std::size_t bytes, std::size_t alignment) const {
    return aligned(alignment, (bytes + alignment - 1) & ~(alignment - 1));
  }
  void give(void* p, std::size_t) const { free(p); }
  void give_aligned(void* p, std::size_t, std::size_t) const { free(p); }
};

/// The file a function of this process comes from.
std::string file_of(const char* function) {
  Dl_info found{};
  void* const at = ::dlsym(RTLD_DEFAULT, function);
  if (at == nullptr || ::dladdr(at, &found) == 0) return {};
  const std::string path = found.dli_fname;
  return path.substr(path.rfind('/') + 1);
}

/// The malloc of the C library, also where everyone else's is that of a library that was preloaded (LD_PRELOAD).
malloc_calls c_library() {
  malloc_calls calls;
  const auto find = [](auto*& function, const char* name) {
    if (void* const found = ::dlsym(RTLD_DEFAULT, name)) function = reinterpret_cast<decltype(+function)>(found);
  };
  find(calls.malloc, "__libc_malloc");
  find(calls.aligned, "__libc_memalign");
  find(calls.free, "__libc_free");
  return calls;
}

/// What the malloc is called that was preloaded; nothing where none was.
std::string preloaded_malloc() {
  const std::string file = file_of("malloc");
  const std::string own = file_of("__libc_malloc");
  if (own.empty() || file == own) return {};
  return file.find("scudo") != std::string::npos ? "Scudo" : file;
}

/// A library of which only what is asked for can be seen: its own calls go to itself, no one else's do.
class private_library {
 public:
  explicit private_library(const char* file) : handle_(::dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND)) {
    if (handle_ == nullptr) problem_ = ::dlerror();
  }

  /// Leaves `function` as it is once something was not found.
  template <class Function>
  void find(Function*& function, const char* name) {
    if (!problem_.empty()) return;
    function = reinterpret_cast<Function*>(::dlsym(handle_, name));
    if (function == nullptr) problem_ = std::string("has no ") + name;
  }

  const std::string& problem() const { return problem_; }

 private:
  void* handle_;  // never closed: threads may still run its code as they end
  std::string problem_;
};

struct mimalloc {
  static constexpr const char* file = "libmimalloc.so.2";
  void* (*malloc)(std::size_t) = nullptr;
  void* (*malloc_aligned)(std::size_t, std::size_t) = nullptr;
  void (*free)(void*) = nullptr;

  explicit mimalloc(private_library& library) {
    library.find(malloc, "mi_malloc");
    library.find(malloc_aligned, "mi_malloc_aligned");
    library.find(free, "mi_free");  // mi_free_size() calls it and looks at no size
  }
  void* take(std::size_t bytes) const { return malloc(bytes); }
  void* take_aligned(std::size_t bytes, std::size_t alignment) const { return malloc_aligned(bytes, alignment); }
  void give(void* p, std::size_t) const { free(p); }
  void give_aligned(void* p, std::size_t, std::size_t) const { free(p); }
};

struct jemalloc {
  static constexpr const char* file = "libjemalloc.so.2";
  void* (*malloc)(std::size_t) = nullptr;
  void* (*mallocx)(std::size_t, int) = nullptr;
  void (*sdallocx)(void*, std::size_t, int) = nullptr;

  explicit jemalloc(private_library& library) {
    library.find(malloc, "malloc");
    library.find(mallocx, "mallocx");
    library.find(sdallocx, "sdallocx");
  }
  /// MALLOCX_ALIGN of its manual: the alignment's logarithm in the lowest bits.
  static int aligned_flag(std::size_t alignment) {
    int logarithm = 0;
    while (alignment > std::size_t{1} << logarithm) ++logarithm;
    return logarithm;
  }
  void* take(std::size_t bytes) const { return malloc(bytes); }
  void* take_aligned(std::size_t bytes, std::size_t alignment) const { return mallocx(bytes, aligned_flag(alignment)); }
  void give(void* p, std::size_t bytes) const { sdallocx(p, bytes, 0); }
  void give_aligned(void* p, std::size_t bytes, std::size_t alignment) const {
    sdallocx(p, bytes, aligned_flag(alignment));
  }
};

struct tcmalloc {
  static constexpr const char* file = "libtcmalloc_minimal.so.4";
  void* (*malloc)(std::size_t) = nullptr;
  void* (*memalign)(std::size_t, std::size_t) = nullptr;
  void (*free)(void*) = nullptr;
  void (*free_sized)(void*, std::size_t) = nullptr;

  explicit tcmalloc(private_library& library) {
    library.find(malloc, "tc_malloc");
    library.find(memalign, "tc_memalign");
    library.find(free, "tc_free");
    library.find(free_sized, "tc_free_sized");
  }
  void* take(std::size_t bytes) const { return malloc(bytes); }
  void* take_aligned(std::size_t bytes, std::size_t alignment) const { return memalign(alignment, bytes); }
  void give(void* p, std::size_t bytes) const { free_sized(p, bytes); }
  void give_aligned(void* p, std::size_t, std::size_t) const { free(p); }
};

struct tbbmalloc {
  static constexpr const char* file = "libtbbmalloc.so.2";
  void* (*malloc)(std::size_t) = nullptr;
  void* (*aligned_malloc)(std::size_t, std::size_t) = nullptr;
  void (*free)(void*) = nullptr;
  void (*aligned_free)(void*) = nullptr;

  explicit tbbmalloc(private_library& library) {
    library.find(malloc, "scalable_malloc");
    library.find(aligned_malloc, "scalable_aligned_malloc");
    library.find(free, "scalable_free");
    library.find(aligned_free, "scalable_aligned_free");
  }
  void* take(std::size_t bytes) const { return malloc(bytes); }
  void* take_aligned(std::size_t bytes, std::size_t alignment) const { return aligned_malloc(bytes, alignment); }
  void give(void* p, std::size_t) const { free(p); }
  void give_aligned(void* p, std::size_t, std::size_t) const { aligned_free(p); }
};

template <class Calls>
candidate malloc_candidate(std::string name, const Calls& calls) {
  return {std::move(name), candidate::role::peer, candidate::serves::many_threads, candidate::memory::of_process,
          [calls](memory_resource*) { return std::make_unique<malloc_resource<Calls>>(calls); }};
}

template <class Calls>
std::optional<candidate> loaded(std::string name, std::ostream& notes) {
  private_library library(Calls::file);
  const Calls calls(library);
  if (library.problem().empty()) return malloc_candidate(std::move(name), calls);
  notes << name << " is left out: " << library.problem() << '\n';
  return std::nullopt;
}

#ifdef ALLOT_BENCH_BOOST

namespace boost_pmr = boost::container::pmr;

/// Boost has a memory_resource of its own; this is one of theirs over one of the standard's.
class boost_upstream final : public boost_pmr::memory_resource {
 public:
  explicit boost_upstream(std::pmr::memory_resource* upstream) : upstream_(upstream) {}

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override { return upstream_->allocate(bytes, alignment); }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    upstream_->deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const boost_pmr::memory_resource& other) const noexcept override { return this == &other; }

  std::pmr::memory_resource* upstream_;
};

/// One of the standard's over one of theirs, which is called directly: there is one virtual call as for any other.
template <class Pool>
class boost_pool final : public std::pmr::memory_resource {
 public:
  explicit boost_pool(std::pmr::memory_resource* upstream) : upstream_(upstream), pool_(&upstream_) {}

 private:
  struct open_pool : Pool {
    using Pool::Pool;
    void* take(std::size_t bytes, std::size_t alignment) { return Pool::do_allocate(bytes, alignment); }
    void give(void* p, std::size_t bytes, std::size_t alignment) { Pool::do_deallocate(p, bytes, alignment); }
  };

  void* do_allocate(std::size_t bytes, std::size_t alignment) override { return pool_.take(bytes, alignment); }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override { pool_.give(p, bytes, alignment); }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  boost_upstream upstream_;
  open_pool pool_;
};

#endif

#ifdef ALLOT_BENCH_FOONATHAN

/// What foonathan/memory takes its blocks from: one of the standard's resources.
class foonathan_upstream {
 public:
  using is_stateful = std::true_type;
  explicit foonathan_upstream(memory_resource* upstream) : upstream_(upstream) {}
  void* allocate_node(std::size_t bytes, std::size_t alignment) { return upstream_->allocate(bytes, alignment); }
  void deallocate_node(void* p, std::size_t bytes, std::size_t alignment) noexcept {
    upstream_->deallocate(p, bytes, alignment);
  }

 private:
  memory_resource* upstream_;
};

/// Its pools for sizes that are powers of two; what is larger than they are made for comes from the upstream.
class foonathan_pools final : public memory_resource {
 public:
  explicit foonathan_pools(memory_resource* upstream)
      : upstream_(upstream), pools_(largest, first_block, foonathan_upstream(upstream)) {}

 private:
  static constexpr std::size_t largest = 4096;
  static constexpr std::size_t first_block = std::size_t{64} << 10;
  static bool is_for_pools(std::size_t bytes, std::size_t alignment) {
    return ALLOT_LIKELY(bytes <= largest && alignment <= plain_alignment);
  }

  /// Sizes of 0 it does not know, and its alignment follows from the size.
  static std::size_t node(std::size_t bytes, std::size_t alignment) { return bytes < alignment ? alignment : bytes; }

  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return is_for_pools(bytes, alignment) ? pools_.allocate_node(node(bytes, alignment))
                                          : upstream_->allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    if (is_for_pools(bytes, alignment))
      pools_.deallocate_node(p, node(bytes, alignment));
    else
      upstream_->deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  memory_resource* upstream_;
  foonathan::memory::memory_pool_collection<foonathan::memory::node_pool, foonathan::memory::log2_buckets,
                                            foonathan_upstream>
      pools_;
};

#endif

}  // namespace

std::vector<candidate> peers(std::ostream& notes) {
  using std::pmr::synchronized_pool_resource;
  using std::pmr::unsynchronized_pool_resource;
  constexpr auto peer = candidate::role::peer;
  constexpr auto one_thread = candidate::serves::one_thread;
  constexpr auto many_threads = candidate::serves::many_threads;

  std::vector<candidate> all;
  all.push_back(malloc_candidate("glibc malloc", c_library()));
  if (const std::string name = preloaded_malloc(); !name.empty()) all.push_back(malloc_candidate(name, malloc_calls{}));
  for (auto& found : {loaded<mimalloc>("mimalloc", notes), loaded<jemalloc>("jemalloc", notes),
                      loaded<tcmalloc>("tcmalloc", notes), loaded<tbbmalloc>("tbbmalloc", notes)})
    if (found) all.push_back(*found);
  all.push_back(pool_candidate<unsynchronized_pool_resource>("std unsynchronized", peer, one_thread));
  all.push_back(pool_candidate<synchronized_pool_resource>("std synchronized", peer, many_threads));
#ifdef ALLOT_BENCH_BOOST
  using boost_unsynchronized = boost_pool<boost_pmr::unsynchronized_pool_resource>;
  using boost_synchronized = boost_pool<boost_pmr::synchronized_pool_resource>;
  all.push_back(pool_candidate<boost_unsynchronized>("boost unsynchronized", peer, one_thread));
  all.push_back(pool_candidate<boost_synchronized>("boost synchronized", peer, many_threads));
#else
  notes << "boost's pools are left out: Boost.Container was not there when this was built\n";
#endif
#ifdef ALLOT_BENCH_FOONATHAN
  all.push_back(pool_candidate<foonathan_pools>("foonathan/memory", peer, one_thread));
#else
  notes << "the pools of foonathan/memory are left out: it was not there when this was built\n";
#endif
  return all;
}

void restart_with_room_for_thread_storage(char** arguments) {
  constexpr const char* setting = "GLIBC_TUNABLES";
  if (std::getenv(setting) != nullptr) return;
  ::setenv(setting, "glibc.rtld.optional_static_tls=16384", 1);
  ::execv("/proc/self/exe", arguments);
}

}  // namespace allot::bench
