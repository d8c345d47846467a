// A trace that was written on one machine is read on any other: byte order and the width of addresses make no
// difference. The files in test/trace/exchange were written on the machines they are named after, each by
// ALLOT_TEST_CHILD=trace_to_exchange ALLOT_TEST_TRACE=FILE trace_test

#include <algorithm>
#include <allot/trace/trace_reader.hpp>
#include <allot/trace/trace_writer.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <string>
#include <vector>

#include "support/child.hpp"
#include "trace/any_event.hpp"
#include "trace/trace_files.hpp"

using namespace allot;
using namespace allot::test;

namespace {

std::vector<trace_record> expected() {
  any_event any(7);
  std::vector<trace_record> events;
  for (int i = 0; i < 300; ++i) events.push_back(any());
  return events;
}

void write(const std::string& file) {
  trace_writer_options options;
  options.block_bytes = 1024;
  options.program = "exchange";
  trace_writer trace(file, options);
  (void)trace.define(trace_name::resource, "pool");
  (void)trace.define(trace_name::tag, "first");
  (void)trace.define(trace_name::tag, "second");
  for (const trace_record& event : expected()) trace.write(event);
  trace.close();
}

const child_program writer{"trace_to_exchange", [] { write(std::getenv("ALLOT_TEST_TRACE")); }};

void check(const std::string& file, unsigned address_bits) {
  trace_reader reader(file);
  const auto events = all_of(reader);
  const auto wanted = expected();
  BOOST_TEST_REQUIRE(events.size() == wanted.size());
  BOOST_TEST(std::equal(events.begin(), events.end(), wanted.begin(), same_but_when));
  BOOST_TEST(reader.damage().empty());
  BOOST_TEST(reader.summary().complete);
  BOOST_TEST(reader.summary().program == "exchange");
  BOOST_TEST(reader.summary().address_bits == address_bits);
  BOOST_TEST(reader.name(trace_name::resource, 1) == "pool");
  BOOST_TEST(reader.name(trace_name::tag, 2) == "second");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(trace_exchange)

BOOST_AUTO_TEST_CASE(a_trace_of_this_machine_is_read) {
  const temporary_file file("trace");
  write(file.path());
  check(file.path(), 8 * sizeof(void*));
}

BOOST_AUTO_TEST_CASE(a_trace_of_another_machine_is_read) {
  const std::string folder = ALLOT_TRACES_DIR;
  check(folder + "/x86_64.trace", 64);
  check(folder + "/s390x.trace", 64);  // the high byte first
}

BOOST_AUTO_TEST_SUITE_END()
