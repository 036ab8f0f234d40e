#include "app/documents/completion_words.hpp"

namespace workspace_supervisor {

namespace {

std::string fish_quoted(const std::string& text) {
  return "'" + replaced(replaced(text, "\\", "\\\\"), "'", "\\'") + "'";
}

/// The words that may stand there; "": none that is known.
std::string candidates(value_source source, const std::vector<std::string>& words) {
  if (source == value_source::words)
    return fish_quoted(joined(words, " "));
  if (source == value_source::workspace)
    return fish_quoted('(' + std::string{list_workspaces} + ')');
  return "";
}

std::string option_line(const std::string& begin, const documented_option& option) {
  auto line = begin + " -l " + option.name.substr(2);
  if (!option.letter.empty())
    line += " -s " + option.letter.substr(1);
  if (!option.value.empty() && !option.value_optional)
    line += option.source == value_source::file || option.source == value_source::folder ? " -r -F" : " -x";
  if (const auto words = candidates(option.source, option.words); !words.empty())
    line += " -a " + words;
  return line + " -d " + fish_quoted(option.meaning) + '\n';
}

} // namespace

std::string fish_completion(const documented_program& program) {
  const auto complete = "complete -c " + program.name;
  auto text =
      "# Completion of " + program.name + "'s command line for fish, made from its own description.\n\n";
  if (!program.commands.empty())
    text += complete + " -f\n";
  for (const auto& option : program.options)
    text += option_line(complete, option);
  for (const auto& first : first_words(program)) {
    text +=
        complete + " -n __fish_use_subcommand -a " + first.word + " -d " + fish_quoted(first.meaning) + '\n';
    std::vector<std::string> seconds;
    for (const auto* command : first.commands)
      if (first.leads())
        seconds.push_back(second_word(*command));
    for (const auto* command : first.commands) {
      auto seen = "__fish_seen_subcommand_from " + first.word;
      if (first.leads()) {
        text += complete + " -n " +
                fish_quoted(seen + "; and not __fish_seen_subcommand_from " + joined(seconds, " ")) + " -a " +
                second_word(*command) + " -d " + fish_quoted(command->meaning) + '\n';
        seen += "; and __fish_seen_subcommand_from " + second_word(*command);
      }
      for (const auto& option : command->options)
        text += option_line(complete + " -n " + fish_quoted(seen), option);
      for (const auto& operand : command->operands)
        if (const auto words = candidates(operand.source, operand.words); !words.empty())
          text += complete + " -n " + fish_quoted(seen) + " -a " + words + '\n';
    }
  }
  return text;
}

} // namespace workspace_supervisor
