#pragma once

// The room of the notifier: what the agent and the user are told of results, when, and how an attempt counts.

#include "actors/supervision/actor.hpp"
#include "actors/workspace/context.hpp"

#include <map>
#include <random>
#include <string>

namespace workspace_supervisor {

struct notifier_actor_state {
  /// How often something was tried in vain, and when it is tried again.
  struct retry {
    int attempts = 0;
    double next = 0; ///< seconds of the steady clock
  };

  workspace_context* context = nullptr;
  outbox box; ///< as the store told it, and what was done since
  bool box_known = false;
  bool fetching = false;
  bool fetch_again = false;       ///< results were filed while the box was fetched
  bool message_busy = false;      ///< a self-message is composed, recorded or under way
  bool notification_busy = false; ///< a user notification is under way or recorded
  retry message_retry;
  std::map<std::int64_t, retry> notification_retries; ///< by seq
  std::uint64_t timer = 0;
  std::minstd_rand random; ///< for delays; a larger state would be a tenth of what a workspace takes
  static inline const char* name = "notifier";
};

/// Wakes the agent with new results, in one message at a time, and tells the user of each. What still has to
/// go out is the store's: this actor only keeps a picture of it, and a successor fetches it anew.
notifier_interface::behavior_type notifier(actor_of<notifier_interface, notifier_actor_state>* self,
                                           workspace_context* context);

} // namespace workspace_supervisor
