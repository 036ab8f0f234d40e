#include "tests/support/unreachable_port.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

namespace workspace_supervisor {

namespace {

[[noreturn]] void fail(const char* what) {
  throw std::runtime_error(std::string{"unreachable port: "} + what + ": " + std::strerror(errno));
}

} // namespace

unreachable_port::unreachable_port() {
  int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0)
    fail("socket");
  sockets_.push_back(listener);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  if (::bind(listener, plain, size) != 0 || ::listen(listener, 0) != 0 ||
      ::getsockname(listener, plain, &size) != 0)
    fail("listen");
  port_ = ntohs(address.sin_port);
  // The queue takes one or two more than it was asked for: fill it until a connection stays open-ended.
  for (int i = 0; i < 8; ++i) {
    int filler = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (filler < 0)
      fail("socket");
    sockets_.push_back(filler);
    if (::connect(filler, plain, size) != 0 && errno != EINPROGRESS)
      fail("connect");
    pollfd ready{filler, POLLOUT, 0};
    if (::poll(&ready, 1, 100) == 0)
      return;
  }
  fail("the queue does not fill");
}

unreachable_port::~unreachable_port() {
  for (int socket : sockets_)
    ::close(socket);
}

} // namespace workspace_supervisor
