#include "app/control_server/http_server.hpp"

#include "actors/loop/loop.hpp"
#include "app/control_server/http_session.hpp"
#include "app/control_server/unix_socket.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <charconv>
#include <future>
#include <optional>
#include <utility>

namespace workspace_supervisor {

namespace net = boost::asio;
using boost::system::error_code;
using local = net::local::stream_protocol;
using net::ip::tcp;

namespace {

/// How long accepting pauses when the process is out of descriptors.
constexpr std::chrono::milliseconds accept_pause{100};

/// "ADDRESS:PORT" taken apart; an IPv6 address stands in brackets.
struct tcp_address {
  std::string host;
  std::uint16_t port = 0;
};

std::optional<tcp_address> parse_address(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos)
    return std::nullopt;
  tcp_address result;
  result.host = text.substr(0, colon);
  if (result.host.size() >= 2 && result.host.front() == '[' && result.host.back() == ']')
    result.host = result.host.substr(1, result.host.size() - 2);
  const auto* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, result.port);
  if (error != std::errc{} || rest != end)
    return std::nullopt;
  return result;
}

enum class place { none, health_only, full };

/// Closes the first session that fits. @returns whether there was one.
template <class Fits>
bool close_first(http_server_core& core, const http_listener& listener, Fits fits) {
  http_session* first = nullptr;
  for (auto* session : core.sessions)
    if (session->listener() == &listener && !session->is_closed() && fits(*session) &&
        (!first || session->number() < first->number()))
      first = session;
  if (first)
    first->close();
  return first != nullptr;
}

/// Makes room for one more connection. One that is between two requests gives way. When all places are taken,
/// by whomever and whatever they do or omit, there are a few for /healthz alone; of those the one that has
/// come first gives way as long as it is we who wait for it: whoever asks at once has his answer before as
/// many others have come.
place make_room(http_server_core& core, const http_listener& listener) {
  const auto& limits = core.options.limits;
  if (listener.open >= limits.connections)
    close_first(core, listener, [](const http_session& session) {
      return !session.health_only() && session.silent() && session.used();
    });
  if (listener.open < limits.connections)
    return place::full;
  if (listener.health_open >= limits.health_connections)
    close_first(core, listener,
                [](const http_session& session) { return session.health_only() && !session.is_answered(); });
  return listener.health_open < limits.health_connections ? place::health_only : place::none;
}

/// Accepts connections until the acceptor is closed.
template <class Acceptor>
net::awaitable<void> accept_all(std::shared_ptr<http_server_core> core, std::shared_ptr<Acceptor> acceptor,
                                std::shared_ptr<http_listener> listener) {
  for (;;) {
    error_code error;
    auto client = co_await acceptor->async_accept(core->io, net::redirect_error(net::use_awaitable, error));
    if (core->stopping.load() || error == net::error::operation_aborted || !acceptor->is_open())
      co_return;
    if (error) {
      net::steady_timer pause{core->io, accept_pause};
      co_await pause.async_wait(net::redirect_error(net::use_awaitable, error));
      continue;
    }
    client.non_blocking(true, error);
    const auto room = make_room(*core, *listener);
    if (room == place::none)
      continue; // closed unanswered: whoever comes now comes in masses
    auto session = std::make_shared<http_session>(core, listener, http_session::socket{std::move(client)},
                                                  room == place::health_only);
    net::co_spawn(core->io, http_session::run(std::move(session)), net::detached);
  }
}

} // namespace

struct http_server::impl {
  impl(actor_loop& given, http_server_options options)
      : loop{given}
      , core{std::make_shared<http_server_core>(given.context(), std::move(options))} {}

  actor_loop& loop;
  std::shared_ptr<http_server_core> core;
  struct unix_listener {
    bound_unix_socket bound;
    std::string workspace;
    std::shared_ptr<local::acceptor> acceptor; ///< null: it does not serve yet
    std::shared_ptr<http_listener> listener;
  };
  std::vector<unix_listener> sockets;          ///< the loop's thread, once it serves
  std::shared_ptr<tcp::acceptor> tcp_acceptor; ///< the loop's thread; null: not listening
  std::unique_ptr<net::steady_timer> retry;
  std::atomic<std::uint16_t> port{0};
  std::string last_trouble;
  bool started = false;

  void emit(log_level level, const char* name, const std::string& text) {
    core->options.events->emit(make_event(level, name, {}, text).with("address", core->options.http));
  }

  bound_unix_socket bind(const std::string& path) const;
  void serve();
  void serve(unix_listener& socket);
  void close(unix_listener& socket);
  void close_all(std::function<void()> drained);
  void listen_tcp();
  std::string bind_tcp(const tcp_address& address);
};

/// @returns "" or what is wrong.
std::string http_server::impl::bind_tcp(const tcp_address& wanted) {
  error_code error;
  const auto address = wanted.host == "localhost" ? net::ip::address{net::ip::address_v4::loopback()}
                                                  : net::ip::make_address(wanted.host, error);
  if (error)
    return "\"" + wanted.host + "\" is no IP address";
  const tcp::endpoint endpoint{address, wanted.port};
  auto acceptor = std::make_shared<tcp::acceptor>(core->io);
  acceptor->open(endpoint.protocol(), error);
  if (!error)
    acceptor->set_option(tcp::acceptor::reuse_address{true}, error);
  if (!error)
    acceptor->bind(endpoint, error);
  if (!error)
    acceptor->listen(net::socket_base::max_listen_connections, error);
  if (error)
    return error.message();
  auto listener = std::make_shared<http_listener>();
  listener->tcp = true;
  listener->address = wanted.host;
  listener->port = acceptor->local_endpoint(error).port();
  port.store(listener->port);
  tcp_acceptor = acceptor;
  const auto text = (wanted.host.find(':') == std::string::npos ? wanted.host : '[' + wanted.host + ']') +
                    ':' + std::to_string(listener->port);
  core->options.events->emit(
      make_event(log_level::info, "control.listening", {}, "status and metrics at http://" + text + "/")
          .with("address", text));
  net::co_spawn(core->io, accept_all(core, acceptor, listener), net::detached);
  return {};
}

void http_server::impl::listen_tcp() {
  const auto address = parse_address(core->options.http);
  const auto trouble = address ? bind_tcp(*address) : std::string{"expected ADDRESS:PORT"};
  if (trouble.empty())
    return;
  if (trouble != last_trouble)
    emit(log_level::warning, "control.http-unavailable",
         "status and metrics are not served at " + core->options.http + ": " + trouble +
             (address ? "; it is tried again" : ""));
  last_trouble = trouble;
  if (!address)
    return;
  retry->expires_after(core->options.limits.tcp_retry);
  retry->async_wait([this](error_code error) {
    if (!error && !core->stopping.load())
      listen_tcp();
  });
}

http_server::http_server(actor_loop& loop, http_server_options options)
    : impl_{std::make_unique<impl>(loop, std::move(options))} {}

http_server::~http_server() {
  stop();
}

bound_unix_socket http_server::impl::bind(const std::string& path) const {
  const auto& options = core->options;
  auto bound = bind_unix_socket(path);
  if (bound.error.empty() && options.change_owner &&
      ::chown(path.c_str(), options.owner, options.group) != 0) {
    bound.error = "control socket " + path + ": cannot be given to agent.user: " +
                  error_code{errno, boost::system::system_category()}.message();
    remove_unix_socket(bound);
    ::close(bound.descriptor);
  }
  return bound;
}

http_listen_result http_server::listen() {
  auto& sockets = impl_->sockets;
  for (const auto& wanted : impl_->core->options.sockets) {
    auto bound = impl_->bind(wanted.path);
    if (!bound.error.empty()) {
      for (const auto& before : sockets) {
        remove_unix_socket(before.bound);
        ::close(before.bound.descriptor);
      }
      sockets.clear();
      return {bound.in_use, wanted.path, std::move(bound.error)};
    }
    sockets.push_back({std::move(bound), wanted.workspace, nullptr, nullptr});
  }
  return {};
}

http_listen_result http_server::add_socket(const http_unix_listener& wanted) {
  auto& state = *impl_;
  bool there = false;
  state.loop.post_and_wait([&] {
    there = std::any_of(state.sockets.begin(), state.sockets.end(), [&](const auto& socket) {
      return socket.bound.path == wanted.path && socket.workspace == wanted.workspace;
    });
  });
  if (there)
    return {};
  auto bound = state.bind(wanted.path); // here and not on the loop: it may wait for the disk
  if (!bound.error.empty())
    return {bound.in_use, wanted.path, std::move(bound.error)};
  state.loop.post_and_wait([&] {
    if (state.core->stopping.load()) {
      remove_unix_socket(bound);
      ::close(bound.descriptor);
      return;
    }
    state.sockets.push_back({std::move(bound), wanted.workspace, nullptr, nullptr});
    state.serve(state.sockets.back());
  });
  return {};
}

void http_server::remove_sockets(const std::string& workspace) {
  impl_->loop.post_and_wait([&] {
    std::erase_if(impl_->sockets, [&](auto& socket) {
      if (socket.workspace != workspace)
        return false;
      impl_->close(socket);
      return true;
    });
  });
}

void http_server::start() {
  impl_->started = true;
  impl_->loop.post_and_wait([&state = *impl_] { state.serve(); });
}

void http_server::impl::serve() {
  retry = std::make_unique<net::steady_timer>(core->io);
  for (auto& socket : sockets)
    serve(socket);
  if (!core->options.http.empty())
    listen_tcp();
}

void http_server::impl::serve(unix_listener& socket) {
  socket.acceptor = std::make_shared<local::acceptor>(core->io);
  error_code error;
  socket.acceptor->assign(local{}, socket.bound.descriptor, error);
  socket.listener = std::make_shared<http_listener>();
  socket.listener->workspace = socket.workspace;
  net::co_spawn(core->io, accept_all(core, socket.acceptor, socket.listener), net::detached);
}

void http_server::impl::close(unix_listener& socket) {
  remove_unix_socket(socket.bound);
  error_code ignored;
  if (socket.acceptor)
    socket.acceptor->close(ignored);
  for (auto* session : core->sessions)
    if (session->listener() == socket.listener.get())
      session->close();
}

void http_server::stop() {
  auto& state = *impl_;
  if (state.core->stopping.exchange(true))
    return;
  if (!state.started) {
    for (const auto& socket : state.sockets) {
      remove_unix_socket(socket.bound);
      ::close(socket.bound.descriptor);
    }
    return;
  }
  std::promise<void> drained;
  state.loop.post_and_wait([&] { state.close_all([&drained] { drained.set_value(); }); });
  drained.get_future().wait();
}

void http_server::impl::close_all(std::function<void()> drained) {
  error_code ignored;
  for (auto& socket : sockets)
    close(socket);
  sockets.clear();
  if (tcp_acceptor)
    tcp_acceptor->close(ignored);
  tcp_acceptor.reset();
  retry.reset();
  if (core->sessions.empty())
    return drained();
  core->drained = std::move(drained);
  for (auto* session : core->sessions)
    session->close();
}

std::uint16_t http_server::tcp_port() const {
  return impl_->port.load();
}

std::size_t http_server::open_connections() const {
  return impl_->core->connections.load();
}

} // namespace workspace_supervisor
