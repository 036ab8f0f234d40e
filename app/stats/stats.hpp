#pragma once

// The room of statistics: what the supervisor tells of itself, collected from the probes and written as JSON
// and as metrics.

#include "actors/workspace/context.hpp"

#include <boost/describe.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace workspace_supervisor {

// `/v1/stats`, `/metrics`, `/readyz` and the status page are all made from these values. What is described
// stands in JSON under the names that it has here.

class beat_history;

struct actor_stats {
  std::string_view name;
  actor_state state = actor_state::starting;
  std::uint64_t restarts = 0;
  std::string last_error;
  std::uint64_t messages = 0;
  std::uint64_t mailbox = 0;
  double handler_seconds_total = 0;
  double handler_seconds_p99 = 0; ///< of one message
};
BOOST_DESCRIBE_STRUCT(actor_stats, (),
                      (restarts, last_error, messages, mailbox, handler_seconds_total, handler_seconds_p99))

struct heartbeat_stats {
  std::uint64_t sent = 0;
  std::uint64_t failed = 0;
  std::uint64_t consecutive_failures = 0;
  double last_delivered = 0; ///< seconds since the epoch; 0: never
  double last_latency = 0;   ///< seconds
  double latency_p50 = 0;    ///< seconds
  double latency_p99 = 0;    ///< seconds
};

struct token_stats {
  bool present = false;
  std::uint64_t refreshes = 0;
  std::string reason; ///< when absent
};
BOOST_DESCRIBE_STRUCT(token_stats, (), (present, refreshes, reason))

struct delegation_stats {
  std::uint64_t polls = 0;
  std::uint64_t failures = 0;
  std::uint64_t new_completed = 0;
  std::uint64_t new_failed = 0;
  std::uint64_t foreign = 0;
  std::uint64_t malformed = 0;
  std::uint64_t filing_failures = 0;
};

struct delivery_stats {
  std::uint64_t delivered = 0;
  std::uint64_t failed = 0; ///< attempts that are made again
  std::uint64_t dropped = 0;
};
BOOST_DESCRIBE_STRUCT(delivery_stats, (), (delivered, failed, dropped))

struct agent_stats {
  agent_phase phase = agent_phase::none;
  std::int64_t process = 0; ///< of those that are there; 0: none, or not known here
  std::uint64_t attachments = 0;
  bool launched = false; ///< it is launched here
  std::uint64_t restarts = 0;
  std::string last_end; ///< how its process ended last; "": it has not
  std::string trouble;  ///< what the platform is told of it
};

struct workspace_stats {
  workspace_table::pointer context; ///< where they were read
  std::string id;
  workspace_status status = workspace_status::starting;
  heartbeat_stats heartbeat;
  token_stats token;
  delegation_stats delegations;
  outbox_counts outbox;
  delivery_stats self_messages;
  delivery_stats notifications;
  bool suspected_loop = false;
  activity_report activity;
  agent_stats agent;
  std::vector<actor_stats> actors;
};

struct process_stats {
  std::string version;
  double uptime_seconds = 0;
  double now = 0;          ///< seconds since the epoch
  double liveness_ttl = 0; ///< seconds
  bool store_durable = true;
  struct store_status store;
  std::vector<actor_stats> actors; ///< those that all workspaces share
  std::vector<workspace_stats> workspaces;
};

/// Whose statistics are taken: one workspace's, or all when there is none.
using stats_scope = std::optional<workspace_number>;

/// Reads all probes. `outboxes`: what the store last told. Any thread; takes no lock for long.
process_stats collect_stats(const process_context& process, const all_outbox_counts& outboxes,
                            stats_scope scope = std::nullopt);

const char* to_string(workspace_status status);
const char* to_string(actor_state state);
const char* to_string(agent_phase phase);

/// The body of `/v1/stats`.
std::string stats_json(const process_stats& stats);
/// The body of `/v1/workspaces`: all in short, and what they share.
std::string workspaces_json(const process_stats& stats);
/// The body of `/v1/workspaces/ID`: as within `/v1/stats`, with the history of its beats if there is one.
std::string workspace_json(const process_stats& stats, const workspace_stats& workspace,
                           const beat_history* history = nullptr);

/// Whether all is ready, and what is not.
struct readiness {
  bool ready = true;
  std::string json; ///< the body of `/readyz`
};
readiness check_readiness(const process_context& process, stats_scope scope = std::nullopt);

} // namespace workspace_supervisor
