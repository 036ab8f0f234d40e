#pragma once

// The room of workspacectl: its command line, its calls, and what it prints.

#include "app/client/arguments.hpp"

namespace workspace_supervisor {

/// Does what the command line says; prints to stdout, and troubles to stderr. @returns the exit code.
int run_client(const client_arguments& arguments);

} // namespace workspace_supervisor
