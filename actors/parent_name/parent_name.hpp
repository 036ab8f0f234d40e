#pragma once

// The room of the parent's name: asked of the platform on demand, and kept for a while.

#include "actors/supervision/actor.hpp"
#include "actors/workspace/context.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace workspace_supervisor {

struct parent_name_state {
  workspace_context* context = nullptr;
  parent_name found;
  std::chrono::steady_clock::time_point found_at{};
  bool looking = false;
  std::vector<promised<parent_name>> waiting; ///< for the look-up that is under way
  static inline const char* name = "parent-name";
};

/// Looks the parent workspace's name up on demand and keeps what it found for a while.
parent_name_interface::behavior_type
parent_name_actor(actor_of<parent_name_interface, parent_name_state>* self, workspace_context* context);

} // namespace workspace_supervisor
