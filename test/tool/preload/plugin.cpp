// A library that is loaded late, and for a short time.

#include <cstdint>
#include <map>
#include <new>
#include <string>

namespace {

struct table {
  std::map<std::string, std::string> entries;
  table() {
    for (int i = 0; i != 100; ++i) entries["a rather long name, number " + std::to_string(i)] = std::string(200, 'v');
  }
  ~table() { entries.clear(); }
};

table all;
thread_local std::string of_thread(300, 't');

}  // namespace

extern "C" int plugin_works() { return all.entries.size() == 100 && of_thread.size() == 300 ? 1 : 0; }

/// As of C++ that a program in C loads: its operator new is found in a library of its own.
extern "C" int plugin_catches_bad_alloc() {
  volatile std::size_t bytes = PTRDIFF_MAX - std::size_t{100000};
  try {
    char* volatile block = new char[bytes];
    return block == nullptr ? 2 : 3;
  } catch (const std::bad_alloc&) {
    return 1;
  }
}
