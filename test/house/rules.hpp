#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

/// The rules of the source tree, as functions of paths and texts alone. Paths are relative to the tree's root, with
/// '/'. Each violation is one line that says where and what.
namespace allot::test::house {

/// What one file does that it may not:
///  - rooms: include/allot/ROOM and lib/ROOM exist for the rooms of the floor table only, and a room includes itself
///  and
///    lower floors; quotes are for headers of the same folder
///  - platforms: conditionals about them, and raw calls for memory, stand in `os` only
///  - compilers: what not all of them understand stands in core/compiler.hpp, `os` and the preload library only
///  - builds: a public header is the same whatever the build type and the sanitizer
///  - every header has #pragma once
std::vector<std::string> violations(std::string_view path, std::string_view text);

/// Files of lib/ whose public header, of the same room and name, is not among the paths.
std::vector<std::string> mirror_violations(const std::set<std::string>& paths);

/// Entries of the tree's root that have no place there.
std::vector<std::string> top_level_violations(const std::set<std::string>& names);

}  // namespace allot::test::house
