#include "app/stats/json_writer.hpp"

#include "actors/text/utf8.hpp"

#include <charconv>
#include <cmath>

namespace workspace_supervisor {

void json_writer::separate() {
  if (!first_)
    text_ += ',';
  first_ = false;
}

json_writer& json_writer::open(char bracket) {
  separate();
  text_ += bracket;
  first_ = true;
  return *this;
}

json_writer& json_writer::close(char bracket) {
  text_ += bracket;
  first_ = false;
  return *this;
}

json_writer& json_writer::key(std::string_view name) {
  separate();
  quoted(name);
  text_ += ':';
  first_ = true;
  return *this;
}

json_writer& json_writer::value(std::string_view text) {
  separate();
  quoted(text);
  return *this;
}

json_writer& json_writer::value(double number) {
  if (!std::isfinite(number))
    return raw("null");
  char text[40];
  const auto [end, error] = std::to_chars(text, text + sizeof text, number);
  return raw({text, error == std::errc{} ? static_cast<std::size_t>(end - text) : 0});
}

json_writer& json_writer::raw(std::string_view json) {
  separate();
  text_ += json;
  return *this;
}

void json_writer::quoted(std::string_view text) {
  constexpr auto digits = "0123456789abcdef";
  bool ascii = true;
  for (const char character : text)
    ascii = ascii && static_cast<unsigned char>(character) < 0x80;
  const auto valid = ascii ? std::string{} : valid_utf8(std::string{text});
  text_ += '"';
  for (const char character : ascii ? text : std::string_view{valid}) {
    const auto byte = static_cast<unsigned char>(character);
    if (character == '"' || character == '\\') {
      text_ += '\\';
      text_ += character;
    } else if (character == '\n') {
      text_ += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      text_ += "\\u00";
      text_ += digits[byte >> 4U];
      text_ += digits[byte & 15U];
    } else {
      text_ += character;
    }
  }
  text_ += '"';
}

} // namespace workspace_supervisor
