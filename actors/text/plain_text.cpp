#include "actors/text/plain_text.hpp"

#include "actors/text/utf8.hpp"

#include <utf8.h>

namespace workspace_supervisor {

namespace {

bool is_between(char32_t code_point, char32_t first, char32_t last) {
  return code_point >= first && code_point <= last;
}

// What could end a line, hide or reorder text, or is white space.
bool becomes_space(char32_t code_point) {
  return code_point <= 0x20                        // C0 controls and the space
         || is_between(code_point, 0x7F, 0xA0)     // DEL, C1 controls, no-break space
         || code_point == 0x061C                   // Arabic letter mark
         || code_point == 0x1680                   // Ogham space
         || is_between(code_point, 0x2000, 0x200A) // typographic spaces
         || is_between(code_point, 0x200E, 0x200F) // left-to-right and right-to-left mark
         || is_between(code_point, 0x2028, 0x202F) // line and paragraph separator, bidi embeddings, a space
         || code_point == 0x205F                   // mathematical space
         || is_between(code_point, 0x2066, 0x2069) // bidi isolates
         || code_point == 0x3000;                  // ideographic space
}

} // namespace

std::string flatten(std::string_view text) {
  const std::string valid = valid_utf8(std::string(text));
  std::string line;
  line.reserve(valid.size());
  bool space_before = false;
  for (auto place = valid.begin(); place != valid.end();) {
    const auto character = place;
    if (becomes_space(utf8::unchecked::next(place))) {
      space_before = !line.empty();
      continue;
    }
    if (space_before) {
      line += ' ';
      space_before = false;
    }
    line.append(character, place);
  }
  return line;
}

std::string cut(std::string_view text, std::size_t characters) {
  auto place = text.begin();
  for (; place != text.end() && characters > 0; --characters) {
    try {
      utf8::next(place, text.end());
    } catch (const utf8::exception&) {
      ++place; // a byte that is no character counts as one
    }
  }
  return {text.begin(), place};
}

std::string quote(std::string_view flattened) {
  std::string quoted = "\"";
  for (const char character : flattened) {
    if (character == '"' || character == '\\') {
      quoted += '\\';
    }
    quoted += character;
  }
  return quoted + '"';
}

} // namespace workspace_supervisor
