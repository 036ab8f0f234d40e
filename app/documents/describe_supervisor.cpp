#include "app/configuration/configuration_keys.hpp"
#include "app/configuration/exit_code.hpp"
#include "app/documents/documented_program.hpp"

namespace workspace_supervisor {

namespace {

value_source source_of(const configuration_key& key) {
  switch (key.type) {
  case configuration_type::boolean:
  case configuration_type::choice:
    return value_source::words;
  case configuration_type::path:
  case configuration_type::optional_path:
    return value_source::file;
  default:
    return value_source::nothing_known;
  }
}

std::vector<std::string> words_of(const configuration_key& key) {
  if (key.type == configuration_type::boolean)
    return {"true", "false"};
  std::vector<std::string> words;
  if (key.type == configuration_type::choice)
    for (const auto choice : configuration_choices(key))
      words.emplace_back(choice);
  return words;
}

documented_section environment() {
  documented_section section{"ENVIRONMENT", {{"", "An empty variable counts as not set."}}};
  for (const auto& key : configuration_keys())
    if (!key.environment.empty())
      section.items.push_back(
          {std::string{key.environment}, std::string{key.name} + ": " + std::string{key.meaning}});
  section.items.push_back(
      {"NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID",
       "Where a service manager hears that the first beat was tried, what the workspaces are, that "
       "the root of the actors answers, and that the process stops; see sd_notify(3)."});
  return section;
}

} // namespace

documented_program describe_supervisor() {
  documented_program program;
  program.name = "workspace-supervisor";
  program.synopsis = "[OPTION]... [--KEY=VALUE]... [-- AGENT [ARGUMENT]...]";
  program.summary = "keeps agents' workspaces alive";
  program.description =
      "Tells the platform that each workspace lives, fetches the results of the tasks that its agent "
      "delegated, wakes "
      "the agent with them and tells the user, from outside the agent's process. It launches the agent, if a "
      "command "
      "follows --, or the agent attaches to it; an agent that is dead or stuck is told as such.";
  for (const auto& option : configuration_options())
    program.options.push_back({std::string{option.name},
                               "",
                               std::string{option.value},
                               false,
                               std::string{option.meaning},
                               option.value == "PATH" ? value_source::file : value_source::nothing_known,
                               {}});
  for (const auto& key : configuration_keys())
    if (key.name.find("ID") == std::string_view::npos && key.name.find('*') == std::string_view::npos)
      program.options.push_back({"--" + std::string{key.name}, "", "VALUE", false, std::string{key.meaning},
                                 source_of(key), words_of(key)});
  program.sections.push_back(environment());
  program.sections.push_back(
      {"SIGNALS",
       {{"SIGTERM, SIGINT",
         "Stops in order: an agent that is launched is asked to end first, and killed after "
         "agent.stop-timeout; then writes in progress end, within 5 s."},
        {"SIGHUP", "Reads the configuration again; with an agent that is launched, is passed on to it."},
        {"SIGUSR1, SIGUSR2, SIGWINCH", "With an agent that is launched, are passed on to it."}}});
  program.sections.push_back(
      {"EXIT STATUS",
       {{std::to_string(exit_stopped),
         "It was stopped, or its agent has ended with status 0 and is not restarted."},
        {std::to_string(exit_gave_up), "Supervision gave up, or it cannot start."},
        {std::to_string(exit_locked), "Another supervisor holds the state directory."},
        {std::to_string(exit_configuration), "The configuration is wrong."},
        {"1 to 255",
         "The agent that is launched has ended for good: its own status, or 128 and its signal."}}});
  program.sections.push_back({"FILES",
                              {{"caf-application.conf", "The configuration, in the working directory."},
                               {"CONFIGS_DIR/.auth_token", "The workspace's token."},
                               {"CONFIGS_DIR/.supervisor/",
                                "The durable state and the control socket, if not configured otherwise."}}});
  program.see_also = {"workspacectl(1)", "caf-application.conf(5)"};
  return program;
}

} // namespace workspace_supervisor
