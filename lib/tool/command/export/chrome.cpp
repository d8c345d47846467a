#include <command/words.hpp>
#include <nlohmann/json.hpp>
#include <ostream>
#include <unordered_map>

#include "formats.hpp"

namespace allot::tool {
namespace {

/// Threads that have a counter of their own; what others allocate counts as one more.
constexpr std::size_t most_threads = 4096;

/// Traces with more events are long, and each counter has so many stretches of time.
constexpr std::uint64_t most_events = 40000;
constexpr std::uint64_t stretches = 10000;

/// Microseconds, to the nanosecond.
std::string microseconds(std::uint64_t nanoseconds) {
  std::string part = std::to_string(nanoseconds % 1000);
  return std::to_string(nanoseconds / 1000) + '.' + std::string(3 - part.size(), '0') + part;
}

/// One element of the array of events after the other.
class chrome_events final : public live_blocks::listener {
 public:
  chrome_events(std::ostream& out, const recording& trace, const trace_extent& extent)
      : out_(out), trace_(trace), stretch_(extent.events > most_events ? extent.nanoseconds / stretches + 1 : 0) {
    out_ << "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n";
    out_ << R"({"ph":"M","pid":1,"tid":0,"name":"process_name","args":{"name":)"
         << json_text(printable(trace.summary().program.empty() ? "a program" : trace.summary().program)) << "}}";
  }
  void end() {
    for (auto& [number, each] : resources_) flush(each);
    for (auto& [number, each] : threads_) flush(each);
    out_ << "\n]}\n";
  }

 private:
  struct value {
    std::uint64_t nanoseconds = 0;
    std::uint64_t live = 0;
  };
  struct counter {
    std::string name;  // as JSON
    std::uint64_t live = 0;
    bool changed = false;  // in this stretch, and what is below was not told yet
    value most;
    value last;
  };
  using counters = std::unordered_map<std::uint32_t, counter>;

  void event(const trace_record& what) override {
    now_ = what.nanoseconds;
    if (threads_.find(what.thread) == threads_.end() && threads_.size() < most_threads) {
      const std::string name = "thread " + std::to_string(what.thread);
      threads_[what.thread].name = json_text("live bytes allocated by " + name);
      out_ << ",\n{\"ph\":\"M\",\"pid\":1,\"tid\":" << what.thread << ",\"name\":\"thread_name\",\"args\":{\"name\":\""
           << name << "\"}}";
    }
    if (what.kind != memory_event_kind::refuse) return;
    out_ << ",\n{\"ph\":\"i\",\"s\":\"t\",\"pid\":1,\"tid\":" << what.thread << ",\"ts\":" << now_
         << ",\"name\":" << json_text("refused " + bytes_text(what.bytes)) << ",\"args\":{\"bytes\":" << what.bytes
         << ",\"alignment\":" << what.alignment << ",\"resource\":" << json_text(trace_.resource(what.resource));
    if (what.tag != 0) out_ << ",\"tag\":" << json_text(trace_.tag(what.tag));
    out_ << "}}";
  }
  void begins(const live_block& block) override { count(block, block.bytes); }
  void resized(const live_block& block, std::uint64_t before) override { count(block, block.bytes - before); }
  void ends(const live_block& block, bool, bool) override { count(block, 0 - block.bytes); }

  void count(const live_block& block, std::uint64_t more) {
    counter& resource = resources_[block.resource];
    if (resource.name.empty()) resource.name = json_text("live bytes of " + trace_.resource(block.resource));
    tell(resource, more);
    if (const auto thread = threads_.find(block.thread); thread != threads_.end()) tell(thread->second, more);
  }

  void tell(counter& of, std::uint64_t more) {
    of.live += more;
    const value now{now_, of.live};
    if (stretch_ == 0) return tell(of, now);
    if (of.changed && now_ / stretch_ != of.last.nanoseconds / stretch_) flush(of);
    if (!of.changed || now.live > of.most.live) of.most = now;
    of.last = now;
    of.changed = true;
  }

  void flush(counter& of) {
    if (!of.changed) return;
    of.changed = false;
    tell(of, of.most);
    if (of.last.nanoseconds != of.most.nanoseconds || of.last.live != of.most.live) tell(of, of.last);
  }

  void tell(const counter& of, const value& is) {
    out_ << ",\n{\"ph\":\"C\",\"pid\":1,\"tid\":0,\"ts\":" << microseconds(is.nanoseconds) << ",\"name\":" << of.name
         << ",\"args\":{\"bytes\":" << is.live << "}}";
  }

  std::ostream& out_;
  const recording& trace_;
  const std::uint64_t stretch_;  // nanoseconds; 0: every change is told
  std::uint64_t now_ = 0;
  counters resources_;
  counters threads_;
};

}  // namespace

void export_chrome(std::ostream& out, recording& trace) {
  chrome_events events(out, trace, extent_of(trace));
  live_blocks live;
  trace.rewind();
  for (trace_record event; trace.next(event);) live.take(event, events);
  events.end();
}

}  // namespace allot::tool
