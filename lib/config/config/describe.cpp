#include "build.hpp"
#include "words.hpp"

namespace allot::config {
namespace {

class description {
 public:
  explicit description(const resource_set::state& set) : set_(set) {}

  std::string write() const {
    std::string text;
    if (!set_.is.default_name.empty()) text += "default = " + as_text(set_.is.default_name) + "\n";
    for (std::size_t i = 0; i < set_.is.entries.size(); ++i) {
      const entry& one = set_.is.entries[i];
      if (one.in_place || one.how == nullptr) continue;
      if (!text.empty()) text += "\n";
      text += "[" + std::string(one.is_budget ? "budgets." : "resources.") + as_key(*one.name) + "]\n";
      for (const auto& [key, value] : values(i)) text += key + " = " + value + "\n";
    }
    return text;
  }

 private:
  using pairs = std::vector<std::pair<std::string, std::string>>;

  pairs values(std::size_t index) const {
    const entry& one = set_.is.entries[index];
    pairs all;
    if (!one.is_budget) all.emplace_back("strategy", as_text(one.how->name));
    for (const option& row : one.how->options) {
      if (row.refers()) {
        add_links(one, row, all);
      } else if (!row.set) {
        if (one.label != one.name && *one.label != *one.name) all.emplace_back("name", as_text(*one.label));
      }
    }
    if (one.how->is_user_defined()) {
      for (const member& m : one.written.members)
        if (m.key != "strategy" && one.how->find(m.key) == nullptr) all.emplace_back(as_key(m.key), as_toml(m.value));
    } else {
      add_options(one, set_.made[index], all);
    }
    return all;
  }

  static void add_options(const entry& one, const product& made, pairs& all) {
    const std::any in_force = made.options_in_force ? made.options_in_force() : one.options;
    const std::any defaults = one.how->defaults();
    const std::any untold = one.how->untold ? one.how->untold(in_force) : defaults;
    for (const option& row : one.how->options) {
      if (!row.get) continue;
      const option_value value = row.get(in_force);
      if (std::holds_alternative<std::monostate>(value)) continue;
      if (!row.required && (value == row.get(defaults) || value == row.get(untold))) continue;
      all.emplace_back(row.name, as_toml(row, value));
    }
  }

  void add_links(const entry& one, const option& row, pairs& all) const {
    std::string list;
    for (const link& l : one.links) {
      if (l.key != &row && l.key->name != row.name) continue;
      list += (list.empty() ? "" : ", ") + (row.kind == option_kind::routes ? route(l) : target(l));
    }
    if (list.empty()) return;
    const bool many = row.kind == option_kind::resources || row.kind == option_kind::routes;
    all.emplace_back(row.name, many ? "[" + list + "]" : list);
  }

  std::string target(const link& l) const {
    const entry& below = set_.is.entries[l.target];
    if (!below.in_place) return as_text(*below.name);
    std::string table = "{";
    for (const auto& [key, value] : values(l.target)) table += (table.size() > 1 ? ", " : " ") + key + " = " + value;
    return table + " }";
  }

  std::string route(const link& l) const {
    constexpr std::size_t unbounded = std::numeric_limits<std::size_t>::max();
    const option size{"", option_kind::size, ""};
    std::string table = "{";
    if (l.max_bytes != unbounded) table += " max_bytes = " + as_toml(size, std::uint64_t{l.max_bytes}) + ",";
    if (l.max_alignment != unbounded)
      table += " max_alignment = " + as_toml(size, std::uint64_t{l.max_alignment}) + ",";
    return table + " to = " + target(l) + " }";
  }

  const resource_set::state& set_;
};

}  // namespace

std::string describe(const resource_set::state& set) { return description(set).write(); }

}  // namespace allot::config
