#include "actors/platform/http_connection.hpp"

#include "actors/platform/http_request_text.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cerrno>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace workspace_supervisor {

namespace {

/// Reads in a row before others get their turn.
constexpr int most_reads = 16;

std::string errno_text() {
  return std::generic_category().message(errno);
}

bool would_block() {
  return errno == EAGAIN || errno == EWOULDBLOCK;
}

} // namespace

http_connection::http_connection(http_core& core, http_pool& pool)
    : core_(core)
    , pool_(pool)
    , generation_(pool.origin().generation)
    , socket_(core.context.get_executor()) {}

// --- from the look-up to the first request

void http_connection::start(exchange_ptr exchange) {
  exchange_ = std::move(exchange);
  exchange_->connection = this;
  connect_deadline_ = std::chrono::steady_clock::now() + core_.options.connect_timeout;
  core_.set_deadline(*exchange_, std::min(connect_deadline_, exchange_->deadline()));
  host_record& host = *pool_.origin().addresses;
  if (host.addresses.empty())
    core_.look_up(host, shared_from_this());
  else
    dial(host.addresses);
}

void http_connection::addresses_found(const resolved_host& found) {
  if (stage_ != stage::resolving)
    return;
  if (found.addresses.empty())
    fail(http_outcome::resolve_failed, "look-up of " + pool_.origin().host + ": " + found.error);
  else
    dial(found.addresses);
}

void http_connection::dial(const std::vector<std::string>& addresses) {
  stage_ = stage::connecting;
  dialler_ = std::make_unique<http_dialler>(core_, *this, addresses, pool_.origin().port);
  dialler_->start();
}

void http_connection::attempt_ended(std::size_t index) {
  if (dialler_)
    dialler_->attempt_ended(index);
}

void http_connection::connect_failed(const std::string& error) {
  core_.forget_addresses(*pool_.origin().addresses);
  fail(http_outcome::connect_failed, "connect to " + place() + ": " + error);
}

void http_connection::connect_succeeded(int socket, const std::string& address) {
  const std::string used = address; // it belongs to the dialler
  dialler_.reset();
  boost::system::error_code error;
  socket_.assign(socket, error);
  if (error) {
    ::close(socket);
    fail(http_outcome::connect_failed, "connect to " + place() + ": " + error.message());
    return;
  }
  counted_ = true;
  core_.open_connections.fetch_add(1, std::memory_order_relaxed);
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); // a wish: it works without

  // the next connection begins with the address that worked
  std::vector<std::string>& addresses = pool_.origin().addresses->addresses;
  const auto found = std::find(addresses.begin(), addresses.end(), used);
  if (found != addresses.end())
    std::rotate(addresses.begin(), found, found + 1);

  if (!pool_.origin().tls) {
    begin_exchange();
    return;
  }
  stage_ = stage::handshaking;
  std::string problem;
  if (tls_context* tls = core_.tls(problem))
    tls_ = tls->open(socket, pool_.origin().host, pool_.origin().session, problem);
  if (!tls_)
    fail(http_outcome::tls_failed, problem);
  else
    step_handshake();
}

void http_connection::step_handshake() {
  const io_result result = tls_->handshake();
  switch (result.status) {
  case io_status::done:
    begin_exchange();
    break;
  case io_status::want_read:
    wait_readable();
    break;
  case io_status::want_write:
    wait_writable();
    break;
  case io_status::ended:
  case io_status::failed:
    core_.forget_addresses(*pool_.origin().addresses);
    fail(http_outcome::tls_failed,
         "TLS with " + place() + ": " +
             (result.status == io_status::ended ? "the connection was closed" : result.error));
    break;
  }
}

// --- requests

void http_connection::serve(exchange_ptr exchange) {
  exchange_ = std::move(exchange);
  exchange_->connection = this;
  exchange_->on_reused = true;
  begin_exchange();
}

void http_connection::begin_exchange() {
  const auto self = shared_from_this();
  stage_ = stage::busy;
  core_.set_deadline(*exchange_, exchange_->deadline());
  exchange_->begun = std::chrono::steady_clock::now();
  write_request(exchange_->request, core_.options.user_agent, core_.request_text);
  step_write(core_.request_text.data(), core_.request_text.size());
}

void http_connection::step_write(const char* data, std::size_t size) {
  while (size > 0) {
    const io_result result = write_some(data, size);
    if (result.status == io_status::done) {
      data += result.bytes;
      size -= result.bytes;
      continue;
    }
    if (result.status == io_status::want_write || result.status == io_status::want_read) {
      if (exchange_->unsent.empty())
        exchange_->unsent.assign(data, size);
      else
        exchange_->sent_of_unsent = exchange_->unsent.size() - size;
      if (result.status == io_status::want_write)
        wait_writable();
      wait_readable();
      return;
    }
    // the peer takes no more: it may have answered all the same
    exchange_->write_failed = true;
    step_read();
    return;
  }
  exchange_->written = true;
  exchange_->unsent = std::string();
  wait_readable();
}

void http_connection::step_read() {
  std::vector<char>& part = core_.answer_part;
  for (int reads = 0; reads < most_reads; ++reads) {
    const io_result result = read_some(part.data(), part.size());
    switch (result.status) {
    case io_status::done:
      switch (exchange_->answer.take(part.data(), result.bytes)) {
      case answer_state::incomplete:
        if (!tls_ && result.bytes < part.size() && !exchange_->write_failed) {
          wait_readable();
          return;
        }
        break;
      case answer_state::complete:
        finish();
        return;
      case answer_state::refused:
        if (status_decides())
          finish();
        else
          fail(http_outcome::bad_answer,
               exchange_->request.method + " " + place() + ": " + exchange_->answer.error());
        return;
      }
      break;
    case io_status::want_read:
      if (exchange_->write_failed)
        ended("closed before the whole request was sent");
      else
        wait_readable();
      return;
    case io_status::want_write:
      wait_writable();
      return;
    case io_status::ended:
      if (exchange_->answer.take_end() == answer_state::complete)
        finish();
      else
        ended(exchange_->answer.begun() ? "closed before the whole answer had come"
                                        : "closed before an answer");
      return;
    case io_status::failed:
      ended(result.error);
      return;
    }
  }
  boost::asio::post(core_.context, [self = shared_from_this()] {
    if (self->stage_ == stage::busy)
      self->step_read();
  });
}

bool http_connection::status_decides() const {
  return !exchange_->request.expects_json && exchange_->answer.head_done();
}

void http_connection::ended(const std::string& error) {
  if (status_decides()) {
    finish();
    return;
  }
  if (!exchange_->on_reused || exchange_->answer.begun() || !exchange_->request.repeatable) {
    fail(http_outcome::closed, exchange_->request.method + " " + place() + ": " + error);
    return;
  }
  // the peer had closed the connection while it was idle: once more, on a new one
  const auto self = shared_from_this();
  exchange_ptr exchange = std::move(exchange_);
  exchange->connection = nullptr;
  exchange->unsent.clear();
  exchange->sent_of_unsent = 0;
  exchange->written = false;
  exchange->write_failed = false;
  exchange->on_reused = false;
  close();
  pool_.submit_to_new_connection(std::move(exchange));
}

void http_connection::finish() {
  const auto self = shared_from_this();
  exchange_ptr exchange = std::move(exchange_);
  exchange->connection = nullptr;
  const bool keep = exchange->answer.keeps_connection() && exchange->written &&
                    !exchange->request.fresh_connection && generation_ == pool_.origin().generation &&
                    !(tls_ && tls_->has_pending());
  if (keep) {
    stage_ = stage::idle;
    idle_since_ = std::chrono::steady_clock::now();
    wait_readable();
    pool_.keep(*this);
  } else {
    close();
  }
  core_.complete(std::move(exchange), http_outcome::answered, {});
}

void http_connection::fail(http_outcome outcome, const std::string& error) {
  const auto self = shared_from_this();
  exchange_ptr exchange = std::move(exchange_);
  exchange->connection = nullptr;
  close();
  core_.complete(std::move(exchange), outcome, error);
}

void http_connection::cancel() {
  if (exchange_)
    fail(http_outcome::cancelled, "the engine was stopped");
  else
    close();
}

void http_connection::deadline_passed(steady_time now) {
  const bool out_of_time = now >= exchange_->deadline();
  const std::string limit =
      out_of_time ? std::to_string(exchange_->request.timeout.count()) + " ms (the request's time)"
                  : std::to_string(core_.options.connect_timeout.count()) + " ms (the time for connecting)";
  switch (stage_) {
  case stage::resolving:
    fail(out_of_time ? http_outcome::timed_out : http_outcome::resolve_failed,
         "look-up of " + pool_.origin().host + ": no answer within " + limit);
    break;
  case stage::connecting:
    core_.forget_addresses(*pool_.origin().addresses);
    fail(out_of_time ? http_outcome::timed_out : http_outcome::connect_failed,
         "connect to " + place() + ": no answer within " + limit);
    break;
  case stage::handshaking:
    core_.forget_addresses(*pool_.origin().addresses);
    fail(out_of_time ? http_outcome::timed_out : http_outcome::tls_failed,
         "TLS with " + place() + ": handshake not done within " + limit);
    break;
  case stage::busy: {
    if (status_decides()) {
      finish();
      break;
    }
    const bool acknowledged = peer_has_acknowledged_all();
    fail(acknowledged ? http_outcome::timed_out_acknowledged : http_outcome::timed_out,
         exchange_->request.method + " " + place() + ": no whole answer within " + limit);
    break;
  }
  case stage::idle:
  case stage::closed:
    break;
  }
}

bool http_connection::peer_has_acknowledged_all() const {
  int unacknowledged = -1;
  return exchange_->written &&
         ::ioctl(const_cast<socket_handle&>(socket_).native_handle(), SIOCOUTQ, &unacknowledged) == 0 &&
         unacknowledged == 0;
}

// --- idle

void http_connection::check_idle() {
  const auto self = shared_from_this();
  // TLS has things of its own to say (session tickets); anything else is the end, or was not asked for
  char byte = 0;
  if (read_some(&byte, 1).status == io_status::want_read)
    wait_readable();
  else
    close();
}

bool http_connection::is_stale() const {
  char byte = 0;
  const ssize_t peeked =
      ::recv(const_cast<socket_handle&>(socket_).native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return peeked == 0 || (peeked < 0 && !would_block()) || (peeked > 0 && !tls_);
}

void http_connection::close_idle() {
  close();
}

void http_connection::close() {
  const auto self = shared_from_this();
  if (stage_ == stage::closed)
    return;
  stage_ = stage::closed;
  dialler_.reset();
  tls_.reset(); // before the socket: it says good-bye
  if (counted_)
    core_.open_connections.fetch_sub(1, std::memory_order_relaxed);
  boost::system::error_code ignored; // nothing is left to be done with it
  socket_.close(ignored);
  pool_.remove(*this);
}

// --- the socket

io_result http_connection::read_some(char* data, std::size_t size) {
  if (tls_)
    return tls_->read(data, size);
  ssize_t bytes = 0;
  do
    bytes = ::recv(socket_.native_handle(), data, size, 0);
  while (bytes < 0 && errno == EINTR);
  if (bytes > 0)
    return {io_status::done, static_cast<std::size_t>(bytes), {}};
  if (bytes == 0)
    return {io_status::ended, 0, {}};
  if (would_block())
    return {io_status::want_read, 0, {}};
  return {io_status::failed, 0, errno_text()};
}

io_result http_connection::write_some(const char* data, std::size_t size) {
  if (tls_)
    return tls_->write(data, size);
  ssize_t bytes = 0;
  do
    bytes = ::send(socket_.native_handle(), data, size, MSG_NOSIGNAL);
  while (bytes < 0 && errno == EINTR);
  if (bytes >= 0)
    return {io_status::done, static_cast<std::size_t>(bytes), {}};
  if (would_block())
    return {io_status::want_write, 0, {}};
  return {io_status::failed, 0, errno_text()};
}

void http_connection::wait_readable() {
  if (waits_readable_)
    return;
  waits_readable_ = true;
  socket_.async_wait(socket_handle::wait_read, [self = shared_from_this()](boost::system::error_code error) {
    self->waits_readable_ = false;
    if (error != boost::asio::error::operation_aborted)
      self->readable();
  });
}

void http_connection::wait_writable() {
  if (waits_writable_)
    return;
  waits_writable_ = true;
  socket_.async_wait(socket_handle::wait_write, [self = shared_from_this()](boost::system::error_code error) {
    self->waits_writable_ = false;
    if (error != boost::asio::error::operation_aborted)
      self->writable();
  });
}

void http_connection::readable() {
  switch (stage_) {
  case stage::handshaking:
    step_handshake();
    break;
  case stage::busy:
    step_read();
    // TLS may have waited for this to go on writing
    if (stage_ == stage::busy && tls_ && !exchange_->unsent.empty() && !waits_writable_)
      writable();
    break;
  case stage::idle:
    check_idle();
    break;
  default:
    break;
  }
}

void http_connection::writable() {
  switch (stage_) {
  case stage::handshaking:
    step_handshake();
    break;
  case stage::busy:
    if (!exchange_->unsent.empty()) {
      const std::string& unsent = exchange_->unsent;
      step_write(unsent.data() + exchange_->sent_of_unsent, unsent.size() - exchange_->sent_of_unsent);
    } else if (!waits_readable_) {
      step_read();
    }
    break;
  default:
    break;
  }
}

std::string http_connection::place() const {
  platform_url url;
  url.tls = pool_.origin().tls;
  url.host = pool_.origin().host;
  url.port = pool_.origin().port;
  return url.origin();
}

} // namespace workspace_supervisor
