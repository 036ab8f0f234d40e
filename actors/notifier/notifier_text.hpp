#pragma once

#include "messages/delegation.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace workspace_supervisor {

/// Makes one line of a text that is not ours: control characters, U+2028, U+2029 and bidirectional marks
/// become one space (runs of white space too), invalid UTF-8 becomes U+FFFD.
std::string flatten(std::string_view text);

/// Cuts to at most `characters` code points (never inside one).
std::string cut(std::string_view text, std::size_t characters);

/// Puts flattened text in double quotes, inner quotes and backslashes escaped by a backslash.
std::string quote(std::string_view flattened);

/// What the self-message says. `parent`: the parent workspace's name, "" when there is none or it is not
/// known. Results past the 50th are told as "and N more".
std::string self_message_text(const std::vector<stored_result>& results, const std::string& parent);

/// What the user is told of one result.
std::string user_notification_text(const delegation_result& result);

} // namespace workspace_supervisor
