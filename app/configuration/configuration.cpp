#include "app/configuration/configuration.hpp"

#include "actors/text/utf8.hpp"
#include "app/configuration/configuration_builder.hpp"
#include "app/configuration/exit_code.hpp"
#include "app/configuration/paths.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <ostream>
#include <pwd.h>
#include <unistd.h>
#include <utf8.h>
#include <utility>

namespace workspace_supervisor {

namespace {

configuration_value default_of(const configuration_key& key) {
  std::string error;
  auto value = parse_configuration_value(key.default_value, error);
  return value ? std::move(*value) : configuration_value{};
}

/// Copies a checked value to where the key's target says.
struct store_value {
  const configuration_key& key;
  const configuration_value& value;
  settings& values;

  void operator()(std::monostate) const {}
  void operator()(bool& (*target)(settings&)) const { target(values) = std::get<bool>(value.data); }
  void operator()(int& (*target)(settings&)) const {
    target(values) = static_cast<int>(std::get<std::int64_t>(value.data));
  }
  void operator()(std::size_t& (*target)(settings&)) const {
    target(values) = static_cast<std::size_t>(std::get<std::int64_t>(value.data));
  }
  void operator()(milliseconds& (*target)(settings&)) const {
    target(values) = std::chrono::duration_cast<milliseconds>(std::get<configuration_timespan>(value.data));
  }
  void operator()(std::vector<std::string>& (*target)(settings&)) const {
    target(values).clear();
    for (const auto& item : std::get<configuration_list>(value.data))
      target(values).push_back(std::get<std::string>(item.data));
  }
  template <class Enumeration>
  void operator()(Enumeration& (*target)(settings&)) const {
    const auto choices = configuration_choices(key);
    const auto place = std::find(choices.begin(), choices.end(), std::get<std::string>(value.data));
    target(values) = static_cast<Enumeration>(place - choices.begin());
  }
};

/// A file's name or the like inside a line of ours.
std::string one_line(const std::string& text) {
  const bool plain =
      utf8::is_valid(text.begin(), text.end()) &&
      std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  return plain ? text : quote_for_message(text);
}

} // namespace

std::string configuration_origin::place() const {
  switch (from) {
  case kind::file:
    return one_line(text);
  case kind::environment:
    return "environment variable " + text;
  case kind::argument:
    return "argument " + one_line(text);
  case kind::default_value:
    break;
  }
  return "configuration";
}

std::string configuration_error::text() const {
  std::string result = place;
  if (!key.empty())
    result += ": " + one_line(key);
  result += ": " + message;
  if (!suggestion.empty())
    result += "; did you mean " + one_line(suggestion) + "?";
  // Of a file of any bytes, whatever it is that is named.
  return valid_utf8(std::move(result));
}

bool configuration_result::given(const std::string& key) const {
  return std::any_of(effective.begin(), effective.end(), [&](const effective_value& value) {
    return value.origin.from != configuration_origin::kind::default_value &&
           print_configuration_key(value.key) == key;
  });
}

configuration_sources configuration_sources::of_process(int argument_count, const char* const* arguments) {
  configuration_sources sources;
  if (argument_count > 1)
    sources.arguments.assign(arguments + 1, arguments + argument_count);
  for (char** variable = environ; variable && *variable; ++variable) {
    const std::string text = *variable;
    if (const auto equals = text.find('='); equals != std::string::npos)
      sources.environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return sources;
}

// -- builder
// ---------------------------------------------------------------------------------------------------------

configuration_result configuration_builder::build() {
  scan_arguments();
  if (result_.help || result_.version)
    return std::move(result_);
  if (!result_.dev) {
    read_file();
    read_environment();
  }
  read_arguments();
  apply_table();
  make_workspaces();
  if (result_.dev)
    check_dev();
  else
    make_state_and_socket();
  resolve_agent_user();
  check_agent_command();
  if (!result_.dev && !unreadable_) {
    check_required_of_workspace();
    check_workspace_clashes();
    check_sockets();
    check_ca_file();
  }
  check_relations();
  if (!result_.dev)
    warn_of_proxies();
  list_effective();
  return std::move(result_);
}

void configuration_builder::apply_table() {
  for (const auto& key : configuration_keys()) {
    const std::string name(key.name);
    const auto parts = configuration_key_parts(key);
    if (parts.front() == "workspace" || parts.front() == "workspaces" || parts.front() == "caf")
      continue;
    if (!key.default_value.empty())
      set_default(name, default_of(key));
    if (const auto* found = entry(name))
      std::visit(store_value{key, found->value, result_.values}, key.target);
  }
  result_.values.control.http = text_of("control.http");
  result_.values.ca_file = text_of("platform.ca-file");
  for (const auto& [name, parts] : parts_) {
    if (parts.front() != "caf")
      continue;
    const auto& value = values_.at(name).value;
    const auto* text = std::get_if<std::string>(&value.data);
    result_.values.caf[name.substr(4)] = text ? *text : print_configuration_value(value);
  }
}

void configuration_builder::make_workspaces() {
  if (entry("workspace.id")) {
    set_default("workspace.configs-dir", default_of(configuration_key_named("workspace.configs-dir")));
    set_default("workspace.results-file", default_of(configuration_key_named("workspace.results-file")));
    workspace_settings workspace;
    workspace.id = text_of("workspace.id");
    workspace.platform_url = text_of("workspace.platform-url");
    workspace.configs_dir = text_of("workspace.configs-dir");
    workspace.results_file = text_of("workspace.results-file");
    result_.values.workspaces.push_back(std::move(workspace));
    result_.values.has_main = true;
  }
  result_.values.platform_url = text_of("workspace.platform-url");
  for (const auto& [id, origin] : workspace_ids_) {
    const auto prefix = print_configuration_key({"workspaces", id});
    if (is_faulty(prefix))
      continue;
    const auto configs_dir = text_of(prefix + ".configs-dir");
    if (!configs_dir.empty() && !is_faulty(prefix + ".results-file"))
      set_default(prefix + ".results-file", {join_path(configs_dir, "delegation_results.jsonl")});
    if (entry("workspace.platform-url") && !is_faulty(prefix + ".platform-url"))
      set_default(prefix + ".platform-url", {text_of("workspace.platform-url")});
    set_default(prefix + ".socket", {std::string()});
    workspace_settings workspace;
    workspace.id = id;
    workspace.platform_url = text_of(prefix + ".platform-url");
    workspace.configs_dir = configs_dir;
    workspace.results_file = text_of(prefix + ".results-file");
    workspace.socket = text_of(prefix + ".socket");
    result_.values.workspaces.push_back(std::move(workspace));
  }
}

void configuration_builder::make_state_and_socket() {
  auto& values = result_.values;
  if (!values.workspaces.empty() && !values.workspaces.front().configs_dir.empty())
    set_default("workspace.state-dir", {join_path(values.workspaces.front().configs_dir, ".supervisor")});
  values.state_dir = text_of("workspace.state-dir");
  if (!values.state_dir.empty())
    set_default("control.socket", {join_path(values.state_dir, "control.sock")});
  values.control.socket = text_of("control.socket");
}

void configuration_builder::resolve_agent_user() {
  const auto name = text_of("agent.user");
  if (name.empty())
    return;
  auto& user = result_.values.agent.user;
  if (const auto colon = name.find(':'); colon != std::string::npos) {
    user = {true, static_cast<uid_t>(std::stoul(name.substr(0, colon))),
            static_cast<gid_t>(std::stoul(name.substr(colon + 1))), name};
    return;
  }
  std::vector<char> buffer(1024);
  passwd storage{};
  passwd* found = nullptr;
  int code = 0;
  constexpr std::size_t most = 1 << 20;
  while ((code = getpwnam_r(name.c_str(), &storage, buffer.data(), buffer.size(), &found)) == ERANGE &&
         buffer.size() < most)
    buffer.resize(2 * buffer.size());
  if (found)
    user = {true, found->pw_uid, found->pw_gid, name};
  else
    error(origin_of("agent.user"), "agent.user",
          "expected " + configuration_expectation(configuration_key_named("agent.user")) +
              ", found no user of the name " + quote_for_message(name));
}

void configuration_builder::list_effective() {
  const auto list = [this](const std::string& name) {
    if (const auto* found = entry(name))
      result_.effective.push_back({parts_.at(name), found->value, found->origin});
  };
  bool workspaces_listed = false;
  for (const auto& key : configuration_keys()) {
    const std::string name(key.name);
    if (!name.starts_with("workspaces.")) {
      list(name);
    } else if (!std::exchange(workspaces_listed, true)) {
      for (const auto& [id, origin] : workspace_ids_) {
        for (const auto* last : {"configs-dir", "results-file", "platform-url", "socket"})
          list(print_configuration_key({"workspaces", id, last}));
      }
    }
  }
  for (const auto& [name, parts] : parts_) {
    if (parts.front() == "caf" && find_configuration_key(parts)->name == "caf.*")
      list(name);
  }
}

const configuration_entry* configuration_builder::entry(const std::string& key) const {
  const auto place = values_.find(key);
  return place == values_.end() ? nullptr : &place->second;
}

std::string configuration_builder::text_of(const std::string& key) const {
  const auto* found = entry(key);
  const auto* text = found ? std::get_if<std::string>(&found->value.data) : nullptr;
  return text ? *text : std::string();
}

configuration_origin configuration_builder::origin_of(const std::string& key) const {
  const auto* found = entry(key);
  return found ? found->origin : configuration_origin{};
}

bool configuration_builder::is_given(const std::string& key) const {
  const auto* found = entry(key);
  return found && found->origin.from != configuration_origin::kind::default_value;
}

void configuration_builder::set_default(const std::string& key, configuration_value value) {
  if (!values_.try_emplace(key, configuration_entry{std::move(value), {}}).second)
    return;
  std::string ignored;
  parts_[key] = parse_configuration_key(key, ignored);
}

void configuration_builder::error(const configuration_origin& origin, const std::string& key,
                                  std::string message, std::string suggestion) {
  faulty_.insert(key);
  result_.errors.push_back({origin.place(), key, std::move(message), std::move(suggestion)});
}

// -- results
// ---------------------------------------------------------------------------------------------------------

configuration_result load_configuration(const configuration_sources& sources) {
  return configuration_builder(sources).build();
}

std::string effective_configuration_text(const configuration_result& result) {
  using kind = configuration_origin::kind;
  std::set<std::string> shown;
  std::set<std::string> wrong;
  for (const auto& error : result.errors)
    wrong.insert(error.key);
  std::string text;
  for (const auto& [parts, value, origin] : result.effective) {
    const auto key = print_configuration_key(parts);
    shown.insert(key);
    if (wrong.contains(key)) {
      text += "# " + key + " has an error\n";
      continue;
    }
    text += key + " = " + print_configuration_value(value) + "  # ";
    text += origin.from == kind::default_value ? "default"
            : origin.from == kind::environment ? "from environment " + origin.text
            : origin.from == kind::argument    ? "from argument " + one_line(origin.text)
                                               : "from " + one_line(origin.text);
    text += '\n';
  }
  for (const auto& key : configuration_keys()) {
    const std::string name(key.name);
    if (shown.contains(name) || name.starts_with("workspaces.") || key.type == configuration_type::anything)
      continue;
    text += "# " + name + (wrong.contains(name) ? " has an error\n" : " is not set  # default\n");
  }
  return text;
}

int exit_of_a_wrong_configuration() {
  const int descriptor = ::open("/", O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  if (descriptor >= 0)
    ::close(descriptor);
  const bool none_left = descriptor < 0 && (errno == EMFILE || errno == ENFILE);
  return none_left ? exit_gave_up : exit_configuration;
}

std::optional<int> answer_without_running(const configuration_result& result, std::ostream& output,
                                          std::ostream& errors) {
  if (result.help) {
    output << configuration_help();
    return 0;
  }
  if (result.version) {
    output << "workspace-supervisor " WORKSPACE_SUPERVISOR_VERSION "\n";
    return 0;
  }
  // A process that runs logs its warnings.
  if (result.check_only || !result.errors.empty())
    for (const auto& warning : result.warnings)
      errors << "warning: " << warning << '\n';
  for (const auto& error : result.errors)
    errors << "error: " << error.text() << '\n';
  if (result.check_only)
    output << effective_configuration_text(result);
  if (!result.errors.empty())
    return exit_of_a_wrong_configuration();
  return result.check_only ? std::optional<int>(0) : std::nullopt;
}

} // namespace workspace_supervisor
