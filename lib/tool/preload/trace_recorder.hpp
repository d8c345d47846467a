#pragma once

#include <allot/core/memory_event.hpp>
#include <allot/trace/trace_sink.hpp>
#include <allot/trace/trace_writer.hpp>
#include <cstddef>
#include <string>

#include "recorder.hpp"

namespace allot::preload {

/// Records to a trace file, as events of a resource "malloc".
class trace_recorder final : public recorder {
 public:
  /// @throws trace_error
  trace_recorder(const std::string& file, const trace_writer_options& options, bool stacks);

  void allocated(const void* p, std::size_t bytes, std::size_t alignment) noexcept override;
  void deallocated(const void* p, std::size_t bytes) noexcept override;
  void resized(const void* p, std::size_t bytes, std::size_t new_bytes) noexcept override;
  void refused(std::size_t bytes, std::size_t alignment) noexcept override;
  void close() noexcept override;

 private:
  void tell(const memory_event& event) noexcept;

  trace_writer trace_;
  trace_sink sink_;
};

}  // namespace allot::preload
