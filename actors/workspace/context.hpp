#pragma once

#include "actors/supervision/actor_probe.hpp"
#include "actors/heartbeat/beat_schedule.hpp"
#include "actors/supervision/event_sink.hpp"
#include "actors/platform/http_engine.hpp"
#include "actors/store/result_store.hpp"
#include "actors/workspace/settings.hpp"
#include "actors/workspace/workspace_probe.hpp"
#include "messages/interfaces.hpp"

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace workspace_supervisor {

/// Where an actor is found. Its supervisor puts the successor here when it restarts it; whoever wants to tell
/// it something asks here each time. This is the only way in which actors find each other. Any thread.
template <class Interface>
class address {
public:
  Interface get() const {
    const std::lock_guard lock{mutex_};
    return handle_;
  }
  void set(Interface handle) {
    const std::lock_guard lock{mutex_};
    handle_ = std::move(handle);
  }

private:
  mutable std::mutex mutex_;
  Interface handle_;
};

/// A value that outlives the actor that keeps it, so that its successor goes on where it was. Replaced as a
/// whole: a crash leaves the old value or the new one. Any thread.
template <class Value>
class kept {
public:
  Value get() const {
    const std::lock_guard lock{mutex_};
    return value_;
  }
  void set(Value value) {
    const std::lock_guard lock{mutex_};
    value_ = std::move(value);
  }
  /// Calls `change` on the value under the lock. @returns what it returns.
  template <class Change>
  auto update(Change change) {
    const std::lock_guard lock{mutex_};
    return change(value_);
  }

private:
  mutable std::mutex mutex_;
  Value value_{};
};

/// The actors of one workspace, as stats name them, in the order in which they are started.
enum class workspace_actor : std::uint8_t {
  supervisor,
  token,
  activity,
  heartbeat,
  delegation_poller,
  parent_name,
  notifier
};
inline constexpr std::array<std::string_view, 7> workspace_actor_names{
    "supervisor", "token", "activity", "heartbeat", "delegation-poller", "parent-name", "notifier"};

/// The actors that all workspaces of a process share.
enum class shared_actor : std::uint8_t { root, platform_client, store, token_files, result_files, control };
inline constexpr std::array<std::string_view, 6> shared_actor_names{
    "root", "platform-client", "store", "token-files", "result-files", "control"};

struct process_context;

/// What the poller remembers of the answers it has dealt with.
struct poll_memory {
  std::uint64_t last_body = 0;               ///< hash of the last answer that was dealt with whole; 0: none
  std::vector<std::uint64_t> handled;        ///< sorted hashes of the listed keys that are recorded
  std::vector<std::string> reported_foreign; ///< delegation ids already logged, newest last, bounded
  std::chrono::steady_clock::time_point next_due{};
  bool started = false;
};

/// How well the store keeps what it is given, as it last told.
struct store_status {
  bool in_order = true;
  std::string trouble; ///< what is wrong and what to do; empty when in order
  std::int64_t unsaved = 0;
  std::int64_t commits = 0;
  std::int64_t failures = 0;
};

/// Everything that one workspace's actors share and that outlives each of them.
struct workspace_context {
  process_context* process = nullptr;
  workspace_index index = 0;
  workspace_settings settings;
  platform_url platform;

  // Where they are found.
  address<supervisor_interface> supervisor;
  address<token_interface> token;
  address<activity_interface> activity;
  address<heartbeat_interface> heartbeat;
  address<delegation_poller_interface> delegation_poller;
  address<parent_name_interface> parent_name;
  address<notifier_interface> notifier;

  // What outlives them.
  kept<token_state> last_token;
  kept<activity_report> last_activity;
  kept<beat_schedule> schedule;
  kept<poll_memory> polled;

  // What is counted of them.
  std::array<actor_probe, workspace_actor_names.size()> actors;
  workspace_probe probe;

  actor_probe& probe_of(workspace_actor actor) { return actors[static_cast<std::size_t>(actor)]; }
};

/// What all workspaces of a process share and what outlives every actor.
struct process_context {
  settings configuration;
  caf::actor_system* system = nullptr;
  event_sink* events = nullptr;
  http_engine* http = nullptr;
  /// Opens the store: called once, by the store actor, whose thread may wait for the disk.
  std::function<std::unique_ptr<result_store>()> open_store;
  std::unique_ptr<result_store> store; ///< the store actor's, and its successors'; null until it has started
  std::deque<workspace_context> workspaces; ///< fixed after the start: a place is a `workspace_index`
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
  std::uint64_t hash_seed = 0; ///< random: nobody outside can make keys that collide

  address<supervisor_interface> root;
  address<platform_client_interface> platform_client;
  address<store_interface> store_actor;
  address<files_interface> token_files;
  address<files_interface> result_files;
  address<control_interface> control;

  kept<struct store_status> store_status;

  std::array<actor_probe, shared_actor_names.size()> actors;
  process_probe probe;

  actor_probe& probe_of(shared_actor actor) { return actors[static_cast<std::size_t>(actor)]; }
};

/// Seconds since the epoch by the system's clock.
inline double wall_clock_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

} // namespace workspace_supervisor
