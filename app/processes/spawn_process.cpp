#include "app/processes/spawn_process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <tuple>
#include <unistd.h>

namespace workspace_supervisor {

namespace {

constexpr int status_not_found = 127;
constexpr int status_not_executable = 126;

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const auto& text : texts)
    pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

/// Everything from the third descriptor on is closed when the command is executed.
void close_descriptors_on_exec() {
  constexpr unsigned first = 3;
  if (::syscall(SYS_close_range, first, ~0U, 1U << 2U /* CLOSE_RANGE_CLOEXEC */) == 0)
    return;
  rlimit limit{};
  const auto end = ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? std::min<rlim_t>(limit.rlim_cur, 65536) : 65536;
  for (int descriptor = first; descriptor < static_cast<int>(end); ++descriptor)
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

bool become(const process_spec::user& user) {
  return ::setgroups(user.groups.size(), user.groups.data()) == 0 &&
         ::setresgid(user.group, user.group, user.group) == 0 &&
         ::setresuid(user.user, user.user, user.user) == 0;
}

/// In the child, after a fork of a process with threads: async-signal-safe functions alone.
[[noreturn]] void run_child(const process_spec& spec, char* const* command, char* const* environment,
                            pid_t parent, int failure) {
  const auto fail = [failure]() {
    const int error = errno;
    std::ignore = ::write(failure, &error, sizeof error);
    ::_exit(error == ENOENT || error == ENOTDIR ? status_not_found : status_not_executable);
  };
  ::setpgid(0, 0);
  if (spec.terminal >= 0) {
    sigset_t background;
    sigemptyset(&background);
    sigaddset(&background, SIGTTOU);
    ::sigprocmask(SIG_BLOCK, &background, nullptr); // the mask is set anew below
    ::tcsetpgrp(spec.terminal, ::getpid());
  }
  for (const int number : spec.default_signals)
    ::signal(number, SIG_DFL);
  if (spec.descriptors)
    ::setrlimit(RLIMIT_NOFILE, &*spec.descriptors);
  close_descriptors_on_exec();
  if (spec.as && !become(*spec.as))
    fail();
  // After a change of user the kernel has forgotten it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent)
    ::_exit(status_not_executable); // it has ended meanwhile, and nobody is told
  ::sigprocmask(SIG_SETMASK, &spec.signal_mask, nullptr);
  ::execvpe(command[0], command, environment);
  fail();
  ::_exit(status_not_executable);
}

} // namespace

spawned_process spawn_process(const process_spec& spec) {
  spawned_process result;
  std::array<int, 2> failure{};
  if (::pipe2(failure.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    result.error = errno;
    return result;
  }
  const auto command = pointers_to(spec.command);
  const auto environment = pointers_to(spec.environment);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0)
    run_child(spec, command.data(), environment.data(), parent, failure[1]);
  const int error = errno;
  ::close(failure[1]);
  if (child < 0) {
    ::close(failure[0]);
    result.error = error;
    return result;
  }
  ::setpgid(child, child); // whichever of the two comes first
  result.process = child;
  result.failure = failure[0];
  return result;
}

} // namespace workspace_supervisor
