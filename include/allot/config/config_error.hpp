#pragma once

#include <allot/core/compiler.hpp>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>

namespace allot {

/// What is wrong with a config, and where. Thrown by everything that reads one; nothing has been built or changed then.
///
/// what() is one line for people: `memory.toml:7:11: resources.entities.spacing: "four" is not known; did you mean
/// "four_per_doubling"? It takes: ...`. Copies do not throw.
class ALLOT_EXPORT config_error : public std::runtime_error {
 public:
  /// @param file     of the text; of a variable, "environment variable NAME"
  /// @param line     from 1; 0: none, as of a file that is not there
  /// @param column   from 1, in characters; 0: none
  /// @param key      the dotted path of what is wrong; may be empty
  /// @param problem  what is wrong, with what would be right
  config_error(std::string file, std::size_t line, std::size_t column, std::string key, std::string problem);
  /// Shares the texts.
  config_error(const config_error&) noexcept = default;
  config_error& operator=(const config_error&) noexcept = default;
  ~config_error() override;

  /// As given to the constructor.
  /// @{
  const std::string& file() const noexcept { return parts_->file; }
  std::size_t line() const noexcept { return parts_->line; }
  std::size_t column() const noexcept { return parts_->column; }
  const std::string& key() const noexcept { return parts_->key; }
  const std::string& problem() const noexcept { return parts_->problem; }
  /// @}

 private:
  struct parts {
    std::string file;
    std::size_t line;
    std::size_t column;
    std::string key;
    std::string problem;
  };
  explicit config_error(std::shared_ptr<const parts> is);

  std::shared_ptr<const parts> parts_;
};

}  // namespace allot
