#pragma once

#include "app/control_server/http_server.hpp"
#include "app/event_log/event_log.hpp"

#include <cstddef>
#include <memory>

namespace workspace_supervisor {

/// `GET /v1/events`: hands events on to the clients that listen. While nobody does, none is made for them but
/// those that a log of level info has too: the latest of these are kept, for who asks with `?recent=N`.
/// Destroyed after the server has stopped.
class event_streams {
public:
  /// Open at a time.
  static constexpr std::size_t most = 16;
  /// Events of the past that are kept.
  static constexpr std::size_t most_recent = 200;

  explicit event_streams(event_log& log);
  ~event_streams();
  event_streams(const event_streams&) = delete;
  event_streams& operator=(const event_streams&) = delete;

  /// Makes a stream of the exchange, or refuses it. On the server's thread.
  void open(control_exchange& exchange);

private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

/// An event as it stands in a stream of server-sent events.
std::string server_sent(const event& happened);

} // namespace workspace_supervisor
