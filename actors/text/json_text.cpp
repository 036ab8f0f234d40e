#include "actors/text/json_text.hpp"

#include "actors/text/utf8.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <utf8.h>

namespace workspace_supervisor {

namespace {

constexpr std::size_t escape_size = 6; // "\ud83d"

void append_code_unit(std::string& json, char16_t unit) {
  static constexpr char digits[] = "0123456789abcdef";
  json += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) {
    json += digits[(unit >> shift) & 0xF];
  }
}

// The code unit whose escape stands at `position`, if one does.
std::optional<unsigned> escaped_code_unit(std::string_view json, std::size_t position) {
  const std::string_view escape = json.substr(std::min(position, json.size()), escape_size);
  if (escape.size() < escape_size || !escape.starts_with("\\u")) {
    return std::nullopt;
  }
  unsigned unit = 0;
  const char* const end = escape.data() + escape.size();
  const auto [read, failure] = std::from_chars(escape.data() + 2, end, unit, 16);
  return failure == std::errc() && read == end ? std::optional(unit) : std::nullopt;
}

bool is_high_surrogate(unsigned unit) {
  return unit >= 0xD800 && unit <= 0xDBFF;
}

bool is_low_surrogate(unsigned unit) {
  return unit >= 0xDC00 && unit <= 0xDFFF;
}

} // namespace

void append_json_string(std::string& json, std::string_view text) {
  json += '"';
  for (const char16_t unit : utf8::utf8to16(valid_utf8(std::string(text)))) {
    if (unit == '"' || unit == '\\') {
      json += '\\';
      json += static_cast<char>(unit);
    } else if (unit == '\n') {
      json += "\\n";
    } else if (unit >= 0x20 && unit < 0x7F) {
      json += static_cast<char>(unit);
    } else {
      append_code_unit(json, unit);
    }
  }
  json += '"';
}

std::string_view replace_half_surrogates(std::string_view json, std::string& buffer) {
  bool copied = false;
  // Backslashes stand in strings alone, so what is in a string need not be told from what is not.
  for (std::size_t position = json.find('\\'); position != std::string_view::npos;
       position = json.find('\\', position)) {
    const std::optional<unsigned> unit = escaped_code_unit(json, position);
    if (!unit) {
      position += 2; // the backslash and what it escapes, which may be a backslash
      continue;
    }
    const std::optional<unsigned> next =
        is_high_surrogate(*unit) ? escaped_code_unit(json, position + escape_size) : std::nullopt;
    if (next && is_low_surrogate(*next)) {
      position += 2 * escape_size;
      continue;
    }
    if (is_high_surrogate(*unit) || is_low_surrogate(*unit)) {
      if (!copied) {
        buffer = json;
        copied = true;
      }
      buffer.replace(position, escape_size, "\\ufffd");
    }
    position += escape_size;
  }
  return copied ? std::string_view(buffer) : json;
}

} // namespace workspace_supervisor
