#include "app/client/command_line.hpp"
#include "app/client/command_line_parts.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace workspace_supervisor {

namespace {

constexpr std::size_t text_column = 26;
constexpr std::size_t width = 100;

/// A name and what it means, in two columns.
std::string entry(const std::string& name, const std::string& meaning) {
  auto line = "  " + name;
  line += line.size() + 2 <= text_column ? std::string(text_column - line.size(), ' ')
                                         : '\n' + std::string(text_column, ' ');
  std::string result;
  std::size_t column = text_column;
  for (const auto& word : CLI::detail::split(meaning, ' ')) {
    if (column + word.size() > width) {
      line.pop_back();
      result += line + '\n';
      line = std::string(text_column, ' ');
      column = text_column;
    }
    line += word + ' ';
    column += word.size() + 1;
  }
  line.pop_back();
  return result + line + '\n';
}

/// "--limit=N", "--watch[=SECONDS]", "-h, --help".
std::string option_name(const CLI::Option& option) {
  std::string name;
  for (const auto& letter : option.get_snames())
    name += '-' + letter + ", ";
  name += option.get_name();
  if (!option.get_option_text().empty())
    name += option.get_option_text();
  else if (option.get_expected_max() > 0)
    name += '=' + option.get_type_name();
  return name;
}

std::string options_text(const CLI::App& command) {
  std::string text;
  for (const auto* option : command_line_options(command))
    text += entry(option_name(*option), option->get_description());
  return text;
}

/// "task [TEXT] [--active=N] [--done]".
std::string usage(const CLI::App& command) {
  auto text = command.get_name();
  for (const auto* operand : command_line_operands(command))
    text += ' ' + (operand->get_required() ? operand->get_name() : '[' + operand->get_name() + ']');
  for (const auto* option : command_line_options(command))
    text += " [" + option_name(*option) + ']';
  return text;
}

/// Each command that can be given, by its whole name.
std::string commands_text(const CLI::App& command, const std::string& before) {
  std::string text;
  for (const auto* below : command.get_subcommands({}))
    text += below->get_subcommands({}).empty() ? entry(before + usage(*below), below->get_description())
                                               : commands_text(*below, before + below->get_name() + ' ');
  return text;
}

std::string whole_name(const CLI::App& command) {
  return (command.get_parent() ? whole_name(*command.get_parent()) + ' ' : "") + command.get_name();
}

std::string program_help(const CLI::App& program) {
  return whole_name(program) + " COMMAND [OPTION]...\n\n" + program.get_description() + "\n\nCommands\n" +
         commands_text(program, "") + "\nOptions of every command\n" + options_text(program) + '\n' +
         program.get_footer();
}

} // namespace

std::vector<const CLI::Option*> command_line_options(const CLI::App& command) {
  return command.get_options([&command](const CLI::Option* option) {
    return option->nonpositional() && (command.get_parent() == nullptr || option != command.get_help_ptr());
  });
}

std::vector<const CLI::Option*> command_line_operands(const CLI::App& command) {
  return command.get_options([](const CLI::Option* option) { return option->get_positional(); });
}

std::string command_line_help(const CLI::App& shown) {
  const auto* program = shown.get_parent();
  if (!program)
    return program_help(shown);
  while (program->get_parent())
    program = program->get_parent();

  auto text = whole_name(*shown.get_parent()) + ' ' + usage(shown) + " [OPTION]...\n\n" +
              shown.get_description() + '\n';
  std::string own = commands_text(shown, shown.get_name() + ' ');
  for (const auto* operand : command_line_operands(shown))
    own += entry(operand->get_name(), operand->get_description());
  own += options_text(shown);
  if (!own.empty())
    text += '\n' + own;
  return text + "\nOptions of every command\n" + options_text(*program) +
         "\nworkspacectl --help tells more.\n";
}

} // namespace workspace_supervisor
