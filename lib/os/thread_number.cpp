#include <allot/os/thread_number.hpp>
#include <atomic>

namespace allot::os {
namespace {

ALLOT_INITIAL_EXEC thread_local std::uint64_t own = 0;
std::atomic<std::uint64_t> last{0};

}  // namespace

std::uint64_t this_thread_number() noexcept {
  if (!ALLOT_LIKELY(own != 0)) own = last.fetch_add(1, std::memory_order_relaxed) + 1;
  return own;
}

}  // namespace allot::os
