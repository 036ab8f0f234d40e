#pragma once

#include "app/control_server/http_server.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace workspace_supervisor {

class http_session;
class queued_stream;

/// What all connections of a listener share. The loop's thread alone.
struct http_listener {
  std::string workspace; ///< the one workspace that it serves; "": all
  bool tcp = false;
  std::uint16_t port = 0;      ///< of TCP
  std::string address;         ///< of TCP, as it was configured, without the port
  std::size_t open = 0;        ///< connections, streams and those for /healthz not counted
  std::size_t health_open = 0; ///< connections for /healthz alone
};

/// What all sessions of a server share; exchanges that outlive the server see that it is gone.
struct http_server_core {
  http_server_core(boost::asio::io_context& context, http_server_options configured)
      : options{std::move(configured)}
      , io{context} {}
  http_server_options options;
  boost::asio::io_context& io;
  std::atomic<bool> stopping{false};
  std::atomic<std::size_t> connections{0};
  std::set<http_session*> sessions; ///< the loop's thread alone
  std::uint64_t last_session = 0;   ///< the loop's thread alone
  std::function<void()> drained;    ///< called when the last session has gone; the loop's thread alone
};

/// One connection: reads requests one after another, and answers each before it reads the next.
class http_session : public std::enable_shared_from_this<http_session> {
public:
  using socket = boost::asio::generic::stream_protocol::socket;

  http_session(std::shared_ptr<http_server_core> core, std::shared_ptr<http_listener> listener, socket client,
               bool health_only);
  http_session(const http_session&) = delete;
  http_session& operator=(const http_session&) = delete;
  ~http_session();

  /// Serves the connection to its end.
  static boost::asio::awaitable<void> run(std::shared_ptr<http_session> self);
  /// Ends it at once.
  void close();

  const http_listener* listener() const { return listener_.get(); }
  /// Kept for /healthz alone.
  bool health_only() const { return health_only_; }
  /// Nothing of a request has come since the last answer, or ever.
  bool silent() const { return silent_; }
  /// It has been answered before.
  bool used() const { return used_; }
  /// It has asked, and we owe the answer: otherwise we wait for the client.
  bool is_answered() const { return is_answered_; }
  bool is_closed() const { return closed_; }
  /// Counts all sessions: which one came first.
  std::uint64_t number() const { return number_; }

  // Called by the exchange, on the loop's thread.
  void take_answer(std::uint64_t exchange, control_answer answer);
  void set_fallback(std::chrono::milliseconds patience, control_answer answer);
  void become_stream(std::shared_ptr<queued_stream> stream, std::string content_type,
                     std::function<void()> ended);
  /// There is something to do for the stream.
  void wake() { wake_.cancel(); }

private:
  template <class Result>
  using awaitable = boost::asio::awaitable<Result>;
  using request_parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  void arm(std::chrono::milliseconds patience);
  void watch(std::uint64_t generation, std::chrono::milliseconds patience);
  void disarm() { ++generation_; }
  void leave();

  /// @returns whether to go on with the connection.
  awaitable<bool> serve_one();
  awaitable<bool> wait_for_bytes();
  awaitable<boost::system::error_code> read_request(request_parser& parser,
                                                    std::optional<control_answer>& refusal);
  std::optional<control_answer> check_head(const request_parser& parser) const;
  std::optional<control_answer> check_tcp(const request_parser& parser) const;
  bool known_host(const std::string& host) const;
  std::optional<control_answer> answer_for(boost::system::error_code error) const;
  awaitable<control_answer> ask_handler(request_parser& parser);
  awaitable<bool> write(std::string head, const std::string& body);
  awaitable<bool> write_answer(const control_answer& answer, unsigned version, bool keep, bool with_body);
  awaitable<void> linger();
  awaitable<void> serve_stream();
  static awaitable<void> watch_for_end(std::shared_ptr<http_session> self);

  std::shared_ptr<http_server_core> core_;
  std::shared_ptr<http_listener> listener_;
  socket socket_;
  control_peer peer_;
  std::string local_address_; ///< of TCP
  bool health_only_;
  std::uint64_t number_;
  bool left_ = false; ///< no longer counted as a connection of the listener
  bool silent_ = true;
  bool used_ = false;
  bool is_answered_ = false;
  bool closed_ = false;

  boost::asio::steady_timer deadline_;
  std::uint64_t generation_ = 0; ///< of the deadline
  bool timed_out_ = false;

  boost::asio::steady_timer wake_; ///< cancelled when there is something to do
  std::uint64_t exchange_ = 0;     ///< number of the one that is waited for
  std::optional<control_answer> answer_;
  std::optional<control_answer> fallback_;
  std::chrono::milliseconds fallback_patience_{0};
  std::shared_ptr<queued_stream> stream_;
  std::string stream_type_;
  std::function<void()> stream_ended_;

  boost::beast::flat_buffer buffer_;
};

} // namespace workspace_supervisor
