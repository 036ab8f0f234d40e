#pragma once

// The room of the list of delegations: what the platform answers to a poll, taken apart, merged and recorded,
// and the actor that does so with long ones.

#include "actors/supervision/actor.hpp"
#include "actors/workspace/context.hpp"

namespace workspace_supervisor {

struct list_reader_state {
  static inline const char* name = "list-reader";
};

/// Takes the long lists of all workspaces apart and has the store record what is new in them. Spawned
/// detached: a list of the longest kind takes as long as many beats may be late.
list_reader_interface::behavior_type
list_reader_actor(actor_of<list_reader_interface, list_reader_state>* self, process_context* context);

} // namespace workspace_supervisor
