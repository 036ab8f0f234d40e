#include "tests/support/control_client.hpp"

#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace workspace_supervisor {

namespace {

template <class Address>
int connected(int family, const Address& address) {
  const int descriptor = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0 ||
      ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const std::string reason = std::strerror(errno);
    ::close(descriptor);
    throw std::runtime_error("cannot connect: " + reason);
  }
  return descriptor;
}

} // namespace

control_client::control_client(const std::string& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket.copy(address.sun_path, sizeof address.sun_path - 1);
  descriptor_ = connected(AF_UNIX, address);
}

control_client::control_client(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  descriptor_ = connected(AF_INET, address);
}

control_client::control_client(control_client&& other) noexcept
    : descriptor_{std::exchange(other.descriptor_, -1)}
    , buffer_{std::move(other.buffer_)} {}

control_client::~control_client() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
}

bool control_client::send(const std::string& bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const auto count = ::send(descriptor_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0)
      return false;
    sent += static_cast<std::size_t>(count);
  }
  return true;
}

void control_client::end_sending() {
  ::shutdown(descriptor_, SHUT_WR);
}

bool control_client::read_more(std::chrono::milliseconds limit) {
  pollfd ready{descriptor_, POLLIN, 0};
  if (::poll(&ready, 1, static_cast<int>(limit.count())) <= 0)
    return false;
  char bytes[65536];
  const auto count = ::recv(descriptor_, bytes, sizeof bytes, 0);
  if (count <= 0)
    return false;
  buffer_.append(bytes, static_cast<std::size_t>(count));
  return true;
}

client_answer control_client::read_answer() {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
    if (!read_more())
      return {};
  client_answer answer;
  const auto head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  for (auto line = head.find("\r\n") + 2; line < head.size(); line = head.find("\r\n", line) + 2) {
    const auto colon = head.find(": ", line);
    auto name = head.substr(line, colon - line);
    for (auto& character : name)
      character = static_cast<char>(std::tolower(static_cast<unsigned char>(character)));
    answer.headers[name] = head.substr(colon + 2, head.find("\r\n", line) - colon - 2);
  }
  const auto length = answer.headers.find("content-length");
  const auto size = length == answer.headers.end() ? 0 : std::stoul(length->second);
  while (buffer_.size() < size)
    if (!read_more())
      return {};
  answer.body = buffer_.substr(0, size);
  buffer_.erase(0, size);
  answer.status = std::stoi(head.substr(9, 3));
  return answer;
}

bool control_client::read_until(const std::string& text, std::chrono::milliseconds limit) {
  using std::chrono::steady_clock;
  const auto end = steady_clock::now() + limit;
  while (buffer_.find(text) == std::string::npos) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - steady_clock::now());
    if (left.count() < 0 || !read_more(left))
      return false;
  }
  return true;
}

bool control_client::ends() {
  for (;;) {
    pollfd ready{descriptor_, POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(patience.count())) <= 0)
      return false;
    char bytes[65536];
    const auto count = ::recv(descriptor_, bytes, sizeof bytes, 0);
    if (count <= 0)
      return true;
    buffer_.append(bytes, static_cast<std::size_t>(count));
  }
}

client_answer control_client::call(const std::string& method, const std::string& target,
                                   const std::string& json) {
  auto text = method + ' ' + target + " HTTP/1.1\r\nHost: localhost\r\n";
  if (!json.empty())
    text += "Content-Type: application/json\r\nContent-Length: " + std::to_string(json.size()) + "\r\n";
  send(text + "\r\n" + json);
  return read_answer();
}

} // namespace workspace_supervisor
