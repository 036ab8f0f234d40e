#include "app/configuration/configuration_keys.hpp"
#include "app/documents/documented_program.hpp"

#include <algorithm>
#include <cctype>

namespace workspace_supervisor {

namespace {

/// A text of any characters, for roff.
std::string plain(std::string_view text) {
  std::string result;
  bool line_begins = true;
  for (const char character : text) {
    // At a line's beginning these would be commands.
    if (line_begins && (character == '.' || character == '\''))
      result += "\\&";
    line_begins = character == '\n';
    if (character == '\\')
      result += "\\e";
    else if (character == '-')
      result += "\\-";
    else
      result += character;
  }
  return result;
}

std::string bold(std::string_view text) {
  return "\\fB" + plain(text) + "\\fR";
}

std::string slanted(std::string_view text) {
  return "\\fI" + plain(text) + "\\fR";
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char character) { return std::toupper(character); });
  return text;
}

std::string head(const std::string& name, const std::string& section, const std::string& summary) {
  return ".TH " + plain(upper(name)) + ' ' + section + " \"\" \"workspace\\-supervisor " +
         plain(WORKSPACE_SUPERVISOR_VERSION) + "\"\n.SH NAME\n" + plain(name) + " \\- " + plain(summary) +
         '\n';
}

std::string item(const std::string& term, const std::string& text) {
  return ".TP\n" + term + '\n' + plain(text) + '\n';
}

std::string section(const documented_section& described) {
  auto text = ".SH " + plain(described.title) + '\n';
  for (const auto& [term, meaning] : described.items)
    text += term.empty() ? ".PP\n" + plain(meaning) + '\n' : item(bold(term), meaning);
  return text;
}

std::string see_also(const std::vector<std::string>& pages) {
  std::string text = ".SH SEE ALSO\n";
  for (const auto& page : pages) {
    const auto bracket = page.find('(');
    text += ".BR " + plain(page.substr(0, bracket)) + ' ' + page.substr(bracket) +
            (&page == &pages.back() ? "\n" : " ,\n");
  }
  return text;
}

std::string option_term(const documented_option& option) {
  auto term = option.letter.empty() ? "" : bold(option.letter) + ", ";
  term += bold(option.name);
  if (option.value_optional)
    term += "[=" + slanted(option.value) + ']';
  else if (!option.value.empty())
    term += '=' + slanted(option.value);
  return term;
}

/// "task [TEXT] [--active=N]".
std::string command_term(const documented_command& command) {
  auto term = bold(command.name);
  for (const auto& operand : command.operands)
    term += operand.required ? ' ' + slanted(operand.name) : " [" + slanted(operand.name) + ']';
  return term;
}

std::string commands(const documented_program& program) {
  std::string text = ".SH COMMANDS\n";
  for (const auto& command : program.commands) {
    text += item(command_term(command), command.meaning);
    if (command.operands.empty() && command.options.empty())
      continue;
    text += ".RS\n";
    for (const auto& operand : command.operands)
      if (!operand.meaning.empty())
        text += item(slanted(operand.name), operand.meaning);
    for (const auto& option : command.options)
      text += item(option_term(option), option.meaning);
    text += ".RE\n";
  }
  return text;
}

std::string facts(const configuration_key& key) {
  auto text = "Value: " + configuration_expectation(key) + '.';
  if (!key.default_value.empty())
    text += " Default: " + std::string{key.default_value} + '.';
  else if (!key.default_note.empty())
    text += (key.default_note.starts_with("required") ? " Is " : " Default: ") +
            std::string{key.default_note} + '.';
  if (!key.environment.empty())
    text += " Environment: " + std::string{key.environment} + '.';
  return text;
}

} // namespace

std::string program_manual(const documented_program& program) {
  auto text = head(program.name, "1", program.summary) + ".SH SYNOPSIS\n" + bold(program.name) + ' ' +
              plain(program.synopsis) + "\n.SH DESCRIPTION\n" + plain(program.description) + '\n';
  if (!program.commands.empty())
    text += commands(program);
  text += ".SH OPTIONS\n";
  for (const auto& option : program.options)
    if (option.value != "VALUE")
      text += item(option_term(option), option.meaning);
  if (std::any_of(program.options.begin(), program.options.end(),
                  [](const auto& option) { return option.value == "VALUE"; }))
    text += item(bold("--") + slanted("KEY") + '=' + slanted("VALUE"),
                 "Any key of caf-application.conf(5); goes before the environment, that before the file.");
  for (const auto& described : program.sections)
    text += section(described);
  return text + see_also(program.see_also);
}

std::string configuration_manual() {
  auto text = head("caf-application.conf", "5", "configuration of the workspace supervisor");
  text += section(
      {"DESCRIPTION",
       {{"", "workspace-supervisor(1) reads caf-application.conf in its working directory, or the file that "
             "--config-file names. It is in the syntax of the C++ Actor Framework: groups of keys in "
             "braces, or keys with dots; # begins a comment."},
        {"", "For each key the first of these that has a value holds: the command line (--KEY=VALUE), the "
             "environment variable of the key, this file, the default. workspace-supervisor "
             "--check-config prints what holds and where it came from, or all that is wrong, each with "
             "its place."}}});
  text += ".SH KEYS\n";
  for (const auto& key : configuration_keys())
    text += item(bold(key.name), std::string{key.meaning}) + ".br\n" + plain(facts(key)) + '\n';
  text += ".SH EXAMPLE\n.nf\n" +
          plain("workspace {\n"
                "  id = \"ws-a\"\n"
                "  platform-url = \"https://platform.example.com\"\n"
                "}\n"
                "heartbeat.interval = 30s\n") +
          ".fi\n";
  return text + see_also({"workspace-supervisor(1)", "workspacectl(1)"});
}

} // namespace workspace_supervisor
