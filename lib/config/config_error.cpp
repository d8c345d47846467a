#include <allot/config/config_error.hpp>
#include <utility>

namespace allot {
namespace {

/// Names of files and texts of factories may have line ends; what() is one line.
std::string in_one_line(std::string text) {
  for (char& c : text)
    if (const auto byte = static_cast<unsigned char>(c); byte < 0x20 || byte == 0x7f) c = '?';
  return text;
}

}  // namespace

config_error::config_error(std::string file, std::size_t line, std::size_t column, std::string key, std::string problem)
    : config_error(
          std::make_shared<const parts>(parts{std::move(file), line, column, std::move(key), std::move(problem)})) {}

config_error::config_error(std::shared_ptr<const parts> is)
    : std::runtime_error(in_one_line(
          is->file + (is->line != 0 ? ":" + std::to_string(is->line) + ":" + std::to_string(is->column) : "") + ": " +
          (is->key.empty() ? "" : is->key + ": ") + is->problem)),
      parts_(std::move(is)) {}

config_error::~config_error() = default;

}  // namespace allot
