#pragma once

#include "messages/delegation.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace workspace_supervisor {

/// What one answer to the poll holds.
struct delegation_rows {
  std::vector<delegation_result> finished; ///< completed or failed, genuine, merged, oldest first
  std::vector<std::string>
      foreign; ///< delegation ids, each once, of completed or failed rows whose source is another workspace
  std::size_t malformed = 0; ///< rows with an id that lack a status or source, or are no JSON objects
};

/// Takes the answer of `GET /workspaces/ID/delegations` apart. A row that cannot be read costs that row
/// alone, and what it tells is valid UTF-8 whatever the answer held. Takes time and memory in proportion to
/// the body.
/// @returns false with `error` set when the body as a whole is no JSON array.
bool parse_delegation_rows(std::string_view body, const std::string& workspace, delegation_rows& rows,
                           std::string& error);

/// Reads an RFC 3339 time ("2026-11-23T20:37:22.5Z", "+01:00", a space for the T, no zone: UTC).
/// @returns seconds since the epoch, 0 when unreadable or before 1970.
double parse_rfc3339(std::string_view text);

} // namespace workspace_supervisor
