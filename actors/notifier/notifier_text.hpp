#pragma once

#include "messages/delegation.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace workspace_supervisor {

/// What the self-message says. `parent`: the parent workspace's name, "" when there is none or it is not
/// known. Results past the 50th, and `more` that are not given, are told as "and N more".
std::string self_message_text(const std::vector<stored_result>& results, const std::string& parent,
                              std::size_t more = 0);

/// What the user is told of one result.
std::string user_notification_text(const delegation_result& result);

} // namespace workspace_supervisor
