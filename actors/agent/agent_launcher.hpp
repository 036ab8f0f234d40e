#pragma once

namespace workspace_supervisor {

/// Whoever starts and signals the process of the agent that is launched here; what becomes of it stands in
/// `launched_agent`, and the agent actor is told to look. Any thread; returns at once.
class agent_launcher {
public:
  virtual ~agent_launcher() = default;
  /// Starts one, if `launched_agent::launch_ordered` says so; asked twice, it starts one.
  virtual void launch() = 0;
  /// Sends the signal to the agent's process, if one runs, and has it go on if it is stopped.
  virtual void signal(int number) = 0;
  /// Kills the agent's process and all that it has left in its process group.
  virtual void kill_all() = 0;
  /// The supervisor's process ends, with `launched_agent::give_up_code`.
  virtual void end_supervisor() = 0;
};

} // namespace workspace_supervisor
