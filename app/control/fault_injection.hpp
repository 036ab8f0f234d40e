#pragma once

#include "actors/workspace/context.hpp"
#include "messages/control.hpp"

#include <optional>

namespace workspace_supervisor {

/// Has the actor that the request's body names throw at once, where that is allowed. @returns why not;
/// nothing when it has been told.
std::optional<control_answer> order_crash(process_context& process, const control_request& request);

} // namespace workspace_supervisor
