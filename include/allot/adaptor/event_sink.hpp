#pragma once

#include <allot/core/compiler.hpp>
#include <cstddef>
#include <string_view>

namespace allot {

enum class memory_event_kind {
  allocate,    ///< a block was handed out
  deallocate,  ///< a block is about to be freed
  expand,      ///< a block grew or shrank in place
  refuse,      ///< a request was refused: `address` is null
  release,     ///< all blocks are about to be given up
  trim,        ///< memory held but not used was given back: `bytes` of it
};

/// The name of a kind, such as "allocate".
ALLOT_EXPORT std::string_view name_of(memory_event_kind kind) noexcept;

/// Something that happened at a resource. Sizes are in bytes.
struct memory_event {
  memory_event_kind kind{};
  const void* address = nullptr;   ///< of the block
  std::size_t bytes = 0;           ///< of the block; of expand, before
  std::size_t alignment = 0;       ///< 0 where there is none
  std::size_t new_bytes = 0;       ///< of expand, after
  std::string_view resource = {};  ///< name of the resource; lives as long as the call
};

/// Takes events. write() is called by every thread that uses the resource, at the same time if the resource is used so.
class ALLOT_EXPORT event_sink {
 public:
  virtual ~event_sink();

  /// May throw; the event is then lost, and counted as lost by whom it came from. Must not use the resource.
  virtual void write(const memory_event& event) = 0;

 protected:
  event_sink() = default;
  event_sink(const event_sink&) = default;
  event_sink& operator=(const event_sink&) = default;
};

}  // namespace allot
