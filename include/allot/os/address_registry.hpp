#pragma once

#include <allot/core/compiler.hpp>
#include <allot/core/fixed_text.hpp>
#include <allot/core/resource.hpp>
#include <allot/os/virtual_memory.hpp>
#include <array>
#include <cstddef>
#include <memory>
#include <string_view>
#include <type_traits>

namespace allot::os {

/// Which resource of this process has which addresses: ranges and names only, kept up to date when a resource gets or
/// gives back a chunk, never per small block. So whoever has only a pointer can find whom to ask about it.
///
/// Ranges lie inside one another where resources are stacked. What was removed last is remembered by name for a while.
/// Ranges are spread over some trees by where they begin, each with a lock of its own (treaps: Seidel and Aragon,
/// 1996), so coming and going takes the logarithm of how many there are, and threads seldom wait for each other. The
/// layout is laid open to debuggers, see docs/gdb/allot.py.
///
/// Thread-safe and usable in the child of a fork. Its memory comes from pages of its own.
namespace address_registry {

/// A range of addresses, and who answers for it.
struct range {
  const void* begin = nullptr;  ///< its first byte
  std::size_t bytes = 0;        ///< 0: its owner is known to for_each_owner(), and no address finds it
  resource* owner = nullptr;    ///< null when it is gone and its addresses are kept inaccessible
  std::string_view kind = {};   ///< of the owner; the characters live as long as the program
  bool shared = false;          ///< the owner may be asked on any thread (resource::try_look_at)
  bool bounded = false;         ///< the owner knows the bounds of its blocks, for guarded_copy() and its like
};

/// Adds a range. On failure nothing has changed: the owner then works as ever, and its addresses are not known.
[[nodiscard]] ALLOT_EXPORT status add(const range& added) noexcept;

/// Removes the range of that owner which starts at `begin`; harmless when there is none.
ALLOT_EXPORT void remove(const void* begin, const resource* owner, bool bounded = false) noexcept;

/// Removes all ranges of that owner. Takes time for every range there is.
ALLOT_EXPORT void remove_all(const resource* owner) noexcept;

/// The same range has another size, or another owner, from now on.
ALLOT_EXPORT void resize(const void* begin, const resource* owner, std::size_t bytes) noexcept;
/// @copydoc resize
ALLOT_EXPORT void hand_over(const void* begin, const resource* from, resource& to) noexcept;

/// The owner took more memory inside the range, on this thread.
ALLOT_EXPORT void note_growth(const void* begin, const resource* owner) noexcept;

/// Makes the bounded range that starts at `begin` one without an owner, of the first `bytes` bytes.
ALLOT_EXPORT void orphan(const void* begin, const resource* owner, std::size_t bytes) noexcept;

/// While it lives, what its owner removes on this thread was removed because the owner is being destroyed.
class ALLOT_EXPORT ending {
 public:
  explicit ending(const resource& owner) noexcept;  ///< one may be inside another
  ~ending();
  ending(const ending&) = delete;
  ending& operator=(const ending&) = delete;

 private:
  const resource* before_;
};

// ---- asking

/// A range as it was when somebody asked. The owner may be gone since: call it only by way of ask().
struct found_range {
  const void* begin = nullptr;  ///< its first byte
  std::size_t bytes = 0;        ///< of the range
  resource* owner = nullptr;    ///< null where there is none, or not any more
  fixed_text<31> name = {};     ///< of the owner; its kind when it has none
  std::string_view kind = {};   ///< as range::kind
  bool shared = false;          ///< as range::shared
  bool bounded = false;         ///< as range::bounded
};

/// What is known of an address.
struct findings {
  static constexpr std::size_t most = 4;  ///< ranges told of
  std::array<found_range, most> live;     ///< that p lies in, the innermost first
  std::size_t count = 0;                  ///< of these
  bool outer_left_out = false;            ///< there are more, further out
  bool busy = false;                      ///< a part was locked for too long, and not looked at
  found_range gone;        ///< p lay in it, and nobody has made one there since; bytes 0: none. Without an owner
  bool destroyed = false;  ///< its owner is; otherwise it was given back
};

/// How long a look waits for who is changing what is looked at.
enum class patience { as_long_as_it_takes, little };  ///< little: for signal handlers

/// All there is to know of p.
ALLOT_EXPORT findings look(const void* p, patience wait = patience::as_long_as_it_takes) noexcept;

/// The innermost range p lies in; begin is null when there is none.
ALLOT_EXPORT found_range find(const void* p) noexcept;
/// The innermost of the bounded ones.
ALLOT_EXPORT found_range find_bounded(const void* p) noexcept;

/// Whether what was found may be asked on this thread: it is shared, or of all its ranges the one that memory was taken
/// for last is this thread's. Takes time for every range there is; false where nobody was to wait.
ALLOT_EXPORT bool is_used_here(const found_range& found, patience wait = patience::as_long_as_it_takes) noexcept;

/// Something to be called with a resource, which cannot be destroyed meanwhile unless it is the calling thread's. It
/// runs with the registry locked: it must not wait, make or destroy resources, or have them get or give back memory.
class owner_visitor {
 public:
  /// Keeps only a reference: `function` must outlive this object.
  template <class Function, class = std::enable_if_t<!std::is_same_v<std::decay_t<Function>, owner_visitor>>>
  owner_visitor(Function&& function) noexcept
      : function_(const_cast<void*>(static_cast<const void*>(std::addressof(function)))),
        call_([](void* f, resource& owner) { (*static_cast<std::remove_reference_t<Function>*>(f))(owner); }) {}

  void operator()(resource& owner) const { call_(function_, owner); }

 private:
  void* function_;
  void (*call_)(void*, resource&);
};

/// Calls the visitor with the owner of what was found. False where that is not there any more, or nobody was to wait.
ALLOT_EXPORT bool ask(const found_range& found, owner_visitor visitor, patience wait = patience::as_long_as_it_takes);

/// For the visitor: the size of the range of that owner which starts at `begin`, so that it need not trust what lies
/// in the memory, which the program may have overwritten. 0 where there is none, or another thread looks too long.
ALLOT_EXPORT std::size_t size_of(const void* begin, const resource* owner) noexcept;

/// Calls the visitor once with every owner of a range, in no stated order. Where the system refuses the memory to
/// remember which were visited, owners of many ranges are visited again.
ALLOT_EXPORT void for_each_owner(owner_visitor visitor);

}  // namespace address_registry
}  // namespace allot::os
