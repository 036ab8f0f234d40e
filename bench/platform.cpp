// A platform that does nothing but answer, so that it takes as little as can be of the machine that is
// measured on, and that keeps a record of what arrived when: lateness is told by it and not by who is
// measured.
//
//   bench-platform [--port=N] [--https-dir=DIR] [--rows=N] [--new-rows] [--hang-messages[=N]]
//
// --rows: so many results in every list; with --new-rows each list of a workspace begins one result later
// than its last, so that one is new. --hang-messages: of the self-messages every Nth (1: each) is never
// answered.
//
// Prints its URL, then serves until its parent ends or it is asked to. Workspaces are named ws-0, ws-1 and so
// on.

#include "tests/support/certificates.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unordered_map>
#include <vector>

namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using error_code = boost::system::error_code;

enum class request_kind : std::int32_t { beat, poll, workspace, message, notification, other };

/// A request that was read whole. The driver reads these as they lie in memory (bench/processes.py).
struct arrival {
  std::int64_t nanoseconds; ///< CLOCK_MONOTONIC
  std::int32_t workspace;   ///< its number, -1 where none is named
  request_kind kind;
};
static_assert(sizeof(arrival) == 16);

struct platform_options {
  std::uint16_t port = 0; ///< 0: a free one
  std::string https_dir;  ///< "": http
  int rows = 0;
  bool new_rows = false;
  int hang_every = 0; ///< 0: all messages are answered
};

struct platform_state {
  platform_options options;
  std::vector<arrival> arrivals;
  std::unordered_map<std::int32_t, int> lists; ///< given out, by workspace
  int messages = 0;
};

/// The number behind the first "ws-" of the text; -1: there is none.
std::int32_t workspace_number(std::string_view text) {
  const auto found = text.find("ws-");
  if (found == std::string_view::npos)
    return -1;
  std::int32_t number = -1;
  std::from_chars(text.data() + found + 3, text.data() + text.size(), number);
  return number;
}

request_kind kind_of(std::string_view target) {
  if (target == "/registry/heartbeat")
    return request_kind::beat;
  if (!target.starts_with("/workspaces/"))
    return request_kind::other;
  if (target.ends_with("/delegations"))
    return request_kind::poll;
  if (target.ends_with("/a2a"))
    return request_kind::message;
  if (target.ends_with("/notify"))
    return request_kind::notification;
  return request_kind::workspace;
}

/// The value of Content-Length in a head; 0 where there is none.
std::size_t body_length(std::string_view head) {
  constexpr std::string_view name = "\ncontent-length:";
  for (auto line = head.find('\n'); line != std::string_view::npos; line = head.find('\n', line + 1)) {
    if (head.size() - line < name.size() || ::strncasecmp(head.data() + line, name.data(), name.size()) != 0)
      continue;
    line += name.size();
    while (line < head.size() && head[line] == ' ')
      ++line;
    std::size_t length = 0;
    std::from_chars(head.data() + line, head.data() + head.size(), length);
    return length;
  }
  return 0;
}

/// Results of that workspace from number `first` on, as many as are asked for.
std::string delegation_list(std::int32_t workspace, int first, int rows) {
  const auto id = "ws-" + std::to_string(workspace);
  std::string list = "[";
  list.reserve(static_cast<std::size_t>(rows) * 300);
  for (int row = first; row < first + rows; ++row) {
    const auto number = std::to_string(row);
    list.append(row == first ? "" : ",").append(R"({"id":"row-)").append(number);
    list.append(R"(","type":"delegation","delegation_id":"task-)").append(number).append("-of-").append(id);
    list.append(R"(","source_id":")").append(id);
    list.append(R"(","target_id":"helper","summary":"task )").append(number);
    list.append(
        R"(","status":"completed","error":"","response_preview":"done","created_at":"2026-01-01T00:00:00Z"})");
  }
  return list + "]";
}

std::string with_head(std::string_view type, std::string_view body) {
  std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: ";
  answer.append(type).append("\r\nContent-Length: ").append(std::to_string(body.size()));
  return answer.append("\r\n\r\n").append(body);
}

/// What is answered; nothing where the answer is withheld.
std::optional<std::string> answer_to(platform_state& state, const arrival& request, std::string_view target) {
  static const auto empty_object = with_head("application/json", "{}");
  static const auto empty_list = with_head("application/json", "[]");
  const auto& options = state.options;
  const auto first_row = [&] {
    return options.new_rows ? state.lists[request.workspace]++ : 0;
  };
  switch (request.kind) {
  case request_kind::beat:
  case request_kind::notification:
    return empty_object;
  case request_kind::poll:
    return options.rows == 0
               ? empty_list
               : with_head("application/json", delegation_list(request.workspace, first_row(), options.rows));
  case request_kind::workspace:
    return with_head("application/json", R"({"parent_id":null,"name":"a workspace"})");
  case request_kind::message:
    ++state.messages;
    if (options.hang_every > 0 && state.messages % options.hang_every == 0)
      return std::nullopt;
    return empty_object;
  case request_kind::other:
    break;
  }
  if (target == "/count")
    return with_head("text/plain", std::to_string(state.arrivals.size()));
  if (target == "/arrivals")
    return with_head("application/octet-stream", {reinterpret_cast<const char*>(state.arrivals.data()),
                                                  state.arrivals.size() * sizeof(arrival)});
  return "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
}

/// A connection: reads a request, answers it, and so on, until the other side closes.
template <class Stream>
class connection : public std::enable_shared_from_this<connection<Stream>> {
public:
  connection(platform_state& state, Stream stream)
      : state_{state}
      , stream_{std::move(stream)} {}

  void start() {
    if constexpr (requires { stream_.next_layer(); }) {
      stream_.async_handshake(asio::ssl::stream_base::server,
                              [self = this->shared_from_this()](error_code error) {
                                if (!error)
                                  self->read();
                              });
    } else {
      read();
    }
  }

private:
  void read() {
    stream_.async_read_some(asio::buffer(chunk_),
                            [self = this->shared_from_this()](error_code error, std::size_t count) {
                              if (error)
                                return;
                              self->unread_.append(self->chunk_.data(), count);
                              self->take();
                            });
  }

  /// Answers the request that has been read; reads on while there is none yet.
  void take() {
    const std::string_view text = unread_;
    const auto head_end = text.find("\r\n\r\n");
    if (head_end == std::string_view::npos)
      return read();
    const auto head = text.substr(0, head_end);
    const auto body = text.substr(head_end + 4);
    const auto length = body_length(head);
    if (body.size() < length)
      return read();
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    auto target = head.substr(head.find(' ') + 1);
    target = target.substr(0, target.find(' '));
    const auto kind = kind_of(target);
    const arrival request{std::chrono::nanoseconds{now}.count(),
                          workspace_number(kind == request_kind::beat ? body : target), kind};
    auto answer = answer_to(state_, request, target);
    if (kind != request_kind::other)
      state_.arrivals.push_back(request);
    unread_.erase(0, head_end + 4 + length);
    if (!answer)
      return read();
    answer_ = std::move(*answer);
    asio::async_write(stream_, asio::buffer(answer_),
                      [self = this->shared_from_this()](error_code error, std::size_t) {
                        if (!error)
                          self->take();
                      });
  }

  platform_state& state_;
  Stream stream_;
  std::array<char, 4096> chunk_;
  std::string unread_;
  std::string answer_;
};

void accept(tcp::acceptor& acceptor, platform_state& state, asio::ssl::context* tls) {
  acceptor.async_accept([&acceptor, &state, tls](error_code error, tcp::socket socket) {
    if (!error) {
      socket.set_option(tcp::no_delay{true}, error);
      if (tls != nullptr)
        std::make_shared<connection<asio::ssl::stream<tcp::socket>>>(
            state, asio::ssl::stream<tcp::socket>{std::move(socket), *tls})
            ->start();
      else
        std::make_shared<connection<tcp::socket>>(state, std::move(socket))->start();
    }
    accept(acceptor, state, tls);
  });
}

/// Ten thousand workspaces of the bare loop have as many connections.
void raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// Nothing where one is unknown.
std::optional<platform_options> read_options(int count, char** values) {
  platform_options options;
  for (int i = 1; i < count; ++i) {
    const std::string_view option = values[i];
    const auto equals = option.find('=');
    const char* value = equals == std::string_view::npos ? "1" : values[i] + equals + 1;
    const auto name = option.substr(0, equals);
    if (name == "--port")
      options.port = static_cast<std::uint16_t>(std::atoi(value));
    else if (name == "--https-dir")
      options.https_dir = value;
    else if (name == "--rows")
      options.rows = std::atoi(value);
    else if (name == "--new-rows")
      options.new_rows = true;
    else if (name == "--hang-messages")
      options.hang_every = std::atoi(value);
    else
      return std::nullopt;
  }
  return options;
}

} // namespace

int main(int count, char** values) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  raise_descriptor_limit();
  const auto options = read_options(count, values);
  if (!options) {
    std::fprintf(stderr, "bench-platform [--port=N] [--https-dir=DIR] [--rows=N] [--new-rows] "
                         "[--hang-messages[=N]]\n");
    return 64;
  }
  platform_state state;
  state.options = *options;
  std::optional<asio::ssl::context> tls;
  if (!options->https_dir.empty()) {
    const auto made = workspace_supervisor::make_certificates(options->https_dir);
    tls.emplace(asio::ssl::context::tls_server);
    tls->use_certificate_chain_file(made.good.certificate);
    tls->use_private_key_file(made.good.key, asio::ssl::context::pem);
  }
  asio::io_context context{1};
  // The address can be used again at once, as a platform that comes back needs it.
  tcp::acceptor acceptor{context, tcp::endpoint{asio::ip::address_v4::loopback(), options->port}};
  accept(acceptor, state, tls ? &*tls : nullptr);
  asio::signal_set ending{context, SIGTERM, SIGINT};
  ending.async_wait([&context](error_code, int) { context.stop(); });
  std::printf("%s://127.0.0.1:%u\n", tls ? "https" : "http", unsigned{acceptor.local_endpoint().port()});
  std::fflush(stdout);
  context.run();
}
