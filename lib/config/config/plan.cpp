#include "plan.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include "nesting.hpp"
#include "words.hpp"

namespace allot::config {
namespace {

constexpr std::size_t longest_name = 63;

std::vector<std::string> names_of(const std::vector<option>& options, std::string_view first) {
  std::vector<std::string> names;
  if (!first.empty()) names.emplace_back(first);
  for (const option& row : options) names.emplace_back(row.name);
  return names;
}

void expect_table(const node& value, const std::string& key) {
  if (value.is != node::type::table)
    fail(value.at, key, "is " + std::string(name_of(value.is)) + " and must be a table");
}

/// How deep lists and tables lie in each other in a value.
std::size_t depth_of(const node& value) {
  std::size_t below = 0;
  for (const node& item : value.items) below = std::max(below, depth_of(item));
  for (const member& m : value.members) below = std::max(below, depth_of(m.value));
  return below + (value.is == node::type::list || value.is == node::type::table ? 1 : 0);
}

class planner {
 public:
  explicit planner(plan& made) : made_(made) {
    for (std::size_t i = 0; i < made_.entries.size(); ++i) remember(i);
  }

  void read_file(const node& root) {
    const std::vector<std::string> known{"default", "resources", "budgets"};
    for (const member& m : root.members)
      if (std::find(known.begin(), known.end(), m.key) == known.end())
        fail(m.at, joined("", m.key), "is not known" + suggestion(m.key, known, "a config has"));
    std::vector<const node*> tables;
    for (const bool budgets : {true, false}) {
      const std::string section = budgets ? "budgets" : "resources";
      const member* const found = root.find(section);
      if (found == nullptr) continue;
      expect_table(found->value, section);
      for (const member& m : found->value.members) {
        add_named(m, section, budgets);
        tables.push_back(&m.value);
      }
    }
    if (tables.empty()) fail({made_.source, 0, 0}, "", "has no [resources.NAME]: there is nothing to make");
    for (std::size_t i = 0; i < tables.size(); ++i) read_entry(i, *tables[i]);
    if (const member* const m = root.find("default"); m != nullptr) read_default(*m);
    put_in_order();
  }

  void read_again(std::size_t index, const node& table) {
    for (std::size_t i = 0; i < made_.entries.size(); ++i)
      if (made_.entries[i].in_place && made_.entries[i].how == nullptr) unused_.push_back(i);
    read_entry(index, table);
    put_in_order();
  }

 private:
  std::map<std::string, std::size_t, std::less<>>& named(bool budgets) { return budgets ? budgets_ : resources_; }

  void remember(std::size_t index) {
    const entry& is = made_.entries[index];
    if (!is.in_place && is.how != nullptr) named(is.is_budget).emplace(*is.name, index);
  }

  void add_named(const member& m, const std::string& section, bool is_budget) {
    const std::string key = joined(section, m.key);
    if (m.key.empty() || m.key.size() > longest_name || has_control(m.key))
      fail(m.at, key, "is no name; names have 1 to 63 bytes and no control characters");
    expect_table(m.value, key);
    entry made;
    made.name = std::make_shared<const std::string>(m.key);
    made.is_budget = is_budget;
    made.key = key;
    made_.entries.push_back(std::move(made));
    named(is_budget).emplace(m.key, made_.entries.size() - 1);
  }

  void read_default(const member& m) {
    if (m.value.is != node::type::text)
      fail(m.value.at, "default", "is " + std::string(name_of(m.value.is)) + " and must be the name of one resource");
    (void)find_named(m.value, "default", false);
    made_.default_name = m.value.text;
    made_.default_at = m.value.at;
  }

  std::shared_ptr<const strategy> strategy_of(const node& table, const std::string& path) const {
    const member* const named = table.find("strategy");
    if (named == nullptr) fail(table.at, path, "has no strategy" + suggestion("", strategy_names(), "there are"));
    const std::string key = joined(path, "strategy");
    if (named->value.is != node::type::text)
      fail(named->value.at, key, "is " + std::string(name_of(named->value.is)) + " and must be the name of a strategy");
    std::shared_ptr<const strategy> how = find_strategy(named->value.text);
    if (how == nullptr) {
      if (named->value.text == budget_strategy().name)
        fail(named->value.at, key, "a memory_budget is no resource: write [budgets.NAME], and a budget_slice of it");
      fail(named->value.at, key,
           quoted(named->value.text) + " is not known" + suggestion(named->value.text, strategy_names(), "there are"));
    }
    return how;
  }

  void read_entry(std::size_t index, const node& table) {
    const std::string path = made_.entries[index].key;
    entry is;
    is.name = made_.entries[index].name;
    is.label = is.name;
    is.is_budget = made_.entries[index].is_budget;
    is.in_place = made_.entries[index].in_place;
    is.key = path;
    is.at = table.at;
    is.blamed = path;
    for (const member& m : table.members) {
      if (m.at.source == table.at.source) continue;
      is.at = m.value.at;
      is.blamed = joined(path, m.key);
    }
    is.how = is.is_budget ? std::shared_ptr<const strategy>(std::shared_ptr<void>(), &budget_strategy())
                          : strategy_of(table, path);
    if (is.how->defaults) is.options = is.how->defaults();
    for (const member& m : table.members)
      if (is.is_budget || m.key != "strategy") read_option(is, m, table);
    for (const option& row : is.how->options)
      if (row.required && table.find(row.name) == nullptr)
        fail(is.at, is.blamed, "a " + is.how->name + " needs " + std::string(row.name) + ", " + allowed(row));
    for (const option& row : is.how->options) check_effect(is, row, table);
    if (is.how->object)
      if (const objection found = is.how->object(is.options, table); !found.problem.empty()) object(is, found, table);
    if (is.how->is_user_defined()) {
      for (const member& m : table.members)
        if (is.how->find(m.key) == nullptr && depth_ + depth_of(m.value) > deepest_nesting - 1)
          fail(m.value.at, joined(path, m.key), "is nested more than " + std::to_string(deepest_nesting - 1) + " deep");
      is.written = table;
    }
    made_.entries[index] = std::move(is);
  }

  /// Names the option that is at fault; or the setting, where one has changed something and the option is the file's.
  [[noreturn]] static void object(const entry& is, const objection& found, const node& table) {
    const member* const m = table.find(found.key);
    const std::string key = joined(is.key, found.key);
    if (is.blamed != is.key && (m == nullptr || m->at.source == table.at.source))
      fail(is.at, is.blamed, "cannot be: " + key + " " + found.problem);
    fail(m != nullptr ? m->value.at : is.at, key, found.problem);
  }

  /// Refuses what is set and of no use beside the others.
  static void check_effect(const entry& is, const option& row, const node& table) {
    if (row.only.key.empty() || table.find(row.name) == nullptr) return;
    const std::any defaults = is.how->defaults();
    if (row.get && row.get(is.options) == row.get(defaults)) return;
    const option& other = *is.how->find(row.only.key);
    bool met = false;
    if (!row.only.value.empty()) {
      const std::string value = as_toml(other, other.get(is.options));
      met = value == row.only.value || value == as_text(row.only.value);
    } else {
      const bool set =
          other.get ? !(other.get(is.options) == other.get(defaults)) : table.find(row.only.key) != nullptr;
      met = set == row.only.set;
    }
    if (!met) object(is, {row.name, "has no effect here; it is only " + row.only.text()}, table);
  }

  void read_option(entry& is, const member& m, const node& table) {
    const std::string key = joined(is.key, m.key);
    const option* const row = is.how->find(m.key);
    if (row == nullptr) {
      if (is.how->is_user_defined()) return;
      const std::string others = suggestion(m.key, names_of(is.how->options, is.is_budget ? "" : "strategy"), "it has");
      const member* const strategy = table.find("strategy");
      if (strategy != nullptr && strategy->at.source != table.at.source && m.at.source == table.at.source)
        fail(strategy->value.at, joined(is.key, "strategy"), is.how->name + " has no option " + key + others);
      fail(m.at, key, "is no option of " + is.how->name + others);
    }
    switch (row->kind) {
      case option_kind::resource:
        add_link(is, *row, m.value, key);
        break;
      case option_kind::budget:
        if (m.value.is != node::type::text)
          fail(m.value.at, key, "is " + std::string(name_of(m.value.is)) + " and must be " + allowed(*row));
        is.links.push_back({row, find_named(m.value, key, true), m.value.at, 0, 0});
        break;
      case option_kind::resources:
      case option_kind::routes:
        read_list(is, *row, m.value, key);
        break;
      default:
        if (row->set)
          row->set(is.options, read_value(*row, m.value, key));
        else
          is.label = std::make_shared<const std::string>(std::get<std::string>(read_value(*row, m.value, key)));
    }
  }

  void read_list(entry& is, const option& row, const node& value, const std::string& key) {
    if (value.is != node::type::list)
      fail(value.at, key, "is " + std::string(name_of(value.is)) + " and must be " + allowed(row));
    if (value.items.size() < row.least || value.items.size() > row.most)
      fail(value.at, key,
           "has " + std::to_string(value.items.size()) + " elements and must have " + std::to_string(row.least) +
               " to " + std::to_string(row.most));
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      const std::string at = key + "[" + std::to_string(i) + "]";
      if (row.kind == option_kind::resources)
        add_link(is, row, value.items[i], at);
      else
        add_route(is, row, value.items[i], at);
    }
  }

  void add_route(entry& is, const option& row, const node& value, const std::string& key) {
    static const std::vector<std::string> known{"max_bytes", "max_alignment", "to"};
    expect_table(value, key);
    option bytes{"max_bytes", option_kind::size, ""};
    bytes.special = "unlimited";
    bytes.special_value = std::numeric_limits<std::size_t>::max();
    option alignment = bytes;
    alignment.power_of_two = true;
    link route{&row, 0, value.at, std::numeric_limits<std::size_t>::max(), std::numeric_limits<std::size_t>::max()};
    for (const member& m : value.members) {
      const std::string at = joined(key, m.key);
      if (m.key == "max_bytes")
        route.max_bytes = static_cast<std::size_t>(read_number(bytes, m.value, at));
      else if (m.key == "max_alignment")
        route.max_alignment = static_cast<std::size_t>(read_number(alignment, m.value, at));
      else if (m.key != "to")
        fail(m.at, at, "is not known" + suggestion(m.key, known, "a route has"));
    }
    const member* const to = value.find("to");
    if (to == nullptr) fail(value.at, key, "a route needs to, " + allowed({"to", option_kind::resource, ""}));
    add_link(is, row, to->value, joined(key, "to"));
    is.links.back().max_bytes = route.max_bytes;
    is.links.back().max_alignment = route.max_alignment;
  }

  void add_link(entry& is, const option& row, const node& value, const std::string& key) {
    if (value.is == node::type::text) {
      is.links.push_back({&row, find_named(value, key, false), value.at, 0, 0});
      return;
    }
    if (value.is != node::type::table)
      fail(value.at, key, "is " + std::string(name_of(value.is)) + " and must be " + allowed(row));
    // descriptions write it as it is written here, and must be read again
    const std::size_t brackets = row.kind == option_kind::routes ? 3 : row.kind == option_kind::resources ? 2 : 1;
    const deeper inside(depth_, brackets);
    if (depth_ > deepest_nesting - 1)
      fail(value.at, key,
           "is nested more than " + std::to_string(deepest_nesting - 1) +
               " deep (brackets and braces together); give it a name of its own");
    entry below;
    constexpr std::string_view section = "resources.";
    below.name = std::make_shared<const std::string>(
        key.compare(0, section.size(), section) == 0 ? key.substr(section.size()) : key);
    below.in_place = true;
    below.key = key;
    std::size_t index = made_.entries.size();
    if (unused_.empty()) {
      made_.entries.push_back(std::move(below));
    } else {
      index = unused_.back();
      unused_.pop_back();
      made_.entries[index] = std::move(below);
    }
    is.links.push_back({&row, index, value.at, 0, 0});
    read_entry(index, value);
  }

  /// Counts the brackets that a value lies in.
  class deeper {
   public:
    deeper(std::size_t& depth, std::size_t by) noexcept : depth_(depth), by_(by) { depth_ += by_; }
    ~deeper() { depth_ -= by_; }
    deeper(const deeper&) = delete;
    deeper& operator=(const deeper&) = delete;

   private:
    std::size_t& depth_;
    std::size_t by_;
  };

  std::size_t find_named(const node& name, const std::string& key, bool is_budget) {
    const auto& known = named(is_budget);
    const auto found = known.find(name.text);
    if (found != known.end()) return found->second;
    const std::string what = is_budget ? "budget" : "resource";
    std::vector<std::string> names;
    names.reserve(known.size());
    for (const auto& [one, index] : known) names.push_back(one);
    std::string problem = "there is no " + what + " " + quoted(name.text) + suggestion(name.text, names, "there are");
    if (!is_budget && find_strategy(name.text) != nullptr)
      problem += "; for a strategy write { strategy = " + quoted(name.text) + " }";
    fail(name.at, key, problem);
  }

  /// Kahn's algorithm: what stands on nothing that is still to come, comes next.
  void put_in_order() {
    const std::size_t count = made_.entries.size();
    std::vector<std::size_t> missing(count);
    std::vector<std::vector<std::size_t>> above(count);
    for (std::size_t i = 0; i < count; ++i)
      for (const link& l : made_.entries[i].links) {
        ++missing[i];
        above[l.target].push_back(i);
      }
    std::deque<std::size_t> ready;
    for (std::size_t i = 0; i < count; ++i)
      if (missing[i] == 0) ready.push_back(i);
    made_.order.clear();
    while (!ready.empty()) {
      const std::size_t next = ready.front();
      ready.pop_front();
      if (made_.entries[next].how != nullptr) made_.order.push_back(next);
      for (const std::size_t i : above[next])
        if (--missing[i] == 0) ready.push_back(i);
    }
    const auto stuck = std::find_if(missing.begin(), missing.end(), [](std::size_t n) { return n != 0; });
    if (stuck != missing.end()) report_circle(static_cast<std::size_t>(stuck - missing.begin()), missing);
  }

  [[noreturn]] void report_circle(std::size_t from, const std::vector<std::size_t>& missing) const {
    const auto next = [&](std::size_t i) -> const link& {
      const std::vector<link>& links = made_.entries[i].links;
      return *std::find_if(links.begin(), links.end(), [&](const link& l) { return missing[l.target] != 0; });
    };
    for (std::size_t i = 0; i < missing.size(); ++i) from = next(from).target;  // by now it is on the circle itself
    const std::size_t start = from;
    constexpr std::size_t most_shown = 10;
    std::size_t shown = 0;
    std::string circle = quoted(*made_.entries[start].name);
    for (std::size_t i = next(start).target;; i = next(i).target) {
      if (++shown == most_shown) circle += " -> ...";
      if (shown < most_shown) circle += " -> " + quoted(*made_.entries[i].name);
      if (i == start) break;
    }
    const link& wrong = next(start);
    fail(wrong.at, joined(made_.entries[start].key, wrong.key->name), "stands on itself: " + circle);
  }

  plan& made_;
  std::map<std::string, std::size_t, std::less<>> resources_;
  std::map<std::string, std::size_t, std::less<>> budgets_;
  std::vector<std::size_t> unused_;  // places of entries that were replaced
  std::size_t depth_ = 0;
};

void forget(entry& one) {
  one.links.clear();
  one.how = nullptr;
  one.options.reset();
  one.written = {};
}

}  // namespace

void gather(const plan& from, std::size_t index, std::vector<bool>& gathered) {
  std::vector<std::size_t> to_do{index};
  gathered[index] = true;
  while (!to_do.empty()) {
    const std::size_t next = to_do.back();
    to_do.pop_back();
    for (const link& l : from.entries[next].links) {
      if (gathered[l.target]) continue;
      gathered[l.target] = true;
      to_do.push_back(l.target);
    }
  }
}

std::vector<std::size_t> in_place_below(const plan& whole, std::size_t index) {
  std::vector<std::size_t> found;
  std::vector<std::size_t> to_do{index};
  while (!to_do.empty()) {
    const std::size_t next = to_do.back();
    to_do.pop_back();
    for (const link& l : whole.entries[next].links) {
      if (!whole.entries[l.target].in_place) continue;
      found.push_back(l.target);
      to_do.push_back(l.target);
    }
  }
  return found;
}

std::size_t plan::find(std::string_view name) const noexcept {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const entry& e) {
    return e.how != nullptr && !e.is_budget && !e.in_place && *e.name == name;
  });
  return static_cast<std::size_t>(found - entries.begin());
}

std::vector<std::string> plan::names() const {
  std::vector<std::string> all;
  for (const entry& e : entries)
    if (e.is_named_resource()) all.push_back(*e.name);
  return all;
}

plan make_plan(const node& root, const std::shared_ptr<const std::string>& source) {
  plan made;
  made.source = source;
  planner(made).read_file(root);
  return made;
}

void keep_only(plan& whole, const std::vector<std::string>& names) {
  std::vector<bool> kept(whole.entries.size());
  for (const std::string& name : names) {
    const std::size_t index = whole.find(name);
    if (index == whole.entries.size())
      fail(place{whole.source, 0, 0}, joined("resources", name),
           "there is no resource " + quoted(name) + suggestion(name, whole.names(), "there are"));
    gather(whole, index, kept);
  }
  if (const std::size_t index = whole.find(whole.default_name); index == whole.entries.size() || !kept[index])
    whole.default_name.clear();
  for (std::size_t i = 0; i < kept.size(); ++i)
    if (!kept[i]) whole.entries[i].how = nullptr;
  whole.order.erase(std::remove_if(whole.order.begin(), whole.order.end(), [&](std::size_t i) { return !kept[i]; }),
                    whole.order.end());
}

plan replan(plan before, std::size_t replaced, const node& table) {
  planner reader(before);  // which knows the name still: who names it stands on itself
  for (const std::size_t i : in_place_below(before, replaced)) forget(before.entries[i]);
  forget(before.entries[replaced]);
  reader.read_again(replaced, table);
  return before;
}

}  // namespace allot::config
