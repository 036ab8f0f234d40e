#include "actors/platform/platform_client.hpp"

namespace workspace_supervisor {

namespace {

using self_pointer = actor_of<platform_client_interface, platform_client_state>*;

/// A token actor that is down is waited for so long; then the token that was last known serves.
constexpr std::chrono::milliseconds token_patience{200};

platform_answer to_answer(http_response&& response) {
  platform_answer answer;
  answer.outcome = static_cast<std::int32_t>(response.outcome);
  answer.status = response.status;
  answer.body = std::move(response.body);
  answer.error = std::move(response.error);
  answer.retry_after_ms = response.retry_after_ms;
  answer.date = static_cast<double>(response.date);
  answer.seconds = response.seconds;
  answer.answered = response.outcome == http_outcome::answered;
  answer.acknowledged = response.outcome == http_outcome::timed_out_acknowledged;
  return answer;
}

/// What requests of this workspace go out with until its token actor says otherwise or the platform refuses
/// it.
std::string& token_of(self_pointer self, workspace_number workspace) {
  return state_of(self).tokens[workspace];
}

platform_answer gone_answer() {
  platform_answer answer;
  answer.outcome = static_cast<std::int32_t>(http_outcome::cancelled);
  answer.error = "the workspace is no more";
  return answer;
}

void finish(self_pointer self, std::uint64_t id, platform_answer answer);

void attempt(self_pointer self, std::uint64_t id, const std::string& token) {
  auto& state = state_of(self);
  const auto found = state.requests.find(id);
  if (found == state.requests.end())
    return;
  const auto& request = found->second.request;
  const auto workspace = state.context->workspaces.at(request.workspace);
  if (!workspace)
    return finish(self, id, gone_answer());
  http_request http;
  http.url = workspace->platform;
  http.owner = request.workspace;
  http.method = request.method;
  http.target = request.target;
  http.body = request.body;
  http.lane = static_cast<request_lane>(request.lane);
  http.timeout = std::chrono::milliseconds{request.timeout_ms};
  http.max_body = request.max_body;
  http.expects_json = request.expects_json;
  http.repeatable = request.repeatable;
  http.fresh_connection = request.fresh_connection;
  if (!token.empty())
    http.headers.emplace_back("Authorization", "Bearer " + token);
  if (request.from_workspace)
    http.headers.emplace_back("X-Workspace-ID", workspace->settings.id);
  state.http->send(std::move(http), [client = platform_client_interface{self}, id](http_response response) {
    caf::anon_send(client, attempt_finished{id, to_answer(std::move(response))});
  });
}

void finish(self_pointer self, std::uint64_t id, platform_answer answer) {
  auto& state = state_of(self);
  const auto found = state.requests.find(id);
  if (found == state.requests.end())
    return;
  answer.repeated = found->second.repeated;
  auto promises = std::move(found->second.promises);
  if (!found->second.request.key.empty())
    state.by_key.erase(found->second.request.key);
  state.requests.erase(found);
  for (auto& promise : promises)
    promise.deliver(answer);
}

/// A word of a workspace's token may come later than that of its end.
void keep_token(self_pointer self, workspace_number workspace, const std::string& token) {
  if (state_of(self).context->workspaces.at(workspace))
    token_of(self, workspace) = token;
}

void repeat_with_fresh_token(self_pointer self, std::uint64_t id, platform_answer refusal) {
  auto& state = state_of(self);
  auto& pending = state.requests.find(id)->second;
  pending.repeated = true;
  const auto workspace = state.context->workspaces.at(pending.request.workspace);
  if (!workspace)
    return finish(self, id, gone_answer());
  token_of(self, workspace->number).clear();
  ask(
      self, workspace->token, refresh_token{}, std::chrono::seconds{1},
      [self, id, workspace, refusal](token_state token) {
        keep_token(self, workspace->number, token.token);
        if (!token.token.empty())
          return attempt(self, id, token.token);
        auto answer = refusal;
        answer.error = "status 401, and no token to repeat it with: " + token.reason;
        finish(self, id, std::move(answer));
      },
      [self, id, refusal](const std::string& error) {
        auto answer = refusal;
        answer.error = "status 401, and the token could not be re-read: " + error;
        finish(self, id, std::move(answer));
      });
}

} // namespace

platform_client_interface::behavior_type platform_client(self_pointer self, process_context* context,
                                                         http_engine* http) {
  self->observe(context->held_probe_of(shared_actor::platform_client));
  state_of(self).context = context;
  state_of(self).http = http;
  return {
      [self](const platform_request& request) -> caf::result<platform_answer> {
        auto& state = state_of(self);
        if (const auto same = state.by_key.find(request.key);
            !request.key.empty() && same != state.by_key.end())
          return state.requests.at(same->second).promises.emplace_back(self).result();
        const auto id = ++state.last_id;
        auto& pending = state.requests[id];
        pending.request = request;
        auto answer = pending.promises.emplace_back(self).result();
        if (!request.key.empty())
          state.by_key.emplace(request.key, id);
        if (const auto known = state.tokens.find(request.workspace);
            known != state.tokens.end() && !known->second.empty()) {
          attempt(self, id, known->second);
          return answer;
        }
        const auto workspace = state.context->workspaces.at(request.workspace);
        if (!workspace) {
          finish(self, id, gone_answer());
          return answer;
        }
        ask(
            self, workspace->token, get_token{}, token_patience,
            [self, id, workspace](token_state reading) {
              keep_token(self, workspace->number, reading.token);
              attempt(self, id, reading.token);
            },
            [self, id, workspace](const std::string&) {
              attempt(self, id, workspace->last_token.get().token);
            });
        return answer;
      },
      [self](const attempt_finished& finished) {
        auto& state = state_of(self);
        const auto found = state.requests.find(finished.id);
        if (found == state.requests.end())
          return;
        if (finished.answer.status == 401 && !found->second.repeated)
          return repeat_with_fresh_token(self, finished.id, finished.answer);
        finish(self, finished.id, finished.answer);
      },
      [self](const token_for_requests& changed) { keep_token(self, changed.workspace, changed.token); },
      [context, http](const reconnect& request) {
        if (const auto workspace = context->workspaces.at(request.workspace))
          http->reconnect(workspace->platform);
      },
      [self, http](const workspace_gone& gone) {
        state_of(self).tokens.erase(gone.workspace);
        http->cancel(gone.workspace);
      },
  };
}

} // namespace workspace_supervisor
