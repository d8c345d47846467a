#include <allot/arena/arena.hpp>
#include <allot/core/log_link.hpp>
#include <allot/core/memory_event.hpp>
#include <allot/core/misuse.hpp>
#include <allot/core/never_destroyed.hpp>
#include <allot/inspect/event_log.hpp>
#include <allot/os/descriptor.hpp>
#include <allot/os/environment.hpp>
#include <allot/os/fork_mutex.hpp>
#include <allot/os/thread_number.hpp>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <new>
#include <ostream>

#include "event_log/rules.hpp"

namespace allot {

std::string_view name_of(log_level level) noexcept {
  switch (level) {
    case log_level::off:
      return "off";
    case log_level::errors:
      return "errors";
    case log_level::growth:
      return "growth";
    case log_level::marks:
      return "marks";
    case log_level::all:
      return "all";
  }
  return "unknown";
}

namespace event_log {
namespace {

using line_text = fixed_text<511>;

memory_event_kinds kinds_of(log_level level) noexcept {
  using kind = memory_event_kind;
  memory_event_kinds kinds;
  if (level >= log_level::errors) kinds = kinds | memory_event_kinds{kind::refuse};
  if (level >= log_level::growth)
    kinds = kinds | memory_event_kinds{kind::grow, kind::release, kind::trim, kind::clear};
  if (level >= log_level::marks) kinds = kinds | memory_event_kinds{kind::mark, kind::rewind};
  return level == log_level::all ? memory_event_kinds::all() : kinds;
}

/// Where lines go. One of them is set, or the descriptor counts.
struct destination {
  std::ostream* stream = nullptr;
  event_sink* sink = nullptr;
  int descriptor = os::standard_error;
};

/// What resources of one level write to.
class level_sink final : public event_sink {
 public:
  explicit level_sink(log_level level) noexcept : wanted_(kinds_of(level)) {}
  void write(const memory_event& event) override;
  memory_event_kinds wanted() const noexcept override { return wanted_; }

 private:
  memory_event_kinds wanted_;
};

struct log_state {
  std::atomic<bool> active{false};
  std::atomic<std::size_t> lost{0};
  os::fork_mutex rules_mutex;
  rules named;  // guarded by rules_mutex
  os::fork_mutex output_mutex;
  destination output;  // guarded by output_mutex
  std::array<level_sink, 4> sinks{level_sink(log_level::errors), level_sink(log_level::growth),
                                  level_sink(log_level::marks), level_sink(log_level::all)};
};

log_state& unread_state() noexcept { return never_destroyed<log_state>(); }

// ---- the environment

void warn_of(std::string_view entry) noexcept {
  write_diagnostic(
      line_text("allot: ALLOT_LOG: '")
          .append(entry.substr(0, 100))
          .append("' is left out: an entry is NAME or NAME=LEVEL, a name has at most 63 bytes and may hold *, "
                  "a level is one of off, errors, growth, marks, all; there may be 64 entries"));
}

void read_rules(rules& into, std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view entry = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (entry.find_first_not_of(" \t") == std::string_view::npos) continue;
    std::string_view pattern;
    log_level level{};
    if (!read_entry(entry, pattern, level) || !into.set(pattern, level)) warn_of(entry);
  }
}

bool read_environment(log_state& state) noexcept {
  if (const char* const entries = os::environment_variable("ALLOT_LOG")) read_rules(state.named, entries);
  // Nothing is opened, or made, for a log that is not wanted.
  const char* const path = state.named.empty() ? nullptr : os::environment_variable("ALLOT_LOG_FILE");
  if (path != nullptr && *path != '\0') {
    if (const os::descriptor file = os::open_to_append(path)) {
      state.output.descriptor = file.number;
    } else {
      write_diagnostic(line_text("allot: ALLOT_LOG_FILE: '")
                           .append(std::string_view(path).substr(0, 200))
                           .append("' cannot be opened for writing (system error ")
                           .append_decimal(static_cast<std::size_t>(file.outcome.os_code))
                           .append("): the log goes to standard error"));
    }
  }
  state.active = !state.named.empty();
  log_link::version = 1;
  return true;
}

log_state& state() noexcept {
  log_state& unread = unread_state();
  [[maybe_unused]] static const bool read = read_environment(unread);
  return unread;
}

// ---- writing

line_text line_start() noexcept {
  using namespace std::chrono;
  const auto now = duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
  constexpr std::int64_t day = std::int64_t{24} * 3600 * 1000000;
  auto rest = static_cast<std::uint64_t>((now % day + day) % day);
  line_text line;
  const auto append = [&](std::uint64_t unit, std::string_view end) {
    const std::uint64_t value = rest / unit;
    rest %= unit;
    if (value < 10) line.append("0");
    line.append_decimal(value).append(end);
  };
  append(std::uint64_t{3600} * 1000000, ":");
  append(std::uint64_t{60} * 1000000, ":");
  append(1000000, ".");
  for (std::uint64_t unit = 100000; unit != 0; unit /= 10) line.append_decimal(rest / unit % 10);
  return line.append(" thread ").append_decimal(os::this_thread_number()).append(" ");
}

thread_local bool writing = false;  // a sink or stream that uses a logged resource must not wait for itself

template <class Write>
void write_out(Write write) noexcept {
  log_state& log = unread_state();
  bool written = false;
  if (!writing) {
    writing = true;
    const std::lock_guard lock(log.output_mutex);
    try {
      written = write(log.output);
    } catch (...) {
    }
    writing = false;
  }
  if (!written) ++log.lost;
}

bool write_line(const destination& to, line_text line) {
  line.append("\n");
  if (to.stream == nullptr) return os::write_text(to.descriptor, line);
  to.stream->write(line.c_str(), static_cast<std::streamsize>(line.size()));
  to.stream->flush();
  return static_cast<bool>(*to.stream);
}

void level_sink::write(const memory_event& event) {
  write_out([&](const destination& to) {
    if (to.sink == nullptr) return write_line(to, line_start().append(text_of(event)));
    to.sink->write(event);
    return true;
  });
}

void direct_to(const destination& to) noexcept {
  log_state& log = state();
  const std::lock_guard lock(log.output_mutex);
  log.output = to;
}

}  // namespace

// ---- the interface

bool enable(std::string_view pattern, log_level level) noexcept {
  log_state& log = state();
  {
    const std::lock_guard lock(log.rules_mutex);
    if (!log.named.set(pattern, level)) return false;
    log.active = !log.named.empty();
    if (++log_link::version == 0) ++log_link::version;
  }
  arena::look_for_sinks();
  return true;
}

bool disable(std::string_view pattern) noexcept { return enable(pattern, log_level::off); }

log_level level_of(std::string_view name) noexcept {
  log_state& log = state();
  const std::lock_guard lock(log.rules_mutex);
  return log.named.level_of(name);
}

void write_to(std::ostream& out) noexcept { direct_to({&out, nullptr, os::standard_error}); }
void write_to(event_sink& sink) noexcept { direct_to({nullptr, &sink, os::standard_error}); }
void write_to_descriptor(int descriptor) noexcept { direct_to({nullptr, nullptr, descriptor}); }
void write_to_standard_error() noexcept { direct_to({}); }

bool write_to_file(const char* path) noexcept {
  const os::descriptor file = os::open_to_append(path);
  if (file) write_to_descriptor(file.number);
  return static_cast<bool>(file);
}

std::size_t lost() noexcept { return unread_state().lost; }

}  // namespace event_log

// ---- what resources see of it

bool log_link::active() noexcept { return event_log::state().active; }

event_sink* log_link::sink_for(std::string_view name) noexcept {
  const log_level level = event_log::level_of(name);
  if (level == log_level::off) return nullptr;
  return &event_log::unread_state().sinks[static_cast<std::size_t>(level) - 1];
}

void log_link::tell(const memory_event& event) noexcept {
  if (!active()) return;
  event_sink* const sink = sink_for(event.resource);
  if (sink != nullptr && sink->wanted().contains(event.kind)) sink->write(event);
}

void log_link::tell(const misuse_report& report) noexcept {
  if (!active() || event_log::level_of(report.resource) == log_level::off) return;
  event_log::write_out([&](const event_log::destination& to) {
    if (to.sink != nullptr) return true;
    char text[400];
    const std::size_t length = format_misuse(report, text, sizeof text);
    return event_log::write_line(to, event_log::line_start().append({text, length}));
  });
}

}  // namespace allot
