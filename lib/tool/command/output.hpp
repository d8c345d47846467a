#pragma once

#include <iosfwd>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "command.hpp"

namespace allot::tool {

using json = nlohmann::ordered_json;

/// One JSON value on the output. Bytes of names that are no UTF-8 become replacement characters.
void write_json(command_context& context, const json& value);

/// A line `allot: ...` for people, beside the output: names of files and traces forge no lines.
void note(command_context& context, std::string_view text);

enum class colour { good, bad, bold };

/// The text, coloured where the output is to be.
std::string painted(const command_context& context, colour how, std::string_view text);

/// A file that is written: made where it can be made before the work starts, and in its place when all is written. What
/// was there before stays until then.
class output_file {
 public:
  /// @param input  a file that it must not be: the one that is read
  /// @throws command_error, cannot_write or wrong_usage
  output_file(const std::string& path, const std::string& input);
  ~output_file();
  output_file(const output_file&) = delete;
  output_file& operator=(const output_file&) = delete;

  std::ostream& stream() noexcept;
  /// @throws command_error
  void commit();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace allot::tool
