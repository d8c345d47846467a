#pragma once

#include <algorithm>
#include <allot/core/fixed_text.hpp>
#include <allot/os/memory_limits.hpp>
#include <array>
#include <cstddef>
#include <string_view>

/// What Linux writes about memory in /proc and /sys, read from a `Files`: something callable with a path and with
/// use(piece), which it calls for each piece of that file's text, in order; not at all for a file that is not there.
/// So everything here can be tried on any text. Nothing allocates, and no text is trusted.
namespace allot::os::limit_texts {

inline constexpr std::size_t none = memory_limit::none;

// ---- numbers, of which any may be `none`

constexpr std::size_t sum(std::size_t a, std::size_t b) noexcept { return a > none - b ? none : a + b; }
constexpr std::size_t rest(std::size_t most, std::size_t used) noexcept {
  if (most == none || used == none) return most;
  return most > used ? most - used : 0;
}

/// The number a text starts with, blanks left out; `none` when there is none ("max") or it does not fit.
constexpr std::size_t number_in(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  if (text.empty() || text.front() < '0' || text.front() > '9') return none;
  std::size_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') break;
    const auto digit = static_cast<std::size_t>(c - '0');
    if (value > (none - digit) / 10) return none;
    value = value * 10 + digit;
  }
  return value;
}

constexpr bool starts_with(std::string_view text, std::string_view start) noexcept {
  return text.substr(0, start.size()) == start;
}

/// The text up to the next `separator`, which is taken from `text` along with it.
constexpr std::string_view next_field(std::string_view& text, char separator) noexcept {
  std::size_t end = 0;  // by hand: GCC 12 at -O3 takes find() here for a look at more than there can be
  while (end < text.size() && text[end] != separator) ++end;
  const std::string_view field = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return field;
}

constexpr bool lists(std::string_view list, std::string_view name) noexcept {
  while (!list.empty())
    if (next_field(list, ',') == name) return true;
  return false;
}

// ---- files

/// Calls use(line) for each line, without its end. Lines beyond 8 KiB, twice the longest path, are left out.
template <class Files, class Use>
void for_each_line(const Files& files, const char* path, Use use) noexcept {
  std::array<char, 8192> line;
  std::size_t length = 0;
  bool whole = true;
  const auto end_line = [&] {
    if (whole) use(std::string_view(line.data(), length));
    length = 0;
    whole = true;
  };
  files(path, [&](std::string_view piece) {
    for (const char c : piece) {
      if (c == '\n') {
        end_line();
      } else if (length == line.size()) {
        whole = false;
      } else {
        line[length++] = c;
      }
    }
  });
  if (length != 0) end_line();
}

/// The number in a file that holds nothing else.
template <class Files>
std::size_t number_at(const Files& files, const char* path) noexcept {
  std::size_t value = none;
  bool first = true;
  for_each_line(files, path, [&](std::string_view line) {
    if (first) value = number_in(line);
    first = false;
  });
  return value;
}

/// The number behind a key, where each line has a key and a number.
constexpr std::size_t value_of(std::string_view line, std::string_view key, std::size_t before) noexcept {
  return starts_with(line, key) ? number_in(line.substr(key.size())) : before;
}

constexpr std::size_t kibibytes(std::size_t count) noexcept { return count > none / 1024 ? none : count * 1024; }

// ---- the process and the machine

/// Takes what is used from the limits of the process.
template <class Files>
void subtract_use(const Files& files, process_limits& limits) noexcept {
  std::size_t address_space = none;
  std::size_t data = none;
  std::size_t locked = none;
  for_each_line(files, "/proc/self/status", [&](std::string_view line) {
    address_space = value_of(line, "VmSize:", address_space);
    data = value_of(line, "VmData:", data);
    locked = value_of(line, "VmLck:", locked);
  });
  limits.address_space.left = rest(limits.address_space.most, kibibytes(address_space));
  limits.data.left = rest(limits.data.most, kibibytes(data));
  limits.locked.left = rest(limits.locked.most, kibibytes(locked));
}

/// @param free_swap  set to bytes of swap nobody uses, 0 where that is not told
template <class Files>
memory_limit physical_memory(const Files& files, std::size_t& free_swap) noexcept {
  std::size_t total = none;
  std::size_t available = none;
  std::size_t swap = none;
  for_each_line(files, "/proc/meminfo", [&](std::string_view line) {
    total = value_of(line, "MemTotal:", total);
    available = value_of(line, "MemAvailable:", available);
    swap = value_of(line, "SwapFree:", swap);
  });
  free_swap = swap == none ? 0 : kibibytes(swap);
  memory_limit limit{kibibytes(total), kibibytes(total)};
  if (available != none) limit.left = sum(kibibytes(available), free_swap);
  return limit;
}

template <class Files>
memory_limit mappings(const Files& files) noexcept {
  memory_limit limit;
  limit.most = number_at(files, "/proc/sys/vm/max_map_count");
  if (limit.most == none) return limit;
  std::size_t used = 0;
  files("/proc/self/maps",
        [&](std::string_view text) { used += static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')); });
  limit.left = rest(limit.most, used);
  return limit;
}

// ---- control groups

using path_text = fixed_text<4351>;  // a path and the name of a file

/// How one of the two versions calls things.
struct group_version {
  std::string_view file_system;
  std::string_view controller;  ///< which groups are meant, where each kind of resource has its own; empty: all
  std::string_view most;
  std::string_view used;
  std::string_view file_key_1;  ///< of memory.stat: memory that goes back to files when it is needed
  std::string_view file_key_2;
  std::string_view swap_most;
  std::string_view swap_used;
  bool swap_includes_memory;  ///< whether the limit on swap is one on memory and swap together
};
inline constexpr group_version version_1{"cgroup",
                                         "memory",
                                         "/memory.limit_in_bytes",
                                         "/memory.usage_in_bytes",
                                         "total_inactive_file ",
                                         "total_active_file ",
                                         "/memory.memsw.limit_in_bytes",
                                         "/memory.memsw.usage_in_bytes",
                                         true};
inline constexpr group_version version_2{"cgroup2",
                                         "",
                                         "/memory.max",
                                         "/memory.current",
                                         "inactive_file ",
                                         "active_file ",
                                         "/memory.swap.max",
                                         "/memory.swap.current",
                                         false};

/// The group this process is in, as /proc/self/cgroup tells it; empty when there is none.
template <class Files>
path_text own_group(const Files& files, const group_version& version) noexcept {
  path_text path;
  for_each_line(files, "/proc/self/cgroup", [&](std::string_view line) {
    (void)next_field(line, ':');
    const std::string_view controllers = next_field(line, ':');
    const bool meant = version.controller.empty() ? controllers.empty() : lists(controllers, version.controller);
    if (meant && starts_with(line, "/")) path = path_text(line);
  });
  return path;
}

/// The folder of a group, and which part of its path has the folders of the groups around it.
struct group_folder {
  path_text path;
  std::size_t top = 0;  ///< length of the outermost
};

/// Where `group` is mounted. A mount may show a part of the tree only; a group that is not in it has as its nearest
/// relative the top of what there is. Empty when there is no such file system.
template <class Files>
group_folder folder_of(const Files& files, const group_version& version, std::string_view group) noexcept {
  group_folder found;
  for_each_line(files, "/proc/self/mountinfo", [&](std::string_view line) {
    const std::size_t separator = line.find(" - ");
    if (separator == line.npos) return;
    std::string_view what = line.substr(separator + 3);
    const std::string_view type = next_field(what, ' ');
    (void)next_field(what, ' ');
    if (type != version.file_system || (!version.controller.empty() && !lists(what, version.controller))) return;
    for (int i = 0; i < 3; ++i) (void)next_field(line, ' ');
    std::string_view shown = next_field(line, ' ');
    const std::string_view mount = next_field(line, ' ');
    if (shown == "/") shown = {};
    const bool is_in_it = starts_with(group, shown) && (group.size() == shown.size() || group[shown.size()] == '/') &&
                          group.find("/..") == group.npos;
    const std::string_view inside = is_in_it ? group.substr(shown.size()) : std::string_view();
    if (mount.size() + inside.size() > 4200) return;  // no room for the names of files
    found.path = path_text(mount);
    if (inside != "/") found.path.append(inside);
    found.top = mount.size();
  });
  return found;
}

/// What one group allows.
template <class Files>
memory_limit group_limit(const Files& files, const group_version& version, std::string_view folder,
                         std::size_t free_swap) noexcept {
  const auto number = [&](std::string_view name) {
    path_text path(folder);
    return number_at(files, path.append(name).c_str());
  };
  constexpr std::size_t unlimited = none / 4;  // version 1 writes about half of the largest number there is
  memory_limit limit;
  limit.most = number(version.most);
  if (limit.most > unlimited) return {};

  std::size_t file_1 = 0;
  std::size_t file_2 = 0;
  path_text stat(folder);
  for_each_line(files, stat.append("/memory.stat").c_str(), [&](std::string_view line) {
    file_1 = value_of(line, version.file_key_1, file_1);
    file_2 = value_of(line, version.file_key_2, file_2);
  });
  const std::size_t used = number(version.used);
  const std::size_t in_files = std::min(sum(file_1, file_2), used == none ? 0 : used);
  limit.left = rest(limit.most, used == none ? 0 : used - in_files);

  const std::size_t swap_most = number(version.swap_most);
  const std::size_t swap_left = swap_most > unlimited ? none : rest(swap_most, number(version.swap_used));
  if (version.swap_includes_memory) {
    limit.left = std::min(sum(limit.left, free_swap), sum(swap_left, in_files));
  } else {
    limit.left = sum(limit.left, std::min(free_swap, swap_left));
  }
  return limit;
}

/// The group with the least left among that of this process and those around it.
template <class Files>
memory_limit tightest_group(const Files& files, const group_version& version, std::size_t free_swap) noexcept {
  memory_limit tightest;
  const path_text group = own_group(files, version);
  if (group.size() == 0) return tightest;
  const group_folder folder = folder_of(files, version, group);
  std::string_view path = folder.path;
  if (path.empty()) return tightest;
  for (;;) {
    const memory_limit limit = group_limit(files, version, path, free_swap);
    if (limit.left < tightest.left) tightest = limit;
    if (path.size() <= folder.top) return tightest;
    path = path.substr(0, std::max(path.rfind('/'), folder.top));
  }
}

// ---- all of it

/// Adds what Linux tells to `limits`, which has the limits of the process with nothing used of them.
template <class Files>
void complete(process_limits& limits, const Files& files) noexcept {
  subtract_use(files, limits);
  std::size_t free_swap = 0;
  limits.physical = physical_memory(files, free_swap);
  limits.mappings = mappings(files);
  for (const group_version& version : {version_1, version_2}) {
    const memory_limit group = tightest_group(files, version, free_swap);
    if (group.left < limits.control_group.left) limits.control_group = group;
  }
}

}  // namespace allot::os::limit_texts
