#pragma once

#include "actors/supervision/actor.hpp"
#include "actors/supervision/supervisor.hpp"
#include "app/stats/beat_history.hpp"

#include <string>

namespace workspace_supervisor {

struct control_actor_state {
  process_context* context = nullptr;
  all_outbox_counts outboxes; ///< as the store last told
  control_answer (*page)() = nullptr;
  beat_history* history = nullptr;
  static inline const char* name = "control";
};

/// Answers the calls of the control API. A call that changes something is answered when whoever keeps the
/// change has answered. Spawned detached: what it says of 10,000 workspaces takes a while to write.
/// `page`: answers GET /; null: there is no page. `history`: is kept by this actor and outlives it; null:
/// none is kept.
control_interface::behavior_type control_actor(actor_of<control_interface, control_actor_state>* self,
                                               process_context* context, control_answer (*page)(),
                                               beat_history* history);

/// The control actor as a shared child of the root: one of `root_plan`'s `more`.
child_spec control_child(process_context& process, control_answer (*page)() = nullptr,
                         beat_history* history = nullptr);

/// Whether making the call twice does the same as making it once.
bool repeatable(const control_request& request);

/// How long the call may take before its asker is told that it takes too long.
std::chrono::milliseconds patience_for(const control_request& request, const settings& configuration);

} // namespace workspace_supervisor
