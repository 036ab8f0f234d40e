#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace workspace_supervisor {

/// Reads an HTTP date in any of its three forms (RFC 9110, 5.6.7), whatever the locale.
/// @returns seconds since the epoch, or nothing when `text` is no date.
std::optional<std::int64_t> parse_http_date(std::string_view text);

/// Reads the value of a Retry-After header: seconds, or a date relative to `now` (seconds since the epoch).
/// @returns milliseconds from 0 (a date gone by) to a year, or -1 when `text` is neither.
std::int64_t parse_retry_after(std::string_view text, std::int64_t now);

} // namespace workspace_supervisor
