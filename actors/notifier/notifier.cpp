#include "actors/notifier/notifier.hpp"

#include "actors/notifier/notifier_policy.hpp"
#include "actors/notifier/notifier_requests.hpp"
#include "actors/notifier/notifier_text.hpp"

#include <algorithm>
#include <chrono>

namespace workspace_supervisor {

namespace {

using self_pointer = actor_of<notifier_interface, notifier_actor_state>*;

/// A user notification is filed by the platform at once; a self-message may run the agent's whole turn.
constexpr std::chrono::seconds notification_timeout{10};
/// How long the parent's name is waited for, beyond the look-up's own time-outs, when its actor is down.
constexpr std::chrono::seconds parent_patience{2};
/// A timer is set anew after so long at the most, so that a clock that was set does no harm.
constexpr double longest_timer = 300; ///< seconds

void act(self_pointer self);
void fetch(self_pointer self);

/// Seconds by the clock that nobody sets, for differences alone.
double steady_clock_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// What was recorded is measured by the wall clock. Retries are not: it may be set back by an hour or a day,
/// and nothing shall wait that long.
struct moment {
  double wall = wall_clock_now();     ///< seconds since the epoch
  double steady = steady_clock_now(); ///< seconds, for differences alone
};

double as_seconds(milliseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

attempt_outcome outcome_of(const platform_answer& answer, bool jsonrpc) {
  attempt_outcome outcome;
  outcome.answered = answer.answered;
  outcome.status = answer.status;
  outcome.acknowledged = answer.acknowledged;
  outcome.jsonrpc_error = jsonrpc && answer.ok() && is_jsonrpc_error(answer.body.get());
  return outcome;
}

std::string failure_text(const platform_answer& answer) {
  return answer.error.empty() ? "status " + std::to_string(answer.status) : answer.error;
}

void emit(self_pointer self, log_level level, const char* name, std::string text,
          const platform_answer& answer, std::int64_t attempts) {
  auto& context = *state_of(self).context;
  if (!context.process->events->wants(level))
    return;
  auto happened = make_event(level, name, context.settings.id, std::move(text))
                      .with("status", std::int64_t{answer.status})
                      .with("attempts", attempts);
  if (!answer.error.empty())
    happened.with("error", answer.error);
  context.process->events->emit(std::move(happened));
}

/// Sends a POST on a connection of its own.
template <class Then>
void post(self_pointer self, const char* call, const std::string& key, std::string body,
          std::chrono::milliseconds timeout, Then then) {
  auto& context = *state_of(self).context;
  platform_request request;
  request.workspace = context.number;
  request.method = "POST";
  request.target = "/workspaces/" + encode_path_segment(context.settings.id) + call;
  request.body = std::move(body);
  request.lane = static_cast<std::int32_t>(request_lane::message);
  request.timeout_ms = timeout.count();
  request.fresh_connection = true;
  request.key = std::to_string(context.number) + call + ' ' + key;
  request.from_workspace = std::string_view{call} == "/a2a";
  ask(self, context.process->platform_client, std::move(request), std::chrono::seconds{1}, then,
      [then](const std::string& error) {
        platform_answer answer;
        answer.error = "platform client: " + error;
        then(answer);
      });
}

/// When it is tried again after this answer, by the steady clock.
double next_attempt(self_pointer self, int attempts, const platform_answer& answer) {
  const double random = std::uniform_real_distribution<double>{0, 1}(state_of(self).random);
  return steady_clock_now() + retry_delay(attempts, random, answer.retry_after_ms);
}

// -- the user's notifications
// --------------------------------------------------------------------------------------

/// Records that these results need no further telling, and forgets them. @param seqs in order
void mark_notified(self_pointer self, std::vector<std::int64_t> seqs) {
  auto& context = *state_of(self).context;
  ask(
      self, context.process->store_actor, mark_results{context.settings.id, "notified", seqs}, for_ever,
      [self, seqs](done) {
        auto& state = state_of(self);
        std::erase_if(state.box.unnotified, [&](const stored_result& stored) {
          return std::binary_search(seqs.begin(), seqs.end(), stored.seq);
        });
        for (const auto seq : seqs)
          state.notification_retries.erase(seq);
        state.notification_busy = false;
        if (state.box.unnotified.empty() && state.box.more_unnotified > 0)
          return fetch(self);
        act(self);
      },
      [](const std::string&) {});
}

void notified(self_pointer self, std::int64_t seq, const platform_answer& answer) {
  auto& state = state_of(self);
  auto& probe = state.context->probe;
  auto& retry = state.notification_retries[seq];
  ++retry.attempts;
  const auto number = std::to_string(seq);
  switch (classify_delivery(outcome_of(answer, false))) {
  case delivery::delivered:
    probe.notifications_delivered.fetch_add(1, std::memory_order_relaxed);
    emit(self, log_level::info, "notification.delivered", "the user was told of result " + number, answer,
         retry.attempts);
    return mark_notified(self, {seq});
  case delivery::dropped:
    probe.notifications_dropped.fetch_add(1, std::memory_order_relaxed);
    emit(self, log_level::error, "notification.dropped",
         "the platform refuses the notification of result " + number + " for good: " + failure_text(answer),
         answer, retry.attempts);
    return mark_notified(self, {seq});
  case delivery::again:
    probe.notifications_failed.fetch_add(1, std::memory_order_relaxed);
    emit(self, log_level::warning, "notification.failed",
         "the notification of result " + number + " is tried again: " + failure_text(answer), answer,
         retry.attempts);
    retry.next = next_attempt(self, retry.attempts, answer);
    state.notification_busy = false;
    return act(self);
  }
}

/// Sends what is due. @returns in how many seconds the next one is, 0: nothing waits for a time.
double notify_user_of_results(self_pointer self, const moment& now) {
  auto& state = state_of(self);
  if (state.notification_busy)
    return 0;
  const auto& settings = state.context->process->configuration.notifier;
  std::vector<std::int64_t> unwanted;
  double wake = 0;
  for (const auto& stored : state.box.unnotified) {
    if (settings.notify == notify_user::none ||
        (settings.notify == notify_user::failures && stored.result.status != "failed")) {
      unwanted.push_back(stored.seq);
      continue;
    }
    if (!unwanted.empty())
      continue;
    if (now.wall - stored.recorded_at > as_seconds(settings.max_age)) {
      state.context->probe.notifications_dropped.fetch_add(1, std::memory_order_relaxed);
      emit(self, log_level::error, "notification.dropped",
           "the notification of result " + std::to_string(stored.seq) + " could not be delivered in time", {},
           state.notification_retries[stored.seq].attempts);
      state.notification_busy = true;
      mark_notified(self, {stored.seq});
      return 0;
    }
    const auto retry = state.notification_retries.find(stored.seq);
    if (retry != state.notification_retries.end() && retry->second.next > now.steady) {
      const double left = retry->second.next - now.steady;
      wake = wake == 0 ? left : std::min(wake, left);
      continue;
    }
    state.notification_busy = true;
    post(self, "/notify", std::to_string(stored.seq),
         user_notification_body(user_notification_text(stored.result)), notification_timeout,
         [self, seq = stored.seq](platform_answer answer) { notified(self, seq, answer); });
    return 0;
  }
  if (!unwanted.empty()) {
    state.notification_busy = true;
    mark_notified(self, std::move(unwanted));
    return 0;
  }
  return wake;
}

// -- the self-message
// ----------------------------------------------------------------------------------------------

/// Ends the open message: delivered when `delivered_start` is not 0, else dropped.
void close_message(self_pointer self, double delivered_start) {
  auto& state = state_of(self);
  auto& context = *state.context;
  ask(
      self, context.process->store_actor,
      close_self_message{context.settings.id, state.box.open_message.message_id, delivered_start}, for_ever,
      [self, delivered_start](done) {
        auto& state = state_of(self);
        if (delivered_start > 0)
          state.box.last_delivered_start = delivered_start;
        state.box.has_open_message = false;
        state.box.open_message = {};
        state.message_retry = {};
        state.message_busy = false;
        act(self);
      },
      [](const std::string&) {});
}

void message_answered(self_pointer self, double started, const platform_answer& answer) {
  auto& state = state_of(self);
  auto& context = *state.context;
  auto& probe = context.probe;
  const auto attempts = ++state.message_retry.attempts;
  const auto told = std::to_string(state.box.open_message.seqs.size()) + " results";
  const auto outcome = outcome_of(answer, true);
  switch (classify_delivery(outcome)) {
  case delivery::delivered:
    probe.messages_delivered.fetch_add(1, std::memory_order_relaxed);
    context.process->probe.self_message_latency.add(
        std::chrono::nanoseconds{static_cast<std::int64_t>(answer.seconds * 1e9)});
    emit(self, log_level::info, "self-message.delivered", "the agent was woken with " + told, answer,
         attempts);
    return close_message(self, started);
  case delivery::dropped:
    probe.messages_dropped.fetch_add(1, std::memory_order_relaxed);
    emit(self, log_level::error, "self-message.dropped",
         "the platform refuses the self-message with " + told +
             " for good: " + (outcome.jsonrpc_error ? "a JSON-RPC error" : failure_text(answer)),
         answer, attempts);
    return close_message(self, 0);
  case delivery::again:
    probe.messages_failed.fetch_add(1, std::memory_order_relaxed);
    emit(self, log_level::warning, "self-message.failed",
         "the self-message with " + told + " is tried again: " + failure_text(answer), answer, attempts);
    state.message_retry.next = next_attempt(self, attempts, answer);
    state.message_busy = false;
    return act(self);
  }
}

void attempt_message(self_pointer self) {
  auto& state = state_of(self);
  const auto& message = state.box.open_message;
  post(self, "/a2a", message.message_id, self_message_body(message.message_id, message.text),
       state.context->process->configuration.notifier.timeout,
       [self, started = wall_clock_now()](platform_answer answer) {
         message_answered(self, started, answer);
       });
}

/// Makes one message of everything that waits, and records it before its first attempt.
void open_message(self_pointer self, const std::string& parent) {
  auto& state = state_of(self);
  auto& context = *state.context;
  self_message message;
  message.message_id = make_message_id();
  message.text = self_message_text(state.box.unwoken, parent, state.box.more_unwoken.size());
  for (const auto& stored : state.box.unwoken)
    message.seqs.push_back(stored.seq);
  message.seqs.insert(message.seqs.end(), state.box.more_unwoken.begin(), state.box.more_unwoken.end());
  message.created_at = wall_clock_now();
  ask(
      self, context.process->store_actor, open_self_message{context.settings.id, message}, for_ever,
      [self, message](done) {
        auto& state = state_of(self);
        state.box.recent_messages.push_back(message.created_at);
        // What was filed while the message was made waits for the next one.
        const auto told = [&message](std::int64_t seq) {
          return std::binary_search(message.seqs.begin(), message.seqs.end(), seq);
        };
        std::erase_if(state.box.unwoken, [&](const stored_result& stored) { return told(stored.seq); });
        std::erase_if(state.box.more_unwoken, told);
        state.box.has_open_message = true;
        state.box.open_message = message;
        attempt_message(self);
      },
      [](const std::string&) {});
}

void compose_message(self_pointer self) {
  ask(
      self, state_of(self).context->parent_name, get_parent_name{}, parent_patience,
      [self](parent_name parent) { open_message(self, parent.name); },
      [self](const std::string&) { open_message(self, {}); });
}

void tell_suspected_loop(self_pointer self, bool full) {
  auto& context = *state_of(self).context;
  if (context.probe.suspected_loop.exchange(full) || !full)
    return;
  context.process->events->emit(make_event(
      log_level::warning, "loop.suspected", context.settings.id,
      "the agent was woken " + std::to_string(context.process->configuration.notifier.max_per_hour) +
          " times within an hour: it may be delegating in a loop; further results wait"));
}

/// Sends what is due. @returns in how many seconds something is, 0: nothing waits for a time.
double wake_agent(self_pointer self, const moment& now) {
  auto& state = state_of(self);
  if (state.message_busy)
    return 0;
  const auto& settings = state.context->process->configuration.notifier;
  if (state.box.has_open_message) {
    const auto& message = state.box.open_message;
    if (now.wall - message.created_at > as_seconds(settings.max_age)) {
      state.context->probe.messages_dropped.fetch_add(1, std::memory_order_relaxed);
      emit(self, log_level::error, "self-message.dropped", "the self-message could not be delivered in time",
           {}, state.message_retry.attempts);
      state.message_busy = true;
      close_message(self, 0);
      return 0;
    }
    if (state.message_retry.next > now.steady)
      return state.message_retry.next - now.steady;
    state.message_busy = true;
    attempt_message(self);
    return 0;
  }
  if (state.box.unwoken.empty())
    return 0;
  const auto next =
      next_self_message(state.box, {as_seconds(settings.cooldown), settings.max_per_hour}, now.wall);
  tell_suspected_loop(self, next.hour_is_full);
  if (next.at > now.wall)
    return next.at - now.wall;
  state.message_busy = true;
  compose_message(self);
  return 0;
}

// -- both
// ----------------------------------------------------------------------------------------------------------

/// Does what is due and sets the timer for what is not.
void act(self_pointer self) {
  auto& state = state_of(self);
  if (!state.box_known)
    return;
  const moment now;
  const auto message = wake_agent(self, now);
  const auto notification = notify_user_of_results(self, now);
  const auto wake = message == 0        ? notification
                    : notification == 0 ? message
                                        : std::min(message, notification);
  self->cancel(std::exchange(state.timer, 0));
  if (wake == 0)
    return;
  const auto delay = std::clamp(wake, 0.001, longest_timer);
  state.timer = self->after(std::chrono::duration<double>(delay), [self] {
    state_of(self).timer = 0;
    act(self);
  });
}

void take_box(self_pointer self, outbox box) {
  auto& state = state_of(self);
  state.fetching = false;
  // An open message is this actor's own affair from the moment it is recorded until it is closed.
  if (state.message_busy && state.box_known) {
    box.has_open_message = state.box.has_open_message;
    box.open_message = state.box.open_message;
    box.last_delivered_start = state.box.last_delivered_start;
    box.recent_messages = state.box.recent_messages;
  }
  state.box = std::move(box);
  state.box_known = true;
  if (std::exchange(state.fetch_again, false))
    fetch(self);
  act(self);
}

void fetch(self_pointer self) {
  auto& state = state_of(self);
  if (std::exchange(state.fetching, true)) {
    state.fetch_again = true;
    return;
  }
  ask(
      self, state.context->process->store_actor, get_outbox{state.context->settings.id}, for_ever,
      [self](outbox box) { take_box(self, std::move(box)); }, [](const std::string&) {});
}

} // namespace

notifier_interface::behavior_type notifier(self_pointer self, workspace_context* context) {
  self->observe(context->held_probe_of(workspace_actor::notifier));
  auto& state = state_of(self);
  state.context = context;
  state.random.seed(std::random_device{}());
  fetch(self);
  return {
      [self](results_filed) {
        fetch(self);
        return done{};
      },
  };
}

} // namespace workspace_supervisor
