#pragma once

// The room of the dev mode: a platform, a workspace and an agent on this machine, played for a person to
// watch.

#include "actors/workspace/settings.hpp"

#include <optional>

namespace workspace_supervisor {

/// A platform and one workspace on this machine, over real HTTP, for a person to watch. Needs nothing:
/// temporary folders and free ports. Runs until SIGINT or SIGTERM, or for `duration`; then prints a summary.
/// @returns 0, or 1 when a beat, a token rotation, a delegation, a self-message or a notification did not go
/// through.
int run_dev_mode(settings configuration, std::optional<milliseconds> duration);

} // namespace workspace_supervisor
