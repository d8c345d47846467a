#include "token_stream.hpp"

namespace main_job {

namespace {

std::string_view name_of(token_kind kind) noexcept {
  switch (kind) {
    case token_kind::blank:
      return "blank";
    case token_kind::word:
      return "word";
    case token_kind::number:
      return "number";
    case token_kind::punctuation:
      return "punctuation mark";
    case token_kind::line_end:
      return "line end";
    case token_kind::other:
      break;
  }
  return "run of other bytes";
}

}  // namespace

std::string description(const token& described) {
  return "the " + std::string(name_of(described.kind)) + " of length " + std::to_string(described.length) +
         " at line " + std::to_string(described.line) + ", column " + std::to_string(described.column) + " of file " +
         std::to_string(described.file);
}

}  // namespace main_job
