#include "actors/text/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace workspace_supervisor {

namespace {

constexpr char32_t replacement = 0xFFFD;

unsigned char byte_at(std::string_view text, std::size_t position) {
  return static_cast<unsigned char>(text[position]);
}

// Where the first byte at or after `position` stands that is no ASCII; most text is ASCII alone.
std::size_t skip_ascii(std::string_view text, std::size_t position) {
  constexpr std::uint64_t high_bits = 0x8080808080808080;
  std::uint64_t block = 0;
  while (position + sizeof block <= text.size()) {
    std::memcpy(&block, text.data() + position, sizeof block);
    if ((block & high_bits) != 0) {
      break;
    }
    position += sizeof block;
  }
  while (position < text.size() && byte_at(text, position) < 0x80) {
    ++position;
  }
  return position;
}

} // namespace

decoded_character decode_utf8(std::string_view text, std::size_t position) {
  const unsigned char lead = byte_at(text, position);
  if (lead < 0x80) {
    return {lead, 1, true};
  }
  std::size_t size = 0;
  char32_t code_point = 0;
  // The second byte has a narrower range after some leads: that is what rules out overlong forms, surrogates
  // and values above U+10FFFF.
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    size = 2;
    code_point = lead & 0x1F;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    size = 3;
    code_point = lead & 0x0F;
    low = lead == 0xE0 ? 0xA0 : 0x80;
    high = lead == 0xED ? 0x9F : 0xBF;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    size = 4;
    code_point = lead & 0x07;
    low = lead == 0xF0 ? 0x90 : 0x80;
    high = lead == 0xF4 ? 0x8F : 0xBF;
  } else {
    return {replacement, 1, false};
  }
  for (std::size_t taken = 1; taken < size; ++taken) {
    if (position + taken >= text.size()) {
      return {replacement, taken, false};
    }
    const unsigned char next = byte_at(text, position + taken);
    if (next < low || next > high) {
      return {replacement, taken, false};
    }
    code_point = (code_point << 6) | (next & 0x3F);
    low = 0x80;
    high = 0xBF;
  }
  return {code_point, size, true};
}

void append_utf8(std::string& text, char32_t code_point) {
  if (code_point < 0x80) {
    text += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    text += static_cast<char>(0xC0 | (code_point >> 6));
    text += static_cast<char>(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    text += static_cast<char>(0xE0 | (code_point >> 12));
    text += static_cast<char>(0x80 | ((code_point >> 6) & 0x3F));
    text += static_cast<char>(0x80 | (code_point & 0x3F));
  } else {
    text += static_cast<char>(0xF0 | (code_point >> 18));
    text += static_cast<char>(0x80 | ((code_point >> 12) & 0x3F));
    text += static_cast<char>(0x80 | ((code_point >> 6) & 0x3F));
    text += static_cast<char>(0x80 | (code_point & 0x3F));
  }
}

std::string valid_utf8(std::string text) {
  // Nearly every text is valid: it is only looked through, and copied from the first fault on.
  std::size_t position = skip_ascii(text, 0);
  while (position < text.size()) {
    const decoded_character character = decode_utf8(text, position);
    if (!character.valid) {
      break;
    }
    position = skip_ascii(text, position + character.size);
  }
  if (position == text.size()) {
    return text;
  }
  std::string result = text.substr(0, position);
  while (position < text.size()) {
    const decoded_character character = decode_utf8(text, position);
    append_utf8(result, character.code_point);
    position += character.size;
  }
  return result;
}

} // namespace workspace_supervisor
