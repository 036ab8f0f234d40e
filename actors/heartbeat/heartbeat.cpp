#include "actors/heartbeat/heartbeat.hpp"

#include "actors/heartbeat/beat_body.hpp"

#include <algorithm>
#include <optional>

namespace workspace_supervisor {

namespace {

using self_pointer = actor_of<heartbeat_interface, heartbeat_actor_state>*;
using clock = std::chrono::steady_clock;

/// How long a beat waits for the activity actor before it goes out with what is kept: a beat waits for
/// nobody.
constexpr std::chrono::milliseconds activity_patience{200};

void begin(self_pointer self);

/// (Re)sets the one timer to when the schedule says.
void arm(self_pointer self) {
  auto& state = state_of(self);
  if (state.under_way)
    return; // its end arms
  const auto due = state.schedule->get().due();
  if (state.timer != 0 && state.timer_due == due)
    return;
  self->cancel(std::exchange(state.timer, 0));
  if (due == beat_schedule::time::max())
    return; // the first one is held
  state.timer_due = due;
  const auto delay = std::max(due - clock::now(), clock::duration::zero());
  state.timer = self->after(delay, [self] {
    auto& state = state_of(self);
    state.timer = 0;
    if (!state.under_way)
      begin(self);
  });
}

void emit(self_pointer self, log_level level, const char* name, std::string text,
          const platform_answer& answer) {
  auto& context = *state_of(self).context;
  if (!context.process->events->wants(level))
    return;
  auto happened = make_event(level, name, context.settings.id, std::move(text))
                      .with("status", std::int64_t{answer.status})
                      .with("latency_ms", static_cast<std::int64_t>(answer.seconds * 1000))
                      .with("failures", std::int64_t{state_of(self).schedule->get().failures()});
  if (!answer.error.empty())
    happened.with("error", answer.error);
  context.process->events->emit(std::move(happened));
}

void count_delivered(self_pointer self, const platform_answer& answer, int failures_before) {
  auto& context = *state_of(self).context;
  auto& probe = context.probe;
  const auto latency = std::chrono::nanoseconds{static_cast<std::int64_t>(answer.seconds * 1e9)};
  probe.beats_consecutive_failures.store(0, std::memory_order_relaxed);
  probe.last_delivered.store(wall_clock_now(), std::memory_order_relaxed);
  probe.last_latency.store(answer.seconds, std::memory_order_relaxed);
  probe.beat_latency.add(latency);
  context.process->probe.beat_latency.add(latency);
  probe.status.store(workspace_status::online, std::memory_order_relaxed);
  if (failures_before > 0)
    emit(self, log_level::info, "beat.recovered",
         "the platform takes beats again after " + std::to_string(failures_before) + " failures", answer);
  emit(self, log_level::debug, "beat.delivered", "beat delivered", answer);
}

void count_failed(self_pointer self, const platform_answer& answer, int failures) {
  auto& context = *state_of(self).context;
  auto& probe = context.probe;
  probe.beats_failed.fetch_add(1, std::memory_order_relaxed);
  probe.beats_consecutive_failures.store(static_cast<std::uint32_t>(failures), std::memory_order_relaxed);
  probe.status.store(answer.status == 401 ? workspace_status::unauthorized : workspace_status::unreachable,
                     std::memory_order_relaxed);
  const bool loud = failures <= 3 || failures % 10 == 0;
  emit(self, loud ? log_level::warning : log_level::debug, "beat.failed",
       "beat failed, " + std::to_string(failures) +
           " in a row: " + (answer.error.empty() ? "status " + std::to_string(answer.status) : answer.error),
       answer);
  if (failures % context.process->configuration.heartbeat.reconnect_after == 0)
    if (const auto client = context.process->platform_client.get())
      self->send(client, reconnect{context.number});
}

/// Beats were refused, and there is another token: what was refused may be taken now.
void try_other_token(self_pointer self) {
  auto& state = state_of(self);
  state.has_other_token = false;
  state.schedule->update([](beat_schedule& schedule) { schedule.prompted(clock::now()); });
}

/// The beat is over, however it went.
void finish(self_pointer self, const platform_answer& answer) {
  auto& state = state_of(self);
  const auto now = clock::now();
  const bool delivered = answer.ok();
  if (delivered) {
    const auto failures =
        state.schedule->update([now](beat_schedule& schedule) { return schedule.delivered(now); });
    count_delivered(self, answer, failures);
  } else {
    std::optional<beat_schedule::duration> retry_after;
    if (answer.retry_after_ms >= 0)
      retry_after = std::chrono::milliseconds{answer.retry_after_ms};
    const double random = std::uniform_real_distribution<double>{0, 1}(state.random);
    const auto failures = state.schedule->update(
        [&](beat_schedule& schedule) { return schedule.failed(now, random, retry_after); });
    count_failed(self, answer, failures);
  }
  constexpr int unauthorized = 401;
  state.refused = !delivered && answer.status == unauthorized;
  if (state.refused && state.has_other_token)
    try_other_token(self);
  state.under_way = false;
  for (auto& promise : std::exchange(state.waiting, {}))
    promise.deliver(beat_outcome{delivered, answer.status,
                                 delivered              ? std::string{}
                                 : answer.error.empty() ? "status " + std::to_string(answer.status)
                                                        : answer.error,
                                 answer.seconds});
  arm(self);
}

/// The agent's, since it was launched or attached; without one ours. Seconds.
std::int64_t uptime(const workspace_context& context) {
  const auto since = context.agent_since.load(std::memory_order_relaxed);
  if (since == agent_is_gone)
    return 0;
  const auto started =
      since > 0 ? clock::time_point{std::chrono::nanoseconds{since}} : context.process->started;
  return std::chrono::duration_cast<std::chrono::seconds>(clock::now() - started).count();
}

/// Has what was delivered taken from the window. Until then the next beat asks: what was told before has it
/// still.
void take_back(self_pointer self, const report_delivered& reported) {
  ++state_of(self).taking_back;
  ask(
      self, state_of(self).context->activity, reported, for_ever,
      // What is left has been told before the answer.
      [self](done) { --state_of(self).taking_back; }, [](const std::string&) {});
}

/// Sends what `report` says. `live`: it came from the activity actor, so that a delivery is told to it.
void send(self_pointer self, const activity_report& report, bool live) {
  auto& context = *state_of(self).context;
  platform_request request;
  request.workspace = context.number;
  request.method = "POST";
  request.target = "/registry/heartbeat";
  request.body = beat_body(context.settings.id, report, uptime(context));
  request.lane = static_cast<std::int32_t>(request_lane::beat);
  request.timeout_ms = context.process->configuration.heartbeat.timeout.count();
  request.repeatable = true;
  // A wedged runtime's reason stands in the place of the window's error, which then waits.
  const bool told_error = !report.trouble() && !report.sample_error.empty();
  const report_delivered reported{report.requests, report.errors, told_error ? report.sample_number : 0};
  // Should the client be down, this beat has failed and is made again by the schedule.
  ask(
      self, context.process->platform_client, std::move(request), std::chrono::seconds{1},
      [self, reported, live](platform_answer answer) {
        // In a beat that reported nothing there is nothing to take back.
        if (answer.ok() && live &&
            (reported.requests > 0 || reported.errors > 0 || reported.sample_number > 0))
          take_back(self, reported);
        finish(self, answer);
      },
      [self](const std::string& error) {
        platform_answer answer;
        answer.error = "platform client: " + error;
        finish(self, answer);
      });
}

void keep(self_pointer self, const activity_report& report) {
  auto& state = state_of(self);
  state.told = true;
  state.report = report == activity_report{} ? nullptr : std::make_unique<const activity_report>(report);
}

void begin(self_pointer self) {
  auto& state = state_of(self);
  auto& context = *state.context;
  state.under_way = true;
  state.has_other_token = false;
  context.probe.beats_sent.fetch_add(1, std::memory_order_relaxed);
  state.schedule->update([](beat_schedule& schedule) { schedule.begun(clock::now()); });
  if (state.told && state.taking_back == 0)
    return send(self, state.report ? *state.report : activity_report{}, true);
  ask(
      self, context.activity, get_activity{}, activity_patience,
      [self](activity_report report) {
        keep(self, report);
        send(self, report, true);
      },
      [self](const std::string&) { send(self, state_of(self).context->last_activity.get(), false); });
}

} // namespace

heartbeat_interface::behavior_type heartbeat_actor(self_pointer self, workspace_context* context,
                                                   kept<beat_schedule>* kept_schedule) {
  self->observe(context->held_probe_of(workspace_actor::heartbeat));
  auto& state = state_of(self);
  state.context = context;
  state.schedule = kept_schedule;
  state.random.seed(static_cast<unsigned>(context->process->hash_seed + context->number * 7919U));
  const auto& heartbeat = context->process->configuration.heartbeat;
  kept_schedule->update([&](beat_schedule& schedule) {
    if (schedule.started())
      return schedule.resumed(); // a predecessor's: its phase stays
    const auto origin =
        clock::now() + std::chrono::duration_cast<clock::duration>(heartbeat.interval * context->first_at);
    schedule = beat_schedule{{heartbeat.interval, heartbeat.retry_min, heartbeat.liveness_ttl}, origin};
    if (context->process->configuration.agent.expected)
      schedule.hold();
  });
  arm(self);
  return {
      [self, kept_schedule](activity_changed) {
        kept_schedule->update([](beat_schedule& schedule) { schedule.changed(clock::now()); });
        arm(self);
        return done{};
      },
      [self](beat_now) -> caf::result<beat_outcome> {
        auto& state = state_of(self);
        auto& promise = state.waiting.emplace_back(self);
        auto answer = promise.result();
        if (!state.under_way)
          begin(self);
        return answer;
      },
      [self](const activity_report& report) { keep(self, report); },
      [self](token_changed) {
        auto& state = state_of(self);
        if (state.under_way) {
          state.has_other_token = true;
        } else if (state.refused) {
          try_other_token(self);
          arm(self);
        }
      },
      [self, kept_schedule](let_first_beat_go) {
        kept_schedule->update([](beat_schedule& schedule) { schedule.let_go(clock::now()); });
        arm(self);
        return done{};
      },
  };
}

} // namespace workspace_supervisor
