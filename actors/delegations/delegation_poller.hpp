#pragma once

// The room of delegations: asking for their results, and seeing each through to the agent's file.

#include "actors/delegations/poll_memory.hpp"
#include "actors/supervision/actor.hpp"
#include "actors/workspace/context.hpp"

#include <vector>

namespace workspace_supervisor {

struct delegation_poller_state {
  workspace_context* context = nullptr;
  kept<poll_memory>* memory = nullptr;
  bool polling = false;
  bool filing = false;
  bool file_again = false;   ///< something was recorded while a filing was under way
  bool filed_untold = false; ///< the notifier was not told yet of what was filed
  bool writing = false;      ///< the results file is being written, and what comes of it is not recorded yet
  bool ending = false;       ///< the order to end came meanwhile
  bool told_of_earlier = false;                ///< the notifier looked at what a predecessor filed
  int poll_failures = 0;                       ///< in a row
  int filing_failures = 0;                     ///< in a row
  std::vector<promised<poll_outcome>> waiting; ///< for the poll that is under way
  static inline const char* name = "delegation-poller";
};

/// Fetches the results of this workspace's delegations every interval, has the new ones recorded, and files
/// them for the agent. What was recorded and not filed by a predecessor is filed first. `memory` outlives the
/// actor.
delegation_poller_interface::behavior_type
delegation_poller(actor_of<delegation_poller_interface, delegation_poller_state>* self,
                  workspace_context* context, kept<poll_memory>* memory);

} // namespace workspace_supervisor
