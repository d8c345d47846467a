#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace allot::config {

/// Where something was read.
struct place {
  std::shared_ptr<const std::string> source;  ///< a file's name, or what stands for it
  std::size_t line = 0;
  std::size_t column = 0;
};

struct member;

/// One value of a config as it was read, with its place. Nothing here knows the library that read it.
struct node {
  enum class type { flag, integer, real, text, list, table, other };

  type is = type::other;
  place at;
  bool flag = false;
  std::int64_t integer = 0;
  double real = 0;
  std::string text;
  std::vector<node> items;
  std::vector<member> members;  ///< in the order of their places
  bool is_inline = false;       ///< a table in braces, as opposed to one under a header or made by dots

  node() = default;
  node(const node&);
  node(node&&) noexcept;
  node& operator=(const node&);
  node& operator=(node&&) noexcept;
  ~node();

  const member* find(std::string_view key) const noexcept;
  member* find(std::string_view key) noexcept;
};

struct member {
  std::string key;
  place at;  ///< of the key
  node value;
};

/// "a string", "a table" and so on, for messages.
std::string_view name_of(node::type type) noexcept;

/// Throws a config_error about something at that place.
[[noreturn]] void fail(const place& at, const std::string& key, const std::string& problem);

}  // namespace allot::config
