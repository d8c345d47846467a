#pragma once

#include <cstddef>
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
  virtual void reuse() = 0;
};

/// What a strategy is made for.
struct surroundings {
  std::pmr::memory_resource& upstream;  ///< outlives the subject, which may leave it unused
  std::size_t room;                     ///< bytes one job takes at most, for what cannot grow
};

/// A way to get memory.
struct strategy {
  std::string_view name;
  std::unique_ptr<subject> (*make)(const surroundings& given);
};

/// All that are measured. The first, new_delete_resource, is what the others are compared with. local_arena is not
/// among them: its size is part of its type, and a job's follows from the input.
const std::vector<strategy>& strategies();

}  // namespace main_job
