#include <allot/adaptor/tracing_resource.hpp>
#include <allot/core/log_link.hpp>

namespace allot {

tracing_resource::tracing_resource(upstream_ref upstream, event_sink* sink, const tracing_options& options) noexcept
    : adaptor_resource(upstream, options.name), sink_(sink), ear_(*this) {
  if (options.enabled) enable();
}

tracing_resource::~tracing_resource() { disable(); }

void tracing_resource::switch_to(bool enabled) noexcept {
  const std::lock_guard lock(switching_);
  const bool was = enabled_.exchange(enabled, std::memory_order_relaxed);
  if (sink_ == nullptr || base().ours() == nullptr || was == enabled) return;
  (void)base().ours()->tell_events_to(enabled ? &ear_ : nullptr);
}

// ---- telling

void tracing_resource::arena_ear::write(const memory_event& event) {
  if (owner_.enabled()) owner_.write_to_sink(event);
}

/// Not what goes through the tracing resource, which tells of it itself.
memory_event_kinds tracing_resource::arena_ear::wanted() const noexcept {
  using kind = memory_event_kind;
  return {kind::push, kind::pop, kind::mark, kind::rewind, kind::clear, kind::grow};
}

void tracing_resource::tell(memory_event event) noexcept {
  event.resource = name();
  if (sink_ != nullptr) write_to_sink(event);
  event_sink* const logged = log();
  if (logged != nullptr && logged->wanted().contains(event.kind)) logged->write(event);
}

void tracing_resource::write_to_sink(const memory_event& event) noexcept {
  try {
    sink_->write(event);
  } catch (...) {
    lost_.fetch_add(1, std::memory_order_relaxed);
  }
}

/// The log's sink, looked up again when what is logged has changed.
event_sink* tracing_resource::log() noexcept {
  unsigned version = log_link::version;
  if (version != 0 && version == log_version_.load(std::memory_order_acquire))
    return log_.load(std::memory_order_relaxed);
  // One thread at a time keeps what it found, so that an older sink never stands beside a newer version. The others do
  // not wait: the child of a fork() would for ever.
  if (looking_up_.test_and_set(std::memory_order_acquire)) return log_link::sink_for(name());
  version = log_link::version;
  event_sink* const found = log_link::sink_for(name());
  log_.store(found, std::memory_order_relaxed);
  log_version_.store(version, std::memory_order_release);
  looking_up_.clear(std::memory_order_release);
  return found;
}

void* tracing_resource::allocate_traced(std::size_t bytes, std::size_t alignment) {
  void* p = nullptr;
  try {
    p = upstream_allocate(bytes, alignment);
  } catch (...) {
    tell({memory_event_kind::refuse, nullptr, bytes, alignment});
    throw;
  }
  tell({memory_event_kind::allocate, p, bytes, alignment});
  return p;
}

void tracing_resource::deallocate_traced(void* p, std::size_t bytes, std::size_t alignment) {
  tell({memory_event_kind::deallocate, p, bytes, alignment});
  upstream_deallocate(p, bytes, alignment);
}

void* tracing_resource::try_allocate(std::size_t bytes, std::size_t alignment) noexcept {
  void* const p = adaptor_resource::try_allocate(bytes, alignment);
  if (enabled()) tell({p != nullptr ? memory_event_kind::allocate : memory_event_kind::refuse, p, bytes, alignment});
  return p;
}

bool tracing_resource::try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                  std::size_t alignment) noexcept {
  // Bytes that are given up may be somebody else's at once, so that is told before, and taken back where it fails.
  const bool shrinks = new_bytes < old_bytes;
  const bool told = shrinks && enabled();
  if (told) tell({memory_event_kind::expand, p, old_bytes, alignment, new_bytes});
  const bool done = adaptor_resource::try_expand(p, old_bytes, new_bytes, alignment);
  if (told && !done) tell({memory_event_kind::expand, p, new_bytes, alignment, old_bytes});
  if (!shrinks && done && enabled()) tell({memory_event_kind::expand, p, old_bytes, alignment, new_bytes});
  return done;
}

void tracing_resource::release() noexcept {
  if (enabled()) tell({memory_event_kind::release});
  adaptor_resource::release();
}

std::size_t tracing_resource::trim() noexcept {
  const std::size_t given_back = adaptor_resource::trim();
  if (enabled()) tell({memory_event_kind::trim, nullptr, given_back});
  return given_back;
}

}  // namespace allot
