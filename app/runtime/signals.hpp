#pragma once

#include <csignal>
#include <vector>

namespace workspace_supervisor {

/// The signals that main's thread waits for, and how it was before.
struct caught_signals {
  sigset_t set{};                 ///< to wait for
  sigset_t mask_before{};         ///< what was blocked before
  std::vector<int> ignored_now{}; ///< that were not ignored before
};

/// Keeps the signals `numbers` for whoever waits for them: they are blocked for this thread and all that it
/// starts. What SIGPIPE and SIGXFSZ tell is an error of a write, not an end of the process. Called by main's
/// thread before any other is there.
caught_signals catch_signals(const std::vector<int>& numbers);

} // namespace workspace_supervisor
