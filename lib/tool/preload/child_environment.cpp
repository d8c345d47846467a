#include "child_environment.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace allot::preload {

void tell_children(const std::string& name, const std::string& value) {
  const std::string key = name + '=';
  char* const entry = (new std::string(key + value))->data();
  std::size_t count = 0;
  for (; ::environ != nullptr && ::environ[count] != nullptr; ++count) {
    if (std::strncmp(::environ[count], key.c_str(), key.size()) != 0) continue;
    ::environ[count] = entry;
    return;
  }
  auto** const more = new char* [count + 2] {};
  std::copy_n(::environ, count, more);
  more[count] = entry;
  ::environ = more;
}

}  // namespace allot::preload
