#include <allot/core/object.hpp>
#include <boost/test/unit_test.hpp>
#include <stdexcept>
#include <string>
#include <utility>

using namespace allot;

namespace {

/// Counts bytes it was asked for and got back.
class counting final : public std::pmr::memory_resource {
 public:
  std::size_t taken = 0;
  std::size_t returned = 0;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    taken += bytes;
    return std::pmr::new_delete_resource()->allocate(bytes, alignment);
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    returned += bytes;
    std::pmr::new_delete_resource()->deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

struct throwing {
  throwing() { throw std::runtime_error("no"); }
};

struct alignas(128) wide {
  char byte = 1;
};

const std::string long_text(100, 'x');

}  // namespace

BOOST_AUTO_TEST_SUITE(objects)

BOOST_AUTO_TEST_CASE(an_object_comes_from_the_resource_and_goes_back_whole) {
  counting memory;
  auto* number = new_object<int>(memory, 7);
  BOOST_TEST(*number == 7);
  BOOST_TEST(memory.taken == sizeof(int));
  delete_object(memory, number);
  BOOST_TEST(memory.returned == sizeof(int));
  delete_object<int>(memory, nullptr);
}

BOOST_AUTO_TEST_CASE(a_throwing_constructor_leaks_nothing) {
  counting memory;
  BOOST_CHECK_THROW((void)new_object<throwing>(memory), std::runtime_error);
  BOOST_TEST(memory.taken == sizeof(throwing));
  BOOST_TEST(memory.returned == memory.taken);
}

BOOST_AUTO_TEST_CASE(members_that_can_use_the_resource_get_it) {
  counting memory;
  {
    auto text = allot::make_unique<std::pmr::string>(memory, long_text);
    BOOST_TEST(text->get_allocator().resource() == &memory);
    BOOST_TEST(memory.taken > sizeof(std::pmr::string) + 100);
    auto pair = allot::make_unique<std::pair<std::pmr::string, int>>(memory, long_text, 1);
    BOOST_TEST(pair->first.get_allocator().resource() == &memory);
  }
  BOOST_TEST(memory.returned == memory.taken);
}

BOOST_AUTO_TEST_CASE(over_aligned_objects_are_aligned) {
  counting memory;
  const auto object = allot::make_unique<wide>(memory);
  BOOST_TEST(reinterpret_cast<std::uintptr_t>(object.get()) % 128 == 0u);
  BOOST_TEST(object.get_deleter().resource() == &memory);
}

BOOST_AUTO_TEST_SUITE_END()
