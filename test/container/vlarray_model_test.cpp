// Random changes of a vlarray, each made to a std::vector, too.

#include <allot/container/vlarray.hpp>
#include <boost/test/unit_test.hpp>
#include <list>
#include <memory_resource>
#include <random>
#include <string>
#include <vector>

#include "container/elements.hpp"
#include "container/storages.hpp"

using namespace allot;
using test::made;
using test::same;

namespace {

/// Makes the same random change to both, and what there must be is what a vector has.
template <class T>
class twins {
 public:
  twins(const vlarray_options& options, std::size_t most, unsigned seed)
      : array_(options), most_(std::min<std::size_t>(most, 2500)), options_(options), random_(seed) {}

  void run(int steps) {
    for (int step = 0; step < steps; ++step) {
      const unsigned what = change();
      BOOST_TEST_REQUIRE(same(array_, twin_), "step " << step << ", change " << what);
      BOOST_TEST_REQUIRE(array_.capacity() >= array_.size());
      BOOST_TEST_REQUIRE(array_.max_size() >= array_.capacity());
      BOOST_TEST_REQUIRE(array_.reserved_bytes() >= array_.committed_bytes());
    }
  }

 private:
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }
  std::size_t any_count() { return below(10) == 0 ? below(700) : below(8); }
  std::size_t room_for(std::size_t count) const { return std::min(count, most_ - twin_.size()); }
  T value() { return made<T>(static_cast<int>(below(100))); }
  std::ptrdiff_t place() { return static_cast<std::ptrdiff_t>(below(twin_.size() + 1)); }
  std::vector<T> values(std::size_t count) {
    std::vector<T> all;
    for (std::size_t i = 0; i < count; ++i) all.push_back(value());
    return all;
  }

  unsigned change() {
    const auto what = static_cast<unsigned>(below(26));
    const std::ptrdiff_t at = place();
    const std::size_t room = room_for(any_count());
    switch (what) {
      case 0:
      case 1:
      case 2:
        for (std::size_t i = 0; i < room; ++i) {
          const T v = value();
          array_.push_back(v);
          twin_.push_back(v);
        }
        break;
      case 3:
        if (room == 0) break;
        array_.emplace_back(made<T>(5));
        twin_.emplace_back(made<T>(5));
        break;
      case 4:
        if (room == 0 || twin_.empty()) break;
        array_.push_back(array_[static_cast<std::size_t>(at) % array_.size()]);
        twin_.push_back(T(twin_[static_cast<std::size_t>(at) % twin_.size()]));
        break;
      case 5: {
        if (room == 0) break;
        const T v = value();
        array_.insert(array_.begin() + at, v);
        twin_.insert(twin_.begin() + at, v);
        break;
      }
      case 6: {
        const T v = value();
        array_.insert(array_.begin() + at, room, v);
        twin_.insert(twin_.begin() + at, room, v);
        break;
      }
      case 7: {
        const auto v = values(room);
        array_.insert(array_.begin() + at, v.begin(), v.end());
        twin_.insert(twin_.begin() + at, v.begin(), v.end());
        break;
      }
      case 8: {
        if (room == 0 || twin_.empty()) break;
        array_.insert(array_.begin() + at, array_.back());
        twin_.insert(twin_.begin() + at, T(twin_.back()));
        break;
      }
      case 9: {
        const auto v = values(room);
        const std::list<T> list(v.begin(), v.end());
        array_.append(list);
        twin_.insert(twin_.end(), list.begin(), list.end());
        break;
      }
      case 10: {
        if (2 * twin_.size() > most_) break;
        array_.append(array_);
        const auto copy = twin_;
        twin_.insert(twin_.end(), copy.begin(), copy.end());
        break;
      }
      case 11:
        if (twin_.empty()) break;
        array_.pop_back();
        twin_.pop_back();
        break;
      case 12:
      case 13: {
        const std::ptrdiff_t other = place();
        array_.erase(array_.begin() + std::min(at, other), array_.begin() + std::max(at, other));
        twin_.erase(twin_.begin() + std::min(at, other), twin_.begin() + std::max(at, other));
        break;
      }
      case 14:
        if (at == static_cast<std::ptrdiff_t>(twin_.size())) break;
        array_.erase(array_.begin() + at);
        twin_.erase(twin_.begin() + at);
        break;
      case 15: {
        const std::size_t count = below(8) == 0 ? below(most_) : std::min(most_, twin_.size() / 2 + below(20));
        array_.resize(count);
        twin_.resize(count);
        break;
      }
      case 16: {
        const std::size_t count = std::min(most_, twin_.size() + below(20));
        const T v = value();
        array_.resize(count, v);
        twin_.resize(count, v);
        break;
      }
      case 17: {
        const std::size_t count = std::min(most_, any_count());
        if (below(4) != 0) break;
        const T v = value();
        array_.assign(count, v);
        twin_.assign(count, v);
        break;
      }
      case 18: {
        if (below(4) != 0) break;
        const auto v = values(std::min(most_, any_count()));
        array_.assign(v.begin(), v.end());
        twin_.assign(v.begin(), v.end());
        break;
      }
      case 19:
        array_.reserve(std::min(most_, below(2 * most_)));
        break;
      case 20:
        array_.decommit_unused(below(3) * below(1000));
        break;
      case 21:
        array_.shrink_to_fit();
        break;
      case 22: {
        vlarray<T> moved(std::move(array_));
        BOOST_TEST(array_.empty());
        array_ = std::move(moved);
        break;
      }
      case 23: {
        vlarray<T> other(options_);
        other.assign(array_.begin(), array_.end());
        BOOST_TEST((other == array_));
        array_.clear();
        swap(array_, other);
        break;
      }
      case 24: {
        const T v = value();
        const auto removed = erase(array_, v);
        const auto before = twin_.size();
        twin_.erase(std::remove(twin_.begin(), twin_.end(), v), twin_.end());
        BOOST_TEST(removed == before - twin_.size());
        break;
      }
      default:
        if (below(10) != 0) break;
        array_.clear();
        twin_.clear();
    }
    return what;
  }

  vlarray<T> array_;
  std::vector<T> twin_;
  std::size_t most_;
  vlarray_options options_;
  std::mt19937 random_;
};

template <class T>
void follows_a_vector(int steps) {
  const test::element_watch watch;
  for (const unsigned seed : {1u, 2u, 3u}) {
    test::with_each_storage([&](const vlarray_options& options, std::size_t most, bool moves) {
      if (!moves || std::is_nothrow_move_constructible_v<T>) twins<T>(options, most / 2, seed).run(steps);
    });
  }
  BOOST_TEST(watch.none_left());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(vlarray_model)

BOOST_AUTO_TEST_CASE(random_changes_of_numbers_leave_what_they_leave_in_a_vector) { follows_a_vector<int>(1500); }
BOOST_AUTO_TEST_CASE(random_changes_of_bytes_leave_what_they_leave_in_a_vector) {
  follows_a_vector<unsigned char>(1500);
}
BOOST_AUTO_TEST_CASE(random_changes_of_texts_leave_what_they_leave_in_a_vector) {
  follows_a_vector<std::string>(500);
  follows_a_vector<std::pmr::string>(300);
}
BOOST_AUTO_TEST_CASE(random_changes_of_elements_that_are_watched_leave_what_they_leave_in_a_vector) {
  follows_a_vector<test::element>(500);
  follows_a_vector<test::hard_to_move>(300);
  follows_a_vector<test::only_copied>(300);
}

BOOST_AUTO_TEST_SUITE_END()
