#include "app/client/terminal_text.hpp"

#include <algorithm>
#include <cstdio>

namespace workspace_supervisor {

namespace {

struct character {
  std::uint32_t code = 0;
  std::size_t length = 1; ///< bytes
  bool valid = false;
};

/// The character that begins here; of a text that is not empty.
character first_character(std::string_view text) {
  const auto byte = [text](std::size_t index) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[index]));
  };
  const auto lead = byte(0);
  if (lead < 0x80)
    return {lead, 1, true};
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length)
    return {lead, 1, false};
  auto code = lead & (0x7fU >> length);
  for (std::size_t index = 1; index < length; ++index) {
    if ((byte(index) & 0xc0U) != 0x80)
      return {lead, 1, false};
    code = (code << 6U) | (byte(index) & 0x3fU);
  }
  const bool too_long = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  if (too_long || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
    return {lead, 1, false};
  return {code, length, true};
}

bool is_harmless(std::uint32_t code) {
  if (code < 0x20 || (code >= 0x7f && code < 0xa0))
    return false;
  const bool turns = code == 0x61c || code == 0x200e || code == 0x200f ||
                     (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
                     code == 0xfeff;
  return !turns;
}

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80;
  }));
}

} // namespace

std::string safe_text(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const auto next = first_character(text);
    if (next.valid && is_harmless(next.code)) {
      result += text.substr(0, next.length);
    } else if (next.code == '\n') {
      result += "\\n";
    } else if (next.code == '\t') {
      result += "\\t";
    } else {
      char escape[16];
      std::snprintf(escape, sizeof escape, next.valid && next.code > 0xff ? "\\u%04x" : "\\x%02x", next.code);
      result += escape;
    }
    text.remove_prefix(next.length);
  }
  return result;
}

std::string shortened(const std::string& text, std::size_t most) {
  if (width_of(text) <= most)
    return text;
  std::size_t end = 0;
  for (std::size_t count = 0; count + 1 < most; ++count)
    end += first_character(std::string_view{text}.substr(end)).length;
  return text.substr(0, end) + "…";
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<long long>(std::max(0.0, seconds));
  const auto two = [](long long many, const char* large, long long few, const char* small) {
    return std::to_string(many) + large + (few > 0 ? ' ' + std::to_string(few) + small : std::string{});
  };
  if (whole < 60)
    return std::to_string(whole) + " s";
  if (whole < 3600)
    return two(whole / 60, " min", whole % 60, " s");
  if (whole < 86400)
    return two(whole / 3600, " h", whole % 3600 / 60, " min");
  return two(whole / 86400, " d", whole % 86400 / 3600, " h");
}

std::string latency_text(double seconds) {
  if (seconds <= 0)
    return "-";
  char text[32];
  if (seconds < 0.001)
    std::snprintf(text, sizeof text, "%.0f µs", seconds * 1e6);
  else if (seconds < 1)
    std::snprintf(text, sizeof text, "%.1f ms", seconds * 1000);
  else
    std::snprintf(text, sizeof text, "%.2f s", seconds);
  return text;
}

text_table::text_table(std::vector<std::string> headings, std::size_t indent)
    : indent_{indent} {
  for (auto& heading : headings) {
    right_.push_back(!heading.empty() && heading.front() == '>');
    if (right_.back())
      heading.erase(0, 1);
  }
  rows_.push_back(std::move(headings));
}

void text_table::add(std::vector<std::string> cells) {
  cells.resize(right_.size());
  rows_.push_back(std::move(cells));
}

std::string text_table::text() const {
  std::vector<std::size_t> widths(right_.size());
  for (const auto& row : rows_)
    for (std::size_t column = 0; column < widths.size(); ++column)
      widths[column] = std::max(widths[column], width_of(row[column]));
  std::string result;
  for (const auto& row : rows_) {
    std::string line(indent_, ' ');
    for (std::size_t column = 0; column < widths.size(); ++column) {
      const std::string space(widths[column] - width_of(row[column]), ' ');
      line += (column > 0 ? "  " : "") + (right_[column] ? space + row[column] : row[column] + space);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    result += line + '\n';
  }
  return result;
}

} // namespace workspace_supervisor
