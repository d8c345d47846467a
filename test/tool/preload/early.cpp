// A library whose memory is older than the program's, and than liballot_preload.so itself.

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "expect.h"

namespace {

char* early = nullptr;
std::atomic<bool> stop{false};
std::atomic<long> rounds{0};
std::thread* worker = nullptr;

void work() {
  void* volatile block = std::malloc(300);
  EXPECT(block != nullptr);
  std::memset(block, 1, 300);
  std::free(block);
}

__attribute__((constructor)) void begin() {
  early = static_cast<char*>(std::malloc(1000));
  std::strcpy(early, "early");
  early = static_cast<char*>(std::realloc(early, 2000));
  worker = new std::thread([] {
    for (; !stop.load(); ++rounds) work();
  });
}

__attribute__((destructor)) void end() {
  stop = true;
  worker->join();
  delete worker;
  EXPECT(std::strcmp(early, "early") == 0);
  early = static_cast<char*>(std::realloc(early, 50000));
  EXPECT(std::strcmp(early, "early") == 0);
  std::free(early);
  work();
}

}  // namespace

/// Frees what it was given, and gives a block of its own.
extern "C" __attribute__((visibility("default"))) void* early_swap(void* block) {
  std::free(block);
  void* const mine = early;
  early = static_cast<char*>(std::malloc(1000));
  std::strcpy(early, "early");
  return mine;
}
