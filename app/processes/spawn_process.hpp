#pragma once

#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/resource.h>
#include <sys/types.h>
#include <vector>

namespace workspace_supervisor {

/// What a child process starts with, besides what it has of ours: standard input, output and errors, working
/// directory, limits but that of descriptors.
struct process_spec {
  std::vector<std::string> command;     ///< not empty; looked up in PATH without a '/'
  std::vector<std::string> environment; ///< "NAME=value"
  sigset_t signal_mask{};               ///< blocked in it
  std::vector<int> default_signals;     ///< that we ignore and it shall not
  std::optional<rlimit> descriptors;    ///< its RLIMIT_NOFILE, where ours was raised
  struct user {
    uid_t user = 0;
    gid_t group = 0;
    std::vector<gid_t> groups;
  };
  std::optional<user> as;
  int terminal = -1; ///< the terminal that its process group gets in the foreground of; -1: none
};

/// A child that was started; whether its command could be executed shows later.
struct spawned_process {
  pid_t process = 0; ///< 0: there is none, see `error`
  int error = 0;     ///< errno
  int failure = -1;  ///< to be read once it has ended: errno of what kept its command from being executed
};

/// Forks and executes. The child has a process group of its own, none of our descriptors but the first three,
/// and is killed by the kernel when the calling thread ends: call it on one that lives as long as the
/// process. Does not wait for the command to be executed.
spawned_process spawn_process(const process_spec& spec);

} // namespace workspace_supervisor
