// Memory at the odd moments of a program's life and of its threads', and by children of all kinds.

#include <pthread.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <fstream>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "expect.h"

extern char** environ;

namespace {

/// Takes some blocks of various sizes, and gives them back.
void work(unsigned seed = 1) {
  std::array<char*, 24> blocks{};
  std::size_t bytes = seed % 13 + 1;
  for (char*& each : blocks) {
    each = static_cast<char*>(std::malloc(bytes));
    EXPECT(each != nullptr);
    std::memset(each, static_cast<int>(bytes), bytes);
    bytes = bytes * 5 / 3 + 3;
  }
  bytes = seed % 13 + 1;
  for (char* each : blocks) {
    EXPECT(each[0] == static_cast<char>(bytes) && each[bytes - 1] == static_cast<char>(bytes));
    std::free(each);
    bytes = bytes * 5 / 3 + 3;
  }
}

struct works_at_end {
  std::string held = std::string(200, 'x');
  ~works_at_end() {
    EXPECT(held == std::string(200, 'x'));
    work();
    held.assign(5000, 'y');
  }
};

void on_key_end(void* block) {
  std::free(block);
  work();
}

works_at_end global;
thread_local works_at_end of_thread;

// ---- ends

void ends() {
  static works_at_end local;
  std::atexit([] { work(); });
  EXPECT(on_exit([](int, void* block) { std::free(block), work(); }, std::malloc(3000)) == 0);
  pthread_key_t key{};
  EXPECT(pthread_key_create(&key, on_key_end) == 0);
  for (int round = 0; round != 50; ++round)
    std::thread([&] {
      of_thread.held[0] = 'x';
      EXPECT(pthread_setspecific(key, std::malloc(100)) == 0);
      work();
    }).join();
  of_thread.held[0] = 'x';
}

// ---- threads that free each other's blocks

void exchange() {
  constexpr std::size_t threads = 6;
  constexpr unsigned rounds = 30000;
  static std::array<std::atomic<char*>, 512> slots{};
  std::vector<std::thread> all;
  for (std::size_t number = 0; number != threads; ++number)
    all.emplace_back([number] {
      unsigned random = static_cast<unsigned>(number) * 7919 + 1;
      for (unsigned round = 0; round != rounds; ++round) {
        random = random * 1664525 + 1013904223;
        const std::size_t bytes = (random >> 8) % 50 == 0 ? (random >> 12) % 60000 + 1 : (random >> 12) % 300 + 1;
        auto* made = static_cast<char*>(round % 7 == 0 ? std::calloc(1, bytes) : std::malloc(bytes));
        EXPECT(made != nullptr);
        if (round % 5 == 0) made = static_cast<char*>(std::realloc(made, bytes * 2));
        const auto sign = static_cast<char>(reinterpret_cast<std::uintptr_t>(made) >> 4);
        made[0] = sign;
        made[bytes - 1] = sign;
        char* const old = slots[(random >> 20) % slots.size()].exchange(made);
        if (old != nullptr) EXPECT(old[0] == static_cast<char>(reinterpret_cast<std::uintptr_t>(old) >> 4));
        std::free(old);
      }
    });
  for (std::thread& each : all) each.join();
  for (std::atomic<char*>& slot : slots) std::free(slot.load());
}

// ---- children

/// Whether the child ended well.
bool ends_well(pid_t child) {
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

class busy_threads {
 public:
  busy_threads() {
    for (unsigned number = 0; number != 3; ++number)
      all_.emplace_back([this, number] {
        for (unsigned round = 0; !stop_.load(); ++round) work(round + number);
      });
  }
  ~busy_threads() {
    stop_ = true;
    for (std::thread& each : all_) each.join();
  }

 private:
  std::atomic<bool> stop_{false};
  std::vector<std::thread> all_;
};

void forks() {
  const busy_threads around;
  std::vector<std::string> held(100, std::string(300, 'h'));
  for (int round = 0; round != 50; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      held.clear();
      work();
      std::thread([] { work(7); }).join();
      if (round % 2 == 0) std::exit(0);  // with the destructors
      _exit(0);
    }
    EXPECT(ends_well(child));
  }
}

void children() {
  const busy_threads around;
  const char* const arguments[] = {"/bin/true", nullptr};
  for (int round = 0; round != 10; ++round) {
    pid_t child = vfork();
    if (child == 0) {
      execv(arguments[0], const_cast<char* const*>(arguments));
      _exit(1);
    }
    EXPECT(ends_well(child));
    EXPECT(posix_spawn(&child, arguments[0], nullptr, nullptr, const_cast<char* const*>(arguments), environ) == 0);
    EXPECT(ends_well(child));
    EXPECT(std::system("echo text | sort > /dev/null") == 0);
  }
}

/// As daemons come to be: the child's child has no parent.
void daemon() {
  const busy_threads around;
  std::array<int, 2> ends{};
  EXPECT(pipe(ends.data()) == 0);
  const pid_t child = fork();
  if (child == 0) {
    setsid();
    work();
    const pid_t last = fork();
    if (last != 0) _exit(last > 0 ? 0 : 1);
    work();
    std::thread([] { work(); }).join();
    EXPECT(write(ends[1], "k", 1) == 1);
    std::exit(0);
  }
  EXPECT(ends_well(child));
  close(ends[1]);
  char answer = 0;
  EXPECT(read(ends[0], &answer, 1) == 1 && answer == 'k');
}

// ---- many threads that end

std::size_t resident_bytes() {
  std::size_t all = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

void many_threads() {
  const auto some = [] {
    for (int round = 0; round != 1200; ++round) std::thread([] { work(); }).join();
    // A recorder keeps a block for each thread until it writes, each half a second.
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  };
  some();
  // How many threads come between two writes depends on how busy the machine is, so a round may need more than those
  // before it; what threads leave behind would grow in each.
  std::string grown;
  for (int round = 0; round != 6; ++round) {
    const std::size_t before = resident_bytes();
    some();
    const std::size_t after = resident_bytes();
    if (after <= before + (std::size_t{6} << 20)) return;
    grown += ' ' + std::to_string(before >> 10) + " KiB became " + std::to_string(after >> 10);
  }
  fprintf(stderr, "each round:%s\n", grown.c_str());
  std::exit(1);
}

const std::map<std::string, void (*)()> themes{{"ends", ends},     {"exchange", exchange},
                                               {"forks", forks},   {"children", children},
                                               {"daemon", daemon}, {"threads", many_threads}};

}  // namespace

int main(int count, char** arguments) {
  EXPECT(count == 2);
  themes.at(arguments[1])();
  puts("all is well");
}
