#pragma once

#include "actors/platform/http_pool.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

namespace workspace_supervisor {

/// A socket as Asio's reactor sees it: all reading and writing is done by system calls that do not block, so
/// that a waiting connection needs no buffer.
using socket_handle = boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type>;

/// Connecting to one of several addresses: tries them in turn, the next one when one has failed or has kept
/// us waiting, and takes the first that answers.
class http_dialler final : public timed {
public:
  http_dialler(http_core& core, http_connection& connection, const std::vector<std::string>& addresses,
               std::uint16_t port);
  ~http_dialler();

  void start();
  /// The socket of this attempt has become connected, or has failed.
  void attempt_ended(std::size_t index);
  void expired(steady_time now) override;

private:
  struct attempt {
    std::size_t index; ///< of the address
    socket_handle socket;
  };

  enum class beginning { connected, pending, failed };

  void next();
  beginning begin(std::size_t index);

  http_core& core_;
  http_connection& connection_;
  const std::uint16_t port_;
  const std::vector<std::string> addresses_;
  std::chrono::milliseconds head_start_; ///< of each address before the next is tried beside it
  std::size_t next_ = 0;
  std::list<attempt> attempts_;
  int connected_ = -1; ///< a socket that was connected at once
  std::string last_error_;
};

/// One connection, from the look-up of its host to its end, serving one request at a time.
class http_connection final : public std::enable_shared_from_this<http_connection> {
public:
  http_connection(http_core& core, http_pool& pool);

  /// Begins to connect, for `exchange`.
  void start(exchange_ptr exchange);
  /// Serves another request, being idle.
  void serve(exchange_ptr exchange);
  /// The request's deadline, or the one for connecting, has passed.
  void deadline_passed(steady_time now);
  void cancel();
  /// Closes an idle connection.
  void close_idle();
  /// @returns whether the peer has closed the idle connection, or said something unasked.
  bool is_stale() const;
  steady_time idle_since() const { return idle_since_; }

  // from the look-up, the reactor and the dialler
  void addresses_found(const resolved_host& found);
  void attempt_ended(std::size_t index);
  void connect_succeeded(int socket, const std::string& address);
  void connect_failed(const std::string& error);

  std::size_t index_in_pool = 0;

private:
  enum class stage { resolving, connecting, handshaking, busy, idle, closed };

  void dial(const std::vector<std::string>& addresses);
  void step_handshake();
  void begin_exchange();
  void step_write(const char* data, std::size_t size);
  void step_read();
  void check_idle();
  void wait_readable();
  void wait_writable();
  void readable();
  void writable();

  io_result read_some(char* data, std::size_t size);
  io_result write_some(const char* data, std::size_t size);

  bool status_decides() const;
  bool peer_has_acknowledged_all() const;
  void ended(const std::string& error);
  void finish();
  void fail(http_outcome outcome, const std::string& error);
  void close();
  std::string place() const;

  http_core& core_;
  http_pool& pool_;
  const std::uint64_t generation_;
  stage stage_ = stage::resolving;
  socket_handle socket_;
  std::unique_ptr<tls_channel> tls_;
  std::unique_ptr<http_dialler> dialler_;
  exchange_ptr exchange_;
  steady_time connect_deadline_{};
  steady_time idle_since_{};
  bool waits_readable_ = false;
  bool waits_writable_ = false;
  bool counted_ = false; ///< in the number of open connections
  bool used_ = false;    ///< has served a request
};

} // namespace workspace_supervisor
