#pragma once

#include "actors/http/http_answer.hpp"
#include "actors/http/http_async.hpp"
#include "actors/http/http_engine.hpp"
#include "actors/http/http_tls.hpp"
#include "actors/http/resolver.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
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
struct http_exchange {
  http_exchange(http_request asked, http_engine::completion completion);

  http_request request;
  http_engine::completion done;
  http_answer answer;
  steady_time deadline; ///< when it has to have ended
  steady_time begun{};  ///< first byte written
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
class http_pool final {
public:
  http_pool(http_core& core, origin_record& origin);
  http_pool(const http_pool&) = delete;
  http_pool& operator=(const http_pool&) = delete;

  /// Serves the request by a kept connection, by a new one, or later.
  void submit(exchange_ptr exchange);
  /// Serves it by a new connection, in the place of one just closed.
  void submit_to_new_connection(exchange_ptr exchange);
  /// The connection has served its request and can serve another.
  void keep(http_connection& connection);
  /// The connection is closed: forgets it, which may destroy it.
  void remove(http_connection& connection);
  void close_idle();
  /// Completes those of this owner as cancelled.
  void cancel(workspace_number owner);
  /// Nobody waits, and there is no connection.
  bool is_unused() const { return connections_.empty() && waiting_.empty() && !pump_is_due_; }
  /// Completes all that wait or are under way as cancelled and closes all connections.
  void cancel_all();

  origin_record& origin() { return origin_; }

private:
  bool can_start() const;
  void start(exchange_ptr exchange);
  void pump_later();
  void pump();
  void watch_waiting(steady_time deadline);
  void end_waiting();

  http_core& core_;
  origin_record& origin_;
  std::vector<std::shared_ptr<http_connection>> connections_; ///< all; each knows its index
  std::vector<http_connection*> idle_;                        ///< longest idle first
  std::list<exchange_ptr> waiting_;                           ///< first come first
  loop_timer timer_;                                          ///< for the first deadline of those that wait
  steady_time timer_at_ = steady_time::max();                 ///< what it is set to; max: not set
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
  void cancel(workspace_number owner);
  /// Ends everything: nothing may be submitted after it.
  void stop();

  /// Completes a request that no pool and no connection holds any more.
  void complete(exchange_ptr exchange, http_outcome outcome, std::string error);

  /// Looks the host's addresses up for `connection` and tells it.
  void look_up(host_record& host, const std::shared_ptr<http_connection>& connection);
  /// Has the next connection resolve the host anew.
  void forget_addresses(host_record& host);
  /// @returns nothing, and in `error` why, when TLS cannot be set up.
  boost::asio::ssl::context* tls(std::string& error);

  /// Calls `function` on the loop, soon, unless the engine has ended by then.
  void post(std::function<void()> function);

  const http_engine_options options;
  boost::asio::io_context& context;
  std::atomic<std::size_t> open_connections{0};
  /// Whoever comes back to the core later sees by it whether that is still there.
  const std::shared_ptr<const bool> alive = std::make_shared<const bool>(true);

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
  void forget_unused();
  void looked_up(const std::string& host, const resolved_host& found);

  std::map<std::string, host_record> hosts_;
  std::map<origin_key, origin_entry> origins_;
  origin_entry* last_origin_ = nullptr; ///< mostly there is one alone
  std::unique_ptr<boost::asio::ssl::context> tls_;
  resolver resolver_; ///< destroyed first: it hands answers to `context`
};

} // namespace workspace_supervisor
