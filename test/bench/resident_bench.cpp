// How much memory a process has that uses a heap for what is alive in it, all of which is written.

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <allot/core/resource.hpp>
#include <allot/os/virtual_memory.hpp>
#include <array>
#include <cstdlib>
#include <cstring>

#include "bench/shapes.hpp"
#include "bench/stream.hpp"

namespace allot::bench {
namespace {

constexpr std::size_t alignment = 8;

/// What this process has of the machine's memory, in bytes.
class resident_memory {
 public:
  resident_memory() : file_(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC)) {}
  ~resident_memory() { ::close(file_); }
  resident_memory(const resident_memory&) = delete;
  resident_memory& operator=(const resident_memory&) = delete;

  double now() const {
    std::array<char, 128> text{};
    if (::pread(file_, text.data(), text.size() - 1, 0) <= 0) return 0;
    const char* const second = std::strchr(text.data(), ' ');
    return second == nullptr ? 0 : static_cast<double>(std::strtoull(second, nullptr, 10) * os::facts().page_size);
  }

 private:
  int file_;
};

/// The most there is at once beyond what there was before, looked at each time some more bytes were allocated.
readings resident_needed(const subject& s, const stream& events) {
  constexpr std::size_t bytes_between_looks = std::size_t{256} << 10;
  std::vector<void*> blocks(events.most_blocks());
  std::fill(blocks.begin(), blocks.end(), &blocks);  // in memory from now on
  std::uint64_t sum = 0;
  for (const stream::event& e : events.events()) sum += e.bytes;  // and so are these
  ALLOT_ASSUME_READ(&sum);

  ::malloc_trim(0);  // or the C library would use what is free already, which is counted as there before
  const resident_memory resident;
  double most = resident.now();
  const double before = most;
  const auto memory = s.of().make(std::pmr::new_delete_resource());
  std::size_t until_look = bytes_between_looks;
  for (const stream::event& e : events.events()) {
    void*& p = blocks[e.block];
    if (!e.is_allocation) {
      memory->deallocate(p, e.bytes, alignment);
      continue;
    }
    p = memory->allocate(e.bytes, alignment);
    std::memset(p, 1, e.bytes);
    if (e.bytes < until_look) {
      until_look -= e.bytes;
      continue;
    }
    most = std::max(most, resident.now());
    until_look = bytes_between_looks;
  }
  if (resource* const ours = as_resource(memory.get())) ours->trim();
  const double left = resident.now() - before;
  constexpr double mib = 1 << 20;
  const double peak = static_cast<double>(events.peak_bytes());
  return {(most - before) / peak, peak / mib, left / mib};
}

}  // namespace

std::vector<shape> resident_shapes(std::size_t shrink) {
  const std::vector<goal> all_but_phases{{"coalescing_heap", "glibc malloc", 1},
                                         {"general_resource", "glibc malloc", 1.1}};
  const std::vector<goal> of_phases{{"coalescing_heap", "glibc malloc", 1},
                                    {"general_resource", "jemalloc", 0.8},
                                    {"general_resource", "mimalloc", 0.8},
                                    {"general_resource", "tcmalloc", 0.8}};
  std::vector<shape> all;
  for (const stream_kind& kind : stream_kinds())
    all.push_back({"resident_" + kind.name,
                   kind.what,
                   {"peak resident / peak live", "MiB of peak live", "MiB left when all is freed"},
                   shape::for_whom::one_thread,
                   shape::starts::cold,
                   5,
                   [=]() -> round_function {
                     return [=](const subject& s) { return resident_needed(s, kind.make(shrink, s.round() + 1)); };
                   },
                   kind.name == "phases" ? of_phases : all_but_phases});
  return all;
}

}  // namespace allot::bench
