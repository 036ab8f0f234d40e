#include "actors/activity/activity_window.hpp"

#include <algorithm>
#include <limits>

namespace workspace_supervisor {

namespace {

/// Both are not negative; the sum stays where no `int64_t` overflows.
std::int64_t bounded_sum(std::int64_t left, std::int64_t right) {
  return left > std::numeric_limits<std::int64_t>::max() - right ? std::numeric_limits<std::int64_t>::max()
                                                                 : left + right;
}

} // namespace

bool apply(activity_report& report, const set_activity& change) {
  bool changed = false;
  if (change.has_active_tasks && report.active_tasks != change.active_tasks) {
    report.active_tasks = change.active_tasks;
    changed = true;
  }
  if (change.has_current_task && report.current_task != change.current_task) {
    report.current_task = change.current_task;
    changed = true;
  }
  return changed;
}

bool apply(activity_report& report, const record_outcomes& outcomes) {
  report.requests = bounded_sum(report.requests, bounded_sum(outcomes.successes, outcomes.errors));
  report.errors = bounded_sum(report.errors, outcomes.errors);
  if (outcomes.has_sample_error) {
    report.sample_error = outcomes.sample_error;
    ++report.sample_number;
  }
  return false;
}

bool apply(activity_report& report, const set_runtime_state& state) {
  const bool changed = report.wedged != state.wedged;
  report.wedged = state.wedged;
  report.wedged_reason = state.wedged ? state.reason : std::string{};
  return changed;
}

bool apply(activity_report& report, const set_runtime_metadata& metadata) {
  report.runtime_metadata = metadata.json;
  return false;
}

bool apply(activity_report& report, const report_delivered& delivered) {
  report.requests = std::max<std::int64_t>(0, report.requests - delivered.requests);
  report.errors = std::max<std::int64_t>(0, report.errors - delivered.errors);
  if (report.sample_number == delivered.sample_number)
    report.sample_error.clear();
  return false;
}

} // namespace workspace_supervisor
