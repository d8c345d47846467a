#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/event_sink.hpp>
#include <iosfwd>
#include <mutex>

namespace allot {

/// Writes a line for each event to a stream:
///
///     entities allocate 0x7f21c8e00010 24 bytes aligned to 8
///     entities expand 0x7f21c8e00010 24 to 48 bytes aligned to 8
///     entities deallocate 0x7f21c8e00010 48 bytes aligned to 8
///
/// Thread-safe, as far as others do not use the stream. A child of fork() may use it if no other thread can have been
/// writing then.
class ALLOT_EXPORT text_event_sink final : public event_sink {
 public:
  /// @param out  must outlive this object
  explicit text_event_sink(std::ostream& out) noexcept : out_(out) {}
  ~text_event_sink() override;

  /// @throws std::ios_base::failure when the stream does not take the line
  void write(const memory_event& event) override;

 private:
  std::mutex mutex_;
  std::ostream& out_;
};

}  // namespace allot
