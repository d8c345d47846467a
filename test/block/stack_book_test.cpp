#include <allot/block/stack_book.hpp>
#include <allot/os/failure_injection.hpp>
#include <boost/test/unit_test.hpp>
#include <set>

using namespace allot;

BOOST_AUTO_TEST_SUITE(stack_books)

BOOST_AUTO_TEST_CASE(records_keep_their_stacks_and_are_used_again) {
  stack_book book;
  BOOST_TEST(book.bytes() == 0u);
  os::call_stack here;
  here.capture();
  std::set<block_stacks*> records;
  for (int i = 0; i < 1000; ++i) records.insert(book.add(here));
  BOOST_TEST(records.size() == 1000u);
  const std::size_t bytes = book.bytes();
  BOOST_TEST(bytes >= 1000 * sizeof(block_stacks));
  for (block_stacks* record : records) {
    BOOST_TEST(record->allocated.size() == here.size());
    BOOST_TEST(record->freed.size() == 0u);
    record->freed = here;
    book.remove(record);
  }
  for (int i = 0; i < 1000; ++i) {
    block_stacks* const record = book.add(here);
    BOOST_TEST(records.count(record) == 1u);
    BOOST_TEST(record->freed.size() == 0u);
  }
  BOOST_TEST(book.bytes() == bytes);
  book.clear();
  BOOST_TEST(book.bytes() == 0u);
  book.clear();
}

BOOST_AUTO_TEST_CASE(without_pages_there_is_no_record) {
  stack_book book;
  {
    const os::failure_injection injection(1);
    BOOST_TEST(book.add({}) == nullptr);
    BOOST_TEST(book.add({}) != nullptr);
  }
  book.remove(nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
