#include <allot/arena/inner_scratch.hpp>
#include <allot/core/allocation_error.hpp>
#include <exception>

namespace allot {

inner_scratch::inner_scratch(arena& memory, std::size_t room, std::size_t alignment)
    // Where the memory was taken away the arena must know before the scope starts, or its end would be misuse.
    : scope_((memory.refresh(), memory)),
      result_(memory.push(room, alignment)),
      room_(room),
      result_position_(memory.position() - room) {}

inner_scratch::~inner_scratch() {
  if (kept_ == 0 || std::uncaught_exceptions() > exceptions_) return;  // the scope takes all of it back
  arena* const memory = scope_.leave();
  memory->close_scope_slow(scope_.start_.marks.position, scope_.start_.marks.floor, scope_.start_.marks.clock,
                           result_position_ + kept_);
}

void* inner_scratch::keep(std::size_t bytes) {
  if (bytes > room_)
    throw allocation_error({memory_errc::limit_reached, "inner_scratch", bytes, alignof(std::max_align_t), room_, 0});
  kept_ = bytes;
  return result_;
}

}  // namespace allot
