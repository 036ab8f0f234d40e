#pragma once

#include "messages/activity.hpp"
#include "messages/agent.hpp"
#include "messages/control.hpp"
#include "messages/workspaces.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace workspace_supervisor {

/// A call's body as a message, or why it is refused.
template <class Message>
using read_body = std::variant<Message, control_answer>;

/// The largest number of tasks or outcomes that one call may tell.
inline constexpr std::int64_t most_told = 1000000000;

struct token_body {
  std::string token;
};
struct crash_body {
  std::string workspace;
  std::string actor;
};

// Of each a member that is not known, is of a wrong type, or too large, is refused by name.
read_body<set_activity> read_activity(const control_request& request);
read_body<record_outcomes> read_outcomes(const control_request& request);
read_body<set_runtime_state> read_runtime_state(const control_request& request);
read_body<set_runtime_metadata> read_runtime_metadata(const control_request& request);
/// Its body may be missing.
read_body<report_progress> read_progress(const control_request& request);
/// A refusal never has text of the body: it may be the token.
read_body<token_body> read_token_body(const control_request& request);
read_body<crash_body> read_crash(const control_request& request);
/// The id is not in the body.
read_body<put_workspace> read_put_workspace(const control_request& request);

/// Why a name is refused that is none of `known`: which there are, and the nearest.
std::string unknown_text(const std::string& what, const std::string& name,
                         const std::vector<std::string>& known);

/// A number of a query: decimal digits alone. @returns nothing when it is none, or outside of the bounds.
std::optional<std::int64_t> parse_number(const std::string& text, std::int64_t least, std::int64_t most);

} // namespace workspace_supervisor
