#include "app/service_manager/service_manager.hpp"

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <optional>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace workspace_supervisor {

namespace {

/// A variable's value, which is gone from the environment then.
std::string take_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string taken = value ? value : "";
  ::unsetenv(name);
  return taken;
}

std::optional<std::int64_t> number(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value <= 0)
    return std::nullopt;
  return value;
}

/// For how long he waits for a sign of life of this process; 0: he does not.
std::chrono::microseconds watchdog_of(const std::string& microseconds, const std::string& process) {
  if (!process.empty() && number(process) != ::getpid())
    return std::chrono::microseconds{0};
  return std::chrono::microseconds{number(microseconds).value_or(0)};
}

} // namespace

service_manager service_manager::from_environment() {
  service_manager made;
  const auto path = take_variable("NOTIFY_SOCKET");
  const auto microseconds = take_variable("WATCHDOG_USEC");
  made.watchdog_ = watchdog_of(microseconds, take_variable("WATCHDOG_PID"));
  if (path.empty())
    return made;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // Of an abstract one the first byte is written '@'.
  const bool abstract = path.front() == '@';
  if ((!abstract && path.front() != '/') || path.size() < 2 || path.size() >= sizeof address.sun_path) {
    made.trouble_ =
        "NOTIFY_SOCKET is no address of a socket: expected a path that begins with '/' or '@', of at most " +
        std::to_string(sizeof address.sun_path - 1) + " bytes";
    return made;
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  if (abstract)
    address.sun_path[0] = '\0';
  const auto length =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1));
  made.socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (made.socket_ >= 0 && ::connect(made.socket_, reinterpret_cast<const sockaddr*>(&address), length) == 0)
    return made;
  made.trouble_ = "NOTIFY_SOCKET: " + std::string{std::strerror(errno)};
  if (made.socket_ >= 0)
    ::close(std::exchange(made.socket_, -1));
  return made;
}

service_manager::service_manager(service_manager&& other) noexcept
    : socket_{std::exchange(other.socket_, -1)}
    , watchdog_{other.watchdog_}
    , trouble_{std::move(other.trouble_)} {}

service_manager::~service_manager() {
  if (socket_ >= 0)
    ::close(socket_);
}

bool service_manager::tell(std::string_view lines) const noexcept {
  return socket_ >= 0 && ::send(socket_, lines.data(), lines.size(), MSG_NOSIGNAL) >= 0;
}

} // namespace workspace_supervisor
