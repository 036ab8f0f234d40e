#pragma once

#include "app/documents/documented_program.hpp"

#include <string>
#include <vector>

namespace workspace_supervisor {

/// Prints the ids of the workspaces that the running supervisor knows, a line each.
inline constexpr const char* list_workspaces =
    "workspacectl status --timeout=1 2>/dev/null | "
    "awk '/^WORKSPACE/ { listed = 1; next } !NF { listed = 0 } listed { print $1 }'";

/// A word of a command's name, and what can follow it: "token" and "set".
struct command_word {
  std::string word;
  std::string meaning;                             ///< of a command that is this word alone
  std::vector<const documented_command*> commands; ///< whose name begins with it
  bool leads() const { return commands.size() > 1 || commands.front()->name != word; }
};

/// In the order of the commands.
std::vector<command_word> first_words(const documented_program& program);
/// "set" of "token set".
std::string second_word(const documented_command& command);

std::string joined(const std::vector<std::string>& words, const std::string& between);
/// `text` with `by` for each `what`.
std::string replaced(std::string text, const std::string& what, const std::string& by);

} // namespace workspace_supervisor
