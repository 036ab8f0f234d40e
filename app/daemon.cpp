#include "app/daemon.hpp"

#include "actors/store/result_store.hpp"
#include "actors/store/state_directory.hpp"
#include "app/control/control.hpp"
#include "app/runtime/end_signals.hpp"
#include "app/runtime/runtime.hpp"
#include "app/runtime/tree.hpp"

#include <array>
#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

namespace workspace_supervisor {

namespace {

/// From the order to stop until the process ends itself, whatever disk, resolver or platform do.
constexpr std::chrono::milliseconds stop_patience{4000};

/// Many workspaces need many connections.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max)
    return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// Whether a socket that cannot be bound is the one in the state directory. That directory is what the
/// process can live without, whatever becomes of it; a socket's path that is too long is wrong anywhere.
bool shares_fate_of_state(const settings& configuration, const std::string& socket) {
  return socket == configuration.control.socket && socket.starts_with(configuration.state_dir + '/') &&
         socket.size() < sizeof(sockaddr_un::sun_path);
}

/// Ends the process with `code` if it has not ended by itself in time.
void limit_stopping(exit_code code) {
  std::thread{[code] {
    std::this_thread::sleep_for(stop_patience);
    ::_exit(code);
  }}.detach();
}

} // namespace

int run_daemon(settings configuration, const std::vector<std::string>& warnings) {
  raise_descriptor_limit();
  const auto end_signals = catch_end_signals();
  const int signals = ::signalfd(-1, &end_signals, SFD_CLOEXEC);
  event_log log{configuration.level, configuration.format};
  for (const auto& warning : warnings)
    log.emit(make_event(log_level::warning, "configuration.warning", {}, warning));

  auto state = state_directory::open(configuration.state_dir);
  if (state.locked_by_other) {
    log.emit(make_event(log_level::error, "state.locked", {}, state.error));
    return exit_locked;
  }
  if (!state.directory) {
    log.emit(make_event(log_level::error, "state.unusable", {}, state.error));
    // Beats do not need it. A control socket in there cannot be had, one elsewhere can.
    if (configuration.control.socket.starts_with(configuration.state_dir + '/')) {
      log.emit(make_event(log_level::error, "control.unavailable", {},
                          "no control socket: it would lie in the state directory"));
      configuration.control.socket.clear();
    }
  }

  runtime running{configuration, log, [directory = configuration.state_dir] {
                    return make_durable_store(directory);
                  }};
  if (const auto error = running.prepare(); !error.empty()) {
    log.emit(make_event(log_level::error, "configuration.invalid", {}, error));
    return exit_configuration;
  }
  control api{running.context(), log};
  if (const auto listening = api.listen(); listening.in_use || !listening.error.empty()) {
    log.emit(make_event(log_level::error, "control.unavailable", {}, listening.error));
    if (listening.in_use)
      return exit_locked;
    if (!shares_fate_of_state(configuration, listening.socket))
      return exit_configuration;
  }
  log.emit(make_event(log_level::info, "supervisor.started", {}, "version " + product_version())
               .with("pid", std::int64_t{::getpid()})
               .with("workspaces", static_cast<std::int64_t>(configuration.workspaces.size())));
  running.start({api.child()});
  api.start();

  std::array<pollfd, 2> ready{{{signals, POLLIN, 0}, {running.ended_descriptor(), POLLIN, 0}}};
  while (::poll(ready.data(), ready.size(), -1) < 0 && errno == EINTR) {
  }
  if (ready[1].revents != 0) {
    log.emit(
        make_event(log_level::error, "supervisor.gave-up", {}, "the tree of actors cannot be kept running"));
    limit_stopping(exit_gave_up);
    api.stop();
    return exit_gave_up;
  }
  limit_stopping(exit_stopped);
  log.emit(make_event(log_level::info, "supervisor.stopping", {}, "asked to stop"));
  api.stop();
  running.stop();
  running.wait_ended(stop_patience);
  return exit_stopped;
}

} // namespace workspace_supervisor
