// Threats against secure resources, acted out at every level.

#pragma once

#include <allot/core/memory_tools.hpp>
#include <allot/secure/secure_options.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "support/access.hpp"
#include "support/child.hpp"

namespace allot::test {

inline constexpr std::size_t mebibyte = std::size_t{1} << 20;

struct named_level {
  secure_level level;
  const char* name;
};
inline constexpr std::array<named_level, 4> every_level{{{secure_level::checked, "checked"},
                                                         {secure_level::hardened, "hardened"},
                                                         {secure_level::paranoid, "paranoid"},
                                                         {secure_level::trap, "trap"}}};
inline constexpr std::array<named_level, 3> levels_that_guard{every_level[1], every_level[2], every_level[3]};
/// Blocks share slabs there.
inline constexpr std::array<named_level, 3> levels_with_slabs{every_level[0], every_level[1], every_level[2]};

/// A level's own options, and the name that reports are to give.
inline secure_options subject_at(secure_level level, std::string_view name = "subject") {
  secure_options options = options_at(level);
  options.name = name;
  return options;
}

template <class Resource>
unsigned char* get(Resource& memory, std::size_t bytes, std::size_t alignment = 8) {
  return static_cast<unsigned char*>(memory.allocate(bytes, alignment));
}

/// Accesses that a tool that watches does not see, so that what is found is what the library and the pages find.
inline void poke(unsigned char* p) {
  memory_tools::unpoison(p, 1);
  volatile unsigned char& byte = *p;
  byte = static_cast<unsigned char>(byte + 1);
}
inline void poke(unsigned char* p, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) poke(p + i);
}
inline unsigned char peek(const unsigned char* p) {
  memory_tools::unpoison(p, 1);
  return *const_cast<const volatile unsigned char*>(p);
}

/// Whether the system lets the byte be read, whatever a tool that watches thinks of it.
inline bool in_reach(const unsigned char* p) {
  memory_tools::unpoison(p, 1);
  return readable(p);
}

/// What becomes of a program that does wrong.
struct ending {
  enum class how { unseen, fault, abort };
  how what;
  const char* words = "";
  const char* or_words = nullptr;
};
/// It goes on: nothing is promised.
inline constexpr ending unseen{ending::how::unseen};
/// It touched what it must not touch.
inline constexpr ending faults{ending::how::fault};
/// It is stopped, with a report of these words.
constexpr ending aborts(const char* words, const char* or_words = nullptr) {
  return {ending::how::abort, words, or_words};
}
inline constexpr ending overrun = aborts("subject: written behind the end of a block");
inline constexpr ending underrun = aborts("subject: written before the start of a block");
inline constexpr ending written_after_free = aborts("subject: written after it was freed");
inline constexpr ending freed_twice = aborts("subject: double free");
inline constexpr ending not_a_block = aborts("subject: not a live block of this resource");

/// A program that does wrong, at every level: `const threat overflow{"overflow", [](secure_level level) { ... }};`
class threat {
 public:
  threat(std::string_view name, void (*body)(secure_level)) {
    for (const named_level& each : every_level)
      const child_program made(std::string(name) + "_" + each.name, [body, level = each.level] { body(level); });
  }
};

inline void expect_ending(const std::string& child, const ending& expected) {
  const child_outcome outcome = run_child(child);
  BOOST_TEST_CONTEXT(child << ": exit code " << outcome.exit_code << ", signal " << outcome.signal << "\n"
                           << outcome.output) {
    switch (expected.what) {
      case ending::how::unseen:
        BOOST_TEST(outcome.exit_code == 0);
        BOOST_TEST(outcome.output == "");
        break;
      case ending::how::fault:
        BOOST_TEST(outcome.faulted());
        BOOST_TEST(!outcome.says("misuse of"));
        break;
      case ending::how::abort:
        BOOST_TEST(outcome.aborted());
        BOOST_TEST((outcome.says(expected.words) || (expected.or_words != nullptr && outcome.says(expected.or_words))));
        break;
    }
  }
}

/// Acts a threat out at every level, in a process each.
inline void expect_endings(const std::string& threat, const ending& checked, const ending& hardened,
                           const ending& paranoid, const ending& trap) {
  const std::array<ending, 4> expected{checked, hardened, paranoid, trap};
  for (std::size_t i = 0; i < every_level.size(); ++i) expect_ending(threat + "_" + every_level[i].name, expected[i]);
}
inline void expect_at_every_level(const std::string& threat, const ending& expected) {
  expect_endings(threat, expected, expected, expected, expected);
}

}  // namespace allot::test
