#pragma once

// The room of the documents: manual pages and completions of both programs, made from the same tables as
// their command lines and their help. Of the build alone: no program of ours has it.

#include <string>
#include <vector>

namespace workspace_supervisor {

/// What may stand for a value on a command line, as far as a shell can tell.
enum class value_source { nothing_known, file, folder, workspace, words };

struct documented_option {
  std::string name;   ///< "--socket"
  std::string letter; ///< "-h", or ""
  std::string value;  ///< "PATH"; "": takes none
  bool value_optional = false;
  std::string meaning;
  value_source source = value_source::nothing_known;
  std::vector<std::string> words; ///< of `value_source::words`
};

struct documented_operand {
  std::string name; ///< "ID"
  bool required = false;
  std::string meaning;
  value_source source = value_source::nothing_known;
  std::vector<std::string> words;
};

struct documented_command {
  std::string name; ///< whole: "token set"
  std::string meaning;
  std::vector<documented_operand> operands;
  std::vector<documented_option> options;
};

/// A section of a manual page: paragraphs, and terms with their meanings.
struct documented_section {
  struct item {
    std::string term; ///< "": a paragraph
    std::string text;
  };
  std::string title;
  std::vector<item> items;
};

struct documented_program {
  std::string name;
  std::string synopsis;                   ///< what follows the name
  std::string summary;                    ///< a line
  std::string description;                ///< a paragraph
  std::vector<documented_option> options; ///< of every command, if there are commands
  std::vector<documented_command> commands;
  std::vector<documented_section> sections; ///< after those
  std::vector<std::string> see_also;        ///< "workspacectl(1)"
};

documented_program describe_supervisor();
documented_program describe_client();

/// caf-application.conf(5), in roff.
std::string configuration_manual();
/// The page of a program, in roff.
std::string program_manual(const documented_program& program);

std::string bash_completion(const documented_program& program);
std::string zsh_completion(const documented_program& program);
std::string fish_completion(const documented_program& program);

} // namespace workspace_supervisor
