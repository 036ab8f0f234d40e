#pragma once

#include "app/dev_platform/platform_state.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <unordered_set>

namespace workspace_supervisor {

class platform_connection;

/// What the connections of one server share; touched on its thread alone.
struct platform_io {
  platform_io(boost::asio::io_context& its_context, platform_state& its_state, platform_server& its_server)
      : context(its_context)
      , state(its_state)
      , server(its_server) {}

  boost::asio::io_context& context;
  platform_state& state;
  platform_server& server;
  boost::asio::ssl::context* tls = nullptr; ///< null: plain http
  std::string prefix;
  bool admin = false;
  bool reading = true;
  std::uint64_t next_connection = 1;
  std::unordered_set<platform_connection*> open;
};

/// An accepted connection as the server sees it: something that can be woken and closed.
class platform_connection {
public:
  platform_connection(platform_io& io, bool counted);
  platform_connection(const platform_connection&) = delete;
  platform_connection& operator=(const platform_connection&) = delete;
  virtual ~platform_connection();

  bool idle() const { return idle_; }
  /// The order whose hang holds this connection; 0: none.
  std::uint64_t held_by() const { return held_by_; }
  bool kept_from_reading() const { return kept_from_reading_; } ///< by platform_io::reading
  bool admin_only() const { return !counted_; }
  void wake() { timer_.cancel(); } ///< ends the pause that it is in
  virtual void close() = 0;

protected:
  platform_io& io_;
  boost::asio::steady_timer timer_;
  std::uint64_t number_ = 0;
  bool counted_; ///< in the counts: not one for /_admin/ alone
  bool idle_ = true;
  bool kept_from_reading_ = false;
  std::uint64_t held_by_ = 0;
};

/// Serves an accepted connection until it ends. @param admin_only plain http, for /_admin/ alone.
void serve_connection(platform_io& io, boost::asio::ip::tcp::socket socket, bool admin_only);

} // namespace workspace_supervisor
