#pragma once

// The room of the dev platform: a small platform on loopback, with faults to order, that the dev mode and the
// tests run against. It uses nothing of the supervisor.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace workspace_supervisor {

/// What a request asks of the platform. `any` is for filters and faults alone.
enum class request_class { beat, delegations, workspace, a2a, notify, other, any };

/// "beat", "delegations", …
const char* to_string(request_class kind);

/// A request as it arrived, and what became of it.
struct recorded_request {
  std::uint64_t seq = 0;                          ///< from 1, in order of arrival
  std::chrono::steady_clock::time_point at;       ///< when it had been read whole
  std::chrono::system_clock::time_point wall;     ///< the same moment
  std::chrono::steady_clock::time_point ended_at; ///< valid with `ended`
  std::uint64_t connection = 0;                   ///< from 1, in order of acceptance: equal means reused
  unsigned on_connection = 0;                     ///< 1: the first request of its connection
  request_class kind = request_class::other;
  std::string workspace; ///< decoded, from the path (of a beat: from its body); "": none
  std::string method;
  std::string target; ///< as sent, with the prefix
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  int status = 0;               ///< as answered; 0: not answered (yet)
  std::uint64_t bytes_sent = 0; ///< of the answer; set with `ended`
  bool ended = false;           ///< answered, or closed by either side
  bool client_gone = false;     ///< the client closed before the answer's end
  std::string fault;            ///< the name of the fault that it met; "": none

  /// The first header of that name, in any case; "" when there is none.
  std::string header(const std::string& name) const;
};

/// A delivered beat.
struct platform_beat {
  std::chrono::steady_clock::time_point at;
  std::chrono::system_clock::time_point wall;
  std::string workspace;
  double error_rate = 0;
  std::string sample_error;
  std::int64_t active_tasks = 0;
  std::string current_task;
  std::int64_t uptime_seconds = 0;
  std::string runtime_state;    ///< "" when absent
  std::string runtime_metadata; ///< JSON text, "" when absent
  std::string raw;              ///< the body as it came
};

/// A delivered self-message.
struct platform_message {
  std::chrono::steady_clock::time_point at;
  std::string workspace;
  std::string message_id;
  std::string text;
};

/// A delivered notification of the user.
struct platform_notification {
  std::chrono::steady_clock::time_point at;
  std::string workspace;
  std::string type;
  std::string message;
};

/// A delegation's row as the platform lists it. An empty field is listed as "".
struct platform_delegation {
  std::string id; ///< "": one is made
  std::string type = "delegation";
  std::string delegation_id;
  std::string source_id;
  std::string target_id;
  std::string summary;
  std::string status;
  std::string error;
  std::string response_preview;
  std::string created_at; ///< RFC 3339; "": now
};

/// A workspace as the platform knows it.
struct platform_workspace {
  std::string id;
  std::string name;
  std::string parent_id;  ///< "": none, told as null
  std::string token;      ///< "": none is asked for
  std::string token_file; ///< where a rotated token is written to; "": nowhere
  bool online = false;    ///< a beat came within the liveness TTL
  std::uint64_t beats = 0;
  platform_beat last_beat;                 ///< valid when `beats` is not 0
  std::array<std::uint64_t, 6> requests{}; ///< by request_class, delivered or not
};

/// An arrival in its smallest form: kept even where whole requests are not.
struct platform_arrival {
  std::chrono::steady_clock::time_point at;
  std::uint32_t workspace = 0; ///< the how many-eth workspace to be added, from 0; 2^32-1: unknown
  request_class kind = request_class::other;
};

struct platform_counts {
  std::uint64_t requests = 0; ///< all that arrived, those no longer kept included
  std::uint64_t answered = 0;
  std::array<std::uint64_t, 6> by_class{}; ///< arrived, by request_class
  std::uint64_t unauthorized = 0;          ///< answered 401
  std::uint64_t bad_requests = 0;          ///< could not be parsed as HTTP
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_open = 0;
  std::uint64_t handshakes_failed = 0;
  std::uint64_t hanging = 0; ///< requests that a `hang` holds now
};

enum class fault_action {
  answer,             ///< the right answer, after `delay` and with `headers`
  reject_token,       ///< 401, until the workspace's token is another than when this was ordered
  status,             ///< `status` with `headers` and `body`
  hang,               ///< nothing until released or cleared; then the right answer
  close,              ///< closed before the answer
  close_in_body,      ///< half of the right answer's body, then closed
  reset,              ///< RST in place of an answer
  slow,               ///< the right answer, a byte each `interval`
  large_body,         ///< a JSON array of `bytes` bytes, framed as `framing` says
  invalid_json,       ///< 200 and a JSON text that breaks off
  wrong_content_type, ///< the right answer as text/html
  gzip,               ///< 200 with Content-Encoding gzip
  raw,                ///< `body` as it is (something that is not HTTP when empty), then closed
  huge_headers,       ///< the right answer with a header of `bytes` bytes
  close_after         ///< the right answer with keep-alive, then the connection is closed
};

enum class body_framing { content_length, chunked, until_close };

/// An order to misbehave. The first that fits a request, in the order they were given, is applied. Where the
/// right answer goes out, however late or maimed, the request has had its effect; otherwise it has none.
struct platform_fault {
  fault_action action = fault_action::status;
  request_class kind = request_class::any;
  std::string workspace;    ///< "": every
  unsigned times = 0;       ///< requests that it applies to; 0: until cleared
  unsigned skip = 0;        ///< let so many pass first
  bool reused_only = false; ///< only to requests that are not the first of their connection
  int status = 500;         ///< of `status`
  std::vector<std::pair<std::string, std::string>> headers; ///< replace those of equal name
  std::string body;
  std::chrono::milliseconds delay{0};     ///< before anything is sent, with any action
  std::chrono::milliseconds interval{10}; ///< of `slow`
  std::size_t bytes = 20u << 20;          ///< of `large_body` and `huge_headers`
  body_framing framing = body_framing::content_length;
};

/// What the platform saw or did, for a spectator.
struct platform_event {
  enum class kind { request, online, offline, token_rotated, delegation_added };
  kind what = kind::request;
  std::chrono::system_clock::time_point wall;
  std::string workspace;
  request_class request = request_class::other; ///< of a `request`
  int status = 0;                               ///< of a `request`: as answered
  std::string text; ///< of a beat its current task, of a message or notification its text, of a
                    ///< delegation its id and status
};

/// whole: requests, beats, messages and notifications; counting: counts and arrivals alone.
enum class platform_recording { whole, counting };

struct platform_options {
  std::uint16_t port = 0;       ///< on 127.0.0.1; 0: a free one
  std::string certificate_file; ///< PEM chain; with `key_file`: https
  std::string key_file;
  std::string prefix;                             ///< of every path, such as "/api"
  std::chrono::milliseconds liveness_ttl{180000}; ///< silent for longer: offline
  platform_recording recording = platform_recording::whole;
  std::size_t keep = 200000; ///< of each list of records the newest so many (of arrivals ten times that)
  int message_status = 200;  ///< of a delivered self-message: 200 or 202
  bool admin = false;        ///< serve /_admin/ there and, as plain http, on a port of its own
  std::uint16_t admin_port = 0;
  /// Called for each event, on the server's thread or (of what a function of the server did) on the
  /// caller's; must not block. May call the server.
  std::function<void(const platform_event&)> on_event;
};

struct platform_state;

/// What `wait_until` shows: valid within the predicate, which must not call the server.
class platform_view {
public:
  explicit platform_view(const platform_state& state)
      : state_(state) {}
  const platform_counts& counts() const;
  const std::deque<recorded_request>& requests() const; ///< oldest first
  const std::deque<platform_beat>& beats() const;
  const std::deque<platform_message>& messages() const;
  const std::deque<platform_notification>& notifications() const;
  const platform_workspace* workspace(const std::string& id) const; ///< null: unknown
  /// Arrived requests of a class and workspace ("": all). With `status`: kept ones answered so.
  std::size_t count(request_class kind, const std::string& workspace = "", int status = -1) const;

private:
  const platform_state& state_;
};

/// A platform on loopback: a real HTTP(S) server, with a model of workspaces behind it, a record of what
/// came, and faults to order. It runs on a thread of its own; every function may be called from any thread.
class platform_server {
public:
  /// Listens when it returns. @throws std::runtime_error when the port, certificate or key cannot be used.
  explicit platform_server(platform_options options = {});
  platform_server(const platform_server&) = delete;
  platform_server& operator=(const platform_server&) = delete;
  /// Closes everything at once.
  ~platform_server();

  std::string url() const; ///< "http://127.0.0.1:PORT" and the prefix
  std::uint16_t port() const;
  std::string admin_url() const; ///< "" without `admin`

  /// Adds or replaces a workspace. @returns its token: `token`, or when that is "" a new one.
  std::string add_workspace(const std::string& id, const std::string& name, const std::string& parent_id = "",
                            const std::string& token = "", const std::string& token_file = "");
  /// The same, for which no token is asked.
  void add_open_workspace(const std::string& id, const std::string& name, const std::string& parent_id = "");
  void remove_workspace(const std::string& id);
  /// A new token; the old one is refused from now on. Written to the workspace's token file if it has one and
  /// `write_file`. @returns the new token; "" when there is no such workspace.
  std::string rotate_token(const std::string& id, bool write_file = true);
  void set_token(const std::string& id, const std::string& token);
  /// Writes the present token to the token file as an operator would (0600, renamed into place).
  /// @returns false when there is none or it cannot be written.
  bool write_token_file(const std::string& id);
  /// A copy; with an empty id when there is no such workspace.
  platform_workspace workspace(const std::string& id) const;

  /// Puts a row in front of the workspace's list, of which the newest comes first.
  void add_delegation(const std::string& workspace, platform_delegation row);
  /// The same for a row as JSON text of any kind; not checked.
  void add_raw_delegation(const std::string& workspace, const std::string& json);
  /// Replaces the list; `rows` in the order in which they are listed.
  void set_raw_delegations(const std::string& workspace, std::vector<std::string> rows);

  void set_message_status(int status); ///< see platform_options::message_status
  void set_recording(platform_recording recording);

  /// @returns a number to clear it by.
  std::uint64_t order(platform_fault fault);
  void clear_fault(std::uint64_t id); ///< and releases what it holds
  void clear_faults();                ///< and releases all that hang
  void release();                     ///< lets every hanging request be answered; the order stays

  void stop_listening(); ///< connections stay; new ones are refused
  void listen_again();   ///< on the same port. @throws std::runtime_error when it is taken
  /// false: connections are accepted, but nothing is read (no handshake, no answer) until true.
  void set_reading(bool reading);
  void close_connections(bool idle_only = false);

  /// Waits until `predicate` holds, which is tried after each change. @returns whether it did in time.
  bool wait_until(const std::function<bool(const platform_view&)>& predicate,
                  std::chrono::milliseconds timeout = std::chrono::seconds{30}) const;
  /// Waits for `count` requests of that class and workspace ("": all) since the start.
  bool wait_for(request_class kind, std::size_t count = 1, const std::string& workspace = "",
                std::chrono::milliseconds timeout = std::chrono::seconds{30}) const;
  /// Copies of the kept requests that fit, oldest first.
  std::vector<recorded_request> requests(request_class kind = request_class::any,
                                         const std::string& workspace = "") const;
  std::vector<recorded_request> requests(const std::function<bool(const recorded_request&)>& filter) const;
  std::vector<platform_beat> beats(const std::string& workspace = "") const;
  std::vector<platform_message> messages(const std::string& workspace = "") const;
  std::vector<platform_notification> notifications(const std::string& workspace = "") const;
  std::vector<platform_arrival> arrivals(request_class kind = request_class::any) const;
  platform_counts counts() const;
  /// Forgets every record; counts, numbering and the model stay.
  void forget_records();

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace workspace_supervisor
