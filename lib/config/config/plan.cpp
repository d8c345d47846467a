#include "plan.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

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
    for (std::size_t i = 0; i < tables.size(); ++i) read_entry(i, *tables[i], made_.entries[i].path());
    if (const member* const m = root.find("default"); m != nullptr) read_default(*m);
    put_in_order();
  }

  void read_again(std::size_t index, const node& table) {
    read_entry(index, table, made_.entries[index].path());
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
    const bool control = std::any_of(m.key.begin(), m.key.end(),
                                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    if (m.key.empty() || m.key.size() > longest_name || control)
      fail(m.at, key, "is no name; names have 1 to 63 bytes and no control characters");
    expect_table(m.value, key);
    entry made;
    made.name = std::make_shared<const std::string>(m.key);
    made.is_budget = is_budget;
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

  void read_entry(std::size_t index, const node& table, const std::string& path) {
    entry is;
    is.name = made_.entries[index].name;
    is.label = is.name;
    is.is_budget = made_.entries[index].is_budget;
    is.in_place = made_.entries[index].in_place;
    is.at = table.at;
    is.how = is.is_budget ? std::shared_ptr<const strategy>(std::shared_ptr<void>(), &budget_strategy())
                          : strategy_of(table, path);
    if (is.how->defaults) is.options = is.how->defaults();
    for (const member& m : table.members)
      if (is.is_budget || m.key != "strategy") read_option(is, m, path);
    for (const option& row : is.how->options)
      if (row.required && table.find(row.name) == nullptr)
        fail(table.at, path, "a " + is.how->name + " needs " + std::string(row.name) + ", " + allowed(row));
    if (is.how->objection)
      if (const std::string problem = is.how->objection(is.options); !problem.empty()) fail(table.at, path, problem);
    if (is.how->is_user_defined()) is.written = table;
    made_.entries[index] = std::move(is);
  }

  void read_option(entry& is, const member& m, const std::string& path) {
    const std::string key = joined(path, m.key);
    const option* const row = is.how->find(m.key);
    if (row == nullptr) {
      if (is.how->is_user_defined()) return;
      fail(m.at, key,
           "is no option of " + is.how->name +
               suggestion(m.key, names_of(is.how->options, is.is_budget ? "" : "strategy"), "it has"));
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
    entry below;
    constexpr std::string_view section = "resources.";
    below.name = std::make_shared<const std::string>(
        key.compare(0, section.size(), section) == 0 ? key.substr(section.size()) : key);
    below.in_place = true;
    made_.entries.push_back(std::move(below));
    const std::size_t index = made_.entries.size() - 1;
    is.links.push_back({&row, index, value.at, 0, 0});
    read_entry(index, value, key);
  }

  std::size_t find_named(const node& name, const std::string& key, bool is_budget) {
    const auto& known = named(is_budget);
    const auto found = known.find(name.text);
    if (found != known.end()) return found->second;
    const std::string what = is_budget ? "budget" : "resource";
    std::vector<std::string> names;
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
    fail(wrong.at, joined(made_.entries[start].path(), wrong.key->name), "stands on itself: " + circle);
  }

  plan& made_;
  std::map<std::string, std::size_t, std::less<>> resources_;
  std::map<std::string, std::size_t, std::less<>> budgets_;
};

void forget(plan& from, std::size_t index) {
  for (const link& l : from.entries[index].links)
    if (from.entries[l.target].in_place) forget(from, l.target);
  from.entries[index].links.clear();
  from.entries[index].how = nullptr;
  from.entries[index].options.reset();
}

/// What an entry stands on, and itself.
void gather(const plan& from, std::size_t index, std::vector<bool>& gathered) {
  gathered[index] = true;
  for (const link& l : from.entries[index].links)
    if (!gathered[l.target]) gather(from, l.target, gathered);
}

}  // namespace

std::size_t plan::find(std::string_view name) const noexcept {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const entry& e) {
    return e.how != nullptr && !e.is_budget && !e.in_place && *e.name == name;
  });
  return static_cast<std::size_t>(found - entries.begin());
}

std::vector<std::string> plan::names() const {
  std::vector<std::string> all;
  for (const entry& e : entries)
    if (e.how != nullptr && !e.is_budget && !e.in_place) all.push_back(*e.name);
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
      fail(place{whole.source}, "resources." + name,
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
  forget(before, replaced);
  reader.read_again(replaced, table);
  return before;
}

}  // namespace allot::config
