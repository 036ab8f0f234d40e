#include "app/client/control_client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <array>
#include <optional>
#include <string_view>
#include <sys/un.h>
#include <utility>

namespace workspace_supervisor {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using net::local::stream_protocol;
using std::chrono::steady_clock;

// GCC 12 miscompiles some awaits within conditions: here each stands in a statement of its own.

namespace {

constexpr std::uint32_t longest_head = 65536;
constexpr std::uint64_t longest_body = 1U << 30U; ///< far beyond the statistics of 10,000 workspaces
constexpr std::size_t longest_line = 1U << 24U;   ///< of a stream
/// How soon a supervisor with a full queue of connections is tried again.
constexpr std::chrono::milliseconds connect_again{20};

control_trouble trouble_of(const error_code& error) {
  namespace system = boost::system::errc;
  if (error == beast::error::timeout)
    return control_trouble::no_answer;
  if (error == system::no_such_file_or_directory || error == system::not_a_directory)
    return control_trouble::no_socket;
  if (error == system::permission_denied || error == system::operation_not_permitted)
    return control_trouble::forbidden;
  if (error == system::connection_refused || error == system::not_a_socket)
    return control_trouble::nobody_listens;
  return control_trouble::broken;
}

std::string text_of(const error_code& error) {
  if (error == beast::error::timeout)
    return "no answer in time";
  if (error == http::error::end_of_stream || error == http::error::partial_message)
    return "the connection ended before the answer did";
  if (error == http::error::body_limit || error == http::error::buffer_overflow)
    return "the answer is too long";
  if (error == http::error::bad_content_length)
    return "the answer has a length that makes no sense";
  if (error.category() == error_code{http::error::end_of_stream}.category())
    return "what answers there does not speak HTTP (" + error.message() + ')';
  return error.message();
}

/// One request and its answer, over a connection of its own.
class exchange {
public:
  /// Is given the body piece by piece; false ends the exchange.
  using taker = std::function<bool(unsigned status, std::string_view piece)>;

  /// `patience`: for all of it, or, of an `endless` answer, for its head and for each silence after that.
  exchange(const std::string& path, std::chrono::milliseconds patience, bool endless, taker take)
      : endpoint_{path}
      , patience_{patience}
      , give_up_{steady_clock::now() + patience}
      , endless_{endless}
      , take_{std::move(take)}
      , stream_{loop_} {
    parser_.header_limit(longest_head);
    parser_.body_limit(endless ? boost::optional<std::uint64_t>{} : longest_body);
  }

  control_result run(const http::request<http::string_body>& request) {
    net::co_spawn(loop_, talk(request), [this](const std::exception_ptr& crash, error_code error) {
      crash_ = crash;
      error_ = error;
    });
    loop_.run();
    if (crash_)
      std::rethrow_exception(crash_);
    control_result result;
    if (parser_.is_header_done())
      result.reply.status = static_cast<int>(parser_.get().result_int());
    if (error_) {
      result.trouble = trouble_of(error_);
      result.error = text_of(error_);
    }
    return result;
  }

private:
  net::awaitable<error_code> talk(const http::request<http::string_body>& request) {
    stream_.expires_after(patience_);
    auto error = co_await connect();
    if (error)
      co_return error;
    co_await http::async_write(stream_, request, net::redirect_error(net::use_awaitable, error));
    // Refused before it was read whole: the answer says why.
    if (error && error != net::error::broken_pipe && error != net::error::connection_reset)
      co_return error;
    co_await http::async_read_header(stream_, buffer_, parser_,
                                     net::redirect_error(net::use_awaitable, error));
    if (error == net::error::connection_reset)
      error = http::error::end_of_stream;
    if (!error && parser_.get().result_int() < 200)
      error = http::error::bad_status;
    if (error)
      co_return error;
    co_return co_await read_body();
  }

  net::awaitable<error_code> connect() {
    net::steady_timer pause{loop_};
    for (;;) {
      error_code error;
      co_await stream_.async_connect(endpoint_, net::redirect_error(net::use_awaitable, error));
      if (error)
        co_return error;
      // The kernel's refusal because of a full queue looks to Asio like a connection.
      stream_.socket().remote_endpoint(error);
      if (error != net::error::not_connected)
        co_return error;
      if (steady_clock::now() + connect_again > give_up_)
        co_return beast::error::timeout;
      pause.expires_after(connect_again);
      co_await pause.async_wait(net::redirect_error(net::use_awaitable, error));
    }
  }

  net::awaitable<error_code> read_body() {
    const auto status = parser_.get().result_int();
    std::array<char, 16384> piece;
    while (!parser_.is_done()) {
      auto& body = parser_.get().body();
      body.data = piece.data();
      body.size = piece.size();
      body.more = true;
      if (endless_)
        stream_.expires_after(patience_);
      error_code error;
      co_await http::async_read_some(stream_, buffer_, parser_,
                                     net::redirect_error(net::use_awaitable, error));
      if (error == http::error::need_buffer) // the piece is full
        error = {};
      if (error == net::error::connection_reset) {
        error = {};
        parser_.put_eof(error);
      }
      const bool go_on = take_(status, {piece.data(), piece.size() - body.size});
      if (error || !go_on)
        co_return error;
    }
    co_return error_code{};
  }

  stream_protocol::endpoint endpoint_;
  std::chrono::milliseconds patience_;
  steady_clock::time_point give_up_;
  bool endless_;
  taker take_;
  net::io_context loop_{1};
  beast::basic_stream<stream_protocol, net::io_context::executor_type> stream_;
  beast::flat_buffer buffer_;
  http::response_parser<http::buffer_body> parser_;
  error_code error_;
  std::exception_ptr crash_;
};

/// Cuts what comes in pieces into lines.
class line_splitter {
public:
  explicit line_splitter(const std::function<bool(const std::string& line)>& take)
      : take_{take} {}

  /// @returns whether more is wanted.
  bool add(std::string_view piece) {
    const auto known = rest_.size();
    rest_ += piece;
    std::size_t begin = 0;
    for (auto end = rest_.find('\n', known); end != std::string::npos; end = rest_.find('\n', begin)) {
      const auto length = end - begin - (end > begin && rest_[end - 1] == '\r' ? 1 : 0);
      if (!take_(rest_.substr(begin, length)))
        return false;
      begin = end + 1;
    }
    rest_.erase(0, begin);
    return rest_.size() <= longest_line;
  }
  bool too_long() const { return rest_.size() > longest_line; }

private:
  const std::function<bool(const std::string& line)>& take_;
  std::string rest_;
};

http::request<http::string_body> request_for(const std::string& method, const std::string& target,
                                             const std::string& body) {
  http::request<http::string_body> request;
  request.method_string(method);
  request.target(target);
  request.set(http::field::host, "localhost");
  request.set(http::field::user_agent, "workspacectl/" WORKSPACE_SUPERVISOR_VERSION);
  request.set(http::field::connection, "close");
  if (!body.empty())
    request.set(http::field::content_type, "application/json");
  request.body() = body;
  request.prepare_payload();
  return request;
}

std::optional<control_result> refused_path(const std::string& path) {
  constexpr auto longest_path = sizeof(sockaddr_un::sun_path) - 1;
  if (path.size() <= longest_path)
    return std::nullopt;
  control_result result;
  result.trouble = control_trouble::bad_path;
  result.error = "a socket's path has at most " + std::to_string(longest_path) + " bytes";
  return result;
}

} // namespace

control_result control_client::call(const std::string& method, const std::string& target,
                                    const std::string& body, std::chrono::milliseconds patience) const {
  if (auto refused = refused_path(path_))
    return *refused;
  std::string answer;
  exchange one{path_, patience, false, [&answer](unsigned, std::string_view piece) {
                 answer += piece;
                 return true;
               }};
  auto result = one.run(request_for(method, target, body));
  result.reply.body = std::move(answer);
  return result;
}

control_result control_client::stream(const std::string& target, std::chrono::milliseconds patience,
                                      const std::function<bool(const std::string& line)>& take) const {
  if (auto refused = refused_path(path_))
    return *refused;
  line_splitter lines{take};
  std::string refusal;
  exchange one{path_, patience, true, [&](unsigned status, std::string_view piece) {
                 if (status == 200)
                   return lines.add(piece);
                 refusal += piece;
                 return refusal.size() <= longest_body;
               }};
  auto result = one.run(request_for("GET", target, {}));
  result.reply.body = std::move(refusal);
  if (result.trouble == control_trouble::none &&
      (lines.too_long() || result.reply.body.size() > longest_body)) {
    result.trouble = control_trouble::broken;
    result.error = lines.too_long() ? "a line of the stream is too long" : "the answer is too long";
  }
  return result;
}

std::string percent_encoded(const std::string& text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string result;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                       (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' || byte == '.' ||
                       byte == '~';
    if (plain)
      result += character;
    else
      result += {'%', digits[byte >> 4U], digits[byte & 15U]};
  }
  return result;
}

} // namespace workspace_supervisor
