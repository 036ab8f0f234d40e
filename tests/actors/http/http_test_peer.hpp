#pragma once

#include "actors/http/http_engine.hpp"

#include <atomic>
#include <functional>
#include <future>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace workspace_supervisor::testing {

/// One connection as the peer sees it; blocks, with a limit of 30 s a read.
class peer_connection {
public:
  explicit peer_connection(int socket)
      : socket_(socket) {}
  virtual ~peer_connection();
  peer_connection(const peer_connection&) = delete;
  peer_connection& operator=(const peer_connection&) = delete;

  /// Reads one request, head and body. @returns "" when the client has closed.
  std::string read_request();
  void write(const std::string& text);
  /// Waits until the client has closed the connection, reading over what comes.
  void wait_for_end();
  /// Has the connection reset when it is closed.
  void reset_on_close();
  int socket() const { return socket_; }

protected:
  virtual long read_some(char* data, std::size_t size);
  virtual bool write_all(const std::string& text);

private:
  int socket_;
  std::string rest_;
};

/// A server that plays a script on each connection, on a thread of its own. The number of the connection,
/// from 0, tells the script which it is.
class test_peer {
public:
  using script = std::function<void(peer_connection& connection, int number)>;
  using wrapper = std::function<std::unique_ptr<peer_connection>(int socket)>;

  explicit test_peer(script play, wrapper wrap = {}, const std::string& address = "127.0.0.1");
  ~test_peer();

  std::uint16_t port() const { return port_; }
  platform_url url() const;
  int connections() const { return connections_; }

private:
  void serve();

  script play_;
  wrapper wrap_;
  std::string address_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::list<int> open_;
  std::vector<std::thread> players_;
  std::thread thread_;
};

/// Answers `text` to every request of a connection until the client closes it.
test_peer::script answer_always(std::string text);

/// A whole answer with a JSON body.
std::string json_answer(const std::string& body, const std::string& more_headers = {});

http_request get(const platform_url& url, const std::string& target = "/x");
http_request post(const platform_url& url, const std::string& body = "{}");

/// An engine on a loop of its own, to be used from any thread.
class test_engine {
public:
  explicit test_engine(http_engine_options options);
  ~test_engine();
  test_engine(const test_engine&) = delete;
  test_engine& operator=(const test_engine&) = delete;

  void send(http_request request, http_engine::completion done);
  void reconnect(const platform_url& url);
  void cancel(workspace_number owner);
  std::size_t open_connections() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// Begins a request. The future is ready once it has been completed.
std::future<http_response> begin(test_engine& engine, http_request request);
/// Sends and waits, 30 s at most.
http_response ask(test_engine& engine, http_request request);
http_response wait_for(std::future<http_response>& answer);

} // namespace workspace_supervisor::testing
