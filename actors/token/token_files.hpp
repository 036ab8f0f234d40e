#pragma once

#include "actors/supervision/actor.hpp"
#include "actors/workspace/context.hpp"

namespace workspace_supervisor {

struct token_files_state {
  static inline const char* name = "token-files";
};

/// Reads and writes the token files of all workspaces. Spawned detached: it waits for the disk.
token_files_interface::behavior_type
token_files_actor(actor_of<token_files_interface, token_files_state>* self, process_context* context);

} // namespace workspace_supervisor
