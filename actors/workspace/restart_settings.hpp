#pragma once

#include "actors/supervision/restart_policy.hpp"
#include "actors/workspace/settings.hpp"

namespace workspace_supervisor {

/// The policy that the configuration has for actors and for the agent.
inline restart_policy restart_policy_of(const settings& configuration) {
  const auto& supervisor = configuration.supervisor;
  return {supervisor.max_restarts, supervisor.within, supervisor.backoff_min, supervisor.backoff_max};
}

} // namespace workspace_supervisor
