#pragma once

// The room of the workspace: what the actors of one, and of the process, share: settings, where each is
// found, what outlives them, what is counted.

#include "actors/supervision/actor_probe.hpp"
#include "actors/supervision/address.hpp"
#include "actors/supervision/event_sink.hpp"
#include "actors/workspace/agent_facts.hpp"
#include "actors/workspace/platform_url.hpp"
#include "actors/workspace/settings.hpp"
#include "actors/workspace/workspace_probe.hpp"
#include "actors/workspace/workspace_table.hpp"
#include "messages/interfaces.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>

namespace workspace_supervisor {

/// The actors of one workspace, as stats name them, in the order in which they are started.
enum class workspace_actor : std::uint8_t {
  supervisor,
  token,
  activity,
  heartbeat,
  delegation_poller,
  parent_name,
  notifier,
  agent
};
inline constexpr std::array<std::string_view, 8> workspace_actor_names{
    "supervisor", "token", "activity", "heartbeat", "delegation-poller", "parent-name", "notifier", "agent"};
constexpr std::string_view name_of(workspace_actor actor) {
  return workspace_actor_names[static_cast<std::size_t>(actor)];
}

/// The actors that all workspaces of a process share.
enum class shared_actor : std::uint8_t {
  root,
  platform_client,
  store,
  token_files,
  result_files,
  list_reader,
  workspaces,
  control
};
inline constexpr std::array<std::string_view, 8> shared_actor_names{
    "root",         "platform-client", "store",      "token-files",
    "result-files", "list-reader",     "workspaces", "control"};
constexpr std::string_view name_of(shared_actor actor) {
  return shared_actor_names[static_cast<std::size_t>(actor)];
}

class actor_loop;
struct process_context;

/// How well the store keeps what it is given, as it last told.
struct store_status {
  bool in_order = true;
  std::string trouble; ///< what is wrong and what to do; empty when in order
  std::int64_t unsaved = 0;
  std::int64_t commits = 0;
  std::int64_t failures = 0;
};

/// An agent was known and is not there.
inline constexpr std::int64_t agent_is_gone = -1;

/// Who has said that there is a workspace.
enum class workspace_origin : std::uint8_t {
  main,          ///< the configuration, as `workspace`
  configuration, ///< the configuration, among `workspaces`
  control_api    ///< somebody, to the process as it ran
};

/// Everything that one workspace's actors share and that outlives each of them: whoever is observed by one of
/// its probes holds it.
struct workspace_context : std::enable_shared_from_this<workspace_context> {
  process_context* process = nullptr;
  workspace_number number = 0; ///< given by the process's table
  std::atomic<workspace_origin> origin{workspace_origin::configuration};
  workspace_settings settings;
  platform_url platform;
  double first_at = 0; ///< when its first beat and poll are due, as a share of their interval

  // Where they are found.
  address<supervisor_interface> supervisor;
  address<token_interface> token;
  address<activity_interface> activity;
  address<heartbeat_interface> heartbeat;
  address<delegation_poller_interface> delegation_poller;
  address<parent_name_interface> parent_name;
  address<notifier_interface> notifier;
  address<agent_interface> agent;

  // What outlives them.
  kept<token_state> last_token;
  kept<activity_report> last_activity;
  kept<struct agent_facts> agent_facts;
  std::atomic<std::int64_t> agent_since{0}; ///< steady clock, ns: since when it runs or is attached; 0: no
                                            ///< agent is known; `agent_is_gone`

  // What is counted of them.
  std::array<actor_probe, workspace_actor_names.size()> actors;
  workspace_probe probe;

  actor_probe& probe_of(workspace_actor actor) { return actors[static_cast<std::size_t>(actor)]; }
  /// The same, for an actor to be observed by; holds the workspace.
  std::shared_ptr<actor_probe> held_probe_of(workspace_actor actor) {
    return {weak_from_this().lock(), &probe_of(actor)};
  }

  /// Calls `visit(actor, its address)` for each.
  template <class Visit>
  void each_address(Visit visit) {
    visit(workspace_actor::supervisor, supervisor);
    visit(workspace_actor::token, token);
    visit(workspace_actor::activity, activity);
    visit(workspace_actor::heartbeat, heartbeat);
    visit(workspace_actor::delegation_poller, delegation_poller);
    visit(workspace_actor::parent_name, parent_name);
    visit(workspace_actor::notifier, notifier);
    visit(workspace_actor::agent, agent);
  }
};

/// What all workspaces of a process share and what outlives every actor.
struct process_context {
  settings configuration; ///< its workspaces have moved to `workspaces`
  caf::actor_system* system = nullptr;
  event_sink* events = nullptr;
  actor_loop* loop = nullptr; ///< where actors, timers and sockets run
  workspace_table workspaces;
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
  std::uint64_t hash_seed = 0; ///< random: nobody outside can make keys that collide

  address<supervisor_interface> root;
  address<platform_client_interface> platform_client;
  address<store_interface> store_actor;
  address<token_files_interface> token_files;
  address<result_files_interface> result_files;
  address<list_reader_interface> list_reader;
  address<workspaces_interface> workspaces_actor;
  address<control_interface> control;

  kept<struct store_status> store_status;
  kept<launched_agent> launched; ///< where agent.command launches the one workspace's agent

  std::array<actor_probe, shared_actor_names.size()> actors;
  process_probe probe;
  std::atomic<std::uint64_t> reloads_wanted{0}; ///< so often a signal has asked for the configuration anew

  actor_probe& probe_of(shared_actor actor) { return actors[static_cast<std::size_t>(actor)]; }
  /// The same, for an actor to be observed by: the process's context outlives all actors.
  std::shared_ptr<actor_probe> held_probe_of(shared_actor actor) {
    return {std::shared_ptr<void>{}, &probe_of(actor)};
  }

  /// Calls `visit(actor, its address)` for each; without those of the workspaces.
  template <class Visit>
  void each_address(Visit visit) {
    visit(shared_actor::root, root);
    visit(shared_actor::platform_client, platform_client);
    visit(shared_actor::store, store_actor);
    visit(shared_actor::token_files, token_files);
    visit(shared_actor::result_files, result_files);
    visit(shared_actor::list_reader, list_reader);
    visit(shared_actor::workspaces, workspaces_actor);
    visit(shared_actor::control, control);
  }
};

/// Seconds since the epoch by the system's clock.
inline double wall_clock_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

} // namespace workspace_supervisor
