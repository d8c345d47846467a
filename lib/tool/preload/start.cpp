#include "start.hpp"

#include <dlfcn.h>

#include <allot/general/concurrent_general_resource.hpp>
#include <allot/os/environment.hpp>
#include <string>

#include "extension.hpp"
#include "lasting.hpp"
#include "report.hpp"
#include "thread_state.hpp"

namespace allot::preload::start {
namespace {

const outcome nothing_yet{};

/// Null where it is empty, too.
const char* variable(const char* name) noexcept {
  const char* const value = os::environment_variable(name);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

concurrent_general_resource& default_resource() {
  general_options options;
  // Less than by default: a program that is small has few blocks of each larger size.
  options.small_limit = std::size_t{4} << 10;
  static concurrent_general_resource& only = lasting<concurrent_general_resource>(options);
  return only;
}

/// From where this library is. Null where it cannot be loaded, which has been told then.
extend_function* load_extension() {
  Dl_info own{};
  std::string file;
  if (::dladdr(&nothing_yet, &own) != 0 && own.dli_fname != nullptr) file = own.dli_fname;
  file.resize(file.rfind('/') + 1);  // none: as the dynamic linker finds it
  file += extension_file;
  void* const library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* const found = library != nullptr ? ::dlsym(library, extend_name) : nullptr;
  if (found == nullptr) {
    const char* const why = ::dlerror();
    report(std::string(why != nullptr ? why : "no extension") + "; this program runs on the system's malloc");
  }
  return reinterpret_cast<extend_function*>(found);
}

/// Before the program's own code, behind that of the libraries we use.
__attribute__((constructor)) void begin() {
  const inside_scope inside;
  outcome& made = lasting<outcome>();
  const bool system = made.system.find();
  bool own = false;
  const char* const config = variable("ALLOT_CONFIG");
  const char* const trace = variable("ALLOT_RECORD");
  if (config != nullptr || trace != nullptr) {
    if (extend_function* const extend = load_extension(); extend != nullptr) {
      extension more;
      extend(more, config, trace, [] { ++this_thread.inside; });
      made.stack = more.stack;
      made.record = more.record;
    }
  } else if (os::environment_variable("ALLOT_RECORD") == nullptr) {
    own = true;
    made.stack = &lasting<program_stack>(default_resource());
  }
  if (made.stack == nullptr && !system) {
    report("no malloc behind this library: the program runs on its own");
    made.stack = &lasting<program_stack>(default_resource());
  }
  made.is = made.stack != nullptr ? state::on_stack : state::on_system;
  detail::current.store(&made, std::memory_order_release);
  if (own) detail::alone.store(&default_resource(), std::memory_order_release);
}

__attribute__((destructor)) void end() {
  const inside_scope inside;
  if (now().record != nullptr) now().record->close();
}

}  // namespace

std::atomic<const outcome*> detail::current{&nothing_yet};
std::atomic<concurrent_general_resource*> detail::alone{nullptr};

}  // namespace allot::preload::start
