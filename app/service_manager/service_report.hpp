#pragma once

#include "actors/workspace/context.hpp"
#include "app/service_manager/service_manager.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace workspace_supervisor {

/// In one line, what the workspaces are: `ws-a is online`, or `3 workspaces: 1 online, 2 unreachable (ws-b,
/// ws-c)`.
std::string status_line(const process_context& process);

/// What the service manager is told while the tree of actors runs: that we are ready, once a first beat was
/// tried; what the workspaces are, when that changes; and that we live, each time the root has answered. On
/// main's thread.
class service_report {
public:
  using clock = std::chrono::steady_clock;
  /// Asks the root; calls back when it has answered, on any thread, and not at all when it does not.
  using ask_root = std::function<void(std::function<void()>)>;

  service_report(const service_manager& manager, const process_context& process, ask_root ask);

  /// When `step` is to be called next; `clock::time_point::max()`: nobody listens.
  clock::time_point next() const noexcept { return next_; }
  void step();
  /// We are about to end, which takes this long at most.
  void stopping(std::chrono::milliseconds longest);

private:
  void tell_status();

  const service_manager& manager_;
  const process_context& process_;
  ask_root ask_;
  std::shared_ptr<std::atomic<std::uint64_t>> answers_ = std::make_shared<std::atomic<std::uint64_t>>(0);
  std::uint64_t told_answers_ = 0;
  bool ready_ = false;
  bool stopping_ = false;
  std::string status_; ///< as told last
  std::chrono::milliseconds pause_{50};
  std::chrono::milliseconds longest_pause_;
  clock::time_point next_;
};

} // namespace workspace_supervisor
