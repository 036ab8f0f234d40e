#include "app/control_server/http_session.hpp"
#include "tests/fuzz/control/control_call.hpp"
#include "tests/support/fuzz_input.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/json/parse.hpp>

#include <fcntl.h>
#include <sys/socket.h>

using namespace workspace_supervisor;

namespace {

namespace http = boost::beast::http;
using namespace std::chrono_literals;

/// One connection in the hands of a session, and the client's end of it.
class connection {
public:
  explicit connection(bool tcp, const std::string& workspace) {
    int ends[2];
    must(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0,
         "there is a pair of sockets");
    client_ = ends[0];
    http_server_options options;
    options.handle = [](const std::shared_ptr<control_exchange>& exchange) {
      handle(*exchange);
    };
    core_ = std::make_shared<http_server_core>(io_, std::move(options));
    auto listener = std::make_shared<http_listener>();
    listener->tcp = tcp;
    listener->port = 9640;
    listener->address = "127.0.0.1";
    listener->workspace = workspace;
    boost::asio::generic::stream_protocol protocol(AF_UNIX, 0);
    auto session =
        std::make_shared<http_session>(core_, listener, http_session::socket{io_, protocol, ends[1]}, false);
    boost::asio::co_spawn(io_, http_session::run(std::move(session)), boost::asio::detached);
    io_.poll();
  }
  ~connection() { ::close(client_); }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(client_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        // It has ended, or its buffer is full of what nobody will read.
        if (errno != EAGAIN || core_->sessions.empty())
          return;
        step();
        continue;
      }
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      step();
    }
  }

  /// What it answered until it ended, which it does once the client has.
  std::string end() {
    ::shutdown(client_, SHUT_WR);
    const auto give_up = std::chrono::steady_clock::now() + 5s;
    while (!core_->sessions.empty()) {
      must(std::chrono::steady_clock::now() < give_up, "a connection ends with its client");
      step();
    }
    step();
    return answers_;
  }

private:
  static void handle(control_exchange& exchange) {
    const auto& request = exchange.request();
    if (request.target.starts_with("/v1/events")) {
      if (const auto stream = exchange.open_stream("text/event-stream", ": first\n\n", [] {})) {
        stream->send("data: 1\n\n");
        stream->close();
      }
      return;
    }
    exchange.answer(answer_call(request));
  }

  void step() {
    io_.restart();
    io_.poll();
    char buffer[16384];
    for (ssize_t got = 0; (got = ::recv(client_, buffer, sizeof buffer, 0)) > 0;)
      answers_.append(buffer, static_cast<std::size_t>(got));
  }

  boost::asio::io_context io_{1};
  std::shared_ptr<http_server_core> core_;
  int client_ = -1;
  std::string answers_;
};

/// The statuses of well-formed answers, one after another; their errors are JSON.
std::string statuses(std::string_view answers) {
  std::string found;
  while (!answers.empty()) {
    http::response_parser<http::string_body> parser;
    parser.eager(true);
    boost::system::error_code error;
    auto used = parser.put(boost::asio::buffer(answers.data(), answers.size()), error);
    if (error == http::error::need_more || (!error && !parser.is_done()))
      parser.put_eof(error);
    must(!error, "an answer is HTTP", answers);
    const auto status = parser.get().result_int();
    // "100 Continue" is left out where the body has come already.
    if (status != 100)
      found += std::to_string(status) + ' ';
    if (status >= 400) {
      boost::json::parse(parser.get().body(), error);
      must(!error, "an error is JSON", parser.get().body());
    }
    must(used > 0, "an answer has bytes");
    answers.remove_prefix(used);
  }
  return found;
}

} // namespace

/// A connection of any bytes, in any pieces, gets well-formed answers, and ends.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input input(data, size);
  const auto flags = input.byte();
  piece_sizes sizes(input.byte());
  const bool tcp = flags & 1;
  const std::string workspace = flags & 2 ? "ws-1" : "";
  auto bytes = input.rest();
  // Of a HEAD the answer has a length and no body: such are only run.
  const bool with_head = bytes.find("HEAD") != std::string_view::npos;
  connection whole(tcp, workspace);
  whole.send(bytes);
  const auto answers = whole.end();
  if (with_head || flags & 4)
    return 0;
  const auto first = statuses(answers);
  connection parts(tcp, workspace);
  while (!bytes.empty()) {
    const auto piece = bytes.substr(0, sizes.next());
    bytes.remove_prefix(piece.size());
    parts.send(piece);
  }
  const auto second = statuses(parts.end());
  must(first == second, "the pieces do not decide what is answered", first + "/ " + second);
  return 0;
}
