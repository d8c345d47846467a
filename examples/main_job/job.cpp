#include "job.hpp"

#include <algorithm>
#include <string_view>

namespace main_job {

namespace {

class fnv_1a {
 public:
  void add(std::string_view text) noexcept {
    add(text.size());
    for (const char c : text) add_byte(static_cast<unsigned char>(c));
  }
  void add(std::uint64_t number) noexcept {
    for (int shift = 0; shift < 64; shift += 8) add_byte(static_cast<unsigned char>(number >> shift));
  }
  std::uint64_t value() const noexcept { return value_; }

 private:
  void add_byte(unsigned char byte) noexcept { value_ = (value_ ^ byte) * 1099511628211U; }
  std::uint64_t value_ = 14695981039346656037U;
};

/// A sum over the words, because an unordered map lists them in no particular order.
std::uint64_t digest(const word_index& index) noexcept {
  std::uint64_t sum = 0;
  for (const auto& [word, places] : index) {
    fnv_1a hash;
    hash.add(word);
    for (const occurrence& place : places) {
      hash.add(place.file);
      hash.add(place.line);
      hash.add(place.column);
    }
    sum += hash.value();
  }
  return sum;
}

void add_to(fnv_1a& hash, const node& element) noexcept {
  hash.add(element.kind);
  hash.add(element.text);
  hash.add(element.attributes.size());
  for (const auto& [name, value] : element.attributes) {
    hash.add(name);
    hash.add(value);
  }
  hash.add(element.children.size());
  for (const node& child : element.children) add_to(hash, child);
}

std::string quoted(std::string_view text) {
  constexpr std::size_t longest = 60;
  return '"' + std::string(text.substr(0, longest)) + (text.size() > longest ? "...\"" : "\"");
}

std::optional<std::string> difference(const word_index& reference, const word_index& index) {
  for (const auto& [word, places] : reference) {
    const auto found = index.find(word);
    if (found == index.end()) return "the word " + quoted(word) + " is missing from the index";
    if (found->second != places) return "the word " + quoted(word) + " is in the index with other places";
  }
  const auto unexpected = std::find_if(
      index.begin(), index.end(), [&](const auto& entry) { return reference.find(entry.first) == reference.end(); });
  if (unexpected != index.end()) return "the index has a word too many, " + quoted(unexpected->first);
  if (index.size() != reference.size()) return "the index has a word twice";
  return std::nullopt;
}

std::optional<std::string> difference(const node& reference, const node& element) {
  const std::string where = "the " + std::string(reference.kind) + ' ' + quoted(reference.text);
  if (element.kind != reference.kind) return where + " is of the kind " + quoted(element.kind);
  if (element.text != reference.text) return where + " has the text " + quoted(element.text);
  if (element.attributes != reference.attributes) return where + " has other attributes";
  if (element.children.size() != reference.children.size()) return where + " has another number of children";
  for (std::size_t i = 0; i < reference.children.size(); ++i) {
    if (auto found = difference(reference.children[i], element.children[i])) return found;
  }
  return std::nullopt;
}

}  // namespace

job_result run_job(const std::vector<text_file>& files, std::pmr::memory_resource& memory) {
  return {build_index(files, memory), build_tree(files, memory)};
}

std::uint64_t digest(const job_result& result) noexcept {
  fnv_1a hash;
  hash.add(result.index.size());
  hash.add(digest(result.index));
  add_to(hash, result.tree);
  return hash.value();
}

std::optional<std::string> difference(const job_result& reference, const job_result& result) {
  if (auto found = difference(reference.index, result.index)) return found;
  return difference(reference.tree, result.tree);
}

}  // namespace main_job
