#pragma once

#include <cstdint>
#include <sys/types.h>

namespace workspace_supervisor {

/// What the kernel says of a process.
struct process_look {
  bool there = false;     ///< false: it has ended, or is about to
  bool stopped = false;   ///< by a signal or a tracer, until it is continued
  std::uint64_t born = 0; ///< ticks from the machine's start to its own; 0: not known
};

/// Looks into /proc. One that it does not show (hidepid) counts as there. Never blocks for long; any thread.
process_look look_at_process(pid_t process);

} // namespace workspace_supervisor
