#include "actors/http/http_dialler.hpp"

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

http_dialler::http_dialler(const loop_executor& executor, const std::vector<std::string>& addresses,
                           std::uint16_t port, std::chrono::milliseconds patience)
    : port_(port)
    , addresses_(first_of(addresses))
    // short enough that the last address gets its share of the time too
    , head_start_(std::min<std::chrono::milliseconds>(usual_head_start,
                                                      patience / static_cast<int>(addresses_.size() + 1)))
    , change_(executor) {}

loop_task<std::optional<tcp_socket>> http_dialler::dial() {
  const auto self = shared_from_this();
  const auto going_on = [this] {
    return !connected_ && !cancelled_;
  };
  for (std::size_t index = 0; index < addresses_.size() && going_on(); ++index) {
    begin(index);
    if (under_way_.empty() || index + 1 == addresses_.size())
      continue;
    change_.expires_after(head_start_);
    co_await change_.async_wait(as_result);
  }
  while (going_on() && !under_way_.empty()) {
    change_.expires_at(steady_time::max());
    co_await change_.async_wait(as_result);
  }
  under_way_.clear();
  co_return cancelled_ ? std::nullopt : std::exchange(connected_, std::nullopt);
}

void http_dialler::cancel() {
  cancelled_ = true;
  under_way_.clear();
  change_.cancel();
}

void http_dialler::begin(std::size_t index) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(addresses_[index], error);
  if (error)
    return failed(index, "not an address");
  const boost::asio::ip::tcp::endpoint endpoint(address, port_);
  // Asio's own sockets are inherited by child processes: the agent would hold them open
  const int descriptor = ::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
  if (descriptor < 0)
    return failed(index, "socket: " + std::generic_category().message(errno));
  attempt& made = under_way_.emplace_back(attempt{index, tcp_socket(change_.get_executor())});
  made.socket.assign(endpoint.protocol(), descriptor, error);
  if (error) {
    ::close(descriptor);
    under_way_.pop_back();
    return failed(index, error.message());
  }
  made.socket.async_connect(endpoint,
                            [self = shared_from_this(), index](const boost::system::error_code& result) {
                              self->ended(index, result);
                            });
}

void http_dialler::ended(std::size_t index, const boost::system::error_code& error) {
  const auto found = std::find_if(under_way_.begin(), under_way_.end(),
                                  [&](const attempt& entry) { return entry.index == index; });
  if (found == under_way_.end())
    return; // another one was first
  if (error) {
    failed(index, error.message());
  } else if (!connected_) {
    connected_ = std::move(found->socket);
    address_ = addresses_[index];
  }
  under_way_.erase(found);
  change_.cancel();
}

} // namespace workspace_supervisor
