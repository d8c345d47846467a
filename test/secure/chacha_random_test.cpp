#if !defined(_WIN32)
#include <sys/wait.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <allot/os/failure_injection.hpp>
#include <allot/os/in_pages.hpp>
#include <allot/secure/chacha_random.hpp>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "support/bytes.hpp"
#include "support/child.hpp"
#include "support/machine.hpp"

using namespace allot;

namespace {

std::vector<unsigned char> bytes_of(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::vector<unsigned char> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<unsigned char>(digit(hex[i]) * 16 + digit(hex[i + 1])));
  return bytes;
}

std::vector<unsigned char> block_of(const std::vector<unsigned char>& key, std::uint64_t counter,
                                    const std::vector<unsigned char>& nonce) {
  std::vector<unsigned char> block(64);
  chacha8_block(key.data(), counter, nonce.data(), block.data());
  return block;
}

/// The same once more, word for word after the description.
std::array<std::uint32_t, 16> model_block(const std::array<std::uint32_t, 8>& key, std::uint64_t counter,
                                          std::uint32_t nonce_low, std::uint32_t nonce_high) {
  const std::array<std::uint32_t, 16> in{0x61707865,
                                         0x3320646e,
                                         0x79622d32,
                                         0x6b206574,
                                         key[0],
                                         key[1],
                                         key[2],
                                         key[3],
                                         key[4],
                                         key[5],
                                         key[6],
                                         key[7],
                                         static_cast<std::uint32_t>(counter),
                                         static_cast<std::uint32_t>(counter >> 32),
                                         nonce_low,
                                         nonce_high};
  std::array<std::uint32_t, 16> x = in;
  const auto add_and_turn = [&x](std::size_t sum, std::size_t by, std::size_t turned, unsigned bits) {
    x[sum] += x[by];
    const std::uint32_t mixed = x[turned] ^ x[sum];
    x[turned] = mixed << bits | mixed >> (32 - bits);
  };
  const auto quarter = [&](std::size_t a, std::size_t b, std::size_t c, std::size_t d) {
    add_and_turn(a, b, d, 16);
    add_and_turn(c, d, b, 12);
    add_and_turn(a, b, d, 8);
    add_and_turn(c, d, b, 7);
  };
  for (int pair = 0; pair < 4; ++pair) {
    quarter(0, 4, 8, 12);
    quarter(1, 5, 9, 13);
    quarter(2, 6, 10, 14);
    quarter(3, 7, 11, 15);
    quarter(0, 5, 10, 15);
    quarter(1, 6, 11, 12);
    quarter(2, 7, 8, 13);
    quarter(3, 4, 9, 14);
  }
  for (std::size_t i = 0; i < 16; ++i) x[i] += in[i];
  return x;
}

/// The generator once more: keys become 16 blocks, whose words are laid out four blocks side by side.
class model_random {
 public:
  explicit model_random(std::uint64_t seed) {
    std::array<unsigned char, 8> bytes{};
    for (unsigned char& byte : bytes) {
      byte = static_cast<unsigned char>(seed & 0xff);
      seed >>= 8;
    }
    std::memcpy(key_.data(), bytes.data(), bytes.size());
  }

  std::uint64_t next64() {
    if (left_ == 0) refill();
    std::uint64_t value = 0;
    std::memcpy(&value, reinterpret_cast<const unsigned char*>(words_.data()) + 32 + (left_ -= 8), 8);
    return value;
  }
  const std::array<std::uint32_t, 8>& key() const { return key_; }

 private:
  void refill() {
    for (std::size_t block = 0; block < 16; ++block) {
      const auto words = model_block(key_, block, 0, 0);
      for (std::size_t i = 0; i < 16; ++i) words_[block / 4 * 64 + i * 4 + block % 4] = words[i];
    }
    std::memcpy(key_.data(), words_.data(), 32);
    left_ = 992;
  }

  std::array<std::uint32_t, 8> key_{};
  std::array<std::uint32_t, 256> words_{};
  std::size_t left_ = 0;
};

std::string_view object_bytes(const chacha_random& random) {
  return {reinterpret_cast<const char*>(&random), sizeof random};
}
template <class T>
bool holds(const chacha_random& random, const T& value) {
  return object_bytes(random).find({reinterpret_cast<const char*>(&value), sizeof value}) != std::string_view::npos;
}

std::vector<std::uint64_t> numbers_from(chacha_random& random, std::size_t count = 300) {
  std::vector<std::uint64_t> numbers(count);
  for (std::uint64_t& each : numbers) each = random.next64();
  return numbers;
}

/// How far counts are from what is expected, in deviations of the sum: above 5 once in a few million tries.
template <class Counts>
double surprise(const Counts& counts, double expected) {
  double sum = 0;
  for (const auto count : counts) {
    const double off = static_cast<double>(count) - expected;
    sum += off * off / expected;
  }
  const auto degrees = static_cast<double>(counts.size() - 1);
  return (sum - degrees) / std::sqrt(2 * degrees);
}

const test::child_program no_key{"random_numbers_without_a_key", [] {
                                   const os::failure_injection refuse(1, os::os_call::entropy,
                                                                      os::failure_injection::rule::from_then_on);
                                   chacha_random random;
                                   if (random.seed_from_system()) std::exit(1);
                                   (void)random.next64();
                                 }};

}  // namespace

BOOST_AUTO_TEST_SUITE(chacha)

// draft-strombergson-chacha-test-vectors, 256-bit keys, 8 rounds: key, nonce, blocks 0 and 1.
BOOST_AUTO_TEST_CASE(blocks_are_those_of_the_published_test_vectors) {
  struct vector {
    const char* key;
    const char* nonce;
    const char* first;
    const char* second;
  };
  for (const vector& v : {
           vector{"0000000000000000000000000000000000000000000000000000000000000000", "0000000000000000",
                  "3e00ef2f895f40d67f5bb8e81f09a5a12c840ec3ce9a7f3b181be188ef711a1e"
                  "984ce172b9216f419f445367456d5619314a42a3da86b001387bfdb80e0cfe42",
                  "d2aefa0deaa5c151bf0adb6c01f2a5adc0fd581259f9a2aadcf20f8fd566a26b"
                  "5032ec38bbc5da98ee0c6f568b872a65a08abf251deb21bb4b56e5d8821e68aa"},
           vector{"0100000000000000000000000000000000000000000000000000000000000000", "0000000000000000",
                  "cf5ee9a0494aa9613e05d5ed725b804b12f4a465ee635acc3a311de8740489ea"
                  "289d04f43c7518db56eb4433e498a1238cd8464d3763ddbb9222ee3bd8fae3c8",
                  "b4355a7d93dd8867089ee643558b95754efa2bd1a8a1e2d75bcdb32015542638"
                  "291941feb49965587c4fdfe219cf0ec132a6cd4dc067392e67982fe53278c0b4"},
           vector{"0000000000000000000000000000000000000000000000000000000000000000", "0100000000000000",
                  "2b8f4bb3798306ca5130d47c4f8d4ed13aa0edccc1be6942090faeeca0d7599b"
                  "7ff0fe616bb25aa0153ad6fdc88b954903c22426d478b97b22b8f9b1db00cf06",
                  "470bdffbc488a8b7c701ebf4061d75c5969186497c95367809afa80bd843b040"
                  "a79abc6e73a91757f1db73c8eacfa543b38f289d065ab2f3032d377b8c37fe46"},
           vector{"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "ffffffffffffffff",
                  "e163bbf8c9a739d18925ee8362dad2cdc973df05225afb2aa26396f2a9849a4a"
                  "445e0547d31c1623c537df4ba85c70a9884a35bcbf3dfab077e98b0f68135f54",
                  "81d4933f8b322ac0cd762c27235ce2b31534e0244a9a2f1fd5e94498d47ff108"
                  "790c009cf9e1a348032a7694cb28024cd96d3498361edb1785af752d187ab54b"},
           vector{"5555555555555555555555555555555555555555555555555555555555555555", "5555555555555555",
                  "7cb78214e4d3465b6dc62cf7a1538c88996952b4fb72cb6105f1243ce3442e29"
                  "75a59ebcd2b2a598290d7538491fe65bdbfefd060d88798120a70d049dc2677d",
                  "d48ff5a2513e497a5d54802d7484c4f1083944d8d0d14d6482ce09f7e5ebf20b"
                  "29807d62c31874d02f5d3cc85381a745ecbc60525205e300a76961bfe51ac07c"},
           vector{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa",
                  "40f9ab86c8f9a1a0cdc05a75e5531b612d71ef7f0cf9e387df6ed6972f0aae21"
                  "311aa581f816c90e8a99de990b6b95aac92450f4e112712667b804c99e9c6eda",
                  "f8d144f560c8c0ea36880d3b77874c9a9103d147f6ded386284801a4ee158e5e"
                  "a4f9c093fc55fd344c33349dc5b699e21dc83b4296f92ee3ecabf3d51f95fe3f"},
           vector{"00112233445566778899aabbccddeeffffeeddccbbaa99887766554433221100", "0f1e2d3c4b5a6978",
                  "db43ad9d1e842d1272e4530e276b3f568f8859b3f7cf6d9d2c74fa53808cb515"
                  "7a8ebf46ad3dcc4b6c7dadde131784b0120e0e22f6d5f9ffa7407d4a21b695d9",
                  "c5dd30bf55612fab9bdd118920c19816470c7f5dcd42325dbbed8c57a56281c1"
                  "44cb0f03e81b3004624e0650a1ce5afaf9a7cd8163f6dbd72602257dd96e471e"},
           vector{"c46ec1b18ce8a878725a37e780dfb7351f68ed2e194c79fbc6aebee1a667975d", "1ada31d5cf688221",
                  "838751b42d8ddd8a3d77f48825a2ba752cf4047cb308a5978ef274973be374c9"
                  "6ad848065871417b08f034e681fe46a93f7d5c61d1306614d4aaf257a7cff08b",
                  "16f2fda170cc18a4b58a2667ed962774af792a6e7f3c77992540711a7a136d7e"
                  "8a2f8d3f93816709d45a3fa5f8ce72fde15be7b841acba3a2abd557228d9fe4f"},
       }) {
    const auto key = bytes_of(v.key);
    const auto nonce = bytes_of(v.nonce);
    BOOST_TEST(block_of(key, 0, nonce) == bytes_of(v.first), boost::test_tools::per_element());
    BOOST_TEST(block_of(key, 1, nonce) == bytes_of(v.second), boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(blocks_are_those_of_a_plain_implementation) {
  std::mt19937_64 some(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<unsigned char> key(32);
    std::vector<unsigned char> nonce(8);
    for (unsigned char& byte : key) byte = static_cast<unsigned char>(some());
    for (unsigned char& byte : nonce) byte = static_cast<unsigned char>(some());
    const std::uint64_t counter = round % 3 == 0 ? 0xffffffffU : some();
    const auto word = [](const std::vector<unsigned char>& bytes, std::size_t i) {
      return std::uint32_t{bytes[4 * i]} | std::uint32_t{bytes[4 * i + 1]} << 8 |
             std::uint32_t{bytes[4 * i + 2]} << 16 | std::uint32_t{bytes[4 * i + 3]} << 24;
    };
    std::array<std::uint32_t, 8> key_words{};
    for (std::size_t i = 0; i < 8; ++i) key_words[i] = word(key, i);
    const auto expected = model_block(key_words, counter, word(nonce, 0), word(nonce, 1));
    const auto block = block_of(key, counter, nonce);
    for (std::size_t i = 0; i < 16; ++i) BOOST_TEST(word(block, i) == expected[i]);
  }
}

BOOST_AUTO_TEST_CASE(numbers_from_a_seed_are_those_of_a_plain_implementation) {
  for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{0x0123456789abcdef}}) {
    chacha_random random;
    random.seed(seed);
    model_random model(seed);
    for (int i = 0; i < 1000; ++i) BOOST_TEST(random.next64() == model.next64());
  }
}

BOOST_AUTO_TEST_CASE(a_seed_repeats_its_numbers_and_another_has_others) {
  chacha_random random;
  random.seed(7);
  const auto first = numbers_from(random);
  random.seed(7);
  BOOST_TEST(numbers_from(random) == first);
  random.seed(8);
  BOOST_TEST(numbers_from(random) != first);
}

BOOST_AUTO_TEST_CASE(widths_can_be_mixed_without_a_number_drawn_twice) {
  chacha_random random;
  random.seed(1);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 2000; ++i) {
    (void)random.next16();
    BOOST_TEST(seen.insert(random.next64()).second);
    (void)random.next32();
  }
}

BOOST_AUTO_TEST_CASE(an_object_of_zero_bytes_asks_the_system_for_a_key_at_its_first_draw) {
  os::status made;
  auto* const a = os::make_in_pages<chacha_random>(made);
  BOOST_REQUIRE(a != nullptr);
  BOOST_TEST(test::all_are(a, sizeof *a, 0));
  chacha_random b;
  const os::failure_injection counted(0, os::os_call::entropy);
  const auto numbers = numbers_from(*a);
  BOOST_TEST(counted.calls() == 1u);
  BOOST_TEST(numbers_from(b) != numbers);
  BOOST_TEST(counted.calls() == 2u);
  os::destroy_in_pages(*a);
}

BOOST_AUTO_TEST_CASE(forgetting_leaves_zero_bytes_and_other_numbers_follow) {
  chacha_random random;
  random.seed(7);
  const auto first = numbers_from(random);
  random.seed(7);
  random.forget();
  BOOST_TEST(test::all_are(&random, sizeof random, 0));
  BOOST_TEST(numbers_from(random) != first);
}

BOOST_AUTO_TEST_CASE(what_was_drawn_is_not_in_the_object_any_more) {
  chacha_random random;
  random.seed(3);
  for (int i = 0; i < 500; ++i) {
    const std::uint64_t wide = random.next64();
    BOOST_TEST(!holds(random, wide));
  }
  model_random model(3);  // and what was is known to have been there
  random.seed(3);
  (void)random.next64();
  (void)model.next64();
  BOOST_TEST(holds(random, model.next64()));
}

BOOST_AUTO_TEST_CASE(a_key_is_gone_once_it_was_stretched) {
  chacha_random random;
  model_random model(3);
  random.seed(3);
  for (int buffer = 0; buffer < 10; ++buffer) {
    const auto old_key = model.key();
    BOOST_TEST(holds(random, old_key));
    for (int i = 0; i < 124; ++i) BOOST_TEST(random.next64() == model.next64());
    BOOST_TEST(!holds(random, old_key));
  }
}

BOOST_AUTO_TEST_CASE(an_emptied_buffer_holds_nothing_but_the_next_key) {
  chacha_random random;
  model_random model(3);
  random.seed(3);
  for (int i = 0; i < 124; ++i) BOOST_TEST(random.next64() == model.next64());
  const std::string_view bytes = object_bytes(random);
  const auto not_zero =
      static_cast<std::size_t>(std::count_if(bytes.begin(), bytes.end(), [](char c) { return c != 0; }));
  BOOST_TEST(not_zero <= 32u + sizeof(std::uint64_t));  // the key, and a count of bytes
  BOOST_TEST(holds(random, model.key()));
}

BOOST_AUTO_TEST_CASE(the_system_is_asked_again_before_an_interval_is_over) {
  chacha_random random;
  const os::failure_injection counted(0, os::os_call::entropy);
  for (std::size_t asked = 1; asked <= 3; ++asked) {
    (void)random.next64();
    BOOST_TEST(counted.calls() == asked);
    for (std::size_t drawn = 8; drawn + 992 < chacha_random::reseed_interval; drawn += 8) (void)random.next64();
    BOOST_TEST(counted.calls() == asked);
    for (std::size_t drawn = 0; drawn + 8 < 992 && counted.calls() == asked; drawn += 8) (void)random.next64();
  }
}

BOOST_AUTO_TEST_CASE(a_seeded_generator_never_asks_the_system) {
  chacha_random random;
  random.seed(1);
  const os::failure_injection counted(0, os::os_call::entropy);
  for (std::size_t drawn = 0; drawn < 2 * chacha_random::reseed_interval; drawn += 8) (void)random.next64();
  BOOST_TEST(counted.calls() == 0u);
}

BOOST_AUTO_TEST_CASE(a_generator_with_a_key_goes_on_when_the_system_refuses) {
  chacha_random random;
  BOOST_TEST(!!random.seed_from_system());
  const os::failure_injection refuse(1, os::os_call::entropy, os::failure_injection::rule::from_then_on);
  std::set<std::uint64_t> seen;
  for (std::size_t drawn = 0; drawn < 2 * chacha_random::reseed_interval; drawn += 8) seen.insert(random.next64());
  BOOST_TEST(refuse.fired());
  BOOST_TEST(seen.size() == 2 * chacha_random::reseed_interval / 8);
}

BOOST_AUTO_TEST_CASE(a_refused_key_is_told_and_changes_nothing) {
  chacha_random random;
  random.seed(5);
  (void)random.next64();
  const std::string before(object_bytes(random));
  const os::failure_injection refuse(1, os::os_call::entropy);
  BOOST_TEST(!random.seed_from_system());
  BOOST_TEST(object_bytes(random) == before);
}

BOOST_AUTO_TEST_CASE(a_draw_with_no_key_to_be_had_ends_the_program) {
  const test::child_outcome outcome = test::run_child("random_numbers_without_a_key");
  BOOST_TEST(outcome.aborted(), outcome.output);
  BOOST_TEST(outcome.says("gives no random bytes"), outcome.output);
}

#if !defined(_WIN32)
BOOST_AUTO_TEST_CASE(a_child_process_whose_pages_are_wiped_draws_other_numbers) {
  if (test::under_emulator()) return test::skip(test::lost_in_emulator::advice);
  os::status made;
  auto* const random = os::make_in_pages<chacha_random>(made);
  BOOST_REQUIRE(random != nullptr);
  if (!os::advise(random, align_up(sizeof *random, os::facts().page_size), os::advice::wipe_on_fork)) {
    os::destroy_in_pages(*random);
    return test::skip("this system does not wipe pages for child processes");
  }
  (void)random->next64();
  std::array<int, 2> ends{};
  BOOST_REQUIRE(::pipe(ends.data()) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::uint64_t theirs = random->next64();
    ::_exit(::write(ends[1], &theirs, sizeof theirs) == sizeof theirs ? 0 : 1);
  }
  std::uint64_t theirs = 0;
  ::close(ends[1]);
  BOOST_TEST(::read(ends[0], &theirs, sizeof theirs) == static_cast<ssize_t>(sizeof theirs));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  BOOST_TEST(status == 0);
  BOOST_TEST(random->next64() != theirs);
  os::destroy_in_pages(*random);
}
#endif

BOOST_AUTO_TEST_CASE(numbers_below_a_bound_are_equally_likely) {
  chacha_random random;
  random.seed(11);
  for (const std::uint32_t n : {2U, 3U, 7U, 64U, 100U, 1000U, 40000U, 65535U, 65536U, 65537U, 100000U}) {
    const std::size_t draws = std::max<std::size_t>(n * 10, 100000);
    std::vector<std::uint32_t> counts(n);
    for (std::size_t i = 0; i < draws; ++i) ++counts.at(random.below(n));
    BOOST_TEST(surprise(counts, static_cast<double>(draws) / n) < 5, "below " << n);
  }
}

BOOST_AUTO_TEST_CASE(bounds_at_the_ends_of_the_range_hold) {
  chacha_random random;
  random.seed(11);
  for (int i = 0; i < 1000; ++i) {
    BOOST_TEST(random.below(0) == 0u);
    BOOST_TEST(random.below(1) == 0u);
    BOOST_TEST(random.below(0xffffffffU) < 0xffffffffU);
  }
}

BOOST_AUTO_TEST_CASE(every_bit_is_as_often_one_as_zero) {
  chacha_random random;
  random.seed(13);
  std::array<int, 64> ones{};
  constexpr int draws = 100000;
  for (int i = 0; i < draws; ++i) {
    const std::uint64_t value = random.next64();
    for (unsigned bit = 0; bit < 64; ++bit) ones[bit] += static_cast<int>(value >> bit & 1);
  }
  for (const int count : ones) {
    BOOST_TEST(count > draws / 2 - 900);  // more than five deviations
    BOOST_TEST(count < draws / 2 + 900);
  }
}

BOOST_AUTO_TEST_SUITE_END()
