#pragma once

#include "actors/workspace/context.hpp"
#include "app/configuration/configuration.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace workspace_supervisor {

/// The keys of a configuration and their values as they are printed; without those of `workspaces`.
using configuration_keys_and_values = std::map<std::string, std::string>;
configuration_keys_and_values keys_and_values(const configuration_result& loaded);

/// A workspace that runs, as a reload sees it.
struct running_workspace {
  workspace_settings settings;
  workspace_origin origin = workspace_origin::configuration;
};

/// What has to be done so that a process runs by another configuration. With errors: nothing.
struct reload_plan {
  std::vector<std::string> errors;
  std::vector<std::string> leaving;       ///< ids of workspaces to stop, also of those that change
  std::vector<workspace_settings> coming; ///< to start, when those have stopped
  std::vector<std::string> adopted; ///< ids that were added as the process ran; now the configuration's own
  std::optional<log_level> level;
  std::vector<std::string> taken_up;
  std::vector<std::string> waiting; ///< keys that are taken up by a restart alone
};

/// @param running by the configuration, the control API, or both.
/// @param running_keys those that the process was started with, but for what reloads have taken up.
/// Looks at the file system, to tell folders and files apart.
reload_plan plan_reload(const std::vector<running_workspace>& running,
                        const configuration_keys_and_values& running_keys,
                        const configuration_result& loaded);

} // namespace workspace_supervisor
