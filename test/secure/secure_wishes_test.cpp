// What secure resources ask of the system on request: no core dumps, no swap space. And that only one thread uses them.

#if !defined(_WIN32)
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

#include <allot/core/allocation_error.hpp>
#include <allot/secure/retired_addresses.hpp>
#include <allot/secure/secure_resource.hpp>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "secure/secure_threats.hpp"
#include "support/access.hpp"
#include "support/bytes.hpp"
#include "support/machine.hpp"
#include "support/misuse_watch.hpp"
#include "support/worker.hpp"

using namespace allot;
using namespace allot::test;

namespace {

constexpr std::array<std::size_t, 4> some_sizes{16, 64, 4096, mebibyte};

bool has_flag(const void* p, const char* flag) {
  return (std::string(map_flags(p)) + " ").find(" " + std::string(flag) + " ") != std::string::npos;
}
bool system_tells_flags() {
  static const int here = 0;
  return *map_flags(&here) != 0;
}

#if !defined(_WIN32)
void lock_nothing() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_MEMLOCK, &none);
  drop_privileges();
}
#endif
[[maybe_unused]] void expect(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::exit(1);
}
#if !defined(_WIN32)
const child_program lock_required{"secure_lock_required", [] {
                                    lock_nothing();
                                    secure_options options = subject_at(secure_level::hardened);
                                    options.lock = wish::require;
                                    secure_resource memory(options);
                                    for (const std::size_t bytes : some_sizes) {
                                      try {
                                        (void)memory.allocate(bytes, 8);
                                        expect(false, "a refusal");
                                      } catch (const allocation_error& error) {
                                        expect(error.code() == memory_errc::lock_limit, error.what());
                                        expect(error.bytes() == bytes, "the bytes");
                                      }
                                      expect(memory.try_allocate(bytes, 8) == nullptr, "a refusal to try");
                                    }
                                    expect(memory.usage().used == 0, "nothing used");
                                  }};
const child_program lock_limited{"secure_lock_limited", [] {
                                   const rlimit some{std::size_t{256} << 10, std::size_t{256} << 10};
                                   ::setrlimit(RLIMIT_MEMLOCK, &some);
                                   drop_privileges();
                                   secure_options options = subject_at(secure_level::hardened);
                                   options.lock = wish::require;
                                   secure_resource memory(options);
                                   try {
                                     (void)memory.allocate(mebibyte, 8);
                                     expect(false, "a refusal");
                                   } catch (const allocation_error& error) {
                                     expect(error.code() == memory_errc::lock_limit, error.what());
                                     expect(error.limit() == some.rlim_cur, error.what());
                                   }
                                 }};
const child_program lock_attempted{"secure_lock_attempted", [] {
                                     lock_nothing();
                                     secure_options options = subject_at(secure_level::hardened);
                                     options.lock = wish::attempt;
                                     secure_resource memory(options);
                                     for (const std::size_t bytes : some_sizes)
                                       fill(memory.allocate(bytes, 8), bytes, 1);
                                     expect(memory.report().lock_refusals > 0, "refusals");
                                     expect(memory.report().locked_bytes == 0, "nothing locked");
                                   }};
#endif

/// No copy of it is in a program that only writes it through here.
char marker_at(std::size_t i, char of) {
  static const char coded[] = "\x3d\x3c\x31\x31\x30\x3b\x78\x26\x30\x36\x27\x30\x21\x78";
  const std::size_t at = i % sizeof(coded);
  return at + 1 == sizeof(coded) ? of : static_cast<char>(coded[at] ^ 0x55);
}
constexpr std::size_t marker_bytes = 15;
[[maybe_unused]] std::string marker(char of) {
  std::string text;
  for (std::size_t i = 0; i < marker_bytes; ++i) text += marker_at(i, of);
  return text;
}
[[maybe_unused]] void write_markers(secure_resource& memory, char of) {
  for (const std::size_t bytes : some_sizes) {
    unsigned char* const p = get(memory, bytes);
    for (std::size_t i = 0; i < bytes; ++i) p[i] = static_cast<unsigned char>(marker_at(i, of));
  }
}

#if !defined(_WIN32)
/// A program with markers in blocks that are to be in core dumps (A) and in blocks that are not (B); it says so when
/// they are written, then ends as told: with a core dump, or when it is killed.
[[noreturn]] void hold_markers(const std::string& directory, int say, bool dump) {
  set_retired_address_limit(0);  // addresses that are kept would be in the core file
  rlimit core{};
  ::getrlimit(RLIMIT_CORE, &core);
  core.rlim_cur = core.rlim_max;
  ::setrlimit(RLIMIT_CORE, &core);
  ::prctl(PR_SET_DUMPABLE, 1);
  if (::chdir(directory.c_str()) != 0) ::_exit(1);
  secure_options options = subject_at(secure_level::hardened);
  options.region_bits = 20;  // core files have the size of all address space
  secure_resource dumped(options);
  options.no_dump = wish::require;
  secure_resource hidden(options);
  write_markers(dumped, 'A');
  write_markers(hidden, 'B');
  if (::write(say, "", 1) != 1) ::_exit(1);
  std::signal(SIGABRT, SIG_DFL);
  if (dump) std::abort();
  ::alarm(60);
  for (;;) ::pause();
}

/// What a file holds but for its holes, of which core files have as many as there is address space.
std::string data_in(const std::filesystem::path& path) {
  constexpr std::size_t enough = std::size_t{256} << 20;
  std::string data;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  for (off_t at = 0; data.size() < enough && (at = ::lseek(file, at, SEEK_DATA)) >= 0;) {
    const off_t end = ::lseek(file, at, SEEK_HOLE);
    std::string part(static_cast<std::size_t>(end - at), '\0');
    const ssize_t got = ::pread(file, part.data(), part.size(), at);
    if (got <= 0) break;
    data.append(part, 0, static_cast<std::size_t>(got));
    at += got;
  }
  ::close(file);
  return data;
}

/// The core files in a directory.
std::vector<std::string> core_files(const std::string& directory) {
  std::vector<std::string> all;
  for (const auto& each : std::filesystem::directory_iterator(directory)) all.push_back(data_in(each.path()));
  return all;
}

/// A core file of a program that holds markers, by the kernel or else by gdb; empty where neither writes one.
std::string core_of_markers() {
  std::string directory = (std::filesystem::temp_directory_path() / "allot_core_XXXXXX").string();
  if (::mkdtemp(directory.data()) == nullptr) return {};
  std::string core;
  for (const bool by_kernel : {true, false}) {
    std::array<int, 2> ends{};
    if (!core.empty() || ::pipe(ends.data()) != 0) continue;
    const pid_t child = ::fork();
    if (child == 0) hold_markers(directory, ends[1], by_kernel);
    ::close(ends[1]);
    char byte = 0;
    const bool ready = ::read(ends[0], &byte, 1) == 1;
    ::close(ends[0]);
    if (!by_kernel) {
      const std::string command =
          "timeout 60 gcore -o " + directory + "/by_gdb " + std::to_string(child) + " >/dev/null 2>&1";
      if (ready && std::system(command.c_str()) != 0) BOOST_TEST_MESSAGE("no gcore");
      ::kill(child, SIGKILL);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    for (const std::string& each : core_files(directory)) core = each;
  }
  std::filesystem::remove_all(directory);
  return core;
}
#endif

}  // namespace

BOOST_AUTO_TEST_SUITE(secure_wishes)

BOOST_AUTO_TEST_CASE(blocks_are_left_out_of_core_dumps_where_that_is_asked_for) {
  if (test::under_emulator()) return test::skip(test::lost_in_emulator::advice);
  if (!system_tells_flags()) return skip("this system does not tell the flags of mappings");
  for (const named_level& at : every_level) {
    for (const wish no_dump : {wish::none, wish::attempt, wish::require}) {
      secure_options options = subject_at(at.level);
      options.no_dump = no_dump;
      secure_resource memory(options);
      for (const std::size_t bytes : some_sizes) {
        void* p = nullptr;
        try {
          p = memory.allocate(bytes, 8);
        } catch (const allocation_error& error) {
          BOOST_TEST((error.code() == memory_errc::not_supported && no_dump == wish::require));
          continue;
        }
        const bool asked = no_dump != wish::none && memory.report().dump_refusals == 0;
        BOOST_TEST(has_flag(p, "dd") == asked, at.name << ", " << bytes << " bytes: " << map_flags(p));
        memory.deallocate(p, bytes, 8);
      }
    }
  }
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(a_core_file_has_no_block_that_was_to_be_left_out) {
  if (test::under_emulator()) return test::skip(test::lost_in_emulator::advice);
  if (memory_tools::active() || under_thread_sanitizer()) return skip("a tool watches, whose core files are huge");
  {
    secure_options options = subject_at(secure_level::hardened);
    options.no_dump = wish::require;
    secure_resource memory(options);
    if (memory.try_allocate(64) == nullptr) return skip("this system leaves nothing out of core dumps");
  }
  const std::string core = core_of_markers();
  if (core.empty()) return skip("neither the kernel nor gdb writes core files here");
  BOOST_TEST((core.find(marker('A')) != std::string::npos), "the search finds what is there");
  BOOST_TEST((core.find(marker('B')) == std::string::npos));
}
#endif

BOOST_AUTO_TEST_CASE(blocks_are_kept_out_of_swap_space_where_that_is_asked_for) {
  if (test::under_emulator()) return test::skip(test::lost_in_emulator::advice);
  if (!system_tells_flags()) return skip("this system does not tell the flags of mappings");
  for (const named_level& at : every_level) {
    secure_options options = subject_at(at.level);
    options.lock = wish::attempt;
    secure_resource memory(options);
    for (const std::size_t bytes : {std::size_t{64}, std::size_t{4096}, std::size_t{200'000}}) {
      void* const p = memory.allocate(bytes, 8);
      if (memory.report().lock_refusals == 0) {
        BOOST_TEST(has_flag(p, "lo"), at.name << ": " << map_flags(p));
        BOOST_TEST(memory.report().locked_bytes >= bytes);
      }
      memory.deallocate(p, bytes, 8);
    }
    BOOST_TEST(memory.check());
  }
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(a_lock_that_is_required_and_refused_throws_and_names_the_limit) {
  for (const char* name : {"secure_lock_required", "secure_lock_limited"}) {
    const child_outcome outcome = run_child(name);
    BOOST_TEST(outcome.exit_code == 0, outcome.output);
  }
}

BOOST_AUTO_TEST_CASE(a_lock_that_is_attempted_and_refused_is_noted) {
  const child_outcome outcome = run_child("secure_lock_attempted");
  BOOST_TEST(outcome.exit_code == 0, outcome.output);
}
#endif

// ---- two threads

BOOST_AUTO_TEST_CASE(a_resource_for_one_thread_used_by_two_is_reported_when_checked) {
  for (const named_level& at : every_level) {
    secure_options options = subject_at(at.level);
    options.checked = true;
    secure_resource memory(options);
    void* const p = memory.allocate(64, 8);
    static std::atomic<int> reports{0};
    static std::atomic<int> others{0};
    reports = others = 0;
    const misuse_watch watch(
        [](const misuse_report& report) { ++(report.kind == misuse_kind::used_by_two_threads ? reports : others); });
    // A visitor runs while the resource is being walked: as long as it waits, another thread is a second one.
    worker other;
    memory.for_each_block([&](const block_info&) {
      other.run([&] {
        BOOST_TEST(memory.try_allocate(64, 8) == nullptr);
        memory.deallocate(p, 64, 8);
      });
    });
    BOOST_TEST(reports == 2, at.name);
    BOOST_TEST(others == 0, at.name);
    BOOST_TEST((memory.find_block(p).state == block_state::used));
    other.run([&] { memory.deallocate(p, 64, 8); });  // one after the other is no misuse
    BOOST_TEST(reports == 2, at.name);
    BOOST_TEST(memory.usage().used == 0u);
  }
}

BOOST_AUTO_TEST_SUITE_END()
