#include "verification.hpp"

#include <allot/core/resource.hpp>
#include <memory_resource>
#include <numeric>
#include <string>

#include "counting_resource.hpp"
#include "job.hpp"

namespace main_job {

namespace {

std::size_t count_nodes(const node& element) {
  return std::accumulate(element.children.begin(), element.children.end(), std::size_t{1},
                         [](std::size_t sum, const node& child) { return sum + count_nodes(child); });
}

job_size size_of(const std::vector<text_file>& files, const job_result& result) {
  job_size size;
  size.files = files.size();
  for (const text_file& file : files) size.bytes += file.text.size();
  for (const auto& entry : result.index) size.words += entry.second.size();
  size.different_words = result.index.size();
  size.nodes = count_nodes(result.tree);
  size.digest = digest(result);
  return size;
}

/// The resource in a stack of ours that takes memory from the system; null when the stack ends in somebody else's
/// upstream.
const allot::resource* system_end_of(const std::pmr::memory_resource& memory) noexcept {
  const allot::resource* end = allot::as_resource(&memory);
  while (end != nullptr && end->upstream() != nullptr) end = allot::as_resource(end->upstream());
  return end;
}

}  // namespace

void require_equal(std::string_view name, const std::optional<std::string>& difference, std::uint64_t digest,
                   std::uint64_t expected) {
  if (difference) throw mismatch(std::string(name) + ": " + *difference);
  if (digest != expected) throw mismatch(std::string(name) + ": another digest");
}

verified_job verify(const std::vector<text_file>& files, const std::vector<strategy>& all, progress& shown) {
  counting_resource taken(*std::pmr::new_delete_resource());
  const job_result reference = run_job(files, taken);
  verified_job job;
  job.size = size_of(files, reference);
  job.room = taken.room();
  for (const strategy& each : all) {
    shown.show("checking " + std::string(each.name));
    counting_resource upstream(*std::pmr::new_delete_resource());
    const auto tested = each.make({upstream, job.room});
    counting_resource containers(tested->memory());

    const job_result result = run_job(files, containers);
    require_equal(each.name, difference(reference, result), digest(result), job.size.digest);

    footprint memory{containers.peak(), upstream.peak(), upstream.total(), false};
    if (const allot::resource* system = system_end_of(tested->memory())) {
      memory.from_system = true;
      memory.upstream_peak = memory.upstream_total = system->usage().committed;
    }
    job.footprints.push_back(memory);
  }
  return job;
}

}  // namespace main_job
