// What programs load and let go again, with threads that used it still about.

#include <allot/arena/scratch_pair.hpp>

extern "C" bool plugin_has_memory() {
  allot::scratch temporary = allot::get_scratch();
  return temporary.push(100) != nullptr;
}
