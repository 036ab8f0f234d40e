#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace workspace_supervisor {

/// What stands at one place of a text.
struct decoded_character {
  char32_t code_point = 0; ///< U+FFFD when not valid
  std::size_t size = 0;    ///< bytes it takes, at least 1
  bool valid = false;
};

/// Decodes the character at `position` (less than the text's size). Overlong forms, surrogates and values
/// above U+10FFFF are invalid; of an invalid sequence as many bytes are taken as could have begun a valid
/// one.
decoded_character decode_utf8(std::string_view text, std::size_t position);

/// Appends a code point, which must be no surrogate and at most U+10FFFF.
void append_utf8(std::string& text, char32_t code_point);

/// Makes valid UTF-8 of any bytes: what is invalid becomes U+FFFD.
std::string valid_utf8(std::string text);

} // namespace workspace_supervisor
