#include "app/control_server/http_session.hpp"

#include "app/control_server/http_exchange.hpp"
#include "app/control_server/queued_stream.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <array>
#include <ctime>
#include <netdb.h>
#include <sys/socket.h>
#include <utility>

namespace workspace_supervisor {

namespace net = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using clock = std::chrono::steady_clock;

// GCC 12 miscompiles some awaits within conditions: here each stands in a statement of its own.

namespace {

/// How long a client that is answered for the last time may take to read and close.
constexpr std::chrono::milliseconds linger_patience{1000};
/// How long the connection that is kept for /healthz may take to ask.
constexpr std::chrono::milliseconds health_patience{2000};
/// How often a deadline that has passed strikes again, should it have struck between two operations.
constexpr std::chrono::milliseconds strike_again{200};

/// How much of an answer is handed to the kernel at once: others wait for the loop meanwhile.
constexpr std::size_t write_at_once = 262144;

const std::string nothing;

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[40];
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return text;
}

std::string status_line_and_common(int status, unsigned version) {
  const auto reason = http::obsolete_reason(static_cast<http::status>(status));
  return (version == 10 ? "HTTP/1.0 " : "HTTP/1.1 ") + std::to_string(status) + ' ' + std::string{reason} +
         "\r\nDate: " + http_date() + "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";
}

} // namespace

http_session::http_session(std::shared_ptr<http_server_core> core, std::shared_ptr<http_listener> listener,
                           socket client, bool health_only)
    : core_{std::move(core)}
    , listener_{std::move(listener)}
    , socket_{std::move(client)}
    , health_only_{health_only}
    , number_{++core_->last_session}
    , deadline_{core_->io}
    , wake_{core_->io} {
  buffer_.max_size(core_->options.limits.header + core_->options.limits.body);
  core_->sessions.insert(this);
  core_->connections.fetch_add(1);
  ++(health_only_ ? listener_->health_open : listener_->open);
  if (listener_->tcp) {
    sockaddr_storage local{};
    socklen_t size = sizeof local;
    char text[64] = "";
    if (::getsockname(socket_.native_handle(), reinterpret_cast<sockaddr*>(&local), &size) == 0 &&
        ::getnameinfo(reinterpret_cast<const sockaddr*>(&local), size, text, sizeof text, nullptr, 0,
                      NI_NUMERICHOST) == 0) {
      local_address_ = text;
      // A listener at [::] is asked at addresses of IPv4, too, and tells them in this form.
      constexpr std::string_view mapped = "::ffff:";
      if (local_address_.starts_with(mapped) && local_address_.find('.') != std::string::npos)
        local_address_.erase(0, mapped.size());
    }
  } else {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(socket_.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0)
      peer_ = {true, credentials.pid, credentials.uid};
  }
}

http_session::~http_session() {
  leave();
  core_->sessions.erase(this);
  core_->connections.fetch_sub(1);
  if (core_->sessions.empty() && core_->drained)
    std::exchange(core_->drained, nullptr)();
}

void http_session::leave() {
  if (!std::exchange(left_, true))
    --(health_only_ ? listener_->health_open : listener_->open);
}

void http_session::close() {
  closed_ = true;
  disarm();
  deadline_.cancel();
  wake_.cancel();
  error_code ignored;
  socket_.close(ignored);
  leave();
}

void http_session::arm(std::chrono::milliseconds patience) {
  timed_out_ = false;
  watch(++generation_, patience);
}

void http_session::watch(std::uint64_t generation, std::chrono::milliseconds patience) {
  deadline_.expires_after(patience);
  deadline_.async_wait([self = weak_from_this(), generation](error_code error) {
    const auto session = self.lock();
    if (error || !session || session->generation_ != generation)
      return;
    session->timed_out_ = true;
    session->socket_.cancel(error);
    session->watch(generation, strike_again);
  });
}

// -- requests
// -------------------------------------------------------------------------------------------------

net::awaitable<void> http_session::run(std::shared_ptr<http_session> self) {
  bool going = true;
  while (going)
    going = co_await self->serve_one();
  if (self->stream_)
    co_await self->serve_stream();
  self->close();
}

net::awaitable<bool> http_session::wait_for_bytes() {
  silent_ = true;
  if (buffer_.size() == 0) {
    buffer_.shrink_to_fit();
    const auto& limits = core_->options.limits;
    arm(used_ ? limits.idle : health_only_ ? health_patience : limits.owed);
    error_code error;
    co_await socket_.async_wait(socket::wait_read, net::redirect_error(net::use_awaitable, error));
    disarm();
    if (error || closed_)
      co_return false;
  }
  silent_ = false;
  co_return true;
}

net::awaitable<bool> http_session::serve_one() {
  const bool asked = co_await wait_for_bytes();
  if (!asked)
    co_return false;
  request_parser parser;
  std::optional<control_answer> refusal;
  const auto error = co_await read_request(parser, refusal);
  used_ = true;
  if (closed_)
    co_return false;
  if (error && !refusal) {
    refusal = answer_for(error);
    if (!refusal)
      co_return false;
  }
  const unsigned version = parser.is_header_done() ? parser.get().version() : 11;
  const bool with_body = !(parser.is_header_done() && parser.get().method() == http::verb::head);
  if (refusal) {
    const bool told = co_await write_answer(*refusal, version, false, with_body);
    if (told)
      co_await linger();
    co_return false;
  }
  const bool keep = parser.keep_alive() && !health_only_;
  is_answered_ = true;
  const auto answer = co_await ask_handler(parser);
  is_answered_ = false;
  if (closed_ || stream_)
    co_return false;
  const bool told = co_await write_answer(answer, version, keep, with_body);
  if (!told)
    co_return false;
  if (!keep)
    co_await linger();
  co_return keep;
}

net::awaitable<error_code> http_session::read_request(request_parser& parser,
                                                      std::optional<control_answer>& refusal) {
  const auto& limits = core_->options.limits;
  parser.header_limit(static_cast<std::uint32_t>(limits.header));
  parser.body_limit(limits.body);
  arm(health_only_ ? health_patience : limits.owed);
  error_code error;
  co_await http::async_read_header(socket_, buffer_, parser, net::redirect_error(net::use_awaitable, error));
  if (!error) {
    refusal = check_head(parser);
    if (!refusal && !parser.is_done()) {
      if (boost::beast::iequals(parser.get()[http::field::expect], "100-continue") && buffer_.size() == 0) {
        co_await write("HTTP/1.1 100 Continue\r\n\r\n", nothing);
        arm(limits.owed);
      }
      co_await http::async_read(socket_, buffer_, parser, net::redirect_error(net::use_awaitable, error));
    }
  }
  disarm();
  if (error && timed_out_)
    error = net::error::timed_out;
  co_return error;
}

// -- answers
// --------------------------------------------------------------------------------------------------

net::awaitable<control_answer> http_session::ask_handler(request_parser& parser) {
  auto message = parser.release();
  control_request request;
  request.method = std::string{message.method_string()};
  request.target = std::string{message.target()};
  request.content_type = std::string{message[http::field::content_type]};
  request.body = std::move(message.body());
  request.workspace = listener_->workspace;
  request.read_only = listener_->tcp;
  answer_.reset();
  fallback_.reset();
  ++exchange_;
  core_->options.handle(make_exchange(core_, weak_from_this(), exchange_, std::move(request), peer_));
  const auto give_up = clock::now() + fallback_patience_;
  while (!closed_ && !stream_ && !answer_) {
    if (fallback_ && clock::now() >= give_up) {
      answer_ = std::move(fallback_);
      break;
    }
    wake_.expires_at(fallback_ ? give_up : clock::time_point::max());
    error_code ignored;
    co_await wake_.async_wait(net::redirect_error(net::use_awaitable, ignored));
  }
  ++exchange_; // a late answer is nobody's
  co_return answer_ ? std::move(*answer_) : control_answer{};
}

void http_session::take_answer(std::uint64_t exchange, control_answer answer) {
  if (exchange != exchange_ || answer_)
    return;
  answer_ = std::move(answer);
  wake_.cancel();
}

void http_session::set_fallback(std::chrono::milliseconds patience, control_answer answer) {
  fallback_patience_ = patience;
  fallback_ = std::move(answer);
}

void http_session::become_stream(std::shared_ptr<queued_stream> stream, std::string content_type,
                                 std::function<void()> ended) {
  stream_ = std::move(stream);
  stream_type_ = std::move(content_type);
  stream_ended_ = std::move(ended);
  wake_.cancel();
}

/// Writes both. A reader that takes nothing for a while, or too long over all of it, is given up.
net::awaitable<bool> http_session::write(std::string head, const std::string& body) {
  const auto& limits = core_->options.limits;
  const auto give_up = clock::now() + limits.answer;
  std::size_t written = 0;
  const auto all = head.size() + body.size();
  while (written < all && !closed_) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(give_up - clock::now());
    arm(std::clamp(left, std::chrono::milliseconds{1}, limits.owed));
    const std::array<net::const_buffer, 2> buffers{
        net::buffer(head) + std::min(written, head.size()),
        net::buffer(net::buffer(body) + (written > head.size() ? written - head.size() : 0), write_at_once)};
    error_code error;
    const auto count =
        co_await socket_.async_write_some(buffers, net::redirect_error(net::use_awaitable, error));
    written += count;
    disarm();
    if (error)
      co_return false;
  }
  co_return !closed_;
}

net::awaitable<bool> http_session::write_answer(const control_answer& answer, unsigned version, bool keep,
                                                bool with_body) {
  auto head = status_line_and_common(answer.status, version);
  if (constexpr int no_content = 204; answer.status != no_content)
    head += "Content-Type: " + answer.content_type +
            "\r\nContent-Length: " + std::to_string(answer.body.size()) + "\r\n";
  for (const auto& header : answer.headers)
    head += header.name + ": " + header.value + "\r\n";
  if (!keep)
    head += "Connection: close\r\n";
  else if (version == 10)
    head += "Connection: keep-alive\r\n";
  head += "\r\n";
  co_return co_await write(std::move(head), with_body ? answer.body : nothing);
}

/// Reads what the client still sends, so that its kernel does not throw the answer away with the connection.
net::awaitable<void> http_session::linger() {
  error_code error;
  socket_.shutdown(socket::shutdown_send, error);
  arm(linger_patience);
  std::array<char, 4096> scratch;
  while (!error && !timed_out_ && !closed_)
    co_await socket_.async_read_some(net::buffer(scratch), net::redirect_error(net::use_awaitable, error));
  disarm();
}

// -- streams
// --------------------------------------------------------------------------------------------------

net::awaitable<void> http_session::serve_stream() {
  leave();
  const auto stream = stream_;
  net::co_spawn(core_->io, watch_for_end(shared_from_this()), net::detached);
  auto head =
      status_line_and_common(200, 11) + "Content-Type: " + stream_type_ + "\r\nConnection: close\r\n\r\n";
  bool going = co_await write(std::move(head), nothing);
  while (going && !closed_) {
    auto bytes = stream->take();
    if (bytes.empty()) {
      if (stream->closed())
        break;
      wake_.expires_after(core_->options.limits.comment);
      error_code woken;
      co_await wake_.async_wait(net::redirect_error(net::use_awaitable, woken));
      if (woken)
        continue;
      bytes = ": still here\n\n";
    }
    going = co_await write(std::move(bytes), nothing);
  }
  stream->close();
  if (const auto ended = std::exchange(stream_ended_, nullptr))
    ended();
}

/// A client that closes its side has ended its stream; what it sends otherwise is ignored.
net::awaitable<void> http_session::watch_for_end(std::shared_ptr<http_session> self) {
  std::array<char, 512> scratch;
  for (;;) {
    error_code error;
    co_await self->socket_.async_read_some(net::buffer(scratch),
                                           net::redirect_error(net::use_awaitable, error));
    if (self->closed_)
      co_return;
    if (error == net::error::operation_aborted) {
      // The deadline of the writing strikes all operations of the socket.
      if (!self->timed_out_)
        continue;
    }
    if (error) {
      self->close();
      co_return;
    }
  }
}

} // namespace workspace_supervisor
