#pragma once

#include "actors/supervision/actor.hpp"

namespace workspace_supervisor {

struct files_actor_state {
  static inline const char* name = "files";
};

/// Reads and writes token files and results files. Spawned detached: it waits for the disk. `probe`: whose
/// messages are counted; there is one such actor for tokens and one for results, so that neither's disk
/// delays the other.
files_interface::behavior_type files_actor(actor_of<files_interface, files_actor_state>* self,
                                           process_context* context, actor_probe* probe);

} // namespace workspace_supervisor
