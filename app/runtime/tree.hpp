#pragma once

#include "actors/agent/agent_launcher.hpp"
#include "actors/delegations/poll_memory.hpp"
#include "actors/heartbeat/beat_schedule.hpp"
#include "actors/http/http_engine.hpp"
#include "actors/store/store.hpp"
#include "actors/supervision/supervisor.hpp"
#include "actors/workspace/context.hpp"
#include "app/workspaces/workspaces.hpp"

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
//        ├─ workspaces       (thread of its own)
//        ├─ ... what the application adds
//        └─ supervisor of each workspace ── token
//                                        ├─ activity
//                                        ├─ heartbeat
//                                        ├─ parent-name
//                                        ├─ notifier
//                                        ├─ delegation-poller
//                                        └─ agent

/// A workspace, with what outlives its actors and is the business of one of them alone.
struct hosted_workspace final : workspace_context {
  kept<beat_schedule> schedule;
  kept<poll_memory> polled;
};

/// Everything that the actors of a process are made with.
struct process_parts : process_context {
  http_engine* http = nullptr;
  agent_launcher* launcher = nullptr; ///< null: no command is launched here
  kept_store stored;
  workspace_hosting hosting;
  kept_configuration running_configuration;
};

/// What one workspace's supervisor supervises.
supervisor_plan workspace_plan(process_parts& process, hosted_workspace& workspace);

/// What the root supervises. A workspace that cannot be kept running leaves the others alone; the root ends
/// with the last one. `more`: shared children that the application adds, started before the workspaces.
supervisor_plan root_plan(process_parts& process, std::vector<child_spec> more = {});

/// Makes a workspace that is in no table yet. @returns null, and in `error` what is wrong with its platform's
/// URL.
workspace_table::pointer make_workspace(process_parts& process, workspace_settings settings,
                                        std::string& error);

/// Fills the table of workspaces from the configuration. @returns "" or what is wrong with a platform's URL.
std::string make_workspaces(process_parts& process);

} // namespace workspace_supervisor
