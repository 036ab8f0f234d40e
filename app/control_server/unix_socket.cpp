#include "app/control_server/unix_socket.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace workspace_supervisor {

namespace {

/// A descriptor that is closed at the end.
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
  int release() { return std::exchange(value_, -1); }

private:
  int value_;
};

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  return address;
}

enum class occupant { nobody, dead_socket, live_socket, something_else, unknown };

/// What stands at `path`; with `unknown`, errno says why it cannot be told.
occupant look_at(const std::string& path, const sockaddr_un& address) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0)
    return errno == ENOENT ? occupant::nobody : occupant::unknown;
  if (!S_ISSOCK(status.st_mode))
    return occupant::something_else;
  const descriptor probe{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (probe.get() < 0)
    return occupant::unknown;
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
      errno == EAGAIN || errno == EINPROGRESS)
    return occupant::live_socket; // EAGAIN: so many wait to be served that no more fit
  if (errno == ECONNREFUSED)
    return occupant::dead_socket;
  return errno == ENOENT ? occupant::nobody : occupant::unknown;
}

} // namespace

bound_unix_socket bind_unix_socket(const std::string& path) {
  bound_unix_socket result;
  result.path = path;
  const auto fail = [&](const std::string& what) {
    result.error = "control socket " + path + ": " + what;
    return result;
  };
  sockaddr_un address{};
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return fail("its path has " + std::to_string(path.size()) + " bytes, expected 1 to 107");
  address = address_of(path);

  // Two that start at once must not each take the other's socket for a dead one's.
  const auto slash = path.find_last_of('/');
  const auto directory = slash == std::string::npos ? std::string{"."} : path.substr(0, slash + 1);
  const descriptor lock{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (lock.get() < 0)
    return fail("its directory cannot be opened: " + std::string{std::strerror(errno)});
  for (int tries = 0; ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0 && tries < 100; ++tries)
    ::usleep(20000); // a file system without locks is served without one

  switch (look_at(path, address)) {
  case occupant::nobody:
    break;
  case occupant::dead_socket:
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
      return fail("what a dead process has left there cannot be removed: " +
                  std::string{std::strerror(errno)});
    break;
  case occupant::live_socket:
    result.in_use = true;
    return fail("another process serves it; stop that one, or name another path");
  case occupant::something_else:
    return fail("something that is no socket stands there; move it away, or name another path");
  case occupant::unknown:
    return fail(std::strerror(errno));
  }

  descriptor socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (socket.get() < 0)
    return fail(std::strerror(errno));
  // The mode that the socket has now is the one that its file gets, whatever the umask.
  if (::fchmod(socket.get(), 0600) != 0 ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail("cannot be bound: " + std::string{std::strerror(errno)});
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 || ::listen(socket.get(), SOMAXCONN) != 0) {
    const std::string reason = std::strerror(errno);
    ::unlink(path.c_str());
    return fail("cannot listen: " + reason);
  }
  result.device = status.st_dev;
  result.inode = status.st_ino;
  result.descriptor = socket.release();
  return result;
}

void remove_unix_socket(const bound_unix_socket& socket) {
  struct stat status {};
  if (::lstat(socket.path.c_str(), &status) == 0 && status.st_dev == socket.device &&
      status.st_ino == socket.inode)
    ::unlink(socket.path.c_str());
}

} // namespace workspace_supervisor
