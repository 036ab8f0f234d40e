#pragma once

#include "messages/activity.hpp"

#include <cstdint>
#include <string>

namespace workspace_supervisor {

/// The JSON body of a beat. `uptime`: whole seconds.
std::string beat_body(const std::string& workspace, const activity_report& report, std::int64_t uptime);

} // namespace workspace_supervisor
