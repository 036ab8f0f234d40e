#pragma once

namespace workspace_supervisor {

/// What the daemon ends with; docs/operations.md says which of them are worth another start.
enum exit_code : int { exit_stopped = 0, exit_gave_up = 70, exit_locked = 75, exit_configuration = 78 };

} // namespace workspace_supervisor
