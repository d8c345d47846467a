#include <allot/adaptor/tracing_resource.hpp>
#include <allot/arena/chained_arena.hpp>
#include <allot/arena/local_arena.hpp>
#include <allot/arena/monotonic_arena.hpp>
#include <allot/block/reserving_resource.hpp>
#include <allot/core/allocation_error.hpp>
#include <allot/heap/coalescing_heap.hpp>
#include <allot/inspect/event_log.hpp>
#include <allot/pool/pool_resource.hpp>
#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory_resource>
#include <new>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <streambuf>
#include <string>
#include <vector>

#include "support/child.hpp"
#include "support/environment.hpp"
#include "support/machine.hpp"
#include "support/misuse_watch.hpp"
#include "support/worker.hpp"

using namespace allot;

namespace {

/// Lines come here while it lives; at the end nothing is logged any more.
class log_watch {
 public:
  log_watch() { event_log::write_to(out_); }
  ~log_watch() {
    event_log::disable("*");
    event_log::write_to_standard_error();
  }
  log_watch(const log_watch&) = delete;
  log_watch& operator=(const log_watch&) = delete;

  /// The lines since the last call.
  std::vector<std::string> lines() {
    std::vector<std::string> all;
    std::istringstream text(out_.str());
    for (std::string line; std::getline(text, line);) all.push_back(line);
    out_.str({});
    return all;
  }
  /// The same without time, thread and addresses.
  std::vector<std::string> plain() {
    std::vector<std::string> all = lines();
    for (std::string& line : all) {
      line.erase(0, line.find(' ', line.find("thread ") + 7) + 1);
      for (std::size_t at = line.find("0x"); at != std::string::npos; at = line.find("0x"))
        line.replace(at, std::min(line.find_first_of(" ,", at), line.size()) - at, "AT");
    }
    return all;
  }

 private:
  std::ostringstream out_;
};

monotonic_arena_options named(std::string_view name) {
  monotonic_arena_options options;
  options.name = name;
  options.checked = false;
  return options;
}

constexpr std::size_t room = 4096;

const test::child_program from_environment{"log_from_environment", [] {
                                             local_arena<room> frame(named("frame 1"));
                                             local_arena<room> other(named("other"));
                                             frame.push(24);
                                             other.push(24);
                                             frame.clear();
                                           }};

/// What the child writes to standard error under these variables; null leaves one out.
test::child_outcome run_logging(const char* entries, const char* file = nullptr) {
  if (entries != nullptr) test::set_variable("ALLOT_LOG", entries);
  if (file != nullptr) test::set_variable("ALLOT_LOG_FILE", file);
  test::child_outcome outcome = test::run_child("log_from_environment");
  test::set_variable("ALLOT_LOG", nullptr);
  test::set_variable("ALLOT_LOG_FILE", nullptr);
  return outcome;
}

std::size_t lines_of(const std::string& text) {
  std::size_t count = 0;
  for (const char c : text) count += c == '\n' ? 1 : 0;
  return count;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(event_log_lines)

BOOST_AUTO_TEST_CASE(a_line_says_when_who_where_and_what) {
  log_watch log;
  BOOST_TEST(event_log::enable("frame"));
  local_arena<room> frame(named("frame"));
  frame.push(24, 8);
  const std::vector<std::string> lines = log.lines();
  BOOST_REQUIRE(lines.size() == 1u);
  const std::string& line = lines[0];
  BOOST_TEST(line.size() > 30u);
  BOOST_TEST(line.substr(2, 1) + line.substr(5, 1) + line.substr(8, 1) == "::.");
  BOOST_TEST(line.substr(15, 8) == " thread ");
  BOOST_TEST(line.find(" frame push 0x") != std::string::npos);
  BOOST_TEST(line.find(" 24 bytes aligned to 8, position 24") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(levels_choose_what_is_told) {
  if (!test::aligns_to_16) return test::skip(test::of_alignment_16);
  log_watch log;
  const auto work = [&](log_level level) {
    event_log::enable("*", level);
    {
      local_arena<room> frame(named("frame"));
      const arena_mark mark = frame.mark();
      frame.push(24);
      frame.rewind(mark);
      frame.push(8);
      frame.clear();
      BOOST_CHECK_THROW(frame.push(2 * room), allocation_error);
    }
    return log.plain();
  };
  using lines = std::vector<std::string>;
  const std::string refused = "frame refuse 8192 bytes aligned to 16, position 0";
  const std::string cleared = "frame clear AT 8 bytes, position 0";
  BOOST_TEST(work(log_level::errors) == lines{refused});
  BOOST_TEST(work(log_level::growth) == (lines{cleared, refused, "frame release, position 0"}));
  BOOST_TEST(work(log_level::marks) == (lines{"frame mark AT, position 0", "frame rewind AT 24 bytes, position 0",
                                              cleared, refused, "frame release, position 0"}));
  BOOST_TEST(work(log_level::all) ==
             (lines{"frame mark AT, position 0", "frame push AT 24 bytes aligned to 16, position 24",
                    "frame rewind AT 24 bytes, position 0", "frame push AT 8 bytes aligned to 16, position 8", cleared,
                    refused, "frame release, position 0"}));
  BOOST_TEST(work(log_level::off).empty());
}

BOOST_AUTO_TEST_CASE(patterns_are_exact_or_have_stars) {
  log_watch log;
  event_log::enable("frame", log_level::errors);
  event_log::enable("pool*", log_level::growth);
  event_log::enable("*of*thing", log_level::marks);
  BOOST_TEST((event_log::level_of("frame") == log_level::errors));
  BOOST_TEST((event_log::level_of("frames") == log_level::off));
  BOOST_TEST((event_log::level_of("fram") == log_level::off));
  BOOST_TEST((event_log::level_of("pool") == log_level::growth));
  BOOST_TEST((event_log::level_of("pool 7") == log_level::growth));
  BOOST_TEST((event_log::level_of("end of some thing") == log_level::marks));
  BOOST_TEST((event_log::level_of("of thing else") == log_level::off));
  BOOST_TEST((event_log::level_of("") == log_level::off));
}

BOOST_AUTO_TEST_CASE(what_is_said_last_counts) {
  log_watch log;
  event_log::enable("*", log_level::all);
  event_log::disable("frame*");
  BOOST_TEST((event_log::level_of("frame 1") == log_level::off));
  BOOST_TEST((event_log::level_of("other") == log_level::all));
  event_log::enable("*", log_level::errors);
  BOOST_TEST((event_log::level_of("frame 1") == log_level::errors));
  event_log::disable("*");
  BOOST_TEST((event_log::level_of("frame 1") == log_level::off));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_kept_is_refused) {
  log_watch log;
  BOOST_TEST(!event_log::enable(""));
  BOOST_TEST(event_log::enable(std::string(event_log::longest_pattern, 'x')));
  BOOST_TEST(!event_log::enable(std::string(event_log::longest_pattern + 1, 'x')));
  for (std::size_t i = 1; i < event_log::most_patterns; ++i) BOOST_TEST(event_log::enable("p" + std::to_string(i)));
  BOOST_TEST(!event_log::enable("one more"));
  BOOST_TEST(event_log::enable("p3", log_level::errors));
  BOOST_TEST((event_log::level_of("p3") == log_level::errors));
}

BOOST_AUTO_TEST_CASE(what_is_switched_on_and_off_again_takes_up_no_room) {
  log_watch log;
  event_log::enable("frame*");
  for (std::size_t i = 0; i < 2 * event_log::most_patterns; ++i) {
    const std::string name = (i % 2 == 0 ? "part" : "part*") + std::to_string(i);
    BOOST_TEST(event_log::enable(name));
    BOOST_TEST(event_log::disable(name));
    BOOST_TEST((event_log::level_of("part" + std::to_string(i)) == log_level::off));
  }
  BOOST_TEST((event_log::level_of("frame 1") == log_level::all));
}

BOOST_AUTO_TEST_CASE(what_is_left_out_of_a_pattern_stays_out) {
  log_watch log;
  event_log::enable("frame*");
  event_log::enable("*top");
  event_log::disable("*e 1*p");
  event_log::disable("frame 2");
  event_log::disable("other");
  BOOST_TEST((event_log::level_of("frame 1 top") == log_level::off));
  BOOST_TEST((event_log::level_of("frame 2") == log_level::off));
  BOOST_TEST((event_log::level_of("frame 3") == log_level::all));
  event_log::disable("frame*");
  BOOST_TEST((event_log::level_of("the 1 top") == log_level::off));
  BOOST_TEST((event_log::level_of("a top") == log_level::all));
  event_log::enable("frame*");
  BOOST_TEST((event_log::level_of("frame 2") == log_level::all));
}

BOOST_AUTO_TEST_CASE(resources_that_live_are_switched_too) {
  if (!test::aligns_to_16) return test::skip(test::of_alignment_16);
  log_watch log;
  monotonic_arena large(std::size_t{8} << 20);
  chained_arena chained;
  large.push(1);
  chained.push(1);
  event_log::enable("*arena");
  large.push(8);
  chained.clear();
  BOOST_TEST(log.plain() == (std::vector<std::string>{"monotonic_arena push AT 8 bytes aligned to 16, position 24",
                                                      "chained_arena clear AT 1 bytes, position 0"}));
  event_log::disable("*");
  large.push(8);
  BOOST_TEST(log.lines().empty());
}

BOOST_AUTO_TEST_CASE(any_resource_is_logged_through_a_tracing_resource) {
  log_watch log;
  coalescing_heap heap;
  tracing_options options;
  options.name = "entities";
  tracing_resource traced(heap, options);
  traced.deallocate(traced.allocate(100), 100);
  BOOST_TEST(log.lines().empty());
  event_log::enable("entities");
  void* const p = traced.allocate(100, 32);
  traced.deallocate(p, 100, 32);
  event_log::disable("entities");
  traced.deallocate(traced.allocate(100), 100);
  BOOST_TEST(log.plain() == (std::vector<std::string>{"entities allocate AT 100 bytes aligned to 32",
                                                      "entities deallocate AT 100 bytes aligned to 32"}));
}

BOOST_AUTO_TEST_CASE(heaps_pools_and_reservations_tell_of_their_growth) {
  if (!test::aligns_to_16) return test::skip(test::of_alignment_16);
  log_watch log;
  event_log::enable("*", log_level::growth);
  std::size_t held = 0;
  {
    pool_resource pool;
    for (int i = 0; i < 100; ++i) (void)pool.allocate(64);
    held = pool.usage().reserved;
    BOOST_CHECK_THROW((void)pool.allocate(~std::size_t{0} / 2), std::bad_alloc);
  }
  std::vector<std::string> lines = log.plain();
  BOOST_REQUIRE(lines.size() > 2u);
  std::size_t grown = 0;
  for (const std::string& line : lines)
    if (line.find("pool_resource grow ") == 0) grown += std::stoul(line.substr(19));
  BOOST_TEST(grown == held);
  BOOST_TEST(lines[lines.size() - 2].find("pool_resource refuse ") == 0u);
  BOOST_TEST(lines.back() == "pool_resource release");
  {
    coalescing_heap heap;
    heap.deallocate(heap.allocate(1000), 1000);
    BOOST_TEST(log.plain() ==
               std::vector<std::string>{"coalescing_heap grow " + std::to_string(heap.usage().committed) + " bytes"});
    (void)heap.trim();
  }
  lines = log.plain();
  BOOST_REQUIRE(!lines.empty());
  BOOST_TEST(lines[0].find("coalescing_heap trim ") == 0u);
  reserving_resource reserving;
  reserving.deallocate(reserving.allocate(10000), 10000);
  const std::size_t cached = reserving.usage().committed;
  BOOST_TEST(reserving.trim() == cached);
  BOOST_CHECK_THROW((void)reserving.allocate(~std::size_t{0} / 2), std::bad_alloc);
  const std::string bytes = std::to_string(cached) + " bytes";
  BOOST_TEST(log.plain() ==
             (std::vector<std::string>{
                 "reserving_resource grow " + bytes, "reserving_resource trim " + bytes,
                 "reserving_resource refuse " + std::to_string(~std::size_t{0} / 2) + " bytes aligned to 16"}));
}

BOOST_AUTO_TEST_CASE(what_a_pool_gives_back_at_once_is_told) {
  log_watch log;
  event_log::enable("pool", log_level::growth);
  pool_options options;
  options.name = "pool";
  options.returns = chunk_return::at_once;
  options.keep_spare = false;
  pool_resource pool(options);
  const auto told = [&log](std::string_view what) {
    std::size_t bytes = 0;
    for (const std::string& line : log.plain())
      if (line.compare(0, what.size(), what) == 0) bytes += std::stoul(line.substr(what.size()));
    return bytes;
  };
  std::vector<void*> blocks;
  for (int i = 0; i < 10000; ++i) blocks.push_back(pool.allocate(100));
  const std::size_t held = pool.usage().reserved;
  BOOST_TEST(told("pool grow ") == held);
  for (void* const block : blocks) pool.deallocate(block, 100);
  const std::size_t left = pool.usage().reserved;
  BOOST_TEST(left < held);
  BOOST_TEST(told("pool trim ") == held - left);
  void* const large = pool.allocate(1000000);
  BOOST_TEST(told("pool grow ") >= 1000000u);
  pool.deallocate(large, 1000000);
  BOOST_TEST(told("pool trim ") == 1000000u);
  const std::size_t trimmed = pool.trim();
  BOOST_TEST(told("pool trim ") == trimmed);
}

BOOST_AUTO_TEST_CASE(what_a_reserving_resource_gives_to_the_system_is_told) {
  log_watch log;
  event_log::enable("reserving", log_level::growth);
  reserving_resource_options options;
  options.name = "reserving";
  options.cached_ranges = 0;
  reserving_resource reserving(options);
  reserving.deallocate(reserving.allocate(10000), 10000);
  std::vector<std::string> lines = log.plain();
  BOOST_REQUIRE(lines.size() == 2u);
  BOOST_TEST(lines[0].find("reserving grow ") == 0u);
  BOOST_TEST(lines[1] == "reserving trim " + lines[0].substr(15));
  (void)reserving.allocate(10000);
  (void)log.plain();
  reserving.release();
  BOOST_TEST(log.plain() == std::vector<std::string>{"reserving release"});
}

BOOST_AUTO_TEST_CASE(misuse_is_an_error) {
  log_watch log;
  const test::misuse_watch misuse;
  local_arena<room> frame(named("frame"));
  frame.pop(8);
  BOOST_TEST(log.lines().empty());
  event_log::enable("frame", log_level::errors);
  frame.pop(8);
  BOOST_TEST(log.plain() ==
             std::vector<std::string>{"allot: misuse of frame: not a position to go back to: asked for 8, position 0"});
  BOOST_TEST(misuse.only(misuse_kind::invalid_position, 2));
}

BOOST_AUTO_TEST_CASE(a_sink_gets_the_events_themselves) {
  class collecting_sink final : public event_sink {
   public:
    std::vector<memory_event_kind> kinds;
    void write(const memory_event& event) override { kinds.push_back(event.kind); }
  };
  collecting_sink sink;
  log_watch log;
  event_log::write_to(sink);
  event_log::enable("frame");
  local_arena<room> frame(named("frame"));
  frame.push(1);
  BOOST_REQUIRE(sink.kinds.size() == 1u);
  BOOST_TEST((sink.kinds[0] == memory_event_kind::push));
}

BOOST_AUTO_TEST_CASE(a_line_that_cannot_be_written_changes_nothing) {
  if (!test::aligns_to_16) return test::skip(test::of_alignment_16);
  class full final : public std::streambuf {};
  full buffer;
  std::ostream stream(&buffer);
  log_watch log;
  const std::size_t before = event_log::lost();
  event_log::write_to(stream);
  event_log::enable("frame");
  local_arena<room> frame(named("frame"));
  frame.push(1);
  BOOST_TEST(event_log::lost() == before + 1);
  std::ostream throwing(&buffer);
  throwing.exceptions(std::ios::badbit | std::ios::failbit);
  event_log::write_to(throwing);
  frame.push(1);
  BOOST_TEST(event_log::lost() == before + 2);
  event_log::write_to_descriptor(-1);
  frame.push(1);
  BOOST_TEST(event_log::lost() == before + 3);
  BOOST_TEST(!event_log::write_to_file("/no/such/directory/log"));
  BOOST_TEST(frame.position() == 33u);
}

BOOST_AUTO_TEST_CASE(a_stream_that_uses_a_logged_resource_loses_lines_and_does_not_wait_for_itself) {
  class pushing final : public std::streambuf {
   public:
    explicit pushing(arena& memory) : memory_(memory) {}

   private:
    std::streamsize xsputn(const char*, std::streamsize count) override {
      memory_.push(1);
      return count;
    }
    arena& memory_;
  };
  const log_watch log;
  event_log::enable("*");
  local_arena<room> below(named("below"));
  pushing buffer(below);
  std::ostream stream(&buffer);
  event_log::write_to(stream);
  const std::size_t before = event_log::lost();
  local_arena<room> frame(named("frame"));
  frame.push(1);
  BOOST_TEST(event_log::lost() == before + 1);
  BOOST_TEST(below.position() == 1u);
  event_log::disable("*");
  event_log::write_to_standard_error();
}

BOOST_AUTO_TEST_CASE(lines_of_threads_do_not_mix) {
  log_watch log;
  event_log::enable("worker*");
  constexpr std::size_t threads = 4;
  constexpr std::size_t pushes = 200;
  test::in_threads(threads, [](std::size_t i) {
    const std::string name = "worker" + std::to_string(i);
    local_arena<room> mine(named(name));
    for (std::size_t n = 0; n < pushes; ++n) mine.push(1, 1);
  });
  const std::vector<std::string> lines = log.plain();
  BOOST_TEST(lines.size() == threads * (pushes + 1));
  std::array<std::size_t, threads> next{};
  for (const std::string& line : lines) {
    BOOST_REQUIRE(line.size() > 7u);
    const auto i = static_cast<std::size_t>(line[6] - '0');
    BOOST_REQUIRE(i < threads);
    const std::string position = std::to_string(std::min(++next[i], pushes));
    const std::string name = "worker" + std::to_string(i);
    const bool last = next[i] > pushes;
    BOOST_TEST(line == name + (last ? " release, position " : " push AT 1 bytes aligned to 1, position ") + position);
  }
}

BOOST_AUTO_TEST_CASE(the_log_is_switched_under_load) {
  class counting_sink final : public event_sink {
   public:
    std::atomic<std::size_t> events{0};
    void write(const memory_event&) override { ++events; }
  };
  counting_sink sink;
  const log_watch log;
  event_log::write_to(sink);
  constexpr std::size_t threads = 3;
  std::atomic<bool> done{false};
  std::array<test::worker, threads> workers;
  std::array<std::size_t, threads> positions{};
  for (std::size_t i = 0; i < threads; ++i) {
    workers[i].start([&, i] {
      chained_arena chained;
      coalescing_heap heap;
      tracing_options options;
      options.name = "heap";
      tracing_resource traced(heap, options);
      while (!done) {
        monotonic_arena frame(std::size_t{1} << 20);
        for (int n = 0; n < 50; ++n) *static_cast<std::size_t*>(frame.push(16)) = i;
        chained.push(64);
        traced.deallocate(traced.allocate(40), 40);
        if (chained.position() > 1 << 16) chained.clear();
        positions[i] += frame.position() == 800 ? 0U : 1U;
      }
    });
  }
  for (int i = 0; i < 30; ++i) {
    event_log::enable("*arena", i % 2 == 0 ? log_level::all : log_level::growth);
    event_log::enable("heap");
    const std::size_t before = sink.events;
    while (sink.events == before) {
    }
    event_log::disable("*");
  }
  done = true;
  for (test::worker& each : workers) each.wait();
  for (const std::size_t wrong : positions) BOOST_TEST(wrong == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(event_log_environment)

BOOST_AUTO_TEST_CASE(nothing_is_logged_without_the_variable) {
  const test::child_outcome outcome = run_logging(nullptr);
  BOOST_TEST(outcome.exit_code == 0);
  BOOST_TEST(outcome.output == "");
}

BOOST_AUTO_TEST_CASE(entries_switch_by_name_and_level) {
  const test::child_outcome outcome = run_logging("frame*=growth, other = all");
  BOOST_TEST(outcome.exit_code == 0);
  BOOST_TEST(outcome.says("other push 0x"));
  BOOST_TEST(outcome.says("frame 1 clear 0x"));
  BOOST_TEST(!outcome.says("frame 1 push"));
  BOOST_TEST(!outcome.says("allot:"));
}

BOOST_AUTO_TEST_CASE(an_entry_without_a_level_means_all) {
  const test::child_outcome outcome = run_logging("other");
  BOOST_TEST(outcome.says("other push 0x"));
  BOOST_TEST(lines_of(outcome.output) == 2u);
}

BOOST_AUTO_TEST_CASE(a_wrong_entry_is_told_in_a_line_and_the_others_count) {
  const test::child_outcome outcome = run_logging("frame*=lots,=all,,other=growth");
  BOOST_TEST(outcome.exit_code == 0);
  BOOST_TEST(outcome.says("allot: ALLOT_LOG: 'frame*=lots' is left out"));
  BOOST_TEST(outcome.says("allot: ALLOT_LOG: '=all' is left out"));
  BOOST_TEST(outcome.says("one of off, errors, growth, marks, all"));
  BOOST_TEST(outcome.says("other release"));
  BOOST_TEST(lines_of(outcome.output) == 3u);
}

BOOST_AUTO_TEST_CASE(lines_go_to_the_file_named) {
  const std::string path = "event_log_test." + std::to_string(std::rand()) + ".log";
  std::remove(path.c_str());
  const test::child_outcome outcome = run_logging("*", path.c_str());
  BOOST_TEST(outcome.output == "");
  std::ifstream file(path);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  BOOST_TEST(lines_of(text) == 5u);
  BOOST_TEST(text.find("frame 1 push 0x") != std::string::npos);
  std::remove(path.c_str());
}

BOOST_AUTO_TEST_CASE(a_file_without_entries_is_not_made) {
  const std::string path = "event_log_test." + std::to_string(std::rand()) + ".unused";
  const test::child_outcome outcome = run_logging(nullptr, path.c_str());
  BOOST_TEST(outcome.output == "");
  BOOST_TEST(!std::ifstream(path).is_open());
  std::remove(path.c_str());
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_opened_is_told_and_standard_error_serves) {
  const test::child_outcome outcome = run_logging("other", "/no/such/directory/log");
  BOOST_TEST(outcome.exit_code == 0);
  BOOST_TEST(outcome.says("allot: ALLOT_LOG_FILE: '/no/such/directory/log' cannot be opened"));
  BOOST_TEST(outcome.says("other push 0x"));
}

BOOST_AUTO_TEST_SUITE_END()
