#pragma once

#include <allot/core/compiler.hpp>
#include <memory>
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

namespace allot {

class memory_budget;

/// The resources of one config: built, owned, and found by their names.
///
///     const allot::resource_set resources = allot::load_config("memory.toml");
///     std::pmr::vector<int> v(resources["entities"]);
///
/// Looking a name up is for the start of a subsystem, not for its allocations: what comes back is the resource itself,
/// with nothing between it and the caller. Resources are destroyed with the set, or with what it is moved to, each
/// before what it stands on. All blocks must have been freed by then, as the strategies say.
///
/// Looking up and describing may be done by many threads at once; replace(), moving and destruction by one, with no
/// other call under way. The resources are as thread-safe as their strategies.
class ALLOT_EXPORT resource_set {
 public:
  struct state;

  /// The other has no resources then, and can only be assigned to or destroyed.
  resource_set(resource_set&&) noexcept;
  resource_set& operator=(resource_set&&) noexcept;
  /// Puts the default resource back that was there before, if that of the set still is in force.
  ~resource_set();

  /// The resource of [resources.NAME]; never null. Of a set that was moved from, nothing is found.
  /// @throws config_error for a name that is not there, with the nearest that is
  std::pmr::memory_resource* operator[](std::string_view name) const;
  /// The same, but null for a name that is not there.
  std::pmr::memory_resource* find(std::string_view name) const noexcept;
  /// What `default` names; null where the file names none. It may have been replaced as the program's default resource.
  std::pmr::memory_resource* default_resource() const noexcept;
  /// What stands for `name` in a program that was not written for this config: the resource of that name, otherwise the
  /// default, otherwise the only one there is. Null where that is nothing.
  std::pmr::memory_resource* serving(std::string_view name) const noexcept;
  /// The budget of [budgets.NAME], for its report or clear_transient().
  /// @throws config_error
  memory_budget& budget(std::string_view name) const;

  std::vector<std::string> names() const;  ///< of the resources, in the order of the file

  /// The stack as it stands, as a config: parsing it makes the same again, and describes itself in the same words.
  /// Options are those in force; those at their defaults are left out. Other names than in the file are not made up:
  /// what was written in place is described in place.
  std::string describe() const;

  /// Destroys the resource of that name and makes another in its place. `table` is what would stand below its
  /// [resources.NAME]. Pointers to the old one must be looked up again; if it was the default resource, the new one is.
  /// @throws config_error: the text is wrong in any way; blocks of the old one are live, or nobody can tell (as of the
  ///         standard's resources); others stand on it. All is as before
  void replace(std::string_view name, std::string_view table);

  /// For the library alone.
  explicit resource_set(std::unique_ptr<state> is) noexcept;

 private:
  std::unique_ptr<state> state_;
};

}  // namespace allot
