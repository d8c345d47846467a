#pragma once

#include <cstddef>

namespace allot::secure {

// What is done with the places of small blocks. The usual sets are known when this is compiled, so that what is not
// done costs nothing; any_features is for all others.

struct bare_features {
  static constexpr bool canaries = false;
  static constexpr bool random = false;
  static constexpr bool zero = false;
  static constexpr bool verify = false;
  static constexpr bool strong = false;     // tags, strong hashes, everything looked at
  static constexpr bool tool = false;       // one that watches memory
  static constexpr std::size_t behind = 0;  // canary bytes
};

struct hardened_features {
  static constexpr bool canaries = true;
  static constexpr bool random = true;
  static constexpr bool zero = true;
  static constexpr bool verify = true;
  static constexpr bool strong = false;
  static constexpr bool tool = false;
  static constexpr std::size_t behind = 8;
};

struct paranoid_features {
  static constexpr bool canaries = true;
  static constexpr bool random = true;
  static constexpr bool zero = true;
  static constexpr bool verify = true;
  static constexpr bool strong = true;
  static constexpr bool tool = false;
  static constexpr std::size_t behind = 32;
};

struct any_features {
  bool canaries;
  bool random;
  bool zero;
  bool verify;
  bool strong;
  bool tool;
  std::size_t behind;
};

}  // namespace allot::secure
