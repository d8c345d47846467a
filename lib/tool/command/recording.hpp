#pragma once

#include <allot/trace/trace_reader.hpp>
#include <cstdint>
#include <iosfwd>
#include <string>

namespace allot::tool {

class progress;

/// A trace to be looked at: as its reader gives it, but for numbers that stand for nothing. However wrong these are,
/// what is kept for each resource, tag or call stack stays within what the trace has names for, and a little more.
class recording {
 public:
  /// @param only  the resource to look at: events of all others are left out; empty: all
  /// @throws trace_error
  explicit recording(const std::string& file, const std::string& only = {});

  const trace_summary& summary() const noexcept { return reader_.summary(); }
  const std::vector<trace_damage>& damage() const noexcept { return reader_.damage(); }

  bool next(trace_record& event);
  void rewind();
  /// Tells a bar how far the trace is read, from here on; null: none.
  void tell(progress* bar) noexcept { bar_ = bar; }

  // For people, in UTF-8 without control characters; a stack's lines keep their ends.
  std::string resource(std::uint32_t number) const;  ///< "(no name)" or "(no name) 3" where there is none
  std::string tag(std::uint32_t number) const;       ///< empty for 0
  std::string stack(std::uint32_t number) const;     ///< empty for 0

 private:
  std::uint32_t known(trace_name what, std::uint32_t number) const noexcept;
  bool wanted(std::uint32_t resource);

  trace_reader reader_;
  std::string only_;
  std::uint32_t last_ = 0;  // resource asked for in wanted(), and the answer
  bool last_wanted_;
  progress* bar_ = nullptr;
  std::uint64_t read_ = 0;
};

/// Lines about what is missing in a trace: damaged parts, lost events, an end that never came.
void tell_damage(std::ostream& out, const recording& trace);

}  // namespace allot::tool
