// A result of unknown size and all that is needed to make it, in one and the same arena.
//
// inner_scratch leaves room for the largest result there could be, the temporaries lie behind it, and at the end only
// the result is left: the next one follows it without a gap.

#include <algorithm>
#include <allot/arena/inner_scratch.hpp>
#include <allot/arena/local_arena.hpp>
#include <cstddef>
#include <iostream>
#include <memory_resource>
#include <set>
#include <stdexcept>
#include <string_view>

namespace {

/// The query with its fields in order, each only once, and with the bytes escaped that must be. Lies in `memory`.
std::string_view canonical(std::string_view query, allot::arena& memory) {
  allot::inner_scratch inner(memory, 3 * query.size(), 1);  // escaping makes three bytes of one
  std::pmr::set<std::string_view> fields(&memory);
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    fields.insert(query.substr(0, end));
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  std::cout << ", during " << memory.position();

  auto* const first = static_cast<char*>(inner.result());
  char* out = first;
  for (const std::string_view field : fields) {
    if (out != first) *out++ = '&';
    for (const char c : field) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < ' ') throw std::invalid_argument("a control character in a query");
      if (byte > ' ' && byte < 0x7f) {
        *out++ = c;
      } else {
        for (const char digit : {'%', "0123456789ABCDEF"[byte / 16], "0123456789ABCDEF"[byte % 16]}) *out++ = digit;
      }
    }
  }
  inner.keep(static_cast<std::size_t>(out - first));
  return {first, static_cast<std::size_t>(out - first)};
}

/// Whether nothing but the result stays in the arena; after an exception not even that.
bool show(std::string_view query, allot::arena& memory) {
  const std::size_t before = memory.position();
  std::cout << "position before " << before;
  try {
    const std::string_view result = canonical(query, memory);
    std::cout << ", after " << memory.position() << ": " << result << '\n';
    return memory.position() == before + result.size();
  } catch (const std::invalid_argument& refusal) {
    std::cout << ", after " << memory.position() << ": refused, " << refusal.what() << '\n';
    return memory.position() == before;
  }
}

}  // namespace

int main() {
  allot::local_arena<4096> memory;  // on the stack: the system and the heap are asked for nothing
  const bool only_results = show("q=big arenas&lang=en&page=2&lang=en", memory) &&
                            show("to=caf\xc3\xa9&from=home", memory) && show("q=bell\a&x=1", memory) &&
                            show("b&a&b&a&b&a&b&a", memory);
  const std::string_view all(reinterpret_cast<const char*>(memory.data()), memory.position());
  std::cout << "the arena holds: " << all << '\n';
  return only_results && all == "lang=en&page=2&q=big%20arenasfrom=home&to=caf%C3%A9a&b" ? 0 : 1;
}
