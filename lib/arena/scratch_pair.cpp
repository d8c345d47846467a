#include <algorithm>
#include <allot/arena/scratch_pair.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/os/in_pages.hpp>
#include <allot/os/thread_exit.hpp>
#include <new>

namespace allot {
namespace {

chained_arena_options arena_options(const scratch_options& options) noexcept {
  chained_arena_options result;
  result.upstream = options.upstream;
  result.virtual_blocks = options.upstream == nullptr;
  result.reserve = options.reserve;
  result.first_block = std::size_t{16} << 10;
  result.retained_bytes = options.retained;
  result.name = options.name.empty() ? "scratch" : options.name;
  result.checked = options.checked;
  return result;
}

}  // namespace

scratch_pair::scratch_pair(const scratch_options& options) noexcept
    : resource(options.name),
      slots_{scratch_slot(arena_options(options)), scratch_slot(arena_options(options)),
             scratch_slot(arena_options(options)), scratch_slot(arena_options(options))} {}

/// Whether `upper` is the candidate, or has its memory from there.
bool scratch_pair::stands_on(const resource& upper, const arena& candidate) noexcept {
  if (&upper == &candidate) return true;
  const std::pmr::memory_resource* const root = upper.root();
  if (root != &upper && stands_on(root, candidate)) return true;
  const std::pmr::memory_resource* below = upper.upstream();
  for (std::size_t further = 0; below != nullptr; below = upper.further_upstream(further++))
    if (stands_on(below, candidate)) return true;
  return false;
}

bool scratch_pair::stands_on(const std::pmr::memory_resource* upper, const arena& candidate) noexcept {
  if (upper == nullptr || upper == std::pmr::new_delete_resource()) return false;  // the usual end of a chain
  const resource* const ours = as_resource(upper);
  return ours != nullptr && stands_on(*ours, candidate);
}

void scratch_pair::refuse() const { throw allocation_error({memory_errc::limit_reached, name(), 0, 0, 0, 0}); }

bool scratch_pair::try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes, std::size_t alignment) noexcept {
  return slots_[0].memory.try_expand(p, old_bytes, new_bytes, alignment);
}

std::size_t scratch_pair::available() const noexcept { return slots_[0].memory.available(); }

memory_usage scratch_pair::usage() const noexcept {
  memory_usage all;
  for (const scratch_slot& slot : slots_) {
    const memory_usage one = slot.memory.usage();
    all.reserved += one.reserved;
    all.committed += one.committed;
    all.used += one.used;
    all.peak += one.peak;
    all.wasted += one.wasted;
  }
  return all;
}

bool scratch_pair::owns(const void* p) const noexcept {
  return std::any_of(slots_.begin(), slots_.end(), [p](const scratch_slot& slot) { return slot.memory.owns(p); });
}

block_info scratch_pair::find_block(const void* p) const noexcept {
  for (const scratch_slot& slot : slots_)
    if (const block_info found = slot.memory.find_block(p); found.begin != nullptr) return found;
  return {};
}

void scratch_pair::release() noexcept {
  for (scratch_slot& slot : slots_) slot.memory.release();
}

std::size_t scratch_pair::trim() noexcept {
  std::size_t given_back = 0;
  for (scratch_slot& slot : slots_) given_back += slot.memory.trim();
  return given_back;
}

bool scratch_pair::check() const noexcept {
  return std::all_of(slots_.begin(), slots_.end(), [](const scratch_slot& slot) { return slot.memory.check(); });
}

void scratch_pair::for_each_block(block_visitor visitor) const {
  for (const scratch_slot& slot : slots_) slot.memory.for_each_block(visitor);
}

bool scratch_pair::tell_events_to(event_sink* sink) noexcept {
  for (scratch_slot& slot : slots_) (void)slot.memory.tell_events_to(sink);
  return true;
}

// ---- the pair of a thread

namespace {

struct thread_pair : os::thread_exit_hook {
  thread_pair() noexcept : os::thread_exit_hook(&free_pair) {}

  static void free_pair(os::thread_exit_hook& self) noexcept {
    detail::current_scratch = nullptr;
    os::destroy_in_pages(static_cast<thread_pair&>(self));
  }

  scratch_pair pair;
};

}  // namespace

scratch_pair& detail::make_thread_scratch() {
  os::status outcome;
  thread_pair* const made = os::make_in_pages<thread_pair>(outcome);
  if (made != nullptr) outcome = os::at_thread_exit(*made);
  if (!outcome) {
    if (made != nullptr) os::destroy_in_pages(*made);
    throw allocation_error(
        {outcome.error, "scratch_pair", sizeof(thread_pair), alignof(thread_pair), 0, outcome.os_code});
  }
  current_scratch = &made->pair;
  return made->pair;
}

}  // namespace allot
