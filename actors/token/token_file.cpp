#include "actors/token/token_file.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace workspace_supervisor {

namespace {

constexpr std::size_t most_bytes = 8192;
constexpr mode_t token_mode = S_IRUSR | S_IWUSR;
constexpr int most_links = 40; // as the kernel
constexpr const char* empty_reason = "empty";
constexpr const char* control_reason = "has a control character inside";
constexpr const char* kind_reason = "not a regular file";

std::string too_large_reason() {
  return "too large: more than " + std::to_string(most_bytes) + " bytes";
}

std::string trouble(const std::string& what, int code) {
  return what + ": " + std::strerror(code);
}

std::string token_path(const std::string& configs_dir) {
  return configs_dir + "/.auth_token";
}

// Closes a descriptor when it goes out of scope.
class open_file {
public:
  explicit open_file(int descriptor)
      : descriptor_(descriptor) {}
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
  ~open_file() { close(); }

  int descriptor() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }
  int close() {
    const int descriptor = descriptor_;
    descriptor_ = -1;
    return descriptor < 0 ? 0 : ::close(descriptor);
  }

private:
  int descriptor_;
};

std::string trimmed(std::string_view text) {
  constexpr std::string_view white_space = " \t\n\r\v\f";
  const std::size_t first = text.find_first_not_of(white_space);
  if (first == std::string_view::npos) {
    return "";
  }
  return std::string(text.substr(first, text.find_last_not_of(white_space) - first + 1));
}

// Why a trimmed token cannot be one; "" when it can.
std::string fault_of(const std::string& token) {
  if (token.empty()) {
    return empty_reason;
  }
  if (token.size() > most_bytes) {
    return too_large_reason();
  }
  // In a header line it could begin a line of its own.
  const bool has_control = std::any_of(token.begin(), token.end(), [](char character) {
    const auto byte = static_cast<unsigned char>(character);
    return byte < 0x20 || byte == 0x7F;
  });
  return has_control ? control_reason : "";
}

std::string unreadable_reason(int code) {
  return code == ENOENT ? "missing" : trouble("unreadable", code);
}

// Reads at most one byte more than a token may have. Returns 0 or an errno.
int read_bytes(int descriptor, std::string& bytes) {
  char buffer[most_bytes + 1];
  std::size_t size = 0;
  while (size < sizeof buffer) {
    const ssize_t count = ::read(descriptor, buffer + size, sizeof buffer - size);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return errno;
    }
    if (count == 0) {
      break;
    }
    size += static_cast<std::size_t>(count);
  }
  bytes.assign(buffer, size);
  return 0;
}

// Follows the links at `path`, the last of which may lead to nothing. Returns 0 or an errno.
int resolve_links(std::string& path) {
  for (int links = 0; links < most_links; ++links) {
    char buffer[PATH_MAX];
    const ssize_t size = ::readlink(path.c_str(), buffer, sizeof buffer);
    if (size < 0) {
      return errno == EINVAL || errno == ENOENT ? 0 : errno;
    }
    const std::string target(buffer, static_cast<std::size_t>(size));
    const std::size_t slash = path.rfind('/');
    path =
        target.starts_with('/') || slash == std::string::npos ? target : path.substr(0, slash + 1) + target;
  }
  return ELOOP;
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) {
    return ".";
  }
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Returns 0 or an errno.
int write_bytes(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return errno;
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return 0;
}

// Creates the temporary file with the token on disk. Returns "" or what failed.
std::string write_temporary(const std::string& path, const std::string& token, const file_owner& owner) {
  open_file file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, token_mode));
  if (!file.is_open()) {
    return trouble("cannot create " + path, errno);
  }
  // The umask can only have taken from the mode; it is made exact while the file is still empty.
  if (::fchmod(file.descriptor(), token_mode) != 0) {
    return trouble("cannot set the mode of " + path + " to 0600", errno);
  }
  if (owner.given && ::fchown(file.descriptor(), owner.user, owner.group) != 0) {
    return trouble("cannot give " + path + " to user " + std::to_string(owner.user), errno);
  }
  if (const int code = write_bytes(file.descriptor(), token); code != 0) {
    return trouble("cannot write " + path, code);
  }
  if (::fsync(file.descriptor()) != 0) {
    return trouble("cannot sync " + path, errno);
  }
  return file.close() != 0 ? trouble("cannot close " + path, errno) : "";
}

std::string sync_directory(const std::string& directory) {
  const open_file file(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file.is_open()) {
    // One may be allowed to write in a directory and not to read it; then there is no way to sync it.
    return errno == EACCES ? "" : trouble("cannot open directory " + directory + " to sync it", errno);
  }
  // EINVAL: a file system whose directories cannot be synced.
  if (::fsync(file.descriptor()) != 0 && errno != EINVAL) {
    return trouble("the token is replaced, but directory " + directory + " cannot be synced", errno);
  }
  return "";
}

} // namespace

token_reading read_token(const std::string& configs_dir) {
  const std::string path = token_path(configs_dir);
  struct ::stat status = {};
  // Looked at before it is opened: opening alone can wake a FIFO's writer or start a device.
  if (::stat(path.c_str(), &status) != 0) {
    return {"", unreadable_reason(errno)};
  }
  if (!S_ISREG(status.st_mode)) {
    return {"", kind_reason};
  }
  const open_file file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (!file.is_open() || ::fstat(file.descriptor(), &status) != 0) {
    return {"", unreadable_reason(errno)};
  }
  if (!S_ISREG(status.st_mode)) {
    return {"", kind_reason};
  }
  std::string bytes;
  if (const int code = read_bytes(file.descriptor(), bytes); code != 0) {
    return {"", unreadable_reason(code)};
  }
  if (bytes.size() > most_bytes) {
    return {"", too_large_reason()};
  }
  std::string token = trimmed(bytes);
  if (std::string fault = fault_of(token); !fault.empty()) {
    return {"", std::move(fault)};
  }
  return {std::move(token), ""};
}

std::string save_token(const std::string& configs_dir, const std::string& token, const file_owner& owner) {
  const std::string saved = trimmed(token);
  if (const std::string fault = fault_of(saved); !fault.empty()) {
    return "the token is refused: " + fault;
  }
  if (read_token(configs_dir).token == saved) {
    return "";
  }
  // A link is an operator's word that the token lives elsewhere (a mounted secret, a shared volume). The file
  // there is replaced, so that everybody who reads it sees the rotation. Where it cannot be written this is
  // an error: a file put in the link's place would hide every later rotation of the secret.
  std::string path = token_path(configs_dir);
  if (const int code = resolve_links(path); code != 0) {
    return trouble("cannot follow the link " + token_path(configs_dir), code);
  }
  struct ::stat status = {};
  if (::lstat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    return path + " is " + kind_reason + ", nothing is saved there";
  }
  const std::string directory = directory_of(path);
  // A fixed name, so that what a kill left of an earlier save is found and removed.
  const std::string temporary = directory + "/.auth_token.supervisor-new";
  if (::unlink(temporary.c_str()) != 0 && errno != ENOENT) {
    return trouble("cannot remove " + temporary + " of an earlier save", errno);
  }
  std::string error = write_temporary(temporary, saved, owner);
  if (error.empty() && ::rename(temporary.c_str(), path.c_str()) != 0) {
    const int code = errno;
    error = trouble("cannot replace " + path, code);
    if (code == EBUSY) {
      error += " (it is a mount point: mount its directory instead)";
    }
  }
  if (!error.empty()) {
    ::unlink(temporary.c_str());
    return error;
  }
  return sync_directory(directory);
}

} // namespace workspace_supervisor
