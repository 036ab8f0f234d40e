#pragma once

// The room of the agent: whether it is there, by its connections and its process; when it is started again;
// what beats say of one that is not.

#include "actors/agent/agent_launcher.hpp"
#include "actors/supervision/actor.hpp"
#include "actors/workspace/context.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace workspace_supervisor {

struct agent_actor_state {
  struct waiting_order {
    agent_wish wish{};
    pid_t process_before = 0;
    promised<agent_order_outcome> promise;
  };
  workspace_context* context = nullptr;
  agent_launcher* launcher = nullptr; ///< null: no command is launched here
  std::uint64_t timer = 0;
  set_agent_state told; ///< what the activity actor has last been told
  bool telling = false;
  bool first_beat_let_go = false;
  std::vector<waiting_order> orders;
  static inline const char* name = "agent";
};

/// Follows one workspace's agent. What it knows stands in the context (`agent_facts`, and `launched_agent`
/// where it launches the agent), so that its successor goes on with the same process and the same
/// attachments.
agent_interface::behavior_type agent_actor(actor_of<agent_interface, agent_actor_state>* self,
                                           workspace_context* context, agent_launcher* launcher);

} // namespace workspace_supervisor
