#include "actors/supervision/supervisor.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace workspace_supervisor {

namespace {

using self_pointer = actor_of<supervisor_interface, supervisor_state>*;
using clock = std::chrono::steady_clock;

void start_child(self_pointer self, std::size_t index);
void continue_stopping(self_pointer self);

auto find_id(supervisor_state& state, caf::actor_id id) {
  return std::lower_bound(state.by_id.begin(), state.by_id.end(), id,
                          [](const auto& entry, caf::actor_id wanted) { return entry.first < wanted; });
}

bool knows(supervisor_state& state, caf::actor_id id) {
  const auto found = find_id(state, id);
  return found != state.by_id.end() && found->first == id;
}

void know(supervisor_state& state, caf::actor_id id, std::size_t index) {
  if (knows(state, id))
    find_id(state, id)->second = index;
  else
    state.by_id.insert(find_id(state, id), {id, index});
}

void forget(supervisor_state& state, caf::actor_id id) {
  if (knows(state, id))
    state.by_id.erase(find_id(state, id));
}

void launch(self_pointer self, std::size_t index) {
  auto& state = state_of(self);
  auto& child = state.children[index];
  auto& spec = state.plan.children[index];
  child.intensity.started(clock::now());
  child.handle = spec.start(self->system());
  know(state, child.handle.id(), index);
  if (spec.probe)
    spec.probe->started();
  self->link_to(child.handle);
}

void start_child(self_pointer self, std::size_t index) {
  auto& state = state_of(self);
  if (state.stopping || state.children[index].handle)
    return;
  auto predecessor = state.plan.children[index].place.occupant();
  if (!predecessor)
    return launch(self, index);
  // A crashed supervisor's child: it must have ended before its successor starts. The link tells when.
  auto& child = state.children[index];
  child.handle = predecessor;
  know(state, predecessor.id(), index);
  self->link_to(predecessor);
  caf::anon_send_exit(predecessor, caf::exit_reason::kill);
}

void give_up(self_pointer self, std::size_t index, const std::string& reason) {
  auto& state = state_of(self);
  auto& spec = state.plan.children[index];
  state.children[index].failed = true;
  if (spec.probe)
    spec.probe->failed();
  state.plan.events->emit(make_event(log_level::error, "actor.given-up", state.plan.workspace,
                                     spec.name + " cannot be kept running: " + reason)
                              .with("actor", spec.name)
                              .with("error", reason));
  if (spec.on_failed)
    spec.on_failed();
  bool end = spec.if_given_up == when_given_up::end_supervisor;
  if (!end) {
    end = true;
    for (std::size_t other = 0; other < state.children.size(); ++other)
      if (state.plan.children[other].if_given_up == when_given_up::leave_failed &&
          !state.children[other].failed)
        end = false;
  }
  if (end) // the children end with their supervisor: they are linked
    self->quit(
        caf::make_error(caf::sec::runtime_error, std::string{gave_up_prefix} + spec.name + ": " + reason));
}

void child_ended(self_pointer self, std::size_t index, const caf::error& error) {
  auto& state = state_of(self);
  auto& child = state.children[index];
  auto& spec = state.plan.children[index];
  const bool was_predecessor =
      !child.failed && spec.place.occupant() == child.handle && !child.intensity.has_started();
  child.handle = nullptr;
  spec.place.withdraw();
  if (state.stopping)
    return continue_stopping(self);
  if (was_predecessor)
    return launch(self, index);
  const auto reason = reason_text(self->system(), error);
  const auto delay = child.intensity.ended(state.plan.policy, clock::now());
  if (spec.probe)
    spec.probe->ended(delay ? actor_state::restarting : actor_state::failed, reason);
  state.plan.events->emit(
      make_event(log_level::warning, "actor.crashed", state.plan.workspace, spec.name + " ended: " + reason)
          .with("actor", spec.name)
          .with("error", reason)
          .with("restart", child.intensity.in_a_row()));
  if (!delay)
    return give_up(self, index, reason);
  const auto restart = [self, index] {
    auto& state = state_of(self);
    if (state.stopping)
      return;
    auto& spec = state.plan.children[index];
    if (spec.probe)
      spec.probe->restarted();
    start_child(self, index);
    state.plan.events->emit(
        make_event(log_level::info, "actor.restarted", state.plan.workspace, spec.name + " runs again")
            .with("actor", spec.name)
            .with("restart", state.children[index].intensity.in_a_row()));
  };
  if (*delay == restart_policy::duration::zero())
    restart();
  else
    self->after(*delay, restart);
}

/// Stops the last child that still runs, and comes back when it has ended.
void continue_stopping(self_pointer self) {
  auto& state = state_of(self);
  while (state.stop_next > 0) {
    const auto index = state.stop_next - 1;
    auto& child = state.children[index];
    if (!child.handle) {
      --state.stop_next;
      continue;
    }
    const auto& spec = state.plan.children[index];
    const auto handle = child.handle;
    if (spec.is_supervisor)
      caf::anon_send(handle, stop_supervising{});
    else
      caf::anon_send_exit(handle, caf::exit_reason::user_shutdown);
    self->after(spec.shutdown, [self, index, handle] {
      if (state_of(self).children[index].handle != handle)
        return;
      caf::anon_send_exit(handle, caf::exit_reason::kill);
      // One that is stuck in a call to the system does not hear that either: go on without it.
      state_of(self).children[index].handle = nullptr;
      continue_stopping(self);
    });
    return;
  }
  self->quit(caf::exit_reason::user_shutdown);
}

void stop(self_pointer self) {
  auto& state = state_of(self);
  if (std::exchange(state.stopping, true))
    return;
  state.stop_next = state.children.size();
  continue_stopping(self);
}

} // namespace

std::string reason_text(caf::actor_system& system, const caf::error& reason) {
  if (reason.category() == caf::atom("system") && reason.context().match_elements<std::string>())
    return reason.context().get_as<std::string>(0);
  return system.render(reason);
}

supervisor_interface::behavior_type supervisor(self_pointer self, supervisor_plan plan) {
  auto& state = state_of(self);
  state.plan = std::move(plan);
  state.children.resize(state.plan.children.size());
  state.by_id.reserve(state.plan.children.size());
  if (state.plan.probe)
    self->observe(state.plan.probe);
  self->set_exit_handler([self](caf::exit_msg& message) {
    auto& state = state_of(self);
    if (!knows(state, message.source.id())) {
      // Our own supervisor has ended, or somebody tells us to.
      if (message.reason)
        self->quit(std::move(message.reason));
      return;
    }
    const auto index = find_id(state, message.source.id())->second;
    auto& child = state.children[index];
    if (!child.handle || child.handle.address() != message.source)
      return; // told of already
    // Its id stays known until the next one has ended: a second word of the same end is not our supervisor's.
    forget(state, std::exchange(child.ended_id, message.source.id()));
    child_ended(self, index, message.reason);
  });
  for (std::size_t index = 0; index < state.children.size(); ++index)
    start_child(self, index);
  return {
      [](are_you_there) { return done{}; },
      [self](stop_supervising) { stop(self); },
  };
}

} // namespace workspace_supervisor
