#include <allot/core/misuse.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <string>

#include "support/child.hpp"

using namespace allot;

namespace {

misuse_report last;
void remember(const misuse_report& report) { last = report; }

std::string line_for(const misuse_report& report) {
  std::array<char, 256> line{};
  return {line.data(), format_misuse(report, line.data(), line.size())};
}

void* const address = reinterpret_cast<void*>(0x1000);

const test::child_program abort_child{"default_handler_aborts", [] {
                                        report_misuse({misuse_kind::wrong_size, "orders", address, 10, 12});
                                      }};
const test::child_program details_child{"default_handler_prints_details", [] {
                                          misuse_report report{misuse_kind::foreign_pointer, "orders", address};
                                          report.owner = "names";
                                          report.details = "  first\n  second\n";
                                          report_misuse(report);
                                        }};
const test::child_program note_child{"default_handler_goes_on_after_a_note", [] {
                                       report_misuse({misuse_kind::released_twice, "orders", nullptr, 0, 0, false});
                                     }};

}  // namespace

BOOST_AUTO_TEST_SUITE(misuse)

BOOST_AUTO_TEST_CASE(a_report_names_the_resource_and_both_sides) {
  BOOST_TEST(line_for({misuse_kind::wrong_size, "orders", address, 10, 12}) ==
             "allot: misuse of orders: wrong size at 0x1000: bytes claimed 10, bytes allocated 12");
  BOOST_TEST(line_for({misuse_kind::double_free, "orders", address}) ==
             "allot: misuse of orders: double free at 0x1000");
  BOOST_TEST(line_for({misuse_kind::released_twice, {}, nullptr, 0, 0, false}) ==
             "allot: note on memory: released a second time");
  BOOST_TEST(line_for({misuse_kind::overrun, "orders", address, 24}) ==
             "allot: misuse of orders: written behind the end of a block at 0x1000: bytes of the block 24");
  BOOST_TEST(line_for({misuse_kind::stale_mark, "frame", nullptr, 96, 32}) ==
             "allot: misuse of frame: stale mark: marked position 96, present position 32");
  BOOST_TEST(line_for({misuse_kind::stale_slice, "frame"}) ==
             "allot: misuse of frame: a slice used after its budget took the memory back");
  BOOST_TEST(line_for({misuse_kind::outlived_budget, "world", address}) ==
             "allot: misuse of world: still alive when its budget ends at 0x1000");
  BOOST_TEST(line_for({misuse_kind::leak, "orders", nullptr, 3, 120, false}) ==
             "allot: note on orders: not freed: blocks 3, bytes 120");
  BOOST_TEST(line_for({misuse_kind::wrong_thread, "frame", nullptr, 2, 1}) ==
             "allot: misuse of frame: used by a thread it does not belong to: thread 2, its own 1");
}

BOOST_AUTO_TEST_CASE(a_report_names_the_true_owner) {
  misuse_report report{misuse_kind::foreign_pointer, "orders", address};
  report.owner = "names";
  BOOST_TEST(line_for(report) ==
             "allot: misuse of orders: not a live block of this resource at 0x1000; it belongs to names");
}

BOOST_AUTO_TEST_CASE(the_default_handler_prints_details_on_lines_of_their_own) {
  const auto outcome = test::run_child("default_handler_prints_details");
  BOOST_TEST(outcome.aborted());
  BOOST_TEST(outcome.says("it belongs to names\n  first\n  second\n"));
}

BOOST_AUTO_TEST_CASE(a_line_is_cut_to_the_buffer) {
  std::array<char, 8> line{};
  BOOST_TEST(format_misuse({misuse_kind::double_free, "orders"}, line.data(), line.size()) == 8u);
  BOOST_TEST(std::string(line.data(), 8) == "allot: m");
}

BOOST_AUTO_TEST_CASE(a_handler_of_the_program_gets_the_report_and_the_one_before_comes_back) {
  const misuse_handler before = set_misuse_handler(&remember);
  report_misuse({misuse_kind::foreign_pointer, "orders", address, 1, 2});
  BOOST_TEST((set_misuse_handler(before) == &remember));
  BOOST_TEST((last.kind == misuse_kind::foreign_pointer));
  BOOST_TEST(last.address == address);
}

BOOST_AUTO_TEST_CASE(the_default_handler_prints_one_line_and_aborts) {
  const auto outcome = test::run_child("default_handler_aborts");
  BOOST_TEST(outcome.aborted());
  BOOST_TEST(outcome.says("allot: misuse of orders: wrong size at 0x1000: bytes claimed 10, bytes allocated 12\n"));
}

BOOST_AUTO_TEST_CASE(the_default_handler_prints_a_note_and_goes_on) {
  const auto outcome = test::run_child("default_handler_goes_on_after_a_note");
  BOOST_TEST(outcome.exit_code == 0);
  BOOST_TEST(outcome.says("released a second time"));
}

BOOST_AUTO_TEST_CASE(checking_is_off_until_it_is_switched_on) {
  BOOST_TEST(!checked_by_default());
  set_checked_by_default(true);
  BOOST_TEST(checked_by_default());
  set_checked_by_default(false);
}

BOOST_AUTO_TEST_SUITE_END()
