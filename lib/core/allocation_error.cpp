#include <allot/core/allocation_error.hpp>

namespace allot {

allocation_error::allocation_error(const allocation_failure& failure) noexcept
    : code_(failure.code),
      os_code_(failure.os_code),
      bytes_(failure.bytes),
      alignment_(failure.alignment),
      limit_(failure.limit),
      resource_(failure.resource) {
  if (resource_.size() != 0) what_.append(resource_).append(": ");
  what_.append("cannot provide ").append_decimal(bytes_).append(" bytes");
  if (alignment_ != 0) what_.append(" aligned to ").append_decimal(alignment_);
  what_.append(": ").append(message(code_));
  if (limit_ != 0) what_.append(" (limit ").append_decimal(limit_).append(" bytes)");
  if (os_code_ != 0) what_.append(" (system error ").append_decimal(static_cast<unsigned>(os_code_)).append(")");
}

allocation_error::~allocation_error() = default;

}  // namespace allot
