#include "comparisons.hpp"

#include <iomanip>
#include <sstream>
#include <utility>

#include "report.hpp"
#include "token_stream.hpp"

namespace main_job {

namespace {

std::string counted(std::size_t number, const std::string& thing) {
  return std::to_string(number) + ' ' + thing + (number == 1 ? "" : "s");
}

std::string hexadecimal(std::uint64_t number) {
  std::ostringstream text;
  text << std::hex << std::setfill('0') << std::setw(16) << number;
  return text.str();
}

std::string tokens_text(const verified_tokens& tokens) {
  return counted(tokens.count, "token") + " of " + std::to_string(sizeof(token)) + " bytes";
}

}  // namespace

std::string summary(const job_size& size) {
  std::ostringstream text;
  text << counted(size.files, "file") << ", " << bytes_text(size.bytes) << ": " << size.words << " words, "
       << size.different_words << " different; " << size.nodes << " tree nodes; digest " << hexadecimal(size.digest)
       << ", equal for all resources\n";
  return text.str();
}

std::string summary(const verified_tokens& tokens) {
  return tokens_text(tokens) + "; digest " + hexadecimal(tokens.digest) + ", equal for all containers\n";
}

comparison compare_resources(const job_size& size, std::vector<measurement> results) {
  return {"resource", "Word index and document tree: time by memory resource",
          bytes_text(size.bytes) + " of text in " + counted(size.files, "file"),
          "cold: a fresh resource each round, destroyed on the clock; warm: a resource that did the job once "
          "before.",
          std::move(results)};
}

comparison compare_containers(const verified_tokens& tokens, std::vector<measurement> results) {
  return {"container", "Tokens, appended and walked: time by container", tokens_text(tokens),
          "cold: a container made, filled, walked and destroyed, after malloc and the storages gave back what they "
          "keep; warm: the same\nonce more, on memory that served such a container before.",
          std::move(results)};
}

}  // namespace main_job
