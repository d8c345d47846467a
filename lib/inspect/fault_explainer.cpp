#include <allot/core/checked_size.hpp>
#include <allot/core/misuse.hpp>
#include <allot/inspect/explain.hpp>
#include <allot/inspect/fault_explainer.hpp>
#include <allot/os/address_registry.hpp>

namespace allot {
namespace {

void on_fault(void* /*context*/, const void* address) noexcept {
  namespace registry = os::address_registry;
  if (address == os::fault_hook::untold())
    return write_diagnostic("allot: fault at an address the system does not tell: no memory can have it");
  const registry::findings found = registry::look(address, registry::patience::little);
  if (found.count != 0 && !found.live[0].shared && registry::is_used_here(found.live[0], registry::patience::little)) {
    fixed_text<127> line("allot: fault at ");
    line.append_hex(address_of(address)).append(" in memory of ").append(found.live[0].name);
    write_diagnostic(line);
  }
  write_explanation(explain(address), "allot: fault at ");
}

}  // namespace

fault_explainer::fault_explainer() noexcept : hook_(&on_fault, nullptr) {}

}  // namespace allot
