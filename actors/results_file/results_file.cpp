#include "actors/results_file/results_file.hpp"

#include "actors/text/json_text.hpp"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

namespace workspace_supervisor {

int file_operations::open(const char* path, int flags, mode_t mode) {
  return ::open(path, flags, mode);
}

int file_operations::fstat(int descriptor, struct ::stat* status) {
  return ::fstat(descriptor, status);
}

int file_operations::stat(const char* path, struct ::stat* status) {
  return ::lstat(path, status);
}

ssize_t file_operations::pread(int descriptor, void* data, std::size_t size, off_t offset) {
  return ::pread(descriptor, data, size, offset);
}

ssize_t file_operations::write(int descriptor, const void* data, std::size_t size) {
  return ::write(descriptor, data, size);
}

int file_operations::ftruncate(int descriptor, off_t size) {
  return ::ftruncate(descriptor, size);
}

int file_operations::fdatasync(int descriptor) {
  return ::fdatasync(descriptor);
}

int file_operations::fchmod(int descriptor, mode_t mode) {
  return ::fchmod(descriptor, mode);
}

int file_operations::fchown(int descriptor, uid_t user, gid_t group) {
  return ::fchown(descriptor, user, group);
}

int file_operations::close(int descriptor) {
  return ::close(descriptor);
}

namespace {

// How often a file may be taken away under the writer before it gives up for now.
constexpr int most_files = 10;

constexpr mode_t created_mode = S_IRUSR | S_IWUSR;

std::string trouble(const std::string& what, int code) {
  return what + ": " + std::strerror(code);
}

const char* kind_of(const struct ::stat& status) {
  switch (status.st_mode & S_IFMT) {
  case S_IFREG:
    return "a regular file";
  case S_IFDIR:
    return "a directory";
  case S_IFLNK:
    return "a symbolic link";
  case S_IFIFO:
    return "a FIFO";
  case S_IFSOCK:
    return "a socket";
  case S_IFCHR:
  case S_IFBLK:
    return "a device";
  default:
    return "of unknown kind";
  }
}

template <class Call>
auto without_interruption(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) {
    result = call();
  }
  return result;
}

// One file at the path: opened, written and checked. Closes what it opened.
class appended_file {
public:
  appended_file(const std::string& path, const file_owner& owner, file_operations& system)
      : path_(path)
      , owner_(owner)
      , system_(system) {}
  appended_file(const appended_file&) = delete;
  appended_file& operator=(const appended_file&) = delete;
  ~appended_file() { close(); }

  // Each step returns "" or what failed.

  std::string open() {
    for (int attempt = 0; attempt < most_files; ++attempt) {
      // O_NONBLOCK: a FIFO planted at the path must not hang us before it is seen to be one.
      constexpr int flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
      descriptor_ = without_interruption([&] { return system_.open(path_.c_str(), flags, 0); });
      if (descriptor_ >= 0) {
        return "";
      }
      if (errno != ENOENT) {
        return why_not_opened(errno);
      }
      descriptor_ = without_interruption(
          [&] { return system_.open(path_.c_str(), flags | O_CREAT | O_EXCL, created_mode); });
      if (descriptor_ >= 0) {
        created_ = true;
        return "";
      }
      if (errno != EEXIST) {
        return trouble("cannot create results file " + path_, errno);
      }
    }
    return "cannot open results file " + path_ + ": it came and went " + std::to_string(most_files) +
           " times meanwhile";
  }

  // Makes sure that it is a file that may be written to, and sets mode and owner of a new one.
  std::string check() {
    if (system_.fstat(descriptor_, &status_) != 0) {
      return trouble("cannot examine results file " + path_, errno);
    }
    if (!S_ISREG(status_.st_mode)) {
      return wrong_kind(status_);
    }
    if (is_gone()) {
      return "";
    }
    if (status_.st_nlink != 1) {
      return "results file " + path_ + " has " + std::to_string(status_.st_nlink) +
             " links, expected exactly 1: nothing is written to it";
    }
    const bool is_ours = status_.st_uid == ::geteuid();
    if (!is_ours && !(owner_.given && status_.st_uid == owner_.user)) {
      return "results file " + path_ + " belongs to user " + std::to_string(status_.st_uid) +
             ", expected user " + std::to_string(::geteuid()) +
             (owner_.given ? " or " + std::to_string(owner_.user) : "") + ": nothing is written to it";
    }
    // An odd umask may have taken from the mode of a new file.
    if (created_ && (status_.st_mode & 07777) != created_mode &&
        system_.fchmod(descriptor_, created_mode) != 0) {
      return trouble("cannot set the mode of results file " + path_ + " to 0600", errno);
    }
    // An empty one of ours may be what an attempt left that ended between creating it and giving it away. One
    // with content is never given away: it could be any file of ours that was moved here.
    const bool is_new = created_ || (is_ours && status_.st_size == 0);
    const bool has_other_user = status_.st_uid != owner_.user;
    const bool has_other_group = created_ && status_.st_gid != owner_.group;
    if (owner_.given && is_new && (has_other_user || has_other_group) &&
        system_.fchown(descriptor_, owner_.user, owner_.group) != 0) {
      return trouble("cannot give results file " + path_ + " to user " + std::to_string(owner_.user), errno);
    }
    return "";
  }

  // Its reader took and deleted it before anything was written: nobody would find the lines in there.
  bool is_gone() const { return status_.st_nlink == 0; }

  std::string append(const std::string& lines) {
    bool is_torn = false;
    if (std::string error = find_torn_line(is_torn); !error.empty()) {
      return error;
    }
    // What was left torn is lost to its reader; the newline keeps it from taking our first line along.
    const std::string torn_ended = is_torn ? '\n' + lines : std::string();
    const std::string& data = is_torn ? torn_ended : lines;
    const ssize_t written =
        without_interruption([&] { return system_.write(descriptor_, data.data(), data.size()); });
    if (written < 0) {
      return cut_back(trouble("cannot write to results file " + path_, errno));
    }
    if (static_cast<std::size_t>(written) != data.size()) {
      return cut_back("results file " + path_ + " took " + std::to_string(written) + " of " +
                      std::to_string(data.size()) + " bytes: the disk or a quota may be full");
    }
    // Of a new file this brings the directory entry to disk as well on the file systems of Linux.
    if (without_interruption([&] { return system_.fdatasync(descriptor_); }) != 0 && !cannot_sync(errno)) {
      return cut_back(trouble("cannot sync results file " + path_, errno));
    }
    return "";
  }

  // Whether the descriptor is still the file at the path, so that who takes it away from now on has our
  // lines.
  std::string is_at_path(bool& result) {
    struct ::stat at_path = {};
    if (system_.stat(path_.c_str(), &at_path) == 0) {
      result = at_path.st_dev == status_.st_dev && at_path.st_ino == status_.st_ino && at_path.st_nlink == 1;
      return "";
    }
    result = false;
    return errno == ENOENT ? "" : cut_back(trouble("cannot examine results file " + path_, errno));
  }

  std::string close() {
    if (descriptor_ < 0) {
      return "";
    }
    const int descriptor = descriptor_;
    descriptor_ = -1;
    // After EINTR the descriptor is closed as well on Linux.
    if (system_.close(descriptor) != 0 && errno != EINTR) {
      return trouble("cannot close results file " + path_, errno);
    }
    return "";
  }

private:
  static bool cannot_sync(int code) {
    // What file systems that know no sync say (some of those in user space).
    return code == EINVAL || code == ENOSYS || code == EOPNOTSUPP;
  }

  std::string wrong_kind(const struct ::stat& status) const {
    return "results file " + path_ + " is " + kind_of(status) +
           ", expected a regular file: nothing is written to it";
  }

  std::string why_not_opened(int code) const {
    struct ::stat status = {};
    if (system_.stat(path_.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
      return wrong_kind(status);
    }
    return trouble("cannot open results file " + path_ + " for reading and writing", code);
  }

  std::string find_torn_line(bool& is_torn) const {
    is_torn = false;
    if (status_.st_size == 0) {
      return "";
    }
    char last = '\n';
    const ssize_t count =
        without_interruption([&] { return system_.pread(descriptor_, &last, 1, status_.st_size - 1); });
    if (count < 0) {
      return trouble("cannot read results file " + path_, errno);
    }
    is_torn = count == 1 && last != '\n';
    return "";
  }

  // Takes back what was appended. Right even if the file was renamed away meanwhile: nobody but us appends.
  std::string cut_back(std::string error) const {
    struct ::stat now = {};
    // A file that its reader has emptied in place must not be made longer.
    if (system_.fstat(descriptor_, &now) == 0 && now.st_size <= status_.st_size) {
      return error;
    }
    if (without_interruption([&] { return system_.ftruncate(descriptor_, status_.st_size); }) != 0) {
      error += trouble("; cutting it back failed too", errno);
    }
    return error;
  }

  const std::string& path_;
  const file_owner& owner_;
  file_operations& system_;
  int descriptor_ = -1;
  bool created_ = false;
  struct ::stat status_ = {}; // before anything was appended
};

void append_member(std::string& json, std::string_view name, const std::string& text) {
  json += json.empty() ? '{' : ',';
  json += '"';
  json += name;
  json += "\":";
  append_json_string(json, text);
}

std::string timestamp_text(double timestamp) {
  if (!std::isfinite(timestamp)) {
    timestamp = 0;
  }
  char text[352]; // has room for any double in this form
  const auto written = std::to_chars(text, text + sizeof text, timestamp, std::chars_format::fixed, 6);
  std::string result(text, written.ptr);
  // One digit of the fraction stays, so that every reader takes it for a fractional number.
  while (result.ends_with('0') && !result.ends_with(".0")) {
    result.pop_back();
  }
  return result;
}

} // namespace

std::string results_file_line(const delegation_result& result, double timestamp) {
  std::string line;
  append_member(line, "delegation_id", result.delegation_id);
  append_member(line, "target_id", result.target_id);
  append_member(line, "source_id", result.source_id);
  append_member(line, "status", result.status);
  append_member(line, "summary", result.summary);
  append_member(line, "response_preview", result.response_preview);
  append_member(line, "error", result.error);
  return line + ",\"timestamp\":" + timestamp_text(timestamp) + "}\n";
}

std::string append_results(const std::string& path, const std::string& lines, const file_owner& owner,
                           file_operations& system) {
  if (lines.empty()) {
    return "";
  }
  for (int attempt = 0; attempt < most_files; ++attempt) {
    appended_file file(path, owner, system);
    std::string error = file.open();
    if (error.empty()) {
      error = file.check();
    }
    if (error.empty() && file.is_gone()) {
      continue;
    }
    if (error.empty()) {
      error = file.append(lines);
    }
    bool stays = false;
    if (error.empty()) {
      error = file.is_at_path(stays);
    }
    if (!error.empty()) {
      return error;
    }
    // A failed close may be the first that is heard of a failed write (network file systems).
    error = file.close();
    if (!error.empty() || stays) {
      return error;
    }
  }
  return "results file " + path + " was taken away " + std::to_string(most_files) +
         " times while it was written to";
}

} // namespace workspace_supervisor
