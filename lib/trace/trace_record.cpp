#include <allot/trace/trace_record.hpp>

namespace allot {

trace_error::trace_error(const std::string& file, std::uint64_t offset, const std::string& problem)
    : std::runtime_error(file + ": byte " + std::to_string(offset) + ": " + problem), offset_(offset) {}

trace_error::~trace_error() = default;

}  // namespace allot
