// Runs a program and says how long it took, and the most memory it, or one of the programs it started, had in the
// machine's at a time: `SECONDS BYTES` to a file. Its exit code is the program's, or 128 + the signal that ended it.

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: measure FILE LIBRARY PROGRAM [ARGUMENT...]\n  LIBRARY: to put before it, or -\n");
    return 64;
  }
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = ::fork();
  if (child < 0) return 71;
  if (child == 0) {
    if (argv[2][0] != '-' || argv[2][1] != '\0') ::setenv("LD_PRELOAD", argv[2], 1);
    ::execvp(argv[3], argv + 3);
    std::perror(argv[3]);
    ::_exit(127);
  }
  int status = 0;
  if (::waitpid(child, &status, 0) != child) return 71;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  rusage used{};
  ::getrusage(RUSAGE_CHILDREN, &used);
  std::FILE* const out = std::fopen(argv[1], "w");
  if (out == nullptr) return 73;
  std::fprintf(out, "%.6f %lld\n", seconds, static_cast<long long>(used.ru_maxrss) * 1024);
  std::fclose(out);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
