#include "actors/activity/activity_window.hpp"

#include "actors/text/plain_text.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace workspace_supervisor {

namespace {

/// Characters of a note that are told with a task that makes no progress after it.
constexpr std::size_t longest_note = 200;

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

bool apply(activity_report& report, const set_agent_state& state) {
  bool changed =
      report.agent_trouble.empty() != state.trouble.empty() || report.tasks_withheld != state.withhold_tasks;
  report.agent_trouble = state.trouble;
  report.tasks_withheld = state.withhold_tasks;
  // What was set later is another agent's.
  if (report.has_task() && report.tasks_set_at < state.take_back_before) {
    report.active_tasks = 0;
    report.current_task.clear();
    report.stalled.clear();
    changed = true;
  }
  return changed;
}

bool apply(activity_report& report, const report_progress& progress) {
  if (!progress.note.empty())
    report.progress_note = cut(flatten(progress.note), longest_note);
  return false;
}

bool note_sign_of_life(activity_report& report, std::int64_t now) {
  report.last_sign = now;
  return !std::exchange(report.stalled, {}).empty();
}

bool find_stalled(activity_report& report, std::int64_t longest, std::int64_t now) {
  if (!report.has_task() || !report.stalled.empty() || now - report.last_sign < longest)
    return false;
  constexpr std::int64_t nanoseconds_a_second = 1000000000;
  report.stalled = "no progress for " + std::to_string((now - report.last_sign) / nanoseconds_a_second) +
                   " s: " + (report.current_task.empty() ? "a task" : report.current_task);
  if (!report.progress_note.empty())
    report.stalled += " (last: " + report.progress_note + ')';
  return true;
}

} // namespace workspace_supervisor
