#include "app/service_manager/service_report.hpp"

#include "app/stats/stats.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace workspace_supervisor {

namespace {

/// Names in the line of those that are not online.
constexpr std::size_t most_named = 3;
/// How old a status may be.
constexpr std::chrono::milliseconds status_pause{5000};

constexpr std::size_t statuses = static_cast<std::size_t>(workspace_status::failed) + 1;

/// Whether one was delivered or has failed.
bool a_beat_was_tried(const process_context& process) {
  const auto workspaces = process.workspaces.all();
  return workspaces.size() == 0 ||
         std::any_of(workspaces.begin(), workspaces.end(), [](const auto& workspace) {
           return workspace->probe.last_delivered.load() > 0 || workspace->probe.beats_failed.load() > 0;
         });
}

} // namespace

std::string status_line(const process_context& process) {
  std::array<std::size_t, statuses> counts{};
  std::array<std::string, statuses> names;
  const auto workspaces = process.workspaces.all();
  for (const auto& workspace : workspaces) {
    const auto status = static_cast<std::size_t>(workspace->probe.status.load());
    if (++counts[status] <= most_named)
      names[status] += (names[status].empty() ? "" : ", ") + workspace->settings.id;
    else if (counts[status] == most_named + 1)
      names[status] += ", …";
  }
  if (workspaces.size() == 1)
    for (std::size_t status = 0; status < counts.size(); ++status)
      if (counts[status] == 1)
        return names[status] + " is " + to_string(static_cast<workspace_status>(status));
  auto line = std::to_string(workspaces.size()) + " workspaces";
  const char* before = ": ";
  for (const auto status :
       {workspace_status::online, workspace_status::starting, workspace_status::unreachable,
        workspace_status::unauthorized, workspace_status::failed}) {
    const auto index = static_cast<std::size_t>(status);
    if (counts[index] == 0)
      continue;
    line += std::exchange(before, ", ") + std::to_string(counts[index]) + ' ' + to_string(status);
    if (status != workspace_status::online)
      line += " (" + names[index] + ')';
  }
  return line;
}

service_report::service_report(const service_manager& manager, const process_context& process, ask_root ask)
    : manager_{manager}
    , process_{process}
    , ask_{std::move(ask)}
    , longest_pause_{status_pause}
    , next_{manager.listens() ? clock::now() : clock::time_point::max()} {
  // Two chances for each sign of life, and a third for the machine to be slow.
  if (manager.watchdog().count() > 0)
    longest_pause_ = std::clamp(std::chrono::duration_cast<std::chrono::milliseconds>(manager.watchdog() / 3),
                                std::chrono::milliseconds{1}, status_pause);
}

void service_report::step() {
  if (!ready_ && !stopping_ && a_beat_was_tried(process_)) {
    ready_ = true;
    manager_.tell("READY=1");
  }
  if (!stopping_)
    tell_status();
  if (manager_.watchdog().count() > 0) {
    if (const auto answers = answers_->load(); answers != told_answers_) {
      told_answers_ = answers;
      manager_.tell("WATCHDOG=1");
    }
    ask_([answers = answers_] { answers->fetch_add(1); });
  }
  pause_ = ready_ ? longest_pause_
                  : std::min(2 * pause_, std::min(longest_pause_, std::chrono::milliseconds{1000}));
  next_ = clock::now() + pause_;
}

void service_report::tell_status() {
  auto line = status_line(process_);
  if (line == status_)
    return;
  manager_.tell("STATUS=" + line);
  status_ = std::move(line);
}

void service_report::stopping(std::chrono::milliseconds longest) {
  if (!manager_.listens())
    return;
  stopping_ = true;
  manager_.tell("STOPPING=1\nSTATUS=stopping, in at most " +
                std::to_string(std::chrono::ceil<std::chrono::seconds>(longest).count()) +
                " s\nEXTEND_TIMEOUT_USEC=" + std::to_string(std::chrono::microseconds{longest}.count()));
}

} // namespace workspace_supervisor
