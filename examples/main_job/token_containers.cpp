#include "token_containers.hpp"

#include <allot/arena/chained_arena.hpp>
#include <allot/block/reserving_resource.hpp>
#include <allot/container/vlarray.hpp>
#include <deque>
#include <memory_resource>

#include "counting_resource.hpp"
#include "token_storage.hpp"

namespace main_job {

namespace {

using pmr_allocator = std::pmr::polymorphic_allocator<token>;

template <class Tokens>
std::uint64_t filled_and_walked(Tokens tokens, const std::vector<text_file>& files) {
  push_tokens(tokens, files);
  return token_digest(tokens);
}

template <class Tokens>
inspected_tokens compared(const Tokens& tokens, const std::vector<token>& reference) {
  return {token_difference(reference, tokens), token_digest(tokens), {}};
}

/// The standard's container with its own allocator. What that takes is counted with one that asks a resource for the
/// same.
template <template <class...> class Container>
class on_malloc final : public token_subject {
 public:
  std::uint64_t work(const std::vector<text_file>& files) override {
    return filled_and_walked(Container<token>(), files);
  }
  inspected_tokens inspect(const std::vector<text_file>& files, const std::vector<token>& reference) override {
    Container<token> tokens;
    push_tokens(tokens, files);
    inspected_tokens found = compared(tokens, reference);
    counting_resource counted(*std::pmr::new_delete_resource());
    filled_and_walked(Container<token, pmr_allocator>(&counted), files);
    found.memory = {counted.peak(), counted.peak(), counted.total(), false};
    return found;
  }
  void reuse() override {}
};

/// The standard's container on a chained_arena, which never gets a smaller buffer back.
template <template <class...> class Container>
class on_arena final : public token_subject {
 public:
  std::uint64_t work(const std::vector<text_file>& files) override {
    return filled_and_walked(Container<token, pmr_allocator>(&arena_), files);
  }
  inspected_tokens inspect(const std::vector<text_file>& files, const std::vector<token>& reference) override {
    counting_resource upstream(*std::pmr::new_delete_resource());
    allot::chained_arena arena(&upstream);
    counting_resource counted(arena);
    Container<token, pmr_allocator> tokens(&counted);
    push_tokens(tokens, files);
    inspected_tokens found = compared(tokens, reference);
    found.memory = {counted.peak(), upstream.peak(), upstream.total(), false};
    return found;
  }
  void reuse() override { arena_.clear(); }

 private:
  allot::chained_arena arena_;
};

/// Of a storage that outlives all arrays, as the default one does. A text may have more tokens than one reservation
/// holds, so the array may move.
template <allot::reserving_resource& (*Storage)() noexcept>
class in_vlarray final : public token_subject {
 public:
  std::uint64_t work(const std::vector<text_file>& files) override {
    return filled_and_walked(allot::vlarray<token>(options()), files);
  }
  inspected_tokens inspect(const std::vector<text_file>& files, const std::vector<token>& reference) override {
    allot::vlarray<token> tokens(options());
    push_tokens(tokens, files);
    inspected_tokens found = compared(tokens, reference);
    found.memory = {tokens.committed_bytes(), tokens.committed_bytes(), tokens.committed_bytes(), true};
    return found;
  }
  void reuse() override {}

 private:
  static allot::vlarray_options options() {
    allot::vlarray_options chosen;
    chosen.storage = &Storage();
    chosen.on_full = allot::when_full::move;
    return chosen;
  }
};

template <class Subject>
std::unique_ptr<token_subject> make() {
  return std::make_unique<Subject>();
}

}  // namespace

const std::vector<token_container>& token_containers() {
  static const std::vector<token_container> table{
      {"std::vector", make<on_malloc<std::vector>>},
      {"std::deque", make<on_malloc<std::deque>>},
      {"vlarray", make<in_vlarray<allot::default_reserving_resource>>},
      {"vlarray, 4 KiB pages", make<in_vlarray<small_page_storage>>},
      {"std::pmr::vector on chained_arena", make<on_arena<std::vector>>},
      {"std::pmr::deque on chained_arena", make<on_arena<std::deque>>},
  };
  return table;
}

}  // namespace main_job
