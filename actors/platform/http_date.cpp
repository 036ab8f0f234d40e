#include "actors/platform/http_date.hpp"

#include <algorithm>
#include <chrono>
#include <date/date.h>
#include <istream>
#include <locale>
#include <sstream>
#include <string>

namespace workspace_supervisor {

namespace {

constexpr std::int64_t longest_delay_ms = std::int64_t{365} * 24 * 3600 * 1000;

// In the order of RFC 9110: the one form that may be written, and the two that must be read.
constexpr const char* forms[] = {
    "%a, %d %b %Y %T GMT", // "Sun, 06 Nov 1994 08:49:37 GMT"
    "%A, %d-%b-%y %T GMT", // "Sunday, 06-Nov-94 08:49:37 GMT"
    "%a %b %e %T %Y",      // "Sun Nov  6 08:49:37 1994"
};

std::optional<std::int64_t> read_date(const std::string& text) {
  for (const char* form : forms) {
    std::istringstream in(text);
    in.imbue(std::locale::classic());
    date::sys_seconds time;
    if (in >> date::parse(form, time) && in.peek() == std::istringstream::traits_type::eof())
      return time.time_since_epoch().count();
  }
  return std::nullopt;
}

} // namespace

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  // A stream takes microseconds, and this is read from every answer; those of one second have the same date.
  thread_local std::string last_text;
  thread_local std::optional<std::int64_t> last_date;
  if (text != last_text) {
    last_text = text;
    last_date = read_date(last_text);
  }
  return last_date;
}

std::int64_t parse_retry_after(std::string_view text, std::int64_t now) {
  if (!text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) {
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
