#pragma once

// The room of processes: the agent's command, launched, signalled and reaped by main's thread; orphans reaped
// too.

#include "actors/agent/agent_launcher.hpp"
#include "app/processes/spawn_process.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace workspace_supervisor {

struct process_context;
struct workspace_context;

/// The process of the agent that is launched here. Orders come from any thread and are carried out by main's,
/// which lives as long as the process: the kernel kills the agent when it ends.
class agent_process final : public agent_launcher {
public:
  /// What of our own start the agent gets as it was.
  struct inheritance {
    sigset_t signal_mask{};
    std::vector<int> default_signals;
    std::optional<rlimit> descriptors;
  };

  /// `process` has one workspace, and a command. Lives longer than the tree of actors. If this is not PID 1
  /// it becomes the one to whom the agent's orphans go.
  agent_process(process_context& process, inheritance inherited);
  agent_process(const agent_process&) = delete;
  agent_process& operator=(const agent_process&) = delete;
  ~agent_process() override;

  // Orders.
  void launch() override;
  void signal(int number) override;
  void kill_all() override;
  void end_supervisor() override;

  // What follows is main's thread's.

  /// A descriptor that is readable while orders wait.
  int orders() const noexcept { return wake_; }
  /// Carries them out. @returns the code with which the supervisor shall end, if it shall.
  std::optional<int> carry_out();
  /// A child has ended, and its number is still its own.
  void about_to_reap(pid_t process);
  /// It has been reaped; `code` and `status` as `waitid` has them.
  void reaped(pid_t process, int code, int status);
  bool runs() const noexcept { return child_ != 0; }
  /// Sends it a signal that was meant for it.
  void pass_on(int number) { send(number); }
  void kill_now();
  /// From now on nobody is started, and the agent is asked to end. Asked again, it is told again.
  void begin_end();

private:
  struct waiting_orders {
    bool launch = false;
    bool kill = false;
    bool end = false;
    std::vector<int> signals;
  };
  template <class Put>
  void order(Put put);
  void start();
  void send(int number);
  void tell_actor();
  void take_terminal_back();
  process_spec make_spec(inheritance inherited) const;

  process_context& process_;
  std::shared_ptr<workspace_context> workspace_;
  int wake_;
  std::mutex mutex_;
  waiting_orders waiting_; ///< under the mutex

  pid_t child_ = 0; ///< leads a process group of its own
  bool ending_ = false;
  int failure_ = -1;
  int terminal_ = -1; ///< ours to give, -1: none
  process_spec spec_; ///< found out once: looking up a user may take long
};

/// Collects every child that has ended, ours or an orphan that has come to us, and tells `agent` of its own.
/// `agent` may be null. Main's thread.
void reap_children(agent_process* agent);

} // namespace workspace_supervisor
