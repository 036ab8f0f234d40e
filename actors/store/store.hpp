#pragma once

#include "actors/supervision/actor.hpp"

namespace workspace_supervisor {

struct store_actor_state {
  process_context* context = nullptr;
  bool durable = true;
  bool saving_again = false; ///< a timer for it is set
  std::chrono::milliseconds pause{1000};
  static inline const char* name = "store";
};

/// The one writer of the durable state, for all workspaces. Spawned detached: it waits for the disk.
store_interface::behavior_type store_actor(actor_of<store_interface, store_actor_state>* self,
                                           process_context* context);

} // namespace workspace_supervisor
