#include "actors/text/utf8.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utf8.h>

namespace workspace_supervisor {

namespace {

bool is_ascii(char character) {
  return static_cast<unsigned char>(character) < 0x80;
}

// The first byte from `place` on that is no ASCII. Most text is ASCII alone: looked through in blocks it
// takes a tenth of the time that it takes by characters.
const char* skip_ascii(const char* place, const char* end) {
  constexpr std::uint64_t high_bits = 0x8080808080808080;
  std::uint64_t block = 0;
  while (end - place >= static_cast<std::ptrdiff_t>(sizeof block)) {
    std::memcpy(&block, place, sizeof block);
    if ((block & high_bits) != 0) {
      break;
    }
    place += sizeof block;
  }
  return std::find_if_not(place, end, is_ascii);
}

const char* find_invalid(const char* place, const char* end) {
  while ((place = skip_ascii(place, end)) != end) {
    const char* const ascii = std::find_if(place, end, is_ascii);
    const char* const invalid = utf8::find_invalid(place, ascii);
    if (invalid != ascii) {
      return invalid;
    }
    place = ascii;
  }
  return end;
}

// How many bytes of what is invalid could have begun a valid character, at least 1. Unicode wants one U+FFFD
// for so many; utf8::replace_invalid takes more for one.
std::size_t begun_character(const char* place, const char* end) {
  for (std::size_t taken = std::min<std::size_t>(3, static_cast<std::size_t>(end - place)); taken > 1;
       --taken) {
    std::string character(place, taken);
    while (character.size() < 4) {
      character += '\x80';
      if (utf8::is_valid(character)) {
        return taken;
      }
    }
  }
  return 1;
}

} // namespace

std::string valid_utf8(std::string text) {
  // Nearly every text is valid: it is only looked through, and copied when it is not.
  const char* const end = text.data() + text.size();
  const char* invalid = find_invalid(text.data(), end);
  if (invalid == end) {
    return text;
  }
  std::string result;
  result.reserve(text.size());
  const char* place = text.data();
  while (invalid != end) {
    result.append(place, invalid);
    utf8::append(char32_t{0xFFFD}, result);
    place = invalid + begun_character(invalid, end);
    invalid = find_invalid(place, end);
  }
  return result.append(place, end);
}

} // namespace workspace_supervisor
