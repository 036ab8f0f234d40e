#pragma once

#include "messages/activity.hpp"

namespace workspace_supervisor {

// How what the agent says changes what is reported of it. Plain functions on values; `true`: a beat at once
// is due.

bool apply(activity_report& report, const set_activity& change);
bool apply(activity_report& report, const record_outcomes& outcomes);
bool apply(activity_report& report, const set_runtime_state& state);
bool apply(activity_report& report, const set_runtime_metadata& metadata);
/// Takes from the window what a delivered beat had reported; what came meanwhile stays.
bool apply(activity_report& report, const report_delivered& delivered);

} // namespace workspace_supervisor
