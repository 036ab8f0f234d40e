#pragma once

#include <cstdint>
#include <vector>

namespace workspace_supervisor {

/// A loopback port to which a connection neither succeeds nor fails: a listener whose queue is full, so that
/// the kernel drops what comes. For connect time-outs, without a network.
class unreachable_port {
public:
  unreachable_port(); ///< @throws std::runtime_error
  unreachable_port(const unreachable_port&) = delete;
  unreachable_port& operator=(const unreachable_port&) = delete;
  ~unreachable_port();

  std::uint16_t port() const { return port_; }

private:
  std::uint16_t port_ = 0;
  std::vector<int> sockets_; ///< the listener, and those that fill its queue
};

} // namespace workspace_supervisor
