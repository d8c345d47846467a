#include "support/access.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace allot::test {
namespace {

/// A pipe whose ends stay open for the whole run.
const std::array<int, 2>& open_pipe() {
  static const std::array<int, 2> ends = [] {
    std::array<int, 2> made{};
    if (::pipe2(made.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    return made;
  }();
  return ends;
}

}  // namespace

bool readable(const void* p) {
  if (::write(open_pipe()[1], p, 1) != 1) return false;
  char byte = 0;
  return ::read(open_pipe()[0], &byte, 1) == 1;
}

bool writable(void* p) {
  char value = 0;
  const bool keeps = readable(p);
  if (keeps) value = *static_cast<volatile char*>(p);
  if (::write(open_pipe()[1], &value, 1) != 1) return false;
  const bool wrote = ::read(open_pipe()[0], p, 1) == 1;
  char byte = 0;
  if (!wrote && ::read(open_pipe()[0], &byte, 1) != 1) throw std::runtime_error("pipe lost a byte");
  return wrote;
}

std::size_t system_page_size() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

std::size_t address_space() {
  std::ifstream statm("/proc/self/statm");
  std::size_t pages = 0;
  statm >> pages;
  return pages * system_page_size();
}

std::size_t resident() {
  std::ifstream statm("/proc/self/statm");
  std::size_t pages = 0;
  statm >> pages >> pages;
  return pages * system_page_size();
}

std::size_t map_count() {
  std::ifstream maps("/proc/self/maps");
  std::size_t count = 0;
  for (std::string line; std::getline(maps, line);) ++count;
  return count;
}

const char* map_flags(const void* p) {
  static std::string flags;
  flags.clear();
  std::ifstream maps("/proc/self/smaps");
  bool here = false;
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t first = 0;
    std::uintptr_t last = 0;
    char dash = 0;
    std::istringstream range(line);
    if (range >> std::hex >> first >> dash >> last && dash == '-')
      here = first <= reinterpret_cast<std::uintptr_t>(p) && reinterpret_cast<std::uintptr_t>(p) < last;
    if (here && line.rfind("VmFlags:", 0) == 0) flags = line;
  }
  return flags.c_str();
}

std::size_t committed_by_system() {
  std::ifstream info("/proc/meminfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("Committed_AS:", 0) != 0) continue;
    std::istringstream text(line.substr(13));
    std::size_t kib = 0;
    text >> kib;
    return kib * 1024;
  }
  return 0;
}

}  // namespace allot::test
