#pragma once

// The room of the service manager: what systemd, or whoever else started us and speaks its protocol, is told.

#include <chrono>
#include <string>
#include <string_view>

namespace workspace_supervisor {

/// Whoever waits at NOTIFY_SOCKET, if anybody does. On one thread; waits for nobody: what he does not take is
/// lost.
class service_manager {
public:
  service_manager() = default; ///< nobody
  /// By NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, which are gone from the environment then: the agent is
  /// not to speak for us. Called before there are threads.
  static service_manager from_environment();
  service_manager(service_manager&& other) noexcept;
  service_manager& operator=(service_manager&&) = delete;
  ~service_manager();

  /// Whether anybody listens.
  bool listens() const noexcept { return socket_ >= 0; }
  /// Why nobody does although NOTIFY_SOCKET says so; "" otherwise.
  const std::string& trouble() const noexcept { return trouble_; }
  /// How long he waits for a sign of life; 0: he does not.
  std::chrono::microseconds watchdog() const noexcept { return watchdog_; }

  /// Tells him lines of `NAME=value`. @returns whether he took it.
  bool tell(std::string_view lines) const noexcept;

private:
  int socket_ = -1;
  std::chrono::microseconds watchdog_{0};
  std::string trouble_;
};

} // namespace workspace_supervisor
