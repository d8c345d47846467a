// A cache of thumbnails that has been in use for a while: many came, of all sizes, and two of three have gone again.
// What that leaves of its heap is printed, in colour on a terminal, and written as heap.svg and heap.html to the folder
// named on the command line, or to a new one among the temporary files. Numbers in the picture are compared with what
// the heap says itself.

#include <allot/heap/coalescing_heap.hpp>
#include <allot/inspect/heap_picture.hpp>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

namespace fs = std::filesystem;

constexpr int exit_usage = 64;
constexpr std::string_view usage =
    "usage: heap_picture [FOLDER]\n"
    "  prints a picture of a heap and writes heap.svg and heap.html to FOLDER (default: a new temporary one)\n"
    "exit codes: 0 all as it should be; 1 the heap or its picture is wrong, or cannot be written; 64 wrong usage\n";

struct thumbnail {
  void* pixels;
  std::size_t bytes;
};

/// Mostly small ones, a large one now and then.
std::size_t random_size(std::mt19937& random) {
  const double fraction = static_cast<double>(random()) / static_cast<double>(std::mt19937::max());
  return 64 + static_cast<std::size_t>(std::exp2(4 + 9 * fraction * fraction));
}

std::vector<thumbnail> use_for_a_while(allot::coalescing_heap& heap) {
  std::mt19937 random(2024);
  std::vector<thumbnail> cache;
  for (int i = 0; i < 700; ++i) {
    const std::size_t bytes = random_size(random);
    cache.push_back({heap.allocate(bytes), bytes});
  }
  std::vector<thumbnail> kept;
  for (std::size_t i = 0; i < cache.size(); ++i) {
    const bool album_closed = i / 50 % 4 == 1;  // whole albums, and single ones everywhere
    if (album_closed || random() % 3 == 0)
      heap.deallocate(cache[i].pixels, cache[i].bytes);
    else
      kept.push_back(cache[i]);
  }
  return kept;
}

fs::path new_temporary_folder() {
  std::random_device random;
  for (int attempt = 0; attempt < 100; ++attempt) {
    const fs::path folder = fs::temp_directory_path() / ("heap_picture_" + std::to_string(random()));
    if (fs::create_directory(folder)) return folder;
  }
  throw fs::filesystem_error("no new folder", std::make_error_code(std::errc::file_exists));
}

template <class Write>
bool write_to(const fs::path& file, Write write) {
  std::ofstream out(file, std::ios::binary);
  write(out);
  out.close();
  if (!out) std::cerr << "heap_picture: cannot write " << file.string() << '\n';
  return static_cast<bool>(out);
}

bool agrees(const allot::heap_map& map, const allot::coalescing_heap& heap) {
  const allot::heap_statistics now = heap.statistics();
  return heap.check() && map.shares()[allot::block_state::used].blocks == now.live_blocks &&
         map.shares()[allot::block_state::free].blocks == now.free_blocks &&
         map.largest(allot::block_state::free) == now.largest_free;
}

int draw(const std::string& where) {
  allot::heap_options options;
  options.name = "thumbnails";
  std::vector<std::byte> memory(std::size_t{560} << 10);
  allot::coalescing_heap heap(memory.data(), memory.size(), options);
  const std::vector<thumbnail> kept = use_for_a_while(heap);
  const allot::heap_map map = allot::take_heap_map(heap);
  allot::write_text(std::cout, map);

  const fs::path folder = where.empty() ? new_temporary_folder() : fs::path(where);
  const bool written = write_to(folder / "heap.svg", [&](std::ostream& out) { allot::write_svg(out, map); }) &&
                       write_to(folder / "heap.html", [&](std::ostream& out) { allot::write_html(out, map); });
  if (!written) return 1;
  std::cout << "\nwritten: " << (folder / "heap.svg").string() << "\nwritten: " << (folder / "heap.html").string()
            << ", for a browser\n";

  const bool good = agrees(map, heap);
  for (const thumbnail& each : kept) heap.deallocate(each.pixels, each.bytes);
  std::cout << (good ? "all as it should be\n" : "the picture is not what the heap says\n");
  return good && std::cout.flush() ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view first = count > 1 ? arguments[1] : "";
  if (first == "-h" || first == "--help") {
    std::cout << usage;
    return 0;
  }
  if (count > 2 || (!first.empty() && first.front() == '-')) {
    std::cerr << usage;
    return exit_usage;
  }
  try {
    return draw(std::string(first));
  } catch (const std::exception& error) {
    std::cerr << "heap_picture: " << error.what() << '\n';
    return 1;
  }
}
