// A heap in a small buffer, drawn as a line of text after each step: many small blocks, every other one freed, a block
// too large for the gaps; then all is freed and merged into one. At the end a block is freed twice, and the heap says
// so.

#include <allot/core/allocation_error.hpp>
#include <allot/core/misuse.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <array>
#include <cstddef>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr std::size_t small = 48;
constexpr std::size_t large = 600;

/// A character for each 32 bytes: '#' in use, '.' free, '|' where a block starts.
void draw(const char* when, const allot::coalescing_heap& heap) {
  std::string map;
  for (const allot::heap_block& block : heap.blocks()) {
    map += '|';
    map.append(block.bytes / 32, block.used ? '#' : '.');
  }
  const allot::heap_statistics now = heap.statistics();
  std::cout << when << '\n'
            << "  " << map << "|\n  " << now.live_blocks << " blocks in use, " << now.free_blocks
            << " free, the largest of " << now.largest_free << " bytes, fragmentation "
            << static_cast<int>(now.fragmentation * 100) << " %\n";
}

std::string report_of_double_free(allot::coalescing_heap& heap) {
  allot::set_misuse_handler([](const allot::misuse_report& report) {
    std::array<char, 256> line{};
    throw std::logic_error(std::string(line.data(), allot::format_misuse(report, line.data(), line.size())));
  });
  void* const p = heap.allocate(small);
  heap.deallocate(p, small);
  std::string found;
  try {
    heap.deallocate(p, small);
  } catch (const std::logic_error& error) {
    found = error.what();
  }
  allot::set_misuse_handler(nullptr);
  return found;
}

}  // namespace

int main() {
  alignas(64) std::array<std::byte, 2560> buffer;
  allot::heap_options options;
  options.name = "map";
  allot::coalescing_heap heap(buffer.data(), buffer.size(), options);

  std::vector<void*> blocks;
  while (heap.statistics().largest_free >= large) blocks.push_back(heap.allocate(small));
  draw("many small blocks", heap);

  for (std::size_t i = 0; i < blocks.size(); i += 2) heap.deallocate(blocks[i], small);
  draw("every other one freed", heap);
  bool good = heap.check() && heap.statistics().live_blocks == blocks.size() / 2;

  try {
    (void)heap.allocate(large);
    good = false;
  } catch (const allot::allocation_error& error) {
    std::cout << "a large one: " << error.what() << '\n';
  }

  for (std::size_t i = 1; i < blocks.size(); i += 2) heap.deallocate(blocks[i], small);
  void* const p = heap.allocate(large);
  draw("all of them freed, and the large one", heap);
  heap.deallocate(p, large);
  good = good && heap.check() && heap.statistics().free_blocks <= 1 && heap.usage().used == 0;

  const std::string report = report_of_double_free(heap);
  std::cout << report << '\n';
  good = good && report.find("misuse of map: double free") != std::string::npos && heap.check();
  return good ? 0 : 1;
}
