#include "app/workspaces/hosting.hpp"

#include <malloc.h>
#include <utility>

namespace workspace_supervisor::hosting {

namespace {

void run_next(workspaces_self self) {
  auto& state = state_of(self);
  if (std::exchange(state.runs, true))
    return; // whoever is about it goes on: one step that is done at once does not nest in the other
  while (!state.busy && !state.waiting.empty()) {
    state.busy = true;
    const auto next = std::move(state.waiting.front());
    state.waiting.pop_front();
    next([self] {
      state_of(self).busy = false;
      run_next(self);
    });
  }
  state.runs = false;
}

/// The allocator keeps what thousands of workspaces have had, until it is told.
void give_memory_back_soon(workspaces_self self) {
  if (std::exchange(state_of(self).trims, true))
    return;
  constexpr std::chrono::seconds pause{2};
  self->after(pause, [self] {
    state_of(self).trims = false;
    ::malloc_trim(0);
  });
}

} // namespace

// -- one thing after the other
// ----------------------------------------------------------------------------------

void queue(workspaces_self self, step what) {
  state_of(self).waiting.push_back(std::move(what));
  run_next(self);
}

void queue_first(workspaces_self self, std::vector<step> steps) {
  auto& waiting = state_of(self).waiting;
  waiting.insert(waiting.begin(), std::make_move_iterator(steps.begin()),
                 std::make_move_iterator(steps.end()));
}

// -- a workspace comes or goes
// ----------------------------------------------------------------------------------

workspace_places& places_of(workspaces_self self) {
  auto& state = state_of(self);
  if (state.places.empty())
    for (const auto& workspace : state.context->workspaces.all())
      state.places.add(workspace->settings);
  return state.places;
}

void tell(workspaces_self self, log_level level, const char* name, const std::string& workspace,
          std::string text) {
  state_of(self).context->events->emit(make_event(level, name, workspace, std::move(text)));
}

void take_in(workspaces_self self, workspace_settings wanted, workspace_origin origin, double first_at,
             then next) {
  auto& state = state_of(self);
  std::string error;
  const auto workspace = state.hosting->make(std::move(wanted), error);
  if (!workspace) { // its settings were checked before
    tell(self, log_level::error, "workspace.refused", {}, error);
    return next();
  }
  workspace->origin.store(origin);
  workspace->first_at = first_at;
  if (!state.places.empty())
    state.places.add(workspace->settings);
  state.context->workspaces.add(workspace);
  state.hosting->taken_in(*workspace);
  tell(self, log_level::info, "workspace.added", workspace->settings.id,
       "the workspace is kept alive from now on");
  ask(
      self, state.context->root, start_child{workspace->number}, for_ever, [next](done) { next(); },
      [next](const std::string&) { next(); });
}

void let_go(workspaces_self self, const workspace_table::pointer& workspace, then next) {
  ask(
      self, state_of(self).context->root, stop_child{workspace->number}, for_ever,
      [self, workspace, next](done) {
        auto& state = state_of(self);
        state.context->workspaces.remove(workspace->number);
        state.places.remove(workspace->settings.id);
        if (const auto client = state.context->platform_client.get())
          caf::anon_send(client, workspace_gone{workspace->number});
        state.hosting->let_go(*workspace);
        give_memory_back_soon(self);
        tell(self, log_level::info, "workspace.removed", workspace->settings.id,
             "the workspace is not kept alive any more");
        next();
      },
      [next](const std::string&) { next(); });
}

void forget_in_store(workspaces_self self, const std::string& id, then next) {
  ask(
      self, state_of(self).context->store_actor, forget_workspace{id}, for_ever, [next](done) { next(); },
      [next](const std::string&) { next(); });
}

void forget_addition(workspaces_self self, const std::string& id, then next) {
  ask(
      self, state_of(self).context->store_actor, forget_added{id}, for_ever, [next](done) { next(); },
      [next](const std::string&) { next(); });
}

} // namespace workspace_supervisor::hosting
