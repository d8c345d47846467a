#pragma once

#include <allot/core/compiler.hpp>
#include <cstddef>
#include <memory_resource>
#include <string_view>

namespace allot {

/// A text that is a secret: a password, a token. Meant to live in a secure_resource, but any resource will do.
///
/// All its characters, however few, lie in one block of the resource, and what it leaves behind is overwritten with
/// zero: blocks it has grown out of, characters removed, the whole when it is assigned to or ends. A std::pmr::string
/// on the same resource does neither: short texts (up to 15 characters with libstdc++) lie in the string itself, on the
/// stack for instance, and stay there after it was moved from or has ended.
///
/// What it cannot reach is where the text came from, and copies others make of it. So it converts to nothing by itself;
/// view() shows it.
///
/// Copies are made only where a resource is named for them. For one thread at a time.
class ALLOT_EXPORT safe_string {
 public:
  using allocator_type = std::pmr::polymorphic_allocator<char>;

  /// An empty text; nothing is allocated. The resource must outlive this object.
  explicit safe_string(const allocator_type& memory) noexcept : memory_(memory.resource()) {}
  /// @throws what the resource throws
  safe_string(std::string_view text, const allocator_type& memory);
  /// @throws what the resource throws
  safe_string(const safe_string& other, const allocator_type& memory) : safe_string(other.view(), memory) {}

  /// Takes over the characters along with the resource they lie in; `other` is empty then.
  safe_string(safe_string&& other) noexcept;
  safe_string& operator=(safe_string&& other) noexcept;
  /// The same where both have the same resource; else copies, and `other` is wiped.
  safe_string(safe_string&& other, const allocator_type& memory);

  safe_string(const safe_string&) = delete;
  // assign() takes parts of its own text, too. NOLINTNEXTLINE(bugprone-unhandled-self-assignment)
  safe_string& operator=(const safe_string& other) {
    assign(other.view());
    return *this;
  }
  ~safe_string() { release(); }

  /// The characters; valid until the next call that is not const.
  std::string_view view() const noexcept { return {c_str(), size_}; }
  const char* c_str() const noexcept { return data_ != nullptr ? data_ : ""; }  ///< followed by a zero byte
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::size_t capacity() const noexcept { return capacity_; }  ///< characters it can have without asking the resource
  char& operator[](std::size_t i) noexcept { return data_[i]; }
  const char& operator[](std::size_t i) const noexcept { return data_[i]; }
  allocator_type get_allocator() const noexcept { return memory_; }

  // On a throw, which is allocation_error (size_overflow) or the resource's, the text is as before. The text given may
  // be a part of this one.

  safe_string& assign(std::string_view text);
  safe_string& append(std::string_view text);
  void push_back(char c) { append({&c, 1}); }
  void reserve(std::size_t characters);
  /// New characters, for whoever writes them in place, are zero bytes.
  void resize(std::size_t characters);

  /// Overwrites all characters; the block stays.
  void clear() noexcept;
  /// Overwrites all characters and gives the block back.
  void release() noexcept;

  /// Takes a time that depends on the lengths alone.
  friend bool operator==(const safe_string& a, const safe_string& b) noexcept { return a.equals(b.view()); }
  friend bool operator==(const safe_string& a, std::string_view b) noexcept { return a.equals(b); }
  friend bool operator==(std::string_view a, const safe_string& b) noexcept { return b.equals(a); }
  friend bool operator!=(const safe_string& a, const safe_string& b) noexcept { return !a.equals(b.view()); }
  friend bool operator!=(const safe_string& a, std::string_view b) noexcept { return !a.equals(b); }
  friend bool operator!=(std::string_view a, const safe_string& b) noexcept { return !b.equals(a); }

 private:
  bool equals(std::string_view other) const noexcept;
  char* allocate(std::size_t characters);
  void take_over(safe_string& other) noexcept;

  std::pmr::memory_resource* memory_;
  char* data_ = nullptr;  // capacity_ + 1 bytes, zero from size_ on; null: none
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace allot
