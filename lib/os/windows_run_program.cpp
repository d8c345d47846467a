#include <algorithm>
#include <allot/os/run_program.hpp>
#include <array>
#include <cstring>
#include <string_view>

#include "windows_system.hpp"

namespace allot::os {
namespace {

/// As the C runtime of the program takes its command line apart: quotes around, and before a quote twice the
/// backslashes there are, and one more.
std::string quoted(std::string_view argument) {
  if (!argument.empty() && argument.find_first_of(" \t\n\v\"") == std::string_view::npos) return std::string(argument);
  std::string text = "\"";
  std::size_t backslashes = 0;
  for (const char c : argument) {
    if (c == '"') text.append(backslashes + 1, '\\');
    backslashes = c == '\\' ? backslashes + 1 : 0;
    text += c;
  }
  return text.append(backslashes, '\\') + '"';
}

std::string command_line(const program_call& call) {
  std::string line;
  for (const std::string& each : call.arguments) line += (line.empty() ? "" : " ") + quoted(each);
  return line;
}

/// "NAME=value", each with its zero, and one more at the end. Names that begin with "=" are the system's own.
std::string environment_of(const program_call& call) {
  std::string block;
  char* const present = ::GetEnvironmentStringsA();
  for (const char* each = present; each != nullptr && *each != 0; each += std::string_view(each).size() + 1) {
    const std::string_view setting(each);
    const std::string_view name = setting.substr(0, setting.find('=', 1));
    const auto is_it = [&](auto& one) {  // names differ by more than case
      return one.first.size() == name.size() && ::_strnicmp(one.first.data(), name.data(), name.size()) == 0;
    };
    if (std::none_of(call.environment.begin(), call.environment.end(), is_it)) block.append(setting).push_back('\0');
  }
  if (present != nullptr) ::FreeEnvironmentStringsA(present);
  for (const auto& [name, value] : call.environment)
    if (value) block.append(name).append("=").append(*value).push_back('\0');
  block.push_back('\0');
  return block;
}

/// The whole group of a console is told of Ctrl-C by the system itself; who waits goes on waiting.
BOOL WINAPI stay(DWORD) { return TRUE; }

}  // namespace

program_end run_program(const program_call& call) {
  program_end end;
  std::string line = command_line(call);
  std::string environment = environment_of(call);
  STARTUPINFOA start{};
  start.cb = sizeof start;
  start.dwFlags = STARTF_USESTDHANDLES;
  start.hStdInput = ::GetStdHandle(STD_INPUT_HANDLE);
  start.hStdError = ::GetStdHandle(STD_ERROR_HANDLE);
  start.hStdOutput = call.output_to_errors ? start.hStdError : ::GetStdHandle(STD_OUTPUT_HANDLE);
  PROCESS_INFORMATION process{};
  ::SetConsoleCtrlHandler(&stay, TRUE);
  if (::CreateProcessA(call.file.c_str(), line.data(), nullptr, nullptr, TRUE, 0, environment.data(), nullptr, &start,
                       &process) == 0) {
    const int code = last_error();
    ::SetConsoleCtrlHandler(&stay, FALSE);
    end.outcome = {to_memory_errc(code), code};
    return end;
  }
  ::CloseHandle(process.hThread);
  ::WaitForSingleObject(process.hProcess, INFINITE);
  ::SetConsoleCtrlHandler(&stay, FALSE);
  DWORD code = 0;
  ::GetExitCodeProcess(process.hProcess, &code);
  ::CloseHandle(process.hProcess);
  end.process = static_cast<long>(process.dwProcessId);
  end.exit_code = static_cast<int>(code);
  return end;
}

std::string path_of_this_program() {
  std::array<char, 4096> path;
  const DWORD length = ::GetModuleFileNameA(nullptr, path.data(), static_cast<DWORD>(path.size()));
  return length < path.size() ? std::string(path.data(), length) : std::string();  // as long: it was cut
}

}  // namespace allot::os
