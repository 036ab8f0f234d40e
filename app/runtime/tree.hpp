#pragma once

#include "actors/agent/agent_launcher.hpp"
#include "actors/delegations/poll_memory.hpp"
#include "actors/heartbeat/beat_schedule.hpp"
#include "actors/http/http_engine.hpp"
#include "actors/store/store.hpp"
#include "actors/supervision/supervisor.hpp"
#include "actors/workspace/context.hpp"

#include <functional>
#include <string>

namespace workspace_supervisor {

// The supervision tree, in one place:
//
//   root ── platform-client
//        ├─ store            (thread of its own)
//        ├─ token-files      (thread of its own)
//        ├─ result-files     (thread of its own)
//        ├─ list-reader      (thread of its own)
//        ├─ ... what the application adds
//        └─ supervisor of each workspace ── token
//                                        ├─ activity
//                                        ├─ heartbeat
//                                        ├─ parent-name
//                                        ├─ notifier
//                                        ├─ delegation-poller
//                                        └─ agent

/// What outlives the actors of one workspace and is the business of one of them alone.
struct workspace_memory {
  kept<beat_schedule> schedule;
  kept<poll_memory> polled;
};

/// Everything that the actors of a process are made with.
struct process_parts : process_context {
  http_engine* http = nullptr;
  agent_launcher* launcher = nullptr; ///< null: no command is launched here
  kept_store stored;
  std::deque<workspace_memory> memories; ///< by `workspace_index`
};

/// What one workspace's supervisor supervises.
supervisor_plan workspace_plan(process_parts& process, workspace_context& context);

/// What the root supervises. With one workspace alone its failure ends the root; with several the others go
/// on. `more`: shared children that the application adds, started before the workspaces.
supervisor_plan root_plan(process_parts& process, std::vector<child_spec> more = {});

/// Fills the table of workspaces from the configuration. @returns "" or what is wrong with a platform's URL.
std::string make_workspaces(process_parts& process);

} // namespace workspace_supervisor
