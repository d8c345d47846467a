#include "house/rules.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "house/source_text.hpp"

namespace allot::test::house {
namespace {

/// A set of names, written as one text with blanks between.
class names {
 public:
  explicit names(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find(' ', at), text.size());
      all_.emplace(text.substr(at, end - at));
      at = end + 1;
    }
  }

  bool has(const std::string& name) const { return all_.count(name) != 0; }

 private:
  std::set<std::string> all_;
};

struct room {
  std::string_view name;
  int floor;
};

constexpr std::array rooms{
    room{"core", 0},    room{"os", 1},      room{"block", 2},   room{"arena", 3},   room{"pool", 3},
    room{"heap", 3},    room{"secure", 3},  room{"adaptor", 3}, room{"testing", 3}, room{"container", 3},
    room{"general", 4}, room{"inspect", 4}, room{"trace", 4},   room{"config", 5},  room{"tool", 6},
};

// What a preprocessor condition may ask to tell one system or its compiler from another.
const names platform_macros(
    "_WIN32 _WIN64 WIN32 WIN64 __CYGWIN__ __MINGW32__ __MINGW64__ _MSC_VER __linux__ __linux linux "
    "__gnu_linux__ __ANDROID__ __APPLE__ __MACH__ __unix__ __unix unix __FreeBSD__ __NetBSD__ __OpenBSD__ "
    "__DragonFly__ __sun __sun__ __HAIKU__ __QNX__ __Fuchsia__ __EMSCRIPTEN__ __wasi__ __GLIBC__ "
    "_POSIX_VERSION _AIX");

// What standard C++ does not have, and some compilers do.
const names extensions(
    "__attribute__ __attribute __extension__ __asm__ __asm asm __int128 __int128_t __uint128_t __declspec __typeof__ "
    "__typeof typeof __restrict __restrict__ __FUNCTION__ __PRETTY_FUNCTION__ __thread __forceinline __try __except "
    "__int64 _Complex __real__ __imag__ __label__");

const names memory_calls(
    "mmap mmap64 munmap mprotect pkey_mprotect madvise posix_madvise process_madvise mremap "
    "remap_file_pages mlock mlock2 munlock mlockall munlockall mincore msync brk sbrk memfd_create "
    "memfd_secret shm_open syscall VirtualAlloc VirtualAlloc2 VirtualAllocEx VirtualFree VirtualFreeEx "
    "VirtualProtect VirtualProtectEx VirtualQuery VirtualLock VirtualUnlock MapViewOfFile MapViewOfFileEx "
    "UnmapViewOfFile CreateFileMappingA CreateFileMappingW DiscardVirtualMemory OfferVirtualMemory "
    "PrefetchVirtualMemory HeapCreate HeapAlloc HeapFree vm_allocate vm_deallocate mach_vm_allocate "
    "mach_vm_deallocate");

const names build_macros("NDEBUG _DEBUG __OPTIMIZE__ __SANITIZE_ADDRESS__ __SANITIZE_THREAD__ __SANITIZE_HWADDRESS__");

const names top_level("include lib test examples docs CMakeLists.txt CMakePresets.json README.md LICENSE");

bool starts_with(std::string_view text, std::string_view start) { return text.substr(0, start.size()) == start; }
bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

const room* find_room(std::string_view name) {
  const auto found = std::find_if(rooms.begin(), rooms.end(), [&](const room& r) { return r.name == name; });
  return found == rooms.end() ? nullptr : &*found;
}

bool may_include(const room& from, const room& to) {
  return to.floor < from.floor || to.name == from.name || (from.name == "secure" && to.name == "arena");
}

/// What a path says of a file.
struct place {
  bool is_public = false;   ///< below include/
  bool in_library = false;  ///< below include/ or lib/
  std::string_view room;    ///< empty: none
};

constexpr std::string_view include_root = "include/allot/";
constexpr std::string_view lib_root = "lib/";

place place_of(std::string_view path) {
  place found;
  found.is_public = starts_with(path, "include/");
  found.in_library = found.is_public || starts_with(path, lib_root);
  for (const std::string_view root : {include_root, lib_root}) {
    if (!starts_with(path, root)) continue;
    const std::string_view inside = path.substr(root.size());
    const std::size_t slash = inside.find('/');
    if (slash != std::string_view::npos) found.room = inside.substr(0, slash);
  }
  return found;
}

bool is_header(std::string_view path) { return ends_with(path, ".hpp") || ends_with(path, ".h"); }

/// It stands in for the system's malloc below everything else here, so it talks to the system itself.
bool is_preload_library(std::string_view path) { return starts_with(path, "lib/tool/preload"); }

class file_check {
 public:
  file_check(std::string_view path, std::string_view text)
      : path_(path), text_(text), place_(place_of(path)), room_(find_room(place_.room)) {}

  std::vector<std::string> run() {
    if (place_.in_library) {
      check_room();
      check_includes();
      if (place_.room != "os" && !is_preload_library(path_)) {
        if (path_ != "include/allot/core/compiler.hpp") {
          check_platforms();
          check_extensions();
        }
        check_memory_calls();
      }
    }
    if (place_.is_public) check_builds();
    if (is_header(path_)) check_pragma_once();
    return std::move(found_);
  }

 private:
  void report(std::size_t line, const std::string& what) {
    found_.push_back(std::string(path_) + ":" + std::to_string(line) + ": " + what);
  }

  void check_room() {
    const bool packaging = path_ == "lib/CMakeLists.txt" || starts_with(path_, "lib/package/");
    if (room_ == nullptr && !packaging) report(1, "is in no room of the floor table");
  }

  void check_includes() {
    for (const directive& d : directives(text_))
      if (d.name == "include") check_include(d.line, d.rest);
  }

  void check_include(std::size_t line, std::string_view name) {
    if (starts_with(name, "\"")) {
      // Of the same folder, or of the folder that holds the parts of this file.
      const std::string_view file = path_.substr(path_.rfind('/') + 1);
      const std::string parts = "\"" + std::string(file.substr(0, file.rfind('.'))) + "/";
      const std::string_view rest = starts_with(name, parts) ? name.substr(parts.size()) : name;
      if (rest.find('/') != std::string_view::npos)
        report(line, "quotes are for headers of the same folder: " + std::string(name));
      return;
    }
    constexpr std::string_view ours = "<allot/";
    if (!starts_with(name, ours)) return;
    const std::string_view inside = name.substr(ours.size());
    const room* const to = find_room(inside.substr(0, inside.find('/')));
    if (to == nullptr)
      report(line, "includes a header of no room: " + std::string(name));
    else if (room_ != nullptr && !may_include(*room_, *to))
      report(line, std::string(room_->name) + " may not include " + std::string(to->name) + ": " + std::string(name));
  }

  void check_platforms() {
    for (const directive& d : directives(text_)) {
      if (!starts_with(d.name, "if") && !starts_with(d.name, "elif")) continue;
      for (const std::string& name : identifiers(d.rest))
        if (platform_macros.has(name)) report(d.line, "a platform conditional outside os: " + name);
    }
  }

  void check_extensions() {
    for (const word& w : words(text_))
      if (extensions.has(w.text) || starts_with(w.text, "__builtin_"))
        report(w.line, "not all compilers understand what stands outside core/compiler.hpp: " + std::string(w.text));
    if (text_.find("[[gnu::") != std::string_view::npos)
      report(1, "not all compilers understand what stands outside core/compiler.hpp: [[gnu::]]");
  }

  void check_memory_calls() {
    for (const word& w : words(text_)) {
      if (w.after == '(' && !w.member && !w.qualified && memory_calls.has(w.text))
        report(w.line, "a raw call for memory outside os: " + w.text);
    }
  }

  void check_builds() {
    for (const word& w : words(text_)) {
      if (build_macros.has(w.text)) report(w.line, "a public header depends on the build: " + w.text);
      if (w.text == "cassert")
        report(w.line, "a public header depends on the build: assert() is there or not by NDEBUG");
    }
    for (const directive& d : directives(text_)) {
      if (d.rest.find("__has_feature") == std::string::npos) continue;
      for (const std::string& name : identifiers(d.rest))
        if (ends_with(name, "_sanitizer")) report(d.line, "a public header depends on the build: " + name);
    }
  }

  void check_pragma_once() {
    const std::vector<directive> all = directives(text_);
    if (std::none_of(all.begin(), all.end(), [](auto& d) { return d.name == "pragma" && d.rest == "once"; }))
      report(1, "a header without #pragma once");
  }

  std::string_view path_;
  std::string_view text_;
  place place_;
  const room* room_;
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> violations(std::string_view path, std::string_view text) {
  return file_check(path, text).run();
}

std::vector<std::string> mirror_violations(const std::set<std::string>& paths) {
  std::vector<std::string> found;
  for (const std::string& path : paths) {
    if (!starts_with(path, lib_root) || !(ends_with(path, ".cpp") || ends_with(path, ".hpp"))) continue;
    // os has a source a platform, tool has programs; neither is a class with a header of its name
    const std::string_view room = place_of(path).room;
    if (room == "os" || room == "tool") continue;
    std::string stem = path.substr(lib_root.size(), path.rfind('.') - lib_root.size());
    // room/name/part.cpp is a part of room/name
    const std::size_t room_end = stem.find('/');
    if (const std::size_t name_end = stem.find('/', room_end + 1); name_end != stem.npos) stem.resize(name_end);
    const std::string header = std::string(include_root) + stem + ".hpp";
    if (paths.count(header) == 0) found.push_back(path + ": has no public header " + header);
  }
  return found;
}

std::vector<std::string> top_level_violations(const std::set<std::string>& names) {
  std::vector<std::string> found;
  for (const std::string& name : names)
    if (!starts_with(name, ".") && !top_level.has(name)) found.push_back(name + ": has no place at the top level");
  return found;
}

}  // namespace allot::test::house
