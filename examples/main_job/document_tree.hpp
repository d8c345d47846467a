#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

#include "text_input.hpp"

namespace main_job {

/// An element of a document, as in a DOM. All it holds, however deep, is in the resource it was made with.
///
///     document > file (bytes, lines) > paragraph (line) > line (line, indent, words) > line indented deeper > ...
struct node {
  using allocator_type = std::pmr::polymorphic_allocator<std::byte>;

  node(std::string_view kind_, std::string_view text_, const allocator_type& allocator)
      : kind(kind_, allocator), text(text_, allocator), attributes(allocator), children(allocator) {}

  /// Steals where both are in one resource, copies otherwise: what a container asks for when it moves its elements.
  node(node&& other, const allocator_type& allocator)
      : kind(std::move(other.kind), allocator),
        text(std::move(other.text), allocator),
        attributes(std::move(other.attributes), allocator),
        children(std::move(other.children), allocator) {}

  node(node&&) noexcept = default;

  // A plain copy would silently move to the default resource.
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  std::pmr::string kind;
  std::pmr::string text;
  std::pmr::map<std::pmr::string, std::pmr::string, std::less<>> attributes;
  std::pmr::vector<node> children;
};

/// Lines nest no deeper than this; those indented still deeper are siblings. Keeps recursion over a tree shallow
/// whatever the text.
inline constexpr std::size_t deepest_line = 64;

/// Blank lines part paragraphs; within one a line belongs to the last line before it that is indented less.
node build_tree(const std::vector<text_file>& files, std::pmr::memory_resource& memory);

}  // namespace main_job
