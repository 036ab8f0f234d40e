#include "app/client/status_text.hpp"

#include "app/client/json_look.hpp"
#include "app/client/terminal_text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <vector>

namespace workspace_supervisor {

namespace json = boost::json;

namespace {

struct shown_workspace {
  std::string id;
  const json::object* stats = nullptr;
};

std::vector<shown_workspace> shown(const json::object& stats, const std::string& only) {
  std::vector<shown_workspace> result;
  for (const auto& [id, value] : object_in(stats, "workspaces"))
    if (value.is_object() && (only.empty() || std::string_view{id} == only))
      result.push_back({safe_text(std::string_view{id}), &value.get_object()});
  return result;
}

std::string ago(const json::object& heartbeat, double now) {
  const auto last = number_in(heartbeat, "last_delivered");
  return last > 0 ? duration_text(now - last) + " ago" : "never";
}

/// "1 thing", "2 things"; `things` where the plural is no mere s.
std::string counted(const json::object& object, const char* name, const std::string& thing,
                    const std::string& things = {}) {
  const auto count = count_in(object, name);
  return count + ' ' + (count == "1" ? thing : things.empty() ? thing + 's' : things);
}

std::string pending(const json::object& workspace) {
  const auto& kinds = object_in(object_in(workspace, "outbox"), "pending");
  double sum = 0;
  for (const auto& kind : kinds)
    sum += number_in(kinds, kind.key());
  return std::to_string(static_cast<long long>(sum));
}

std::string restarts(const json::object& workspace) {
  double sum = 0;
  for (const auto& [name, actor] : object_in(workspace, "actors"))
    if (actor.is_object())
      sum += number_in(actor.get_object(), "restarts");
  return std::to_string(static_cast<long long>(sum));
}

std::string overview(const json::object& stats, const std::vector<shown_workspace>& workspaces) {
  text_table table{{"WORKSPACE", "STATUS", "LAST BEAT", ">P50", ">P99", ">BEATS", ">FAILED", ">PENDING",
                    ">RESTARTS", ">TASKS", "CURRENT TASK"}};
  for (const auto& [id, workspace] : workspaces) {
    const auto& heartbeat = object_in(*workspace, "heartbeat");
    const auto& activity = object_in(*workspace, "activity");
    auto status = text_in(*workspace, "status");
    if (!text_in(activity, "runtime_state").empty())
      status += ", " + text_in(activity, "runtime_state");
    table.add({shortened(id, 40), status, ago(heartbeat, number_in(stats, "time")),
               latency_text(number_in(heartbeat, "latency_p50_seconds")),
               latency_text(number_in(heartbeat, "latency_p99_seconds")), count_in(heartbeat, "sent"),
               count_in(heartbeat, "failed"), pending(*workspace), restarts(*workspace),
               count_in(activity, "active_tasks"), shortened(text_in(activity, "current_task"), 40)});
  }
  return table.text();
}

std::string delivery(const json::object& notifier, const char* name) {
  const auto& counts = object_in(notifier, name);
  return count_in(counts, "delivered") + " delivered, " + counted(counts, "failed", "failed attempt") + ", " +
         count_in(counts, "dropped") + " dropped";
}

std::string line(const std::string& name, const std::string& text) {
  return "  " + name + std::string(name.size() < 15 ? 15 - name.size() : 1, ' ') + text + '\n';
}

void add_actors(text_table& table, const json::object& actors) {
  for (const auto& [name, value] : actors) {
    if (!value.is_object())
      continue;
    const auto& actor = value.get_object();
    table.add({safe_text(std::string_view{name}), text_in(actor, "state"), count_in(actor, "restarts"),
               count_in(actor, "messages"), count_in(actor, "mailbox"),
               latency_text(number_in(actor, "handler_seconds_p99")),
               shortened(text_in(actor, "last_error"), 60)});
  }
}

/// "runs as process 812, 1 attachment, 2 restarts, ended last with status 1"
std::string agent_text(const json::object& agent) {
  const auto state = text_in(agent, "state");
  auto text = state == "none" ? std::string{"has not attached"} : state;
  if (number_in(agent, "pid") > 0)
    text += ", process " + count_in(agent, "pid");
  if (number_in(agent, "attachments") > 0)
    text += ", " + counted(agent, "attachments", "attachment");
  if (flag_in(agent, "launched"))
    text += ", " + counted(agent, "restarts", "restart");
  if (!text_in(agent, "last_exit").empty())
    text += "; the last one " + text_in(agent, "last_exit");
  if (!text_in(agent, "trouble").empty())
    text += "; the platform is told: " + text_in(agent, "trouble");
  return text;
}

std::string details(const json::object& stats, const json::object& workspace) {
  std::string text;
  const auto& activity = object_in(workspace, "activity");
  if (!text_in(activity, "runtime_state").empty())
    text += line("runtime", text_in(activity, "runtime_state") + ": " + text_in(activity, "reason"));
  text += line("agent", agent_text(object_in(workspace, "agent")));
  text += line("outcomes", counted(activity, "requests", "request") + " and " +
                               counted(activity, "errors", "error") + " since the last beat" +
                               (text_in(activity, "sample_error").empty()
                                    ? ""
                                    : ", the last: " + shortened(text_in(activity, "sample_error"), 80)));

  const auto& heartbeat = object_in(workspace, "heartbeat");
  if (number_in(heartbeat, "consecutive_failures") > 0)
    text += line("heartbeat", counted(heartbeat, "consecutive_failures", "failure") + " in a row");
  const auto& token = object_in(workspace, "token");
  text += line("token", (flag_in(token, "present") ? "present" : "none: " + text_in(token, "reason")) + ", " +
                            counted(token, "refreshes", "refresh", "refreshes"));
  const auto& delegations = object_in(workspace, "delegations");
  const auto& news = object_in(delegations, "new");
  text +=
      line("delegations", counted(delegations, "polls", "poll") + " (" + count_in(delegations, "failures") +
                              " failed), " + count_in(news, "completed") + " completed, " +
                              count_in(news, "failed") + " failed, " + count_in(delegations, "foreign") +
                              " foreign, " + count_in(delegations, "malformed") + " malformed");
  const auto& outbox = object_in(workspace, "outbox");
  const auto& waiting = object_in(outbox, "pending");
  const auto oldest = number_in(outbox, "oldest_age_seconds");
  text += line("to be done", count_in(waiting, "file") + " to file, " + count_in(waiting, "self_message") +
                                 " to wake for, " + count_in(waiting, "notification") + " to notify of" +
                                 (oldest > 0 ? ", the oldest " + duration_text(oldest) + " old" : ""));
  const auto& notifier = object_in(workspace, "notifier");
  text += line("self-messages",
               delivery(notifier, "self_messages") +
                   (flag_in(notifier, "suspected_loop") ? "; the agent seems to wake itself in a loop" : ""));
  text += line("notifications", delivery(notifier, "notifications"));

  text_table actors{{"ACTOR", "STATE", ">RESTARTS", ">MESSAGES", ">MAILBOX", ">P99", "LAST ERROR"}, 2};
  add_actors(actors, object_in(workspace, "actors"));
  add_actors(actors, object_in(stats, "actors"));
  return text + '\n' + actors.text();
}

} // namespace

std::string status_text(const json::object& stats, const std::string& only) {
  const auto& store = object_in(stats, "store");
  auto text = "workspace-supervisor " + text_in(stats, "version") + ", up " +
              duration_text(number_in(stats, "uptime_seconds")) + ", results are " +
              (flag_in(store, "durable") ? "saved" : "kept in memory alone: " + text_in(store, "trouble")) +
              "\n\n";
  const auto workspaces = shown(stats, only);
  text += overview(stats, workspaces);
  if (workspaces.size() == 1)
    text += '\n' + details(stats, *workspaces.front().stats);
  return text;
}

bool all_online(const json::object& stats, const std::string& only) {
  const auto workspaces = shown(stats, only);
  for (const auto& workspace : workspaces)
    if (text_in(*workspace.stats, "status") != "online")
      return false;
  return !workspaces.empty();
}

} // namespace workspace_supervisor
