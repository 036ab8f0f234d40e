#pragma once

// The room of the token: its file, read, watched and saved, and the copy of it that requests go out with.

#include "actors/supervision/actor.hpp"
#include "actors/workspace/context.hpp"

#include <string>
#include <vector>

namespace workspace_supervisor {

struct token_actor_state {
  workspace_context* context = nullptr;
  bool cached_valid = false; ///< the context's last token is what the file has
  bool reading = false;
  bool read_again = false; ///< the file may have changed since the reading under way was asked for
  std::vector<promised<token_state>> waiting;      ///< for the reading that is under way
  std::vector<promised<token_state>> waiting_next; ///< for the one after it
  static inline const char* name = "token";
};

/// Holds the workspace's token. The file is read at first use, when a refresh is asked for, and when it
/// changes.
token_interface::behavior_type token_actor(actor_of<token_interface, token_actor_state>* self,
                                           workspace_context* context);

} // namespace workspace_supervisor
