#pragma once

// The room of HTTP: requests to platforms, over connections that are kept, with TLS, deadlines and look-ups,
// on the loop.

#include "actors/http/resolver.hpp"
#include "actors/workspace/platform_url.hpp"
#include "messages/platform.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace workspace_supervisor {

struct http_request {
  platform_url url;                                         ///< base; `target` is appended to its prefix
  workspace_number owner = 0;                               ///< whom `cancel` knows it by
  std::string method;                                       ///< "GET" or "POST"
  std::string target;                                       ///< begins with '/'
  std::vector<std::pair<std::string, std::string>> headers; ///< besides those the engine sets
  std::string body;                                         ///< sent as application/json when not empty
  request_lane lane = request_lane::poll;
  std::chrono::milliseconds timeout{10000}; ///< from `send` to the end of the answer; lane message: from the
                                            ///< moment its connection is asked for
  std::size_t max_body = 65536;             ///< bytes read of the answer's body, see `expects_json`
  bool expects_json =
      false; ///< true (a GET): a longer body, another type or an encoding of a 2xx is a failure;
             ///< false (a POST): the status decides, of a longer body the first bytes are kept,
             ///< and once the head has come a body that breaks off or is late changes nothing
  bool repeatable = false; ///< repeated once on a new connection when a reused one was closed before the
                           ///< first byte of an answer
  bool fresh_connection = false; ///< neither takes a kept connection nor leaves one
};

/// How a request ended. `answered` alone has a status.
enum class http_outcome {
  answered,
  bad_answer, ///< an answer came, but not of the expected type, size or encoding, or not HTTP
  resolve_failed,
  connect_failed,         ///< also: refused unsent, since a header or the target could not be sent as it is
  tls_failed,             ///< handshake, certificate or host name
  closed,                 ///< closed or reset before the whole answer had come
  timed_out,              ///< not answered in time, and not known to have arrived whole
  timed_out_acknowledged, ///< not answered in time, but the peer's TCP has acknowledged the whole request
  cancelled               ///< the engine stopped
};

struct http_response {
  http_outcome outcome = http_outcome::cancelled;
  int status = 0; ///< 0 unless answered (or bad_answer after a status line)
  std::string body;
  std::string error; ///< empty when answered: what failed and where; never holds a header value or a token
  std::int64_t retry_after_ms = -1; ///< of a Retry-After header in seconds or as a date; -1: none
  std::int64_t date = 0;            ///< of the Date header, seconds since the epoch; 0: none
  double seconds = 0;               ///< from the first byte sent to the last received (steady clock)
};

struct http_engine_options {
  std::string user_agent;
  std::string ca_file;                             ///< "": the system's store (read only when a URL is https)
  std::chrono::milliseconds connect_timeout{5000}; ///< resolve, connect and handshake together
  std::size_t connections_per_lane = 256; ///< at most so many for each origin and lane; more requests wait
  std::chrono::milliseconds idle_timeout{75000}; ///< a kept connection idle for longer is closed
  std::function<resolved_host(const std::string& host)> look_up; ///< none: the system's resolver; may block
};

/// A pooling HTTP/1.1 client on the loop. Every step has a deadline; no look-up holds the loop up. To be used
/// on the loop's thread alone, where not said otherwise.
class http_engine {
public:
  /// Called exactly once for each request, perhaps before `send` returns; must not block or throw.
  using completion = std::function<void(http_response)>;

  http_engine(boost::asio::io_context& loop, http_engine_options options);
  http_engine(const http_engine&) = delete;
  http_engine& operator=(const http_engine&) = delete;
  /// Stops at once; completes what is under way as `cancelled`. A look-up that hangs is left behind.
  ~http_engine();

  void send(http_request request, completion done);
  /// Closes the origin's idle connections, lets none that is in use be kept, and resolves its host anew.
  void reconnect(const platform_url& url);
  /// Ends the owner's requests as cancelled, and forgets what is known of hosts that nobody has a connection
  /// with.
  void cancel(workspace_number owner);
  /// Number of connections open now, for stats and tests. Any thread.
  std::size_t open_connections() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace workspace_supervisor
