#include <allot/adaptor/branch_list.hpp>
#include <stdexcept>
#include <utility>

namespace allot {
namespace {

[[noreturn]] void wrong_count() {
  throw std::invalid_argument("an adaptor over several upstreams needs 1 to 16 of them");
}

template <std::size_t... Index>
std::array<upstream_ref, sizeof...(Index)> filled(const upstream_ref* first, std::size_t count,
                                                  std::index_sequence<Index...>) {
  if (count == 0 || count > sizeof...(Index)) wrong_count();
  return {{first[Index < count ? Index : 0]...}};
}

}  // namespace

branch_list::branch_list(const upstream_ref* first, std::size_t count)
    : all_(filled(first, count, std::make_index_sequence<capacity>())), size_(count) {}

void branch_list::add(const upstream_ref& upstream) {
  if (size_ == capacity) wrong_count();
  all_[size_++] = upstream;
}

}  // namespace allot
