#include "app/documents/completion_words.hpp"

#include <map>

namespace workspace_supervisor {

namespace {

/// What a value may be, as words of bash that set COMPREPLY.
std::string reply(value_source source, const std::vector<std::string>& words) {
  switch (source) {
  case value_source::file:
    return "mapfile -t COMPREPLY < <(compgen -f -- \"$word\")";
  case value_source::folder:
    return "mapfile -t COMPREPLY < <(compgen -d -- \"$word\")";
  case value_source::workspace:
    return "mapfile -t COMPREPLY < <(compgen -W \"$(" + std::string{list_workspaces} + ")\" -- \"$word\")";
  case value_source::words:
    return "mapfile -t COMPREPLY < <(compgen -W '" + joined(words, " ") + "' -- \"$word\")";
  default:
    return ":";
  }
}

std::vector<documented_option> all_options(const documented_program& program) {
  auto options = program.options;
  for (const auto& command : program.commands)
    options.insert(options.end(), command.options.begin(), command.options.end());
  return options;
}

std::string names(const std::vector<documented_option>& options, bool with_equals) {
  std::vector<std::string> words;
  for (const auto& option : options)
    words.push_back(option.name + (with_equals && !option.value.empty() ? "=" : ""));
  return joined(words, " ");
}

/// A case for each kind of value, by the options that have it.
std::string value_cases(const documented_program& program) {
  std::map<std::string, std::vector<std::string>> by_reply;
  for (const auto& option : all_options(program))
    if (!option.value.empty() && !option.value_optional)
      by_reply[reply(option.source, option.words)].push_back(option.name);
  std::string text;
  for (const auto& [what, options] : by_reply)
    text += "    " + joined(options, " | ") + ")\n      " + what + "\n      return\n      ;;\n";
  return text;
}

std::string with_values(const documented_program& program) {
  std::vector<std::string> options;
  for (const auto& option : all_options(program))
    if (!option.value.empty() && !option.value_optional)
      options.push_back(option.name);
  return joined(options, " | ");
}

std::string command_cases(const documented_program& program) {
  const auto common = names(program.options, false);
  std::vector<std::string> words;
  std::string text;
  for (const auto& first : first_words(program)) {
    words.push_back(first.word);
    std::vector<std::string> seconds;
    for (const auto* command : first.commands) {
      if (first.leads())
        seconds.push_back(second_word(*command));
      text += "    '" + command->name + "' | '" + command->name + " '*)\n";
      for (const auto& operand : command->operands)
        if (operand.source != value_source::nothing_known)
          text += "      [[ $word == -* || $command != '" + command->name + "' ]] || { " +
                  reply(operand.source, operand.words) + "; return; }\n";
      text += "      words='" + names(command->options, false) + (command->options.empty() ? "" : " ") +
              common + "'\n      ;;\n";
    }
    if (first.leads())
      text += "    '" + first.word + "') words='" + joined(seconds, " ") + ' ' + common + "' ;;\n";
  }
  return "    '') words='" + joined(words, " ") + ' ' + common + "' ;;\n" + text + "    *) words='" + common +
         "' ;;\n";
}

} // namespace

std::string bash_completion(const documented_program& program) {
  const auto function = "_" + replaced(program.name, "-", "_");
  std::string text = "# Completion of " + program.name +
                     R"('s command line for bash, made from its own description.

)" + function + R"(() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command='' words='' index
  COMPREPLY=()
  # Where words break at '=', an option with its value is three of them.
  if [[ $word == '=' ]]; then
    word=''
  elif [[ $before == '=' ]]; then
    before=${COMP_WORDS[COMP_CWORD - 2]}
  fi

  case $before in
)" + value_cases(program) +
                     "  esac\n\n";
  if (program.commands.empty())
    text += R"(  # What follows -- is another command's.
  for ((index = 1; index < COMP_CWORD; ++index)); do
    if [[ ${COMP_WORDS[index]} == -- ]]; then
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return
    fi
  done
  words=')" +
            names(program.options, true) + "'\n";
  else
    text += R"(  # What is neither an option nor an option's value.
  for ((index = 1; index < COMP_CWORD; ++index)); do
    case ${COMP_WORDS[index]} in
      =) ((index += 1)) ;;
      )" + with_values(program) +
            R"()
        [[ ${COMP_WORDS[index + 1]} == '=' ]] || ((index += 1))
        ;;
      -*) ;;
      *) command+=${command:+ }${COMP_WORDS[index]} ;;
    esac
  done

  case $command in
)" + command_cases(program) +
            "  esac\n";
  return text + R"(  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  [[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null || :
}

complete -F )" +
         function + ' ' + program.name + '\n';
}

} // namespace workspace_supervisor
