#include "support/child.hpp"

#include <cstdlib>
#include <iostream>
#include <map>
#include <stdexcept>

#include "support/child_process.hpp"
#include "support/environment.hpp"

namespace allot::test {
namespace {

std::map<std::string, std::function<void()>, std::less<>>& children() {
  static std::map<std::string, std::function<void()>, std::less<>> all;
  return all;
}

std::string program_path;
std::vector<std::string> program_arguments;

}  // namespace

child_program::child_program(std::string_view name, std::function<void()> body) {
  if (!children().emplace(name, std::move(body)).second) throw std::logic_error("two children of one name");
}

child_outcome run_child(std::string_view name) {
  if (children().find(name) == children().end()) throw std::logic_error("no such child: " + std::string(name));
  return run_again(program_path, child_variable, std::string(name));
}

namespace {
bool skip_called = false;
}

void skip(std::string_view reason) {
  std::cout << "SKIPPED: " << reason << std::endl;
  skip_called = true;
}

bool skipped() { return skip_called; }

bool under_thread_sanitizer() {
#if defined(__SANITIZE_THREAD__)
  return true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
  return true;
#endif
#endif
  return false;
}

bool is_child() { return std::getenv(child_variable) != nullptr; }

int child_main() {
  prepare_to_crash();
  const std::string name = std::getenv(child_variable);
  set_variable(child_variable, nullptr);
  children().at(name)();
  return 0;
}

void set_program(int argc, char** argv) {
  program_path = path_of_program(argv[0]);
  program_arguments.assign(argv, argv + argc);
}

const std::string& program() { return program_path; }

const std::vector<std::string>& arguments() { return program_arguments; }

}  // namespace allot::test
