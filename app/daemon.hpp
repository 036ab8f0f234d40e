#pragma once

#include "app/configuration/configuration.hpp"

namespace workspace_supervisor {

/// Runs the supervisor until it is told to stop (SIGTERM, SIGINT) or gives up. Called once, by main.
/// @param sources what `loaded` was made from: read again when it is asked to.
/// @returns the exit code.
int run_daemon(configuration_result loaded, const configuration_sources& sources);

} // namespace workspace_supervisor
