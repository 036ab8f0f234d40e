#include "app/stats/stats.hpp"

#include "app/stats/beat_history.hpp"
#include "app/stats/json_writer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace workspace_supervisor {

namespace {

/// So many workspaces that are not ready are named; of the rest the number is told.
constexpr std::size_t most_named = 100;

std::uint64_t value_of(const counter& count) {
  return count.load(std::memory_order_relaxed);
}

actor_stats collect_actor(const actor_probe& probe, std::string_view name) {
  actor_stats stats;
  stats.name = name;
  stats.state = probe.state();
  stats.restarts = probe.restarts();
  stats.last_error = probe.last_error();
  stats.messages = probe.messages();
  stats.mailbox = probe.mailbox();
  stats.handler_seconds_total = probe.handler_time().total_seconds();
  stats.handler_seconds_p99 = probe.handler_time().quantile(0.99);
  return stats;
}

agent_stats collect_agent(const workspace_context& context, const activity_report& activity) {
  agent_stats stats;
  const auto facts = context.agent_facts.get();
  stats.phase = facts.phase;
  stats.attachments = facts.attachments.size();
  if (!facts.attachments.empty())
    stats.process = facts.attachments.front().process;
  stats.trouble = activity.agent_trouble.empty() ? activity.stalled : activity.agent_trouble;
  if (context.process->configuration.agent.command.empty())
    return stats;
  const auto launched = context.process->launched.get();
  stats.launched = true;
  if (launched.process != 0)
    stats.process = launched.process;
  stats.restarts = static_cast<std::uint64_t>(launched.restarts);
  stats.last_end = launched.last_end;
  return stats;
}

workspace_stats collect_workspace(const workspace_table::pointer& held) {
  const auto& context = *held;
  const auto& probe = context.probe;
  workspace_stats stats;
  stats.context = held;
  stats.id = context.settings.id;
  stats.status = probe.status.load(std::memory_order_relaxed);

  stats.heartbeat.sent = value_of(probe.beats_sent);
  stats.heartbeat.failed = value_of(probe.beats_failed);
  stats.heartbeat.consecutive_failures = value_of(probe.beats_consecutive_failures);
  stats.heartbeat.last_delivered = probe.last_delivered.load(std::memory_order_relaxed);
  stats.heartbeat.last_latency = probe.last_latency.load(std::memory_order_relaxed);
  stats.heartbeat.latency_p50 = probe.beat_latency.quantile(0.5);
  stats.heartbeat.latency_p99 = probe.beat_latency.quantile(0.99);

  stats.token.present = probe.token_present.load(std::memory_order_relaxed);
  stats.token.refreshes = value_of(probe.token_refreshes);
  if (!stats.token.present)
    stats.token.reason = context.last_token.get().reason;

  stats.delegations.polls = value_of(probe.polls);
  stats.delegations.failures = value_of(probe.poll_failures);
  stats.delegations.new_completed = value_of(probe.new_completed);
  stats.delegations.new_failed = value_of(probe.new_failed);
  stats.delegations.foreign = value_of(probe.foreign_rows);
  stats.delegations.malformed = value_of(probe.malformed_rows);
  stats.delegations.filing_failures = value_of(probe.filing_failures);

  stats.self_messages = {value_of(probe.messages_delivered), value_of(probe.messages_failed),
                         value_of(probe.messages_dropped)};
  stats.notifications = {value_of(probe.notifications_delivered), value_of(probe.notifications_failed),
                         value_of(probe.notifications_dropped)};
  stats.suspected_loop = probe.suspected_loop.load(std::memory_order_relaxed);
  stats.activity = context.last_activity.get();
  stats.agent = collect_agent(context, stats.activity);
  stats.actors.reserve(workspace_actor_names.size());
  for (std::size_t index = 0; index < workspace_actor_names.size(); ++index)
    stats.actors.push_back(collect_actor(context.actors[index], workspace_actor_names[index]));
  return stats;
}

/// Those within the scope.
workspace_list workspaces_of(const process_context& process, stats_scope scope) {
  if (!scope)
    return process.workspaces.all();
  auto one = std::make_shared<std::vector<workspace_table::pointer>>();
  if (auto workspace = process.workspaces.at(*scope))
    one->push_back(std::move(workspace));
  return workspace_list{std::move(one)};
}

const char* to_string(workspace_origin origin) {
  return origin == workspace_origin::control_api ? "control-api" : "configuration";
}

/// A time that a person and a program can read; null when it never was.
void write_time(json_writer& json, std::string_view name, double seconds) {
  if (seconds > 0)
    json.member(name, std::round(seconds * 1000) / 1000);
  else
    json.key(name).raw("null");
}

void write_actors(json_writer& json, const std::vector<actor_stats>& actors) {
  json.key("actors").begin_object();
  for (const auto& actor : actors) {
    json.key(actor.name).begin_object();
    json.member("state", to_string(actor.state));
    json.members(actor);
    json.end_object();
  }
  json.end_object();
}

void write_heartbeat(json_writer& json, const heartbeat_stats& stats) {
  json.key("heartbeat").begin_object();
  json.member("sent", stats.sent);
  json.member("failed", stats.failed);
  json.member("consecutive_failures", stats.consecutive_failures);
  write_time(json, "last_delivered", stats.last_delivered);
  json.member("last_latency_seconds", stats.last_latency);
  json.member("latency_p50_seconds", stats.latency_p50);
  json.member("latency_p99_seconds", stats.latency_p99);
  json.end_object();
}

void write_activity(json_writer& json, const activity_report& report) {
  json.key("activity").begin_object();
  const auto* trouble = report.trouble();
  json.member("active_tasks", report.active_tasks);
  json.member("current_task", report.current_task);
  json.member("requests", report.requests);
  json.member("errors", report.errors);
  json.member("error_rate", report.error_rate());
  json.member("sample_error", report.sample_error);
  json.member("runtime_state", trouble ? "wedged" : "");
  json.member("reason", trouble ? *trouble : std::string{});
  json.end_object();
}

void write_agent(json_writer& json, const agent_stats& agent) {
  json.key("agent").begin_object();
  json.member("state", to_string(agent.phase));
  if (agent.process > 0)
    json.member("pid", agent.process);
  json.member("attachments", agent.attachments);
  json.member("launched", agent.launched);
  if (agent.launched) {
    json.member("restarts", agent.restarts);
    json.member("last_exit", agent.last_end);
  }
  json.member("trouble", agent.trouble);
  json.end_object();
}

void write_workspace(json_writer& json, const process_stats& stats, const workspace_stats& workspace) {
  json.member("status", to_string(workspace.status));
  write_activity(json, workspace.activity);
  write_agent(json, workspace.agent);
  write_heartbeat(json, workspace.heartbeat);

  json.member("token", workspace.token);

  const auto& delegations = workspace.delegations;
  json.key("delegations").begin_object();
  json.member("polls", delegations.polls);
  json.member("failures", delegations.failures);
  json.key("new").begin_object();
  json.member("completed", delegations.new_completed);
  json.member("failed", delegations.new_failed);
  json.end_object();
  json.member("foreign", delegations.foreign);
  json.member("malformed", delegations.malformed);
  json.member("filing_failures", delegations.filing_failures);
  json.end_object();

  json.key("outbox").begin_object();
  json.key("pending").begin_object();
  json.member("file", workspace.outbox.unfiled);
  json.member("self_message", workspace.outbox.unwoken);
  json.member("notification", workspace.outbox.unnotified);
  json.end_object();
  json.member("oldest_age_seconds",
              workspace.outbox.oldest > 0 ? std::max(0.0, stats.now - workspace.outbox.oldest) : 0.0);
  json.end_object();

  json.key("notifier").begin_object();
  json.member("self_messages", workspace.self_messages);
  json.member("notifications", workspace.notifications);
  json.member("suspected_loop", workspace.suspected_loop);
  json.end_object();

  write_actors(json, workspace.actors);
}

/// What all workspaces share.
void write_process(json_writer& json, const process_stats& stats) {
  json.member("version", stats.version);
  json.member("uptime_seconds", stats.uptime_seconds);
  json.member("time", stats.now);
  json.member("liveness_ttl_seconds", stats.liveness_ttl);
  json.key("store").begin_object();
  json.member("durable", stats.store_durable);
  json.member("trouble", stats.store.trouble);
  json.member("unsaved", stats.store.unsaved);
  json.member("commits", stats.store.commits);
  json.member("failures", stats.store.failures);
  json.end_object();
  write_actors(json, stats.actors);
}

/// Why the workspace is not ready; "" when it is.
std::string not_ready(const workspace_context& context, double now, double ttl) {
  const auto last = context.probe.last_delivered.load(std::memory_order_relaxed);
  if (last <= 0)
    return "no beat has been delivered yet";
  const auto age = now - last;
  if (age < ttl)
    return {};
  char text[96];
  std::snprintf(text, sizeof text, "the last delivered beat is %.0f s old, the liveness TTL is %.0f s", age,
                ttl);
  return text;
}

} // namespace

const char* to_string(workspace_status status) {
  constexpr std::array names{"starting", "online", "unreachable", "unauthorized", "failed"};
  return names[static_cast<std::size_t>(status)];
}

const char* to_string(actor_state state) {
  // One that is about to run for the first time is no different from one that runs again soon.
  constexpr std::array names{"restarting", "running", "restarting", "failed"};
  return names[static_cast<std::size_t>(state)];
}

const char* to_string(agent_phase phase) {
  constexpr std::array names{"none",      "waiting",    "attached", "running",
                             "suspended", "restarting", "stopped",  "gone"};
  return names[static_cast<std::size_t>(phase)];
}

process_stats collect_stats(const process_context& process, const all_outbox_counts& outboxes,
                            stats_scope scope) {
  process_stats stats;
  stats.version = WORKSPACE_SUPERVISOR_VERSION;
  stats.now = wall_clock_now();
  stats.liveness_ttl = std::chrono::duration<double>(process.configuration.heartbeat.liveness_ttl).count();
  stats.uptime_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - process.started).count();
  stats.store = process.store_status.get();
  stats.store_durable = process.probe.store_durable.load(std::memory_order_relaxed);
  for (std::size_t index = 0; index < shared_actor_names.size(); ++index)
    stats.actors.push_back(collect_actor(process.actors[index], shared_actor_names[index]));
  const auto workspaces = workspaces_of(process, scope);
  stats.workspaces.reserve(workspaces.size());
  auto counts = outboxes.workspaces.begin();
  for (const auto& context : workspaces) {
    auto& workspace = stats.workspaces.emplace_back(collect_workspace(context));
    while (counts != outboxes.workspaces.end() && counts->workspace < context->number)
      ++counts;
    if (counts != outboxes.workspaces.end() && counts->workspace == context->number)
      workspace.outbox = counts->counts;
  }
  return stats;
}

std::string stats_json(const process_stats& stats) {
  json_writer json;
  json.begin_object();
  write_process(json, stats);
  json.key("workspaces").begin_object();
  for (const auto& workspace : stats.workspaces) {
    json.key(workspace.id).begin_object();
    write_workspace(json, stats, workspace);
    json.end_object();
  }
  json.end_object();
  json.end_object();
  return json.take();
}

std::string workspaces_json(const process_stats& stats) {
  json_writer json;
  json.begin_object();
  write_process(json, stats);
  json.key("workspaces").begin_array();
  for (const auto& workspace : stats.workspaces) {
    std::uint64_t restarts = 0;
    for (const auto& actor : workspace.actors)
      restarts += actor.restarts;
    json.begin_object();
    json.member("id", workspace.id);
    json.member("origin", to_string(workspace.context->origin.load()));
    json.member("status", to_string(workspace.status));
    json.member("runtime_state", workspace.activity.trouble() ? "wedged" : "");
    json.member("agent", to_string(workspace.agent.phase));
    json.member("active_tasks", workspace.activity.active_tasks);
    json.member("current_task", workspace.activity.current_task);
    write_time(json, "last_delivered", workspace.heartbeat.last_delivered);
    json.member("consecutive_failures", workspace.heartbeat.consecutive_failures);
    json.member("restarts", restarts);
    json.member("pending", workspace.outbox.unfiled + workspace.outbox.unwoken + workspace.outbox.unnotified);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json.take();
}

std::string workspace_json(const process_stats& stats, const workspace_stats& workspace,
                           const beat_history* history) {
  json_writer json;
  json.begin_object();
  json.member("id", workspace.id);
  json.member("origin", to_string(workspace.context->origin.load()));
  write_workspace(json, stats, workspace);
  if (history)
    history->write(json.key("history"), workspace.context->number);
  json.end_object();
  return json.take();
}

readiness check_readiness(const process_context& process, stats_scope scope) {
  const auto now = wall_clock_now();
  const auto ttl = std::chrono::duration<double>(process.configuration.heartbeat.liveness_ttl).count();
  std::size_t late = 0;
  json_writer json;
  json.begin_object();
  json.key("workspaces").begin_object();
  for (const auto& context : workspaces_of(process, scope)) {
    const auto reason = not_ready(*context, now, ttl);
    if (!reason.empty() && ++late <= most_named)
      json.member(context->settings.id, reason);
  }
  json.end_object();
  json.member("workspaces_not_ready", static_cast<std::uint64_t>(late));
  const bool durable = process.probe.store_durable.load(std::memory_order_relaxed);
  auto trouble = process.store_status.get().trouble;
  if (!durable && trouble.empty())
    trouble = "results are not saved durably";
  json.member("storage", durable ? std::string{} : trouble);
  readiness result;
  result.ready = late == 0 && durable;
  json.member("ready", result.ready);
  json.end_object();
  result.json = json.take();
  return result;
}

} // namespace workspace_supervisor
