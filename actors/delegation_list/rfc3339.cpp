#include "actors/delegation_list/rfc3339.hpp"

#include <chrono>

namespace workspace_supervisor {

namespace {

// Reads a fixed number of digits and moves behind them.
bool take_digits(std::string_view& text, std::size_t count, int& value) {
  if (text.size() < count) {
    return false;
  }
  value = 0;
  for (std::size_t index = 0; index < count; ++index) {
    if (text[index] < '0' || text[index] > '9') {
      return false;
    }
    value = value * 10 + (text[index] - '0');
  }
  text.remove_prefix(count);
  return true;
}

bool take_one_of(std::string_view& text, std::string_view characters) {
  if (text.empty() || characters.find(text.front()) == std::string_view::npos) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

bool take_fraction(std::string_view& text, double& fraction) {
  if (!take_one_of(text, ".")) {
    return true;
  }
  int digit = 0;
  double scale = 1;
  bool any = false;
  while (take_digits(text, 1, digit)) {
    scale /= 10;
    fraction += digit * scale;
    any = true;
  }
  return any;
}

// Reads the zone, which is all that is left. "+0100" and "+01" are not RFC 3339, but common.
bool take_zone(std::string_view text, int& offset_seconds) {
  if (text.empty() || text == "Z" || text == "z") {
    return true;
  }
  const int sign = text.front() == '-' ? -1 : 1;
  int hours = 0;
  int minutes = 0;
  if (!take_one_of(text, "+-") || !take_digits(text, 2, hours)) {
    return false;
  }
  if (!text.empty()) {
    take_one_of(text, ":");
    if (!take_digits(text, 2, minutes)) {
      return false;
    }
  }
  offset_seconds = sign * (hours * 3600 + minutes * 60);
  return text.empty() && hours <= 23 && minutes <= 59;
}

} // namespace

double parse_rfc3339(std::string_view text) {
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  double fraction = 0;
  int offset = 0;
  if (!take_digits(text, 4, year) || !take_one_of(text, "-") || !take_digits(text, 2, month) ||
      !take_one_of(text, "-") || !take_digits(text, 2, day) || !take_one_of(text, "Tt ") ||
      !take_digits(text, 2, hour) || !take_one_of(text, ":") || !take_digits(text, 2, minute) ||
      !take_one_of(text, ":") || !take_digits(text, 2, second) || !take_fraction(text, fraction) ||
      !take_zone(text, offset)) {
    return 0;
  }
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  // A leap second is written as 60.
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) {
    return 0;
  }
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  const double at = double(days) * 86400 + hour * 3600 + minute * 60 + second + fraction - offset;
  // Nothing was delegated before 1970: such a time stands for none (Go's zero time is the year 1).
  return at > 0 ? at : 0;
}

} // namespace workspace_supervisor
