#pragma once

#include "actors/supervision/restart_policy.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace workspace_supervisor {

/// A connection that an agent holds open to say that it is there.
struct agent_attachment {
  std::uint64_t number = 0;
  pid_t process = 0;              ///< 0: of a PID namespace that is not ours
  std::uint64_t process_born = 0; ///< as `process_look::born`; tells it from a later one of this number
};

/// How an agent's presence ended.
enum class agent_parting : std::uint8_t { none, goodbye, connection_ended, process_gone, child_ended };

/// What the agent does, for those who look at it from outside.
enum class agent_phase : std::uint8_t {
  none,       ///< nobody has attached, nobody is expected
  waiting,    ///< expected, and not there yet
  attached,   ///< is there by its connection
  running,    ///< was launched here and runs
  suspended,  ///< stopped by a signal, may be continued
  restarting, ///< has ended and is started again
  stopped,    ///< by an operator's order
  gone        ///< was there and is no more
};

/// What is known of the presence of one workspace's agent, whoever found it out: the control server of
/// connections, the agent actor of processes. A value that outlives them; times are passed in.
struct agent_facts {
  using time = std::chrono::steady_clock::time_point;
  static constexpr std::size_t most_attachments = 4;

  std::vector<agent_attachment> attachments;   ///< those that are open
  bool has_attached = false;                   ///< since the start, or since the last goodbye
  time awaited_since{};                        ///< while it has not
  std::optional<time> gone_since;              ///< it was there, and has not said goodbye
  std::optional<time> left_since;              ///< it has said goodbye
  agent_parting parting = agent_parting::none; ///< how it went
  pid_t parted = 0;                            ///< the process that went; 0: not known
  std::optional<time> suspended_since;         ///< all its processes are stopped
  pid_t suspended = 0;                         ///< one of them
  std::optional<time> take_back; ///< tasks set before then are to be taken back; until that is done
  bool take_back_done = false;   ///< asked for, for this absence
  agent_phase phase = agent_phase::none;

  /// @returns whether there was a place for it.
  bool attach(const agent_attachment& added, time now);
  /// The attachment's connection has ended; one that is not there any more is ignored. `child_runs`: an agent
  /// launched here is there all the same.
  void connection_ended(std::uint64_t number, bool child_runs, time now);
  /// The process says goodbye. @returns the numbers of its attachments, which are no more.
  std::vector<std::uint64_t> goodbye(pid_t process, time now);
  /// The process has ended. @returns the numbers of its attachments, which are no more.
  std::vector<std::uint64_t> process_gone(pid_t process, bool child_runs, time now);
  /// The process launched here has ended.
  void child_ended(pid_t process, time at);
  /// It is there again.
  void is_back(time now);

private:
  std::vector<std::uint64_t> remove_of(pid_t process);
};

/// What is known of the agent's process that this one launches. Written by whoever launches it and by the
/// agent actor; outlives both.
struct launched_agent {
  using time = std::chrono::steady_clock::time_point;

  struct end {
    pid_t process = 0;
    int code = 0;             ///< exit status, or 128 + signal
    bool orderly = false;     ///< exit status 0
    bool never_ran = false;   ///< the command could not be executed
    bool interrupted = false; ///< by a signal from the terminal that it had, of somebody who wants all to end
    std::string how;          ///< "ended with status 1", "was ended by signal 9 (Killed)"
    time at{};
  };

  bool launch_ordered = false; ///< until it runs or has failed to
  pid_t process = 0;           ///< 0: none runs
  time started{};              ///< when `process` was
  std::optional<end> ended;    ///< an end that the agent actor has not dealt with yet
  bool ending = false;         ///< the supervisor itself ends: nobody is started any more

  // The agent actor's.
  bool stop_wanted = false;        ///< an operator wants it not to run
  bool restart_wanted = false;     ///< an operator wants another one in its place
  std::optional<time> told_to_end; ///< when it was asked to; until it has
  bool killed = false;             ///< it did not end in time
  restart_intensity intensity;
  std::optional<time> restart_at;
  std::int64_t restarts = 0;
  std::string last_end;            ///< `end::how` of the latest one; "": none has ended
  std::optional<int> give_up_code; ///< the supervisor shall end with it
};

} // namespace workspace_supervisor
