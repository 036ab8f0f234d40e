#include "app/control/workspace_changes.hpp"

#include "app/control/body.hpp"
#include "app/stats/json_writer.hpp"

#include <variant>

namespace workspace_supervisor {

namespace {

std::string workspace_text(const added_workspace& workspace) {
  json_writer json;
  json.begin_object();
  json.members(workspace);
  json.end_object();
  return json.take();
}

template <class Order>
void change_workspaces(control_self self, Order order, const control_reply& answer) {
  ask(
      self, state_of(self).context->workspaces_actor, std::move(order), actor_patience,
      [answer](workspace_change change) {
        if (!change.error.empty())
          return answer(error_answer(change.status, change.error));
        answer(json_answer(change.is.id.empty() ? std::string{} : workspace_text(change.is), change.status));
      },
      [answer](const std::string& error) { answer(down_answer("workspaces", error)); });
}

} // namespace

void answer_put(control_self self, const control_request& request, const std::string& id,
                const control_reply& answer) {
  auto body = read_put_workspace(request);
  if (auto* refusal = std::get_if<control_answer>(&body))
    return answer(std::move(*refusal));
  auto order = std::get<put_workspace>(std::move(body));
  order.wanted.id = id;
  change_workspaces(self, std::move(order), answer);
}

void answer_remove(control_self self, const std::string& id, const control_reply& answer) {
  change_workspaces(self, remove_workspace{id}, answer);
}

void answer_reload(control_self self, const control_reply& answer) {
  ask(
      self, state_of(self).context->workspaces_actor, reload_configuration{}, actor_patience,
      [answer](reload_outcome outcome) {
        if (outcome.errors.empty()) {
          json_writer json;
          json.begin_object();
          json.member("taken_up", outcome.taken_up);
          json.member("waiting", outcome.waiting);
          json.end_object();
          return answer(json_answer(json.take()));
        }
        std::string text = "the configuration has errors, and nothing was changed";
        for (const auto& error : outcome.errors)
          text += "; " + error;
        answer(error_answer(400, text));
      },
      [answer](const std::string& error) { answer(down_answer("workspaces", error)); });
}

} // namespace workspace_supervisor
