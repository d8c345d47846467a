// Six programs with a bug each, the ones that cost days: a leak, an overflow into the neighbour, memory used after it
// was given back, a double free, two arenas over the same bytes, a position that was written over. Each runs in a
// process of its own, since most end it, and what is said of it is printed here: find_the_bug, or find_the_bug BUG for
// one of them alone.

#include <algorithm>
#include <allot/adaptor/debug_resource.hpp>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/block/page_resource.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/inspect/explain.hpp>
#include <allot/inspect/fault_explainer.hpp>
#include <allot/inspect/misuse_explainer.hpp>
#include <allot/pool/pool_resource.hpp>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>
#include <string_view>

namespace {

allot::debug_options debugged(std::string_view name) {
  allot::debug_options options;
  options.name = name;
  return options;
}

allot::monotonic_arena_options checked_arena(std::string_view name) {
  allot::monotonic_arena_options options;
  options.name = name;
  options.checked = true;
  return options;
}

/// The second order is never freed.
void leak() {
  allot::pool_resource pool;
  allot::debug_resource memory(pool, debugged("orders"));
  void* const first = memory.allocate(120);
  (void)memory.allocate(41);
  memory.deallocate(first, 120);
}

/// The name takes 16 bytes with its zero byte, not 15.
void overflow() {
  const allot::misuse_explainer explainer;
  allot::heap_options options;
  options.name = "scene";
  allot::coalescing_heap heap(options);
  allot::debug_resource memory(heap, debugged("names"));
  constexpr std::string_view name = "a name too long";
  auto* const text = static_cast<char*>(memory.allocate(name.size(), 1));
  auto* const neighbour = memory.allocate(15, 1);
  char* volatile const end = text + name.size();
  name.copy(text, name.size());
  *end = '\0';
  memory.deallocate(neighbour, 15, 1);
  memory.deallocate(text, name.size(), 1);
}

/// A vertex is kept beyond its frame, and a texture beyond its level.
void use_after() {
  const allot::fault_explainer explainer;
  allot::monotonic_arena frame(checked_arena("frame"));
  const auto start = frame.mark();
  void* const vertex = frame.push(48);
  frame.rewind(start);
  std::cerr << "the vertex is " << to_string(allot::explain(vertex)) << std::endl;

  allot::page_resource_options options;
  options.name = "textures";
  allot::page_resource pages(options);
  auto* const texture = static_cast<volatile char*>(pages.allocate(10000));
  pages.deallocate(const_cast<char*>(texture), 10000);
  texture[5000] = 1;
}

/// Two owners of one shape.
void double_free() {
  const allot::misuse_explainer explainer;
  allot::pool_options options;
  options.name = "shapes";
  options.checked = true;
  allot::pool_resource pool(options);
  void* const shape = pool.allocate(41, 8);
  pool.deallocate(shape, 41, 8);
  pool.deallocate(shape, 41, 8);
}

/// The second half begins before the first has ended.
void overlap() {
  const allot::misuse_explainer explainer;
  alignas(16) std::array<std::byte, 4096> buffer;
  const allot::monotonic_arena audio(buffer.data(), 2200, checked_arena("audio"));
  const allot::monotonic_arena video(buffer.data() + 2048, 2048, checked_arena("video"));
}

/// Somebody writes over the position that is to be gone back to.
void corrupted_position() {
  const allot::misuse_explainer explainer;
  struct saved {
    std::array<char, 8> label;
    std::size_t position;
  };
  allot::monotonic_arena arena(checked_arena("parser"));
  saved before{{}, arena.position()};
  (void)arena.push(96);
  constexpr std::string_view label = "expression";
  std::memcpy(&before, label.data(), label.size());
  arena.pop_to(before.position);
}

struct bug {
  std::string_view name;
  void (*run)();
  std::array<std::string_view, 2> says;  // else it was not found
};

constexpr std::array bugs{
    bug{"leak", &leak, {"note on orders: not freed", "41 bytes"}},
    bug{"overflow", &overflow, {"misuse of names: written behind the end", "whose memory comes from 'scene'"}},
    bug{"use_after", &use_after, {"until it went back", "5000 bytes into what were the 12288 bytes"}},
    bug{"double_free", &double_free, {"misuse of shapes: double free", "a free 48-byte block"}},
    bug{"overlap", &overlap, {"misuse of video: memory another arena manages", "it belongs to audio"}},
    bug{"corrupted_position", &corrupted_position, {"misuse of parser: not a position to go back to", ""}},
};

/// What the program says of the bug.
std::string output_of(std::string_view program, std::string_view name) {
  const std::string command = "exec '" + std::string(program) + "' " + std::string(name) + " 2>&1";
  std::FILE* const pipe = ::popen(command.c_str(), "r");
  std::string output;
  std::array<char, 512> part{};
  while (pipe != nullptr && std::fgets(part.data(), part.size(), pipe) != nullptr) output += part.data();
  if (pipe != nullptr) (void)::pclose(pipe);
  return output;
}

}  // namespace

int main(int count, char** arguments) {
  if (count > 1) {
    const auto wanted = std::find_if(bugs.begin(), bugs.end(),
                                     [&](const bug& each) { return count == 2 && each.name == arguments[1]; });
    if (wanted != bugs.end()) return wanted->run(), 0;
    std::cerr << "usage: find_the_bug [BUG]\n\nRuns all of them, each in a process of its own, or one in this:\n";
    for (const bug& each : bugs) std::cerr << "  " << each.name << '\n';
    return 64;
  }
  bool all_found = true;
  for (const bug& each : bugs) {
    const std::string output = output_of(arguments[0], each.name);
    std::cout << each.name << ":\n" << output;
    for (const std::string_view text : each.says) all_found = all_found && output.find(text) != std::string::npos;
  }
  std::cout << (all_found ? "each was found\n" : "a bug was not found\n");
  return all_found ? 0 : 1;
}
