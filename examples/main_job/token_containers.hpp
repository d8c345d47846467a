#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "results.hpp"
#include "text_input.hpp"
#include "token_stream.hpp"

namespace main_job {

/// What became of the tokens in a container that is looked at instead of timed.
struct inspected_tokens {
  std::optional<std::string> difference;  ///< to what they should be
  std::uint64_t digest;
  footprint memory;
};

/// A kind of container under measurement, with the memory it stands on.
class token_subject {
 public:
  token_subject() = default;
  token_subject(const token_subject&) = delete;
  token_subject& operator=(const token_subject&) = delete;
  virtual ~token_subject() = default;

  /// The job: makes a container, appends all tokens, walks them once and destroys it. Returns their digest.
  virtual std::uint64_t work(const std::vector<text_file>& files) = 0;

  /// The same with a container that is compared with the reference and whose bytes are counted.
  virtual inspected_tokens inspect(const std::vector<text_file>& files, const std::vector<token>& reference) = 0;

  /// Makes the memory ready for the next container, as a program would that keeps it.
  virtual void reuse() = 0;
};

/// A way to keep tokens.
struct token_container {
  std::string_view name;
  std::unique_ptr<token_subject> (*make)();
};

/// All that are measured. The first, std::vector, is what the others are compared with.
const std::vector<token_container>& token_containers();

}  // namespace main_job
