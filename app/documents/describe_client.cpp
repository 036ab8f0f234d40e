#include "actors/workspace/context.hpp"
#include "app/client/command_line.hpp"
#include "app/client/command_line_parts.hpp"
#include "app/documents/documented_program.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace workspace_supervisor {

namespace {

std::vector<std::string> actor_names() {
  std::vector<std::string> names;
  for (const auto name : workspace_actor_names)
    names.emplace_back(name);
  for (const auto name : shared_actor_names)
    names.emplace_back(name);
  return names;
}

documented_option described(const CLI::Option& option) {
  documented_option made;
  made.name = option.get_name();
  if (!option.get_snames().empty())
    made.letter = '-' + option.get_snames().front();
  made.meaning = option.get_description();
  if (!option.get_option_text().empty()) {
    made.value = "SECONDS";
    made.value_optional = true;
  } else if (option.get_expected_max() > 0) {
    made.value = option.get_type_name();
  }
  if (made.value == "PATH")
    made.source = value_source::file;
  else if (made.value == "ID")
    made.source = value_source::workspace;
  return made;
}

void describe_commands(const CLI::App& above, const std::string& before, documented_program& program) {
  for (const auto* command : above.get_subcommands({})) {
    if (!command->get_subcommands({}).empty()) {
      describe_commands(*command, before + command->get_name() + ' ', program);
      continue;
    }
    documented_command made{before + command->get_name(), command->get_description(), {}, {}};
    for (const auto* operand : command_line_operands(*command)) {
      made.operands.push_back({operand->get_name(),
                               operand->get_required(),
                               operand->get_description(),
                               value_source::nothing_known,
                               {}});
      if (operand->get_name() == "ACTOR") {
        made.operands.back().source = value_source::words;
        made.operands.back().words = actor_names();
      } else if (made.name == "workspace remove") {
        made.operands.back().source = value_source::workspace;
      }
    }
    for (const auto* option : command_line_options(*command))
      made.options.push_back(described(*option));
    program.commands.push_back(std::move(made));
  }
}

/// The footer's "Exit codes", with a code and its meaning a line; a line that goes on is indented further.
documented_section exit_codes(const std::string& footer) {
  documented_section section{"EXIT STATUS", {}};
  for (const auto& line : CLI::detail::split(footer, '\n')) {
    if (!line.starts_with("  "))
      continue;
    const auto text = line.find_first_not_of(' ', line.find_first_not_of("0123456789 "));
    if (line[2] != ' ')
      section.items.push_back({line.substr(2, line.find(' ', 2) - 2), line.substr(text)});
    else if (!section.items.empty())
      section.items.back().text += ' ' + line.substr(text);
  }
  return section;
}

} // namespace

documented_program describe_client() {
  client_arguments arguments;
  const auto description = client_command_line(arguments);
  documented_program program;
  program.name = description->get_name();
  program.synopsis = "COMMAND [OPTION]...";
  program.summary = "talks to a running workspace-supervisor";
  program.description = description->get_description();
  for (const auto* option : command_line_options(*description))
    program.options.push_back(described(*option));
  describe_commands(*description, "", program);
  program.sections.push_back(exit_codes(description->get_footer()));
  program.sections.push_back(
      {"ENVIRONMENT",
       {{"WORKSPACE_SUPERVISOR_SOCKET", "The control socket, if --socket is not given."},
        {"WORKSPACE_ID", "The workspace, if --workspace is not given."},
        {"CONFIGS_DIR", "Where .supervisor/control.sock is looked for, if neither is given."}}});
  program.see_also = {"workspace-supervisor(1)"};
  return program;
}

} // namespace workspace_supervisor
