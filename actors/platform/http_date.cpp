#include "actors/platform/http_date.hpp"

#include <algorithm>
#include <array>
#include <chrono>

namespace workspace_supervisor {

namespace {

constexpr std::int64_t longest_delay_ms = std::int64_t{365} * 24 * 3600 * 1000;

constexpr std::array<std::string_view, 12> month_names{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Takes what a date is made of off the front of a text.
class date_scanner {
public:
  explicit date_scanner(std::string_view text)
      : rest_(text) {}

  bool literal(std::string_view expected) {
    if (!rest_.starts_with(expected))
      return false;
    rest_.remove_prefix(expected.size());
    return true;
  }

  bool number(std::size_t digits, int& value) {
    if (rest_.size() < digits)
      return false;
    value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (!is_digit(rest_[i]))
        return false;
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(digits);
    return true;
  }

  bool month(unsigned& value) {
    const auto found = std::find(month_names.begin(), month_names.end(), rest_.substr(0, 3));
    if (found == month_names.end())
      return false;
    value = static_cast<unsigned>(found - month_names.begin()) + 1;
    rest_.remove_prefix(3);
    return true;
  }

  /// The name of a day: read over, since the date says the same.
  bool day_name() {
    std::size_t length = 0;
    while (length < rest_.size() && (rest_[length] | 0x20) >= 'a' && (rest_[length] | 0x20) <= 'z')
      ++length;
    rest_.remove_prefix(length);
    return length >= 3;
  }

  bool time(int& hour, int& minute, int& second) {
    return number(2, hour) && literal(":") && number(2, minute) && literal(":") && number(2, second);
  }

  bool at_end() const { return rest_.empty(); }

private:
  std::string_view rest_;
};

struct date_parts {
  int year = 0;
  unsigned month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

/// "Sun, 06 Nov 1994 08:49:37 GMT"
bool scan_fixed(date_scanner scan, date_parts& parts) {
  return scan.day_name() && scan.literal(", ") && scan.number(2, parts.day) && scan.literal(" ") &&
         scan.month(parts.month) && scan.literal(" ") && scan.number(4, parts.year) && scan.literal(" ") &&
         scan.time(parts.hour, parts.minute, parts.second) && scan.literal(" GMT") && scan.at_end();
}

/// "Sunday, 06-Nov-94 08:49:37 GMT"
bool scan_rfc850(date_scanner scan, date_parts& parts) {
  if (!(scan.day_name() && scan.literal(", ") && scan.number(2, parts.day) && scan.literal("-") &&
        scan.month(parts.month) && scan.literal("-") && scan.number(2, parts.year) && scan.literal(" ") &&
        scan.time(parts.hour, parts.minute, parts.second) && scan.literal(" GMT") && scan.at_end()))
    return false;
  parts.year += parts.year < 70 ? 2000 : 1900;
  return true;
}

/// "Sun Nov  6 08:49:37 1994"
bool scan_asctime(date_scanner scan, date_parts& parts) {
  if (!(scan.day_name() && scan.literal(" ") && scan.month(parts.month) && scan.literal(" ")))
    return false;
  const bool day = scan.literal(" ") ? scan.number(1, parts.day) : scan.number(2, parts.day);
  return day && scan.literal(" ") && scan.time(parts.hour, parts.minute, parts.second) && scan.literal(" ") &&
         scan.number(4, parts.year) && scan.at_end();
}

} // namespace

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  date_parts parts;
  const date_scanner scan(text);
  if (!scan_fixed(scan, parts) && !scan_rfc850(scan, parts) && !scan_asctime(scan, parts))
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{parts.year}, std::chrono::month{parts.month},
                                         std::chrono::day{static_cast<unsigned>(parts.day)}};
  // 60: a leap second
  if (!date.ok() || parts.hour > 23 || parts.minute > 59 || parts.second > 60)
    return std::nullopt;
  const std::int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
  return ((days * 24 + parts.hour) * 60 + parts.minute) * 60 + parts.second;
}

std::int64_t parse_retry_after(std::string_view text, std::int64_t now) {
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_digit)) {
    std::int64_t seconds = 0;
    for (const char digit : text)
      seconds = std::min(seconds * 10 + (digit - '0'), longest_delay_ms / 1000);
    return seconds * 1000;
  }
  const std::optional<std::int64_t> date = parse_http_date(text);
  if (!date)
    return -1;
  return std::clamp((*date - now) * 1000, std::int64_t{0}, longest_delay_ms);
}

} // namespace workspace_supervisor
