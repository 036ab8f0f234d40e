#pragma once

// The room of the store: the results of all workspaces and how far each has come, in memory and in an SQLite
// file, and the lock on the state directory.

#include "actors/store/result_store.hpp"
#include "actors/supervision/actor.hpp"
#include "actors/workspace/context.hpp"

#include <functional>
#include <memory>

namespace workspace_supervisor {

/// The durable state of the process; outlives the actor that keeps it.
struct kept_store {
  /// Opens it: called once, by the store actor, whose thread may wait for the disk.
  std::function<std::unique_ptr<result_store>()> open;
  std::unique_ptr<result_store> store; ///< null until it has been opened
};

struct store_actor_state {
  process_context* context = nullptr;
  kept_store* kept = nullptr;
  bool durable = true;
  bool saving_again = false; ///< a timer for it is set
  std::chrono::milliseconds pause{1000};
  static inline const char* name = "store";
};

/// The one writer of the durable state, for all workspaces. Spawned detached: it waits for the disk.
store_interface::behavior_type store_actor(actor_of<store_interface, store_actor_state>* self,
                                           process_context* context, kept_store* kept);

} // namespace workspace_supervisor
