#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <memory_resource>
#include <string>
#include <vector>

namespace main_job {

/// A memory resource under measurement, with all it stands on.
class subject {
 public:
  subject() = default;
  subject(const subject&) = delete;
  subject& operator=(const subject&) = delete;
  virtual ~subject() = default;

  /// What the job's containers get.
  virtual std::pmr::memory_resource& memory() noexcept = 0;

  /// Makes ready for the next job what the last one has left, as a program would that keeps the resource.
  virtual void reuse() = 0;
};

/// What a strategy is made for.
struct surroundings {
  std::pmr::memory_resource& upstream;  ///< outlives the subject, which may leave it unused
  std::size_t room;                     ///< bytes one job takes at most, for what cannot grow
};

/// A way to get memory.
struct strategy {
  std::string name;
  std::function<std::unique_ptr<subject>(const surroundings& given)> make;
};

/// The config that is part of the project.
std::string default_config();

/// All that are measured: the resources of a config file, in its order. The first is what the others are compared with.
/// @throws allot::config_error
std::vector<strategy> strategies(const std::string& path = default_config());

}  // namespace main_job
