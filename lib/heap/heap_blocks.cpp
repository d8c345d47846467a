#include <allot/heap/heap_blocks.hpp>
#include <allot/heap/range_list.hpp>

namespace allot {

heap_blocks::iterator::iterator(const range_list& ranges, std::size_t range) noexcept
    : ranges_(&ranges), range_(range) {
  skip_empty();
}

/// Goes on to the first block of a later range where this one has no more.
void heap_blocks::iterator::skip_empty() noexcept {
  while (range_ < ranges_->size() && granule_ == (*ranges_)[range_].granules()) {
    ++range_;
    granule_ = 0;
  }
}

heap_block heap_blocks::iterator::operator*() const noexcept {
  const heap_range& range = (*ranges_)[range_];
  return {range.at(granule_), range.table().size_at(granule_) * granule_table::granule,
          range.table().is_used(granule_)};
}

heap_blocks::iterator& heap_blocks::iterator::operator++() noexcept {
  granule_ += (*ranges_)[range_].table().size_at(granule_);
  skip_empty();
  return *this;
}

heap_blocks::iterator& heap_blocks::iterator::operator--() noexcept {
  while (granule_ == 0) granule_ = (*ranges_)[--range_].granules();
  granule_ = (*ranges_)[range_].table().before(granule_).start;
  return *this;
}

heap_blocks::iterator heap_blocks::begin() const noexcept {
  return ranges_ != nullptr ? iterator(*ranges_, 0) : iterator();
}

heap_blocks::iterator heap_blocks::end() const noexcept {
  return ranges_ != nullptr ? iterator(*ranges_, ranges_->size()) : iterator();
}

}  // namespace allot
