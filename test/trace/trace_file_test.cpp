// What is recorded is what is read, whatever becomes of the program that recorded it.

#if !defined(_WIN32)
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <allot/adaptor/tracing_resource.hpp>
#include <allot/pool/pool_resource.hpp>
#include <allot/trace/trace_reader.hpp>
#include <allot/trace/trace_sink.hpp>
#include <allot/trace/trace_writer.hpp>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/child.hpp"
#include "support/environment.hpp"
#include "support/worker.hpp"
#include "trace/any_event.hpp"
#include "trace/trace_files.hpp"

using namespace allot;
using namespace allot::test;
using kind = memory_event_kind;
using when_behind = trace_writer_options::when_behind;

namespace {

trace_record event_of(std::uint64_t bytes, kind what = kind::allocate) {
  trace_record event;
  event.kind = what;
  event.address = 0x7f0012345000 + 16 * bytes;
  event.bytes = bytes;
  event.alignment = 8;
  return event;
}

/// Numbered one by one, and never back in time within a thread.
bool in_order(const std::vector<trace_record>& events) {
  std::uint64_t order = 0;
  std::map<std::uint32_t, std::uint64_t> time;
  for (const trace_record& event : events) {
    if (event.order != ++order || event.nanoseconds < time[event.thread]) return false;
    time[event.thread] = event.nanoseconds;
  }
  return true;
}

trace_writer_options small_blocks() {
  trace_writer_options options;
  options.block_bytes = 1024;
  return options;
}

#if !defined(_WIN32)
const child_program killed{"trace_killed", [] {
                             trace_writer_options options;
                             options.flush_every = std::chrono::hours(1);
                             trace_writer trace(std::getenv("ALLOT_TEST_TRACE"), options);
                             for (std::uint64_t i = 1; i <= 1000; ++i) trace.write(event_of(i));
                             trace.flush();
                             for (std::uint64_t i = 1; i <= 10; ++i) trace.write(event_of(i));
                             ::_exit(9);
                           }};
#endif

}  // namespace

BOOST_AUTO_TEST_SUITE(trace_file)

BOOST_AUTO_TEST_CASE(every_field_of_every_kind_comes_back) {
  const temporary_file file("trace");
  any_event any(1);
  std::vector<trace_record> written;
  for (int i = 0; i < 20000; ++i) written.push_back(any());
  for (const int compression : {0, 1, 9}) {
    trace_writer_options options = small_blocks();
    options.compression = compression;
    options.program = "a program";
    trace_writer trace(file.path(), options);
    for (const trace_record& event : written) trace.write(event);
    trace.close();
    BOOST_TEST(trace.totals().events == written.size());
    BOOST_TEST(trace.totals().dropped == 0u);
    BOOST_TEST(trace.totals().bytes == file.content().size());

    trace_reader reader(file.path());
    const auto read = all_of(reader);
    BOOST_TEST_REQUIRE(read.size() == written.size());
    BOOST_TEST(std::equal(read.begin(), read.end(), written.begin(), same_but_when));
    BOOST_TEST(in_order(read));
    BOOST_TEST(reader.damage().empty());
    BOOST_TEST(reader.summary().complete);
    BOOST_TEST(reader.summary().events == written.size());
    BOOST_TEST(reader.summary().program == "a program");
    BOOST_TEST(reader.summary().address_bits == 8 * sizeof(void*));
    reader.rewind();
    BOOST_TEST(all_of(reader).size() == written.size());
  }
}

BOOST_AUTO_TEST_CASE(the_order_among_threads_is_kept) {
  const temporary_file file("trace");
  {
    trace_writer trace(file.path(), small_blocks());
    in_threads(8, [&](std::size_t thread) {
      for (std::uint64_t i = 0; i < 3000; ++i) trace.write(event_of(thread * 10000 + i));
    });
    trace.close();
  }
  const auto events = events_in(file.path());
  BOOST_TEST(events.size() == 8u * 3000);
  BOOST_TEST(in_order(events));
  std::map<std::uint32_t, std::uint64_t> next;
  bool each_in_order = true;
  for (const trace_record& event : events) {
    std::uint64_t& expected = next.try_emplace(event.thread, event.bytes).first->second;
    each_in_order = each_in_order && event.bytes == expected++;
  }
  BOOST_TEST(each_in_order);
  BOOST_TEST(next.size() == 8u);
}

BOOST_AUTO_TEST_CASE(a_resource_is_recorded_by_name_with_tags_and_stacks) {
  const temporary_file file("trace");
  {
    trace_writer trace(file.path());
    trace_sink_options options;
    options.stacks = true;
    trace_sink sessions(trace, "sessions", options);
    trace_sink texts(trace, "texts");
    pool_resource pool;
    tracing_resource first(pool, sessions);
    tracing_resource second(pool, texts);
    void* const p = first.allocate(24, 8);
    {
      const trace_tag loading(trace, "loading");
      void* const q = second.allocate(100, 4);
      const trace_tag parsing(trace, "parsing");
      BOOST_TEST(second.try_expand(q, 100, 98, 4));
      second.deallocate(q, 98, 4);
    }
    first.deallocate(p, 24, 8);
    first.release();
    trace.close();
  }
  trace_reader reader(file.path());
  std::string told;
  for (const trace_record& event : all_of(reader)) {
    told += std::string(reader.name(trace_name::resource, event.resource)) + " " + std::string(name_of(event.kind)) +
            " " + std::to_string(event.bytes) + "/" + std::to_string(event.new_bytes) + "/" +
            std::to_string(event.alignment) + " " + std::string(reader.name(trace_name::tag, event.tag)) + "\n";
    const std::string_view stack = reader.name(trace_name::stack, event.stack);
    BOOST_TEST((stack.find("#0 0x") != stack.npos) == (event.resource == 1));
  }
  BOOST_TEST(told ==
             "sessions allocate 24/0/8 \n"
             "texts allocate 100/0/4 loading\n"
             "texts expand 100/98/4 parsing\n"
             "texts deallocate 98/0/4 parsing\n"
             "sessions deallocate 24/0/8 \n"
             "sessions release 0/0/0 \n");
  BOOST_TEST(reader.names(trace_name::resource) == 2u);
  BOOST_TEST(reader.name(trace_name::resource, 3) == "");
}

BOOST_AUTO_TEST_CASE(a_name_has_one_number) {
  const temporary_file file("trace");
  trace_writer trace(file.path());
  BOOST_TEST(trace.define(trace_name::tag, "a") == 1u);
  BOOST_TEST(trace.define(trace_name::tag, "b") == 2u);
  BOOST_TEST(trace.define(trace_name::tag, "a") == 1u);
  BOOST_TEST(trace.define(trace_name::resource, "a") == 1u);
  trace.flush();
  trace_reader reader(file.path());
  BOOST_TEST(reader.name(trace_name::tag, 2) == "b");
  BOOST_TEST(!reader.summary().complete);
}

BOOST_AUTO_TEST_CASE(threads_record_while_others_flush) {
  const temporary_file file("trace");
  trace_writer_options options = small_blocks();
  options.blocks_waiting = 1;
  options.flush_every = std::chrono::milliseconds(1);
  trace_writer trace(file.path(), options);
  std::atomic<int> recording{3};
  in_threads(4, [&](std::size_t thread) {
    if (thread == 3) {
      while (recording != 0) trace.flush();
      return;
    }
    for (std::uint64_t i = 0; i < 20000; ++i) trace.write(event_of(i));
    --recording;
  });
  trace.close();
  trace.flush();
  BOOST_TEST(events_in(file.path()).size() == 60000u);
}

// ---- programs that end early

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(what_was_flushed_survives_the_end_of_the_program) {
  const temporary_file file("killed");
  set_variable("ALLOT_TEST_TRACE", file.path().c_str());
  BOOST_TEST(run_child("trace_killed").exit_code == 9);
  trace_reader reader(file.path());
  BOOST_TEST(all_of(reader).size() == 1000u);
  BOOST_TEST(!reader.summary().complete);
  BOOST_TEST(reader.damage().empty());
}
#endif

BOOST_AUTO_TEST_CASE(blocks_that_do_not_fill_are_written_after_a_while) {
  const temporary_file file("trace");
  trace_writer_options options;
  options.flush_every = std::chrono::milliseconds(1);
  trace_writer trace(file.path(), options);
  trace.write(event_of(1));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (events_in(file.path()).empty() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  BOOST_TEST(events_in(file.path()).size() == 1u);
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(the_child_of_a_fork_records_nothing_and_leaves_the_file_alone) {
  if (under_thread_sanitizer()) return skip("ThreadSanitizer does not like forks of programs with threads");
  const temporary_file file("trace");
  {
    trace_writer trace(file.path());
    trace.write(event_of(1));
    const pid_t child = ::fork();
    if (child == 0) {
      {
        trace_writer& mine = trace;
        mine.write(event_of(2));
        mine.flush();
        mine.close();
      }
      ::_exit(0);
    }
    int status = -1;
    BOOST_TEST(::waitpid(child, &status, 0) == child);
    BOOST_TEST(status == 0);
    trace.write(event_of(3));
    trace.close();
  }
  const auto events = events_in(file.path());
  BOOST_TEST_REQUIRE(events.size() == 2u);
  BOOST_TEST(events[1].bytes == 3u);
}
#endif

// ---- files that cannot be written

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_made_is_an_error_at_once) {
  BOOST_CHECK_EXCEPTION(trace_writer("/no such directory/x.trace"), trace_error, [](const trace_error& error) {
    return error.what() == std::string("/no such directory/x.trace: byte 0: cannot be made: No such file or directory");
  });
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(a_full_disk_is_told_and_the_program_goes_on) {
  BOOST_CHECK_THROW(trace_writer("/dev/full"), trace_error);
  const temporary_file file("trace");
  // A pipe nobody reads from any more takes no bytes either, from some moment on.
  std::filesystem::remove(file.path());
  BOOST_TEST_REQUIRE(::mkfifo(file.path().c_str(), 0600) == 0);
  std::signal(SIGPIPE, SIG_IGN);
  const int reader = ::open(file.path().c_str(), O_RDONLY | O_NONBLOCK);
  trace_writer trace(file.path(), small_blocks());
  trace.write(event_of(1));
  trace.flush();
  ::close(reader);
  for (std::uint64_t i = 0; i < 5000; ++i) trace.write(event_of(i));
  BOOST_CHECK_THROW(trace.flush(), trace_error);
  trace.write(event_of(1));
  BOOST_CHECK_EXCEPTION(trace.close(), trace_error, [](const trace_error& error) {
    return std::string_view(error.what()).find("cannot be written: Broken pipe") != std::string_view::npos;
  });
  BOOST_TEST(trace.totals().dropped == 5001u);
  trace.write(event_of(1));
  BOOST_TEST(trace.totals().dropped == 5002u);
  BOOST_CHECK_NO_THROW(trace.close());
}

BOOST_AUTO_TEST_CASE(threads_wait_for_the_writer_or_lose_events_as_they_chose) {
  const temporary_file file("trace");
  for (const when_behind behind : {when_behind::wait, when_behind::drop}) {
    std::filesystem::remove(file.path());
    BOOST_TEST_REQUIRE(::mkfifo(file.path().c_str(), 0600) == 0);
    const int reader = ::open(file.path().c_str(), O_RDONLY | O_NONBLOCK);
    trace_writer_options options = small_blocks();
    options.behind = behind;
    options.blocks_waiting = 1;
    options.compression = 0;
    std::vector<char> bytes;
    std::uint64_t dropped = 0;
    constexpr std::uint64_t many = 100000;  // more than a pipe holds
    {
      trace_writer trace(file.path(), options);
      std::thread recording([&] {
        for (std::uint64_t i = 0; i < many; ++i) trace.write(event_of(i * 1000));
        if (behind == when_behind::drop) BOOST_TEST_MESSAGE("recorded, with nobody reading");
      });
      const auto read_some = [&] {
        char part[4096];
        const ssize_t got = ::read(reader, part, sizeof(part));
        if (got > 0) bytes.insert(bytes.end(), part, part + got);
        return got;
      };
      if (behind == when_behind::drop) {
        recording.join();  // does not wait for a reader
        dropped = trace.totals().dropped;
      }
      std::thread closing([&] {
        if (recording.joinable()) recording.join();
        trace.close();
      });
      while (read_some() != 0 || bytes.empty()) {
      }
      closing.join();
      while (read_some() > 0) {
      }
    }
    ::close(reader);
    const temporary_file copy("trace");
    copy.set_content(bytes);
    trace_reader read(copy.path());
    BOOST_TEST(all_of(read).size() == many - dropped);
    BOOST_TEST(read.summary().dropped == dropped);
    BOOST_TEST((dropped != 0) == (behind == when_behind::drop));
    BOOST_TEST(read.damage().empty());
  }
}
#endif

BOOST_AUTO_TEST_CASE(options_out_of_range_are_refused) {
  const temporary_file file("trace");
  for (const auto& spoil : std::vector<void (*)(trace_writer_options&)>{
           [](trace_writer_options& o) { o.block_bytes = 1023; },
           [](trace_writer_options& o) { o.block_bytes = (std::size_t{8} << 20) + 1; },
           [](trace_writer_options& o) { o.blocks_waiting = 0; },
           [](trace_writer_options& o) { o.compression = 20; },
           [](trace_writer_options& o) { o.compression = -1; },
           [](trace_writer_options& o) { o.flush_every = std::chrono::milliseconds(0); },
           [](trace_writer_options& o) { o.flush_every = std::chrono::milliseconds::max(); },
       }) {
    trace_writer_options options;
    spoil(options);
    BOOST_CHECK_THROW(trace_writer(file.path(), options), std::invalid_argument);
    BOOST_TEST(!std::filesystem::exists(file.path()));
  }
}

// ---- files that are damaged

BOOST_AUTO_TEST_CASE(what_is_no_trace_is_refused) {
  const temporary_file file("trace");
  const auto refused = [&](const std::vector<char>& content, const std::string& why) {
    file.set_content(content);
    BOOST_CHECK_EXCEPTION(trace_reader{file.path()}, trace_error, [&](const trace_error& error) {
      BOOST_TEST(error.what() == file.path() + ": " + why);
      return true;
    });
  };
  BOOST_CHECK_THROW(trace_reader{file.path()}, trace_error);
  refused({}, "byte 0: is empty");
  refused({'a'}, "byte 0: is no trace");
  refused(std::vector<char>(100000, 'x'), "byte 0: is no trace");
  BOOST_CHECK_THROW(trace_reader{"/"}, trace_error);
}

BOOST_AUTO_TEST_SUITE_END()
