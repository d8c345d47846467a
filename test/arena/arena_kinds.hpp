// Every kind of arena, for cases that hold for all of them.

#pragma once

#include <allot/arena/chained_arena.hpp>
#include <allot/arena/local_arena.hpp>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/block/page_block.hpp>
#include <allot/core/byte_size.hpp>
#include <allot/testing/counting_resource.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace allot::test {

/// Bytes every bounded arena of the kinds below has.
inline constexpr std::size_t arena_room = std::size_t{64} << 10;

/// What makes fresh arenas of one kind. Each keeps alive what it stands on.
struct arena_kind {
  std::string name;
  bool checked;
  bool grows;     ///< chained: never full, and not contiguous
  bool reserves;  ///< commits its memory as it fills
  std::function<std::shared_ptr<arena>()> make;

  /// For cases about what monotonic arenas promise beyond others; null for chained ones.
  std::shared_ptr<monotonic_arena> make_monotonic() const {
    return grows ? nullptr : std::static_pointer_cast<monotonic_arena>(make());
  }
};

inline monotonic_arena_options monotonic_options(bool checked, std::size_t size = arena_room) {
  monotonic_arena_options options;
  options.size = size;
  options.checked = checked;
  return options;
}

inline chained_arena_options chained_options(bool checked, std::pmr::memory_resource* upstream = nullptr) {
  chained_arena_options options;
  options.checked = checked;
  options.upstream = upstream;
  return options;
}

namespace detail {

template <class Stand>
std::shared_ptr<arena> standing_on(std::shared_ptr<Stand> stand) {
  return {stand, &stand->memory};
}

struct buffer {
  alignas(16) std::array<std::byte, arena_room> bytes;
};

struct on_upstream {
  explicit on_upstream(bool checked) : memory(options(checked)) {}
  monotonic_arena_options options(bool checked) {
    monotonic_arena_options made = monotonic_options(checked);
    made.upstream = &upstream;
    return made;
  }
  testing::counting_resource upstream;
  monotonic_arena memory;
};

struct on_buffer : buffer {
  explicit on_buffer(bool checked) : memory(bytes.data(), bytes.size(), monotonic_options(checked)) {}
  monotonic_arena memory;
};

struct on_owned_block {
  explicit on_owned_block(bool checked) : memory(page_block(arena_room), monotonic_options(checked)) {}
  monotonic_arena memory;
};

struct on_viewed_block {
  explicit on_viewed_block(bool checked) : memory(block, monotonic_options(checked)) {}
  page_block block{arena_room};
  monotonic_arena memory;
};

struct slice {
  explicit slice(bool checked)
      : parent(monotonic_options(checked, 2 * arena_room)), memory(parent.carve(arena_room, 16)) {}
  monotonic_arena parent;
  monotonic_arena memory;
};

struct local {
  explicit local(bool checked) : memory(monotonic_options(checked)) {}
  local_arena<arena_room> memory;
};

struct chained {
  explicit chained(bool checked) : memory(chained_options(checked, &upstream)) {}
  testing::counting_resource upstream;
  chained_arena memory;
};

struct tiny_chained {
  explicit tiny_chained(bool checked) : memory(options(checked)) {}
  chained_arena_options options(bool checked) {
    chained_arena_options made = chained_options(checked, &upstream);
    made.first_block = 256;
    made.growth_percent = 100;
    return made;
  }
  testing::counting_resource upstream;
  chained_arena memory;
};

struct buffered_chained {
  explicit buffered_chained(bool checked) : memory(bytes.data(), bytes.size(), chained_options(checked, &upstream)) {}
  alignas(16) std::array<std::byte, 1000> bytes;
  testing::counting_resource upstream;
  chained_arena memory;
};

struct virtual_chained {
  explicit virtual_chained(bool checked) : memory(options(checked)) {}
  static chained_arena_options options(bool checked) {
    chained_arena_options made = chained_options(checked);
    made.virtual_blocks = true;
    made.reserve = std::size_t{128} << 10;
    return made;
  }
  chained_arena memory;
};

template <class Stand>
arena_kind kind_of(const char* name, bool checked, bool grows, bool reserves) {
  return {std::string(name) + (checked ? ", checked" : ""), checked, grows, reserves,
          [checked] { return standing_on(std::make_shared<Stand>(checked)); }};
}

}  // namespace detail

inline std::vector<arena_kind> monotonic_kinds() {
  std::vector<arena_kind> kinds;
  for (const bool checked : {false, true}) {
    kinds.push_back({checked ? "own reservation, checked" : "own reservation", checked, false, true, [checked] {
                       return std::static_pointer_cast<arena>(
                           std::make_shared<monotonic_arena>(monotonic_options(checked)));
                     }});
    kinds.push_back(detail::kind_of<detail::on_upstream>("upstream block", checked, false, false));
    kinds.push_back(detail::kind_of<detail::on_buffer>("caller's buffer", checked, false, false));
    kinds.push_back(detail::kind_of<detail::on_owned_block>("owned page_block", checked, false, false));
    kinds.push_back(detail::kind_of<detail::on_viewed_block>("viewed page_block", checked, false, false));
    kinds.push_back(detail::kind_of<detail::slice>("slice", checked, false, false));
    kinds.push_back(detail::kind_of<detail::local>("local_arena", checked, false, false));
  }
  return kinds;
}

inline std::vector<arena_kind> chained_kinds() {
  std::vector<arena_kind> kinds;
  for (const bool checked : {false, true}) {
    kinds.push_back(detail::kind_of<detail::chained>("chained", checked, true, false));
    kinds.push_back(detail::kind_of<detail::tiny_chained>("chained, tiny blocks", checked, true, false));
    kinds.push_back(detail::kind_of<detail::buffered_chained>("chained, buffer first", checked, true, false));
    kinds.push_back(detail::kind_of<detail::virtual_chained>("chained, virtual blocks", checked, true, true));
  }
  return kinds;
}

/// Runs the case for every kind of arena; what fails names the kind.
template <class Case>
void for_each_kind(const std::vector<arena_kind>& kinds, Case run) {
  for (const arena_kind& kind : kinds) BOOST_TEST_CONTEXT(kind.name) {
      run(kind);
    }
}
template <class Case>
void for_each_arena(Case run) {
  for_each_kind(monotonic_kinds(), run);
  for_each_kind(chained_kinds(), run);
}

}  // namespace allot::test
