#include "actors/http/http_date.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <date/date.h>
#include <string>
#include <time.h>

namespace workspace_supervisor {

namespace {

constexpr std::int64_t longest_delay_ms = std::int64_t{365} * 24 * 3600 * 1000;

// In the order of RFC 9110: the one form that may be written, and the two that must be read.
constexpr const char* forms[] = {
    "%a, %d %b %Y %T GMT", // "Sun, 06 Nov 1994 08:49:37 GMT"
    "%A, %d-%b-%y %T GMT", // "Sunday, 06-Nov-94 08:49:37 GMT"
    "%a %b %e %T %Y",      // "Sun Nov  6 08:49:37 1994"
};

} // namespace

// strptime reads (in the C locale, which this process never leaves), date's calendar says whether there is
// such a day. date's own reading goes by streams and locales: 2.5 µs an answer, and 300 KiB of code in use.
std::optional<std::int64_t> parse_http_date(std::string_view text) {
  const std::string ended{text};
  for (const char* form : forms) {
    std::tm parts{};
    const char* end = ::strptime(ended.c_str(), form, &parts);
    if (end == nullptr || *end != '\0')
      continue;
    const auto day = date::year{parts.tm_year + 1900} / (parts.tm_mon + 1) / parts.tm_mday;
    if (!day.ok())
      return std::nullopt;
    const auto time = date::sys_days{day} + std::chrono::hours{parts.tm_hour} +
                      std::chrono::minutes{parts.tm_min} + std::chrono::seconds{parts.tm_sec};
    return std::chrono::seconds{time.time_since_epoch()}.count();
  }
  return std::nullopt;
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
