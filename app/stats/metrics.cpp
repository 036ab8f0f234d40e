#include "app/stats/metrics.hpp"

#include "actors/text/utf8.hpp"

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <map>
#include <sstream>
#include <utility>

namespace workspace_supervisor {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using labels = std::vector<ClientMetric::Label>;

/// The smallest bound of a latency that is told, 2^7 µs: what lies below is counted with it.
constexpr std::size_t first_bound = 7;

constexpr auto latency_name = "heartbeat_latency_seconds";
constexpr auto latency_help = "Time from a delivered heartbeat's first byte to its answer's last.";
constexpr auto beats_name = "heartbeats_total";
constexpr auto beats_help = "Heartbeats by how they ended.";

/// Families in the order in which they were first used.
class families {
public:
  MetricFamily& get(MetricType type, const std::string& name, const char* help) {
    const auto [entry, is_new] = places_.try_emplace(name, all_.size());
    if (is_new)
      all_.push_back({"workspace_supervisor_" + name, help, type, {}});
    return all_[entry->second];
  }
  void counter(const std::string& name, const char* help, labels with, double value) {
    auto& metric = get(MetricType::Counter, name, help).metric.emplace_back();
    metric.label = std::move(with);
    metric.counter.value = value;
  }
  void gauge(const std::string& name, const char* help, labels with, double value) {
    auto& metric = get(MetricType::Gauge, name, help).metric.emplace_back();
    metric.label = std::move(with);
    metric.gauge.value = value;
  }
  template <class Histogram>
  void histogram(const std::string& name, const char* help, labels with, const Histogram& durations) {
    auto& metric = get(MetricType::Histogram, name, help).metric.emplace_back();
    metric.label = std::move(with);
    std::uint64_t below = 0;
    for (std::size_t index = 0; index + 1 < Histogram::size(); ++index) {
      below += durations.count(index);
      if (index >= first_bound)
        metric.histogram.bucket.push_back({below, Histogram::upper_bound(index)});
    }
    // Of what is counted meanwhile nothing may be missing from the sum of all.
    metric.histogram.sample_count = below + durations.count(Histogram::size() - 1);
    metric.histogram.sample_sum = durations.total_seconds();
  }
  std::vector<MetricFamily> take() { return std::move(all_); }

private:
  std::vector<MetricFamily> all_;
  std::map<std::string, std::size_t> places_;
};

/// Adds `from` to `into`: counters and amounts are summed, of the last beat the oldest is kept, of failures
/// in a row the largest.
void fold(workspace_stats& into, const workspace_stats& from) {
  auto& beats = into.heartbeat;
  beats.sent += from.heartbeat.sent;
  beats.failed += from.heartbeat.failed;
  beats.consecutive_failures = std::max(beats.consecutive_failures, from.heartbeat.consecutive_failures);
  beats.last_delivered = std::min(beats.last_delivered, from.heartbeat.last_delivered);
  into.token.refreshes += from.token.refreshes;
  auto& delegations = into.delegations;
  delegations.polls += from.delegations.polls;
  delegations.failures += from.delegations.failures;
  delegations.new_completed += from.delegations.new_completed;
  delegations.new_failed += from.delegations.new_failed;
  delegations.foreign += from.delegations.foreign;
  delegations.malformed += from.delegations.malformed;
  delegations.filing_failures += from.delegations.filing_failures;
  into.outbox.unfiled += from.outbox.unfiled;
  into.outbox.unwoken += from.outbox.unwoken;
  into.outbox.unnotified += from.outbox.unnotified;
  if (from.outbox.oldest > 0 && (into.outbox.oldest == 0 || from.outbox.oldest < into.outbox.oldest))
    into.outbox.oldest = from.outbox.oldest;
  const auto add = [](delivery_stats& sum, const delivery_stats& more) {
    sum.delivered += more.delivered;
    sum.failed += more.failed;
    sum.dropped += more.dropped;
  };
  add(into.self_messages, from.self_messages);
  add(into.notifications, from.notifications);
  into.activity.active_tasks += from.activity.active_tasks;
  into.agent.restarts += from.agent.restarts;
  into.agent.attachments += from.agent.attachments;
}

/// What is 0 or 1 in a workspace and an amount over many, and what is told of each actor.
struct amounts {
  double token_present = 0;
  double suspected_loop = 0;
  double wedged = 0;
  double agent_up = 0;
  struct actor {
    double up = 0;
    double restarts = 0;
    double messages = 0;
    double mailbox = 0;
    double seconds = 0;
  };
  std::map<std::string_view, actor> actors;

  void add(const actor_stats& stats) {
    auto& sum = actors[stats.name];
    sum.up += stats.state == actor_state::running ? 1 : 0;
    sum.restarts += static_cast<double>(stats.restarts);
    sum.messages += static_cast<double>(stats.messages);
    sum.mailbox += static_cast<double>(stats.mailbox);
    sum.seconds += stats.handler_seconds_total;
  }
  void add(const workspace_stats& stats) {
    token_present += stats.token.present ? 1 : 0;
    suspected_loop += stats.suspected_loop ? 1 : 0;
    wedged += stats.activity.trouble() ? 1 : 0;
    const auto phase = stats.agent.phase;
    agent_up += phase == agent_phase::attached || phase == agent_phase::running ? 1 : 0;
    for (const auto& actor : stats.actors)
      add(actor);
  }
};

void tell_actors(families& all, const labels& of, const amounts& sums) {
  for (const auto& [name, actor] : sums.actors) {
    auto with = of;
    with.push_back({"actor", std::string{name}});
    all.gauge("actor_up", "Whether the actor runs.", with, actor.up);
    all.counter("actor_restarts_total", "Restarts of the actor.", with, actor.restarts);
    all.counter("actor_messages_total", "Messages that the actor has handled.", with, actor.messages);
    all.gauge("actor_mailbox_size", "Messages that wait for the actor.", with, actor.mailbox);
    all.counter("actor_handler_seconds_total", "Time that the actor has spent in its messages.", with,
                actor.seconds);
  }
}

labels with(labels of, const char* name, const char* value) {
  of.push_back({name, value});
  return of;
}

void tell_deliveries(families& all, const char* name, const char* help, const labels& of,
                     const delivery_stats& stats) {
  all.counter(name, help, with(of, "result", "delivered"), static_cast<double>(stats.delivered));
  all.counter(name, help, with(of, "result", "failed"), static_cast<double>(stats.failed));
  all.counter(name, help, with(of, "result", "dropped"), static_cast<double>(stats.dropped));
}

void tell_workspace(families& all, const labels& of, const workspace_stats& stats, const amounts& sums,
                    double now) {
  const auto& beats = stats.heartbeat;
  // A beat that is under way has been sent and neither failed nor been delivered.
  all.counter(beats_name, beats_help, with(of, "result", "failed"), static_cast<double>(beats.failed));
  all.gauge("heartbeat_consecutive_failures", "Heartbeats that failed since the last delivered one.", of,
            static_cast<double>(beats.consecutive_failures));
  all.gauge("last_heartbeat_timestamp_seconds", "When a heartbeat was last delivered; 0: never.", of,
            beats.last_delivered);
  all.gauge("token_present", "Whether there is a token.", of, sums.token_present);
  all.counter("token_refreshes_total", "Times that the token was read again since it was refused.", of,
              static_cast<double>(stats.token.refreshes));

  const auto& delegations = stats.delegations;
  constexpr auto polls_help = "Polls of delegations by how they ended.";
  all.counter("delegation_polls_total", polls_help, with(of, "result", "succeeded"),
              static_cast<double>(delegations.polls - std::min(delegations.polls, delegations.failures)));
  all.counter("delegation_polls_total", polls_help, with(of, "result", "failed"),
              static_cast<double>(delegations.failures));
  constexpr auto results_help = "New results of delegations by their status.";
  all.counter("delegation_results_total", results_help, with(of, "status", "completed"),
              static_cast<double>(delegations.new_completed));
  all.counter("delegation_results_total", results_help, with(of, "status", "failed"),
              static_cast<double>(delegations.new_failed));
  constexpr auto rejected_help = "Rows of delegations that were not handled, by reason.";
  all.counter("delegations_rejected_total", rejected_help, with(of, "reason", "foreign"),
              static_cast<double>(delegations.foreign));
  all.counter("delegations_rejected_total", rejected_help, with(of, "reason", "malformed"),
              static_cast<double>(delegations.malformed));
  all.counter("results_file_failures_total", "Failed attempts to append to the results file.", of,
              static_cast<double>(delegations.filing_failures));

  constexpr auto pending_help = "Results that still have to go out, by where to.";
  all.gauge("outbox_pending", pending_help, with(of, "kind", "file"),
            static_cast<double>(stats.outbox.unfiled));
  all.gauge("outbox_pending", pending_help, with(of, "kind", "self_message"),
            static_cast<double>(stats.outbox.unwoken));
  all.gauge("outbox_pending", pending_help, with(of, "kind", "notification"),
            static_cast<double>(stats.outbox.unnotified));
  all.gauge("outbox_oldest_age_seconds", "Age of the oldest result that still has to go out.", of,
            stats.outbox.oldest > 0 ? std::max(0.0, now - stats.outbox.oldest) : 0);

  tell_deliveries(all, "self_messages_total", "Attempts to wake the agent by how they ended.", of,
                  stats.self_messages);
  tell_deliveries(all, "user_notifications_total", "Attempts to notify the user by how they ended.", of,
                  stats.notifications);
  all.gauge("self_message_loop_suspected", "Whether the agent seems to delegate in a loop.", of,
            sums.suspected_loop);
  all.gauge("active_tasks", "Tasks that the agent says are active.", of,
            static_cast<double>(stats.activity.active_tasks));
  all.gauge("runtime_wedged", "Whether the agent's runtime is reported as wedged.", of, sums.wedged);
  all.gauge("agent_up", "Whether the agent is there: attached, or launched here and running.", of,
            sums.agent_up);
  all.gauge("agent_attachments", "Connections by which the agent says that it is there.", of,
            static_cast<double>(stats.agent.attachments));
  all.counter("agent_restarts_total", "Restarts of the agent that is launched here.", of,
              static_cast<double>(stats.agent.restarts));
  tell_actors(all, of, sums);
}

void tell_process(families& all, const process_context& process, const process_stats& stats) {
  all.gauge("build_info", "1; the label tells the version.", {{"version", stats.version}}, 1);
  all.gauge("uptime_seconds", "Time since the start.", {}, stats.uptime_seconds);
  std::array<double, 5> by_status{};
  for (const auto& workspace : stats.workspaces)
    ++by_status[static_cast<std::size_t>(workspace.status)];
  for (std::size_t status = 0; status < by_status.size(); ++status)
    all.gauge("workspaces", "Workspaces by status.",
              {{"status", to_string(static_cast<workspace_status>(status))}}, by_status[status]);
  all.gauge("store_durable", "Whether all that is recorded is on disk.", {}, stats.store_durable ? 1 : 0);
  all.gauge("store_unsaved_steps", "Steps that are recorded in memory alone.", {},
            static_cast<double>(stats.store.unsaved));
  all.counter("store_commits_total", "Transactions committed.", {}, static_cast<double>(stats.store.commits));
  all.counter("store_failures_total", "Operations on the database that failed.", {},
              static_cast<double>(stats.store.failures));
  amounts shared;
  for (const auto& actor : stats.actors)
    shared.add(actor);
  tell_actors(all, {}, shared);
  all.histogram("delegation_poll_latency_seconds",
                "Time from a successful poll's first byte to its answer's last, over all workspaces.", {},
                process.probe.poll_latency);
  all.histogram("self_message_latency_seconds",
                "Time that delivered self-messages took, over all workspaces.", {},
                process.probe.self_message_latency);
}

/// The supervisor's statistics as Prometheus sees them.
class collector final : public prometheus::Collectable {
public:
  collector(const process_context& process, const process_stats& stats)
      : process_{process}
      , stats_{stats} {}

  std::vector<MetricFamily> Collect() const override {
    families all;
    tell_process(all, process_, stats_);
    if (stats_.workspaces.size() <= most_workspaces_told_apart)
      tell_each(all);
    else
      tell_folded(all);
    return all.take();
  }

private:
  void tell_each(families& all) const {
    for (const auto& workspace : stats_.workspaces) {
      const labels of{{"workspace", valid_utf8(workspace.id)}};
      const auto& latency = workspace.context->probe.beat_latency;
      all.counter(beats_name, beats_help, with(of, "result", "delivered"),
                  static_cast<double>(latency.count()));
      all.histogram(latency_name, latency_help, of, latency);
      amounts sums;
      sums.add(workspace);
      tell_workspace(all, of, workspace, sums, stats_.now);
    }
  }

  void tell_folded(families& all) const {
    const auto& latency = process_.probe.beat_latency;
    all.counter(beats_name, beats_help, {{"result", "delivered"}}, static_cast<double>(latency.count()));
    all.histogram(latency_name, latency_help, {}, latency);
    workspace_stats folded;
    folded.heartbeat.last_delivered = stats_.now;
    amounts sums;
    for (const auto& workspace : stats_.workspaces) {
      fold(folded, workspace);
      sums.add(workspace);
    }
    tell_workspace(all, {}, folded, sums, stats_.now);
  }

  const process_context& process_;
  const process_stats& stats_;
};

} // namespace

std::string metrics_text(const process_context& process, const process_stats& stats) {
  const auto all = collector{process, stats}.Collect();
  std::ostringstream text;
  prometheus::TextSerializer{}.Serialize(text, all);
  return text.str();
}

} // namespace workspace_supervisor
