#include "app/processes/agent_process.hpp"

#include "actors/workspace/context.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <grp.h>
#include <pwd.h>
#include <string_view>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <tuple>
#include <unistd.h>

extern char** environ;

namespace workspace_supervisor {

namespace {

/// The groups of a user of that number; only `group` where the user has no name.
std::vector<gid_t> groups_of(uid_t user, gid_t group) {
  std::array<char, 4096> scratch{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(user, &entry, scratch.data(), scratch.size(), &found) != 0 || !found)
    return {group};
  int count = 64;
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  if (::getgrouplist(entry.pw_name, group, groups.data(), &count) < 0) {
    groups.resize(static_cast<std::size_t>(count));
    ::getgrouplist(entry.pw_name, group, groups.data(), &count);
  }
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

/// Ours, with these in it.
std::vector<std::string> environment_with(const std::vector<std::string>& more) {
  std::vector<std::string> result;
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string_view text{*entry};
    const auto name = text.substr(0, text.find('=') + 1);
    if (std::none_of(more.begin(), more.end(), [&](const auto& added) { return added.starts_with(name); }))
      result.emplace_back(text);
  }
  result.insert(result.end(), more.begin(), more.end());
  return result;
}

/// The terminal whose foreground is ours to give to the agent; -1: none.
int terminal_in_foreground() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::isatty(descriptor) != 0 && ::tcgetpgrp(descriptor) == ::getpgrp())
      return descriptor;
  return -1;
}

launched_agent::end end_of(pid_t process, int code, int status) {
  launched_agent::end end;
  end.process = process;
  end.at = launched_agent::time::clock::now();
  if (code == CLD_EXITED) {
    end.code = status;
    end.orderly = status == 0;
    end.how = "ended with status " + std::to_string(status);
  } else {
    end.code = 128 + status;
    const char* name = ::strsignal(status);
    end.how = "was ended by signal " + std::to_string(status) + (name ? " (" + std::string{name} + ")" : "");
  }
  return end;
}

} // namespace

agent_process::agent_process(process_context& process, inheritance inherited)
    : process_{process}
    , workspace_{process.workspaces.first()}
    , wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)}
    , terminal_{terminal_in_foreground()}
    , spec_{make_spec(std::move(inherited))} {
  if (::getpid() != 1)
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (terminal_ >= 0)
    std::signal(SIGTTOU, SIG_IGN); // what we log from the background, and when the terminal is taken back
}

agent_process::~agent_process() {
  if (failure_ >= 0)
    ::close(failure_);
  ::close(wake_);
}

// -- orders
// -----------------------------------------------------------------------------------------------

template <class Put>
void agent_process::order(Put put) {
  {
    const std::lock_guard lock{mutex_};
    put(waiting_);
  }
  const std::uint64_t one = 1;
  std::ignore = ::write(wake_, &one, sizeof one);
}

void agent_process::launch() {
  order([](waiting_orders& orders) { orders.launch = true; });
}

void agent_process::signal(int number) {
  order([number](waiting_orders& orders) { orders.signals.push_back(number); });
}

void agent_process::kill_all() {
  order([](waiting_orders& orders) { orders.kill = true; });
}

void agent_process::end_supervisor() {
  order([](waiting_orders& orders) { orders.end = true; });
}

std::optional<int> agent_process::carry_out() {
  std::uint64_t count = 0;
  std::ignore = ::read(wake_, &count, sizeof count);
  waiting_orders orders;
  {
    const std::lock_guard lock{mutex_};
    std::swap(orders, waiting_);
  }
  for (const int number : orders.signals)
    send(number);
  if (orders.kill)
    kill_now();
  if (orders.launch)
    start();
  if (!orders.end)
    return std::nullopt;
  return process_.launched.get().give_up_code;
}

void agent_process::kill_now() {
  if (child_ != 0)
    ::kill(-child_, SIGKILL);
}

void agent_process::send(int number) {
  if (child_ == 0)
    return;
  ::kill(child_, number);
  if (number == SIGTERM || number == SIGINT)
    ::kill(child_, SIGCONT); // a stopped one would not hear it
}

// -- the process
// ------------------------------------------------------------------------------------------

process_spec agent_process::make_spec(inheritance inherited) const {
  const auto& configuration = process_.configuration;
  const auto& workspace = workspace_->settings;
  process_spec spec;
  spec.command = configuration.agent.command;
  std::vector<std::string> more{"WORKSPACE_ID=" + workspace.id, "PLATFORM_URL=" + workspace.platform_url};
  const auto& socket = workspace.socket.empty() ? configuration.control.socket : workspace.socket;
  if (!socket.empty())
    more.push_back("WORKSPACE_SUPERVISOR_SOCKET=" + socket);
  spec.environment = environment_with(more);
  spec.signal_mask = inherited.signal_mask;
  spec.default_signals = std::move(inherited.default_signals);
  if (terminal_ >= 0)
    spec.default_signals.push_back(SIGTTOU);
  spec.descriptors = inherited.descriptors;
  if (const auto& user = configuration.agent.user; user.given)
    spec.as = process_spec::user{user.user, user.group, groups_of(user.user, user.group)};
  spec.terminal = terminal_;
  return spec;
}

void agent_process::start() {
  if (child_ != 0 ||
      !process_.launched.update([](const launched_agent& launched) { return launched.launch_ordered; }))
    return;
  const auto& id = workspace_->settings.id;
  const auto spawned = spawn_process(spec_);
  child_ = spawned.process;
  failure_ = spawned.failure;
  process_.launched.update([&](launched_agent& launched) {
    launched.launch_ordered = false;
    launched.process = child_;
    launched.started = launched_agent::time::clock::now();
    if (child_ == 0) {
      launched_agent::end end;
      end.code = 1;
      end.at = launched.started;
      end.how = std::string{"could not be started: "} + std::strerror(spawned.error);
      launched.ended = std::move(end);
    }
  });
  if (child_ != 0)
    process_.events->emit(make_event(log_level::info, "agent.started", id,
                                     "the agent runs as process " + std::to_string(child_))
                              .with("process", std::int64_t{child_}));
  tell_actor();
}

/// With us ends what it leaves behind. Later the group's number may be somebody else's.
void agent_process::about_to_reap(pid_t process) {
  if (process == child_ && ending_)
    ::kill(-process, SIGKILL);
}

void agent_process::reaped(pid_t process, int code, int status) {
  if (process != child_)
    return;
  child_ = 0;
  auto end = end_of(process, code, status);
  int error = 0;
  if (failure_ >= 0 && ::read(failure_, &error, sizeof error) == sizeof error) {
    end.never_ran = true;
    end.how = "cannot be run, " + process_.configuration.agent.command.front() + ": " + std::strerror(error);
  }
  ::close(failure_);
  failure_ = -1;
  end.interrupted = terminal_ >= 0 && code != CLD_EXITED && (status == SIGINT || status == SIGQUIT);
  take_terminal_back();
  process_.launched.update([&](launched_agent& launched) {
    launched.process = 0;
    launched.ended = std::move(end);
  });
  tell_actor();
}

/// What it has to know stands in the facts already: a word that is lost in a crash is not missed.
void agent_process::tell_actor() {
  if (const auto agent = workspace_->agent.get())
    caf::anon_send(agent, agent_facts_changed{});
}

void agent_process::take_terminal_back() {
  if (terminal_ >= 0)
    ::tcsetpgrp(terminal_, ::getpgrp());
}

void agent_process::begin_end() {
  ending_ = true;
  process_.launched.update([](launched_agent& launched) {
    launched.ending = true;
    launched.launch_ordered = false;
  });
  send(SIGTERM);
}

void reap_children(agent_process* agent) {
  for (;;) {
    siginfo_t ended{};
    if (::waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0) {
      if (errno == EINTR)
        continue;
      return; // no child at all
    }
    if (ended.si_pid == 0)
      return;
    if (agent)
      agent->about_to_reap(ended.si_pid);
    siginfo_t reaped{};
    ::waitid(P_PID, static_cast<id_t>(ended.si_pid), &reaped, WEXITED | WNOHANG);
    if (agent)
      agent->reaped(ended.si_pid, ended.si_code, ended.si_status);
  }
}

} // namespace workspace_supervisor
