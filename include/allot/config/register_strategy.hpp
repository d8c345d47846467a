#pragma once

#include <allot/core/compiler.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

namespace allot {

/// What a config asks of a user's own strategy: a name, an upstream, and options, which the factory reads by their
/// names. An option nobody reads is an error with its place, as it is for the strategies of the suite; so is a value of
/// the wrong type or out of range, thrown by the functions here. A factory lets those errors through.
///
/// Lives as long as the factory's call.
class ALLOT_EXPORT strategy_request {
 public:
  /// The value of a bound there is not.
  static constexpr std::size_t unlimited = (std::numeric_limits<std::size_t>::max)();

  /// Of the table in the file, or of its option `name`. The text lives as long as the resource that is made.
  std::string_view name() const noexcept;
  /// What `upstream` leads to; null where there is none. It outlives the resource that is made.
  std::pmr::memory_resource* upstream() const noexcept;

  /// The option of that key, or `otherwise` where the file has none. size() reads bytes, as a number or a text such as
  /// "64KiB".
  /// @throws config_error: it is of another type, or out of range
  /// @{
  bool flag(std::string_view key, bool otherwise);
  std::size_t size(std::string_view key, std::size_t otherwise, std::size_t least = 0, std::size_t most = unlimited);
  std::uint64_t count(std::string_view key, std::uint64_t otherwise, std::uint64_t least = 0,
                      std::uint64_t most = (std::numeric_limits<std::uint64_t>::max)());
  double real(std::string_view key, double otherwise, double least, double most);
  std::string text(std::string_view key, std::string otherwise);
  /// @}
  /// One of `words`.
  std::string choice(std::string_view key, std::string otherwise, std::vector<std::string> words);

  /// For what the functions above do not find: throws a config_error at the option's place.
  [[noreturn]] void refuse(std::string_view key, const std::string& problem) const;

  struct state;
  /// For the library alone.
  explicit strategy_request(state& is) noexcept : state_(is) {}

 private:
  state& state_;
};

/// Makes a resource as a config asks. What it throws, a null pointer too, becomes a config_error at the place of the
/// table; config_errors pass through.
using strategy_factory = std::function<std::unique_ptr<std::pmr::memory_resource>(strategy_request& wanted)>;

/// From now on configs may say `strategy = "NAME"`. Lasts as long as the process. Thread-safe.
/// @throws std::invalid_argument: the name is taken, is empty, or has control characters; or there is no factory
ALLOT_EXPORT void register_strategy(std::string name, strategy_factory factory);

/// The names `strategy` takes, users' own included, in the order of the alphabet. Thread-safe.
ALLOT_EXPORT std::vector<std::string> strategy_names();

}  // namespace allot
