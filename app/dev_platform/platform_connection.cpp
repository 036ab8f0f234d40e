#include "app/dev_platform/platform_connection.hpp"

#include "app/dev_platform/platform_response.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include <sys/socket.h>

namespace workspace_supervisor {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t largest_request = 64u << 20;
constexpr std::size_t chunk_size = 64u << 10;

using tls_stream = asio::ssl::stream<tcp::socket>;

tcp::socket& lowest(tcp::socket& socket) {
  return socket;
}
tcp::socket& lowest(tls_stream& stream) {
  return stream.next_layer();
}

// GCC 12 makes wrong code of some awaits within conditions and operands: each stands in a statement of its
// own.

/// One connection. Its coroutine owns it; the server knows it through platform_io::open.
template <class Stream>
class connection final : public platform_connection, public std::enable_shared_from_this<connection<Stream>> {
public:
  template <class... Arguments>
  connection(platform_io& io, tcp::socket&& socket, bool admin_only, Arguments&... arguments)
      : platform_connection(io, !admin_only)
      , stream_(std::move(socket), arguments...)
      , admin_only_(admin_only) {
    error_code ignored; // a connection that has ended already shows it at the first read
    lowest(stream_).set_option(tcp::no_delay{true}, ignored);
    if (!admin_only_)
      number_ = io_.next_connection++;
  }

  void close() override {
    error_code ignored; // nobody is left to tell
    lowest(stream_).close(ignored);
    timer_.cancel();
  }

  asio::awaitable<void> run() {
    auto self = this->shared_from_this();
    bool open = co_await until_reading();
    if (open)
      open = co_await handshake();
    boost::beast::flat_buffer buffer;
    while (open) {
      http::request_parser<http::string_body> parser;
      parser.body_limit(largest_request);
      parser.header_limit(64u << 10);
      idle_ = true;
      auto [error, bytes] = co_await http::async_read(stream_, buffer, parser, use_tuple);
      idle_ = false;
      if (error) {
        co_await refuse_unreadable(error);
        break;
      }
      open = co_await until_reading();
      if (open)
        open = co_await handle(parser.get());
    }
    co_await shut_down();
  }

private:
  using request = http::request<http::string_body>;

  asio::awaitable<bool> handshake() {
    if constexpr (std::is_same_v<Stream, tls_stream>) {
      auto [error] = co_await stream_.async_handshake(asio::ssl::stream_base::server, use_tuple);
      if (error) {
        io_.state.count([](platform_counts& counts) { ++counts.handshakes_failed; });
        close();
        co_return false;
      }
    }
    co_return true;
  }

  /// Waits while the server reads nothing, and so does not learn of the client's end either.
  /// @returns false when the server closed the connection meanwhile.
  asio::awaitable<bool> until_reading() {
    while (!admin_only_ && !io_.reading && lowest(stream_).is_open()) {
      kept_from_reading_ = true;
      timer_.expires_at(asio::steady_timer::time_point::max());
      co_await timer_.async_wait(use_tuple);
      kept_from_reading_ = false;
    }
    co_return lowest(stream_).is_open();
  }

  /// Wakes whoever waits when the client has closed its side, and says so in `gone`.
  void watch_for_end(std::shared_ptr<bool> gone) {
    lowest(stream_).async_wait(
        tcp::socket::wait_read, [self = this->shared_from_this(), gone](const error_code& error) {
          if (error == asio::error::operation_aborted || !lowest(self->stream_).is_open())
            return;
          char byte;
          const auto n = ::recv(lowest(self->stream_).native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
          if (n < 0 && errno == EAGAIN)
            return self->watch_for_end(gone); // Asio may call a socket ready for what had come to another one
          // Over TLS whatever comes now can only be the client's farewell.
          *gone = n <= 0 || std::is_same_v<Stream, tls_stream>;
          if (*gone)
            self->timer_.cancel();
        });
  }

  /// Waits until then, or until woken. @returns false when the connection has ended.
  asio::awaitable<bool> pause_until(asio::steady_timer::time_point then) {
    auto& socket = lowest(stream_);
    if (!socket.is_open())
      co_return false;
    timer_.expires_at(then);
    auto gone = std::make_shared<bool>(false);
    watch_for_end(gone);
    co_await timer_.async_wait(use_tuple);
    if (!socket.is_open())
      co_return false;
    error_code ignored; // only the wait above can be under way
    socket.cancel(ignored);
    co_return !*gone;
  }

  asio::awaitable<bool> send(const void* data, std::size_t size) {
    auto [error, bytes] = co_await asio::async_write(stream_, asio::buffer(data, size), use_tuple);
    sent_ += bytes;
    co_return !error;
  }

  asio::awaitable<bool> send(const std::string& text) { co_return co_await send(text.data(), text.size()); }

  asio::awaitable<void> refuse_unreadable(error_code error) {
    if (error == http::error::end_of_stream || error == asio::error::eof ||
        error.category() == asio::error::get_system_category() || !lowest(stream_).is_open())
      co_return;
    if (error.category() == asio::error::get_ssl_category() || error == asio::ssl::error::stream_truncated)
      co_return;
    io_.state.count([](platform_counts& counts) { ++counts.bad_requests; });
    platform_response response{400, error_text("unreadable request: " + error.message())};
    response.keep_alive = false;
    co_await send(response.text());
  }

  /// Closes in order, so that a body which ends with the connection is known to be whole.
  asio::awaitable<void> shut_down() {
    auto& socket = lowest(stream_);
    if constexpr (std::is_same_v<Stream, tls_stream>) {
      if (socket.is_open()) {
        auto self = this->shared_from_this();
        timer_.expires_after(std::chrono::seconds{2});
        timer_.async_wait([self](const error_code& error) {
          if (!error)
            self->close();
        });
        co_await stream_.async_shutdown(use_tuple);
      }
    }
    if (socket.is_open()) {
      error_code ignored; // the client may have gone before
      socket.shutdown(tcp::socket::shutdown_send, ignored);
    }
    close();
  }

  /// @returns whether the connection is kept.
  asio::awaitable<bool> handle(request& request) {
    auto target = std::string{request.target()};
    if ((io_.admin || admin_only_) && target.starts_with("/_admin/"))
      co_return co_await handle_admin(request, target);
    if (admin_only_) {
      platform_response response{404, error_text("only /_admin/ is served here")};
      co_return co_await send(response.text());
    }
    auto now = std::chrono::steady_clock::now();
    auto wall = std::chrono::system_clock::now();
    auto path = target;
    // A path without the prefix is nobody's.
    path = path.starts_with(io_.prefix) ? path.substr(io_.prefix.size()) : std::string{};
    auto header = [&request](const char* name) {
      return std::string{request[name]};
    };
    bool authorized = request.find(http::field::authorization) != request.end();
    auto call = parse_call(std::string{request.method_string()}, path, request.body(), header, authorized);
    call.beat.at = call.message.at = call.notification.at = now;
    call.beat.wall = wall;

    recorded_request record;
    record.at = now;
    record.wall = wall;
    record.connection = number_;
    record.on_connection = ++requests_;
    record.kind = call.kind;
    if (io_.state.keeps_requests()) {
      record.method = request.method_string();
      record.target = std::move(target);
      for (const auto& field : request)
        record.headers.emplace_back(field.name_string(), field.value());
      record.body = request.body();
    }
    std::optional<ordered_fault> order;
    auto seq = io_.state.arrived(std::move(record), call.workspace, order);
    sent_ = 0;
    gone_ = false;
    bool kept = false;
    if (order) {
      kept = co_await misbehave(seq, call, *order, request.keep_alive());
    } else {
      auto answer = io_.state.answer(seq, call);
      platform_response response{answer.status, std::move(answer.body)};
      response.keep_alive = request.keep_alive();
      bool whole = co_await send(response.text());
      gone_ = !whole;
      kept = whole && response.keep_alive;
    }
    io_.state.ended(seq, sent_, gone_);
    co_return kept;
  }

  asio::awaitable<bool> handle_admin(request& request, const std::string& target) {
    auto answer =
        answer_admin(io_.server, io_.state, std::string{request.method_string()}, target, request.body());
    platform_response response{answer.status, std::move(answer.body)};
    response.keep_alive = request.keep_alive();
    bool whole = co_await send(response.text());
    co_return whole&& response.keep_alive;
  }

  /// Answers as ordered. @returns whether the connection is kept.
  asio::awaitable<bool> misbehave(std::uint64_t seq, const platform_call& call, const ordered_fault& order,
                                  bool keep_alive) {
    const auto& fault = order.fault;
    bool there = true;
    if (fault.delay.count() > 0)
      there = co_await pause_until(asio::steady_timer::clock_type::now() + fault.delay);
    if (there && fault.action == fault_action::hang)
      there = co_await hang(order.id);
    if (!there) {
      gone_ = true;
      co_return false;
    }
    switch (fault.action) {
    case fault_action::close:
      close();
      co_return false;
    case fault_action::reset: {
      error_code ignored; // a connection that is gone needs no reset
      lowest(stream_).set_option(asio::socket_base::linger{true, 0}, ignored);
      close();
      co_return false;
    }
    case fault_action::raw: {
      auto bytes = fault.body.empty() ? std::string{"\x01\x02 this is not HTTP\r\n\r\n\xff\xfe"} : fault.body;
      const bool whole = co_await send(bytes);
      gone_ = !whole;
      co_return false;
    }
    case fault_action::large_body: {
      io_.state.answering(seq, call, 200);
      bool whole = co_await send_large(fault);
      gone_ = !whole;
      co_return whole&& fault.framing != body_framing::until_close;
    }
    default:
      break;
    }
    auto response = faulty_response(io_.state, seq, call, fault);
    response.keep_alive = keep_alive;
    auto text = response.text();
    if (fault.action == fault_action::slow) {
      bool whole = co_await send_slowly(text, fault.interval);
      gone_ = !whole;
      co_return whole&& keep_alive;
    }
    if (fault.action == fault_action::close_in_body) {
      text.resize(text.size() - (response.body.size() + 1) / 2);
      const bool whole = co_await send(text);
      gone_ = !whole;
      close();
      co_return false;
    }
    bool whole = co_await send(text);
    gone_ = !whole;
    if (fault.action == fault_action::close_after)
      close();
    co_return whole&& keep_alive&& fault.action != fault_action::close_after;
  }

  /// @returns false when the client has gone before the release.
  asio::awaitable<bool> hang(std::uint64_t order) {
    held_by_ = order;
    io_.state.count([](platform_counts& counts) { ++counts.hanging; });
    bool there = co_await pause_until(asio::steady_timer::time_point::max());
    held_by_ = 0;
    io_.state.count([](platform_counts& counts) { --counts.hanging; });
    co_return there;
  }

  asio::awaitable<bool> send_slowly(const std::string& text, std::chrono::milliseconds interval) {
    for (const auto& byte : text) {
      const bool sent = co_await send(&byte, 1);
      if (!sent)
        co_return false;
      const bool there = co_await pause_until(asio::steady_timer::clock_type::now() + interval);
      if (!there)
        co_return false;
    }
    co_return true;
  }

  /// A JSON array of one long text, so that only its size can be what is wrong with it.
  asio::awaitable<bool> send_large(const platform_fault& fault) {
    auto size = std::max<std::size_t>(fault.bytes, 4);
    bool sent = co_await send(large_body_head(fault, size));
    if (!sent)
      co_return false;
    bool chunked = fault.framing == body_framing::chunked;
    for (std::size_t at = 0; at < size;) {
      auto piece = large_body_piece(at, std::min(chunk_size, size - at), size);
      at += piece.size();
      if (chunked)
        piece = chunk(piece);
      sent = co_await send(piece);
      if (!sent)
        co_return false;
    }
    if (chunked)
      sent = co_await send(chunk({}));
    co_return sent;
  }

  Stream stream_;
  bool admin_only_;
  unsigned requests_ = 0;
  std::uint64_t sent_ = 0; ///< of the present answer
  bool gone_ = false;      ///< the client closed before the present answer's end
};

template <class Connection>
void spawn(platform_io& io, std::shared_ptr<Connection> connection) {
  asio::co_spawn(io.context, connection->run(), [connection](std::exception_ptr error) {
    // Whatever a connection throws is a bug of this server: let it be seen.
    if (error)
      std::rethrow_exception(error);
  });
}

} // namespace

platform_connection::platform_connection(platform_io& io, bool counted)
    : io_(io)
    , timer_(io.context)
    , counted_(counted) {
  io_.open.insert(this);
  if (!counted_)
    return;
  io_.state.count([](platform_counts& counts) {
    ++counts.connections_accepted;
    ++counts.connections_open;
  });
}

platform_connection::~platform_connection() {
  io_.open.erase(this);
  if (counted_)
    io_.state.count([](platform_counts& counts) { --counts.connections_open; });
}

void serve_connection(platform_io& io, tcp::socket socket, bool admin_only) {
  if (io.tls != nullptr && !admin_only)
    spawn(io, std::make_shared<connection<tls_stream>>(io, std::move(socket), admin_only, *io.tls));
  else
    spawn(io, std::make_shared<connection<tcp::socket>>(io, std::move(socket), admin_only));
}

} // namespace workspace_supervisor
