#include "app/configuration/configuration_builder.hpp"
#include "app/spelling/spelling.hpp"

#include <algorithm>

// Reading: the command line, the file, the environment.

namespace workspace_supervisor {

namespace {

/// Whether the key's text is taken as it is from the command line, without quotes round it.
bool is_text(const configuration_key& key) {
  switch (key.type) {
  case configuration_type::boolean:
  case configuration_type::integer:
  case configuration_type::timespan:
  case configuration_type::text_list:
  case configuration_type::anything:
    return false;
  default:
    return true;
  }
}

/// Whether some key lies below the group.
bool is_known_group(const std::vector<std::string>& group) {
  if (group.front() == "caf")
    return true;
  for (const auto& key : configuration_keys()) {
    const auto parts = configuration_key_parts(key);
    bool same = parts.size() > group.size();
    for (std::size_t i = 0; same && i < group.size(); ++i)
      same = parts[i] == "ID" || parts[i] == group[i];
    if (same)
      return true;
  }
  return false;
}

} // namespace

void configuration_builder::scan_arguments() {
  const auto& arguments = sources_.arguments;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--") {
      command_.emplace(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1, arguments.end());
      break;
    }
    scan_option(arguments[i]);
  }
  if (result_.dev_duration && !result_.dev)
    error({configuration_origin::kind::argument, "--dev.duration"}, "",
          "expected --dev beside it, found none");
}

void configuration_builder::scan_option(const std::string& argument) {
  const auto equals = argument.find('=');
  const auto name = argument == "-h" ? std::string("--help") : argument.substr(0, equals);
  const configuration_origin origin{configuration_origin::kind::argument, name};
  const auto option = std::find_if(configuration_options().begin(), configuration_options().end(),
                                   [&](const auto& candidate) { return candidate.name == name; });
  if (option == configuration_options().end()) {
    if (name.starts_with("--") && name.size() > 2)
      key_arguments_.push_back(argument);
    else
      error({configuration_origin::kind::argument, argument}, "",
            "expected --KEY=VALUE or an option, see --help");
    return;
  }
  if (!option->value.empty() && (equals == std::string::npos || equals + 1 == argument.size())) {
    error(origin, "", "expected a value: " + name + "=" + std::string(option->value));
    return;
  }
  if (option->value.empty() && equals != std::string::npos) {
    error(origin, "", "expected no value, found " + quote_for_message(argument.substr(equals + 1)));
    return;
  }
  if (name == "--help")
    result_.help = true;
  else if (name == "--version")
    result_.version = true;
  else if (name == "--check-config")
    result_.check_only = true;
  else if (name == "--dev")
    result_.dev = true;
  else if (name == "--config-file")
    config_file_ = argument.substr(equals + 1);
  else if (name == "--dev.duration") {
    constexpr auto longest = std::chrono::hours(24);
    std::string problem;
    const auto value = parse_configuration_value(argument.substr(equals + 1), problem);
    const auto* timespan = value ? std::get_if<configuration_timespan>(&value->data) : nullptr;
    if (timespan && *timespan >= milliseconds(1) && *timespan <= longest)
      result_.dev_duration = std::chrono::duration_cast<milliseconds>(*timespan);
    else
      error(origin, "",
            "expected a timespan from 1ms to 24h such as 20s, found " +
                quote_for_message(argument.substr(equals + 1)));
  }
}

void configuration_builder::read_file() {
  const auto path = config_file_.value_or(sources_.default_file);
  std::string problem;
  bool missing = false;
  const auto bytes = read_configuration_bytes(path, problem, missing);
  if (!bytes) {
    if (missing && !config_file_)
      return;
    const configuration_origin origin{config_file_ ? configuration_origin::kind::argument
                                                   : configuration_origin::kind::file,
                                      config_file_ ? "--config-file" : path};
    error(origin, "",
          "expected a configuration file that can be read, found " + quote_for_message(path) + ": " +
              problem);
    unreadable_ = true;
    return;
  }
  result_.file = path;
  auto document = parse_configuration(*bytes);
  for (auto& trouble : document.errors) {
    error({configuration_origin::kind::file,
           path + ":" + std::to_string(trouble.where.line) + ":" + std::to_string(trouble.where.column)},
          "", std::move(trouble.message));
    unreadable_ = true;
  }
  std::vector<std::string> parts;
  read_group(document.root, parts, path);
}

// Recursion is bounded by the parser's own bound on nested groups.
void configuration_builder::read_group(const configuration_node& group, std::vector<std::string>& path,
                                       const std::string& file) {
  for (const auto& child : group.children) {
    path.push_back(child.name);
    const configuration_origin origin{configuration_origin::kind::file,
                                      file + ":" + std::to_string(child.where.line)};
    if (child.value) {
      assign(path, *child.value, origin);
    } else {
      if (path.size() == 2 && path.front() == "workspaces")
        add_workspace_id(child.name, origin);
      if (child.children.empty() && !is_known_group(path))
        unknown_key(path, origin);
      read_group(child, path, file);
    }
    path.pop_back();
  }
}

void configuration_builder::read_environment() {
  for (const auto& key : configuration_keys()) {
    const auto variable = sources_.environment.find(std::string(key.environment));
    // An empty variable counts as not set.
    if (key.environment.empty() || variable == sources_.environment.end() || variable->second.empty())
      continue;
    assign(configuration_key_parts(key), {variable->second},
           {configuration_origin::kind::environment, variable->first});
  }
}

void configuration_builder::read_arguments() {
  for (const auto& argument : key_arguments_) {
    const auto equals = argument.find('=');
    const auto name = argument.substr(2, equals == std::string::npos ? equals : equals - 2);
    const configuration_origin origin{configuration_origin::kind::argument, argument.substr(0, equals)};
    std::string problem;
    const auto parts = parse_configuration_key(name, problem);
    const auto* key = parts.empty() ? nullptr : find_configuration_key(parts);
    if (parts.empty()) {
      error(origin, "", "expected --KEY=VALUE: " + problem);
      continue;
    }
    if (!key) {
      unknown_key(parts, origin);
      continue;
    }
    const auto printed = print_configuration_key(parts);
    if (equals == std::string::npos) {
      if (key->type == configuration_type::boolean)
        assign(parts, {true}, origin);
      else
        error(origin, printed, "expected " + configuration_expectation(*key) + " behind '=', found nothing");
      continue;
    }
    const auto text = argument.substr(equals + 1);
    if (is_text(*key)) {
      assign(parts, {text}, origin);
      continue;
    }
    auto value = parse_configuration_value(text, problem);
    if (!value && key->type == configuration_type::anything)
      value = configuration_value{text};
    if (value)
      assign(parts, std::move(*value), origin);
    else
      error(origin, printed,
            "expected " + configuration_expectation(*key) + ", found " + quote_for_message(text));
  }
  if (command_) {
    const configuration_origin origin{configuration_origin::kind::argument, "--"};
    configuration_list words;
    for (const auto& word : *command_)
      words.push_back({word});
    if (words.empty())
      error(origin, "agent.command", "expected a command behind '--', found nothing");
    else if (const auto* other = entry("agent.command");
             other && other->origin.from == configuration_origin::kind::argument)
      error(origin, "agent.command", "expected one command, found another as " + other->origin.place());
    else
      assign({"agent", "command"}, {std::move(words)}, origin);
  }
}

void configuration_builder::add_workspace_id(const std::string& id, const configuration_origin& origin) {
  if (!workspace_ids_.try_emplace(id, origin).second)
    return;
  if (const auto problem = check_workspace_id(id); !problem.empty()) {
    const auto& key = configuration_key_named("workspace.id");
    error(origin, print_configuration_key({"workspaces", id}),
          "expected " + configuration_expectation(key) + ", found " + quote_for_message(id) + ": " + problem);
  }
}

void configuration_builder::assign(const std::vector<std::string>& parts, configuration_value value,
                                   configuration_origin origin) {
  const auto* key = find_configuration_key(parts);
  if (!key) {
    unknown_key(parts, origin);
    return;
  }
  if (parts.front() == "workspaces")
    add_workspace_id(parts[1], origin);
  auto printed = print_configuration_key(parts);
  if (key->name == "caf.*" && (parts[1] == "scheduler" || parts[1] == "work-stealing")) {
    error(origin, printed,
          "expected no such key: one loop runs all actors, and of CAF's scheduler only "
          "caf.scheduler.max-throughput means something");
    return;
  }
  if (auto problem = check_configuration_value(*key, value); !problem.empty()) {
    error(origin, printed, std::move(problem));
    return;
  }
  parts_[printed] = parts;
  values_.insert_or_assign(std::move(printed), configuration_entry{std::move(value), std::move(origin)});
}

void configuration_builder::unknown_key(const std::vector<std::string>& parts,
                                        const configuration_origin& origin) {
  const auto printed = print_configuration_key(parts);
  if (is_known_group(parts)) {
    error(origin, printed, "expected a group of keys, " + printed + " { key = value }, found a value");
    return;
  }
  auto nearest = nearest_configuration_key(parts);
  if (origin.from == configuration_origin::kind::argument) {
    const auto written = "--" + printed;
    const auto option = nearest_configuration_option(written);
    if (nearest)
      nearest = "--" + *nearest;
    if (option && (!nearest || edit_distance(written, *option) < edit_distance(written, *nearest)))
      nearest = option;
  }
  error(origin, printed, "expected a known key, found an unknown one", nearest.value_or(""));
}

} // namespace workspace_supervisor
