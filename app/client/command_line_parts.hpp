#pragma once

#include <vector>

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace workspace_supervisor {

/// The options of a command that help shows: its own, and of the program also --help.
std::vector<const CLI::Option*> command_line_options(const CLI::App& command);
/// What a command takes without a name, in order.
std::vector<const CLI::Option*> command_line_operands(const CLI::App& command);

} // namespace workspace_supervisor
