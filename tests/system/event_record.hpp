#pragma once

#include "actors/supervision/event_sink.hpp"
#include "actors/workspace/context.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace workspace_supervisor {

/// Keeps every event.
class event_record final : public event_sink {
public:
  bool wants(log_level) const noexcept override { return true; }
  void emit(event happened) override {
    happened.time = wall_clock_now();
    const std::lock_guard lock{mutex_};
    events_.push_back(std::move(happened));
    changed_.notify_all();
  }
  std::vector<event> get(const std::string& name, const std::string& workspace) const {
    const std::lock_guard lock{mutex_};
    return fitting(name, workspace);
  }
  bool wait(const std::string& name, std::size_t count, const std::string& workspace,
            std::chrono::milliseconds timeout) const {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, timeout, [&] { return fitting(name, workspace).size() >= count; });
  }

  /// Every event, a line each, for who has waited in vain.
  std::string text() const {
    const std::lock_guard lock{mutex_};
    std::string lines;
    for (const auto& happened : events_)
      lines += std::to_string(happened.time) + ' ' + happened.name + ' ' + happened.workspace + ": " +
               happened.text + '\n';
    return lines;
  }

private:
  std::vector<event> fitting(const std::string& name, const std::string& workspace) const {
    std::vector<event> found;
    for (const auto& happened : events_)
      if (happened.name == name && (workspace.empty() || happened.workspace == workspace))
        found.push_back(happened);
    return found;
  }

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<event> events_;
};

} // namespace workspace_supervisor
