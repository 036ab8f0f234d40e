#include "actors/agent/agent_verdict.hpp"

#include <cmath>
#include <cstdio>

namespace workspace_supervisor {

namespace {

using time = agent_verdict::time;

std::string process_text(pid_t process) {
  return process > 0 ? "agent process " + std::to_string(process) : std::string{"the agent"};
}

/// "in 4 s", "in 0.4 s"
std::string delay_text(time::duration delay) {
  const auto seconds = std::chrono::duration<double>(delay).count();
  char text[32];
  std::snprintf(text, sizeof text, seconds < 10 && seconds != std::floor(seconds) ? "in %.1f s" : "in %.0f s",
                seconds);
  return text;
}

std::string child_text(const launched_agent& launched, int max_restarts, time now) {
  if (launched.stop_wanted)
    return "agent was stopped by an operator";
  auto text = "agent " + launched.last_end;
  if (launched.intensity.in_a_row() == 0)
    return text;
  text +=
      ", restart " + std::to_string(launched.intensity.in_a_row()) + " of " + std::to_string(max_restarts);
  if (launched.restart_at && *launched.restart_at > now)
    text += ' ' + delay_text(*launched.restart_at - now);
  return text;
}

std::string gone_text(const agent_facts& facts) {
  switch (facts.parting) {
  case agent_parting::process_gone:
    return process_text(facts.parted) + " is gone";
  case agent_parting::connection_ended:
    return facts.parted > 0 ? process_text(facts.parted) + " has closed its connection"
                            : std::string{"the agent's connection has ended"};
  default:
    return "the agent is gone";
  }
}

agent_phase phase_of(const agent_facts& facts, const launched_agent* launched, bool awaited) {
  if (facts.suspended_since)
    return agent_phase::suspended;
  if (launched && launched->process != 0)
    return agent_phase::running;
  if (!facts.attachments.empty())
    return agent_phase::attached;
  if (launched && launched->stop_wanted)
    return agent_phase::stopped;
  if (launched)
    return agent_phase::restarting;
  if (facts.gone_since)
    return agent_phase::gone;
  return awaited ? agent_phase::waiting : agent_phase::none;
}

} // namespace

agent_verdict judge_agent(const agent_facts& facts, const launched_agent* launched,
                          const supervision_settings& supervision, const agent_settings& settings, time now) {
  agent_verdict verdict;
  const bool runs = launched && launched->process != 0;
  const bool awaited =
      settings.expected && !facts.has_attached && !(runs && facts.parting == agent_parting::goodbye);
  verdict.phase = phase_of(facts, launched, awaited);
  if (awaited) {
    const auto until = facts.awaited_since + settings.start_timeout;
    verdict.hold_first_beat = now < until;
    if (now < until)
      verdict.look_at(until);
    else
      verdict.trouble = "agent has not attached";
  }
  if (facts.gone_since) {
    const auto tell_at = *facts.gone_since + settings.grace;
    if (now < tell_at) {
      verdict.look_at(tell_at);
    } else {
      verdict.trouble = facts.parting == agent_parting::child_ended && launched
                            ? child_text(*launched, supervision.max_restarts, now)
                            : gone_text(facts);
      verdict.take_back_tasks = true;
    }
    if (runs)
      verdict.look_at(launched->started + proving_time);
  } else if (facts.left_since && !facts.take_back_done) {
    // What it last said of its tasks stands for a while: it may be back soon.
    const auto take_back_at = *facts.left_since + settings.grace;
    verdict.take_back_tasks = now >= take_back_at;
    if (now < take_back_at)
      verdict.look_at(take_back_at);
  } else if (facts.suspended_since) {
    const auto tell_at = *facts.suspended_since + settings.grace;
    if (now < tell_at) {
      verdict.look_at(tell_at);
    } else {
      verdict.trouble = process_text(facts.suspended) + " is stopped";
      verdict.withhold_tasks = true;
    }
  }
  return verdict;
}

} // namespace workspace_supervisor
