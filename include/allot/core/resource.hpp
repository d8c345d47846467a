#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/fixed_text.hpp>
#include <cstddef>
#include <memory_resource>
#include <string_view>
#include <type_traits>

/// Memory resources, and what goes with them.
namespace allot {

class event_sink;

/// Where a resource's bytes are. What a resource does not know stays 0.
struct memory_usage {
  std::size_t reserved = 0;   ///< address space or upstream bytes held
  std::size_t committed = 0;  ///< of those, bytes that may be touched
  std::size_t used = 0;       ///< of those, bytes in blocks handed out, with the padding before them
  std::size_t peak = 0;       ///< the most `used` has been since construction
  std::size_t wasted =
      0;  ///< committed bytes that serve no block now and cannot before a reset: headers, abandoned tails

  /// Of two resources together. `peak` is a sum too, though each may have been reached at a time of its own.
  memory_usage& operator+=(const memory_usage& more) noexcept {
    reserved += more.reserved;
    committed += more.committed;
    used += more.used;
    peak += more.peak;
    wasted += more.wasted;
    return *this;
  }
  friend bool operator==(const memory_usage& a, const memory_usage& b) noexcept {
    return a.reserved == b.reserved && a.committed == b.committed && a.used == b.used && a.peak == b.peak &&
           a.wasted == b.wasted;
  }
  friend bool operator!=(const memory_usage& a, const memory_usage& b) noexcept { return !(a == b); }
};

/// What an address is to a resource that looks at it.
enum class block_state {
  unknown,
  used,
  free,
  quarantined,  ///< freed, and kept from use for a while
  guard,        ///< inaccessible, beside a block
  slack,        ///< beside a block, in the memory that was taken for it
  gap,          ///< held by the resource, and no memory for blocks: headers, or addresses without memory
};

/// One block as a resource sees it.
struct block_info {
  const void* begin = nullptr;               ///< its first byte; null: there is none
  std::size_t bytes = 0;                     ///< its size
  bool exact = false;                        ///< `bytes` is what was asked for; otherwise rounded, or a whole region
  block_state state = block_state::unknown;  ///< what it is to the resource
};

/// With what a block may be freed and resized, where nobody kept what was asked for.
struct block_extent {
  std::size_t bytes = 0;      ///< all may be used, but where a memory tool watches; 0: not known
  std::size_t alignment = 0;  ///< to be stated with them; the block may have more
};

/// A non-owning reference to something callable with a block_info. It runs while the resource is being walked and must
/// not call that resource.
class block_visitor {
 public:
  /// Keeps only a reference: `function` must outlive this object.
  template <class Function, class = std::enable_if_t<!std::is_same_v<std::decay_t<Function>, block_visitor>>>
  block_visitor(Function&& function) noexcept
      : function_(const_cast<void*>(static_cast<const void*>(&function))),
        call_([](void* f, const block_info& block) { (*static_cast<std::remove_reference_t<Function>*>(f))(block); }) {}

  void operator()(const block_info& block) const { call_(function_, block); }

 private:
  void* function_;
  void (*call_)(void*, const block_info&);
};

struct block_sight;

/// The base of every allot resource: a std::pmr::memory_resource with a small vocabulary, so that tools and adaptors
/// can treat all alike. A strategy that cannot do one of these gives the default answer stated here.
///
/// Equality is identity; copying is deleted. Each final class says how it may be used from threads.
class ALLOT_EXPORT resource : public std::pmr::memory_resource {
 public:
  resource(const resource&) = delete;
  resource& operator=(const resource&) = delete;
  ~resource() override = default;

  /// The class's own name, such as "chained_arena".
  virtual std::string_view kind() const noexcept = 0;

  /// The name given at construction (its first 31 bytes, control characters as question marks), or kind() when none
  /// was.
  std::string_view name() const noexcept { return name_.size() != 0 ? std::string_view(name_) : kind(); }

  /// The same, but empty when none was given.
  std::string_view given_name() const noexcept { return name_; }

  /// Where this resource's own memory comes from; null when that is the operating system or a caller's buffer alone.
  virtual std::pmr::memory_resource* upstream() const noexcept { return nullptr; }

  /// Of a resource with several upstreams those after the first, numbered from 0; null behind the last. Default: none.
  virtual std::pmr::memory_resource* further_upstream(std::size_t /*number*/) const noexcept { return nullptr; }

  /// Whose memory this really is: a slice or an adaptor answers with its parent's root.
  virtual const std::pmr::memory_resource* root() const noexcept { return this; }

  /// As allocate(), but null instead of an exception; for invalid alignments too.
  [[nodiscard]] virtual void* try_allocate(std::size_t bytes,
                                           std::size_t alignment = alignof(std::max_align_t)) noexcept;

  /// Grows or shrinks a block in place. On success the block has the new size and is freed with it; on failure nothing
  /// has changed. Default: only the same size succeeds.
  [[nodiscard]] virtual bool try_expand(void* p, std::size_t old_bytes, std::size_t new_bytes,
                                        std::size_t alignment) noexcept;

  /// Bytes that can be had without asking the upstream or the system again; an estimate where alignment matters.
  /// Default: 0.
  virtual std::size_t available() const noexcept { return 0; }

  /// Where its bytes are at this moment. Default: all 0.
  virtual memory_usage usage() const noexcept { return {}; }

  /// Whether p points into memory held by this resource. Default: false.
  virtual bool owns(const void* /*p*/) const noexcept { return false; }

  /// The block or region p points into; state unknown when there is none or the resource cannot tell.
  virtual block_info find_block(const void* /*p*/) const noexcept { return {}; }

  /// For callers such as free(), who have nothing but the pointer: the extent of the live block that starts at p.
  /// As thread-safe as deallocate(). 0 bytes for a pointer that is no block's start, as far as that is noticed; of all
  /// blocks, where a resource cannot tell. Default: 0 bytes.
  virtual block_extent live_block(const void* /*p*/) const noexcept { return {}; }

  /// find_block() for tools that explain addresses, a fault handler included, with what else is known. It never waits:
  /// false, where a lock is taken. A resource that is not thread-safe is asked only on the thread that uses it.
  virtual bool try_look_at(const void* p, block_sight& seen) const noexcept;

  /// Gives everything back and restores the constructed state; blocks handed out are dead. Twice is harmless. Default:
  /// nothing.
  virtual void release() noexcept {}

  /// Whether release() gives all blocks back, as that of an adaptor over a foreign resource does not. Default: false.
  virtual bool can_release() const noexcept { return false; }

  /// Gives back what is held but unused; returns bytes given back. Default: 0.
  virtual std::size_t trim() noexcept { return 0; }

  /// Walks the invariants; false when one is broken. Default: true.
  virtual bool check() const noexcept { return true; }

  /// Calls the visitor for every block or region known, in no stated order. Default: none.
  virtual void for_each_block(block_visitor /*visitor*/) const {}

  /// Has `sink` hear of what happens at this resource, of the kinds it wants, instead of the sink before; null: nobody.
  /// The sink must outlive the resource or the next such call. False where a resource does not tell. Default: false.
  virtual bool tell_events_to(event_sink* /*sink*/) noexcept { return false; }

  /// An address that objects of one class alone answer with, where others look for that class. Default: null.
  virtual const void* exact_class() const noexcept { return nullptr; }

 protected:
  resource() noexcept = default;
  /// The name is copied as name() says; empty: none.
  explicit resource(std::string_view name) noexcept : name_(name) { name_.make_printable(); }

  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept final;

 private:
  fixed_text<31> name_;
};

/// The resource behind a plain memory_resource pointer, or null when it is not one of ours. Needs no RTTI: it asks
/// whether p is equal to std::pmr::null_memory_resource(), at which one of ours says who it is.
ALLOT_EXPORT resource* as_resource(std::pmr::memory_resource* p) noexcept;
/// @copydoc as_resource(std::pmr::memory_resource*)
ALLOT_EXPORT const resource* as_resource(const std::pmr::memory_resource* p) noexcept;

}  // namespace allot
