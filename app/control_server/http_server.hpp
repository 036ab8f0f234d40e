#pragma once

// The room of the control server: HTTP/1.1 on Unix sockets and TCP, whatever it is that is asked.

#include "actors/supervision/event_sink.hpp"
#include "messages/control.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

namespace workspace_supervisor {

class actor_loop;

/// Who called over a Unix socket, as the kernel says.
struct control_peer {
  bool known = false; ///< false: over TCP
  pid_t process = 0;
  uid_t user = 0;
};

/// An answer that goes on until somebody ends it. Any thread.
class control_stream {
public:
  virtual ~control_stream() = default;
  /// Sends this, unless the client reads too slowly for it to be kept. @returns whether it was taken.
  virtual bool send(std::string bytes) = 0;
  virtual void close() = 0;
};

/// One request that waits for its answer. Destroyed without one it is answered 503. Any thread, but where it
/// is said otherwise.
class control_exchange {
public:
  virtual ~control_exchange() = default;
  virtual const control_request& request() const = 0;
  virtual control_peer peer() const = 0;
  /// Answers; what comes after the first answer is ignored.
  virtual void answer(control_answer answer) = 0;
  /// Whether an answer would still be of use.
  virtual bool waits() const = 0;
  /// Is there no other answer within `patience`, this one is given. Within the handler alone, once.
  virtual void answer_after(std::chrono::milliseconds patience, control_answer answer) = 0;
  /// Answers 200 with a stream; a comment line goes out whenever it was silent for a while. `ended` is called
  /// once on the loop's thread when it has ended, whoever ended it. Within the handler alone.
  virtual std::shared_ptr<control_stream> open_stream(std::string content_type, std::string first_bytes,
                                                      std::function<void()> ended) = 0;
};

/// Bounds of what a client may cost.
struct http_limits {
  std::size_t connections = 64;              ///< a listener, streams not counted
  std::size_t health_connections = 4;        ///< besides those; for /healthz alone
  std::size_t header = 16384;                ///< bytes
  std::size_t body = 65536;                  ///< bytes
  std::chrono::milliseconds owed{10000};     ///< for the rest of a request, and for an answer to be read
  std::chrono::milliseconds answer{60000};   ///< for all of an answer to be read
  std::chrono::milliseconds idle{60000};     ///< between requests
  std::chrono::milliseconds comment{15000};  ///< silence of a stream before a comment line
  std::chrono::milliseconds tcp_retry{5000}; ///< while the address is taken
  std::size_t stream_queue = 262144;         ///< bytes that wait for a stream's reader
};

/// A Unix socket to be served.
struct http_unix_listener {
  std::string path;
  std::string workspace; ///< the one workspace that it serves; "": all
};

struct http_server_options {
  std::vector<http_unix_listener> sockets;
  std::vector<uid_t> users;  ///< whose processes are served there, besides root's
  bool change_owner = false; ///< the sockets are given to `owner` and `group`
  uid_t owner = 0;
  gid_t group = 0;
  std::string http;                    ///< "ADDRESS:PORT" for reading over TCP; "": none
  std::vector<std::string> http_hosts; ///< further names under which it may be asked there
  http_limits limits;
  event_sink* events = nullptr; ///< outlives the server
  /// Answers a request: now, or later through the exchange. On the loop's thread; must not block or throw.
  std::function<void(std::shared_ptr<control_exchange>)> handle;
};

/// How binding the Unix sockets went.
struct http_listen_result {
  bool in_use = false; ///< another process serves one of them
  std::string socket;  ///< the path of the one that cannot be bound
  std::string error;   ///< which socket cannot be bound, why, and what to do; empty: all are bound
};

/// An HTTP/1.1 server on Unix sockets and, for reading alone, on one TCP address; on the loop's thread.
/// What stands between the clients and the handler is all here: limits, time-outs, who may ask. Functions are
/// called by one thread, where it is not said otherwise.
class http_server {
public:
  http_server(actor_loop& loop, http_server_options options);
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;
  /// Stops.
  ~http_server();

  /// Binds the Unix sockets, each of mode 0600; one that a dead process has left is replaced. All or none.
  http_listen_result listen();
  /// Serves from now on. A TCP address that is taken is tried again and again.
  void start();
  /// Serves one more Unix socket, or says why it cannot; one that it serves for this workspace already stays
  /// as it is. Any thread but the loop's, once it has started.
  http_listen_result add_socket(const http_unix_listener& wanted);
  /// Closes the sockets that serve this workspace alone, and their connections. Any thread but the loop's.
  void remove_sockets(const std::string& workspace);
  /// Closes everything at once, and removes the sockets that are still ours.
  void stop();
  /// The port that TCP is served on now; 0: none. Any thread.
  std::uint16_t tcp_port() const;
  /// Connections open now, streams included. Any thread; for tests.
  std::size_t open_connections() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// `{"error":{"code":…,"message":…}}` with the code of the status.
control_answer error_answer(int status, const std::string& message);

} // namespace workspace_supervisor
