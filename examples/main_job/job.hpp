#pragma once

#include <cstdint>
#include <memory_resource>
#include <optional>
#include <string>
#include <vector>

#include "document_tree.hpp"
#include "text_input.hpp"
#include "word_index.hpp"

namespace main_job {

/// What the job makes of the files, all of it in one resource.
struct job_result {
  word_index index;
  node tree;
};

job_result run_job(const std::vector<text_file>& files, std::pmr::memory_resource& memory);

/// A number over all that a result holds: equal for equal results. FNV-1a, 64 bits.
std::uint64_t digest(const job_result& result) noexcept;

/// Compares everything; the first difference found, in words, or nothing when the two are equal.
std::optional<std::string> difference(const job_result& reference, const job_result& result);

}  // namespace main_job
