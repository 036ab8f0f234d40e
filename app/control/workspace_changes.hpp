#pragma once

#include "app/control/answer_parts.hpp"

#include <string>

namespace workspace_supervisor {

// The calls by which workspaces come and go. Each is answered when it is done.

void answer_put(control_self self, const control_request& request, const std::string& id,
                const control_reply& answer);
void answer_remove(control_self self, const std::string& id, const control_reply& answer);
void answer_reload(control_self self, const control_reply& answer);

} // namespace workspace_supervisor
