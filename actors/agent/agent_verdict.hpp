#pragma once

#include "actors/workspace/agent_facts.hpp"
#include "actors/workspace/settings.hpp"

#include <optional>
#include <string>

namespace workspace_supervisor {

/// What follows from what is known of the agent.
struct agent_verdict {
  using time = agent_facts::time;
  std::string trouble;         ///< for the platform: why the agent cannot work; "": it can, or is not judged
  bool withhold_tasks = false; ///< it is stopped: its tasks rest until it goes on
  bool take_back_tasks = false;
  bool hold_first_beat = false;
  agent_phase phase = agent_phase::none;
  std::optional<time> look_again; ///< when something changes though nothing happens

  void look_at(time when) {
    if (!look_again || when < *look_again)
      look_again = when;
  }
};

/// How long a launched agent that has ended before must run until it counts as there again.
inline constexpr std::chrono::seconds proving_time{1};

/// Judges. `launched`: null when no command is launched here.
agent_verdict judge_agent(const agent_facts& facts, const launched_agent* launched,
                          const supervision_settings& supervision, const agent_settings& settings,
                          agent_verdict::time now);

} // namespace workspace_supervisor
