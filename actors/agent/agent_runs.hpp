#pragma once

#include "actors/workspace/agent_facts.hpp"
#include "actors/workspace/settings.hpp"

namespace workspace_supervisor {

/// What follows from the end that `launched` has: another start, now or later, or that the supervisor ends
/// with the agent's code. Takes the end out of it.
void deal_with_end(launched_agent& launched, const agent_settings& settings, const restart_policy& policy,
                   launched_agent::time now);

/// Orders a start if one is due. @returns whether one is ordered.
bool order_due_launch(launched_agent& launched, launched_agent::time now);

} // namespace workspace_supervisor
