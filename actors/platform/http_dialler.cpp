#include "actors/platform/http_connection.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <cerrno>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace workspace_supervisor {

namespace {

/// RFC 8305's recommendation for the time between two attempts.
constexpr std::chrono::milliseconds usual_head_start{250};
/// More addresses than this are not tried in one go.
constexpr std::size_t most_addresses = 16;

std::vector<std::string> first_of(const std::vector<std::string>& addresses) {
  return {addresses.begin(),
          addresses.begin() + static_cast<std::ptrdiff_t>(std::min(addresses.size(), most_addresses))};
}

} // namespace

http_dialler::http_dialler(http_core& core, http_connection& connection,
                           const std::vector<std::string>& addresses, std::uint16_t port)
    : core_(core)
    , connection_(connection)
    , port_(port)
    , addresses_(first_of(addresses))
    // short enough that the last address gets its share of the time too
    , head_start_(std::min<std::chrono::milliseconds>(
          usual_head_start, core.options.connect_timeout / static_cast<int>(addresses_.size() + 1))) {}

http_dialler::~http_dialler() {
  core_.cancel_deadline(*this);
}

void http_dialler::start() {
  next();
}

void http_dialler::expired(steady_time) {
  next();
}

// The calls of connect_succeeded and connect_failed below destroy the dialler: nothing may follow them.

void http_dialler::next() {
  while (next_ < addresses_.size()) {
    const std::size_t index = next_++;
    const beginning state = begin(index);
    if (state == beginning::failed)
      continue;
    if (state == beginning::connected) {
      connection_.connect_succeeded(std::exchange(connected_, -1), addresses_[index]);
      return;
    }
    if (next_ < addresses_.size())
      core_.set_deadline(*this, std::chrono::steady_clock::now() + head_start_);
    return;
  }
  if (attempts_.empty())
    connection_.connect_failed(last_error_);
}

http_dialler::beginning http_dialler::begin(std::size_t index) {
  boost::system::error_code error;
  const boost::asio::ip::address address = boost::asio::ip::make_address(addresses_[index], error);
  if (error) {
    last_error_ = addresses_[index] + ": not an address";
    return beginning::failed;
  }
  const boost::asio::ip::tcp::endpoint endpoint(address, port_);
  // Asio's own sockets are inherited by child processes: the agent would hold them open
  const int descriptor =
      ::socket(address.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  if (descriptor < 0) {
    last_error_ = "socket: " + std::generic_category().message(errno);
    return beginning::failed;
  }
  int result = 0;
  do
    result = ::connect(descriptor, endpoint.data(), static_cast<socklen_t>(endpoint.size()));
  while (result != 0 && errno == EINTR);
  if (result == 0) {
    connected_ = descriptor;
    return beginning::connected;
  }
  if (errno != EINPROGRESS) {
    last_error_ = addresses_[index] + ": " + std::generic_category().message(errno);
    ::close(descriptor);
    return beginning::failed;
  }
  attempt& made = attempts_.emplace_back(attempt{index, socket_handle(core_.context.get_executor())});
  made.socket.assign(descriptor, error);
  if (error) {
    last_error_ = addresses_[index] + ": " + error.message();
    attempts_.pop_back();
    ::close(descriptor);
    return beginning::failed;
  }
  made.socket.async_wait(socket_handle::wait_write, [connection = connection_.shared_from_this(),
                                                     index](boost::system::error_code failed) {
    if (failed != boost::asio::error::operation_aborted)
      connection->attempt_ended(index);
  });
  return beginning::pending;
}

void http_dialler::attempt_ended(std::size_t index) {
  const auto found = std::find_if(attempts_.begin(), attempts_.end(),
                                  [&](const attempt& entry) { return entry.index == index; });
  if (found == attempts_.end())
    return;
  int problem = 0;
  socklen_t size = sizeof(problem);
  if (::getsockopt(found->socket.native_handle(), SOL_SOCKET, SO_ERROR, &problem, &size) != 0)
    problem = errno;
  if (problem == 0) {
    // out of the reactor: it would go on to report the socket writable each time that it is waited for
    connection_.connect_succeeded(found->socket.release(), addresses_[index]);
    return;
  }
  last_error_ = addresses_[index] + ": " + std::generic_category().message(problem);
  attempts_.erase(found);
  next();
}

} // namespace workspace_supervisor
