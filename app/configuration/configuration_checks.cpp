#include "actors/workspace/platform_url.hpp"
#include "app/configuration/configuration_builder.hpp"
#include "app/configuration/paths.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

// What takes more than one value, or a look at the system, to tell.

namespace workspace_supervisor {

namespace {

/// Takes the place for `key`. @returns the key that has it already, or "".
std::string take(same_places& places, const std::string& path, const std::string& key) {
  const auto place = place_of_path(path);
  const auto other = places.owner(place);
  places.add(place, key);
  return other;
}

} // namespace

void configuration_builder::check_agent_command() {
  const auto& command = result_.values.agent.command;
  if (command.empty())
    return;
  const auto origin = origin_of("agent.command");
  if (result_.dev)
    error(origin, "agent.command", "expected no command with --dev, whose workspace has no agent to launch");
  if (command.front().empty())
    error(origin, "agent.command", "expected a program as the first string, found the empty string");
  if (!result_.dev && !unreadable_ && result_.values.workspaces.size() > 1)
    error(origin, "agent.command",
          "expected exactly one workspace with a command, found " +
              std::to_string(result_.values.workspaces.size()));
  const auto& user = result_.values.agent.user;
  if (user.given && ::geteuid() != 0 && (user.user != ::geteuid() || user.group != ::getegid()))
    error(origin_of("agent.user"), "agent.user",
          "expected our own user, or to be started by root: only root can run the command as " +
              quote_for_message(user.name));
}

void configuration_builder::check_required_of_workspace() {
  const auto require = [this](const std::string& key, const configuration_origin& origin,
                              const std::string& how) {
    if (!entry(key) && !is_faulty(key))
      error(origin, key, "required, but not set: expected " + how);
  };
  const auto& id_key = configuration_key_named("workspace.id");
  const auto& url_key = configuration_key_named("workspace.platform-url");
  const auto set_by = [](const configuration_key& key) {
    return configuration_expectation(key) + ", in the file, in " + std::string(key.environment) +
           " or as --" + std::string(key.name) + "=…";
  };
  const bool may_be_empty = result_.values.supervisor.may_be_empty;
  if (workspace_ids_.empty() && !may_be_empty)
    require("workspace.id", {}, set_by(id_key));
  if ((workspace_ids_.empty() && !may_be_empty) || entry("workspace.id"))
    require("workspace.platform-url", {}, set_by(url_key));
  if (result_.values.workspaces.empty() && may_be_empty && !is_faulty("workspace.id"))
    require(
        "workspace.state-dir", {},
        "a path, since supervisor.may-be-empty is on and there is no workspace whose folder it could lie in");
  if (!entry("workspace.id") && !is_faulty("workspace.id") && (may_be_empty || !workspace_ids_.empty())) {
    for (const auto* key : {"workspace.configs-dir", "workspace.results-file"}) {
      if (is_given(key))
        result_.warnings.push_back(origin_of(key).place() + ": " + key +
                                   " is not used: there is no workspace.id");
    }
  }
  for (const auto& [id, origin] : workspace_ids_) {
    const auto prefix = print_configuration_key({"workspaces", id});
    if (is_faulty(prefix))
      continue;
    require(prefix + ".configs-dir", origin, "a path, the folder that holds the token");
    if (!is_faulty("workspace.platform-url"))
      require(prefix + ".platform-url", origin,
              configuration_expectation(url_key) + ", here or as workspace.platform-url");
  }
}

void configuration_builder::check_workspace_clashes() {
  same_places folders;
  same_places files;
  const auto check = [this](same_places& places, const std::string& key, const char* what) {
    const auto path = text_of(key);
    if (path.empty())
      return true;
    const auto other = take(places, path, key);
    if (other.empty())
      return true;
    error(origin_of(key), key,
          std::string("expected ") + what + " of its own, found " + quote_for_message(path) +
              ", the same as " + other + " (" + (is_given(other) ? origin_of(other).place() : "default") +
              ")");
    return false;
  };
  if (entry("workspace.id")) {
    check(folders, "workspace.configs-dir", "a folder");
    check(files, "workspace.results-file", "a file");
  }
  for (const auto& [id, origin] : workspace_ids_) {
    const auto prefix = print_configuration_key({"workspaces", id});
    if (entry("workspace.id") && text_of("workspace.id") == id)
      error(origin, prefix,
            "expected an id of its own, found workspace.id (" + origin_of("workspace.id").place() + ")");
    const bool own_folder = check(folders, prefix + ".configs-dir", "a folder");
    // Of one folder for two, the results file in it is the consequence.
    if (own_folder || is_given(prefix + ".results-file"))
      check(files, prefix + ".results-file", "a file");
  }
}

void configuration_builder::check_sockets() {
  same_places sockets;
  const auto check = [&](const std::string& key) {
    const auto path = text_of(key);
    if (path.empty())
      return;
    if (auto problem = check_socket_path(path, result_.values.state_dir); !problem.empty())
      error(origin_of(key), key, std::move(problem));
    if (const auto other = take(sockets, path, key); !other.empty())
      error(origin_of(key), key,
            "expected a socket of its own, found " + quote_for_message(path) + ", the same as " + other);
  };
  check("control.socket");
  for (const auto& [id, origin] : workspace_ids_)
    check(print_configuration_key({"workspaces", id, "socket"}));
}

void configuration_builder::check_ca_file() {
  const auto& path = result_.values.ca_file;
  const auto uses_tls = [](const auto& workspace) {
    platform_url url;
    std::string problem;
    return platform_url::parse(workspace.platform_url, url, problem) && url.tls;
  };
  const auto& workspaces = result_.values.workspaces;
  const bool needed = std::any_of(workspaces.begin(), workspaces.end(), uses_tls);
  if (path.empty() || !needed)
    return;
  struct stat status {};
  std::string problem;
  if (::stat(path.c_str(), &status) != 0 || ::access(path.c_str(), R_OK) != 0)
    problem = std::strerror(errno);
  else if (S_ISDIR(status.st_mode))
    problem = "it is a folder";
  if (!problem.empty())
    error(origin_of("platform.ca-file"), "platform.ca-file",
          "expected a file of certificates that can be read, found " + quote_for_message(path) + ": " +
              problem);
}

void configuration_builder::check_relations() {
  const auto& values = result_.values;
  if (values.supervisor.backoff_min > values.supervisor.backoff_max) {
    const std::string key =
        is_given("supervisor.backoff-max") ? "supervisor.backoff-max" : "supervisor.backoff-min";
    const auto shown = [this](const char* name) {
      return print_configuration_value(entry(name)->value);
    };
    error(origin_of(key), key,
          "expected supervisor.backoff-min to be at most supervisor.backoff-max, found " +
              shown("supervisor.backoff-min") + " and " + shown("supervisor.backoff-max"));
  }
  if (values.heartbeat.interval >= values.heartbeat.liveness_ttl)
    result_.warnings.push_back(
        "heartbeat.interval is not shorter than heartbeat.liveness-ttl: the platform would call "
        "the workspace offline between two beats");
}

void configuration_builder::check_dev() {
  for (const auto& [name, parts] : parts_) {
    const auto& group = parts.front();
    if (is_given(name) && (group == "workspace" || group == "workspaces" || name == "control.socket"))
      error(origin_of(name), name, "expected no such key with --dev, which makes its own");
  }
  if (config_file_)
    error({configuration_origin::kind::argument, "--config-file"}, "",
          "expected no file with --dev, which reads none");
}

void configuration_builder::warn_of_proxies() {
  std::string set;
  for (const auto* name :
       {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"}) {
    const auto variable = sources_.environment.find(name);
    if (variable != sources_.environment.end() && !variable->second.empty())
      set += (set.empty() ? "" : ", ") + variable->first;
  }
  // Its value may hold a password and is not told.
  if (!set.empty())
    result_.warnings.push_back("proxies are not used; set in the environment: " + set);
}

} // namespace workspace_supervisor
