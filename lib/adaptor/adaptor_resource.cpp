#include <allot/adaptor/adaptor_resource.hpp>

namespace allot {

adaptor_resource::~adaptor_resource() = default;

void* adaptor_resource::try_allocate(std::size_t bytes, std::size_t alignment) noexcept {
  return upstream_.try_allocate(bytes, alignment);
}

bool adaptor_resource::try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                  std::size_t alignment) noexcept {
  resource* const ours = upstream_.ours();
  return ours != nullptr ? ours->try_expand(p, old_bytes, new_bytes, alignment) : old_bytes == new_bytes;
}

std::size_t adaptor_resource::available() const noexcept {
  return upstream_.ours() != nullptr ? upstream_.ours()->available() : 0;
}

memory_usage adaptor_resource::usage() const noexcept {
  return upstream_.ours() != nullptr ? upstream_.ours()->usage() : memory_usage{};
}

bool adaptor_resource::owns(const void* p) const noexcept {
  return upstream_.ours() != nullptr && upstream_.ours()->owns(p);
}

block_info adaptor_resource::find_block(const void* p) const noexcept {
  return upstream_.ours() != nullptr ? upstream_.ours()->find_block(p) : block_info{};
}

block_extent adaptor_resource::live_block(const void* p) const noexcept {
  return upstream_.ours() != nullptr ? upstream_.ours()->live_block(p) : block_extent{};
}

void adaptor_resource::release() noexcept {
  if (upstream_.ours() != nullptr) upstream_.ours()->release();
}

std::size_t adaptor_resource::trim() noexcept { return upstream_.ours() != nullptr ? upstream_.ours()->trim() : 0; }

bool adaptor_resource::check() const noexcept { return upstream_.ours() == nullptr || upstream_.ours()->check(); }

void adaptor_resource::for_each_block(block_visitor visitor) const {
  if (upstream_.ours() != nullptr) upstream_.ours()->for_each_block(visitor);
}

bool adaptor_resource::tell_events_to(event_sink* sink) noexcept {
  return upstream_.ours() != nullptr && upstream_.ours()->tell_events_to(sink);
}

}  // namespace allot
