// What becomes of an arena when its process forks, step by step.
//
// An arena is plain memory, and the system copies that on write: the child has everything at the same addresses, for
// the price of the pages that either side writes to from then on. Positions, marks and scopes are part of what is
// copied, so each side goes on by itself. A program of more threads must see to it that no other thread is at work on
// an arena the child is to use: only the thread that forks goes on there.

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <allot/arena/chained_arena.hpp>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/arena/scratch_pair.hpp>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <memory_resource>
#include <optional>
#include <string>
#include <vector>

namespace {

constexpr std::size_t piece_bytes = std::size_t{64} << 10;
constexpr std::size_t pieces_in_all = 64;
constexpr std::size_t pieces_the_child_writes = 16;

bool all_good = true;

void expect(bool promise, const char* what) {
  if (promise) return;
  std::cout << "  FAILED: " << what << '\n';
  all_good = false;
}

/// An arena with some text in it, one letter over and over, and a mark behind that.
struct exhibit {
  explicit exhibit(allot::arena& shown) : memory(shown) {
    for (std::byte*& piece : pieces) piece = memory.push_array<std::byte>(piece_bytes);
    write('p', pieces_in_all);
    mark = memory.mark();
    next = memory.push(1);
    memory.rewind(mark);
  }

  void write(char letter, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) std::fill_n(pieces[i], piece_bytes, static_cast<std::byte>(letter));
  }

  /// Whether the first `count` pieces hold one letter and all others another.
  bool holds(char letter, std::size_t count, char others) const {
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      const auto expected = static_cast<std::byte>(i < count ? letter : others);
      if (static_cast<std::size_t>(std::count(pieces[i], pieces[i] + piece_bytes, expected)) != piece_bytes)
        return false;
    }
    return true;
  }

  bool holds_only(char letter) const { return holds(letter, pieces_in_all, letter); }

  allot::arena& memory;
  std::array<std::byte*, pieces_in_all> pieces{};
  allot::arena_mark mark;
  void* next = nullptr;  ///< the address that a push at the mark gives
};

/// Memory of this process in KiB, where the system tells: Linux does.
struct page_counts {
  std::size_t resident = 0;
  std::size_t shared = 0;  ///< of those, pages that another process has, too

  static std::optional<page_counts> now() {
    std::ifstream file("/proc/self/smaps_rollup");
    page_counts counts;
    std::string word;
    while (file >> word) {
      if (word == "Rss:") file >> counts.resident;
      std::size_t part = 0;
      if ((word == "Shared_Clean:" || word == "Shared_Dirty:") && file >> part) counts.shared += part;
    }
    return counts.resident != 0 ? std::optional(counts) : std::nullopt;
  }
};

void trace(const char* who, const char* what, const std::vector<exhibit>& exhibits) {
  std::cout << who << ' ' << ::getpid() << ": " << what;
  if (const auto counts = page_counts::now())
    std::cout << " (" << counts->resident << " KiB resident, " << counts->shared << " of them shared)";
  std::cout << '\n';
  for (const exhibit& each : exhibits)
    std::cout << "  " << std::left << std::setw(16) << each.memory.name() << " at " << each.pieces[0] << ", position "
              << std::setw(8) << each.memory.position() << " first byte '" << static_cast<char>(*each.pieces.front())
              << "', last byte '" << static_cast<char>(each.pieces.back()[piece_bytes - 1]) << "'\n";
}

/// The child's life. What it does here the parent must not see.
void live_as_child(std::vector<exhibit>& exhibits, const std::pmr::string& text_of_parent) {
  trace("child", "born with all of it", exhibits);
  for (const exhibit& each : exhibits) expect(each.holds_only('p'), "the child has the parent's contents");

  for (exhibit& each : exhibits) {
    each.write('c', pieces_the_child_writes);
    void* const pushed = each.memory.push(1);
    expect(pushed == each.next, "the child's next push has the address it would have had in the parent");
    *static_cast<char*>(pushed) = 'c';
    each.memory.push(piece_bytes);
  }
  trace("child", "has pushed, and written to a quarter", exhibits);
  for (const exhibit& each : exhibits)
    expect(each.holds('c', pieces_the_child_writes, 'p'), "the child sees what it wrote, and no more");

  for (exhibit& each : exhibits) expect(each.memory.try_rewind(each.mark), "the parent's mark is good in the child");
  trace("child", "is back at the mark the parent took", exhibits);

  {
    allot::scratch temporary = allot::get_scratch(text_of_parent.get_allocator());
    std::pmr::string copy(text_of_parent, &temporary);
    copy += " and of the child";
    expect(copy == "a text longer than a string keeps in place, of the parent and of the child",
           "the child goes on inside the parent's scratch scope");
  }

  for (exhibit& each : exhibits) {
    each.memory.pop_to(piece_bytes);
    expect(!each.memory.try_rewind(each.mark), "below the mark, it is stale in the child");
  }
  trace("child", "has gone below the mark, which is stale here now, and ends", {});
}

int exit_code_of(::pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

}  // namespace

int main() {
  allot::monotonic_arena monotonic;  // on a reservation of its own
  allot::chained_arena chained;      // on blocks of the default resource
  std::vector<exhibit> exhibits;
  for (allot::arena* each : {static_cast<allot::arena*>(&monotonic), static_cast<allot::arena*>(&chained)})
    exhibits.emplace_back(*each);
  allot::scratch scope = allot::get_scratch();
  const std::pmr::string text("a text longer than a string keeps in place, of the parent", &scope);
  trace("parent", "before the fork", exhibits);

  std::cout << std::flush;  // or the child would have it to write, too
  const ::pid_t child = ::fork();
  if (child == 0) {
    live_as_child(exhibits, text);
    std::cout << std::flush;
    ::_exit(all_good ? EXIT_SUCCESS : EXIT_FAILURE);  // its memory goes with it; exit() would run what is the parent's
  }
  expect(child > 0, "the system lets this process fork");
  if (child > 0) expect(exit_code_of(child) == EXIT_SUCCESS, "all went well in the child");

  trace("parent", "after the child has ended", exhibits);
  for (exhibit& each : exhibits) {
    expect(each.holds_only('p'), "nothing the child wrote is in the parent");
    expect(each.memory.position() == each.mark.position(), "the parent's position is where it was");
    expect(each.memory.push(1) == each.next, "the parent's next push has the address the child's had");
    expect(each.memory.try_rewind(each.mark), "the mark is good in the parent, whatever the child did below it");
  }
  expect(text == "a text longer than a string keeps in place, of the parent", "the scratch memory is as it was");
  trace("parent", "has pushed and is back at its mark", exhibits);
  std::cout << (all_good ? "all as it should be\n" : "not all as it should be\n");
  return all_good ? EXIT_SUCCESS : EXIT_FAILURE;
}
