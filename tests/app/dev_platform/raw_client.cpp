#include "tests/app/dev_platform/raw_client.hpp"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace workspace_supervisor {

struct raw_client::impl {
  int fd = -1;
  SSL_CTX* context = nullptr;
  SSL* tls = nullptr;
  std::string buffer;
  bool ended = false;
  bool reset = false;

  ~impl() {
    SSL_free(tls);
    SSL_CTX_free(context);
    if (fd >= 0)
      ::close(fd);
  }

  void encrypt(const std::string& ca_file, const std::string& host) {
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    if (SSL_CTX_load_verify_locations(context, ca_file.c_str(), nullptr) != 1)
      throw std::runtime_error("cannot load " + ca_file);
    tls = SSL_new(context);
    auto* verification = SSL_get0_param(tls);
    if (X509_VERIFY_PARAM_set1_ip_asc(verification, host.c_str()) != 1)
      X509_VERIFY_PARAM_set1_host(verification, host.c_str(), host.size());
    SSL_set_fd(tls, fd);
    if (SSL_connect(tls) != 1)
      throw std::runtime_error(X509_verify_cert_error_string(SSL_get_verify_result(tls)));
  }

  /// Reads once more. @returns false at the end.
  bool fill() {
    char piece[65536];
    long n = tls != nullptr ? SSL_read(tls, piece, sizeof piece) : ::recv(fd, piece, sizeof piece, 0);
    if (n <= 0) {
      reset = errno == ECONNRESET && n < 0;
      ended = true;
      return false;
    }
    buffer.append(piece, static_cast<std::size_t>(n));
    return true;
  }

  bool fill_to(std::size_t size) {
    while (buffer.size() < size)
      if (!fill())
        return false;
    return true;
  }

  std::string take(std::size_t size) {
    auto result = buffer.substr(0, size);
    buffer.erase(0, size);
    return result;
  }

  /// Up to and with `mark`; "" when it does not come.
  std::string take_through(const std::string& mark) {
    std::size_t at;
    while ((at = buffer.find(mark)) == std::string::npos)
      if (!fill())
        return {};
    return take(at + mark.size());
  }

  bool take_chunks(std::string& body) {
    while (true) {
      auto line = take_through("\r\n");
      if (line.empty())
        return false;
      auto size = std::stoul(line, nullptr, 16);
      if (!fill_to(size + 2))
        return false;
      body += take(size);
      take(2);
      if (size == 0)
        return true;
    }
  }
};

raw_client::raw_client(std::uint16_t port, const std::string& ca_file, const std::string& host)
    : impl_(std::make_unique<impl>()) {
  impl_->fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  timeval limit{30, 0};
  ::setsockopt(impl_->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(impl_->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(impl_->fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error(std::string{"connect: "} + std::strerror(errno));
  if (!ca_file.empty())
    impl_->encrypt(ca_file, host);
}

raw_client::raw_client(raw_client&&) noexcept = default;
raw_client::~raw_client() = default;

bool raw_client::send(const std::string& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    auto left = bytes.size() - at;
    long n = impl_->tls != nullptr ? SSL_write(impl_->tls, bytes.data() + at, static_cast<int>(left))
                                   : ::send(impl_->fd, bytes.data() + at, left, MSG_NOSIGNAL);
    if (n <= 0)
      return false;
    at += static_cast<std::size_t>(n);
  }
  return true;
}

raw_answer raw_client::read_answer() {
  raw_answer answer;
  answer.head = impl_->take_through("\r\n\r\n");
  answer.reset = impl_->reset;
  if (!answer.head.starts_with("HTTP/1.1 "))
    return answer;
  answer.status = std::stoi(answer.head.substr(9));
  for (auto at = answer.head.find("\r\n") + 2; at + 2 < answer.head.size();) {
    auto end = answer.head.find("\r\n", at);
    auto line = answer.head.substr(at, end - at);
    at = end + 2;
    auto colon = line.find(':');
    auto name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    answer.headers[name] = line.substr(colon + 2);
  }
  if (answer.headers.count("content-length") != 0) {
    auto size = std::stoul(answer.headers["content-length"]);
    answer.whole = impl_->fill_to(size);
    answer.body = impl_->take(size);
  } else if (answer.headers["transfer-encoding"] == "chunked") {
    answer.whole = impl_->take_chunks(answer.body);
  } else if (answer.status == 204 || answer.status == 304) {
    answer.whole = true;
  } else {
    answer.body = read_to_end();
    answer.whole = !impl_->reset;
  }
  answer.reset = impl_->reset;
  return answer;
}

std::string raw_client::read_to_end() {
  while (!impl_->ended && impl_->fill()) {
  }
  return impl_->take(impl_->buffer.size());
}

bool raw_client::readable_within(int milliseconds) {
  pollfd ready{impl_->fd, POLLIN, 0};
  return !impl_->buffer.empty() || ::poll(&ready, 1, milliseconds) > 0;
}

raw_answer raw_client::get(const std::string& target, const std::string& token) {
  auto authorization = token.empty() ? std::string{} : "Authorization: Bearer " + token + "\r\n";
  send("GET " + target + " HTTP/1.1\r\nHost: test\r\n" + authorization + "\r\n");
  return read_answer();
}

raw_answer raw_client::post(const std::string& target, const std::string& token, const std::string& json,
                            const std::vector<std::pair<std::string, std::string>>& headers) {
  std::string text = "POST " + target + " HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n";
  if (!token.empty())
    text += "Authorization: Bearer " + token + "\r\n";
  for (const auto& [name, value] : headers)
    text += name + ": " + value + "\r\n";
  send(text + "Content-Length: " + std::to_string(json.size()) + "\r\n\r\n" + json);
  return read_answer();
}

} // namespace workspace_supervisor
