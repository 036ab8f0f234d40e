// Preloaded into the daemon (LD_PRELOAD): counts the calls by which it has an effect outside, and at the one
// that the environment names kills the process or makes the call fail. What is counted:
//   files below FAULTS_FOLDER: write, pwrite, writev, fsync, fdatasync, ftruncate, rename, unlink, and open
//     where it creates; in the failing mode every open and read as well;
//   TCP sockets, in the killing mode alone: send, sendmsg, write, writev.
// FAULTS_KILL_AT=N with FAULTS_KILL=before|after|term, the last by SIGTERM, with time to hear it before the
// call; or FAULTS_FAIL_AT=N with FAULTS_ERRNO=E: that call alone fails or, when FAULTS_HEAL names a file, all
// from there on until that file exists. Or FAULTS_WHILE=LINK: all fail while that symbolic link is there,
// with the error number that it points to; opens for reading and reads only with EIO, since a full or
// read-only disk can be read. FAULTS_LOG: a file that gets a line for each counted call.

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

enum class verdict { pass, fail, kill_after };

struct orders {
  const char* folder = std::getenv("FAULTS_FOLDER");
  std::size_t folder_size = folder != nullptr ? std::strlen(folder) : 0;
  long kill_at = number("FAULTS_KILL_AT");
  bool kill_after = is_kill("after");
  bool kill_by_term = is_kill("term");
  long pause = number("FAULTS_PAUSE");
  long fail_at = number("FAULTS_FAIL_AT");
  int error = static_cast<int>(number("FAULTS_ERRNO"));
  const char* heal = std::getenv("FAULTS_HEAL");
  const char* while_link = std::getenv("FAULTS_WHILE");
  int log = open_log();

  static long number(const char* name) {
    const char* text = std::getenv(name);
    return text != nullptr ? std::atol(text) : 0;
  }
  static bool is_kill(const char* how) {
    const char* text = std::getenv("FAULTS_KILL");
    return text != nullptr && std::strcmp(text, how) == 0;
  }
  static int open_log() {
    const char* path = std::getenv("FAULTS_LOG");
    return path == nullptr ? -1
                           : static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path,
                                                        O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  }
};

const orders& given() {
  static const orders value;
  return value;
}

std::atomic<long> counted{0};

/// What a call that was judged to fail fails with.
thread_local int failure = 0;

/// @returns the error that all calls fail with at present; 0: none
int error_of_the_while() {
  char number[16];
  if (given().while_link == nullptr)
    return 0;
  const auto size = ::syscall(SYS_readlinkat, AT_FDCWD, given().while_link, number, sizeof number - 1);
  if (size <= 0)
    return 0;
  number[size] = '\0';
  return std::atoi(number);
}

bool is_below(const char* path) {
  return given().folder_size > 0 && path != nullptr &&
         std::strncmp(path, given().folder, given().folder_size) == 0;
}

bool path_of(int descriptor, char* path, std::size_t size) {
  char link[64];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const auto length = ::syscall(SYS_readlinkat, AT_FDCWD, link, path, size - 1);
  if (length <= 0)
    return false;
  path[length] = '\0';
  return true;
}

bool is_tcp(int descriptor) {
  int domain = 0;
  socklen_t size = sizeof domain;
  return ::getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
         (domain == AF_INET || domain == AF_INET6);
}

[[noreturn]] void die() {
  ::syscall(SYS_kill, ::getpid(), SIGKILL);
  for (;;)
    ::pause();
}

/// Counts a call. Does not return when the process is to die before it.
verdict count(const char* call, const char* target) {
  const auto& order = given();
  const long here = ++counted;
  if (order.log >= 0) {
    char line[512];
    const int size = std::snprintf(line, sizeof line, "%ld %s %.400s\n", here, call, target);
    ::syscall(SYS_write, order.log, line, static_cast<std::size_t>(size));
  }
  if (order.kill_at > 0 && here == order.kill_at && order.kill_by_term) {
    ::syscall(SYS_kill, ::getpid(), SIGTERM);
    ::usleep(static_cast<useconds_t>(1000 * (order.pause > 0 ? order.pause : 200)));
  } else if (order.kill_at > 0 && here == order.kill_at) {
    if (!order.kill_after)
      die();
    return verdict::kill_after;
  }
  if (order.fail_at > 0 && here >= order.fail_at &&
      (order.heal != nullptr ? ::syscall(SYS_faccessat, AT_FDCWD, order.heal, F_OK) != 0
                             : here == order.fail_at)) {
    failure = order.error;
    return verdict::fail;
  }
  failure = error_of_the_while();
  return failure != 0 ? verdict::fail : verdict::pass;
}

verdict count_descriptor(const char* call, int descriptor, const void* data, std::size_t size) {
  const int saved = errno;
  char path[512];
  verdict result = verdict::pass;
  if (path_of(descriptor, path, sizeof path)) {
    if (is_below(path)) {
      result = count(call, path);
    } else if (given().kill_at != 0 && std::strncmp(path, "socket:", 7) == 0 && is_tcp(descriptor)) {
      const auto* text = static_cast<const char*>(data);
      std::size_t length = 0;
      while (length < size && length < 80 && text[length] >= ' ' && text[length] <= '~') {
        path[length] = text[length];
        ++length;
      }
      path[length] = '\0';
      result = count(call, path);
    }
  }
  errno = saved;
  return result;
}

verdict count_path(const char* call, const char* path) {
  const int saved = errno;
  const auto result = is_below(path) ? count(call, path) : verdict::pass;
  errno = saved;
  return result;
}

template <class Call>
auto carry_out(verdict what, Call call) -> decltype(call()) {
  if (what == verdict::fail) {
    errno = failure;
    return -1;
  }
  const auto result = call();
  if (what == verdict::kill_after)
    die();
  return result;
}

template <class Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

/// Whether what only reads counts too.
bool is_failing() {
  if (given().fail_at != 0)
    return true;
  const int saved = errno;
  const bool result = error_of_the_while() == EIO;
  errno = saved;
  return result;
}

template <class Open>
int counted_open(const char* path, int flags, Open open) {
  const bool counts = (flags & O_CREAT) != 0 || is_failing();
  return carry_out(counts ? count_path("open", path) : verdict::pass, open);
}

mode_t mode_of(int flags, va_list rest) {
  return (flags & O_CREAT) != 0 ? static_cast<mode_t>(va_arg(rest, int)) : 0;
}

} // namespace

// The C library's own functions, with their signatures.
#define REAL(name) static const auto next = real<decltype(&::name)>(#name)

extern "C" {

ssize_t write(int descriptor, const void* data, std::size_t size) {
  REAL(write);
  return carry_out(count_descriptor("write", descriptor, data, size),
                   [&] { return next(descriptor, data, size); });
}

ssize_t writev(int descriptor, const iovec* parts, int amount) {
  REAL(writev);
  return carry_out(count_descriptor("writev", descriptor, parts[0].iov_base, parts[0].iov_len),
                   [&] { return next(descriptor, parts, amount); });
}

ssize_t pwrite(int descriptor, const void* data, std::size_t size, off_t offset) {
  REAL(pwrite);
  return carry_out(count_descriptor("pwrite", descriptor, data, size),
                   [&] { return next(descriptor, data, size, offset); });
}

ssize_t pwrite64(int descriptor, const void* data, std::size_t size, off64_t offset) {
  REAL(pwrite64);
  return carry_out(count_descriptor("pwrite", descriptor, data, size),
                   [&] { return next(descriptor, data, size, offset); });
}

ssize_t read(int descriptor, void* data, std::size_t size) {
  REAL(read);
  return carry_out(is_failing() ? count_descriptor("read", descriptor, nullptr, 0) : verdict::pass,
                   [&] { return next(descriptor, data, size); });
}

ssize_t pread(int descriptor, void* data, std::size_t size, off_t offset) {
  REAL(pread);
  return carry_out(is_failing() ? count_descriptor("pread", descriptor, nullptr, 0) : verdict::pass,
                   [&] { return next(descriptor, data, size, offset); });
}

ssize_t pread64(int descriptor, void* data, std::size_t size, off64_t offset) {
  REAL(pread64);
  return carry_out(is_failing() ? count_descriptor("pread", descriptor, nullptr, 0) : verdict::pass,
                   [&] { return next(descriptor, data, size, offset); });
}

ssize_t send(int descriptor, const void* data, std::size_t size, int flags) {
  REAL(send);
  return carry_out(count_descriptor("send", descriptor, data, size),
                   [&] { return next(descriptor, data, size, flags); });
}

ssize_t sendmsg(int descriptor, const msghdr* message, int flags) {
  REAL(sendmsg);
  const bool has_data = message->msg_iovlen > 0;
  return carry_out(count_descriptor("sendmsg", descriptor, has_data ? message->msg_iov[0].iov_base : nullptr,
                                    has_data ? message->msg_iov[0].iov_len : 0),
                   [&] { return next(descriptor, message, flags); });
}

int fsync(int descriptor) {
  REAL(fsync);
  return carry_out(count_descriptor("fsync", descriptor, nullptr, 0), [&] { return next(descriptor); });
}

int fdatasync(int descriptor) {
  REAL(fdatasync);
  return carry_out(count_descriptor("fdatasync", descriptor, nullptr, 0), [&] { return next(descriptor); });
}

int ftruncate(int descriptor, off_t size) noexcept {
  REAL(ftruncate);
  return carry_out(count_descriptor("ftruncate", descriptor, nullptr, 0),
                   [&] { return next(descriptor, size); });
}

int ftruncate64(int descriptor, off64_t size) noexcept {
  REAL(ftruncate64);
  return carry_out(count_descriptor("ftruncate", descriptor, nullptr, 0),
                   [&] { return next(descriptor, size); });
}

int unlink(const char* path) noexcept {
  REAL(unlink);
  return carry_out(count_path("unlink", path), [&] { return next(path); });
}

int rename(const char* from, const char* to) noexcept {
  REAL(rename);
  return carry_out(count_path("rename", from), [&] { return next(from, to); });
}

int open(const char* path, int flags, ...) {
  REAL(open);
  va_list rest;
  va_start(rest, flags);
  const auto mode = mode_of(flags, rest);
  va_end(rest);
  return counted_open(path, flags, [&] { return next(path, flags, mode); });
}

int open64(const char* path, int flags, ...) {
  REAL(open64);
  va_list rest;
  va_start(rest, flags);
  const auto mode = mode_of(flags, rest);
  va_end(rest);
  return counted_open(path, flags, [&] { return next(path, flags, mode); });
}

} // extern "C"
