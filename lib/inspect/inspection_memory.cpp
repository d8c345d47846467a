#include <allot/block/page_resource.hpp>
#include <allot/inspect/inspection_memory.hpp>
#include <allot/os/in_pages.hpp>

namespace allot {

std::pmr::memory_resource& inspection_memory() noexcept {
  os::status outcome;
  // Never destroyed: what lies in it may live as long as the program.
  static page_resource* const pages = os::make_in_pages<page_resource>(outcome);
  return pages != nullptr ? *pages : *std::pmr::null_memory_resource();
}

}  // namespace allot
