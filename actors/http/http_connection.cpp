#include "actors/http/http_connection.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <exception>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <utility>

namespace workspace_supervisor {

namespace {

/// What is read at once: little while nothing or a short answer is expected, much of a long one.
constexpr std::size_t short_read = 1024;
constexpr std::size_t long_read = 65536;
/// How long a peer may take to answer TLS's good-bye.
constexpr std::chrono::seconds goodbye_patience{1};

} // namespace

http_connection::http_connection(http_core& core, http_pool& pool)
    : core_(core)
    , pool_(pool)
    , generation_(pool.origin().generation)
    , session_(pool.origin().session)
    , socket_(core.context.get_executor())
    , part_(short_read)
    , timer_(core.context.get_executor())
    , found_or_ended_(core.context.get_executor()) {}

// --- the coroutine

void http_connection::start(exchange_ptr exchange) {
  exchange_ = std::move(exchange);
  connect_deadline_ = std::chrono::steady_clock::now() + core_.options.connect_timeout;
  set_deadline(std::min(connect_deadline_, exchange_->deadline));
  boost::asio::co_spawn(
      core_.context.get_executor(), [self = shared_from_this()]() -> loop_task<> { co_await self->run(); },
      [](const std::exception_ptr& thrown) {
        if (thrown)
          std::rethrow_exception(thrown); // the loop tells of it
      });
}

// GCC 12 makes wrong code of a co_await within a condition or an operand of && and ||: each stands by itself.

loop_task<> http_connection::run() {
  if (stage_ == stage::closed)
    co_return;
  const bool connected = co_await connect();
  if (!connected)
    co_return;
  begin_exchange();
  if (tls_) {
    co_await read_answers(*tls_);
  } else {
    co_await read_answers(socket_);
  }
  if (says_goodbye_) {
    co_await say_goodbye();
  }
  timer_.cancel();
  boost::system::error_code ignored; // nothing is left to be done with it
  socket_.close(ignored);
}

loop_task<bool> http_connection::connect() {
  bool good = true;
  if (pool_.origin().addresses->addresses.empty()) {
    good = co_await resolve();
  }
  if (good) {
    good = co_await dial();
  }
  if (good && pool_.origin().tls) {
    good = co_await shake_hands();
  }
  co_return good;
}

loop_task<bool> http_connection::resolve() {
  core_.look_up(*pool_.origin().addresses, shared_from_this());
  found_or_ended_.expires_at(steady_time::max());
  co_await found_or_ended_.async_wait(as_result);
  if (stage_ == stage::closed)
    co_return false;
  if (found_.addresses.empty())
    fail(http_outcome::resolve_failed, "look-up of " + pool_.origin().host + ": " + found_.error);
  co_return stage_ != stage::closed;
}

void http_connection::addresses_found(const resolved_host& found) {
  found_ = found;
  found_or_ended_.cancel();
}

loop_task<bool> http_connection::dial() {
  stage_ = stage::connecting;
  // those that were found may have been forgotten since: another connection found that none works
  const auto& known = pool_.origin().addresses->addresses;
  const auto dialler =
      std::make_shared<http_dialler>(core_.context.get_executor(), known.empty() ? found_.addresses : known,
                                     pool_.origin().port, core_.options.connect_timeout);
  dialler_ = dialler;
  auto socket = co_await dialler->dial();
  if (stage_ == stage::closed)
    co_return false;
  dialler_.reset();
  found_ = {};
  if (!socket) {
    core_.forget_addresses(*pool_.origin().addresses);
    fail(http_outcome::connect_failed, "connect to " + place() + ": " + dialler->error());
    co_return false;
  }
  socket_ = std::move(*socket);
  counted_ = true;
  core_.open_connections.fetch_add(1, std::memory_order_relaxed);
  boost::system::error_code ignored; // a wish: it works without
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);

  // the next connection begins with the address that worked
  auto& addresses = pool_.origin().addresses->addresses;
  const auto used = std::find(addresses.begin(), addresses.end(), dialler->address());
  if (used != addresses.end())
    std::rotate(addresses.begin(), used, used + 1);
  co_return true;
}

loop_task<bool> http_connection::shake_hands() {
  stage_ = stage::handshaking;
  std::string problem;
  if (auto* context = core_.tls(problem))
    tls_ = make_tls_stream(*context, socket_, pool_.origin().host, problem);
  if (!tls_) {
    fail(http_outcome::tls_failed, problem);
    co_return false;
  }
  session_->use_for(*tls_);
  const auto [error] = co_await tls_->async_handshake(tls_stream::client, as_result);
  if (stage_ == stage::closed)
    co_return false;
  if (error) {
    session_->clear();
    core_.forget_addresses(*pool_.origin().addresses);
    fail(http_outcome::tls_failed, "TLS with " + place() + ": " + handshake_problem(*tls_, error));
  }
  co_return !error;
}

template <class Stream>
loop_task<> http_connection::read_answers(Stream& stream) {
  while (stage_ != stage::closed) {
    const auto [error, size] = co_await stream.async_read_some(boost::asio::buffer(part_), as_result);
    if (stage_ == stage::busy) {
      take(error, size);
    } else if (stage_ == stage::idle) { // the peer has ended it, or says what nobody asked
      sound_ = false;
      close();
    }
  }
}

loop_task<> http_connection::say_goodbye() {
  set_deadline(std::chrono::steady_clock::now() + goodbye_patience);
  co_await tls_->async_shutdown(as_result);
}

// --- requests

void http_connection::serve(exchange_ptr exchange) {
  exchange_ = std::move(exchange);
  begin_exchange();
}

void http_connection::begin_exchange() {
  stage_ = stage::busy;
  written_ = false;
  set_deadline(exchange_->deadline);
  exchange_->begun = std::chrono::steady_clock::now();
  write_request(exchange_->request, core_.options.user_agent, request_);
  if (tls_)
    write(*tls_);
  else
    write(socket_);
}

template <class Stream>
void http_connection::write(Stream& stream) {
  // Not awaited: an answer can come before the request has been read. What goes wrong here shows there.
  boost::asio::async_write(stream, boost::asio::buffer(request_),
                           [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
                             self->written_ = !error;
                           });
}

void http_connection::take(const boost::system::error_code& error, std::size_t size) {
  auto& answer = exchange_->answer;
  if (error == boost::asio::error::eof && answer.take_end() == answer_state::complete)
    return finish();
  if (error == boost::asio::error::eof)
    return ended(answer.begun() ? "closed before the whole answer had come" : "closed before an answer");
  if (error == boost::asio::ssl::error::stream_truncated)
    return ended("the connection was closed without TLS's good-bye");
  if (error)
    return ended(error.message());
  switch (answer.take(part_.data(), size)) {
  case answer_state::incomplete:
    if (size == part_.size() && size < long_read)
      part_.resize(long_read);
    return;
  case answer_state::complete:
    return finish();
  case answer_state::refused:
    if (status_decides())
      return finish();
    return fail(http_outcome::bad_answer, exchange_->request.method + " " + place() + ": " + answer.error());
  }
}

void http_connection::ended(const std::string& error) {
  sound_ = false;
  if (status_decides())
    return finish();
  if (!used_ || exchange_->answer.begun() || !exchange_->request.repeatable)
    return fail(http_outcome::closed, exchange_->request.method + " " + place() + ": " + error);
  // the peer had closed the connection while it was idle: once more, on a new one
  exchange_ptr exchange = std::move(exchange_);
  auto& pool = pool_;
  close();
  pool.submit_to_new_connection(std::move(exchange));
}

void http_connection::finish() {
  exchange_ptr exchange = std::move(exchange_);
  auto& core = core_;
  used_ = true;
  if (exchange->answer.keeps_connection() && written_ && !exchange->request.fresh_connection &&
      generation_ == pool_.origin().generation && !(tls_ && has_more(*tls_))) {
    stage_ = stage::idle;
    if (request_.capacity() > long_read)
      request_ = {};
    if (part_.size() > short_read)
      part_ = std::vector<char>(short_read);
    set_deadline(std::chrono::steady_clock::now() + core_.options.idle_timeout);
    pool_.keep(*this);
  } else {
    close();
  }
  core.complete(std::move(exchange), http_outcome::answered, {});
}

void http_connection::fail(http_outcome outcome, const std::string& error) {
  exchange_ptr exchange = std::move(exchange_);
  auto& core = core_;
  close();
  core.complete(std::move(exchange), outcome, error);
}

void http_connection::cancel(const std::string& why) {
  if (exchange_)
    fail(http_outcome::cancelled, why);
  else
    close();
}

void http_connection::close() {
  if (stage_ == stage::closed)
    return;
  const auto self = shared_from_this();
  says_goodbye_ = tls_ && written_ && sound_;
  stage_ = stage::closed;
  if (dialler_)
    dialler_->cancel();
  found_or_ended_.cancel();
  timer_.cancel();
  timer_is_set_ = false;
  boost::system::error_code ignored; // the coroutine comes to its end either way
  if (says_goodbye_)
    socket_.cancel(ignored);
  else
    socket_.close(ignored);
  if (counted_)
    core_.open_connections.fetch_sub(1, std::memory_order_relaxed);
  pool_.remove(*this);
}

// --- time

void http_connection::set_deadline(steady_time when) {
  deadline_ = when;
  // a timer that fires too early costs less than one that is moved with each request
  if (!timer_is_set_ || timer_.expiry() > when)
    arm_timer();
}

void http_connection::arm_timer() {
  timer_is_set_ = true;
  timer_.expires_at(deadline_);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (error)
      return; // moved, or not needed any more
    const auto now = std::chrono::steady_clock::now();
    if (now < self->deadline_)
      return self->arm_timer();
    self->timer_is_set_ = false;
    self->deadline_passed(now);
  });
}

void http_connection::deadline_passed(steady_time now) {
  if (stage_ == stage::closed) {
    boost::system::error_code ignored; // the peer does not answer our good-bye
    socket_.close(ignored);
    return;
  }
  if (stage_ == stage::idle)
    return close();
  const bool out_of_time = now >= exchange_->deadline;
  const std::string limit =
      out_of_time ? std::to_string(exchange_->request.timeout.count()) + " ms (the request's time)"
                  : std::to_string(core_.options.connect_timeout.count()) + " ms (the time for connecting)";
  const auto late = [&](http_outcome outcome, const std::string& error) {
    fail(out_of_time ? http_outcome::timed_out : outcome, error + " within " + limit);
  };
  switch (stage_) {
  case stage::resolving:
    return late(http_outcome::resolve_failed, "look-up of " + pool_.origin().host + ": no answer");
  case stage::connecting:
    core_.forget_addresses(*pool_.origin().addresses);
    return late(http_outcome::connect_failed, "connect to " + place() + ": no answer");
  case stage::handshaking:
    core_.forget_addresses(*pool_.origin().addresses);
    return late(http_outcome::tls_failed, "TLS with " + place() + ": handshake not done");
  case stage::busy:
    if (status_decides())
      return finish();
    return fail(peer_has_acknowledged_all() ? http_outcome::timed_out_acknowledged : http_outcome::timed_out,
                exchange_->request.method + " " + place() + ": no whole answer within " + limit);
  case stage::idle:
  case stage::closed:
    return;
  }
}

// --- what is known of the other end

bool http_connection::status_decides() const {
  return !exchange_->request.expects_json && exchange_->answer.head_done();
}

bool http_connection::peer_has_acknowledged_all() {
  int unacknowledged = -1;
  return written_ && ::ioctl(socket_.native_handle(), SIOCOUTQ, &unacknowledged) == 0 && unacknowledged == 0;
}

bool http_connection::is_stale() {
  char byte = 0;
  boost::system::error_code error;
  socket_.non_blocking(true, error);
  const std::size_t size =
      socket_.receive(boost::asio::buffer(&byte, 1), boost::asio::socket_base::message_peek, error);
  if (error)
    return error != boost::asio::error::would_block;
  return size > 0 && !tls_; // TLS has things of its own to say (session tickets)
}

std::string http_connection::place() const {
  platform_url url;
  url.tls = pool_.origin().tls;
  url.host = pool_.origin().host;
  url.port = pool_.origin().port;
  return url.origin();
}

} // namespace workspace_supervisor
