#pragma once

#include <allot/trace/trace_writer.hpp>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "trace/trace_files.hpp"

namespace allot::test {

/// A trace with the events it is told.
class told_trace {
 public:
  using kind = memory_event_kind;

  explicit told_trace(std::string_view program = "told", std::size_t block_bytes = 1024)
      : file_("told"), trace_(file_.path(), options(program, block_bytes)) {}

  told_trace& resource(std::string_view name) {
    now_.resource = trace_.define(trace_name::resource, name);
    return *this;
  }
  told_trace& tag(std::string_view name) {
    now_.tag = name.empty() ? 0 : trace_.define(trace_name::tag, name);
    return *this;
  }
  told_trace& stack(std::string_view text) {
    now_.stack = text.empty() ? 0 : trace_.define(trace_name::stack, text);
    return *this;
  }
  /// `more`: of expand, the new size; of an arena's events, the position.
  told_trace& tell(kind what, std::uint64_t address = 0, std::uint64_t bytes = 0, std::uint64_t more = 0) {
    trace_record event = now_;
    event.kind = what;
    event.address = address;
    event.bytes = bytes;
    event.alignment = 8;
    event.new_bytes = event.position = more;
    trace_.write(event);
    return *this;
  }
  told_trace& tell(const trace_record& event) {
    trace_.write(event);
    return *this;
  }

  /// Closed.
  const std::string& path() {
    trace_.close();
    return file_.path();
  }
  const temporary_file& file() const noexcept { return file_; }

 private:
  static trace_writer_options options(std::string_view program, std::size_t block_bytes) {
    trace_writer_options made;
    made.program = program;
    made.block_bytes = block_bytes;
    return made;
  }

  temporary_file file_;
  trace_writer trace_;
  trace_record now_;
};

struct said {
  std::string out;
  std::string errors;
  int code = 0;

  bool has(std::string_view text) const { return out.find(text) != out.npos; }
};

/// What the command says. What goes wrong is thrown, as subcommands throw it.
said ask(std::vector<std::string> arguments, bool json = false, bool progress = false);

/// The same as JSON.
nlohmann::json facts(std::vector<std::string> arguments);

}  // namespace allot::test
