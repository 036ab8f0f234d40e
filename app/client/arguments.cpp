#include "app/client/arguments.hpp"

#include "app/client/command_line.hpp"
#include "app/client/terminal_text.hpp"
#include "app/spelling/spelling.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cstdlib>

namespace workspace_supervisor {

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string default_socket() {
  auto folder = environment("CONFIGS_DIR");
  return (folder.empty() ? "/configs" : folder) + "/.supervisor/control.sock";
}

/// The command that was given, the inner one of "token set"; the program, where none was.
const CLI::App& chosen_command(const CLI::App& program) {
  const auto chosen = program.get_subcommands();
  return chosen.empty() ? program : chosen_command(*chosen.front());
}

/// "token set"
std::string full_name(const CLI::App& command) {
  const auto* above = command.get_parent();
  return (above && above->get_parent() ? full_name(*above) + ' ' : "") + command.get_name();
}

std::string quoted(const std::string& word) {
  return '"' + word + '"';
}

std::string suggestion(const std::string& written, const std::vector<std::string>& words) {
  const auto nearest = nearest_word(written, words);
  return nearest ? "; did you mean " + *nearest + '?' : "";
}

std::vector<std::string> subcommand_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const auto* below : command.get_subcommands({}))
    names.push_back(below->get_name());
  return names;
}

std::string about_option(const CLI::App& program, const CLI::App& chosen, const std::string& word) {
  const auto name = word.substr(0, word.find('='));
  std::vector<std::string> known;
  const auto add = [&known](const CLI::App& command) {
    for (const auto* option : command.get_options())
      if (option->nonpositional())
        known.push_back(option->get_name());
  };
  add(program);
  add(chosen);
  for (const auto* command : program.get_subcommands({})) {
    if (!command->get_option_no_throw(name))
      continue;
    if (command == &chosen)
      return name + " stands after " + quoted(command->get_name());
    return name + " is no option of " + quoted(full_name(chosen)) + ", but of " + quoted(command->get_name());
  }
  const auto meant = suggestion(name, known);
  const auto operands =
      chosen.get_options([](const CLI::Option* option) { return option->get_positional(); });
  return "there is no option " + name + meant +
         (meant.empty() && !operands.empty() ? "; a text that looks like one goes after --" : "");
}

/// The word of which something was left over: of "-hello", taken for -h and more, "-ello".
std::string whole_word(const std::string& left, const std::vector<std::string>& words) {
  if (left.size() < 2 || left.front() != '-' || std::find(words.begin(), words.end(), left) != words.end())
    return left;
  const auto whole = std::find_if(words.begin(), words.end(), [&left](const std::string& word) {
    return word.starts_with('-') && word.ends_with(left.substr(1));
  });
  return whole == words.end() ? left : *whole;
}

/// Of a word that found no place.
std::string about_word(const CLI::App& program, const std::string& word) {
  const auto& chosen = chosen_command(program);
  // What stands here may be a token: it is not repeated.
  if (full_name(chosen).starts_with("token") && !word.starts_with("--"))
    return R"("token" knows "set" alone, and reads the token from standard input)";
  if (word.size() > 1 && word.front() == '-')
    return about_option(program, chosen, word);
  if (const auto names = subcommand_names(chosen); !names.empty())
    return "there is no command " + quoted(word) + suggestion(word, names);
  return quoted(word) + " is too much here; a text of several words stands in quotes";
}

std::string about_missing(const CLI::App& program) {
  const auto& chosen = chosen_command(program);
  for (const auto* option : chosen.get_options())
    if (option->get_required() && option->count() == 0)
      return quoted(full_name(chosen)) + " needs " + option->get_name() + ": " + option->get_description();
  std::string names;
  for (const auto& name : subcommand_names(chosen))
    names += (names.empty() ? "" : ", ") + name;
  if (&chosen == &program)
    return "which command? There are " + names;
  return quoted(full_name(chosen)) + " needs a word more: " + names;
}

std::string about_exclusion(std::string text) {
  const std::string between = " excludes ";
  if (const auto place = text.find(between); place != std::string::npos)
    text.replace(place, between.size(), " or ");
  return "either " + text + ", not both";
}

std::string trouble_of(const CLI::App& program, const CLI::ParseError& error,
                       const std::vector<std::string>& words) {
  const bool asked = dynamic_cast<const CLI::Success*>(&error) != nullptr;
  for (const auto& left : program.remaining(true)) {
    const auto word = written_word(left);
    // Help is given for whatever stands beside it, but not for "-hello".
    if (word != "--" && (!asked || (word.size() > 1 && word.front() == '-')))
      return about_word(program, whole_word(word, words));
  }
  if (asked)
    return {};
  if (dynamic_cast<const CLI::RequiredError*>(&error))
    return about_missing(program);
  if (dynamic_cast<const CLI::ExcludesError*>(&error))
    return about_exclusion(error.what());
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error))
    return words.back() + " needs a value"; // the line ended
  return error.what();
}

} // namespace

client_arguments read_client_arguments(const std::vector<std::string>& words) {
  client_arguments result;
  result.environment_workspace = environment("WORKSPACE_ID");
  const auto program = client_command_line(result);
  try {
    read_command_line(*program, words);
    result.command = program->get_subcommands().front()->get_name();
  } catch (const CLI::ParseError& error) {
    result.trouble = safe_text(trouble_of(*program, error, words));
    if (result.trouble.empty())
      result.answer = dynamic_cast<const CLI::CallForVersion*>(&error) ? error.what() + std::string{'\n'}
                                                                       : program->help();
  }
  if (result.socket.empty())
    result.socket = default_socket();
  return result;
}

} // namespace workspace_supervisor
