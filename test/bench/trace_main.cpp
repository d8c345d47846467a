// How many events a trace takes: of each thread a second, on the wall clock, in one and in two threads that do nothing
// else. Prints a Markdown table of medians.

#include <allot/trace/trace_sink.hpp>
#include <array>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/crew.hpp"
#include "bench/statistics.hpp"

namespace {

using namespace allot;

/// As of a program that replaces its blocks at random: sizes and addresses differ from event to event.
void record(trace_sink& sink, std::size_t events, std::uint32_t seed) {
  std::array<std::uint32_t, 1024> held{};
  for (std::size_t i = 0; i < events; i += 2) {
    seed = seed * 1664525 + 1013904223;
    std::uint32_t& block = held[seed >> 22];
    const auto at = [&] {
      return reinterpret_cast<void*>(std::uintptr_t{0x7f0000000000} + std::uintptr_t{block} * 16);
    };
    sink.write({memory_event_kind::deallocate, at(), 16 + block % 500, 16});
    block = seed >> 12;
    sink.write({memory_event_kind::allocate, at(), 16 + block % 500, 16});
  }
}

struct rate {
  std::vector<double> millions;  // of events a second and thread
  std::vector<double> bytes;     // of the file for an event
};

void measure(const std::string& file, std::size_t threads, std::size_t events, rate& told) {
  bench::crew crew(threads);
  trace_writer trace(file);
  trace_sink sink(trace, "bench");
  const double nanoseconds = crew.run([&](std::size_t i) { record(sink, events, static_cast<std::uint32_t>(i + 1)); });
  trace.close();
  told.millions.push_back(static_cast<double>(events) / nanoseconds * 1e3);
  told.bytes.push_back(static_cast<double>(trace.totals().bytes) / static_cast<double>(events * threads));
}

}  // namespace

int main(int argc, char** argv) {
  const bool tiny = argc == 2 && std::string(argv[1]) == "--tiny";
  const std::size_t events = tiny ? 10'000 : 2'000'000;
  const std::size_t rounds = tiny ? 1 : 11;
  const std::string file = (std::filesystem::temp_directory_path() / "allot_trace_bench.trace").string();
  std::array<rate, 2> rates;
  for (std::size_t round = 0; round < rounds; ++round)  // in turn, so that noise meets both alike
    for (std::size_t i = 0; i < rates.size(); ++i) measure(file, i + 1, events, rates[i]);
  std::filesystem::remove(file);
  std::printf(
      "| threads that record | million events a second and thread | bytes of the file an event |\n|---|---|---|\n");
  for (std::size_t i = 0; i < rates.size(); ++i)
    std::printf("| %zu | %.2f | %.1f |\n", i + 1, bench::median(rates[i].millions), bench::median(rates[i].bytes));
}
