#include "tests/actors/http/http_test_peer.hpp"

#include "actors/loop/signal_mask.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <cstdlib>
#include <netinet/in.h>
#include <optional>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace workspace_supervisor::testing {

peer_connection::~peer_connection() = default;

long peer_connection::read_some(char* data, std::size_t size) {
  return ::recv(socket_, data, size, 0);
}

bool peer_connection::write_all(const std::string& text) {
  std::size_t sent = 0;
  while (sent < text.size()) {
    const ssize_t bytes = ::send(socket_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (bytes <= 0)
      return false;
    sent += static_cast<std::size_t>(bytes);
  }
  return true;
}

void peer_connection::write(const std::string& text) {
  write_all(text);
}

std::string peer_connection::read_request() {
  for (;;) {
    const std::size_t head = rest_.find("\r\n\r\n");
    if (head != std::string::npos) {
      std::size_t length = 0;
      const std::size_t field = rest_.find("Content-Length: ");
      if (field < head)
        length = std::strtoul(rest_.c_str() + field + 16, nullptr, 10);
      if (rest_.size() >= head + 4 + length) {
        std::string request = rest_.substr(0, head + 4 + length);
        rest_.erase(0, request.size());
        return request;
      }
    }
    char part[4096];
    const long bytes = read_some(part, sizeof(part));
    if (bytes <= 0)
      return {};
    rest_.append(part, static_cast<std::size_t>(bytes));
  }
}

void peer_connection::wait_for_end() {
  char part[4096];
  while (read_some(part, sizeof(part)) > 0) {
  }
}

void peer_connection::reset_on_close() {
  const linger none{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

test_peer::test_peer(script play, wrapper wrap, const std::string& address)
    : play_(std::move(play))
    , wrap_(std::move(wrap))
    , address_(address) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  inet_pton(AF_INET, address.c_str(), &name.sin_addr);
  socklen_t size = sizeof(name);
  if (listener_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&name), size) != 0 ||
      ::listen(listener_, 1024) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&name), &size) != 0)
    throw std::runtime_error("test_peer: cannot listen");
  port_ = ntohs(name.sin_port);
  const all_signals_blocked blocked; // OpenSSL's writes raise SIGPIPE
  thread_ = std::thread([this] { serve(); });
}

test_peer::~test_peer() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int socket : open_)
      ::shutdown(socket, SHUT_RDWR);
  }
  for (std::thread& player : players_)
    player.join();
  ::close(listener_);
}

platform_url test_peer::url() const {
  platform_url url;
  url.host = address_;
  url.port = port_;
  return url;
}

void test_peer::serve() {
  for (;;) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0 || stopping_) {
      if (socket >= 0)
        ::close(socket);
      return;
    }
    const timeval limit{30, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    const int number = connections_++;
    const std::lock_guard lock(mutex_);
    open_.push_back(socket);
    players_.emplace_back([this, socket, number] {
      {
        const std::unique_ptr<peer_connection> connection =
            wrap_ ? wrap_(socket) : std::make_unique<peer_connection>(socket);
        if (connection)
          play_(*connection, number);
      }
      const std::lock_guard closing(mutex_);
      open_.remove(socket);
      ::close(socket);
    });
  }
}

test_peer::script answer_always(std::string text) {
  return [text = std::move(text)](peer_connection& connection, int) {
    while (!connection.read_request().empty())
      connection.write(text);
  };
}

std::string json_answer(const std::string& body, const std::string& more_headers) {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n" + more_headers + "\r\n" + body;
}

http_request get(const platform_url& url, const std::string& target) {
  http_request request;
  request.url = url;
  request.method = "GET";
  request.target = target;
  request.expects_json = true;
  request.repeatable = true;
  request.timeout = std::chrono::seconds(30);
  return request;
}

http_request post(const platform_url& url, const std::string& body) {
  http_request request;
  request.url = url;
  request.method = "POST";
  request.target = "/x";
  request.body = body;
  request.timeout = std::chrono::seconds(30);
  return request;
}

struct test_engine::impl {
  explicit impl(http_engine_options options)
      : work(loop.get_executor())
      , engine(std::in_place, loop, std::move(options))
      , thread([this] { loop.run(); }) {}
  ~impl() {
    boost::asio::post(loop, [this] { engine.reset(); });
    work.reset();
    thread.join();
  }

  boost::asio::io_context loop;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
  std::optional<http_engine> engine;
  std::thread thread;
};

test_engine::test_engine(http_engine_options options)
    : impl_(std::make_unique<impl>(std::move(options))) {}

test_engine::~test_engine() = default;

void test_engine::send(http_request request, http_engine::completion done) {
  boost::asio::post(impl_->loop, [this, request = std::move(request), done = std::move(done)]() mutable {
    impl_->engine->send(std::move(request), std::move(done));
  });
}

void test_engine::reconnect(const platform_url& url) {
  boost::asio::post(impl_->loop, [this, url] { impl_->engine->reconnect(url); });
}

void test_engine::cancel(workspace_number owner) {
  boost::asio::post(impl_->loop, [this, owner] { impl_->engine->cancel(owner); });
}

std::size_t test_engine::open_connections() const {
  return impl_->engine->open_connections();
}

std::future<http_response> begin(test_engine& engine, http_request request) {
  auto promise = std::make_shared<std::promise<http_response>>();
  std::future<http_response> answer = promise->get_future();
  engine.send(std::move(request),
              [promise](http_response response) { promise->set_value(std::move(response)); });
  return answer;
}

http_response wait_for(std::future<http_response>& answer) {
  if (answer.wait_for(std::chrono::seconds(30)) != std::future_status::ready) {
    ADD_FAILURE() << "the request was not completed within 30 s";
    return {};
  }
  return answer.get();
}

http_response ask(test_engine& engine, http_request request) {
  std::future<http_response> answer = begin(engine, std::move(request));
  return wait_for(answer);
}

} // namespace workspace_supervisor::testing
