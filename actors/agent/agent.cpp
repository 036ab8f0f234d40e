#include "actors/agent/agent.hpp"

#include "actors/agent/agent_runs.hpp"
#include "actors/agent/agent_verdict.hpp"
#include "actors/agent/process_look.hpp"
#include "actors/workspace/restart_settings.hpp"

#include <algorithm>
#include <csignal>

namespace workspace_supervisor {

namespace {

using self_pointer = actor_of<agent_interface, agent_actor_state>*;
using clock = std::chrono::steady_clock;

/// How often the processes of agents are looked at: nothing else tells that one is stopped.
constexpr std::chrono::seconds look_pause{1};

void look(self_pointer self);

kept<launched_agent>& launched_of(self_pointer self) {
  return state_of(self).context->process->launched;
}

std::int64_t nanoseconds_of(clock::time_point when) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(when.time_since_epoch()).count();
}

void emit(self_pointer self, log_level level, const char* name, std::string text, pid_t process = 0) {
  auto& context = *state_of(self).context;
  auto happened = make_event(level, name, context.settings.id, std::move(text));
  if (process > 0)
    happened.with("process", std::int64_t{process});
  context.process->events->emit(std::move(happened));
}

// -- the process that is launched here
// ---------------------------------------------------------------------

void take_end(self_pointer self, clock::time_point now) {
  auto& context = *state_of(self).context;
  const auto end = launched_of(self).update([](const launched_agent& launched) { return launched.ended; });
  if (!end)
    return;
  // First what is lost with the end, then that it has been dealt with: a crash between the two does it again.
  context.agent_facts.update([&](agent_facts& facts) { facts.child_ended(end->process, end->at); });
  const auto& configuration = context.process->configuration;
  struct next {
    std::optional<clock::time_point> restart_at;
    std::optional<int> code;
    int in_a_row = 0;
    bool wanted = false;
  };
  const auto then = launched_of(self).update([&](launched_agent& launched) {
    const bool wanted = launched.ending || launched.stop_wanted || launched.restart_wanted;
    deal_with_end(launched, configuration.agent, restart_policy_of(configuration), now);
    return next{launched.restart_at, launched.give_up_code, launched.intensity.in_a_row(), wanted};
  });
  auto text = "the agent " + end->how;
  if (then.code)
    text += "; it is not started again";
  else if (then.restart_at)
    text += "; restart " + std::to_string(then.in_a_row) + " of " +
            std::to_string(configuration.supervisor.max_restarts);
  emit(self, then.wanted || end->orderly ? log_level::info : log_level::warning, "agent.ended",
       std::move(text), end->process);
  if (end->never_ran)
    for (auto& order : std::exchange(state_of(self).orders, {}))
      order.promise.deliver(agent_order_outcome{"the agent " + end->how, false, 0});
}

/// @returns when to look again for the sake of the process, if ever.
std::optional<clock::time_point> keep_running(self_pointer self, clock::time_point now) {
  take_end(self, now);
  const auto& settings = state_of(self).context->process->configuration.agent;
  std::optional<clock::time_point> again;
  bool end = false;
  bool kill = false;
  bool launch = false;
  const auto code = launched_of(self).update([&](launched_agent& launched) {
    launch = order_due_launch(launched, now);
    again = launched.restart_at;
    end = launched.process != 0 && !launched.told_to_end && (launched.stop_wanted || launched.restart_wanted);
    if (end)
      launched.told_to_end = now;
    if (launched.process != 0 && launched.told_to_end && !launched.killed) {
      again = *launched.told_to_end + settings.stop_timeout;
      launched.killed = kill = now >= *again;
    }
    return launched.give_up_code;
  });
  auto& launcher = *state_of(self).launcher;
  if (end)
    launcher.signal(SIGTERM);
  if (kill)
    launcher.kill_all();
  if (launch)
    launcher.launch();
  if (code)
    launcher.end_supervisor();
  return again;
}

void answer_orders(self_pointer self) {
  const auto [process, ordered, restart] = launched_of(self).update([](const launched_agent& launched) {
    return std::tuple{launched.process, launched.launch_ordered, launched.restart_wanted};
  });
  const auto done = [&, process = process, ordered = ordered, restart = restart](const auto& order) {
    if (order.wish == agent_wish::stop)
      return process == 0 && !ordered;
    return process != 0 && !restart && (order.wish == agent_wish::start || process != order.process_before);
  };
  auto& orders = state_of(self).orders;
  for (auto& order : orders)
    if (done(order))
      order.promise.deliver(agent_order_outcome{{}, process != 0, process});
  std::erase_if(orders, done);
}

/// Orders that wait and want something else will not be carried out any more.
void drop_contradicted(self_pointer self, agent_wish wish) {
  const auto contradicted = [wish](const auto& order) {
    return (order.wish == agent_wish::stop) != (wish == agent_wish::stop);
  };
  auto& orders = state_of(self).orders;
  for (auto& order : orders)
    if (contradicted(order))
      order.promise.deliver(agent_order_outcome{"a later order came before it was done", false, 0});
  std::erase_if(orders, contradicted);
}

void take_order(self_pointer self, agent_wish wish) {
  launched_of(self).update([wish](launched_agent& launched) {
    launched.stop_wanted = wish == agent_wish::stop;
    if (launched.stop_wanted)
      launched.restart_wanted = false;
    else if (launched.process == 0) {
      launched.intensity = {};
      launched.restart_at.reset();
    } else if (wish == agent_wish::restart || launched.told_to_end) {
      launched.restart_wanted = true; // one that is about to end does not count as started
    }
  });
  look(self);
}

// -- whether it is there
// ------------------------------------------------------------------------------------

/// Looks at the processes that are known. @returns whether there are any.
bool look_at_processes(self_pointer self, pid_t child, clock::time_point now) {
  auto& kept_facts = state_of(self).context->agent_facts;
  const auto attachments = kept_facts.update([](const agent_facts& facts) { return facts.attachments; });
  pid_t stopped = 0;
  bool all_stopped = child != 0 || !attachments.empty();
  const auto see = [&](const process_look& seen, pid_t process) {
    all_stopped = all_stopped && seen.there && seen.stopped;
    stopped = process;
  };
  bool any = child != 0;
  for (const auto& attachment : attachments) {
    if (attachment.process == 0) {
      all_stopped = false; // of one that cannot be looked at nothing is said
      continue;
    }
    any = true;
    const auto seen = look_at_process(attachment.process);
    if (!seen.there ||
        (seen.born != 0 && attachment.process_born != 0 && seen.born != attachment.process_born))
      kept_facts.update([&](agent_facts& facts) { facts.process_gone(attachment.process, child != 0, now); });
    else
      see(seen, attachment.process);
  }
  if (child != 0)
    see(look_at_process(child), child);
  kept_facts.update([&](agent_facts& facts) {
    if (!all_stopped || facts.gone_since) {
      facts.suspended_since.reset();
    } else if (!facts.suspended_since) {
      facts.suspended_since = now;
      facts.suspended = stopped;
    }
  });
  return any;
}

/// Has beats say from now on what is known, if it is not what they say already.
void tell_activity(self_pointer self, const agent_verdict& verdict) {
  auto& state = state_of(self);
  if (state.telling)
    return; // its end looks again
  const auto take_back =
      state.context->agent_facts.update([](const agent_facts& facts) { return facts.take_back; });
  set_agent_state next{verdict.trouble, verdict.withhold_tasks, take_back ? nanoseconds_of(*take_back) : 0};
  const auto same = [](const set_agent_state& left, const set_agent_state& right) {
    return left.trouble == right.trouble && left.withhold_tasks == right.withhold_tasks;
  };
  if (same(state.told, next) && next.take_back_before == 0)
    return;
  const auto before = state.told.trouble;
  if (before.empty() && !next.trouble.empty())
    emit(self, log_level::warning, "agent.gone", "the platform is told: " + next.trouble);
  else if (!before.empty() && next.trouble.empty())
    emit(self, log_level::info, "agent.back", "the agent is back");
  state.told = next;
  state.telling = true;
  ask(
      self, state.context->activity, next, for_ever,
      [self, take_back](done) {
        state_of(self).telling = false;
        if (take_back)
          state_of(self).context->agent_facts.update([&](agent_facts& facts) {
            if (facts.take_back == take_back)
              facts.take_back.reset();
          });
        look(self);
      },
      [](const std::string&) {});
}

void let_first_beat_go(self_pointer self, const agent_verdict& verdict) {
  auto& state = state_of(self);
  if (!state.context->process->configuration.agent.expected)
    return; // it is not held
  if (verdict.hold_first_beat || std::exchange(state.first_beat_let_go, true))
    return;
  ask(
      self, state.context->heartbeat, workspace_supervisor::let_first_beat_go{}, for_ever, [](done) {},
      [](const std::string&) {});
}

/// Since when beats count the agent's uptime.
void note_uptime(self_pointer self, const agent_facts& facts, const launched_agent* launched,
                 clock::time_point now) {
  auto& since = state_of(self).context->agent_since;
  const auto before = since.load(std::memory_order_relaxed);
  auto after = before;
  if (launched && launched->process != 0)
    after = nanoseconds_of(launched->started);
  else if (!facts.attachments.empty())
    after = before > 0 ? before : nanoseconds_of(now);
  else if (facts.gone_since || launched)
    after = agent_is_gone;
  else
    after = 0;
  if (after != before)
    since.store(after, std::memory_order_relaxed);
}

void look(self_pointer self) {
  auto& state = state_of(self);
  auto& context = *state.context;
  const auto now = clock::now();
  std::optional<clock::time_point> again;
  if (state.launcher)
    again = keep_running(self, now);
  std::optional<launched_agent> launched;
  if (state.launcher)
    launched = launched_of(self).get();
  const pid_t child = launched ? launched->process : 0;
  const bool processes = look_at_processes(self, child, now);
  const auto facts = context.agent_facts.update([&](agent_facts& facts) {
    if (facts.gone_since && child != 0 && now - launched->started >= proving_time)
      facts.is_back(now);
    return facts;
  });
  const auto& configuration = context.process->configuration;
  auto verdict =
      judge_agent(facts, launched ? &*launched : nullptr, configuration.supervisor, configuration.agent, now);
  context.agent_facts.update([&](agent_facts& facts) {
    facts.phase = verdict.phase;
    const auto since = facts.gone_since ? facts.gone_since : facts.left_since;
    if (verdict.take_back_tasks && since && !facts.take_back_done) {
      facts.take_back = since;
      facts.take_back_done = true;
    }
  });
  note_uptime(self, facts, launched ? &*launched : nullptr, now);
  tell_activity(self, verdict);
  let_first_beat_go(self, verdict);
  if (state.launcher)
    answer_orders(self);

  if (again)
    verdict.look_at(*again);
  if (processes)
    verdict.look_at(now + look_pause);
  self->cancel(std::exchange(state.timer, 0));
  if (verdict.look_again)
    state.timer = self->after(std::max(*verdict.look_again - now, clock::duration::zero()), [self] {
      state_of(self).timer = 0;
      look(self);
    });
}

} // namespace

agent_interface::behavior_type agent_actor(self_pointer self, workspace_context* context,
                                           agent_launcher* launcher) {
  self->observe(context->held_probe_of(workspace_actor::agent));
  auto& state = state_of(self);
  state.context = context;
  state.launcher = launcher;
  // What beats say already: of a predecessor, or nothing.
  const auto told = context->last_activity.get();
  state.told = {told.agent_trouble, told.tasks_withheld, 0};
  // What a predecessor had asked for may not have been heard.
  if (launcher && launched_of(self).update(
                      [](const launched_agent& launched) { return launched.told_to_end.has_value(); }))
    launcher->signal(SIGTERM);
  look(self);
  return {
      [self](const order_agent& order) -> caf::result<agent_order_outcome> {
        auto& state = state_of(self);
        if (!state.launcher)
          return agent_order_outcome{"no agent is launched here: agent.command is not set", false, 0};
        const auto [ending, process] = launched_of(self).update([](const launched_agent& launched) {
          return std::pair{launched.ending, launched.process};
        });
        if (ending)
          return agent_order_outcome{"the supervisor is about to end", false, 0};
        const auto wish = static_cast<agent_wish>(order.wish);
        drop_contradicted(self, wish);
        auto& waiting = state.orders.emplace_back(wish, process, promised<agent_order_outcome>{self});
        auto answer = waiting.promise.result();
        take_order(self, wish);
        return answer;
      },
      [self](agent_facts_changed) { look(self); },
  };
}

} // namespace workspace_supervisor
