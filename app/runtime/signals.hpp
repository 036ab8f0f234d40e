#pragma once

#include <csignal>

namespace workspace_supervisor {

/// Keeps the signals that ask the process to end for whoever waits for them: they are blocked for this thread
/// and all that it starts. What SIGPIPE and SIGXFSZ tell is an error of a write, not an end of the process.
/// Called by main's thread before any other is there. @returns the signals to wait for: SIGTERM and SIGINT.
sigset_t catch_end_signals();

} // namespace workspace_supervisor
