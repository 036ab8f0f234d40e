#pragma once

// The room of the platform: every request to one, with its token, and once more after a 401, for all
// workspaces.

#include "actors/http/http_engine.hpp"
#include "actors/supervision/actor.hpp"
#include "actors/workspace/context.hpp"

#include <string>
#include <unordered_map>
#include <vector>

namespace workspace_supervisor {

struct platform_client_state {
  /// A request that is under way; its promise is broken, and the requester told so, should this actor crash.
  struct pending {
    platform_request request;
    std::vector<promised<platform_answer>> promises; ///< more than one for a request with a key
    bool repeated = false;
  };
  process_context* context = nullptr;
  http_engine* http = nullptr;
  std::uint64_t last_id = 0;
  std::unordered_map<std::uint64_t, pending> requests;
  std::unordered_map<std::string, std::uint64_t> by_key;    ///< of the requests under way that have one
  std::unordered_map<workspace_number, std::string> tokens; ///< empty, or not there: to be asked for
  static inline const char* name = "platform-client";
};

/// Speaks with the platforms, for all workspaces: adds the token, and after a 401 re-reads it and repeats the
/// request once. The HTTP itself is the engine's.
platform_client_interface::behavior_type
platform_client(actor_of<platform_client_interface, platform_client_state>* self, process_context* context,
                http_engine* http);

} // namespace workspace_supervisor
