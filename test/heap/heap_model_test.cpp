// A heap against a model, for long.

#include "heap/heap_model.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <random>
#include <utility>
#include <vector>

#include "support/misuse_watch.hpp"

using namespace allot;
using test::heap_model;
using test::misuse_watch;
using test::model_setup;
using test::random_choices;
using test::size_mix;

namespace {

#if !defined(ALLOT_MODEL_STEPS)
#define ALLOT_MODEL_STEPS 100000
#endif

constexpr std::size_t kib = 1024;

void run(const model_setup& setup, unsigned seed, std::size_t steps) {
  BOOST_TEST_MESSAGE("seed " << seed);
  BOOST_TEST_CONTEXT("seed " << seed) {
    try {
      heap_model<random_choices> model(setup, random_choices(seed));
      for (std::size_t step = 0; step < steps; ++step) model.step();
      model.finish();
      BOOST_TEST(model.served() > steps / 20);
      BOOST_TEST(model.expanded() > steps / 100);
    } catch (const test::model_failure& failure) {
      BOOST_ERROR(failure.what());
    }
  }
}

constexpr std::array<model_setup::ground, 4> every_ground{model_setup::ground::buffer, model_setup::ground::pages,
                                                          model_setup::ground::chunks,
                                                          model_setup::ground::failing_chunks};

}  // namespace

BOOST_AUTO_TEST_SUITE(heap_models)

BOOST_AUTO_TEST_CASE(a_heap_does_what_a_map_of_its_blocks_says) {
  const misuse_watch watch;
  unsigned seed = 0;
  for (const model_setup::ground where : every_ground) {
    for (const size_mix sizes :
         {size_mix::small, size_mix::medium, size_mix::large, size_mix::powers, size_mix::wide}) {
      model_setup setup;
      setup.where = where;
      setup.sizes = sizes;
      ++seed;
      setup.options.checked = seed % 2 == 0;
      run(setup, seed, ALLOT_MODEL_STEPS / 4);
    }
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(a_heap_of_any_options_does_so_too) {
  const misuse_watch watch;
  unsigned seed = 100;
  for (const model_setup::ground where : every_ground) {
    for (unsigned variant = 0; variant < 8; ++variant) {
      model_setup setup;
      setup.where = where;
      setup.sizes = variant % 2 == 0 ? size_mix::wide : size_mix::medium;
      setup.buffer_bytes = 300 * kib;
      setup.options.checked = (variant & 1U) != 0;
      setup.options.page_local = (variant & 2U) != 0;
      if ((variant & 4U) != 0) {
        setup.options.first_chunk = 1;
        setup.options.largest_chunk = 8 * kib;
        setup.options.reserve = 128 * kib;
        setup.options.commit_step = 4 * kib;
        setup.options.large_threshold = 16 * kib;
        setup.options.decommit_threshold = 8 * kib;
      }
      ++seed;
      run(setup, seed, ALLOT_MODEL_STEPS / 20);
    }
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(a_heap_in_a_small_buffer_is_full_most_of_the_time) {
  const misuse_watch watch;
  unsigned seed = 200;
  for (const std::size_t bytes : {std::size_t{800}, 4 * kib, 20 * kib}) {
    for (const bool checked : {false, true}) {
      model_setup setup;
      setup.buffer_bytes = bytes;
      setup.check_every = 50;
      setup.sizes = bytes == 4 * kib ? size_mix::large : size_mix::small;
      setup.options.checked = checked;
      BOOST_TEST_CONTEXT(bytes << " bytes") { run(setup, ++seed, ALLOT_MODEL_STEPS / 10); }
    }
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_CASE(a_heap_does_what_bytes_say) {
  const misuse_watch watch;
  for (unsigned seed = 1; seed <= ALLOT_MODEL_STEPS / 200; ++seed) {
    std::mt19937 random(seed);
    std::vector<unsigned char> bytes(random() % 4096);
    for (unsigned char& each : bytes) each = static_cast<unsigned char>(random());
    try {
      test::run_heap_model(bytes.data(), bytes.size());
    } catch (const test::model_failure& failure) {
      BOOST_ERROR("seed " << seed << ": " << failure.what());
    }
  }
  BOOST_TEST(watch.nothing());
}

BOOST_AUTO_TEST_SUITE_END()
