// The library at work: one real job done with every memory resource there is, another with every array.

#include <sysexits.h>

#include <allot/config/config_error.hpp>
#include <cerrno>
#include <exception>
#include <fstream>
#include <iostream>
#include <new>
#include <system_error>

#include "command_line.hpp"
#include "comparisons.hpp"
#include "report.hpp"
#include "strategies.hpp"
#include "svg_chart.hpp"
#include "text_input.hpp"
#include "timing.hpp"
#include "token_containers.hpp"
#include "token_verification.hpp"
#include "verification.hpp"

namespace {

using namespace main_job;

constexpr int exit_mismatch = 1;
constexpr int exit_no_input = 2;

/// Adds the text to a file, or replaces what it holds. Says on stderr why it cannot.
bool write_file(const std::string& path, std::string_view text, std::ios::openmode mode) {
  errno = 0;
  std::ofstream file(path, mode | std::ios::binary);
  file << text << std::flush;
  if (file) return true;
  std::cerr << "main_job: cannot write " << path << ": " << std::generic_category().message(errno) << '\n';
  return false;
}

int flush_output() {
  if (std::cout << std::flush) return EX_OK;
  std::cerr << "main_job: cannot write to standard output\n";
  return EX_IOERR;
}

int run(const command_line& wanted) {
  const auto resources_wanted = strategies(wanted.config.value_or(default_config()));
  const auto files = read_files(wanted.files.empty() ? default_files() : wanted.files,
                                [](const std::string& path, std::string_view reason) {
                                  std::cerr << "main_job: cannot use " << path << ": " << reason << '\n';
                                });
  if (files.empty()) {
    std::cerr << "main_job: no file to read, nothing measured\n";
    return exit_no_input;
  }
  // Better known before than after half a minute of work; what is there already is kept until there is something new.
  if (!write_file(wanted.svg, "", std::ios::app)) return EX_CANTCREAT;

  progress shown;
  const auto verified = verify(files, resources_wanted, shown);
  const auto tokens = verify(files, token_containers(), shown);
  const auto resources =
      compare_resources(verified.size, time_all(files, resources_wanted, verified, wanted.rounds, shown));
  const auto containers = compare_containers(tokens, time_all(files, token_containers(), tokens, wanted.rounds, shown));
  shown.clear();

  std::cout << summary(verified.size) << '\n'
            << table(resources) << '\n'
            << summary(tokens) << '\n'
            << table(containers) << std::flush;
  if (!write_file(wanted.svg, svg_chart({resources, containers}), std::ios::trunc)) return EX_CANTCREAT;
  std::cout << "Chart: " << wanted.svg << '\n';
  return flush_output();
}

}  // namespace

int main(int argc, char** argv) {
  const command_line wanted = parse_command_line(argc, argv);
  if (wanted.what == command_line::action::misuse) {
    std::cerr << usage;
    return EX_USAGE;
  }
  if (wanted.what == command_line::action::help) {
    std::cout << usage;
    return flush_output();
  }
  try {
    return run(wanted);
  } catch (const mismatch& found) {
    std::cerr << "main_job: results differ: " << found.what() << '\n';
    return exit_mismatch;
  } catch (const allot::config_error& wrong) {
    std::cerr << "main_job: " << wrong.what() << '\n';
    return EX_CONFIG;
  } catch (const std::bad_alloc&) {
    std::cerr << "main_job: out of memory\n";
    return EX_OSERR;
  } catch (const std::exception& error) {
    std::cerr << "main_job: " << error.what() << '\n';
    return EX_OSERR;
  }
}
