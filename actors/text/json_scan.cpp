#include "actors/text/json_scan.hpp"

#include "actors/text/utf8.hpp"

#include <utility>

namespace workspace_supervisor {

namespace {

bool is_space(char character) {
  return character == ' ' || character == '\t' || character == '\n' || character == '\r';
}

int hex_digit(char character) {
  if (character >= '0' && character <= '9') {
    return character - '0';
  }
  if (character >= 'a' && character <= 'f') {
    return character - 'a' + 10;
  }
  if (character >= 'A' && character <= 'F') {
    return character - 'A' + 10;
  }
  return -1;
}

// Reads the four digits of an escape at `position`.
bool read_code_unit(std::string_view text, std::size_t position, char32_t& unit) {
  if (position + 4 > text.size()) {
    return false;
  }
  unit = 0;
  for (std::size_t digit = 0; digit < 4; ++digit) {
    const int value = hex_digit(text[position + digit]);
    if (value < 0) {
      return false;
    }
    unit = unit * 16 + static_cast<char32_t>(value);
  }
  return true;
}

bool is_high_surrogate(char32_t unit) {
  return unit >= 0xD800 && unit <= 0xDBFF;
}

bool is_low_surrogate(char32_t unit) {
  return unit >= 0xDC00 && unit <= 0xDFFF;
}

// Decodes the escape whose backslash stands at `position` and moves `position` behind it.
bool decode_escape(std::string_view text, std::size_t& position, std::string& result) {
  if (position + 1 >= text.size()) {
    return false;
  }
  const char kind = text[position + 1];
  position += 2;
  switch (kind) {
  case '"':
  case '\\':
  case '/':
    result += kind;
    return true;
  case 'b':
    result += '\b';
    return true;
  case 'f':
    result += '\f';
    return true;
  case 'n':
    result += '\n';
    return true;
  case 'r':
    result += '\r';
    return true;
  case 't':
    result += '\t';
    return true;
  case 'u':
    break;
  default:
    return false;
  }
  char32_t unit = 0;
  if (!read_code_unit(text, position, unit)) {
    return false;
  }
  position += 4;
  if (is_high_surrogate(unit)) {
    char32_t second = 0;
    if (text.substr(position, 2) == "\\u" && read_code_unit(text, position + 2, second) &&
        is_low_surrogate(second)) {
      position += 6;
      unit = 0x10000 + ((unit - 0xD800) << 10) + (second - 0xDC00);
    } else {
      unit = 0xFFFD;
    }
  } else if (is_low_surrogate(unit)) {
    unit = 0xFFFD;
  }
  append_utf8(result, unit);
  return true;
}

void append_code_unit(std::string& json, char32_t unit) {
  static constexpr char digits[] = "0123456789abcdef";
  json += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) {
    json += digits[(unit >> shift) & 0xF];
  }
}

} // namespace

void json_scan::skip_space() {
  while (position_ < text_.size() && is_space(text_[position_])) {
    ++position_;
  }
}

bool json_scan::take(char character) {
  skip_space();
  if (position_ >= text_.size() || text_[position_] != character) {
    return false;
  }
  ++position_;
  return true;
}

bool json_scan::at_end() {
  skip_space();
  return position_ == text_.size();
}

// Where the string that begins at `position` ends; npos when it does not. Texts are long and escapes rare, so
// it looks for quotes and then at the backslashes before each.
std::size_t json_scan::end_of_string(std::size_t position) const {
  const std::size_t begin = position + 1;
  std::size_t quote = text_.find('"', begin);
  while (quote != std::string_view::npos) {
    std::size_t backslashes = 0;
    while (quote - backslashes > begin && text_[quote - backslashes - 1] == '\\') {
      ++backslashes;
    }
    if (backslashes % 2 == 0) {
      return quote + 1;
    }
    quote = text_.find('"', quote + 1);
  }
  return quote;
}

std::size_t json_scan::end_of_container(std::size_t position) const {
  std::string open; // the closing brackets that are still to come: a byte a level, so depth needs no bound
  while (position < text_.size()) {
    const char character = text_[position];
    if (character == '"') {
      position = end_of_string(position);
      if (position == std::string_view::npos) {
        return position;
      }
      continue;
    }
    ++position;
    if (character == '[') {
      open += ']';
    } else if (character == '{') {
      open += '}';
    } else if (character == ']' || character == '}') {
      if (open.back() != character) {
        return std::string_view::npos;
      }
      open.pop_back();
      if (open.empty()) {
        return position;
      }
    }
  }
  return std::string_view::npos;
}

bool json_scan::take_value(std::string_view& value) {
  skip_space();
  if (position_ >= text_.size()) {
    return false;
  }
  std::size_t end = std::string_view::npos;
  const char first = text_[position_];
  if (first == '"') {
    end = end_of_string(position_);
  } else if (first == '[' || first == '{') {
    end = end_of_container(position_);
  } else {
    end = position_;
    while (end < text_.size() && !is_space(text_[end]) &&
           std::string_view(",:[]{}\"").find(text_[end]) == std::string_view::npos) {
      ++end;
    }
    if (end == position_) {
      return false;
    }
  }
  if (end == std::string_view::npos) {
    return false;
  }
  value = text_.substr(position_, end - position_);
  position_ = end;
  return true;
}

bool decode_json_string(std::string_view value, std::string& text) {
  text.clear();
  if (value.size() < 2 || value.front() != '"' || value.back() != '"') {
    return false;
  }
  const std::string_view inner = value.substr(1, value.size() - 2);
  std::string decoded;
  decoded.reserve(inner.size());
  std::size_t position = 0;
  while (position < inner.size()) {
    const std::size_t escape = inner.find('\\', position);
    if (escape == std::string_view::npos) {
      decoded.append(inner.substr(position));
      break;
    }
    decoded.append(inner.substr(position, escape - position));
    position = escape;
    if (!decode_escape(inner, position, decoded)) {
      return false;
    }
  }
  text = valid_utf8(std::move(decoded));
  return true;
}

void append_json_string(std::string& json, std::string_view text) {
  json += '"';
  for (std::size_t position = 0; position < text.size();) {
    const decoded_character character = decode_utf8(text, position);
    position += character.size;
    const char32_t code_point = character.code_point;
    if (code_point == '"' || code_point == '\\') {
      json += '\\';
      json += static_cast<char>(code_point);
    } else if (code_point == '\n') {
      json += "\\n";
    } else if (code_point >= 0x20 && code_point < 0x7F) {
      json += static_cast<char>(code_point);
    } else if (code_point < 0x10000) {
      append_code_unit(json, code_point);
    } else {
      append_code_unit(json, 0xD800 + ((code_point - 0x10000) >> 10));
      append_code_unit(json, 0xDC00 + ((code_point - 0x10000) & 0x3FF));
    }
  }
  json += '"';
}

} // namespace workspace_supervisor
