// Blocks as they are handed out and given back.

#include <allot/os/virtual_memory.hpp>
#include <random>
#include <set>
#include <vector>

#include "bench.hpp"
#include "checks.hpp"

namespace allot::testing::conformance {
namespace {

enum class order { same, reverse, random };

std::vector<std::size_t> grid_sizes() {
  std::set<std::size_t> sizes{0,  1,  2,  3,  5,  7,  8,   9,   15,  16,  17,  24,  31,  33,
                              40, 48, 63, 64, 65, 72, 100, 127, 129, 255, 257, 511, 1000};
  const std::size_t page = os::facts().page_size;
  for (std::size_t edge : {page, std::size_t{64} << 10, std::size_t{1} << 20})
    for (std::size_t size : {edge - 1, edge, edge + 1}) sizes.insert(size);
  return {sizes.begin(), sizes.end()};
}

std::vector<size_and_alignment> grid(std::size_t largest_alignment) {
  std::vector<size_and_alignment> cells;
  for (std::size_t bytes : grid_sizes()) {
    const std::size_t step = bytes > (std::size_t{128} << 10) ? 16 : 2;  // large blocks cost time: fewer of them
    for (std::size_t alignment = 1; alignment <= largest_alignment; alignment *= step)
      cells.push_back({bytes, alignment});
  }
  return cells;
}

void check_grid(const conformance_subject& subject, findings& found, const conformance_options& options,
                order free_order) {
  bench on(subject, found);
  std::vector<bench::handle> handles;
  for (const size_and_alignment& cell : grid(options.largest_alignment))
    if (auto* p = on.must_allocate(cell)) handles.push_back(p);
  on.verify_all();
  if (free_order == order::reverse) std::reverse(handles.begin(), handles.end());
  if (free_order == order::random) std::shuffle(handles.begin(), handles.end(), std::mt19937(options.seed));
  for (auto* p : handles) on.deallocate(p);
}

/// A limited instance meets the grid a cell at a time, each on a fresh instance, so that its capacity covers more of
/// it.
void check_grid_cells(const conformance_subject& subject, findings& found, const conformance_options& options) {
  if (subject.capacity == conformance_subject::unlimited) return;
  for (const size_and_alignment& cell : grid(options.largest_alignment)) {
    if (cell.cost() > subject.capacity) continue;
    constexpr int most = 300;  // small sizes need not fill it whole at every alignment
    bench on(subject, found);
    for (int i = 0; i < most && on.covers(cell); ++i)
      if (on.must_allocate(cell) == nullptr) break;
    on.deallocate_all();
  }
}

void expect_refusal(bench& on, findings& found, size_and_alignment request) {
  const bench::state before = on.now();
  try {
    void* p = on.memory().allocate(request.bytes, request.alignment);
    found.add("huge size", request, " returned ", p);
    return;
  } catch (const std::bad_alloc&) {
  } catch (...) {
    found.add("exception type", request, " threw something that is no std::bad_alloc");
  }
  found.expect(on.is_as(before), "huge size", request, " was refused, but changed the resource");
}

void check_zero_size(const conformance_subject& subject, findings& found) {
  for (std::size_t alignment : {std::size_t{1}, alignof(std::max_align_t), std::size_t{64}}) {
    bench on(subject, found);
    on.must_allocate({0, alignment});
    on.must_allocate({0, alignment});
    on.must_allocate({1, alignment});
    on.must_allocate({0, alignment});
    on.deallocate_all();
  }
}

/// Live blocks come and go at random, so that freed memory is used again.
void check_churn(const conformance_subject& subject, findings& found, const conformance_options& options) {
  bench on(subject, found);
  std::mt19937 random(options.seed);
  std::vector<bench::handle> live;
  for (int step = 0; step < 3000; ++step) {
    if (!live.empty() && random() % 2 == 0) {
      const std::size_t victim = random() % live.size();
      on.deallocate(live[victim]);
      live[victim] = live.back();
      live.pop_back();
      continue;
    }
    const size_and_alignment request{random() % (random() % 20 == 0 ? 20000 : 300), std::size_t{1} << random() % 8};
    if (!on.covers(request)) break;
    if (auto* p = on.must_allocate(request)) live.push_back(p);
  }
  on.deallocate_all();
}

}  // namespace

void check_huge_sizes(const conformance_subject& subject, findings& found) {
  for (const bool fresh : {true, false}) {
    bench on(subject, found);
    if (!fresh) on.must_allocate({100, 8});
    for (std::size_t bytes : {huge, huge - 1, huge - 7, huge - 15, huge - 31, huge - 63, huge - 127, huge - 4095,
                              huge - 65535, huge / 2 + 1, huge / 2 + 2, huge / 2 + 4097})
      for (std::size_t alignment : {1U, 8U, 16U, 64U, 4096U, 65536U}) expect_refusal(on, found, {bytes, alignment});

    // Alignments beyond all reason may be met or refused, but never weakened.
    for (unsigned shift = 20; shift < sizeof(std::size_t) * 8; shift += 6) {
      const size_and_alignment request{1, std::size_t{1} << shift};
      const bench::state before = on.now();
      try {
        on.deallocate(on.allocate(request));
      } catch (const std::bad_alloc&) {
        found.expect(on.is_as(before), "huge size", request, " was refused, but changed the resource");
      } catch (...) {
        found.add("exception type", request, " threw something that is no std::bad_alloc");
      }
    }
    on.must_allocate({100, 8});
    on.deallocate_all();
  }
}

void check_blocks(const conformance_subject& subject, findings& found, const conformance_options& options) {
  check_zero_size(subject, found);
  for (const order free_order : {order::same, order::reverse, order::random})
    check_grid(subject, found, options, free_order);
  check_grid_cells(subject, found, options);
  check_churn(subject, found, options);
}

}  // namespace allot::testing::conformance
