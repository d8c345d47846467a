// What a compiler is given to do.
#include <algorithm>
#include <allot/container/vlarray.hpp>
#include <allot/general/general_resource.hpp>
#include <map>
#include <string>

int words_in(const std::string& text) {
  allot::general_resource memory;
  allot::vlarray<std::string> found;
  std::pmr::map<std::pmr::string, int> counts(&memory);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    found.push_back(text.substr(at, end - at));
    ++counts[std::pmr::string(found.back(), &memory)];
    at = end + 1;
  }
  return static_cast<int>(found.size() + counts.size());
}
