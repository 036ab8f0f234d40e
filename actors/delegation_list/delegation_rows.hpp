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

/// Takes the answer of `GET /workspaces/ID/delegations` apart. A row that lacks something costs that row
/// alone, and what it tells is valid UTF-8 whatever the answer held. Takes time and memory in proportion to
/// the body.
/// @returns false with `error` set when the body is no JSON array, or one nested too deep.
bool parse_delegation_rows(std::string_view body, const std::string& workspace, delegation_rows& rows,
                           std::string& error);

} // namespace workspace_supervisor
