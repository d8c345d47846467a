#include <algorithm>
#include <allot/core/allocation_error.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/os/secure_memory.hpp>
#include <allot/secure/safe_buffer.hpp>
#include <allot/secure/safe_string.hpp>
#include <cstring>
#include <utility>

namespace allot {
namespace {

constexpr std::size_t least_capacity = 31;

[[noreturn]] void fail_for(std::size_t characters) {
  throw allocation_error({memory_errc::size_overflow, "safe_string", characters, 1});
}

}  // namespace

safe_string::safe_string(std::string_view text, const allocator_type& memory) : safe_string(memory) { append(text); }

safe_string::safe_string(safe_string&& other) noexcept : memory_(other.memory_) { take_over(other); }

safe_string::safe_string(safe_string&& other, const allocator_type& memory) : safe_string(memory) {
  if (memory_ != other.memory_) {
    append(other.view());
    other.release();
  } else {
    take_over(other);
  }
}

safe_string& safe_string::operator=(safe_string&& other) noexcept {
  if (this == &other) return *this;
  release();
  memory_ = other.memory_;
  take_over(other);
  return *this;
}

void safe_string::take_over(safe_string& other) noexcept {
  data_ = std::exchange(other.data_, nullptr);
  size_ = std::exchange(other.size_, 0);
  capacity_ = std::exchange(other.capacity_, 0);
}

char* safe_string::allocate(std::size_t characters) {
  if (characters >= max_object_bytes) fail_for(characters);
  return static_cast<char*>(memory_->allocate(characters + 1, 1));
}

safe_string& safe_string::assign(std::string_view text) {
  if (text.size() > capacity_) {
    safe_string other(text, memory_);
    return *this = std::move(other);
  }
  if (!text.empty()) std::memmove(data_, text.data(), text.size());
  if (text.size() < size_) os::secure_zero(data_ + text.size(), size_ - text.size());
  size_ = text.size();
  return *this;
}

safe_string& safe_string::append(std::string_view text) {
  if (text.empty()) return *this;
  std::size_t needed = 0;
  if (!checked_add(size_, text.size(), needed)) fail_for(text.size());
  if (needed <= capacity_) {
    std::memmove(data_ + size_, text.data(), text.size());
  } else {
    safe_string grown{allocator_type(memory_)};
    grown.reserve(std::max({needed, least_capacity, std::min(2 * capacity_, max_object_bytes - 1)}));
    if (size_ != 0) std::memcpy(grown.data_, data_, size_);
    std::memcpy(grown.data_ + size_, text.data(), text.size());
    release();
    take_over(grown);
  }
  size_ = needed;
  return *this;
}

void safe_string::reserve(std::size_t characters) {
  if (characters <= capacity_) return;
  char* const made = allocate(characters);
  std::memset(made, 0, characters + 1);
  const std::size_t size = size_;
  if (size != 0) std::memcpy(made, data_, size);
  release();
  data_ = made;
  size_ = size;
  capacity_ = characters;
}

void safe_string::resize(std::size_t characters) {
  reserve(characters);
  if (characters < size_) os::secure_zero(data_ + characters, size_ - characters);
  size_ = characters;
}

void safe_string::clear() noexcept {
  os::secure_zero(data_, size_);
  size_ = 0;
}

void safe_string::release() noexcept {
  if (data_ == nullptr) return;
  os::secure_zero(data_, capacity_ + 1);
  memory_->deallocate(data_, capacity_ + 1, 1);
  data_ = nullptr;
  size_ = 0;
  capacity_ = 0;
}

bool safe_string::equals(std::string_view other) const noexcept {
  return other.size() == size_ && constant_time_equal(c_str(), other.data(), size_);
}

}  // namespace allot
