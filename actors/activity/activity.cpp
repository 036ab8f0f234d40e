#include "actors/activity/activity.hpp"

#include "actors/activity/activity_window.hpp"

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

template <class Change>
done take(self_pointer self, const Change& change) {
  const bool beat_due = state_of(self).context->last_activity.update(
      [&change](activity_report& report) { return apply(report, change); });
  tell_heartbeat(self);
  if (beat_due)
    ask_for_beat(self);
  return {};
}

} // namespace

activity_interface::behavior_type activity_actor(self_pointer self, workspace_context* context) {
  self->observe(&context->probe_of(workspace_actor::activity));
  state_of(self).context = context;
  tell_heartbeat(self); // a predecessor may have ended before it did
  return {
      [self](const set_activity& change) { return take(self, change); },
      [self](const record_outcomes& outcomes) { return take(self, outcomes); },
      [self](const set_runtime_state& state) { return take(self, state); },
      [self](const set_runtime_metadata& metadata) { return take(self, metadata); },
      [context](get_activity) { return context->last_activity.get(); },
      [self](const report_delivered& delivered) { return take(self, delivered); },
  };
}

} // namespace workspace_supervisor
