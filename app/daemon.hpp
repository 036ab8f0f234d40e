#pragma once

#include "actors/workspace/settings.hpp"

#include <string>
#include <vector>

namespace workspace_supervisor {

/// Runs the supervisor until it is told to stop (SIGTERM, SIGINT) or gives up. Called once, by main.
/// @returns the exit code.
int run_daemon(settings configuration, const std::vector<std::string>& warnings);

} // namespace workspace_supervisor
