#pragma once

// The room of the runtime: the loop, the HTTP engine, the store and the tree of actors, wired to one process.

#include "actors/workspace/settings.hpp"
#include "app/event_log/event_log.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace workspace_supervisor {

class actor_loop;
class agent_launcher;
struct process_context;
struct child_spec;
class result_store;
struct workspace_hosting;
struct kept_configuration;

/// Everything that runs, wired together: the actor system, the HTTP engine, the store, the tree of actors.
class runtime {
public:
  /// Opens the store; called on the store actor's thread, which may wait for the disk.
  using store_opener = std::function<std::unique_ptr<result_store>()>;

  /// What the tree is made with. `events` lives longer.
  runtime(settings configuration, event_sink& events, store_opener open_store);
  /// The same with a store that is open already.
  runtime(settings configuration, event_sink& events, std::unique_ptr<result_store> store);
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;
  /// Stops in order what still runs. Blocks until it has.
  ~runtime();

  /// Makes the table of workspaces. @returns "" or what is wrong with the configuration.
  std::string prepare();
  /// Who launches the agent; outlives the tree. Before `start`; without one no agent is launched.
  void use_launcher(agent_launcher& launcher);
  /// What is done for workspaces that come and go besides running them; what is empty is done by nobody. To
  /// be filled before `start`.
  workspace_hosting& hosting() noexcept;
  /// What of the configuration runs, for it to be read again. To be filled before `start`.
  kept_configuration& running_configuration() noexcept;
  /// Has the configuration read again, as `hosting` does it. Any thread.
  void reload();
  /// Starts the tree.
  void start();
  /// The same with shared actors besides those of the tree itself.
  void start(std::vector<child_spec> more);
  /// Asks the root to stop in order; `wait_ended` tells when it has. Any thread.
  void stop();
  /// Asks the root whether it is there. `answered` is called on the loop's thread when it answers, within a
  /// time in which it should; else nobody hears. Any thread.
  void ask_root(std::function<void()> answered);
  /// A descriptor that becomes readable when the tree has ended: stopped, or given up.
  int ended_descriptor() const noexcept;
  /// Waits until the tree has ended. @returns whether it has in time.
  bool wait_ended(std::chrono::milliseconds timeout) const;
  /// Whether the root gave up; valid when the tree has ended.
  bool gave_up() const noexcept;

  /// What the actors share; lives as long as the runtime.
  process_context& context() noexcept;
  /// Where actors, timers and sockets run; lives as long as the runtime.
  actor_loop& loop() noexcept;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// What is sent as User-Agent and told as version.
std::string product_version();

} // namespace workspace_supervisor
