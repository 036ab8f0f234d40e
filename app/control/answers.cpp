#include "app/control/answers.hpp"

#include "app/control/answer_parts.hpp"
#include "app/control/body.hpp"
#include "app/control/call.hpp"
#include "app/control/fault_injection.hpp"
#include "app/control/workspace_changes.hpp"
#include "app/control_server/http_server.hpp"
#include "app/stats/json_writer.hpp"
#include "app/stats/metrics.hpp"
#include "app/stats/stats.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <optional>

namespace workspace_supervisor {

namespace {

using self_pointer = control_self;
using reply = control_reply;

/// How long statistics wait for a store whose disk may be stuck, before they tell what it said last.
constexpr std::chrono::milliseconds store_patience{500};
/// An answer with results ends at the first one beyond so many bytes.
constexpr std::size_t most_result_bytes = 4U << 20U;
constexpr std::int64_t most_results = 1000;

// -- what the agent says
// --------------------------------------------------------------------------------------

/// Has `to` do what the body says; answers when it has.
template <class Interface, class Message>
void pass_on(self_pointer self, const char* actor, const address<Interface>& to, read_body<Message> body,
             const reply& answer) {
  if (auto* refusal = std::get_if<control_answer>(&body))
    return answer(std::move(*refusal));
  ask(
      self, to, std::get<Message>(std::move(body)), actor_patience, [answer](done) { answer(done_answer()); },
      [answer, actor](const std::string& error) { answer(down_answer(actor, error)); });
}

void save_token(self_pointer self, workspace_context& context, read_body<token_body> body,
                const reply& answer) {
  if (auto* refusal = std::get_if<control_answer>(&body))
    return answer(std::move(*refusal));
  ask(
      self, context.token, save_token_request{std::get<token_body>(std::move(body)).token}, actor_patience,
      [answer](file_outcome outcome) {
        answer(outcome.error.empty() ? done_answer()
                                     : error_answer(503, "the token was not saved: " + outcome.error));
      },
      [answer](const std::string& error) { answer(down_answer("token", error)); });
}

// -- an agent that is launched here
// -------------------------------------------------------------------------------

/// Answers when it is done: the old process has ended, the new one runs.
void order(self_pointer self, workspace_context& context, agent_wish wish, const reply& answer) {
  const auto& agent = state_of(self).context->configuration.agent;
  if (agent.command.empty())
    return answer(error_answer(409, "no agent is launched here: agent.command is not set"));
  ask(
      self, context.agent, order_agent{static_cast<std::int32_t>(wish)}, agent.stop_timeout + actor_patience,
      [answer](agent_order_outcome outcome) {
        if (!outcome.error.empty())
          return answer(error_answer(409, outcome.error));
        json_writer json;
        json.begin_object();
        json.member("running", outcome.running);
        if (outcome.running)
          json.member("pid", outcome.process);
        json.end_object();
        answer(json_answer(json.take()));
      },
      [answer](const std::string& error) { answer(down_answer("agent", error)); });
}

// -- a beat and a poll at once
// --------------------------------------------------------------------------------

struct both_outcomes {
  std::optional<beat_outcome> beat;
  std::optional<poll_outcome> poll;
};

void answer_both(const both_outcomes& both, const reply& answer) {
  if (!both.beat || !both.poll)
    return;
  json_writer json;
  json.begin_object();
  json.member("beat", *both.beat);
  json.key("poll").begin_object();
  json.member("succeeded", both.poll->succeeded);
  json.member("status", both.poll->status);
  json.member("new", both.poll->news);
  json.member("error", both.poll->error);
  json.end_object();
  json.end_object();
  answer(json_answer(json.take()));
}

void beat_and_poll(self_pointer self, workspace_context& context, const reply& answer) {
  auto both = std::make_shared<both_outcomes>();
  const auto take_beat = [both, answer](beat_outcome outcome) {
    both->beat = std::move(outcome);
    answer_both(*both, answer);
  };
  const auto take_poll = [both, answer](poll_outcome outcome) {
    both->poll = std::move(outcome);
    answer_both(*both, answer);
  };
  ask(self, context.heartbeat, beat_now{}, actor_patience, take_beat, [take_beat](const std::string& error) {
    take_beat({false, 0, "the actor heartbeat gives no answer: " + error, 0});
  });
  ask(self, context.delegation_poller, poll_now{}, actor_patience, take_poll,
      [take_poll](const std::string& error) {
        take_poll({false, 0, 0, "the actor delegation-poller gives no answer: " + error});
      });
}

// -- results
// --------------------------------------------------------------------------------------------------

std::string results_json(const std::vector<stored_result>& results) {
  json_writer json;
  json.begin_object();
  json.key("results").begin_array();
  for (const auto& stored : results) {
    if (json.size() > most_result_bytes)
      break; // the caller asks on after the last one that he got
    const auto& result = stored.result;
    json.begin_object();
    json.member("seq", stored.seq);
    json.member("delegation_id", result.delegation_id);
    json.member("target_id", result.target_id);
    json.member("source_id", result.source_id);
    json.member("status", result.status);
    json.member("summary", result.summary);
    json.member("response_preview", result.response_preview);
    json.member("error", result.error);
    json.member("timestamp", stored.recorded_at);
    json.member("filed", stored.filed);
    json.member("woken", stored.woken);
    json.member("notified", stored.notified);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json.take();
}

void tell_results(self_pointer self, workspace_context& context, const control_target& target,
                  const reply& answer) {
  get_results request;
  request.workspace = context.settings.id;
  const auto read = [&target](const char* name, std::int64_t least, std::int64_t most, std::int64_t& into) {
    const auto given = target.query.find(name);
    if (given == target.query.end())
      return true;
    const auto number = parse_number(given->second, least, most);
    if (number)
      into = *number;
    return number.has_value();
  };
  if (!read("after", 0, std::numeric_limits<std::int64_t>::max(), request.after))
    return answer(error_answer(400, "after: expected the seq of a result, or 0"));
  if (!read("limit", 1, most_results, request.limit))
    return answer(error_answer(400, "limit: expected an integer from 1 to " + std::to_string(most_results)));
  ask(
      self, state_of(self).context->store_actor, std::move(request), actor_patience,
      [answer](stored_results results) { answer(json_answer(results_json(results.results))); },
      [answer](const std::string& error) { answer(down_answer("store", error)); });
}

// -- statistics
// -----------------------------------------------------------------------------------------------

/// Calls `then` with what the store says of all outboxes, or said last if it does not answer in time.
void with_outboxes(self_pointer self, std::function<void(const all_outbox_counts&)> then) {
  auto once = std::make_shared<std::function<void(const all_outbox_counts&)>>(std::move(then));
  const auto tell = [self, once] {
    if (const auto function = std::exchange(*once, nullptr))
      function(state_of(self).outboxes);
  };
  const auto timer = self->after(store_patience, tell);
  ask(
      self, state_of(self).context->store_actor, get_all_outbox_counts{}, store_patience,
      [self, tell, timer](all_outbox_counts counts) {
        self->cancel(timer);
        state_of(self).outboxes = std::move(counts);
        tell();
      },
      [](const std::string&) {});
}

void tell_stats(self_pointer self, control_call call, stats_scope scope, const reply& answer) {
  with_outboxes(self, [self, call, scope, answer](const all_outbox_counts& outboxes) {
    const auto& process = *state_of(self).context;
    const auto stats = collect_stats(process, outboxes, scope);
    if (call == control_call::metrics) {
      auto text = json_answer(metrics_text(process, stats));
      text.content_type = metrics_content_type;
      return answer(std::move(text));
    }
    if (call == control_call::workspaces)
      return answer(json_answer(workspaces_json(stats)));
    if (call == control_call::workspace && stats.workspaces.empty())
      return answer(error_answer(404, "there is no such workspace")); // it has gone meanwhile
    if (call == control_call::workspace && state_of(self).history)
      state_of(self).history->sample(process, stats.now);
    if (call == control_call::workspace)
      return answer(json_answer(workspace_json(stats, stats.workspaces.front(), state_of(self).history)));
    answer(json_answer(stats_json(stats)));
  });
}

void keep_history(self_pointer self) {
  const auto& state = state_of(self);
  state.history->sample(*state.context, wall_clock_now());
  self->after(beat_history::pause, [self] { keep_history(self); });
}

void tell_readiness(self_pointer self, stats_scope scope, const reply& answer) {
  auto readiness = check_readiness(*state_of(self).context, scope);
  answer(json_answer(std::move(readiness.json), readiness.ready ? 200 : 503));
}

// -- which call it is
// -----------------------------------------------------------------------------------------

void answer_of_workspace(self_pointer self, const control_request& request, const control_target& target,
                         workspace_context& context, const reply& answer) {
  switch (target.call) {
  case control_call::workspace:
    return tell_stats(self, target.call, context.number, answer);
  case control_call::activity:
    return pass_on(self, "activity", context.activity, read_activity(request), answer);
  case control_call::outcomes:
    return pass_on(self, "activity", context.activity, read_outcomes(request), answer);
  case control_call::runtime_state:
    return pass_on(self, "activity", context.activity, read_runtime_state(request), answer);
  case control_call::runtime_metadata:
    return pass_on(self, "activity", context.activity, read_runtime_metadata(request), answer);
  case control_call::token:
    return save_token(self, context, read_token_body(request), answer);
  case control_call::progress:
    return pass_on(self, "activity", context.activity, read_progress(request), answer);
  case control_call::agent_restart:
    return order(self, context, agent_wish::restart, answer);
  case control_call::agent_start:
    return order(self, context, agent_wish::start, answer);
  case control_call::agent_stop:
    return order(self, context, agent_wish::stop, answer);
  case control_call::beat:
    return beat_and_poll(self, context, answer);
  case control_call::results:
    return tell_results(self, context, target, answer);
  default:
    return answer(error_answer(404, "there is no such call"));
  }
}

void answer_call(self_pointer self, const control_request& request, const reply& answer) {
  auto& process = *state_of(self).context;
  const auto target = parse_target(request);
  if (!target)
    return answer(error_answer(400, "the target is not percent-encoded as it should be"));
  if (auto refusal = refuse(request, *target))
    return answer(std::move(*refusal));

  stats_scope scope;
  if (!request.workspace.empty()) {
    const auto own = process.workspaces.find(request.workspace);
    if (!own)
      return answer(error_answer(404, "the workspace of this socket is gone"));
    scope = own->number;
  }
  if (target->call == control_call::put_workspace)
    return answer_put(self, request, target->workspace, answer);
  if (target->call == control_call::remove_workspace)
    return answer_remove(self, target->workspace, answer);
  if (!target->workspace.empty()) {
    const auto context = process.workspaces.find(target->workspace);
    if (!context || (scope && *scope != context->number))
      return answer(error_answer(404, "there is no such workspace"));
    // Whoever is asked may answer when the workspace has gone.
    return answer_of_workspace(self, request, *target, *context,
                               [answer, context](control_answer told) { answer(std::move(told)); });
  }
  switch (target->call) {
  case control_call::readyz:
    return tell_readiness(self, scope, answer);
  case control_call::metrics:
  case control_call::stats:
  case control_call::workspaces:
    return tell_stats(self, target->call, scope, answer);
  case control_call::reload:
    return answer_reload(self, answer);
  case control_call::crash: {
    auto refusal = order_crash(process, request);
    return answer(refusal ? std::move(*refusal) : done_answer());
  }
  case control_call::page:
    if (const auto page = state_of(self).page)
      return answer(page());
    return answer(error_answer(404, "this build has no status page; /v1/stats tells the same"));
  default: // what the server's side answers itself
    return answer(error_answer(404, "there is no such call"));
  }
}

} // namespace

control_interface::behavior_type control_actor(self_pointer self, process_context* context,
                                               control_answer (*page)(), beat_history* history) {
  self->observe(context->held_probe_of(shared_actor::control));
  name_this_thread(name_of(shared_actor::control));
  state_of(self).context = context;
  state_of(self).page = page;
  state_of(self).history = history;
  if (history)
    keep_history(self);
  return {
      [self](const control_request& request) -> caf::result<control_answer> {
        auto promise = std::make_shared<promised<control_answer>>(self);
        auto result = promise->result();
        answer_call(self, request, [promise](control_answer answer) { promise->deliver(std::move(answer)); });
        return result;
      },
  };
}

child_spec control_child(process_context& process, control_answer (*page)(), beat_history* history) {
  return child_at(name_of(shared_actor::control), process.control, process.probe_of(shared_actor::control),
                  [&process, page, history](caf::actor_system& system) {
                    return system.spawn<caf::detached>(control_actor, &process, page, history);
                  });
}

bool repeatable(const control_request& request) {
  const auto target = parse_target(request);
  return !target || (target->call != control_call::outcomes && target->call != control_call::crash &&
                     target->call != control_call::agent_restart);
}

std::chrono::milliseconds patience_for(const control_request& request, const settings& configuration) {
  const auto target = parse_target(request);
  const std::chrono::milliseconds patience{30000};
  if (!target)
    return patience;
  switch (target->call) {
  case control_call::beat: // each may be made twice, should the token be refused
    return patience + 2 * std::max(configuration.heartbeat.timeout, configuration.delegation.timeout);
  case control_call::reload: // thousands of workspaces may come and go
    return 10 * patience;
  case control_call::agent_restart:
  case control_call::agent_stop:
    return patience + configuration.agent.stop_timeout;
  default:
    return patience;
  }
}

} // namespace workspace_supervisor
