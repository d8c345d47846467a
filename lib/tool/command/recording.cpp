#include "recording.hpp"

#include <algorithm>
#include <ostream>

#include "progress.hpp"
#include "words.hpp"

namespace allot::tool {
namespace {

/// Where a trace has lost names, this many numbers of each kind are told apart without.
constexpr std::uint32_t most_without_names = 4096;

/// A file may be damaged in thousands of places; all are told as JSON.
constexpr std::size_t most_damage_told = 20;

/// A name that is empty, or was lost with a damaged part of the trace, is still told from others.
std::string text_or_number(const std::string& text, std::uint32_t number) {
  return text.empty() && number != 0 ? "(no name) " + std::to_string(number) : text;
}

}  // namespace

recording::recording(const std::string& file, const std::string& only)
    : reader_(file), only_(only), last_wanted_(only.empty() || resource(0) == only) {}

bool recording::wanted(std::uint32_t number) {
  if (only_.empty() || number == last_) return last_wanted_;
  last_ = number;
  last_wanted_ = resource(number) == only_;
  return last_wanted_;
}

bool recording::next(trace_record& event) {
  constexpr std::uint64_t events_between = 1 << 14;
  while (reader_.next(event)) {
    if (bar_ != nullptr && ++read_ % events_between == 0) bar_->at(read_, summary().events);
    event.resource = known(trace_name::resource, event.resource);
    if (!wanted(event.resource)) continue;
    event.tag = known(trace_name::tag, event.tag);
    event.stack = known(trace_name::stack, event.stack);
    return true;
  }
  return false;
}

void recording::rewind() {
  reader_.rewind();
  read_ = 0;
}

std::uint32_t recording::known(trace_name what, std::uint32_t number) const noexcept {
  return number < most_without_names || !reader_.name(what, number).empty() ? number : 0;
}

std::string recording::resource(std::uint32_t number) const {
  std::string text = text_or_number(printable(reader_.name(trace_name::resource, number)), number);
  return text.empty() ? "(no name)" : text;
}

std::string recording::tag(std::uint32_t number) const {
  return text_or_number(printable(reader_.name(trace_name::tag, number)), number);
}

std::string recording::stack(std::uint32_t number) const {
  return text_or_number(printable(reader_.name(trace_name::stack, number), keep_lines::yes), number);
}

void tell_damage(std::ostream& out, const recording& trace) {
  const std::vector<trace_damage>& all = trace.damage();
  for (std::size_t i = 0; i < std::min(most_damage_told, all.size()); ++i)
    out << "damaged at byte " << all[i].offset << ", " << count_text(all[i].bytes, "byte")
        << " left out: " << all[i].problem << '\n';
  if (all.size() > most_damage_told)
    out << "and " << count_text(all.size() - most_damage_told, "more damaged part") << '\n';
  if (trace.summary().dropped != 0)
    out << trace.summary().dropped << " events were lost while recording: the file could not be written as fast\n";
  if (!trace.summary().complete) out << "the trace was not closed: the program ended early, or still runs\n";
}

}  // namespace allot::tool
