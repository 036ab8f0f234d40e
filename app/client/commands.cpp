#include "app/client/commands.hpp"

#include "app/client/answer_text.hpp"
#include "app/client/dialogue.hpp"
#include "app/client/json_look.hpp"
#include "app/client/status_text.hpp"
#include "app/client/terminal_text.hpp"
#include "app/client/token_input.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <thread>
#include <unistd.h>

namespace workspace_supervisor {

namespace json = boost::json;

namespace {

/// The supervisor waits for the platform, twice should the token be refused.
constexpr std::chrono::seconds beat_patience{90};

/// A call whose answer is that it was done.
int change(dialogue& supervisor, const client_arguments& arguments, const char* method, const char* what,
           const json::object& body, const std::string& said) {
  const auto reply = supervisor.call_workspace(method, what, json::serialize(body));
  if (!reply)
    return supervisor.exit_code();
  if (arguments.json)
    print_raw(reply->body);
  else
    print(said + '\n');
  return client_done;
}

int workspace_status_as_json(dialogue& supervisor, const client_arguments& arguments) {
  const auto reply = supervisor.call("GET", "/v1/workspaces/" + percent_encoded(arguments.workspace));
  if (!reply)
    return supervisor.exit_code();
  print_raw(reply->body);
  return text_in(parsed(reply->body), "status") == "online" ? client_done : client_not_well;
}

int watch_status(dialogue& supervisor, const client_arguments& arguments) {
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  for (;;) {
    const auto result = supervisor.try_call("GET", "/v1/stats");
    std::string text;
    if (result.trouble != control_trouble::none) {
      text = "No answer from the supervisor at " + safe_text(supervisor.socket()) + ": " + result.error +
             "\nStill trying.\n";
    } else if (result.reply.status != 200) {
      supervisor.refused(result.reply);
      return supervisor.exit_code();
    } else {
      text = arguments.json ? result.reply.body + '\n'
                            : status_text(parsed(result.reply.body), arguments.workspace);
    }
    // Home, text, and what is left of the last one erased: no flicker.
    if (terminal && !arguments.json)
      text = "\x1b[H\x1b[2J" + text;
    else if (!arguments.json)
      text += '\n';
    print(text);
    if (std::ferror(stdout))
      return client_not_well;
    std::this_thread::sleep_for(arguments.watch_interval);
  }
}

int status(dialogue& supervisor, const client_arguments& arguments) {
  if (arguments.watch)
    return watch_status(supervisor, arguments);
  const auto& only = arguments.workspace;
  if (arguments.json && !only.empty())
    return workspace_status_as_json(supervisor, arguments);
  const auto reply = supervisor.call("GET", "/v1/stats");
  if (!reply)
    return supervisor.exit_code();
  const auto stats = parsed(reply->body);
  if (!only.empty() && !object_in(stats, "workspaces").contains(only)) {
    complain("there is no workspace " + safe_text(only));
    return client_refused;
  }
  if (arguments.json)
    print_raw(reply->body);
  else
    print(status_text(stats, only));
  return all_online(stats, only) ? client_done : client_not_well;
}

/// Within the patience of whoever restarts a container.
constexpr std::chrono::seconds health_patience{5};

int health(dialogue& supervisor, const client_arguments& arguments) {
  const auto reply = supervisor.look(arguments.ready ? "/readyz" : "/healthz", health_patience);
  if (!reply)
    return supervisor.exit_code();
  if (arguments.json)
    print_raw(reply->body);
  else
    print(arguments.ready ? readiness_text(parsed(reply->body)) : health_text(parsed(reply->body)));
  constexpr int well = 200;
  return reply->status == well ? client_done : client_not_well;
}

int task(dialogue& supervisor, const client_arguments& arguments) {
  const auto text = arguments.done ? std::string{} : arguments.operands.front();
  const auto tasks = arguments.done ? 0 : arguments.tasks.value_or(1);
  return change(supervisor, arguments, "PUT", "/activity", {{"active_tasks", tasks}, {"current_task", text}},
                arguments.done ? "The agent is idle."
                               : plural(tasks, "active task", "active tasks") + ": " + safe_text(text));
}

int outcome(dialogue& supervisor, const client_arguments& arguments) {
  const auto count = std::to_string(arguments.count);
  if (arguments.success)
    return change(supervisor, arguments, "POST", "/outcomes", {{"successes", arguments.count}},
                  "Recorded: " + count + " without error.");
  return change(supervisor, arguments, "POST", "/outcomes",
                {{"errors", arguments.count}, {"sample_error", *arguments.error}},
                "Recorded: " + count + " with the error " + safe_text(*arguments.error));
}

int wedge(dialogue& supervisor, const client_arguments& arguments) {
  const auto& reason = arguments.operands.front();
  return change(supervisor, arguments, "PUT", "/runtime-state", {{"state", "wedged"}, {"reason", reason}},
                "Reported as wedged until \"workspacectl unwedge\": " + safe_text(reason));
}

int unwedge(dialogue& supervisor, const client_arguments& arguments) {
  return change(supervisor, arguments, "PUT", "/runtime-state", {{"state", ""}, {"reason", ""}},
                "Reported as healthy.");
}

/// How long the supervisor may take beyond its own patience with an agent that does not end.
constexpr std::chrono::seconds agent_patience{90};

int agent(dialogue& supervisor, const client_arguments& arguments) {
  const auto& wish = arguments.operands.front();
  const auto reply = supervisor.call_workspace("POST", "/agent/" + wish, {}, agent_patience);
  if (!reply)
    return supervisor.exit_code();
  const auto answer = parsed(reply->body);
  if (arguments.json)
    print_raw(reply->body);
  else
    print(flag_in(answer, "running") ? "The agent runs as process " + count_in(answer, "pid") + ".\n"
                                     : "The agent is stopped, until \"workspacectl agent start\".\n");
  return client_done;
}

int progress(dialogue& supervisor, const client_arguments& arguments) {
  json::object body;
  if (!arguments.operands.empty())
    body["note"] = arguments.operands.front();
  return change(supervisor, arguments, "POST", "/progress", body, "Noted: the task goes on.");
}

int beat(dialogue& supervisor, const client_arguments& arguments) {
  const auto reply = supervisor.call_workspace("POST", "/beat", {}, beat_patience);
  if (!reply)
    return supervisor.exit_code();
  const auto answer = parsed(reply->body);
  if (arguments.json)
    print_raw(reply->body);
  else
    print(beat_text(answer));
  return flag_in(object_in(answer, "beat"), "delivered") && flag_in(object_in(answer, "poll"), "succeeded")
             ? client_done
             : client_not_well;
}

/// Thousands of workspaces may be looked at, or come and go.
constexpr std::chrono::seconds workspaces_patience{300};

/// A path as the supervisor finds it too, from wherever it was started.
std::string absolute(const std::string& path) {
  std::error_code ignored;
  const auto result = std::filesystem::absolute(path, ignored).lexically_normal().string();
  return result.size() > 1 && result.ends_with('/') ? result.substr(0, result.size() - 1) : result;
}

int add_workspace(dialogue& supervisor, const client_arguments& arguments, const std::string& id) {
  json::object body{{"configs_dir", absolute(arguments.configs_dir)}};
  if (!arguments.results_file.empty())
    body["results_file"] = absolute(arguments.results_file);
  if (!arguments.platform_url.empty())
    body["platform_url"] = arguments.platform_url;
  if (!arguments.own_socket.empty())
    body["socket"] = absolute(arguments.own_socket);
  const auto reply = supervisor.call("PUT", "/v1/workspaces/" + percent_encoded(id), json::serialize(body),
                                     workspaces_patience);
  if (!reply)
    return supervisor.exit_code();
  if (arguments.json)
    print_raw(reply->body);
  else if (constexpr int created = 201; reply->status == created)
    print(safe_text(id) + " is kept alive from now on. Its results go to " +
          text_in(parsed(reply->body), "results_file") + '\n');
  else
    print(safe_text(id) + " is kept alive already, just so.\n");
  return client_done;
}

int workspace(dialogue& supervisor, const client_arguments& arguments) {
  const auto& id = arguments.operands.at(1);
  if (arguments.operands.front() == "add")
    return add_workspace(supervisor, arguments, id);
  if (!supervisor.call("DELETE", "/v1/workspaces/" + percent_encoded(id), {}, workspaces_patience))
    return supervisor.exit_code();
  if (!arguments.json)
    print(safe_text(id) + " is not kept alive any more.\n");
  return client_done;
}

int reload(dialogue& supervisor, const client_arguments& arguments) {
  const auto reply = supervisor.call("POST", "/v1/reload", {}, workspaces_patience);
  if (!reply)
    return supervisor.exit_code();
  if (arguments.json) {
    print_raw(reply->body);
    return client_done;
  }
  const auto answer = parsed(reply->body);
  std::string text;
  const auto tell = [&](const char* what, const char* name) {
    for (const auto& one : array_in(answer, name))
      if (one.is_string())
        text += what + safe_text(std::string_view{one.get_string()}) + '\n';
  };
  tell("Taken up: ", "taken_up");
  tell("Waits for a restart: ", "waiting");
  print(text.empty() ? "Nothing has changed.\n" : text);
  return client_done;
}

int results(dialogue& supervisor, const client_arguments& arguments) {
  const auto reply = supervisor.call_workspace("GET", "/results?after=" + std::to_string(arguments.after) +
                                                          "&limit=" + std::to_string(arguments.limit));
  if (!reply)
    return supervisor.exit_code();
  if (arguments.json)
    print_raw(reply->body);
  else
    print(results_text(parsed(reply->body), static_cast<std::size_t>(arguments.limit)));
  return client_done;
}

int set_token(dialogue& supervisor, const client_arguments& arguments) {
  const auto token = read_token();
  if (token.empty() || token.size() > longest_token) {
    complain(token.empty() ? "there is no token on standard input"
                           : "a token has at most " + std::to_string(longest_token) + " bytes");
    return client_usage;
  }
  return change(supervisor, arguments, "PUT", "/token", {{"token", token}}, "The token is saved and in use.");
}

int events(dialogue& supervisor, const client_arguments& arguments) {
  const auto take = [&arguments](const std::string& line) {
    if (!line.starts_with("data:"))
      return true;
    const auto data = line.substr(std::min(line.find_first_not_of(' ', 5), line.size()));
    const auto happened = parsed(data);
    if (const auto* workspace = happened.if_contains("workspace");
        !arguments.workspace.empty() && workspace && *workspace != json::string_view{arguments.workspace})
      return true;
    if (arguments.json)
      print_raw(data);
    else
      print(event_text(happened));
    return std::ferror(stdout) == 0;
  };
  if (!supervisor.follow("/v1/events", take))
    return supervisor.exit_code();
  complain("the supervisor ended the stream");
  return client_not_well;
}

int crash(dialogue& supervisor, const client_arguments& arguments) {
  const auto& actor = arguments.operands.front();
  json::object body{{"actor", actor}};
  constexpr std::array shared{"root",         "platform-client", "store",      "token-files",
                              "result-files", "list-reader",     "workspaces", "control"};
  if (std::find(shared.begin(), shared.end(), actor) == shared.end()) {
    const auto id = supervisor.workspace_id();
    if (!id)
      return supervisor.exit_code();
    body["workspace"] = *id;
  }
  const auto reply = supervisor.call("POST", "/v1/debug/crash", json::serialize(body));
  if (!reply)
    return supervisor.exit_code();
  if (arguments.json)
    print_raw(reply->body);
  else
    print("Crashed: " + safe_text(actor) + '\n');
  return client_done;
}

struct command {
  std::string_view name;
  int (*run)(dialogue& supervisor, const client_arguments& arguments);
};

constexpr std::array commands{
    command{"status", status},       command{"task", task},       command{"outcome", outcome},
    command{"wedge", wedge},         command{"unwedge", unwedge}, command{"beat", beat},
    command{"results", results},     command{"token", set_token}, command{"events", events},
    command{"crash", crash},         command{"agent", agent},     command{"progress", progress},
    command{"workspace", workspace}, command{"reload", reload},   command{"health", health},
};

} // namespace

int run_client(const client_arguments& arguments) {
  const auto* chosen = std::find_if(commands.begin(), commands.end(), [&arguments](const command& candidate) {
    return candidate.name == arguments.command;
  });
  dialogue supervisor{arguments};
  return chosen->run(supervisor, arguments);
}

} // namespace workspace_supervisor
