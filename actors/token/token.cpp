#include "actors/token/token.hpp"

namespace workspace_supervisor {

namespace {

using self_pointer = actor_of<token_interface, token_actor_state>*;

/// A disk that does not answer must not hold a request for ever.
constexpr std::chrono::seconds file_patience{5};

/// What is read back from a file that this was written to.
std::string trimmed(const std::string& token) {
  constexpr const char* white_space = " \t\n\v\f\r";
  const auto first = token.find_first_not_of(white_space);
  return first == std::string::npos ? std::string{}
                                    : token.substr(first, token.find_last_not_of(white_space) - first + 1);
}

void read(self_pointer self);

/// Has the platform client use `token` from now on; empty: ask for it here. A client that is down knows none
/// when it is back, and asks.
void tell_client(self_pointer self, std::string token) {
  const auto& context = *state_of(self).context;
  if (const auto client = context.process->platform_client.get())
    self->send(client, token_for_requests{context.number, std::move(token)});
}

/// Makes `reading` the token and answers who waited for it.
void take(self_pointer self, token_state reading) {
  auto& state = state_of(self);
  auto& context = *state.context;
  const bool had = !context.last_token.get().token.empty();
  const bool has = !reading.token.empty();
  if (!has && (had || context.last_token.get().reason != reading.reason))
    context.process->events->emit(
        make_event(log_level::warning, "token.missing", context.settings.id, "no token: " + reading.reason)
            .with("reason", reading.reason));
  else if (has && !had)
    context.process->events->emit(
        make_event(log_level::info, "token.present", context.settings.id, "a token has been read"));
  else if (has && reading.token != context.last_token.get().token)
    context.process->events->emit(
        make_event(log_level::info, "token.changed", context.settings.id, "the token on disk has changed"));
  const bool is_new = has && reading.token != context.last_token.get().token;
  context.probe.token_present.store(has, std::memory_order_relaxed);
  context.last_token.set(reading);
  if (has)
    tell_client(self, reading.token);
  if (const auto heartbeat = context.heartbeat.get(); heartbeat && is_new)
    self->send(heartbeat, token_changed{});
  state.cached_valid = true;
  for (auto& promise : std::exchange(state.waiting, {}))
    promise.deliver(reading);
}

/// A reading is over.
void have_read(self_pointer self, token_state reading) {
  auto& state = state_of(self);
  state.reading = false;
  take(self, std::move(reading));
  // It may have been made before what has asked for another one.
  if (!std::exchange(state.read_again, false))
    return;
  state.cached_valid = false;
  tell_client(self, {});
  state.waiting = std::exchange(state.waiting_next, {});
  read(self);
}

void read(self_pointer self) {
  auto& state = state_of(self);
  if (std::exchange(state.reading, true))
    return;
  ask(
      self, state.context->process->token_files, read_token_file{state.context->settings.configs_dir},
      file_patience, [self](token_state reading) { have_read(self, std::move(reading)); },
      [self](const std::string& error) {
        have_read(self, token_state{{}, "cannot be read: " + error});
      });
}

/// Forgets what is cached and reads the file as it is from now on.
void read_anew(self_pointer self) {
  auto& state = state_of(self);
  state.cached_valid = false;
  tell_client(self, {});
  state.read_again = state.reading;
  read(self);
}

} // namespace

token_interface::behavior_type token_actor(self_pointer self, workspace_context* context) {
  self->observe(context->held_probe_of(workspace_actor::token));
  state_of(self).context = context;
  tell_client(self, {}); // a predecessor may have missed a change
  return {
      [self](get_token) -> caf::result<token_state> {
        auto& state = state_of(self);
        // One that is absent is looked for again at each use: it may have come meanwhile.
        if (auto last = state.context->last_token.get(); state.cached_valid && !last.token.empty())
          return last;
        auto& promise = state.waiting.emplace_back(self);
        auto answer = promise.result();
        read(self);
        return answer;
      },
      [self](refresh_token) -> caf::result<token_state> {
        auto& state = state_of(self);
        state.context->probe.token_refreshes.fetch_add(1, std::memory_order_relaxed);
        auto& promise = (state.reading ? state.waiting_next : state.waiting).emplace_back(self);
        auto answer = promise.result();
        read_anew(self);
        return answer;
      },
      [self](const save_token_request& request) -> caf::result<file_outcome> {
        auto& context = *state_of(self).context;
        auto promise = std::make_shared<promised<file_outcome>>(self);
        auto answer = promise->result();
        ask(
            self, context.process->token_files, write_token_file{context.settings.configs_dir, request.token},
            file_patience,
            [self, promise, token = request.token](file_outcome outcome) {
              if (outcome.error.empty())
                take(self, token_state{trimmed(token), {}});
              promise->deliver(std::move(outcome));
            },
            [promise](const std::string& error) { promise->deliver(file_outcome{error}); });
        return answer;
      },
      [self](token_file_changed) { read_anew(self); },
  };
}

} // namespace workspace_supervisor
