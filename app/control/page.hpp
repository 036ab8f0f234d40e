#pragma once

#include "messages/control.hpp"

namespace workspace_supervisor {

/// The status page, for `control::choices::page`: one document with its style and script in it, that asks the
/// server it came from and nobody else. Any thread.
control_answer status_page();

} // namespace workspace_supervisor
