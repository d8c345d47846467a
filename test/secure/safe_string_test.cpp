#include <allot/core/allocation_error.hpp>
#include <allot/core/checked_size.hpp>
#include <allot/secure/safe_string.hpp>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstring>
#include <memory_resource>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/bytes.hpp"
#include "support/with_code.hpp"

using namespace allot;

namespace {

static_assert(!std::is_copy_constructible_v<safe_string> && !std::is_default_constructible_v<safe_string>);
static_assert(!std::is_convertible_v<safe_string, std::string_view>);
static_assert(std::is_nothrow_move_constructible_v<safe_string> && std::is_nothrow_move_assignable_v<safe_string>);

/// Looks at every block of characters that comes back.
class wiped_only : public std::pmr::memory_resource {
 public:
  std::size_t live = 0;
  std::size_t came_back = 0;
  std::size_t with_something_in_them = 0;
  bool refuses = false;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (refuses) throw std::bad_alloc();
    ++live;
    void* const p = std::pmr::new_delete_resource()->allocate(bytes, alignment);
    std::memset(p, 0x5a, bytes);
    return p;
  }
  void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
    --live;
    ++came_back;
    if (alignment == 1 && !test::all_are(p, bytes, 0)) ++with_something_in_them;
    std::pmr::new_delete_resource()->deallocate(p, bytes, alignment);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

/// A resource that, at the end of a case, was given back all its blocks, wiped.
struct watched_memory : wiped_only {
  ~watched_memory() {
    BOOST_TEST(live == 0u);
    BOOST_TEST(came_back > 0u);
    BOOST_TEST(with_something_in_them == 0u);
  }
};

bool is_in(const void* object, std::size_t bytes, std::string_view text) {
  return std::string_view(static_cast<const char*>(object), bytes).find(text) != std::string_view::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(safe_strings)

BOOST_AUTO_TEST_CASE(short_texts_lie_in_the_resource_and_nothing_of_them_in_the_object) {
  watched_memory memory;
  safe_string text("pin 1234", &memory);
  BOOST_TEST(text.view() == "pin 1234");
  BOOST_TEST(std::strlen(text.c_str()) == 8u);
  BOOST_TEST(memory.live == 1u);
  BOOST_TEST(!is_in(&text, sizeof text, "1234"));
}

BOOST_AUTO_TEST_CASE(an_empty_text_asks_for_nothing) {
  wiped_only memory;
  memory.refuses = true;
  safe_string text(&memory);
  safe_string other("", &memory);
  text.append("").assign("").clear();
  text.release();
  BOOST_TEST(text.empty());
  BOOST_TEST(text.c_str()[0] == '\0');
  BOOST_TEST((text == other));
}

BOOST_AUTO_TEST_CASE(blocks_a_text_has_grown_out_of_come_back_wiped) {
  watched_memory memory;
  safe_string text(&memory);
  std::string model;
  for (int i = 0; i < 1000; ++i) {
    text.push_back(static_cast<char>('a' + i % 26));
    model.push_back(static_cast<char>('a' + i % 26));
  }
  BOOST_TEST(text.view() == model);
  BOOST_TEST(memory.came_back > 3u);
  BOOST_TEST(memory.came_back < 12u);
}

BOOST_AUTO_TEST_CASE(removed_characters_are_overwritten_at_once) {
  watched_memory memory;
  safe_string text("a long and secret text", &memory);
  const char* const at = text.c_str();
  text.resize(6);
  BOOST_TEST(text.view() == "a long");
  BOOST_TEST(test::all_are(at + 6, 17, 0));
  text.assign("b");
  BOOST_TEST(text.c_str() == at);
  BOOST_TEST(test::all_are(at + 1, 22, 0));
  text.clear();
  BOOST_TEST(test::all_are(at, 23, 0));
  text.resize(3);
  BOOST_TEST((text.view() == std::string_view("\0\0\0", 3)));
}

BOOST_AUTO_TEST_CASE(a_text_can_be_appended_and_assigned_parts_of_itself) {
  watched_memory memory;
  for (const std::size_t room : {std::size_t{0}, std::size_t{1000}}) {
    safe_string text("0123456789", &memory);
    text.reserve(room);
    text.append(text.view().substr(3)).append(text.view());
    BOOST_TEST(text.view() == "0123456789345678901234567893456789");
    text.append(text.view());
    text.assign(text.view().substr(3, 5));
    BOOST_TEST(text.view() == "34567");
    text = std::as_const(text);
    BOOST_TEST(text.view() == "34567");
  }
}

BOOST_AUTO_TEST_CASE(moving_takes_the_block_along) {
  watched_memory memory;
  safe_string from("secret", &memory);
  const char* const at = from.c_str();
  safe_string to(std::move(from));
  BOOST_TEST(to.c_str() == at);
  BOOST_TEST(from.empty());
  BOOST_TEST(from.capacity() == 0u);
  from = safe_string("other", &memory);
  from = std::move(to);
  BOOST_TEST(from.c_str() == at);
  safe_string same(std::move(from), &memory);
  BOOST_TEST(same.c_str() == at);

  watched_memory elsewhere;
  safe_string copied(std::move(same), &elsewhere);
  BOOST_TEST(copied.view() == "secret");
  BOOST_TEST(same.capacity() == 0u);
  BOOST_TEST(memory.live == 0u);
  safe_string copy(copied, &memory);
  BOOST_TEST((copy == copied));
  copy = std::move(copied);
  BOOST_TEST((copy.get_allocator().resource() == &elsewhere));
}

BOOST_AUTO_TEST_CASE(containers_hand_their_resource_on) {
  watched_memory memory;
  std::pmr::vector<safe_string> texts(&memory);
  for (int i = 0; i < 20; ++i) texts.emplace_back("secret " + std::to_string(i));
  texts.emplace_back();
  BOOST_TEST(texts[7].view() == "secret 7");
  for (const safe_string& each : texts) BOOST_TEST((each.get_allocator().resource() == &memory));
}

BOOST_AUTO_TEST_CASE(a_refused_block_leaves_a_text_as_it_was) {
  wiped_only memory;
  safe_string text("secret", &memory);
  memory.refuses = true;
  const std::string more(1000, 'x');
  BOOST_CHECK_THROW(text.append(more), std::bad_alloc);
  BOOST_CHECK_THROW(text.assign(more), std::bad_alloc);
  BOOST_CHECK_THROW(text.reserve(1000), std::bad_alloc);
  BOOST_CHECK_THROW(text.resize(1000), std::bad_alloc);
  BOOST_CHECK_THROW(safe_string(text, &memory), std::bad_alloc);
  BOOST_TEST(text.view() == "secret");
  for (const std::size_t size : {max_object_bytes, ~std::size_t{0}})
    BOOST_CHECK_EXCEPTION(text.reserve(size), allocation_error, test::with_code(memory_errc::size_overflow));
  BOOST_TEST(text.view() == "secret");
}

BOOST_AUTO_TEST_CASE(texts_compare_by_their_characters) {
  watched_memory memory;
  const safe_string text("secret", &memory);
  BOOST_TEST((text == "secret" && "secret" == text));
  BOOST_TEST((text != "secreT" && "secre" != text && text != ""));
  BOOST_TEST((text != std::string_view("secret\0", 7)));
  BOOST_TEST((text != safe_string("other", &memory)));
}

BOOST_AUTO_TEST_CASE(a_text_does_what_a_string_does) {
  watched_memory memory;
  std::mt19937 random(1);
  safe_string text(&memory);
  std::string model;
  for (int step = 0; step < 3000; ++step) {
    const std::string some(random() % 50, static_cast<char>('a' + random() % 26));
    switch (random() % 6) {
      case 0:
        text.assign(some);
        model.assign(some);
        break;
      case 1:
        text.resize(random() % 200 < 100 ? model.size() / 2 : model.size() + 3);
        model.resize(text.size());
        break;
      case 2:
        text.reserve(some.size() * 10);
        break;
      case 3:
        if (step % 10 == 0) {
          text.clear();
          model.clear();
        }
        break;
      default:
        text.append(some);
        model.append(some);
    }
    BOOST_REQUIRE((text.view() == model));
    BOOST_REQUIRE(test::all_are(text.c_str() + text.size(), text.capacity() - text.size(), 0));
    if (model.size() > 2000) {
      text.release();
      model.clear();
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
