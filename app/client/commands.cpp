#include "app/client/commands.hpp"

#include "app/client/control_client.hpp"
#include "app/client/json_look.hpp"
#include "app/client/status_text.hpp"
#include "app/client/terminal_text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <termios.h>
#include <thread>
#include <unistd.h>

namespace workspace_supervisor {

namespace json = boost::json;

namespace {

constexpr std::chrono::seconds usual_patience{15};
/// The supervisor waits for the platform, twice should the token be refused.
constexpr std::chrono::seconds beat_patience{90};
/// A stream sends a comment every 15 s.
constexpr std::chrono::seconds stream_patience{45};
constexpr std::size_t longest_token = 8192;
constexpr std::size_t most_named = 10;

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void complain(const std::string& text) {
  std::fprintf(stderr, "workspacectl: %s\n", text.c_str());
}

/// As it came, with a line end.
void print_raw(const std::string& body) {
  print(body.empty() || body.back() != '\n' ? body + '\n' : body);
}

json::object parsed(const std::string& body) {
  json::error_code error;
  auto value = json::parse(body, error);
  return !error && value.is_object() ? std::move(value.get_object()) : json::object{};
}

std::string plural(long long count, const char* one, const char* many) {
  return std::to_string(count) + ' ' + (count == 1 ? one : many);
}

/// What to look at when the supervisor cannot be reached.
std::string advice(control_trouble trouble) {
  switch (trouble) {
  case control_trouble::no_socket:
    return "There is no such file. Is workspace-supervisor running? `workspace-supervisor --check-config` "
           "prints\n"
           "its control.socket; --socket or WORKSPACE_SUPERVISOR_SOCKET tells it to workspacectl.";
  case control_trouble::nobody_listens:
    return "The file is there, but nobody listens: the supervisor that made it is gone, or is just being "
           "restarted.";
  case control_trouble::forbidden:
    return "The socket is for the supervisor's user, the agent's user and root. Try as one of them.";
  case control_trouble::bad_path:
    return "Give a shorter path, for instance through a symbolic link.";
  case control_trouble::no_answer:
    return "The supervisor took the connection and did not answer. Its log says what it is at; --timeout "
           "waits longer.";
  default:
    return "Is it the control socket of a workspace-supervisor?";
  }
}

class client {
public:
  explicit client(const client_arguments& arguments)
      : arguments_{arguments}
      , connection_{arguments.socket} {}

  int run() {
    const auto& name = arguments_.command;
    if (name == "status")
      return arguments_.watch ? watch_status() : status();
    if (name == "task")
      return task();
    if (name == "outcome")
      return outcome();
    if (name == "wedge" || name == "unwedge")
      return runtime_state();
    if (name == "beat")
      return beat();
    if (name == "results")
      return results();
    if (name == "token")
      return set_token();
    if (name == "events")
      return events();
    return crash();
  }

private:
  // -- calls

  std::chrono::milliseconds patience(std::chrono::milliseconds otherwise) const {
    return arguments_.timeout.count() > 0 ? arguments_.timeout : otherwise;
  }

  int unreachable(const control_result& result) const {
    complain("no answer from the supervisor at " + safe_text(connection_.path()) + ": " + result.error +
             '\n' + advice(result.trouble));
    return client_unreachable;
  }

  int refused(const control_reply& reply) const {
    if (arguments_.json)
      print_raw(reply.body);
    const auto error = parsed(reply.body);
    const auto message = text_in(object_in(error, "error"), "message");
    complain("refused (" + std::to_string(reply.status) +
             "): " + (message.empty() ? shortened(safe_text(reply.body), 500) : message));
    return client_refused;
  }

  /// Makes a call. @returns its answer, or nothing after it has been told why there is none; `code_` says how
  /// to end then.
  std::optional<control_reply> call(const std::string& method, const std::string& target,
                                    const std::string& body = {},
                                    std::chrono::milliseconds wait = usual_patience) {
    auto result = connection_.call(method, target, body, patience(wait));
    if (result.trouble != control_trouble::none) {
      code_ = unreachable(result);
      return std::nullopt;
    }
    if (result.reply.status != 200) {
      code_ = refused(result.reply);
      return std::nullopt;
    }
    return std::move(result.reply);
  }

  /// The path of the workspace that is meant; nothing after it has been told why there is none.
  std::optional<std::string> workspace_path() {
    auto id = workspace_id();
    if (!id)
      return std::nullopt;
    return "/v1/workspaces/" + percent_encoded(*id);
  }

  std::optional<std::string> workspace_id() {
    if (!arguments_.workspace.empty())
      return arguments_.workspace;
    if (!arguments_.environment_workspace.empty())
      return arguments_.environment_workspace;
    const auto reply = call("GET", "/v1/workspaces");
    if (!reply)
      return std::nullopt;
    const auto answer = parsed(reply->body);
    const auto& all = array_in(answer, "workspaces");
    if (all.size() == 1 && all.front().is_object())
      if (const auto* id = all.front().get_object().if_contains("id"); id && id->is_string())
        return std::string{id->get_string()};
    std::string names;
    for (std::size_t index = 0; index < all.size() && index < most_named; ++index)
      if (all[index].is_object())
        names += (index > 0 ? ", " : "") + text_in(all[index].get_object(), "id");
    if (all.size() > most_named)
      names += " and " + std::to_string(all.size() - most_named) + " more";
    complain("which workspace? --workspace names one of " + names);
    code_ = client_usage;
    return std::nullopt;
  }

  /// A call whose answer is that it was done.
  int change(const char* method, const char* what, const json::object& body, const std::string& said) {
    const auto path = workspace_path();
    if (!path)
      return code_;
    const auto reply = call(method, *path + what, json::serialize(body));
    if (!reply)
      return code_;
    if (arguments_.json)
      print_raw(reply->body);
    else
      print(said + '\n');
    return client_done;
  }

  // -- commands

  int status() {
    const auto& only = arguments_.workspace;
    if (arguments_.json && !only.empty()) {
      const auto reply = call("GET", "/v1/workspaces/" + percent_encoded(only));
      if (!reply)
        return code_;
      print_raw(reply->body);
      return text_in(parsed(reply->body), "status") == "online" ? client_done : client_not_well;
    }
    const auto reply = call("GET", "/v1/stats");
    if (!reply)
      return code_;
    const auto stats = parsed(reply->body);
    if (!only.empty() && !object_in(stats, "workspaces").contains(only)) {
      complain("there is no workspace " + safe_text(only));
      return client_refused;
    }
    if (arguments_.json)
      print_raw(reply->body);
    else
      print(status_text(stats, only));
    return all_online(stats, only) ? client_done : client_not_well;
  }

  int watch_status() {
    const bool terminal = ::isatty(STDOUT_FILENO) == 1;
    for (;;) {
      const auto result = connection_.call("GET", "/v1/stats", {}, patience(usual_patience));
      std::string text;
      if (result.trouble != control_trouble::none)
        text = "No answer from the supervisor at " + safe_text(connection_.path()) + ": " + result.error +
               "\nStill trying.\n";
      else if (result.reply.status != 200)
        return refused(result.reply);
      else
        text = arguments_.json ? result.reply.body + '\n'
                               : status_text(parsed(result.reply.body), arguments_.workspace);
      // Home, text, and what is left of the last one erased: no flicker.
      if (terminal && !arguments_.json)
        text = "\x1b[H\x1b[2J" + text;
      else if (!arguments_.json)
        text += '\n';
      print(text);
      if (std::ferror(stdout))
        return client_not_well;
      std::this_thread::sleep_for(arguments_.watch_interval);
    }
  }

  int task() {
    const auto text = arguments_.done ? std::string{} : arguments_.operands.front();
    const auto tasks = arguments_.done ? 0 : arguments_.tasks.value_or(1);
    return change("PUT", "/activity", {{"active_tasks", tasks}, {"current_task", text}},
                  arguments_.done ? "The agent is idle."
                                  : plural(tasks, "active task", "active tasks") + ": " + safe_text(text));
  }

  int outcome() {
    const auto count = std::to_string(arguments_.count);
    if (arguments_.success)
      return change("POST", "/outcomes", {{"successes", arguments_.count}},
                    "Recorded: " + count + " without error.");
    return change("POST", "/outcomes", {{"errors", arguments_.count}, {"sample_error", *arguments_.error}},
                  "Recorded: " + count + " with the error " + safe_text(*arguments_.error));
  }

  int runtime_state() {
    const bool wedged = arguments_.command == "wedge";
    const auto reason = wedged ? arguments_.operands.front() : std::string{};
    return change("PUT", "/runtime-state", {{"state", wedged ? "wedged" : ""}, {"reason", reason}},
                  wedged ? "Reported as wedged until \"workspacectl unwedge\": " + safe_text(reason)
                         : "Reported as healthy.");
  }

  int beat() {
    const auto path = workspace_path();
    if (!path)
      return code_;
    const auto reply = call("POST", *path + "/beat", {}, beat_patience);
    if (!reply)
      return code_;
    const auto answer = parsed(reply->body);
    const auto& beat = object_in(answer, "beat");
    const auto& poll = object_in(answer, "poll");
    const bool delivered = flag_in(beat, "delivered");
    const bool succeeded = flag_in(poll, "succeeded");
    if (arguments_.json) {
      print_raw(reply->body);
    } else {
      const auto why = [](const json::object& outcome) {
        const auto error = text_in(outcome, "error");
        return error.empty() ? "status " + count_in(outcome, "status") : error;
      };
      print(delivered ? "Beat delivered in " + latency_text(number_in(beat, "seconds")) + ".\n"
                      : "Beat failed: " + why(beat) + '\n');
      print(succeeded
                ? "Poll succeeded: " +
                      plural(static_cast<long long>(number_in(poll, "new")), "new result", "new results") +
                      ".\n"
                : "Poll failed: " + why(poll) + '\n');
    }
    return delivered && succeeded ? client_done : client_not_well;
  }

  int results() {
    const auto path = workspace_path();
    if (!path)
      return code_;
    const auto reply = call("GET", *path + "/results?after=" + std::to_string(arguments_.after) +
                                       "&limit=" + std::to_string(arguments_.limit));
    if (!reply)
      return code_;
    if (arguments_.json) {
      print_raw(reply->body);
      return client_done;
    }
    const auto answer = parsed(reply->body);
    text_table table{{">SEQ", "STATUS", "DELEGATION", "TARGET", "STEPS", "SUMMARY", "ERROR"}};
    const auto& results = array_in(answer, "results");
    std::string last;
    for (const auto& value : results) {
      if (!value.is_object())
        continue;
      const auto& result = value.get_object();
      const auto step = [&result](const char* name) {
        return flag_in(result, name) ? std::string{name} : std::string{};
      };
      std::string steps;
      for (const auto* name : {"filed", "woken", "notified"})
        if (const auto done = step(name); !done.empty())
          steps += (steps.empty() ? "" : ",") + done;
      last = count_in(result, "seq");
      table.add({last, text_in(result, "status"), shortened(text_in(result, "delegation_id"), 12),
                 shortened(text_in(result, "target_id"), 16), steps.empty() ? "recorded" : steps,
                 shortened(text_in(result, "summary"), 40), shortened(text_in(result, "error"), 40)});
    }
    print(results.empty() ? "No results.\n" : table.text());
    if (static_cast<std::int64_t>(results.size()) >= arguments_.limit)
      print("Perhaps more: workspacectl results --after=" + last + '\n');
    return client_done;
  }

  int set_token() {
    auto token = read_token();
    while (!token.empty() && (token.back() == '\n' || token.back() == '\r'))
      token.pop_back();
    if (token.empty() || token.size() > longest_token) {
      complain(token.empty() ? "there is no token on standard input"
                             : "a token has at most " + std::to_string(longest_token) + " bytes");
      return client_usage;
    }
    return change("PUT", "/token", {{"token", token}}, "The token is saved and in use.");
  }

  static std::string read_token() {
    termios before{};
    const bool asks = ::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &before) == 0;
    if (asks) {
      auto quiet = before;
      quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
      ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
      std::fputs("Token: ", stderr);
    }
    std::string text;
    char buffer[1024];
    while (text.size() <= longest_token + 2) {
      const auto count = ::read(STDIN_FILENO, buffer, sizeof buffer);
      if (count < 0 && errno == EINTR)
        continue;
      if (count <= 0)
        break;
      text.append(buffer, static_cast<std::size_t>(count));
      if (asks && text.back() == '\n')
        break;
    }
    if (asks) {
      ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
      std::fputc('\n', stderr);
    }
    return text;
  }

  void print_event(const json::object& happened) const {
    auto line =
        text_in(happened, "time") + ' ' + text_in(happened, "level") + ' ' + text_in(happened, "event");
    for (const auto& [name, value] : happened) {
      const std::string_view key{name};
      if (key == "time" || key == "level" || key == "event" || key == "text" || key == "error")
        continue;
      line += ' ' + safe_text(key) + '=' +
              safe_text(value.is_string() ? std::string{value.get_string()} : json::serialize(value));
    }
    print(line + ": " + text_in(happened, "text") + '\n');
  }

  int events() {
    const auto take = [this](const std::string& line) {
      if (line.rfind("data:", 0) != 0)
        return true;
      const auto data = line.substr(line.find_first_not_of(' ', 5));
      const auto happened = parsed(data);
      if (const auto* workspace = happened.if_contains("workspace");
          !arguments_.workspace.empty() && workspace && *workspace != json::string_view{arguments_.workspace})
        return true;
      if (arguments_.json)
        print_raw(data);
      else
        print_event(happened);
      return std::ferror(stdout) == 0;
    };
    const auto result = connection_.stream("/v1/events", patience(stream_patience), take);
    if (result.trouble != control_trouble::none)
      return unreachable(result);
    if (result.reply.status != 200)
      return refused(result.reply);
    complain("the supervisor ended the stream");
    return client_not_well;
  }

  int crash() {
    const auto& actor = arguments_.operands.front();
    json::object body{{"actor", actor}};
    // These serve all workspaces.
    const bool shared = actor == "root" || actor == "platform-client" || actor == "store" ||
                        actor == "token-files" || actor == "result-files" || actor == "control";
    if (!shared) {
      const auto id = workspace_id();
      if (!id)
        return code_;
      body["workspace"] = *id;
    }
    const auto reply = call("POST", "/v1/debug/crash", json::serialize(body));
    if (!reply)
      return code_;
    if (arguments_.json)
      print_raw(reply->body);
    else
      print("Crashed: " + safe_text(actor) + '\n');
    return client_done;
  }

  const client_arguments& arguments_;
  control_client connection_;
  int code_ = client_done;
};

} // namespace

int run_client(const client_arguments& arguments) {
  return client{arguments}.run();
}

} // namespace workspace_supervisor
