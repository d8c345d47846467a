#include "support/child_process.hpp"

#include <windows.h>

#include <array>
#include <csignal>
#include <stdexcept>
#include <system_error>

#include "support/environment.hpp"

namespace allot::test {

bool child_outcome::faulted() const { return signal == SIGSEGV; }

bool child_outcome::aborted() const { return signal == SIGABRT; }

child_outcome run_again(const std::string& program, const char* variable, const std::string& value) {
  const auto fail = [](const char* what) {
    throw std::system_error(static_cast<int>(::GetLastError()), std::system_category(), what);
  };
  SECURITY_ATTRIBUTES inherited{sizeof(SECURITY_ATTRIBUTES), nullptr, TRUE};
  HANDLE from = nullptr;
  HANDLE to = nullptr;
  if (::CreatePipe(&from, &to, &inherited, 0) == 0) fail("pipe");
  ::SetHandleInformation(from, HANDLE_FLAG_INHERIT, 0);
  STARTUPINFOA start{};
  start.cb = sizeof start;
  start.dwFlags = STARTF_USESTDHANDLES;
  start.hStdInput = ::GetStdHandle(STD_INPUT_HANDLE);
  start.hStdOutput = ::GetStdHandle(STD_OUTPUT_HANDLE);
  start.hStdError = to;
  std::string line = "\"" + program + "\"";
  PROCESS_INFORMATION process{};
  set_variable(variable, value.c_str());
  const BOOL started =
      ::CreateProcessA(program.c_str(), line.data(), nullptr, nullptr, TRUE, 0, nullptr, nullptr, &start, &process);
  set_variable(variable, nullptr);
  ::CloseHandle(to);
  if (started == 0) fail("process");

  child_outcome outcome;
  std::array<char, 4096> piece{};
  for (DWORD got = 0; ::ReadFile(from, piece.data(), piece.size(), &got, nullptr) != 0 && got > 0;)
    outcome.output.append(piece.data(), got);
  ::CloseHandle(from);
  ::WaitForSingleObject(process.hProcess, INFINITE);
  DWORD code = 0;
  ::GetExitCodeProcess(process.hProcess, &code);
  ::CloseHandle(process.hThread);
  ::CloseHandle(process.hProcess);
  // What abort() of the C runtime ends with, and a fault nobody handled.
  constexpr DWORD of_abort = 3;
  if (code == EXCEPTION_ACCESS_VIOLATION) {
    outcome.signal = SIGSEGV;
  } else if (code == of_abort) {
    outcome.signal = SIGABRT;
  } else {
    outcome.exit_code = static_cast<int>(code);
  }
  return outcome;
}

void drop_privileges() {}

void prepare_to_crash() { ::SetErrorMode(SEM_NOGPFAULTERRORBOX | SEM_FAILCRITICALERRORS); }

std::string path_of_program(const char* told) {
  std::array<char, 4096> path{};
  const DWORD length = ::GetModuleFileNameA(nullptr, path.data(), path.size());
  return length > 0 ? std::string(path.data(), length) : std::string(told);
}

}  // namespace allot::test
