#pragma once

// The room of workspaces: which ones a process has. They come and go while the others run: over the control
// API, by the configuration read anew, and as an earlier process was given them.

#include "actors/supervision/actor.hpp"
#include "actors/workspace/context.hpp"
#include "app/workspaces/reload.hpp"
#include "app/workspaces/workspace_places.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <string>

namespace workspace_supervisor {

/// Beyond so many workspaces the first beats of those that come together are spread over an interval.
inline constexpr std::size_t begun_at_once = 50;

/// What the application does for workspaces that come and go, besides running their actors. Called on the
/// thread of the actor `workspaces`.
struct workspace_hosting {
  /// Makes what a workspace's actors share. @returns null and in `error` what is wrong with its settings.
  std::function<workspace_table::pointer(workspace_settings, std::string& error)> make;
  /// It is in the table, and about to start.
  std::function<void(workspace_context&)> taken_in;
  /// It has stopped, and is in the table no more.
  std::function<void(workspace_context&)> let_go;
  /// Serves its own control socket from now on. @returns "" or why not.
  std::function<std::string(const workspace_settings&)> serve_socket;
  std::function<void(const std::string& id)> close_socket;
  /// Reads the configuration again; empty: there is none.
  std::function<configuration_result()> load;
  std::function<void(log_level)> set_log_level;
};

/// What outlives the actor `workspaces`: what runs of the configuration.
struct kept_configuration {
  kept<configuration_keys_and_values> running;
  std::atomic<std::uint64_t> reloads_done{0}; ///< of `process_context::reloads_wanted`
};

struct workspaces_state {
  using then = std::function<void()>;
  using step = std::function<void(then)>; ///< calls what it is given when it is done

  process_context* context = nullptr;
  workspace_hosting* hosting = nullptr;
  kept_configuration* configuration = nullptr;
  workspace_places places; ///< of all in the table; found out when it is first needed
  std::deque<step> waiting;
  bool busy = false;  ///< one step at a time
  bool runs = false;  ///< the next steps are being begun
  bool trims = false; ///< memory that has become free goes back to the system soon
  static inline const char* name = "workspaces";
};

/// Takes workspaces in and lets them go, one after the other. What it was about when it crashed its successor
/// finds in the store and in the table, and finishes. Spawned detached: it looks at files.
workspaces_interface::behavior_type workspaces_actor(actor_of<workspaces_interface, workspaces_state>* self,
                                                     process_context* context, workspace_hosting* hosting,
                                                     kept_configuration* configuration);

/// Fills what is empty with its default, and checks each value as the configuration would.
/// @returns "" or what is wrong.
std::string complete(added_workspace& wanted, const settings& configuration);

} // namespace workspace_supervisor
