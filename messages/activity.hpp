#pragma once

#include <boost/describe.hpp>

#include <cstdint>
#include <string>

namespace workspace_supervisor {

/// What the agent does now; a part that is not `has_` stays as it was.
struct set_activity {
  bool has_active_tasks = false;
  std::int64_t active_tasks = 0; ///< >= 0
  bool has_current_task = false;
  std::string current_task;
};
BOOST_DESCRIBE_STRUCT(set_activity, (), (has_active_tasks, active_tasks, has_current_task, current_task))

/// How requests to the agent ended since the last such message.
struct record_outcomes {
  std::int64_t successes = 0; ///< >= 0
  std::int64_t errors = 0;    ///< >= 0
  bool has_sample_error = false;
  std::string sample_error;
};
BOOST_DESCRIBE_STRUCT(record_outcomes, (), (successes, errors, has_sample_error, sample_error))

struct set_runtime_state {
  bool wedged = false;
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(set_runtime_state, (), (wedged, reason))

struct set_runtime_metadata {
  std::string json; ///< an object; "" clears it
};
BOOST_DESCRIBE_STRUCT(set_runtime_metadata, (), (json))

struct get_activity {};
BOOST_DESCRIBE_STRUCT(get_activity, (), ())

/// What the agent last said of itself, and the window of outcomes that no delivered beat has reported yet.
struct activity_report {
  std::int64_t active_tasks = 0;
  std::string current_task;
  std::int64_t requests = 0;      ///< of the window
  std::int64_t errors = 0;        ///< of the window
  std::string sample_error;       ///< the window's last error text
  std::int64_t sample_number = 0; ///< grows with every error text: which one `sample_error` is
  bool wedged = false;
  std::string wedged_reason;
  std::string runtime_metadata; ///< a JSON object, or ""

  // What the supervisor has found out.
  std::string agent_trouble;     ///< why the agent cannot work; "": nothing is known against it
  bool tasks_withheld = false;   ///< the agent is stopped: its tasks rest
  std::string stalled;           ///< which task has made no progress for how long; "": none
  std::int64_t tasks_set_at = 0; ///< steady clock, ns
  std::int64_t last_sign = 0;    ///< of life, steady clock, ns: a change, an outcome, progress
  std::string progress_note;     ///< of the latest progress

  /// What beats say of the runtime: why it is wedged; nothing when it is not.
  const std::string* trouble() const {
    if (!agent_trouble.empty())
      return &agent_trouble;
    if (wedged)
      return &wedged_reason;
    return stalled.empty() ? nullptr : &stalled;
  }
  std::int64_t told_tasks() const { return tasks_withheld ? 0 : active_tasks; }
  bool operator==(const activity_report&) const = default;
  bool has_task() const { return active_tasks > 0 || !current_task.empty(); }

  /// Errors over requests of the window, 0 when there were none; at most 1.
  double error_rate() const {
    return requests > 0
               ? (errors >= requests ? 1.0 : static_cast<double>(errors) / static_cast<double>(requests))
               : 0.0;
  }
};
BOOST_DESCRIBE_STRUCT(activity_report, (),
                      (active_tasks, current_task, requests, errors, sample_error, sample_number, wedged,
                       wedged_reason, runtime_metadata, agent_trouble, tasks_withheld, stalled, tasks_set_at,
                       last_sign, progress_note))

/// A beat that reported this much of the window was delivered: it is taken from the window.
struct report_delivered {
  std::int64_t requests = 0;
  std::int64_t errors = 0;
  std::int64_t sample_number = 0; ///< of the error text it told; 0: none
};
BOOST_DESCRIBE_STRUCT(report_delivered, (), (requests, errors, sample_number))

} // namespace workspace_supervisor
