#pragma once

#include "messages/activity.hpp"
#include "messages/agent.hpp"

namespace workspace_supervisor {

// How what the agent says changes what is reported of it. Plain functions on values; `true`: a beat at once
// is due.

bool apply(activity_report& report, const set_activity& change);
bool apply(activity_report& report, const record_outcomes& outcomes);
bool apply(activity_report& report, const set_runtime_state& state);
bool apply(activity_report& report, const set_runtime_metadata& metadata);
/// Takes from the window what a delivered beat had reported; what came meanwhile stays.
bool apply(activity_report& report, const report_delivered& delivered);
bool apply(activity_report& report, const set_agent_state& state);
bool apply(activity_report& report, const report_progress& progress);

/// The agent has given a sign of life at `now` (steady clock, ns).
bool note_sign_of_life(activity_report& report, std::int64_t now);
/// Whether the task has been without one for so long, and nobody has said so yet. `longest`: ns. If so, beats
/// say it from now on.
bool find_stalled(activity_report& report, std::int64_t longest, std::int64_t now);

} // namespace workspace_supervisor
