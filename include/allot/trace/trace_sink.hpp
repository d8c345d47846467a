#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/event_sink.hpp>
#include <allot/trace/trace_writer.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace allot {

/// What a trace_sink records besides the events themselves.
struct trace_sink_options {
  bool stacks = false;  ///< record where each event comes from: about 2 us more
  /// The innermost frames are left out as long as their file has this in its path: of a library that hands on what
  /// others ask of it. Empty: none are.
  std::string_view own_files = {};
};

/// Hands the events of one resource on to a trace, by a name:
///
///     allot::trace_writer trace("server.trace");
///     allot::trace_sink sink(trace, "sessions");
///     allot::tracing_resource sessions(pool, sink);
///
/// Thread-safe.
class ALLOT_EXPORT trace_sink final : public event_sink {
 public:
  /// @param trace  must outlive this object
  /// @throws std::bad_alloc
  trace_sink(trace_writer& trace, std::string_view resource, const trace_sink_options& options = {});
  ~trace_sink() override;

  void write(const memory_event& event) override;

 private:
  trace_writer& trace_;
  const std::uint32_t resource_;
  const bool stacks_;
  const std::string own_files_;
};

/// While it lives, what its thread records through any trace_sink on this trace has the tag: what the program was
/// doing. Scopes nest; the innermost counts.
class ALLOT_EXPORT trace_tag {
 public:
  /// `trace` must outlive this object.
  /// @throws as trace_writer::define()
  trace_tag(trace_writer& trace, std::string_view tag);
  ~trace_tag();
  trace_tag(const trace_tag&) = delete;
  trace_tag& operator=(const trace_tag&) = delete;

 private:
  friend class trace_sink;
  static std::uint32_t current(const trace_writer& trace) noexcept;

  const trace_writer& trace_;
  const std::uint32_t tag_;
  const trace_tag* const outer_;
};

}  // namespace allot
