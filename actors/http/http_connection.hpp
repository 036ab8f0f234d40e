#pragma once

#include "actors/http/http_dialler.hpp"
#include "actors/http/http_pool.hpp"
#include "actors/http/http_request_text.hpp"
#include "actors/http/http_tls.hpp"

#include <vector>

namespace workspace_supervisor {

/// One connection, from the look-up of its host to its end, serving one request at a time: a coroutine that
/// connects and then reads for as long as the connection is open, so that an idle one hears of its peer's
/// end. Requests are written beside it.
class http_connection final : public std::enable_shared_from_this<http_connection> {
public:
  http_connection(http_core& core, http_pool& pool);

  /// Begins to connect, for `exchange`.
  void start(exchange_ptr exchange);
  /// Serves another request, being idle.
  void serve(exchange_ptr exchange);
  /// Ends it, and what it serves, as cancelled.
  void cancel(const std::string& why);
  bool serves(workspace_number owner) const { return exchange_ && exchange_->request.owner == owner; }
  /// Closes an idle connection.
  void close_idle() { close(); }
  /// @returns whether the peer has closed the idle connection, or said something unasked.
  bool is_stale();
  /// What the look-up that was asked for has found.
  void addresses_found(const resolved_host& found);

  std::size_t index_in_pool = 0;

private:
  enum class stage { resolving, connecting, handshaking, busy, idle, closed };

  loop_task<> run();
  loop_task<bool> connect();
  loop_task<bool> resolve();
  loop_task<bool> dial();
  loop_task<bool> shake_hands();
  template <class Stream>
  loop_task<> read_answers(Stream& stream);
  loop_task<> say_goodbye();

  void begin_exchange();
  template <class Stream>
  void write(Stream& stream);
  void take(const boost::system::error_code& error, std::size_t size);
  void ended(const std::string& error);
  void finish();
  void fail(http_outcome outcome, const std::string& error);
  void close();

  void set_deadline(steady_time when);
  void arm_timer();
  void deadline_passed(steady_time now);

  bool status_decides() const;
  bool peer_has_acknowledged_all();
  std::string place() const;

  // neither may be touched once the stage is `closed`: the engine may be gone
  http_core& core_;
  http_pool& pool_;
  const std::uint64_t generation_;
  const std::shared_ptr<tls_session_slot> session_;
  stage stage_ = stage::resolving;
  resolved_host found_;
  std::shared_ptr<http_dialler> dialler_;
  tcp_socket socket_;
  std::unique_ptr<tls_stream> tls_;
  exchange_ptr exchange_;
  std::string request_;    ///< as it is written
  std::vector<char> part_; ///< of an answer, as it was read
  steady_time connect_deadline_{};
  steady_time deadline_ = steady_time::max();
  loop_timer timer_;          ///< for the deadline; set earlier than that, perhaps
  loop_timer found_or_ended_; ///< its wait ends when the look-up, or the connection, does
  bool timer_is_set_ = false;
  bool written_ = false; ///< the whole request was handed to the system
  bool used_ = false;    ///< has served a request
  bool sound_ = true;    ///< the peer has not ended it
  bool says_goodbye_ = false;
  bool counted_ = false; ///< in the number of open connections
};

} // namespace workspace_supervisor
