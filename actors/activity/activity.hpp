#pragma once

// The room of the activity: what the agent last said of itself, and the window of errors that each delivered
// beat takes from.

#include "actors/supervision/actor.hpp"
#include "actors/workspace/context.hpp"

namespace workspace_supervisor {

struct activity_actor_state {
  workspace_context* context = nullptr;
  std::uint64_t stall_timer = 0; ///< 0: none is set
  static inline const char* name = "activity";
};

/// Holds what the agent last said of itself. Every change is kept in the context before it is answered, so
/// that it survives this actor.
activity_interface::behavior_type activity_actor(actor_of<activity_interface, activity_actor_state>* self,
                                                 workspace_context* context);

} // namespace workspace_supervisor
