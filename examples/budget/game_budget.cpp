// A game states at its start what memory it may use. Permanent slices hold what a level has: an arena, a container, and
// the game's own manager of monsters. Transient ones hold what a frame needs and go with it. Audio gets a budget of its
// own to divide. When a frame is too crowded the game drops particles instead of dying, and at the end it knows what
// every part of it has needed.

#include <algorithm>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/block/memory_budget.hpp>
#include <allot/core/byte_size.hpp>
#include <cstddef>
#include <iostream>
#include <limits>
#include <memory_resource>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace allot::literals;

constexpr int frames = 600;
constexpr std::size_t usual_particles = 50'000;
constexpr std::size_t crowd = 200'000;  // too many for their slice

struct particle {
  float x, y, z, age;
};

struct monster {
  int health;
  int frames_left;
  monster* next;
};

/// The game's own manager, on the plain memory of a slice: as many monsters as fit, the ones that died first used
/// again. It tells the slice what it uses, so that the report knows.
class monster_cage {
 public:
  explicit monster_cage(allot::budget_slice& slice) : slice_(slice), room_(slice.size() / sizeof(monster)) {}

  /// Null when the cage is full.
  monster* spawn(int frames_to_live) {
    monster* place = dead_;
    if (place != nullptr) {
      dead_ = place->next;
    } else if (opened_ < room_) {
      place = reinterpret_cast<monster*>(slice_.data()) + opened_++;
    } else {
      return nullptr;
    }
    alive_ = ::new (place) monster{100, frames_to_live, alive_};
    ++count_;
    slice_.note_used(count_ * sizeof(monster));
    return alive_;
  }

  void age() {
    for (monster** link = &alive_; *link != nullptr;) {
      monster* const one = *link;
      if (--one->frames_left > 0) {
        link = &one->next;
        continue;
      }
      *link = one->next;
      one->next = std::exchange(dead_, one);
      --count_;
    }
    slice_.note_used(count_ * sizeof(monster));
  }

  std::size_t count() const { return count_; }

 private:
  allot::budget_slice& slice_;
  std::size_t room_;
  std::size_t opened_ = 0;
  std::size_t count_ = 0;
  monster* alive_ = nullptr;
  monster* dead_ = nullptr;
};

/// Draws a frame; the particles live in the frame's memory. Fewer are drawn when there is no room for all.
std::size_t draw(allot::memory_budget& budget, std::size_t particles) {
  allot::budget_slice slice = budget.transient("particles", 2_MiB, 64);
  std::pmr::vector<particle> drawn(&slice);
  try {
    drawn.reserve(particles);
  } catch (const allot::allocation_error&) {
    drawn.reserve(slice.available() / sizeof(particle));
  }
  drawn.resize(std::min(particles, drawn.capacity()), particle{0, 0, 0, 1});
  return drawn.size();
}

bool play(allot::memory_budget& budget) {
  bool good = true;
  allot::budget_slice scene_memory = budget.permanent("scene", 4_MiB, 64);
  allot::monotonic_arena scene(scene_memory.data(), scene_memory.size());
  scene_memory.note_used(scene_memory.size());  // the arena has all of it
  const float* const ground = scene.push_array_zeroed<float>(500'000);

  allot::budget_slice name_memory = budget.permanent("names", 64_KiB);
  std::pmr::vector<std::pmr::string> names(&name_memory);
  for (int i = 0; i < 100; ++i) names.emplace_back("a monster with a rather long name, no. " + std::to_string(i));

  allot::budget_slice monster_memory = budget.permanent("monsters", 1000 * sizeof(monster), alignof(monster));
  monster_cage cage(monster_memory);

  allot::memory_budget_options for_audio;
  for_audio.permanent = 1_MiB;
  for_audio.transient = 256_KiB;
  for_audio.name = "audio";
  allot::memory_budget audio(budget, for_audio);
  const allot::budget_slice samples = audio.permanent("samples", 1_MiB);
  budget.seal(allot::seal_scope::permanent);  // the level is loaded: only frames from here on

  try {
    (void)budget.permanent("late idea", 1_KiB);
    good = false;
  } catch (const allot::budget_error& error) {
    std::cout << "too late: " << error.what() << '\n';
    good = good && error.in_the_way() == allot::budget_limit::sealed;
  }

  std::size_t most_monsters = 0;
  for (int frame = 0; frame < frames; ++frame) {
    if (frame % 2 == 0) good = good && cage.spawn(100 + frame % 50) != nullptr;
    most_monsters = std::max(most_monsters, cage.count());
    cage.age();
    const bool crowded = frame % 200 == 100;
    const std::size_t drawn = draw(budget, crowded ? crowd : usual_particles);
    good = good && drawn == (crowded ? 2_MiB / sizeof(particle) : usual_particles);
    budget.clear_transient();
    good = good && scene_memory.is_current() && budget.transient_region().taken == 0;
  }

  good = good && monster_memory.high_water() == most_monsters * sizeof(monster);
  good = good && names[99] == "a monster with a rather long name, no. 99" && ground[499'999] == 0;
  budget.report(std::cout);
  budget.for_each_line([&](const allot::budget_line& line) {
    if (std::string_view(line.name) == "particles") good = good && line.refused == 3 && line.high_water == 2_MiB;
  });
  return good;
}

}  // namespace

int main() {
  bool good = false;
  allot::memory_budget_options options;
  options.name = "game";
  try {
    options.permanent = std::numeric_limits<std::size_t>::max() / 16;
    const allot::memory_budget dream(options);
  } catch (const allot::budget_error& error) {
    std::cout << "too much for this machine: " << error.what() << '\n';
    good = error.available() < error.wanted();
  }

  try {
    options.permanent = 8_MiB;
    options.transient = 4_MiB;
    allot::memory_budget budget(options);
    good = play(budget) && good;
  } catch (const allot::budget_error& error) {
    std::cerr << error.what() << '\n';
    return 2;
  }
  if (good) std::cout << "all " << frames << " frames right\n";
  return good ? 0 : 1;
}
