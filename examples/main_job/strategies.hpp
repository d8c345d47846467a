#pragma once

#include <memory>
#include <memory_resource>
#include <string_view>
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
  virtual void reuse() noexcept = 0;
};

/// A way to get memory. `upstream` outlives what `make` returns, which may leave it unused.
struct strategy {
  std::string_view name;
  std::unique_ptr<subject> (*make)(std::pmr::memory_resource& upstream);
};

/// All that are measured. The first, new_delete_resource, is what the others are compared with.
const std::vector<strategy>& strategies();

}  // namespace main_job
