// One reservation at start-up, and of it a slice for each subsystem: an arena with a position, a high water and a limit
// of its own. The reservation costs address space, and memory only as it is used. A subsystem that runs out says who it
// is, and harms nobody else.

#include <algorithm>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/core/byte_size.hpp>
#include <cstddef>
#include <iomanip>
#include <iostream>
#include <memory_resource>
#include <vector>

namespace {

using namespace allot::literals;

constexpr std::size_t image_bytes = 600'000;

void print(const char* when, const allot::monotonic_arena& memory) {
  std::cout << std::left << std::setw(12) << when << std::setw(9) << memory.name() << std::right << " position"
            << std::setw(9) << memory.position() << ", high water" << std::setw(9) << memory.usage().peak << ", limit"
            << std::setw(9) << memory.size() << '\n';
}

}  // namespace

int main() {
  allot::monotonic_arena_options options;
  options.size = 64_MiB;
  options.name = "engine";
  allot::monotonic_arena engine(options);
  const int* const version = engine.push<int>(17);  // what lives as long as the engine
  const allot::arena_mark start_up = engine.mark();
  bool good = true;

  {
    allot::monotonic_arena audio = engine.carve(1_MiB, 64, "audio");
    allot::monotonic_arena physics = engine.carve(2_MiB, 64, "physics");
    allot::monotonic_arena textures = engine.carve(4_MiB, 4_KiB, "textures");
    good = good && !engine.try_rewind(start_up);  // not below live slices

    const float* const samples = audio.push_array_zeroed<float>(48'000);
    std::pmr::vector<double> masses(10'000, 1.5, &physics);
    std::vector<std::byte*> images;
    try {
      while (true) {
        images.push_back(textures.push_array<std::byte>(image_bytes));
        std::fill_n(images.back(), image_bytes, static_cast<std::byte>(images.size()));
      }
    } catch (const allot::allocation_error& error) {
      std::cout << "after " << images.size() << " images: " << error.what() << '\n';
      good = good && error.resource_name() == "textures" && error.code() == allot::memory_errc::limit_reached;
    }
    for (const auto* slice : {&audio, &physics, &textures}) print("loaded", *slice);
    good = good && images.size() == 6 && textures.position() == 6 * image_bytes;
    for (std::size_t i = 0; i < images.size(); ++i)
      good = good && std::count(images[i], images[i] + image_bytes, static_cast<std::byte>(i + 1)) == image_bytes;
    good = good && std::count(samples, samples + 48'000, 0.0F) == 48'000;
    good = good && std::count(masses.begin(), masses.end(), 1.5) == 10'000;

    textures.clear();  // the level is over
    print("cleared", textures);
    good = good && textures.position() == 0 && textures.usage().peak == 6 * image_bytes;
    print("in all", engine);
    good = good && engine.position() >= 7_MiB;
  }  // the slices go, and with them the reason not to go back

  good = good && engine.try_rewind(start_up);
  print("rewound", engine);
  good = good && engine.position() == sizeof(int) && *version == 17;
  return good ? 0 : 1;
}
