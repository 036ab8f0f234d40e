#include "app/client/control_client.hpp"

#include "app/client/http_reply.hpp"

#include <cerrno>
#include <cstring>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace workspace_supervisor {

namespace {

using clock = std::chrono::steady_clock;

class descriptor {
public:
  explicit descriptor(int value)
      : value_{value} {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() {
    if (value_ >= 0)
      ::close(value_);
  }
  int get() const { return value_; }

private:
  int value_;
};

control_result trouble_of(int error) {
  control_result result;
  result.error = std::strerror(error);
  switch (error) {
  case ENOENT:
  case ENOTDIR:
    result.trouble = control_trouble::no_socket;
    break;
  case EACCES:
  case EPERM:
    result.trouble = control_trouble::forbidden;
    break;
  case ECONNREFUSED:
  case ENOTSOCK:
    result.trouble = control_trouble::nobody_listens;
    break;
  case ETIMEDOUT:
  case EAGAIN: // more connections wait for the supervisor than the kernel keeps
    result.trouble = control_trouble::no_answer;
    result.error = "no answer in time";
    break;
  default:
    result.trouble = control_trouble::broken;
  }
  return result;
}

/// Waits for the socket. @returns 0 or an errno.
int wait_for(int socket, short events, clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock::now());
    if (left.count() <= 0)
      return ETIMEDOUT;
    pollfd ready{socket, events, 0};
    const int count = ::poll(&ready, 1, static_cast<int>(left.count()) + 1);
    if (count > 0)
      return 0;
    if (count < 0 && errno != EINTR)
      return errno;
  }
}

int connect_to(int socket, const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  // A Unix socket connects at once or not at all.
  return ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
}

int send_all(int socket, std::string_view text, clock::time_point deadline) {
  while (!text.empty()) {
    if (const int error = wait_for(socket, POLLOUT, deadline))
      return error;
    const auto sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0)
      text.remove_prefix(static_cast<std::size_t>(sent));
    else if (errno == EPIPE || errno == ECONNRESET)
      return 0; // refused before it was read whole: the answer says why
    else if (errno != EINTR && errno != EAGAIN)
      return errno;
  }
  return 0;
}

/// Reads what is there. @returns 0 or an errno; an empty `into` is the end.
int receive(int socket, std::string& into, clock::time_point deadline) {
  char buffer[16384];
  for (;;) {
    if (const int error = wait_for(socket, POLLIN, deadline))
      return error;
    const auto count = ::recv(socket, buffer, sizeof buffer, MSG_DONTWAIT);
    if (count >= 0) {
      into.assign(buffer, static_cast<std::size_t>(count));
      return 0;
    }
    if (errno == ECONNRESET) {
      into.clear();
      return 0;
    }
    if (errno != EINTR && errno != EAGAIN)
      return errno;
  }
}

std::string request_text(const std::string& method, const std::string& target, const std::string& body) {
  auto text = method + ' ' + target + " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: workspacectl/" +
              WORKSPACE_SUPERVISOR_VERSION + "\r\nConnection: close\r\n";
  if (!body.empty())
    text += "Content-Type: application/json\r\n";
  if (!body.empty() || method != "GET")
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return text + "\r\n" + body;
}

/// Connects, asks, and hands what comes to `reader` until that is complete, the end has come, or `go_on`,
/// called after each piece, returns false.
control_result exchange(const std::string& path, const std::string& request, bool endless,
                        std::chrono::milliseconds patience, http_reply_reader& reader,
                        const std::function<bool()>& go_on) {
  control_result result;
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    result.trouble = control_trouble::bad_path;
    result.error =
        "a socket's path has at most " + std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes";
    return result;
  }
  const descriptor socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (socket.get() < 0)
    return trouble_of(errno);
  auto deadline = clock::now() + patience;
  if (const int error = connect_to(socket.get(), path))
    return trouble_of(error);
  if (const int error = send_all(socket.get(), request, deadline))
    return trouble_of(error);
  for (std::string piece; !reader.complete();) {
    if (endless)
      deadline = clock::now() + patience;
    if (const int error = receive(socket.get(), piece, deadline))
      return trouble_of(error);
    if (piece.empty()) {
      reader.end();
      break;
    }
    reader.take(piece);
    if (!reader.error().empty() || !go_on())
      break;
  }
  result.reply.status = reader.status();
  result.reply.body = reader.take_body();
  if (!reader.error().empty()) {
    result.trouble = control_trouble::broken;
    result.error = reader.error();
  }
  return result;
}

} // namespace

control_result control_client::call(const std::string& method, const std::string& target,
                                    const std::string& body, std::chrono::milliseconds patience) const {
  http_reply_reader reader;
  return exchange(path_, request_text(method, target, body), false, patience, reader, [] { return true; });
}

control_result control_client::stream(const std::string& target, std::chrono::milliseconds patience,
                                      const std::function<bool(const std::string& line)>& take) const {
  http_reply_reader reader;
  std::string rest;
  const auto split = [&] {
    if (reader.status() != 200)
      return true;
    rest += reader.take_body();
    std::size_t begin = 0;
    for (auto end = rest.find('\n'); end != std::string::npos; end = rest.find('\n', begin)) {
      const auto length = end - begin - (end > begin && rest[end - 1] == '\r' ? 1 : 0);
      if (!take(rest.substr(begin, length)))
        return false;
      begin = end + 1;
    }
    rest.erase(0, begin);
    return true;
  };
  return exchange(path_, request_text("GET", target, {}), true, patience, reader, split);
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
