#include "actors/parent_name/parent_name.hpp"

#include "actors/parent_name/workspace_object.hpp"

namespace workspace_supervisor {

namespace {

using self_pointer = actor_of<parent_name_interface, parent_name_state>*;
using clock = std::chrono::steady_clock;

constexpr std::uint64_t max_workspace_object = 1 << 20; ///< bytes

void finish(self_pointer self, const parent_name& result) {
  auto& state = state_of(self);
  state.looking = false;
  if (result.known) {
    state.found = result;
    state.found_at = clock::now();
  }
  for (auto& promise : std::exchange(state.waiting, {}))
    promise.deliver(result);
}

void fail(self_pointer self, const std::string& error) {
  auto& context = *state_of(self).context;
  context.process->events->emit(make_event(log_level::warning, "parent.failed", context.settings.id,
                                           "the parent's name could not be looked up: " + error)
                                    .with("error", error));
  finish(self, parent_name{});
}

/// Fetches `GET /workspaces/ID` and hands the object on.
template <class Then>
void fetch(self_pointer self, const std::string& id, Then then) {
  auto& context = *state_of(self).context;
  platform_request request;
  request.workspace = context.number;
  request.method = "GET";
  request.target = "/workspaces/" + encode_path_segment(id);
  request.lane = static_cast<std::int32_t>(request_lane::poll);
  request.timeout_ms = context.process->configuration.parent.timeout.count();
  request.max_body = max_workspace_object;
  request.expects_json = true;
  request.repeatable = true;
  ask(
      self, context.process->platform_client, std::move(request), std::chrono::seconds{1},
      [self, then](platform_answer answer) {
        if (!answer.ok())
          return fail(self, answer.error.empty() ? "status " + std::to_string(answer.status) : answer.error);
        workspace_object object;
        std::string error;
        if (!parse_workspace_object(answer.body.get(), object, error))
          return fail(self, error);
        then(object);
      },
      [self](const std::string& error) { fail(self, "platform client: " + error); });
}

void look_up(self_pointer self) {
  if (std::exchange(state_of(self).looking, true))
    return;
  fetch(self, state_of(self).context->settings.id, [self](const workspace_object& own) {
    if (own.parent_id.empty())
      return finish(self, parent_name{true, {}});
    fetch(self, own.parent_id, [self](const workspace_object& parent) {
      if (parent.name.empty())
        return fail(self, "the parent has no name");
      finish(self, parent_name{true, parent.name});
    });
  });
}

} // namespace

parent_name_interface::behavior_type parent_name_actor(self_pointer self, workspace_context* context) {
  self->observe(context->held_probe_of(workspace_actor::parent_name));
  state_of(self).context = context;
  return {
      [self](get_parent_name) -> caf::result<parent_name> {
        auto& state = state_of(self);
        if (state.found.known &&
            clock::now() - state.found_at < state.context->process->configuration.parent.ttl)
          return state.found;
        auto& promise = state.waiting.emplace_back(self);
        auto answer = promise.result();
        look_up(self);
        return answer;
      },
  };
}

} // namespace workspace_supervisor
