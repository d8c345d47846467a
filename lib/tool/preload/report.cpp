#include "report.hpp"

#include <allot/core/checked_size.hpp>
#include <allot/core/fixed_text.hpp>
#include <allot/os/descriptor.hpp>
#include <cstdlib>

namespace allot::preload {
namespace {

using line = fixed_text<1023>;

void write(line text) noexcept {
  text.make_printable();
  line whole = text;
  whole.append("\n");
  (void)os::write_text(os::standard_error, whole);
}

}  // namespace

void report(std::string_view what) noexcept { write(line("allot: ").append(what)); }

void report_invalid_pointer(const char* function, const void* p) noexcept {
  write(line("allot: ").append(function).append("(): no live block starts at ").append_hex(address_of(p)));
  std::abort();
}

}  // namespace allot::preload
