#include "node.hpp"

#include <algorithm>
#include <allot/config/config_error.hpp>

namespace allot::config {

node::node(const node&) = default;
node::node(node&&) noexcept = default;
node& node::operator=(const node&) = default;
node& node::operator=(node&&) noexcept = default;
node::~node() = default;

const member* node::find(std::string_view key) const noexcept {
  const auto found = std::find_if(members.begin(), members.end(), [&](const member& m) { return m.key == key; });
  return found == members.end() ? nullptr : &*found;
}

member* node::find(std::string_view key) noexcept {
  return const_cast<member*>(static_cast<const node*>(this)->find(key));
}

std::string_view name_of(node::type type) noexcept {
  switch (type) {
    case node::type::flag:
      return "a truth value";
    case node::type::integer:
      return "a whole number";
    case node::type::real:
      return "a number with a fraction";
    case node::type::text:
      return "a string";
    case node::type::list:
      return "a list";
    case node::type::table:
      return "a table";
    case node::type::other:
      break;
  }
  return "a date or time";
}

void fail(const place& at, const std::string& key, const std::string& problem) {
  throw config_error(at.source != nullptr ? *at.source : std::string(), at.line, at.column, key, problem);
}

}  // namespace allot::config
