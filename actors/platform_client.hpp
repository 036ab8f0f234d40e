#pragma once

#include "actors/actor.hpp"

#include <unordered_map>

namespace workspace_supervisor {

struct platform_client_state {
  /// A request that is under way; its promise is broken, and the requester told so, should this actor crash.
  struct pending {
    platform_request request;
    promised<platform_answer> promise;
    bool repeated = false;
  };
  process_context* context = nullptr;
  std::uint64_t last_id = 0;
  std::unordered_map<std::uint64_t, pending> requests;
  static inline const char* name = "platform-client";
};

/// Speaks with the platforms, for all workspaces: adds the token, and after a 401 re-reads it and repeats the
/// request once. The HTTP itself is the engine's, on a thread of its own.
platform_client_interface::behavior_type
platform_client(actor_of<platform_client_interface, platform_client_state>* self, process_context* context);

} // namespace workspace_supervisor
