#pragma once

// The room of the results file: the lines that are left for the agent, and the actor that appends them.

#include "actors/supervision/actor.hpp"
#include "actors/workspace/context.hpp"

namespace workspace_supervisor {

struct result_files_state {
  static inline const char* name = "result-files";
};

/// Appends to the results files of all workspaces. Spawned detached: it waits for the disk.
result_files_interface::behavior_type
result_files_actor(actor_of<result_files_interface, result_files_state>* self, process_context* context);

} // namespace workspace_supervisor
