#pragma once

#include "app/dev_platform/platform.hpp"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <unordered_map>

namespace workspace_supervisor {

/// A request taken apart: plain values, read from the wire without a look at the model.
struct platform_call {
  request_class kind = request_class::other;
  std::string workspace;
  bool has_token = false;
  std::string token;
  std::string sender;   ///< X-Workspace-ID
  int error_status = 0; ///< not 0: what is wrong with the request's form, as a status
  std::string error;
  std::string rpc_id = "null"; ///< JSON text
  platform_beat beat;
  platform_message message;
  platform_notification notification;
};

struct platform_reply {
  int status = 200;
  std::string body;
};

struct workspace_entry {
  platform_workspace info;
  std::uint32_t index = 0;      ///< in order of addition
  std::uint64_t rotation = 0;   ///< the number of its last change of token
  std::deque<std::string> rows; ///< JSON texts, newest first
  std::string listing = "[]";   ///< `rows` as one JSON array
  bool listing_is_current = true;
  std::chrono::steady_clock::time_point last_beat_at;
};

struct ordered_fault {
  std::uint64_t id = 0;
  platform_fault fault;
  std::uint64_t rotation = 0; ///< the newest change of a token when it was ordered
  unsigned skipped = 0;
  unsigned applied = 0;
};

/// Everything that the platform knows, behind one mutex. Members are touched under `mutex` alone; the
/// functions take it themselves.
struct platform_state {
  explicit platform_state(const platform_options& options);

  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  mutable unsigned waiting = 0; ///< in `wait_until`: who does not wait is not notified

  std::size_t keep;
  platform_recording recording;
  int message_status;
  std::chrono::milliseconds liveness_ttl;
  std::function<void(const platform_event&)> on_event; ///< never changes; called without the mutex

  std::unordered_map<std::string, workspace_entry> workspaces;
  std::unordered_map<std::string, std::string> tokens; ///< token to workspace
  std::uint32_t next_index = 0;
  std::uint64_t rotations = 0;
  std::uint64_t next_row = 1;

  std::deque<ordered_fault> faults;
  std::uint64_t next_fault = 1;

  platform_counts counts;
  std::deque<recorded_request> requests;
  std::deque<platform_beat> beats;
  std::deque<platform_message> messages;
  std::deque<platform_notification> notifications;
  std::deque<platform_arrival> arrivals;

  /// Records an arrival, gives it its number, and chooses the fault that it meets.
  std::uint64_t arrived(recorded_request&& request, const std::string& workspace,
                        std::optional<ordered_fault>& fault);
  /// The right answer, with its effect on the model. `status` is recorded.
  platform_reply answer(std::uint64_t seq, const platform_call& call);
  /// Records what a request is answered with where that is not the right answer.
  void answering(std::uint64_t seq, const platform_call& call, int status);
  void ended(std::uint64_t seq, std::uint64_t bytes_sent, bool client_gone);
  /// Applies `change` to the counts.
  void count(const std::function<void(platform_counts&)>& change);
  bool keeps_requests() const; ///< whether whole requests are recorded now

  /// Marks workspaces whose TTL has run out as offline.
  void check_liveness();
  /// One that asks for no token; in the place of the one of that id.
  void add_workspace(const std::string& id, const std::string& name, const std::string& parent_id);
  void remove_workspace(const std::string& id);
  std::string set_token(const std::string& id, const std::string& token);
  void add_row(const std::string& workspace, std::string json, const std::string& text);
  void emit(platform_event event) const;
  template <class T>
  std::vector<T> copy_of(const std::deque<T>& list, const std::string& workspace) const {
    std::lock_guard lock{mutex};
    std::vector<T> result;
    for (const auto& item : list)
      if (workspace.empty() || item.workspace == workspace)
        result.push_back(item);
    return result;
  }
  void notify() const;                       ///< under the mutex
  recorded_request* find(std::uint64_t seq); ///< under the mutex; null: not kept
};

/// Takes a request apart. `target` has no prefix any more.
platform_call parse_call(const std::string& method, const std::string& target, const std::string& body,
                         const std::function<std::string(const char*)>& header, bool has_authorization);
/// Under the state's mutex: the right answer to `call`, and its effect; `events` are to be emitted after.
platform_reply answer_call(platform_state& state, const platform_call& call,
                           std::vector<platform_event>& events);
/// A row as JSON text.
std::string delegation_text(const platform_delegation& row);
std::string error_text(const std::string& message);               ///< {"error":"…"}
std::string utc_time(std::chrono::system_clock::time_point time); ///< RFC 3339, microseconds, "Z"
std::string new_token();

/// Serves /_admin/…; `server` is called for what it can do.
platform_reply answer_admin(platform_server& server, platform_state& state, const std::string& method,
                            const std::string& target, const std::string& body);
const char* to_string(fault_action action);

} // namespace workspace_supervisor
