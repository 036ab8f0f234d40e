#include "actors/supervision/supervisor.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace workspace_supervisor {

namespace {

using self_pointer = actor_of<supervisor_interface, supervisor_state>*;
using clock = std::chrono::steady_clock;

void continue_stopping(self_pointer self);
bool is_leaving(const supervisor_state& state, std::size_t index);
void vacate(self_pointer self, std::size_t index);

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

bool is_vacant(const supervisor_state& state, std::size_t index) {
  return !state.plan.children[index].start;
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

void start_at(self_pointer self, std::size_t index) {
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
  self->cancel(std::exchange(child.timer, 0));
  spec.place.withdraw();
  if (state.stopping)
    return continue_stopping(self);
  if (is_leaving(state, index))
    return vacate(self, index);
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
    state.children[index].timer = 0;
    if (state.stopping)
      return;
    auto& spec = state.plan.children[index];
    if (spec.probe)
      spec.probe->restarted();
    start_at(self, index);
    state.plan.events->emit(
        make_event(log_level::info, "actor.restarted", state.plan.workspace, spec.name + " runs again")
            .with("actor", spec.name)
            .with("restart", state.children[index].intensity.in_a_row()));
  };
  if (*delay == restart_policy::duration::zero())
    restart();
  else
    child.timer = self->after(*delay, restart);
}

/// Starts those that have not been started yet, in order. What a child does first, to start children of its
/// own, comes after this: so with many of them there are pauses, and those that run already wait for nobody.
void continue_starting(self_pointer self) {
  auto& state = state_of(self);
  std::size_t started = 0;
  while (state.start_next < state.children.size() && !state.stopping) {
    const auto index = state.start_next++;
    if (is_vacant(state, index))
      continue;
    start_at(self, index);
    if (++started == state.plan.started_at_once)
      return static_cast<void>(self->after(std::chrono::seconds{0}, [self] { continue_starting(self); }));
  }
}

// -- children that come and go while the others run
// ---------------------------------------------------------------

/// The place of the child of this number; none: it is not there.
std::optional<std::size_t> place_of(const supervisor_state& state, std::uint32_t number) {
  const auto& children = state.plan.children;
  const auto found = std::find_if(children.begin(), children.end(), [number](const child_spec& spec) {
    return spec.number == number && spec.start;
  });
  if (number == 0 || found == children.end())
    return std::nullopt;
  return static_cast<std::size_t>(found - children.begin());
}

void add_child(self_pointer self, std::uint32_t number) {
  auto& state = state_of(self);
  if (state.stopping || !state.plan.further || place_of(state, number))
    return;
  auto spec = state.plan.further(number);
  if (!spec)
    return;
  std::size_t index = 0;
  while (index < state.children.size() && !is_vacant(state, index))
    ++index;
  if (index == state.children.size()) {
    state.plan.children.emplace_back();
    state.children.emplace_back();
  }
  state.plan.children[index] = std::move(*spec);
  if (index < state.start_next)
    start_at(self, index);
  else if (state.start_next + 1 == state.children.size())
    continue_starting(self);
  // else it has its turn behind the others
}

/// The child has ended and was let go: nothing of it stays but, perhaps, its place.
void vacate(self_pointer self, std::size_t index) {
  auto& state = state_of(self);
  auto& child = state.children[index];
  self->cancel(child.timer);
  if (child.ended_id != 0) {
    forget(state, child.ended_id);
    if (constexpr std::size_t kept = 64; state.gone.size() >= kept)
      state.gone.erase(state.gone.begin());
    state.gone.push_back(child.ended_id);
  }
  state.children[index] = {};
  state.plan.children[index] = {};
  while (!state.children.empty() && is_vacant(state, state.children.size() - 1)) {
    state.children.pop_back();
    state.plan.children.pop_back();
  }
  state.start_next = std::min(state.start_next, state.children.size());
  if (constexpr std::size_t few = 64; state.children.capacity() > few + 2 * state.children.size()) {
    state.children.shrink_to_fit();
    state.plan.children.shrink_to_fit();
    state.by_id.shrink_to_fit();
  }
  const auto found = std::find_if(state.leaving.begin(), state.leaving.end(),
                                  [index](const auto& entry) { return entry.first == index; });
  if (found == state.leaving.end())
    return;
  auto waiting = std::move(found->second);
  state.leaving.erase(found);
  for (auto& promise : waiting)
    promise.deliver(done{});
}

bool is_leaving(const supervisor_state& state, std::size_t index) {
  return std::any_of(state.leaving.begin(), state.leaving.end(),
                     [index](const auto& entry) { return entry.first == index; });
}

/// Orders the child to end; should it not have in time, it is killed, and `not_even_then` called.
template <class NotEvenThen>
void order_to_end(self_pointer self, std::size_t index, NotEvenThen not_even_then) {
  auto& state = state_of(self);
  const auto& spec = state.plan.children[index];
  const auto handle = state.children[index].handle;
  if (spec.is_supervisor)
    caf::anon_send(handle, stop_supervising{});
  else
    caf::anon_send_exit(handle, caf::exit_reason::user_shutdown);
  state.children[index].timer = self->after(spec.shutdown, [self, index, not_even_then] {
    auto& child = state_of(self).children[index];
    child.timer = 0;
    if (!child.handle)
      return;
    caf::anon_send_exit(child.handle, caf::exit_reason::kill);
    not_even_then();
  });
}

void remove_child(self_pointer self, std::size_t index, promised<done> promise) {
  auto& state = state_of(self);
  if (is_leaving(state, index)) {
    for (auto& [place, waiting] : state.leaving)
      if (place == index)
        waiting.push_back(std::move(promise));
    return;
  }
  state.leaving.emplace_back(index, std::vector<promised<done>>{}).second.push_back(std::move(promise));
  if (state.children[index].handle)
    order_to_end(self, index, [] {}); // one that was killed tells of its end
  else
    vacate(self, index);
}

// -- the end
// ------------------------------------------------------------------------------------------------------

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
    // One that is stuck in a call to the system does not hear a kill either: go on without it.
    return order_to_end(self, index, [self, index] {
      state_of(self).children[index].handle = nullptr;
      continue_stopping(self);
    });
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
  return framework::error_text(system, reason);
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
    if (std::find(state.gone.begin(), state.gone.end(), message.source.id()) != state.gone.end())
      return;
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
  continue_starting(self);
  return {
      [](are_you_there) { return done{}; },
      [self](stop_supervising) { stop(self); },
      [self](start_child order) {
        add_child(self, order.number);
        return done{};
      },
      [self](stop_child order) -> caf::result<done> {
        const auto place = place_of(state_of(self), order.number);
        if (!place)
          return done{};
        promised<done> promise{self};
        auto answer = promise.result();
        remove_child(self, *place, std::move(promise));
        return answer;
      },
  };
}

} // namespace workspace_supervisor
