#include <allot/block/guarded_pages.hpp>
#include <allot/core/memory_tools.hpp>
#include <atomic>

namespace allot {
namespace {

std::atomic<std::size_t> leaked{0};

}  // namespace

os::mapping map_guarded_pages(std::size_t usable, std::size_t alignment, os::access rights,
                              os::placement where) noexcept {
  const std::size_t page = os::facts().page_size;
  const std::size_t total = page + usable + page;
  const bool advice = os::facts().guard_advice;
  where.aligned_byte = page;
  const os::mapping made = advice ? os::map(total, alignment, rights, where) : os::reserve(total, alignment, where);
  if (!made) return made;

  std::byte* const data = static_cast<std::byte*>(made.address) + page;
  os::status outcome;
  if (advice) {
    outcome = os::guard(made.address, page);
    if (outcome) outcome = os::guard(data + usable, page);
  } else if (rights != os::access::none) {
    outcome = os::commit(data, usable, rights);
  }
  if (outcome) return {data, {}};
  give_back_pages(made.address, total);
  return {nullptr, outcome};
}

void give_back_pages(void* p, std::size_t bytes) noexcept {
  if (bytes == 0) return;
  if (memory_tools::active()) memory_tools::unpoison(p, bytes);
  if (os::release(p, bytes)) return;
  (void)os::decommit(p, bytes);  // what can still be done: drop the contents
  leaked += bytes;
}

std::size_t leaked_page_bytes() noexcept { return leaked; }

}  // namespace allot
