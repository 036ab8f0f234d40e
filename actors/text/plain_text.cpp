#include "actors/text/plain_text.hpp"

#include "actors/text/utf8.hpp"

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
  std::string line;
  line.reserve(text.size());
  bool space_before = false;
  for (std::size_t position = 0; position < text.size();) {
    const decoded_character character = decode_utf8(text, position);
    position += character.size;
    if (becomes_space(character.code_point)) {
      space_before = !line.empty();
      continue;
    }
    if (space_before) {
      line += ' ';
      space_before = false;
    }
    append_utf8(line, character.code_point);
  }
  return line;
}

std::string cut(std::string_view text, std::size_t characters) {
  std::size_t position = 0;
  while (position < text.size() && characters > 0) {
    position += decode_utf8(text, position).size;
    --characters;
  }
  return std::string(text.substr(0, position));
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
