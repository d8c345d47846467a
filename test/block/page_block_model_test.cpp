// Random sequences of calls on page blocks, with failures of the system among them, against a model of what a block
// must be.

#include <allot/block/page_block.hpp>
#include <allot/os/failure_injection.hpp>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <optional>
#include <random>
#include <vector>

#include "block/access_with.hpp"
#include "support/access.hpp"

using namespace allot;

namespace {

// The fast tier takes fewer steps than the soak tier.
#if !defined(ALLOT_MODEL_STEPS)
#define ALLOT_MODEL_STEPS 5000
#endif

const std::size_t page = test::system_page_size();

/// A block and what it must hold.
class modelled_block {
 public:
  explicit modelled_block(std::mt19937& random) : random_(random) {}

  void step() {
    std::optional<os::failure_injection> injection;
    if (random_() % 3 == 0) {
      const bool for_good = random_() % 2 == 0;
      using rule = os::failure_injection::rule;
      injection.emplace(1 + random_() % 6, os::os_call::any, for_good ? rule::from_then_on : rule::once);
    }
    const std::uint64_t generation = block_.generation();
    const void* const data = block_.data();
    const std::size_t size = block_.size();
    switch (random_() % 8) {
      case 0:
      case 1:
      case 2:
        resize(page_block::contents::preserve);
        break;
      case 3:
        resize(page_block::contents::discard);
        break;
      case 4:
        attempt([&] { block_.reset(); }, [&] { bytes_.assign(bytes_.size(), 0); });
        break;
      case 5:
        protect(static_cast<page_flags>(random_() % 8));
        break;
      case 6: {
        page_block other = std::move(block_);
        BOOST_REQUIRE(block_.empty());
        block_ = std::move(other);
        break;
      }
      case 7:
        if (random_() % 10 == 0 && !injection) {
          block_.release();
          bytes_.clear();
        }
        break;
    }
    injection.reset();
    BOOST_REQUIRE((generation == block_.generation()) == (data == block_.data() && size == block_.size()));
    scribble();
    verify();
  }

 private:
  template <class Call, class Effect>
  void attempt(Call call, Effect effect) {
    try {
      call();
      effect();
    } catch (const std::bad_alloc&) {
      // The system may refuse to take back what access was needed to copy.
      if (block_.flags() == (rights_ | page_flags::read)) rights_ = block_.flags();
    }
  }

  void resize(page_block::contents keep) {
    const std::size_t pages = 1 + random_() % (random_() % 50 == 0 ? 1500 : 24);
    attempt([&] { block_.resize(pages * page - random_() % page, keep); },
            [&] {
              if (keep == page_block::contents::discard) bytes_.clear();
              bytes_.resize(pages * page);
            });
  }

  void protect(page_flags rights) {
    // Some processors clear memory by instructions that read it, and an emulator takes that literally.
    if (test::under_emulator() && includes(rights, page_flags::write)) rights = rights | page_flags::read;
    attempt([&] { block_.protect(rights); }, [&] { rights_ = rights; });
  }

  void scribble() {
    if (bytes_.empty() || !includes(rights_, page_flags::rw)) return;
    for (int i = 0; i < 20; ++i) {
      const std::size_t at = random_() % bytes_.size();
      bytes_[at] = static_cast<unsigned char>(random_());
      static_cast<unsigned char*>(block_.data())[at] = bytes_[at];
    }
  }

  void verify() {
    BOOST_REQUIRE(block_.size() == bytes_.size());
    BOOST_REQUIRE((block_.flags() == rights_));
    if (bytes_.empty()) return;
    auto* const data = static_cast<unsigned char*>(block_.data());
    const bool readable = test::reads_with(rights_);
    BOOST_REQUIRE(test::readable(data) == readable);
    BOOST_REQUIRE(test::writable(data + bytes_.size() - 1) == test::writes_with(rights_));
    BOOST_REQUIRE(!test::readable(data - 1));
    BOOST_REQUIRE(!test::readable(data + bytes_.size()));
    if (readable) BOOST_REQUIRE(std::memcmp(data, bytes_.data(), bytes_.size()) == 0);
  }

  std::mt19937& random_;
  page_block block_;
  page_flags rights_ = page_flags::rw;
  std::vector<unsigned char> bytes_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(page_block_model)

BOOST_AUTO_TEST_CASE(random_calls_and_failures_leave_what_the_model_says) {
  constexpr unsigned seed = 2026;
  BOOST_TEST_MESSAGE("seed " << seed);
  std::mt19937 random(seed);
  std::vector<modelled_block> blocks;
  for (int i = 0; i < 4; ++i) blocks.emplace_back(random);
  for (int step = 0; step < ALLOT_MODEL_STEPS; ++step) blocks[random() % blocks.size()].step();
}

BOOST_AUTO_TEST_SUITE_END()
