#include "actors/activity/activity.hpp"

#include "actors/activity/activity_window.hpp"

namespace workspace_supervisor {

namespace {

using self_pointer = actor_of<activity_interface, activity_actor_state>*;

template <class Change>
auto change_kept(self_pointer self, const Change& change) {
  return state_of(self).context->last_activity.update(
      [&change](activity_report& report) { return apply(report, change); });
}

/// The platform shall know soon.
void ask_for_beat(self_pointer self) {
  ask(
      self, state_of(self).context->heartbeat, activity_changed{}, std::chrono::minutes{1}, [](done) {},
      // A heartbeat that is down for so long beats at once when it is back.
      [](const std::string&) {});
}

} // namespace

activity_interface::behavior_type activity_actor(self_pointer self, workspace_context* context) {
  self->observe(&context->probe_of(workspace_actor::activity));
  state_of(self).context = context;
  return {
      [self](const set_activity& change) {
        if (change_kept(self, change))
          ask_for_beat(self);
        return done{};
      },
      [self](const record_outcomes& outcomes) {
        change_kept(self, outcomes);
        return done{};
      },
      [self](const set_runtime_state& state) {
        if (change_kept(self, state))
          ask_for_beat(self);
        return done{};
      },
      [self](const set_runtime_metadata& metadata) {
        change_kept(self, metadata);
        return done{};
      },
      [context](get_activity) { return context->last_activity.get(); },
      [self](const report_delivered& delivered) {
        change_kept(self, delivered);
        return done{};
      },
  };
}

} // namespace workspace_supervisor
