#pragma once

#include "actors/platform/http_answer.hpp"
#include "actors/platform/http_deadlines.hpp"
#include "actors/platform/http_engine.hpp"
#include "actors/platform/http_tls.hpp"
#include "actors/platform/resolver.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

// The parts of the HTTP engine that live on its thread: nothing here may be touched by another one.

namespace workspace_supervisor {

class http_connection;
class http_pool;
class http_core;

/// One request from `send` to its completion. Always owned by exactly one holder: the queue of its pool, or
/// the connection that serves it.
class http_exchange final : public timed {
public:
  http_exchange(http_core& core, http_request request, http_engine::completion done);
  ~http_exchange();

  /// @returns when it has to have ended.
  steady_time deadline() const { return deadline_; }
  void set_deadline(steady_time when) { deadline_ = when; }
  void expired(steady_time now) override;

  http_request request;
  http_engine::completion done;
  http_answer answer;
  http_connection* connection = nullptr; ///< that serves it; none: it waits in `pool`
  http_pool* pool = nullptr;
  std::string unsent;             ///< what the socket did not take at once
  std::size_t sent_of_unsent = 0; ///< bytes of it that went out meanwhile
  steady_time begun{};            ///< first byte written
  bool written = false;           ///< the whole request was handed to the system
  bool on_reused = false;         ///< on a connection that had served another request before
  bool write_failed = false;      ///< the peer takes no more of it; an answer may have come all the same

private:
  http_core& core_;
  steady_time deadline_;
};

using exchange_ptr = std::unique_ptr<http_exchange>;

/// What is known of a host's addresses.
struct host_record {
  std::string name;
  std::vector<std::string> addresses; ///< empty: to be looked up
  bool literal = false;
  bool look_up_under_way = false;
  std::vector<std::weak_ptr<http_connection>> waiting;
};

/// What the lanes of an origin share.
struct origin_record {
  bool tls = false;
  std::string host;
  std::uint16_t port = 0;
  host_record* addresses = nullptr;
  std::uint64_t generation = 0; ///< counts `reconnect`s: connections of an earlier one are not kept
  std::shared_ptr<tls_session_slot> session = std::make_shared<tls_session_slot>();
};

/// The connections of one origin and lane, and the requests that wait for one.
class http_pool final : public timed {
public:
  http_pool(http_core& core, origin_record& origin)
      : core_(core)
      , origin_(origin) {}

  /// Serves the request by a kept connection, by a new one, or later.
  void submit(exchange_ptr exchange);
  /// Serves it by a new connection, in the place of one just closed.
  void submit_to_new_connection(exchange_ptr exchange);
  /// The connection has served its request and can serve another.
  void keep(http_connection& connection);
  /// The connection is closed: forgets it, which may destroy it.
  void remove(http_connection& connection);
  /// Takes a waiting request out of the queue.
  exchange_ptr take_waiting(http_exchange& exchange);
  void close_idle();
  /// Completes all that wait or are under way as cancelled and closes all connections.
  void cancel_all();
  /// Closes what has been idle for too long.
  void expired(steady_time now) override;

  origin_record& origin() { return origin_; }

private:
  bool can_start() const;
  void start(exchange_ptr exchange);
  void pump_later();
  void pump();

  http_core& core_;
  origin_record& origin_;
  std::vector<std::shared_ptr<http_connection>> connections_; ///< all; each knows its index
  std::vector<http_connection*> idle_;                        ///< longest idle first
  std::list<exchange_ptr> waiting_;                           ///< first come first
  bool pump_is_due_ = false;
};

/// All that lives on the engine's thread.
class http_core {
public:
  http_core(boost::asio::io_context& loop, http_engine_options options);
  http_core(const http_core&) = delete;
  http_core& operator=(const http_core&) = delete;
  ~http_core();

  void submit(http_request request, http_engine::completion done);
  void reconnect(const platform_url& url);
  /// Ends everything: nothing may be submitted after it.
  void stop();

  /// Completes a request that no pool and no connection holds any more.
  void complete(exchange_ptr exchange, http_outcome outcome, std::string error);

  /// Looks the host's addresses up for `connection` and tells it.
  void look_up(host_record& host, const std::shared_ptr<http_connection>& connection);
  /// Has the next connection resolve the host anew.
  void forget_addresses(host_record& host);
  /// @returns nothing, and in `error` why, when TLS cannot be set up.
  tls_context* tls(std::string& error);

  void set_deadline(timed& item, steady_time when);
  void cancel_deadline(timed& item) { deadlines_.cancel(item); }

  const http_engine_options options;
  boost::asio::io_context& context;
  std::atomic<std::size_t> open_connections{0};
  std::string request_text;      ///< scratch: the request being written
  std::vector<char> answer_part; ///< scratch: what was read last

private:
  struct origin_key {
    bool tls;
    std::uint16_t port;
    std::string host;
    auto operator<=>(const origin_key&) const = default;
  };
  struct origin_entry {
    origin_record record;
    std::vector<std::unique_ptr<http_pool>> lanes;
  };

  origin_entry& origin(const platform_url& url);
  void looked_up(const std::string& host, resolved_host found);
  void arm_timer();

  std::map<std::string, host_record> hosts_;
  std::map<origin_key, origin_entry> origins_;
  origin_entry* last_origin_ = nullptr; ///< mostly there is one alone
  std::unique_ptr<tls_context> tls_;
  deadline_heap deadlines_;
  boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                    boost::asio::wait_traits<std::chrono::steady_clock>,
                                    boost::asio::io_context::executor_type>
      timer_{context};
  steady_time timer_at_ = steady_time::max(); ///< what the timer is set to; max: not set
  bool running_deadlines_ = false;
  resolver resolver_; ///< destroyed first: it hands answers to `context`
};

} // namespace workspace_supervisor
