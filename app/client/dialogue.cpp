#include "app/client/dialogue.hpp"

#include "app/client/answer_text.hpp"
#include "app/client/json_look.hpp"
#include "app/client/terminal_text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdio>

namespace workspace_supervisor {

namespace {

constexpr std::chrono::seconds usual_patience{15};
/// A stream sends a comment every 15 s.
constexpr std::chrono::seconds stream_patience{45};
constexpr std::size_t most_named = 10;
constexpr int unavailable = 503;

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

/// "a, b and 3 more"
std::string names_of(const boost::json::array& workspaces) {
  std::string names;
  for (std::size_t index = 0; index < workspaces.size() && index < most_named; ++index)
    if (const auto* workspace = workspaces[index].if_object())
      names += (names.empty() ? "" : ", ") + text_in(*workspace, "id");
  if (workspaces.size() > most_named)
    names += " and " + std::to_string(workspaces.size() - most_named) + " more";
  return names;
}

} // namespace

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void print_raw(const std::string& body) {
  print(body.empty() || body.back() != '\n' ? body + '\n' : body);
}

void complain(const std::string& text) {
  std::fprintf(stderr, "workspacectl: %s\n", text.c_str());
}

dialogue::dialogue(const client_arguments& arguments)
    : arguments_{arguments}
    , connection_{arguments.socket} {}

std::chrono::milliseconds dialogue::patience(std::chrono::milliseconds usual) const {
  return arguments_.timeout.count() > 0 ? arguments_.timeout : usual;
}

std::optional<control_reply> dialogue::answer_of(control_result result, int also_answers) {
  if (result.trouble != control_trouble::none) {
    complain("no answer from the supervisor at " + safe_text(socket()) + ": " + result.error + '\n' +
             advice(result.trouble));
    exit_code_ = client_unreachable;
    return std::nullopt;
  }
  if (constexpr int first_success = 200, last_success = 299;
      (result.reply.status < first_success || result.reply.status > last_success) &&
      result.reply.status != also_answers) {
    refused(result.reply);
    return std::nullopt;
  }
  return std::move(result.reply);
}

void dialogue::refused(const control_reply& reply) {
  if (arguments_.json)
    print_raw(reply.body);
  complain(refusal_text(reply.status, reply.body));
  exit_code_ = client_refused;
}

control_result dialogue::try_call(const std::string& method, const std::string& target) const {
  return connection_.call(method, target, {}, patience(usual_patience));
}

std::optional<control_reply> dialogue::call(const std::string& method, const std::string& target,
                                            const std::string& body,
                                            std::optional<std::chrono::milliseconds> usual) {
  return answer_of(connection_.call(method, target, body, patience(usual.value_or(usual_patience))));
}

std::optional<control_reply> dialogue::look(const std::string& target, std::chrono::milliseconds usual) {
  return answer_of(connection_.call("GET", target, {}, patience(usual)), unavailable);
}

std::optional<control_reply> dialogue::call_workspace(const std::string& method, const std::string& what,
                                                      const std::string& body,
                                                      std::optional<std::chrono::milliseconds> usual) {
  const auto id = workspace_id();
  if (!id)
    return std::nullopt;
  return call(method, "/v1/workspaces/" + percent_encoded(*id) + what, body, usual);
}

bool dialogue::follow(const std::string& target, const std::function<bool(const std::string& line)>& take) {
  return answer_of(connection_.stream(target, patience(stream_patience), take)).has_value();
}

std::optional<std::string> dialogue::workspace_id() {
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
  complain(all.empty() ? "there is no workspace yet"
                       : "which workspace? --workspace names one of " + names_of(all));
  exit_code_ = client_usage;
  return std::nullopt;
}

} // namespace workspace_supervisor
