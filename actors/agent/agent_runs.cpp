#include "actors/agent/agent_runs.hpp"

#include <utility>

namespace workspace_supervisor {

void deal_with_end(launched_agent& launched, const agent_settings& settings, const restart_policy& policy,
                   launched_agent::time now) {
  const auto end = *std::exchange(launched.ended, std::nullopt);
  launched.last_end = end.how;
  launched.told_to_end.reset();
  launched.killed = false;
  launched.restart_at.reset();
  if (launched.ending || launched.stop_wanted)
    return;
  if (std::exchange(launched.restart_wanted, false)) {
    launched.intensity = {};
    return;
  }
  const bool wanted = settings.restart == agent_restart::always ||
                      (settings.restart == agent_restart::on_failure && !end.orderly);
  // A command that has never run is no agent that has ended: it is wrong.
  const bool wrong = end.never_ran && launched.restarts == 0;
  if (!wanted || wrong || end.interrupted) {
    launched.give_up_code = end.code;
    return;
  }
  launched.intensity.started(launched.started);
  if (const auto delay = launched.intensity.ended(policy, now)) {
    launched.restart_at = now + *delay;
    ++launched.restarts;
  } else {
    launched.give_up_code = end.code;
  }
}

bool order_due_launch(launched_agent& launched, launched_agent::time now) {
  const bool due = !launched.restart_at || *launched.restart_at <= now;
  if (due && launched.process == 0 && !launched.ended && !launched.ending && !launched.stop_wanted &&
      !launched.give_up_code) {
    launched.restart_at.reset();
    launched.launch_ordered = true;
  }
  return launched.launch_ordered;
}

} // namespace workspace_supervisor
