#include "actors/workspace/agent_facts.hpp"

#include <algorithm>

namespace workspace_supervisor {

bool agent_facts::attach(const agent_attachment& added, time now) {
  if (attachments.size() >= most_attachments)
    return false;
  attachments.push_back(added);
  has_attached = true;
  is_back(now);
  return true;
}

void agent_facts::is_back(time now) {
  if (!has_attached)
    awaited_since = now;
  gone_since.reset();
  left_since.reset();
  take_back_done = false;
  parting = agent_parting::none;
  parted = 0;
}

void agent_facts::connection_ended(std::uint64_t number, bool child_runs, time now) {
  const auto found = std::find_if(attachments.begin(), attachments.end(),
                                  [number](const auto& entry) { return entry.number == number; });
  if (found == attachments.end())
    return;
  parted = found->process;
  attachments.erase(found);
  if (!attachments.empty() || child_runs)
    return;
  parting = agent_parting::connection_ended;
  gone_since = now;
  suspended_since.reset();
}

std::vector<std::uint64_t> agent_facts::remove_of(pid_t process) {
  std::vector<std::uint64_t> removed;
  std::erase_if(attachments, [&](const agent_attachment& entry) {
    if (entry.process != process)
      return false;
    removed.push_back(entry.number);
    return true;
  });
  return removed;
}

std::vector<std::uint64_t> agent_facts::goodbye(pid_t process, time now) {
  auto removed = remove_of(process);
  if (removed.empty() || !attachments.empty())
    return removed;
  parting = agent_parting::goodbye;
  parted = process;
  gone_since.reset();
  suspended_since.reset();
  left_since = now;
  take_back_done = false;
  has_attached = false;
  awaited_since = now;
  return removed;
}

std::vector<std::uint64_t> agent_facts::process_gone(pid_t process, bool child_runs, time now) {
  auto removed = remove_of(process);
  // Its connection may have ended a moment before it did.
  const bool known_as_lost = gone_since && parted == process && parting == agent_parting::connection_ended;
  if ((removed.empty() && !known_as_lost) || !attachments.empty() || child_runs)
    return removed;
  if (!gone_since)
    gone_since = now;
  parting = agent_parting::process_gone;
  parted = process;
  suspended_since.reset();
  take_back = now;
  take_back_done = true;
  return removed;
}

void agent_facts::child_ended(pid_t process, time at) {
  remove_of(process);
  if (!attachments.empty())
    return; // others of the agent's live on
  if (!gone_since)
    gone_since = at; // of the first end of a row, until one has lasted
  parting = agent_parting::child_ended;
  parted = process;
  suspended_since.reset();
  take_back = at;
  take_back_done = true;
}

} // namespace workspace_supervisor
