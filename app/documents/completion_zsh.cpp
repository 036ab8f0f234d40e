#include "app/documents/completion_words.hpp"

namespace workspace_supervisor {

namespace {

/// Within single quotes.
std::string zsh_quoted(const std::string& text) {
  return "'" + replaced(text, "'", "'\\''") + "'";
}

/// A meaning within brackets of a specification.
std::string bracketed(const std::string& text) {
  return '[' +
         replaced(replaced(replaced(replaced(text, "\\", "\\\\"), "[", "\\["), "]", "\\]"), ":", "\\:") + ']';
}

std::string action(value_source source, const std::vector<std::string>& words) {
  switch (source) {
  case value_source::file:
    return "_files";
  case value_source::folder:
    return "_files -/";
  case value_source::workspace:
    return "{_values workspace ${(f)\"$(" + std::string{list_workspaces} + ")\"}}";
  case value_source::words:
    return '(' + joined(words, " ") + ')';
  default:
    return " ";
  }
}

std::string specification(const documented_option& option) {
  auto text = option.name;
  if (option.value_optional)
    text += "=-";
  else if (!option.value.empty())
    text += '=';
  text += bracketed(option.meaning);
  if (!option.value.empty())
    text += (option.value_optional ? "::" : ":") + option.value + ':' + action(option.source, option.words);
  return zsh_quoted(text);
}

std::string specifications(const std::vector<documented_option>& options, const std::string& before) {
  std::string text;
  for (const auto& option : options) {
    text += before + specification(option);
    if (!option.letter.empty())
      text += before + zsh_quoted(option.letter + bracketed(option.meaning));
  }
  return text;
}

std::string operands(const documented_command& command, int first) {
  std::string text;
  for (const auto& operand : command.operands)
    text += " \\\n        " + zsh_quoted(std::to_string(first++) + ':' + operand.name + ':' +
                                         action(operand.source, operand.words));
  return text;
}

std::string command_case(const command_word& first) {
  std::string text = "    " + first.word + ")\n      _arguments -S $common";
  std::vector<std::string> seconds;
  for (const auto* command : first.commands) {
    text += specifications(command->options, " \\\n        ");
    if (first.leads())
      seconds.push_back(second_word(*command));
    else
      text += operands(*command, 1);
  }
  if (first.leads()) {
    text += " \\\n        " + zsh_quoted("1:command:(" + joined(seconds, " ") + ')');
    for (const auto* command : first.commands)
      if (!command->operands.empty()) {
        text += operands(*command, 2);
        break;
      }
  }
  return text + "\n      ;;\n";
}

} // namespace

std::string zsh_completion(const documented_program& program) {
  const auto function = "_" + program.name;
  auto text = "#compdef " + program.name + "\n# Completion of " + program.name +
              "'s command line for zsh, made from its own description.\n\n" + function + "() {\n";
  if (program.commands.empty())
    return text + "  _arguments -S" + specifications(program.options, " \\\n    ") +
           " \\\n    '*::agent:_normal'\n}\n\n" + function + " \"$@\"\n";
  text += "  local curcontext=$curcontext state\n  local -a common commands\n  common=(" +
          specifications(program.options, "\n    ") + "\n  )\n  commands=(";
  for (const auto& first : first_words(program))
    text += "\n    " + zsh_quoted(first.word + ':' + replaced(first.meaning, ":", "\\:"));
  text += R"(
  )
  _arguments -C -S $common '1:command:->command' '*::argument:->argument'
  case $state in
    command) _describe command commands && return ;;
    argument) ;;
    *) return ;;
  esac
  case $words[1] in
)";
  for (const auto& first : first_words(program))
    text += command_case(first);
  return text + "  esac\n}\n\n" + function + " \"$@\"\n";
}

} // namespace workspace_supervisor
