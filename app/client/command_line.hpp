#pragma once

#include "app/client/arguments.hpp"

#include <memory>
#include <string>
#include <vector>

namespace CLI {
class App;
} // namespace CLI

namespace workspace_supervisor {

/// The commands of workspacectl with their operands, options and texts: the one description of them, by which
/// command lines are read and help is written. Reading fills `into`, which has to outlive it.
std::shared_ptr<CLI::App> client_command_line(client_arguments& into);

/// Reads words by the description; throws CLI::ParseError.
void read_command_line(CLI::App& description, const std::vector<std::string>& words);

/// A word that was left over, as it was written.
std::string written_word(std::string word);

/// What --help prints of the program, or of a command where `shown` is one.
std::string command_line_help(const CLI::App& shown);

} // namespace workspace_supervisor
