#pragma once

#include <cstddef>
#include <memory_resource>
#include <type_traits>
#include <utility>

namespace allot {

namespace detail {

/// Notes the sizes asked of it between two marks.
class request_probe final : public std::pmr::memory_resource {
 public:
  static constexpr std::size_t most = 16;  ///< sizes noted; those after them are not

  /// Since clear().
  bool asked_for(std::size_t bytes) const noexcept {
    for (std::size_t i = 0; i < count_; ++i)
      if (sizes_[i] == bytes) return true;
    return false;
  }
  std::size_t count() const noexcept { return count_; }
  std::size_t operator[](std::size_t at) const noexcept { return sizes_[at]; }
  void clear() noexcept { count_ = 0; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    void* const p = upstream_->allocate(bytes, alignment);
    if (count_ < most) sizes_[count_++] = bytes;
    return p;
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    upstream_->deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  std::pmr::memory_resource* upstream_ = std::pmr::new_delete_resource();
  std::size_t sizes_[most] = {};
  std::size_t count_ = 0;
};

template <class Container, class = void>
struct has_before_begin : std::false_type {};
template <class Container>
struct has_before_begin<Container, std::void_t<decltype(std::declval<Container&>().before_begin())>> : std::true_type {
};

template <class Container, class = void>
struct has_emplace_back : std::false_type {};
template <class Container>
struct has_emplace_back<Container, std::void_t<decltype(std::declval<Container&>().emplace_back())>> : std::true_type {
};

template <class Container, class = void>
struct has_keys : std::false_type {};
template <class Container>
struct has_keys<Container, std::void_t<typename Container::key_type>> : std::true_type {};

template <class Container, class... Args>
void add_element(Container& container, const Args&... args) {
  if constexpr (has_before_begin<Container>::value) {
    container.emplace_after(container.before_begin(), args...);
  } else if constexpr (std::is_constructible_v<typename Container::value_type, const Args&...> &&
                       has_emplace_back<Container>::value) {
    container.emplace_back(args...);
  } else {
    container.emplace(args...);
  }
}

}  // namespace detail

/// Bytes of the block that a container with a std::pmr allocator asks for with each element, such as the node of a
/// list, map or unordered_map: what to hand to preallocate() of a pool, or to its list of exact sizes. Measured, by
/// putting elements made of `args` into a container. That they are equal does not matter: libraries that look for a key
/// before they make a node still make the first.
/// 0 for containers that have no such block (vector, deque).
///
///     pool.preallocate(allot::node_size<std::pmr::map<int, int>>(), 1000);
///
/// Thread-safe.
/// @throws what the elements' construction throws, or std::bad_alloc
template <class Container, class... Args>
std::size_t node_size(const Args&... args) {
  constexpr std::size_t elements = 6;
  detail::request_probe probe;
  std::size_t common[detail::request_probe::most] = {};
  std::size_t count = 0;
  {
    Container container{typename Container::allocator_type(&probe)};
    for (std::size_t i = 0; i < elements; ++i) {
      probe.clear();
      detail::add_element(container, args...);
      if (i == 0) {
        for (; count < probe.count(); ++count) common[count] = probe[count];
      } else if (probe.count() != 0 || !detail::has_keys<Container>::value) {
        std::size_t kept = 0;
        for (std::size_t k = 0; k < count; ++k)
          if (probe.asked_for(common[k])) common[kept++] = common[k];
        count = kept;
      }
    }
  }
  return count != 0 ? common[0] : 0;  // a node is there before its element, and what that asks for
}

}  // namespace allot
