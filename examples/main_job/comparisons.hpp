#pragma once

#include <string>
#include <vector>

#include "results.hpp"
#include "token_verification.hpp"

namespace main_job {

/// What each job was, in a line.
std::string summary(const job_size& size);
std::string summary(const verified_tokens& tokens);

/// The measurements of each job with the words that go with them in the table and the chart.
comparison compare_resources(const job_size& size, std::vector<measurement> results);
comparison compare_containers(const verified_tokens& tokens, std::vector<measurement> results);

}  // namespace main_job
