#pragma once

#include <allot/core/compiler.hpp>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string_view>

namespace allot {

/// Text on its way to a stream, past the stream's formatting and locale. Nothing allocates. What was not flushed at its
/// end is lost.
///
/// Not thread-safe.
class ALLOT_EXPORT text_output {
 public:
  /// `out` must outlive this object.
  explicit text_output(std::ostream& out) noexcept : out_(out) {}
  text_output(const text_output&) = delete;
  text_output& operator=(const text_output&) = delete;

  /// Hands what is here to the stream. Throws as the stream does; a stream that fails is left to its owner to ask.
  void flush();

  text_output& operator<<(std::string_view text);
  text_output& operator<<(std::size_t number);
  text_output& hex(std::uintptr_t number);               ///< with 0x
  text_output& fixed(double number, unsigned decimals);  ///< neither negative nor above 2^53; at most 3 decimals
  text_output& bytes(std::size_t number);                ///< "12.3 KiB"
  text_output& percent(double part);                     ///< of 1, one decimal, not rounded up to 100
  text_output& repeat(std::string_view text, std::size_t times);  ///< the text so many times

  // A name may be any bytes, cut anywhere. What is no UTF-8 and what is a control character becomes a question mark.
  text_output& plain_name(std::string_view name);   ///< ASCII stays as it is, as does other UTF-8
  text_output& markup_name(std::string_view name);  ///< for XML and HTML, in text and in attributes
  text_output& script_name(std::string_view name);  ///< for a JSON string inside an HTML script element

 private:
  using escape = std::string_view (*)(char c);
  text_output& name(std::string_view name, escape escaped);

  std::ostream& out_;
  std::array<char, 8192> buffer_;
  std::size_t size_ = 0;
};

}  // namespace allot
