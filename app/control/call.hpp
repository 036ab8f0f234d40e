#pragma once

#include "messages/control.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace workspace_supervisor {

/// What a call of the control API is about.
enum class control_call {
  page,
  healthz,
  readyz,
  metrics,
  stats,
  workspaces,
  workspace,
  put_workspace,
  remove_workspace,
  reload,
  activity,
  outcomes,
  runtime_state,
  runtime_metadata,
  token,
  attach,
  detach,
  progress,
  agent_restart,
  agent_start,
  agent_stop,
  beat,
  results,
  events,
  crash,
  unknown
};

/// A request's target taken apart.
struct control_target {
  control_call call = control_call::unknown;
  std::string workspace;                    ///< decoded; "" where the call has none
  std::map<std::string, std::string> query; ///< decoded
  std::string allowed;                      ///< the methods that this path has; "" for an unknown one
};

/// Takes a target apart; which call it is the method says too. @returns nothing when it is not
/// percent-encoded as it should be.
std::optional<control_target> parse_target(const control_request& request);

/// What a request is refused for before anybody looks at its body: an unknown path, another method, a call
/// that its listener does not serve, a parameter that the call does not know.
std::optional<control_answer> refuse(const control_request& request, const control_target& target);

} // namespace workspace_supervisor
