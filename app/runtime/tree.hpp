#pragma once

#include "actors/workspace/context.hpp"
#include "actors/supervision/supervisor.hpp"

#include <functional>
#include <string>

namespace workspace_supervisor {

// The supervision tree, in one place:
//
//   root ── platform-client
//        ├─ store            (thread of its own)
//        ├─ token-files      (thread of its own)
//        ├─ result-files     (thread of its own)
//        ├─ ... what the application adds
//        └─ supervisor of each workspace ── token
//                                        ├─ activity
//                                        ├─ heartbeat
//                                        ├─ parent-name
//                                        ├─ notifier
//                                        └─ delegation-poller

/// What one workspace's supervisor supervises.
supervisor_plan workspace_plan(workspace_context& context);

/// What the root supervises. With one workspace alone its failure ends the root; with several the others go
/// on. `more`: shared children that the application adds, started before the workspaces.
supervisor_plan root_plan(process_context& process, std::vector<child_spec> more = {});

/// Fills the table of workspaces from the configuration. @returns "" or what is wrong with a platform's URL.
std::string make_workspaces(process_context& process);

} // namespace workspace_supervisor
