#include "detection/layout.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <sstream>

namespace allot::detection {
namespace {

constexpr std::size_t alignment = 8;

/// The share of neighbours, in percent, among blocks allocated one after the other on a heap that is in use.
double adjacent_percent(std::pmr::memory_resource& heap, std::size_t bytes) {
  std::vector<void*> all(3000);
  for (void*& p : all) p = heap.allocate(bytes, alignment);
  for (std::size_t i = 0; i < all.size(); i += 3) heap.deallocate(all[i], bytes, alignment);
  std::vector<std::uintptr_t> at(1000);
  for (std::uintptr_t& a : at) a = reinterpret_cast<std::uintptr_t>(heap.allocate(bytes, alignment));

  std::vector<std::uintptr_t> sorted = at;
  std::sort(sorted.begin(), sorted.end());
  std::uintptr_t stride = std::numeric_limits<std::uintptr_t>::max();
  for (std::size_t i = 1; i < sorted.size(); ++i) stride = std::min(stride, sorted[i] - sorted[i - 1]);
  std::size_t adjacent = 0;
  for (std::size_t i = 1; i < at.size(); ++i)
    if (std::max(at[i], at[i - 1]) - std::min(at[i], at[i - 1]) == stride) ++adjacent;
  return static_cast<double>(adjacent) * 100 / static_cast<double>(at.size() - 1);
}

/// Allocations and frees until the address of a freed block comes back.
std::size_t frees_until_return(std::pmr::memory_resource& heap, std::size_t bytes) {
  void* const p = heap.allocate(bytes, alignment);
  const auto wanted = reinterpret_cast<std::uintptr_t>(p);
  heap.deallocate(p, bytes, alignment);
  for (std::size_t frees = 0; frees < most_frees; ++frees) {
    void* const next = heap.allocate(bytes, alignment);
    const bool is_back = reinterpret_cast<std::uintptr_t>(next) == wanted;
    heap.deallocate(next, bytes, alignment);
    if (is_back) return frees;
  }
  return most_frees;
}

}  // namespace

layout measure_layout(const candidate& of, std::size_t bytes, std::size_t pairs) {
  layout found;
  found.adjacent = adjacent_percent(*make_heap(of.level), bytes);
  const auto heap = make_heap(of.level);
  for (int i = 0; i < 500; ++i) (void)heap->allocate(bytes, alignment);
  constexpr std::size_t most_tries = 200;
  for (std::size_t done = 0; done < pairs && found.frees.size() < most_tries; done += found.frees.back() + 1)
    found.frees.push_back(frees_until_return(*heap, bytes));
  return found;
}

std::string to_text(const layout& of) {
  std::ostringstream out;
  out << of.adjacent;
  for (const std::size_t frees : of.frees) out << ' ' << frees;
  return out.str();
}

bool from_text(const std::string& text, layout& to) {
  std::istringstream in(text);
  if (!(in >> to.adjacent)) return false;
  for (std::size_t frees = 0; in >> frees;) to.frees.push_back(frees);
  return !to.frees.empty();
}

}  // namespace allot::detection
