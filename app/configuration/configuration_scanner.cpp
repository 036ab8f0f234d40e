#include "app/configuration/configuration_scanner.hpp"

#include <algorithm>
#include <utility>

namespace workspace_supervisor {

namespace {

bool is_key_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

/// Where a value without quotes ends.
bool ends_word(char c) {
  return c == '\0' || std::string_view(" \t\r\n,]}#[{\"'=<").find(c) != std::string_view::npos;
}

} // namespace

bool configuration_scanner::sees_key() const {
  return !at_end() && (is_key_character(peek()) || peek() == '"' || peek() == '\'');
}

bool configuration_scanner::sees_line_end() const {
  return peek() == '\n' || (peek() == '\r' && position_ + 1 < text_.size() && text_[position_ + 1] == '\n');
}

std::string configuration_scanner::found() const {
  if (text_ended())
    return "the end of the text";
  if (sees_line_end())
    return "the end of the line";
  if (peek() == '\0')
    return "a NUL byte";
  auto end = position_;
  while (end < text_.size() && !ends_word(text_[end]))
    ++end;
  return quote_for_message(text_.substr(position_, std::max<std::size_t>(end - position_, 1)));
}

void configuration_scanner::skip_blanks() {
  while (!text_ended() && (peek() == ' ' || peek() == '\t'))
    ++position_;
}

bool configuration_scanner::skip_space() {
  bool newline = false;
  while (!text_ended()) {
    if (peek() == ' ' || peek() == '\t') {
      ++position_;
    } else if (peek() == '#') {
      position_ = std::min(text_.find('\n', position_), text_.size());
    } else if (sees_line_end()) {
      position_ += peek() == '\n' ? 1 : 2;
      ++line_;
      line_start_ = position_;
      newline = true;
    } else {
      break;
    }
  }
  return newline;
}

void configuration_scanner::skip_entry() {
  position_ = std::min(text_.find_first_of(",}#\n", position_), text_.size());
}

bool configuration_scanner::take_key(std::vector<std::string>& parts) {
  while (true) {
    std::string part;
    if (!sees_key()) {
      fail("expected a key, found " + found());
      return false;
    }
    if (peek() == '"' || peek() == '\'') {
      if (!take_string(part))
        return false;
    } else {
      while (!text_ended() && is_key_character(peek()))
        part += text_[position_++];
    }
    if (part.size() > configuration_bounds::key_bytes || parts.size() > configuration_bounds::depth) {
      fail("expected a key of at most " + std::to_string(configuration_bounds::key_bytes) +
           " bytes a part and " + std::to_string(configuration_bounds::depth) + " parts");
      return false;
    }
    parts.push_back(std::move(part));
    const auto after = position_;
    skip_blanks();
    if (text_ended() || peek() != '.') {
      position_ = after;
      return true;
    }
    ++position_;
  }
}

bool configuration_scanner::take_string(std::string& result) {
  const auto start = here();
  const char mark = text_[position_++];
  const auto to_end_it = "expected " + std::string(1, mark) + " to end the string that began in line " +
                         std::to_string(start.line) + ", found ";
  while (!text_ended() && peek() != mark) {
    char c = peek();
    if (c == '\\') {
      ++position_;
      const char escaped = text_ended() ? '\0' : peek();
      if (escaped == 'n')
        c = '\n';
      else if (escaped == 'r')
        c = '\r';
      else if (escaped == 't')
        c = '\t';
      else if (escaped == '\\' || escaped == mark)
        c = escaped;
      else {
        fail("expected one of the escapes \\n, \\r, \\t, \\\\ and \\" + std::string(1, mark) +
             " in the string, found " + found());
        return false;
      }
    } else if (c == '\n' || c == '\r' || c == '\0') {
      fail(to_end_it + found());
      return false;
    }
    result += c;
    ++position_;
  }
  if (text_ended()) {
    fail(to_end_it + found());
    return false;
  }
  ++position_;
  return true;
}

std::string_view configuration_scanner::take_word() {
  const auto start = position_;
  while (!text_ended() && !ends_word(peek()))
    ++position_;
  return text_.substr(start, position_ - start);
}

void configuration_scanner::fail_at(configuration_location where, std::string message) {
  errors_.push_back({where, std::move(message)});
  if (errors_.size() >= configuration_bounds::errors)
    stopped_ = true;
}

void configuration_scanner::fail_and_stop(std::string message) {
  fail(std::move(message));
  stopped_ = true;
}

} // namespace workspace_supervisor
