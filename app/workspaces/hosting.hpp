#pragma once

#include "app/workspaces/workspaces.hpp"

#include <string>
#include <vector>

namespace workspace_supervisor {

using workspaces_self = actor_of<workspaces_interface, workspaces_state>*;

/// The steps of which all changes of the workspaces are made; each calls `next` when it is done. Used by the
/// actor `workspaces` alone.
namespace hosting {

using then = workspaces_state::then;
using step = workspaces_state::step;

/// Does this after all that waits already.
void queue(workspaces_self self, step what);
/// Does these before anything else that waits, in this order.
void queue_first(workspaces_self self, std::vector<step> steps);

/// What all workspaces have of the file system. Looks at it the first time.
workspace_places& places_of(workspaces_self self);
/// Tells an event.
void tell(workspaces_self self, log_level level, const char* name, const std::string& workspace,
          std::string text);

/// Has its actors run. `first_at`: when it begins to beat, as a share of the interval.
void take_in(workspaces_self self, workspace_settings wanted, workspace_origin origin, double first_at,
             then next);
/// Has its actors end, and leaves nothing of it in the process.
void let_go(workspaces_self self, const workspace_table::pointer& workspace, then next);
/// Has the store forget all that it keeps of it.
void forget_in_store(workspaces_self self, const std::string& id, then next);
/// Has the store forget that it was added.
void forget_addition(workspaces_self self, const std::string& id, then next);

} // namespace hosting

} // namespace workspace_supervisor
