#include "app/daemon.hpp"

#include "actors/store/result_store.hpp"
#include "actors/store/state_directory.hpp"
#include "app/configuration/exit_code.hpp"
#include "app/control/control.hpp"
#include "app/processes/agent_process.hpp"
#include "app/runtime/memory.hpp"
#include "app/runtime/runtime.hpp"
#include "app/runtime/signals.hpp"
#include "app/runtime/tree.hpp"
#include "app/service_manager/service_report.hpp"
#include "app/workspaces/workspaces.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/un.h>
#include <system_error>
#include <thread>
#include <tuple>
#include <unistd.h>

namespace workspace_supervisor {

namespace {

/// From the order to stop until the process ends itself, whatever disk, resolver or platform do.
constexpr std::chrono::milliseconds stop_patience{4000};

/// How long an agent that was killed may take to be gone, before we go without it.
constexpr std::chrono::seconds killed_patience{2};

/// Many workspaces need many connections. @returns what the limit was.
std::optional<rlimit> raise_descriptor_limit() {
  rlimit before{};
  if (::getrlimit(RLIMIT_NOFILE, &before) != 0 || before.rlim_cur >= before.rlim_max)
    return std::nullopt;
  auto limit = before;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
    return std::nullopt;
  return before;
}

std::vector<int> signals_to_catch(bool with_agent) {
  std::vector<int> numbers{SIGTERM, SIGINT, SIGCHLD, SIGHUP};
  if (with_agent) // these are the agent's, and so is SIGHUP
    numbers.insert(numbers.end(), {SIGUSR1, SIGUSR2, SIGWINCH});
  return numbers;
}

/// Whether a socket that cannot be bound is the one in the state directory. That directory is what the
/// process can live without, whatever becomes of it; a socket's path that is too long is wrong anywhere.
bool shares_fate_of_state(const settings& configuration, const std::string& socket) {
  return socket == configuration.control.socket && socket.starts_with(configuration.state_dir + '/') &&
         socket.size() < sizeof(sockaddr_un::sun_path);
}

bool is_of_another_user(const agent_user& user) {
  return user.given && user.user != ::geteuid();
}

/// What the process ends with when it has not ended by itself in time.
int late_code = 0;

/// Ends the process with `code` if it has not ended by itself in time. By a timer and not by a thread: where
/// memory is short there is none to be had, and this must not fail.
void limit_stopping(int code) {
  late_code = code;
  std::signal(SIGALRM, [](int) { ::_exit(late_code); });
  sigset_t alarm; // who started us may have blocked it
  sigemptyset(&alarm);
  sigaddset(&alarm, SIGALRM);
  ::pthread_sigmask(SIG_UNBLOCK, &alarm, nullptr);
  itimerval timer{};
  timer.it_value.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(stop_patience).count();
  timer.it_value.tv_usec = std::chrono::microseconds{stop_patience % std::chrono::seconds{1}}.count();
  ::setitimer(ITIMER_REAL, &timer, nullptr);
}

/// While a start hangs in a call to the disk, main's thread cannot take a signal: ends the process when
/// SIGTERM or SIGINT has come and the start is not over in time.
class start_guard {
public:
  /// Throws where there is no descriptor or thread for it.
  start_guard()
      : over_{::eventfd(0, EFD_CLOEXEC)} {
    sigset_t numbers;
    sigemptyset(&numbers);
    sigaddset(&numbers, SIGTERM);
    sigaddset(&numbers, SIGINT);
    // Never read: whoever takes signals later finds them still there.
    signals_ = ::signalfd(-1, &numbers, SFD_CLOEXEC | SFD_NONBLOCK);
    try {
      if (over_ < 0 || signals_ < 0)
        throw std::system_error{errno, std::system_category(), "signalfd"};
      thread_ = std::thread{[this] {
        run();
      }};
    } catch (...) {
      close();
      throw;
    }
  }
  ~start_guard() {
    const std::uint64_t one = 1;
    std::ignore = ::write(over_, &one, sizeof one);
    thread_.join();
    close();
  }
  start_guard(const start_guard&) = delete;
  start_guard& operator=(const start_guard&) = delete;

private:
  void run() const {
    std::array<pollfd, 2> ready{{{over_, POLLIN, 0}, {signals_, POLLIN, 0}}};
    ::poll(ready.data(), ready.size(), -1);
    if (ready[1].revents != 0 && ready[0].revents == 0 &&
        ::poll(ready.data(), 1, static_cast<int>(stop_patience.count())) == 0)
      ::_exit(exit_stopped);
  }
  void close() const {
    for (const int descriptor : {over_, signals_})
      if (descriptor >= 0)
        ::close(descriptor);
  }

  int over_;
  int signals_ = -1;
  std::thread thread_;
};

/// What main's thread does while the tree runs: takes signals, reaps children, and ends the agent first.
class watch {
public:
  using clock = std::chrono::steady_clock;

  /// `agent` may be null.
  watch(int signals, runtime& running, agent_process* agent, event_log& log, milliseconds stop_timeout,
        const service_manager& manager)
      : signals_{signals}
      , running_{running}
      , agent_{agent}
      , log_{log}
      , stop_timeout_{stop_timeout}
      , report_{manager, running.context(), [&running](std::function<void()> answered) {
                  running.ask_root(std::move(answered));
                }} {}

  /// @returns the exit code, when it is time to end and the agent has ended.
  int wait_for_end();

private:
  void take_signals();
  void begin_end(int code);
  int poll_timeout() const;

  int signals_;
  runtime& running_;
  agent_process* agent_;
  event_log& log_;
  milliseconds stop_timeout_;
  service_report report_;
  std::optional<int> code_; ///< the process is to end
  bool killed_ = false;
  clock::time_point next_step_{}; ///< of ending the agent
};

void watch::begin_end(int code) {
  code_ = code;
  next_step_ = clock::now() + stop_timeout_;
  report_.stopping(stop_patience + (agent_ ? stop_timeout_ + killed_patience : milliseconds{0}));
  if (agent_)
    agent_->begin_end();
}

/// Milliseconds to whatever is to be done next without anything that happens; -1: nothing.
int watch::poll_timeout() const {
  const auto next = std::min(report_.next(), code_ ? next_step_ : clock::time_point::max());
  if (next == clock::time_point::max())
    return -1;
  const auto left = std::chrono::ceil<milliseconds>(next - clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60000));
}

void watch::take_signals() {
  signalfd_siginfo taken{};
  while (::read(signals_, &taken, sizeof taken) == sizeof taken) {
    const auto number = static_cast<int>(taken.ssi_signo);
    if (number == SIGCHLD)
      reap_children(agent_);
    else if (number == SIGHUP && !agent_)
      running_.reload();
    else if (number != SIGTERM && number != SIGINT)
      agent_->pass_on(number);
    else if (code_ && agent_)
      agent_->begin_end(); // whoever asks again has it told again
    else if (!code_) {
      log_.emit(make_event(log_level::info, "supervisor.stopping", {}, "asked to stop"));
      begin_end(exit_stopped);
    }
  }
}

int watch::wait_for_end() {
  for (;;) {
    if (code_ && (!agent_ || !agent_->runs()))
      return *code_;
    std::array<pollfd, 3> ready{{{signals_, POLLIN, 0},
                                 {code_ ? -1 : running_.ended_descriptor(), POLLIN, 0},
                                 {agent_ ? agent_->orders() : -1, POLLIN, 0}}};
    if (::poll(ready.data(), ready.size(), poll_timeout()) < 0)
      continue; // interrupted
    if (clock::now() >= report_.next())
      report_.step();
    if (ready[0].revents != 0)
      take_signals();
    if (ready[2].revents != 0)
      if (const auto code = agent_->carry_out(); code && !code_) {
        log_.emit(make_event(*code == exit_stopped ? log_level::info : log_level::error,
                             "supervisor.stopping", {}, "the agent has ended and is not started again"));
        begin_end(*code);
      }
    if (ready[1].revents != 0 && !code_) {
      log_.emit(make_event(log_level::error, "supervisor.gave-up", {},
                           "the tree of actors cannot be kept running"));
      begin_end(exit_gave_up);
    }
    if (!code_ || clock::now() < next_step_)
      continue;
    if (killed_)
      return *code_; // it hangs in the kernel
    killed_ = true;
    next_step_ = clock::now() + killed_patience;
    if (agent_)
      agent_->kill_now();
  }
}

/// What is done here for workspaces that come and go.
void host_workspaces(runtime& running, control& api, event_log& log, const configuration_sources& sources) {
  auto& hosting = running.hosting();
  hosting.serve_socket = [&api](const workspace_settings& workspace) {
    return api.serve_socket(workspace);
  };
  hosting.close_socket = [&api](const std::string& id) {
    api.close_socket(id);
  };
  hosting.let_go = [&api](const workspace_context& workspace) {
    api.let_go(workspace);
  };
  hosting.load = [&sources] {
    return load_configuration(sources);
  };
  hosting.set_log_level = [&log](log_level level) {
    log.set_level(level);
  };
}

/// Throws where the process can have no more of what a start needs; `log` then says so.
int run(configuration_result loaded, const configuration_sources& sources, const caught_signals& caught,
        const service_manager& manager, event_log& log) {
  auto& given = loaded.values;
  const bool launches = !given.agent.command.empty();
  const auto descriptors = raise_descriptor_limit();
  const int signals = ::signalfd(-1, &caught.set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) // without it nobody could stop us
    throw std::system_error{errno, std::system_category(), "signalfd"};
  std::optional<start_guard> guard{std::in_place};
  if (!manager.trouble().empty())
    loaded.warnings.push_back(manager.trouble());
  for (const auto& warning : loaded.warnings)
    log.emit(make_event(log_level::warning, "configuration.warning", {}, warning));

  auto state = state_directory::open(given.state_dir, is_of_another_user(given.agent.user));
  if (state.locked_by_other) {
    log.emit(make_event(log_level::error, "state.locked", {}, state.error));
    return exit_locked;
  }
  if (!state.directory) {
    log.emit(make_event(log_level::error, "state.unusable", {}, state.error));
    // Beats do not need it. A control socket in there cannot be had, one elsewhere can.
    if (given.control.socket.starts_with(given.state_dir + '/')) {
      log.emit(make_event(log_level::error, "control.unavailable", {},
                          "no control socket: it would lie in the state directory"));
      given.control.socket.clear();
    }
  }

  std::unique_ptr<agent_process> agent; // outlives the tree
  auto open_store = [directory = given.state_dir] {
    return make_durable_store(directory);
  };
  auto keys = keys_and_values(loaded);
  loaded.effective = {}; // with thousands of workspaces it is long
  runtime running{std::move(given), log, std::move(open_store)};
  running.running_configuration().running.set(std::move(keys));
  const auto& configuration = running.context().configuration;
  if (const auto error = running.prepare(); !error.empty()) {
    log.emit(make_event(log_level::error, "configuration.invalid", {}, error));
    return exit_of_a_wrong_configuration();
  }
  control api{running.context(), log};
  if (const auto listening = api.listen(); listening.in_use || !listening.error.empty()) {
    log.emit(make_event(log_level::error, "control.unavailable", {}, listening.error));
    if (listening.in_use)
      return exit_locked;
    if (!shares_fate_of_state(configuration, listening.socket))
      return exit_of_a_wrong_configuration();
  }
  log.emit(make_event(log_level::info, "supervisor.started", {}, "version " + product_version())
               .with("pid", std::int64_t{::getpid()})
               .with("workspaces", static_cast<std::int64_t>(running.context().workspaces.size())));
  if (launches) {
    agent = std::make_unique<agent_process>(
        running.context(), agent_process::inheritance{caught.mask_before, caught.ignored_now, descriptors});
    running.use_launcher(*agent);
  }
  host_workspaces(running, api, log, sources);
  guard.reset();
  // What is thrown from here on ends the process where it is thrown: there is nothing left that could be
  // trusted to end in order.
  return [&]() noexcept {
    running.start({api.child()});
    api.start();
    give_back_loaders_memory();
    const int code =
        watch{signals, running, agent.get(), log, configuration.agent.stop_timeout, manager}.wait_for_end();
    limit_stopping(code);
    api.stop();
    running.stop();
    running.wait_ended(stop_patience);
    return code;
  }();
}

} // namespace

int run_daemon(configuration_result loaded, const configuration_sources& sources) {
  // Before the first thread, the log's: one that did not block them would be ended by them.
  const auto caught = catch_signals(signals_to_catch(!loaded.values.agent.command.empty()));
  const auto manager = service_manager::from_environment();
  event_log log{loaded.values.level, loaded.values.format};
  try {
    return run(std::move(loaded), sources, caught, manager, log);
  } catch (const std::exception& problem) {
    log.emit(make_event(log_level::error, "supervisor.gave-up", {},
                        std::string{"cannot start: "} + problem.what()));
    return exit_gave_up;
  }
}

} // namespace workspace_supervisor
