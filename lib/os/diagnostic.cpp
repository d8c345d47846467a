#include <allot/core/fixed_text.hpp>
#include <allot/core/misuse.hpp>
#include <allot/os/virtual_memory.hpp>

namespace allot {

void write_diagnostic(std::string_view line) noexcept {
  // One write for the line and its end, so that lines of several threads do not mix.
  constexpr std::size_t longest = 1151;  // an explanation behind "allot: fault at "
  fixed_text<longest + 1> text(line.substr(0, longest));
  text.append("\n");
  os::write_error_output(text.c_str(), text.size());
}

}  // namespace allot
