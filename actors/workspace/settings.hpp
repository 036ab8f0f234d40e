#pragma once

#include "actors/workspace/file_owner.hpp"
#include "messages/event.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

namespace workspace_supervisor {

using milliseconds = std::chrono::milliseconds;
using seconds = std::chrono::seconds;

/// One workspace: what differs between those of a process.
struct workspace_settings {
  std::string id;
  std::string platform_url;
  std::string configs_dir;
  std::string results_file;
  std::string socket; ///< a control socket that serves this workspace alone; "": none

  bool operator==(const workspace_settings&) const = default;
};

struct heartbeat_settings {
  milliseconds interval{30000};
  milliseconds timeout{10000};
  milliseconds retry_min{1000};
  int reconnect_after = 10;
  milliseconds liveness_ttl{180000};
};

struct delegation_settings {
  milliseconds interval{30000};
  milliseconds timeout{10000};
  std::size_t max_response = 16777216; ///< bytes
  milliseconds backlog{3600000};
};

struct parent_settings {
  milliseconds timeout{10000};
  milliseconds ttl{600000};
};

enum class notify_user { all, failures, none };

struct notifier_settings {
  milliseconds cooldown{60000};
  milliseconds timeout{120000};
  notify_user notify = notify_user::all;
  int max_per_hour = 30;
  milliseconds max_age{86400000};
};

enum class agent_restart { always, on_failure, never };

/// Who the agent runs as.
struct agent_user {
  bool given = false; ///< false: as ourselves
  uid_t user = 0;
  gid_t group = 0;
  std::string name; ///< as it was configured
};

struct agent_settings {
  std::vector<std::string> command;
  agent_user user;
  bool expected = false;
  milliseconds start_timeout{60000};
  agent_restart restart = agent_restart::on_failure;
  milliseconds stop_timeout{10000};
  milliseconds grace{10000};
  milliseconds task_stale_after{0}; ///< 0: off
};

struct supervision_settings {
  int max_restarts = 10; ///< in a row
  milliseconds within{60000};
  milliseconds backoff_min{100};
  milliseconds backoff_max{30000};
  bool may_be_empty = false; ///< no workspace is configured, and all are added as it runs
  bool fault_injection = false;
};

struct control_settings {
  std::string socket;                  ///< path; as an effective value never ""
  std::string http = "127.0.0.1:9640"; ///< "": off
  std::vector<std::string> http_hosts;
};

/// The effective configuration of the process. Immutable after the start.
struct settings {
  std::vector<workspace_settings> workspaces; ///< `workspace` first, if there is one, then `workspaces` by id
  bool has_main = false;                      ///< the first one is `workspace`
  std::string platform_url;                   ///< of workspaces that name none; "": each has to
  std::string state_dir;
  heartbeat_settings heartbeat;
  delegation_settings delegation;
  parent_settings parent;
  notifier_settings notifier;
  agent_settings agent;
  supervision_settings supervisor;
  control_settings control;
  std::string ca_file; ///< "": the system store
  milliseconds connect_timeout{5000};
  log_level level = log_level::info;
  log_format format = log_format::text;
  std::map<std::string, std::string>
      caf; ///< key below `caf.` in CAF 1.x's names, value as written (strings without quotes)
};

/// Who the files that are shared with the agent belong to.
inline file_owner owner_of_files(const settings& configuration) {
  const auto& user = configuration.agent.user;
  return {user.given, user.user, user.group};
}

} // namespace workspace_supervisor
