#include <allot/adaptor/limiting_resource.hpp>
#include <allot/block/budget_slice.hpp>
#include <allot/block/reserving_resource.hpp>
#include <allot/core/memory_tools.hpp>
#include <allot/core/resource.hpp>
#include <boost/test/unit_test.hpp>
#include <new>

#include "core/without_rtti.hpp"
#include "support/child.hpp"

using namespace allot;

namespace {

/// The least a resource can be; `refuse` makes it throw.
class plain_resource final : public resource {
 public:
  explicit plain_resource(std::string_view name = {}) : resource(name) {}
  std::string_view kind() const noexcept override { return "plain_resource"; }
  bool refuse = false;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (refuse) throw std::bad_alloc();
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    std::pmr::new_delete_resource()->deallocate(p, bytes, alignment);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(resource_base)

BOOST_AUTO_TEST_CASE(equality_is_identity) {
  plain_resource a;
  plain_resource b;
  BOOST_TEST(a.is_equal(a));
  BOOST_TEST(!a.is_equal(b));
  BOOST_TEST(!a.is_equal(*std::pmr::new_delete_resource()));
}

BOOST_AUTO_TEST_CASE(a_name_is_copied_and_cut_and_falls_back_to_the_kind) {
  BOOST_TEST(plain_resource().name() == "plain_resource");
  std::string name = "orders";
  const plain_resource named(name);
  name = "changed";
  BOOST_TEST(named.name() == "orders");
  BOOST_TEST(plain_resource(std::string(100, 'x')).name() == std::string(31, 'x'));
  // Names stand in lines of logs and reports, which must not be forged.
  BOOST_TEST(plain_resource("a\nb\x1b[0m\x7f \xc3\xa9").name() == "a?b?[0m? \xc3\xa9");
}

BOOST_AUTO_TEST_CASE(try_allocate_returns_null_instead_of_throwing_and_for_bad_alignments) {
  plain_resource memory;
  void* p = memory.try_allocate(10);
  BOOST_TEST(p != nullptr);
  memory.deallocate(p, 10);
  BOOST_TEST(memory.try_allocate(10, 3) == nullptr);
  BOOST_TEST(memory.try_allocate(10, 0) == nullptr);
  memory.refuse = true;
  BOOST_TEST(memory.try_allocate(10) == nullptr);
}

BOOST_AUTO_TEST_CASE(the_defaults_say_that_nothing_is_known) {
  plain_resource memory;
  char byte = 0;
  BOOST_TEST(memory.upstream() == nullptr);
  BOOST_TEST(memory.root() == &memory);
  BOOST_TEST(memory.available() == 0u);
  BOOST_TEST((memory.usage() == memory_usage{}));
  BOOST_TEST(!memory.owns(&byte));
  BOOST_TEST((memory.find_block(&byte).state == block_state::unknown));
  BOOST_TEST(memory.trim() == 0u);
  BOOST_TEST(memory.check());
  BOOST_TEST(memory.try_expand(&byte, 1, 1, 1));
  BOOST_TEST(!memory.try_expand(&byte, 1, 2, 1));
}

BOOST_AUTO_TEST_CASE(ours_are_recognised_behind_a_plain_pointer_and_others_are_not) {
  plain_resource memory;
  std::pmr::memory_resource* p = &memory;
  BOOST_TEST(as_resource(p) == &memory);
  BOOST_TEST(as_resource(std::pmr::new_delete_resource()) == nullptr);
  BOOST_TEST(as_resource(static_cast<std::pmr::memory_resource*>(nullptr)) == nullptr);
}

BOOST_AUTO_TEST_CASE(a_resource_that_asks_the_one_below_whether_it_is_equal_is_not_taken_for_that) {
  class passes_on final : public std::pmr::memory_resource {
    void* do_allocate(std::size_t, std::size_t) override { throw std::bad_alloc(); }
    void do_deallocate(void*, std::size_t, std::size_t) override {}
    bool do_is_equal(const memory_resource& other) const noexcept override { return below.is_equal(other); }
    plain_resource below;
  };
  passes_on memory;
  BOOST_TEST(as_resource(&memory) == nullptr);
}

BOOST_AUTO_TEST_CASE(classes_compiled_without_rtti_are_known_as_others_are) {
  if (memory_tools::active()) return test::skip("UndefinedBehaviorSanitizer wants every object to say what it is");
  BOOST_TEST(as_resource(&test::plain_without_rtti()) == nullptr);
  BOOST_TEST(as_resource(&test::ours_without_rtti()) == &test::ours_without_rtti());
  for (std::pmr::memory_resource* memory : {&test::plain_without_rtti(), &test::ours_without_rtti()}) {
    BOOST_TEST(as_reserving_resource(memory) == nullptr);
    BOOST_TEST(as_budget_slice(memory) == nullptr);
    limiting_resource limited(1000, *memory);
    void* const p = limited.allocate(100);
    BOOST_TEST(limited.live_bytes() == 100u);
    limited.deallocate(p, 100);
  }
}

BOOST_AUTO_TEST_CASE(a_visitor_calls_what_it_was_made_from) {
  std::size_t bytes = 0;
  auto count = [&](const block_info& block) { bytes += block.bytes; };
  const block_visitor visit(count);
  visit({nullptr, 5});
  visit({nullptr, 6});
  BOOST_TEST(bytes == 11u);
}

BOOST_AUTO_TEST_SUITE_END()
