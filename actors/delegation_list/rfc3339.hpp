#pragma once

#include <string_view>

namespace workspace_supervisor {

/// Reads an RFC 3339 time ("2026-11-23T20:37:22.5Z", "+01:00", a space for the T, no zone: UTC).
/// @returns seconds since the epoch, 0 when unreadable or before 1970.
double parse_rfc3339(std::string_view text);

} // namespace workspace_supervisor
