#pragma once

#include <allot/trace/trace_record.hpp>
#include <cstdint>
#include <iterator>
#include <random>

namespace allot::test {

/// Makes events of small and huge numbers alike, from one seed the same on every machine.
class any_event {
 public:
  explicit any_event(unsigned seed) : random_(seed) {}

  trace_record operator()() {
    using kind = memory_event_kind;
    constexpr kind kinds[] = {kind::allocate, kind::deallocate, kind::expand, kind::refuse, kind::release, kind::trim,
                              kind::grow,     kind::push,       kind::pop,    kind::mark,   kind::rewind,  kind::clear};
    constexpr memory_event_kinds with_position{kind::push, kind::pop, kind::mark, kind::rewind, kind::clear};
    trace_record made;
    made.kind = kinds[random_() % std::size(kinds)];
    made.resource = random_() % 4 == 0 ? narrow() : 1;
    made.tag = random_() % 4 == 0 ? narrow() : 2;
    made.stack = random_() % 4 == 0 ? narrow() : 0;
    made.address = number();
    made.bytes = number();
    made.alignment = random_() % 8 == 0 ? 0 : std::uint64_t{1} << (random_() % 64);
    if (made.kind == kind::expand) made.new_bytes = number();
    if (with_position.contains(made.kind)) made.position = number();
    return made;
  }

 private:
  std::uint64_t number() {
    const std::uint64_t wide = random_();
    return wide >> (random_() % 64);
  }
  std::uint32_t narrow() { return static_cast<std::uint32_t>(number()); }

  std::mt19937_64 random_;
};

inline bool same_but_when(const trace_record& a, const trace_record& b) {
  return a.kind == b.kind && a.resource == b.resource && a.tag == b.tag && a.stack == b.stack &&
         a.address == b.address && a.bytes == b.bytes && a.alignment == b.alignment && a.new_bytes == b.new_bytes &&
         a.position == b.position;
}

}  // namespace allot::test
