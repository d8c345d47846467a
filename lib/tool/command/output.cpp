#include "output.hpp"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <ostream>
#include <system_error>

#include "words.hpp"

namespace allot::tool {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void cannot_be_written(const std::string& path, int code) {
  throw command_error(cannot_write, path + ": cannot be written: " + std::generic_category().message(code));
}

}  // namespace

void write_json(command_context& context, const json& value) {
  context.out << value.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
}

void note(command_context& context, std::string_view text) { context.errors << "allot: " << printable(text) << '\n'; }

std::string painted(const command_context& context, colour how, std::string_view text) {
  if (!context.colours) return std::string(text);
  const char* const start = how == colour::good ? "\x1b[32m" : how == colour::bad ? "\x1b[31m" : "\x1b[1m";
  return start + std::string(text) + "\x1b[0m";
}

struct output_file::state {
  std::string path;     // as it was said
  fs::path place;       // behind links
  fs::path written_to;  // the same, or a file beside it
  std::ofstream stream;
  bool done = false;
};

output_file::output_file(const std::string& path, const std::string& input) : state_(std::make_unique<state>()) {
  std::error_code ignored;
  if (fs::equivalent(path, input, ignored))
    throw command_error(wrong_usage, path + ": is what is read, and would be overwritten");
  state_->path = path;
  state_->place = fs::weakly_canonical(path, ignored);
  if (ignored) state_->place = path;
  const fs::file_status there = fs::status(state_->place, ignored);
  if (fs::is_directory(there)) cannot_be_written(path, EISDIR);
  state_->written_to = state_->place;
  if (!fs::exists(there) || fs::is_regular_file(there)) state_->written_to += ".new";  // devices and pipes stay
  errno = 0;
  state_->stream.open(state_->written_to, std::ios::binary | std::ios::trunc);
  if (!state_->stream) cannot_be_written(path, errno);
}

output_file::~output_file() {
  if (state_->done || state_->written_to == state_->place) return;
  state_->stream.close();
  std::error_code ignored;
  fs::remove(state_->written_to, ignored);
}

std::ostream& output_file::stream() noexcept { return state_->stream; }

void output_file::commit() {
  errno = 0;
  state_->stream.close();
  if (!state_->stream) cannot_be_written(state_->path, errno);
  std::error_code wrong;
  if (state_->written_to != state_->place) fs::rename(state_->written_to, state_->place, wrong);
  if (wrong) cannot_be_written(state_->path, wrong.value());
  state_->done = true;
}

}  // namespace allot::tool
