#include "actors/store/state_directory.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace workspace_supervisor {

namespace {

std::string reason(int error) {
  return std::strerror(error);
}

/// Creates what is missing of `path`, each directory 0700. @returns errno, 0 when it is there now.
int make_directories(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST)
    return 0;
  if (errno != ENOENT)
    return errno;
  auto end = path.find_last_not_of('/');
  auto slash = end == std::string::npos ? end : path.find_last_of('/', end);
  if (slash == std::string::npos || slash == 0)
    return ENOENT;
  if (int error = make_directories(path.substr(0, slash)); error != 0)
    return error;
  return ::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST ? 0 : errno;
}

/// The id that the holder of the lock has written into it; empty when there is none.
std::string holder(int descriptor) {
  char text[24];
  auto size = ::pread(descriptor, text, sizeof text, 0);
  std::string digits;
  for (ssize_t index = 0; index < size && text[index] >= '0' && text[index] <= '9'; ++index)
    digits += text[index];
  return digits;
}

} // namespace

state_directory::attempt state_directory::open(const std::string& path, bool others_pass) {
  const mode_t mode = others_pass ? 0711 : 0700;
  attempt result;
  auto unusable = [&](const std::string& what, const std::string& advice) {
    result.error = "state directory " + path + ": " + what + "; " + advice +
                   " (until then nothing is remembered across a restart)";
    return std::move(result);
  };
  const std::string choose = "make it a directory that this user can write to, or set workspace.state-dir";
  if (path.empty())
    return unusable("its path is empty", "set workspace.state-dir");
  if (int error = make_directories(path); error != 0)
    return unusable("cannot be created: " + reason(error), choose);
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    return unusable("cannot be looked at: " + reason(errno), choose);
  if (!S_ISDIR(status.st_mode))
    return unusable("is not a directory", choose);
  if ((status.st_mode & 07777) != mode && status.st_uid == ::geteuid() && ::chmod(path.c_str(), mode) != 0)
    return unusable("its mode cannot be set: " + reason(errno), choose);
  auto lock_path = path + (path.back() == '/' ? "lock" : "/lock");
  int descriptor = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (descriptor < 0)
    return unusable("its file lock cannot be opened: " + reason(errno), choose);
  result.directory.reset(new state_directory(descriptor));
  int locked = 0;
  do {
    locked = ::flock(descriptor, LOCK_EX | LOCK_NB);
  } while (locked != 0 && errno == EINTR);
  if (locked != 0) {
    int error = errno;
    auto by = holder(descriptor);
    result.directory.reset();
    if (error != EWOULDBLOCK)
      return unusable("cannot be locked: " + reason(error), "use a file system that has locks");
    result.locked_by_other = true;
    result.error = "state directory " + path + " is used by another workspace-supervisor" +
                   (by.empty() ? "" : " (process " + by + ")") +
                   "; stop that one, or give this one a directory of its own by workspace.state-dir";
    return result;
  }
  auto mine = std::to_string(::getpid()) + '\n';
  if (::ftruncate(descriptor, 0) != 0 ||
      ::pwrite(descriptor, mine.data(), mine.size(), 0) != static_cast<ssize_t>(mine.size())) {
    // The lock holds all the same; the id is there for the message to a second supervisor alone.
  }
  return result;
}

state_directory::~state_directory() {
  ::close(descriptor_);
}

} // namespace workspace_supervisor
