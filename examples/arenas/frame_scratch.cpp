// A loop that computes anew in every frame, and asks the system for nothing once it has seen its largest frame.
//
// What a frame computes lies in a scope that ends with the frame; what a function needs on the way to its result lies
// in a scope that ends with the function. Told where the result goes, get_scratch() takes the other of the thread's
// arenas.

#include <algorithm>
#include <allot/arena/scratch_pair.hpp>
#include <cstddef>
#include <iostream>
#include <map>
#include <memory_resource>
#include <vector>

namespace {

constexpr int frames = 600;
constexpr int frames_of_a_second = 60;  // then as many sprites are visible as a second before
constexpr int sprites = 4000;

int depth(int sprite, int frame) { return (sprite * 31 + frame) % 1000; }
bool is_visible(int sprite, int frame) { return sprite * 7 % 100 < 10 + frame % frames_of_a_second; }

/// The visible sprites, the nearest first. Nothing but the result stays in `output`.
std::pmr::vector<int> drawing_order(int frame, std::pmr::memory_resource& output) {
  allot::scratch temporary = allot::get_scratch(output);
  std::pmr::multimap<int, int> by_depth(&temporary);
  for (int sprite = 0; sprite < sprites; ++sprite)
    if (is_visible(sprite, frame)) by_depth.emplace(depth(sprite, frame), sprite);

  std::pmr::vector<int> order(&output);
  order.reserve(by_depth.size());
  for (const auto& [_, sprite] : by_depth) order.push_back(sprite);
  return order;
}

bool is_drawing_order(const std::pmr::vector<int>& order, int frame) {
  long visible = 0;
  for (int sprite = 0; sprite < sprites; ++sprite) visible += is_visible(sprite, frame);
  return std::count_if(order.begin(), order.end(), [&](int s) { return is_visible(s, frame); }) == visible &&
         std::is_sorted(order.begin(), order.end(), [&](int a, int b) { return depth(a, frame) < depth(b, frame); });
}

}  // namespace

int main() {
  allot::scratch_pair& memory = allot::thread_scratch();
  std::size_t most_committed = 0;
  bool good = true;
  for (int frame = 0; frame < frames; ++frame) {
    {
      allot::scratch of_this_frame = allot::get_scratch();
      const std::pmr::vector<int> order = drawing_order(frame, of_this_frame);
      const std::pmr::vector<int> next = drawing_order(frame + 1, of_this_frame);  // where the first had its map
      good = good && is_drawing_order(order, frame) && is_drawing_order(next, frame + 1);
      if (frame % 100 == 59)
        std::cout << "frame " << frame << ": " << order.size() << " sprites, " << of_this_frame.usage().used
                  << " bytes at its end, " << memory.usage().committed / 1024 << " KiB committed\n";
    }
    const std::size_t committed = memory.usage().committed;
    good = good && memory.pick().position() == 0 && (frame < frames_of_a_second || committed == most_committed);
    most_committed = std::max(most_committed, committed);
  }
  std::cout << (good ? "all frames right, and no memory taken after the first second\n" : "FAILED\n");
  return good ? 0 : 1;
}
