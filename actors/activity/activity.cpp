#include "actors/activity/activity.hpp"

#include "actors/activity/activity_window.hpp"

#include <algorithm>
#include <type_traits>

namespace workspace_supervisor {

namespace {

using self_pointer = actor_of<activity_interface, activity_actor_state>*;

/// The heartbeat has what its next beat says before it is due. One that is down asks when it is back.
void tell_heartbeat(self_pointer self) {
  const auto& context = *state_of(self).context;
  if (const auto heartbeat = context.heartbeat.get())
    self->send(heartbeat, context.last_activity.get());
}

/// The platform shall know soon.
void ask_for_beat(self_pointer self) {
  ask(
      self, state_of(self).context->heartbeat, activity_changed{}, std::chrono::minutes{1}, [](done) {},
      // A heartbeat that is down for so long beats at once when it is back.
      [](const std::string&) {});
}

std::int64_t now_in_nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// Sets the timer for the moment at which the task will have been without a sign of life for too long.
void watch_for_stall(self_pointer self) {
  auto& state = state_of(self);
  const std::chrono::nanoseconds longest = state.context->process->configuration.agent.task_stale_after;
  if (longest.count() == 0 || state.stall_timer != 0)
    return; // it looks again for itself
  const auto due = state.context->last_activity.update([longest](const activity_report& report) {
    return report.has_task() && report.stalled.empty() ? report.last_sign + longest.count() : 0;
  });
  if (due == 0)
    return;
  const std::chrono::nanoseconds delay{std::max<std::int64_t>(0, due - now_in_nanoseconds())};
  state.stall_timer = self->after(delay, [self, longest] {
    auto& context = *state_of(self).context;
    state_of(self).stall_timer = 0;
    const auto stalled = context.last_activity.update([longest](activity_report& report) {
      return find_stalled(report, longest.count(), now_in_nanoseconds()) ? report.stalled : std::string{};
    });
    if (!stalled.empty()) {
      context.process->events->emit(make_event(log_level::warning, "task.stalled", context.settings.id,
                                               "a task has made no progress for " +
                                                   std::to_string(longest.count() / 1000000000) + " s"));
      tell_heartbeat(self);
      ask_for_beat(self);
    }
    watch_for_stall(self);
  });
}

constexpr bool is_sign(const set_activity&, bool changed) {
  return changed;
}
constexpr bool is_sign(const record_outcomes&, bool) {
  return true;
}
constexpr bool is_sign(const report_progress&, bool) {
  return true;
}
template <class Other>
constexpr bool is_sign(const Other&, bool) {
  return false;
}

template <class Change>
done take(self_pointer self, const Change& change) {
  const auto now = now_in_nanoseconds();
  const bool beat_due = state_of(self).context->last_activity.update([&](activity_report& report) {
    bool due = apply(report, change);
    if constexpr (std::is_same_v<Change, set_activity>)
      report.tasks_set_at = now;
    if (is_sign(change, due))
      due = note_sign_of_life(report, now) || due;
    return due;
  });
  tell_heartbeat(self);
  if (beat_due)
    ask_for_beat(self);
  watch_for_stall(self);
  return {};
}

} // namespace

activity_interface::behavior_type activity_actor(self_pointer self, workspace_context* context) {
  self->observe(context->held_probe_of(workspace_actor::activity));
  state_of(self).context = context;
  tell_heartbeat(self); // a predecessor may have ended before it did
  watch_for_stall(self);
  return {
      [self](const set_activity& change) { return take(self, change); },
      [self](const record_outcomes& outcomes) { return take(self, outcomes); },
      [self](const set_runtime_state& state) { return take(self, state); },
      [self](const set_runtime_metadata& metadata) { return take(self, metadata); },
      [context](get_activity) { return context->last_activity.get(); },
      [self](const report_delivered& delivered) { return take(self, delivered); },
      [self](const set_agent_state& agent) { return take(self, agent); },
      [self](const report_progress& progress) { return take(self, progress); },
  };
}

} // namespace workspace_supervisor
