// Requests from strangers, parsed into a secure_resource, beside a token they must know, kept in a safe_buffer whose
// pages can be read only while it is compared. One request is longer than the field it is meant for: the copy does
// not happen, and the report says by how much it would have gone too far.

#include <allot/core/misuse.hpp>
#include <allot/secure/guarded_memory.hpp>
#include <allot/secure/safe_buffer.hpp>
#include <allot/secure/secure_resource.hpp>
#include <array>
#include <cmath>
#include <cstddef>
#include <iostream>
#include <map>
#include <memory_resource>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

constexpr std::size_t token_bytes = 16;
constexpr std::size_t field_bytes = 24;

/// What misuse found becomes of a request: it ends, the program goes on. Without a handler the program would end.
void refuse(const allot::misuse_report& report) {
  std::array<char, 256> line{};
  throw std::runtime_error(std::string(line.data(), allot::format_misuse(report, line.data(), line.size())));
}

/// The token, in pages of its own that are inaccessible but for a moment.
class secret_token {
 public:
  secret_token() : bytes_(token_bytes, options()) {
    const bool drawn = static_cast<bool>(bytes_.fill_random());
    bytes_.protect(allot::safe_buffer::access::none);
    if (!drawn) throw std::runtime_error("no random bytes");
  }

  bool is(std::string_view guess) {
    const readable_for_now open(bytes_);
    return bytes_.equals(guess.data(), guess.size());
  }

  /// As someone would know it whom it was given.
  std::string shown() {
    const readable_for_now open(bytes_);
    return {bytes_.begin(), bytes_.end()};
  }

 private:
  class readable_for_now {
   public:
    explicit readable_for_now(allot::safe_buffer& bytes) : bytes_(bytes) {
      bytes_.protect(allot::safe_buffer::access::read);
    }
    ~readable_for_now() { bytes_.protect(allot::safe_buffer::access::none); }
    readable_for_now(const readable_for_now&) = delete;
    readable_for_now& operator=(const readable_for_now&) = delete;

   private:
    allot::safe_buffer& bytes_;
  };

  static allot::safe_buffer_options options() {
    allot::safe_buffer_options wanted;
    wanted.name = "token";
    return wanted;
  }

  allot::safe_buffer bytes_;
};

class store {
 public:
  explicit store(std::pmr::memory_resource& memory) : memory_(memory), values_(&memory) {}

  /// `name=value`, in a text nobody has looked at.
  void put(std::string_view request) {
    const std::size_t equals = request.find('=');
    if (equals == std::string_view::npos) throw std::runtime_error("not name=value");
    values_[std::pmr::string(request.substr(0, equals), &memory_)] = request.substr(equals + 1);
  }

  /// Written without a look at the length, as code that parses is.
  void label(std::string_view text) {
    void* const field = memory_.allocate(field_bytes, 1);
    try {
      allot::guarded_copy(field, text.data(), text.size());
    } catch (...) {
      memory_.deallocate(field, field_bytes, 1);
      throw;
    }
    allot::wipe_and_deallocate(memory_, field, field_bytes, 1);
  }

  std::string_view get(std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::string_view("nothing") : std::string_view(found->second);
  }

  std::size_t size() const { return values_.size(); }

 private:
  std::pmr::memory_resource& memory_;
  std::pmr::map<std::pmr::string, std::pmr::string, std::less<>> values_;
};

}  // namespace

int main() {
  allot::set_misuse_handler(refuse);
  allot::secure_options options;
  options.name = "input";
  allot::secure_resource input(options);
  secret_token token;
  bool good = true;
  {
    store values(input);
    values.put("colour=a green between the leaf of an oak and that of a lime tree");
    values.put("size=large");
    values.label("short enough");
    try {
      values.label("a label of many more bytes than there is room for");
      good = false;
    } catch (const std::runtime_error& refused) {
      std::cout << "refused: " << refused.what() << '\n';
    }
    good = good && !token.is("0123456789abcdef") && token.is(token.shown());
    std::cout << values.size() << " values, colour is " << values.get("colour") << '\n';
  }
  good = good && input.check() && input.usage().used == 0;

  const allot::secure_report got = input.report();
  std::cout << "input: " << got.regions << " regions at places of " << std::lround(got.region_entropy)
            << " bits, canaries of " << std::lround(got.canary_entropy) << ", " << got.quarantined_blocks
            << " blocks in quarantine\n"
            << (good ? "all as it should be\n" : "something is wrong\n");
  return good ? 0 : 1;
}
