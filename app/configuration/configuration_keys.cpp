#include "app/configuration/configuration_keys.hpp"

#include "app/spelling/spelling.hpp"

#include <algorithm>
#include <cassert>
#include <limits>

namespace workspace_supervisor {

namespace {

template <auto Group, auto Member>
auto& field(settings& values) {
  return values.*Group.*Member;
}

template <auto Member>
auto& member(settings& values) {
  return values.*Member;
}

using type = configuration_type;
using heartbeat = heartbeat_settings;
using delegation = delegation_settings;
using notifier = notifier_settings;
using agent = agent_settings;
using supervision = supervision_settings;
using control = control_settings;

constexpr std::int64_t second = 1000;
constexpr std::int64_t minute = 60 * second;
constexpr std::int64_t hour = 60 * minute;
constexpr std::int64_t day = 24 * hour;

configuration_key boolean_key(std::string_view name, std::string_view fallback, std::string_view meaning,
                              configuration_target target) {
  return {name, type::boolean, fallback, "", "", 0, 0, "", meaning, target};
}

configuration_key integer_key(std::string_view name, std::string_view fallback, std::int64_t least,
                              std::int64_t most, std::string_view meaning, configuration_target target) {
  return {name, type::integer, fallback, "", "", least, most, "", meaning, target};
}

configuration_key timespan_key(std::string_view name, std::string_view fallback, std::int64_t least,
                               std::int64_t most, std::string_view meaning, configuration_target target) {
  return {name, type::timespan, fallback, "", "", least, most, "", meaning, target};
}

configuration_key choice_key(std::string_view name, std::string_view fallback, std::string_view choices,
                             std::string_view meaning, configuration_target target) {
  return {name, type::choice, fallback, "", "", 0, 0, choices, meaning, target};
}

configuration_key text_key(std::string_view name, configuration_type kind, std::string_view fallback,
                           std::string_view note, std::string_view environment, std::string_view meaning) {
  return {name, kind, fallback, note, environment, 0, 0, "", meaning, {}};
}

const std::vector<configuration_key>& table() {
  using s = settings;
  static const std::vector<configuration_key> keys{
      text_key("workspace.id", type::id, "", "required unless there are workspaces or there may be none",
               "WORKSPACE_ID", "This workspace's id, as the platform knows it."),
      text_key("workspace.platform-url", type::url, "", "required", "PLATFORM_URL",
               "The platform's http or https base URL; a path prefix is allowed, a trailing '/' is ignored."),
      text_key("workspace.configs-dir", type::path, R"("/configs")", "", "CONFIGS_DIR",
               "The folder that holds the token, .auth_token."),
      text_key("workspace.results-file", type::path, R"("/tmp/delegation_results.jsonl")", "",
               "DELEGATION_RESULTS_FILE", "The file in which results of delegations are left for the agent."),
      text_key("workspace.state-dir", type::path, "", "CONFIGS_DIR/.supervisor", "WORKSPACE_STATE_DIR",
               "The folder of the process's durable state, for all its workspaces; created with mode 0700 "
               "and locked."),
      text_key("workspaces.ID.configs-dir", type::path, "", "required", "",
               "A further workspace: the folder that holds its token, .auth_token."),
      text_key("workspaces.ID.results-file", type::path, "", "delegation_results.jsonl in its configs-dir",
               "", "The file in which its results are left for its agent."),
      text_key("workspaces.ID.platform-url", type::url, "", "workspace.platform-url", "",
               "The base URL of its platform."),
      text_key("workspaces.ID.socket", type::optional_path, "\"\"", "", "",
               "A control socket that serves this workspace alone; \"\" for none."),
      timespan_key("heartbeat.interval", "30s", 1, day, "Time from one beat to the next.",
                   &field<&s::heartbeat, &heartbeat::interval>),
      timespan_key("heartbeat.timeout", "10s", 1, hour, "How long a beat's request may take.",
                   &field<&s::heartbeat, &heartbeat::timeout>),
      timespan_key("heartbeat.retry-min", "1s", 1, hour,
                   "First delay after a failed beat; it doubles up to the interval.",
                   &field<&s::heartbeat, &heartbeat::retry_min>),
      integer_key("heartbeat.reconnect-after", "10", 1, 1000000,
                  "Failures in a row after which connections are dropped and the host is resolved anew.",
                  &field<&s::heartbeat, &heartbeat::reconnect_after>),
      timespan_key("heartbeat.liveness-ttl", "180s", 1, 7 * day,
                   "How long the platform waits before it calls a silent workspace offline.",
                   &field<&s::heartbeat, &heartbeat::liveness_ttl>),
      timespan_key("delegation.interval", "30s", 1, day,
                   "Time from one poll for results of delegations to the next.",
                   &field<&s::delegation, &delegation::interval>),
      timespan_key("delegation.timeout", "10s", 1, hour, "How long a poll's request may take.",
                   &field<&s::delegation, &delegation::timeout>),
      integer_key("delegation.max-response", "16777216", 2, 1073741824,
                  "Bytes of a poll's answer; a longer one is refused unread.",
                  &field<&s::delegation, &delegation::max_response>),
      timespan_key("delegation.backlog", "1h", 0, 3650 * day,
                   "On a start without durable state, results older than this are history, not news.",
                   &field<&s::delegation, &delegation::backlog>),
      timespan_key("parent.timeout", "10s", 1, hour, "How long a look-up of the parent's name may take.",
                   &field<&s::parent, &parent_settings::timeout>),
      timespan_key("parent.ttl", "10min", 0, 365 * day, "How long the parent's name is remembered.",
                   &field<&s::parent, &parent_settings::ttl>),
      timespan_key("notifier.cooldown", "60s", 0, day, "Least time between two self-messages.",
                   &field<&s::notifier, &notifier::cooldown>),
      timespan_key("notifier.timeout", "120s", 1, day,
                   "How long a self-message may take; the agent's whole turn may run inside it.",
                   &field<&s::notifier, &notifier::timeout>),
      choice_key("notifier.notify-user", R"("all")", "all failures none",
                 "Of which results the user is told.", &field<&s::notifier, &notifier::notify>),
      integer_key("notifier.max-per-hour", "30", 1, 1000000,
                  "Self-messages in an hour; results beyond that wait and go together.",
                  &field<&s::notifier, &notifier::max_per_hour>),
      timespan_key("notifier.max-age", "24h", 1, 365 * day,
                   "After this long a message that cannot be delivered is dropped, logged and counted.",
                   &field<&s::notifier, &notifier::max_age>),
      {"agent.command", type::text_list, "[]", "", "", 0, 0, "",
       "The agent's command line, the same as all after '--' on ours: the supervisor launches it.",
       &field<&s::agent, &agent::command>},
      text_key("agent.user", type::user, "\"\"", "", "",
               "Who the agent runs as, by name or uid:gid, and who owns the files left for it; \"\" for our "
               "own user."),
      boolean_key("agent.expected", "false",
                  "Whether an agent will attach, so that its absence from the start means something.",
                  &field<&s::agent, &agent::expected>),
      timespan_key("agent.start-timeout", "60s", 0, day, "How long an expected agent may take to attach.",
                   &field<&s::agent, &agent::start_timeout>),
      choice_key("agent.restart", R"("on-failure")", "always on-failure never",
                 "When the agent's command is started again after it has ended.",
                 &field<&s::agent, &agent::restart>),
      timespan_key("agent.stop-timeout", "10s", 0, hour,
                   "Time from SIGTERM to SIGKILL when the agent is stopped.",
                   &field<&s::agent, &agent::stop_timeout>),
      timespan_key("agent.grace", "10s", 0, day,
                   "How long the agent may be gone before the platform is told.",
                   &field<&s::agent, &agent::grace>),
      timespan_key("agent.task-stale-after", "0s", 0, 365 * day,
                   "A task without progress for this long is reported as stuck; 0s turns it off.",
                   &field<&s::agent, &agent::task_stale_after>),
      integer_key("supervisor.max-restarts", "10", 0, 1000000,
                  "Restarts in a row, of an actor and of the agent, before its supervisor gives up.",
                  &field<&s::supervisor, &supervision::max_restarts>),
      timespan_key("supervisor.within", "60s", 1, 365 * day,
                   "How long a restarted actor must run for the count to start again.",
                   &field<&s::supervisor, &supervision::within>),
      timespan_key("supervisor.backoff-min", "100ms", 1, hour,
                   "Delay before the second restart in a row; it doubles.",
                   &field<&s::supervisor, &supervision::backoff_min>),
      timespan_key("supervisor.backoff-max", "30s", 1, day, "Longest delay before a restart.",
                   &field<&s::supervisor, &supervision::backoff_max>),
      boolean_key("supervisor.may-be-empty", "false",
                  "Runs without a configured workspace too, for those that are added over the control API.",
                  &field<&s::supervisor, &supervision::may_be_empty>),
      boolean_key("supervisor.fault-injection", "false", "Allows POST /v1/debug/crash, for tests.",
                  &field<&s::supervisor, &supervision::fault_injection>),
      text_key("control.socket", type::path, "", "STATE_DIR/control.sock", "WORKSPACE_SUPERVISOR_SOCKET",
               "The Unix socket of the control API, mode 0600."),
      text_key("control.http", type::address, R"("127.0.0.1:9640")", "", "",
               "Address of the read-only HTTP server; \"\" turns it off, port 0 takes a free one."),
      {"control.http-hosts", type::text_list, "[]", "", "", 0, 0, "",
       "Further host names under which the HTTP server may be asked.",
       &field<&s::control, &control::http_hosts>},
      text_key("platform.ca-file", type::optional_path, "\"\"", "", "SSL_CERT_FILE",
               "File of the certificates that https platforms are verified by; \"\" for the system's store."),
      timespan_key("platform.connect-timeout", "5s", 1, hour,
                   "How long resolving, connecting and the TLS handshake may take.",
                   &member<&s::connect_timeout>),
      choice_key("log.level", R"("info")", "error warning info debug",
                 "The least grave events that are logged.", &member<&s::level>),
      choice_key("log.format", R"("text")", "text json", "How an event is written, one line each.",
                 &member<&s::format>),
      integer_key("caf.scheduler.max-throughput", "25", 1, 1000000,
                  "Messages that an actor handles before it makes way for another.", {}),
      text_key("caf.*", type::anything, "", "CAF's own", "",
               "Further settings of CAF, handed over as they are."),
  };
  return keys;
}

constexpr configuration_option options[] = {
    {"--config-file", "PATH", "Reads this configuration file instead of ./caf-application.conf."},
    {"--check-config", "", "Prints the effective configuration and where each value came from, and ends."},
    {"--help", "", "Prints this text."},
    {"--version", "", "Prints the version."},
    {"--dev", "",
     "Runs against a small platform of its own, for a look around; reads no file and no environment."},
    {"--dev.duration", "TIMESPAN", "With --dev: ends by itself after this long, with a summary."},
};

bool matches(const std::vector<std::string>& pattern, const std::vector<std::string>& parts) {
  if (pattern.back() == "*")
    return parts.size() >= pattern.size() && parts.front() == pattern.front();
  if (pattern.size() != parts.size())
    return false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != "ID" && pattern[i] != parts[i])
      return false;
  }
  return true;
}

std::string wrapped(std::string_view text, std::size_t indent, std::size_t width) {
  std::string result;
  std::size_t column = 0;
  while (!text.empty()) {
    const auto space = text.find(' ');
    const auto word = text.substr(0, space);
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
    if (column > 0 && column + 1 + word.size() > width - indent) {
      result += '\n';
      column = 0;
    }
    result += column == 0 ? std::string(indent, ' ') : " ";
    column += word.size() + (column == 0 ? 0 : 1);
    result += word;
  }
  return result + '\n';
}

} // namespace

std::span<const configuration_key> configuration_keys() {
  return table();
}

std::span<const configuration_option> configuration_options() {
  return options;
}

std::vector<std::string> configuration_key_parts(const configuration_key& key) {
  std::vector<std::string> parts;
  auto rest = key.name;
  while (true) {
    const auto dot = rest.find('.');
    parts.emplace_back(rest.substr(0, dot));
    if (dot == std::string_view::npos)
      return parts;
    rest.remove_prefix(dot + 1);
  }
}

std::vector<std::string_view> configuration_choices(const configuration_key& key) {
  std::vector<std::string_view> choices;
  for (auto rest = key.choices; !rest.empty();) {
    const auto space = std::min(rest.find(' '), rest.size());
    choices.push_back(rest.substr(0, space));
    rest.remove_prefix(std::min(space + 1, rest.size()));
  }
  return choices;
}

const configuration_key* find_configuration_key(const std::vector<std::string>& parts) {
  static const auto patterns = [] {
    std::vector<std::vector<std::string>> result;
    for (const auto& key : table())
      result.push_back(configuration_key_parts(key));
    return result;
  }();
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    if (matches(patterns[i], parts))
      return &table()[i];
  }
  return nullptr;
}

const configuration_key& configuration_key_named(std::string_view name) {
  const auto place =
      std::find_if(table().begin(), table().end(), [&](const auto& key) { return key.name == name; });
  assert(place != table().end());
  return *place;
}

std::optional<std::string> nearest_configuration_key(const std::vector<std::string>& parts) {
  const auto written = print_configuration_key(parts);
  constexpr std::size_t longest_compared = 300;
  if (parts.empty() || written.size() > longest_compared)
    return std::nullopt;
  std::optional<std::string> nearest;
  std::size_t distance = spelling_tolerance(written) + 1;
  const auto consider = [&](const std::string& candidate, std::size_t candidate_distance) {
    if (candidate_distance < distance) {
      distance = candidate_distance;
      nearest = candidate;
    }
  };
  for (const auto& key : table()) {
    auto names = configuration_key_parts(key);
    if (names.back() == "*")
      continue;
    if (names.front() == "workspaces" && parts.size() >= 2)
      names[1] = parts[1];
    const auto candidate = print_configuration_key(names);
    consider(candidate, edit_distance(written, candidate));
    // A key that was put into no group, or into a wrong one.
    if (parts.size() <= 2 && names.back() == parts.back())
      consider(candidate, 2);
  }
  return nearest;
}

std::optional<std::string> nearest_configuration_option(std::string_view argument) {
  std::vector<std::string> names;
  for (const auto& option : options)
    names.emplace_back(option.name);
  return nearest_word(argument, names);
}

std::string configuration_help() {
  constexpr std::size_t indent = 6;
  constexpr std::size_t width = 100;
  std::string result =
      "Usage: workspace-supervisor [OPTION]... [--KEY=VALUE]...\n\n"
      "Keeps workspaces alive on their platform: heartbeats, results of delegations, the agent's wake-up.\n"
      "Values come from the command line, else from the environment, else from the file, else from the\n"
      "default.\n\nOptions:\n";
  for (const auto& option : options) {
    result.append("  ").append(option.name).append(option.value.empty() ? "" : "=").append(option.value);
    result += '\n';
    result += wrapped(option.meaning, indent, width);
  }
  result += "\nKeys:\n";
  for (const auto& key : table()) {
    result += "  " + std::string(key.name) + '\n';
    result += wrapped(key.meaning, indent, width);
    std::string facts = "Value: " + configuration_expectation(key) + ".";
    if (!key.default_value.empty())
      facts += " Default: " + std::string(key.default_value) + ".";
    else if (key.default_note.starts_with("required"))
      facts += " Is " + std::string(key.default_note) + ".";
    else
      facts += " Default: " + std::string(key.default_note.empty() ? "CAF's own" : key.default_note) + ".";
    if (!key.environment.empty())
      facts += " Environment: " + std::string(key.environment) + ".";
    result += wrapped(facts, indent, width);
  }
  return result +
         "\nThe file is in the syntax of CAF 1.x: group { key = value }, see docs/configuration.md.\n";
}

} // namespace workspace_supervisor
