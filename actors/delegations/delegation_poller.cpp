#include "actors/delegations/delegation_poller.hpp"

#include "actors/delegation_list/list_reading.hpp"

#include <algorithm>

namespace workspace_supervisor {

namespace {

using self_pointer = actor_of<delegation_poller_interface, delegation_poller_state>*;
using clock = std::chrono::steady_clock;

/// A list up to so many bytes is read here; a longer one would hold up whoever else runs on the loop.
constexpr std::size_t longest_read_here = 65536;
constexpr std::chrono::seconds filing_retry_min{1};
constexpr std::chrono::seconds filing_retry_max{60};

void poll(self_pointer self);
void file_pending(self_pointer self);

/// Failures 1 to 3 and every tenth are warnings.
log_level level_of_failure(int in_a_row) {
  return in_a_row <= 3 || in_a_row % 10 == 0 ? log_level::warning : log_level::debug;
}

void arm(self_pointer self) {
  auto& context = *state_of(self).context;
  const auto now = clock::now();
  const auto due = state_of(self).memory->update([&](poll_memory& memory) {
    const auto& interval = context.process->configuration.delegation.interval;
    if (!memory.started) {
      memory.started = true;
      memory.next_due = now + std::chrono::duration_cast<clock::duration>(interval * context.first_at);
    }
    return memory.next_due;
  });
  self->after(std::max(due - now, clock::duration::zero()), [self] {
    auto& context = *state_of(self).context;
    const auto now = clock::now();
    state_of(self).memory->update([&](poll_memory& memory) {
      const clock::duration interval = context.process->configuration.delegation.interval;
      if (memory.next_due <= now)
        memory.next_due += ((now - memory.next_due) / interval + 1) * interval;
    });
    poll(self);
    arm(self);
  });
}

void finish(self_pointer self, const poll_outcome& outcome) {
  auto& state = state_of(self);
  auto& context = *state.context;
  state.polling = false;
  if (outcome.succeeded) {
    if (state.poll_failures > 0)
      context.process->events->emit(make_event(log_level::info, "poll.recovered", context.settings.id,
                                               "the platform answers polls again after " +
                                                   std::to_string(state.poll_failures) + " failures"));
    state.poll_failures = 0;
  } else {
    context.probe.poll_failures.fetch_add(1, std::memory_order_relaxed);
    const auto level = level_of_failure(++state.poll_failures);
    if (context.process->events->wants(level))
      context.process->events->emit(
          make_event(level, "poll.failed", context.settings.id,
                     "poll failed, " + std::to_string(state.poll_failures) + " in a row: " + outcome.error)
              .with("status", std::int64_t{outcome.status})
              .with("failures", std::int64_t{state.poll_failures})
              .with("error", outcome.error));
  }
  for (auto& promise : std::exchange(state.waiting, {}))
    promise.deliver(outcome);
}

void fail(self_pointer self, int status, std::string error) {
  poll_outcome outcome;
  outcome.status = status;
  outcome.error = std::move(error);
  finish(self, outcome);
}

/// The list has been read: what is told of once is not told of again, whatever becomes of the recording.
void remember_foreign(self_pointer self, const list_outcome& outcome) {
  if (outcome.unchanged || !outcome.error.empty())
    return;
  state_of(self).memory->update(
      [&outcome](poll_memory& memory) { memory.reported_foreign = outcome.reported_foreign; });
}

void take_outcome(self_pointer self, list_outcome outcome, int status) {
  if (!outcome.error.empty())
    return fail(self, status, std::move(outcome.error));
  if (!outcome.unchanged)
    state_of(self).memory->update([&outcome](poll_memory& memory) {
      memory.last_body = outcome.body;
      memory.handled = std::move(outcome.handled);
    });
  // Not only when there is news: a reader that crashed may have had it recorded before.
  if (outcome.recorded)
    file_pending(self);
  poll_outcome polled;
  polled.succeeded = true;
  polled.status = status;
  polled.news = outcome.news;
  finish(self, polled);
}

void take_answer(self_pointer self, platform_answer answer) {
  auto& context = *state_of(self).context;
  auto& process = *context.process;
  if (!answer.ok())
    return fail(self, answer.status,
                answer.error.empty() ? "status " + std::to_string(answer.status) : answer.error);
  process.probe.poll_latency.add(std::chrono::nanoseconds{static_cast<std::int64_t>(answer.seconds * 1e9)});
  auto memory = state_of(self).memory->get();
  delegation_list list;
  list.workspace = context.number;
  list.body = std::move(answer.body);
  list.answered_at = answer.date > 0 ? answer.date : wall_clock_now();
  list.last_body = memory.last_body;
  list.handled = std::move(memory.handled);
  list.reported_foreign = std::move(memory.reported_foreign);
  const auto status = answer.status;
  const auto read = [self](const list_outcome& outcome) {
    remember_foreign(self, outcome);
  };
  const auto take = [self, status](list_outcome outcome) {
    take_outcome(self, std::move(outcome), status);
  };
  if (list.body.get().size() <= longest_read_here)
    return read_and_record(self, list, context, read, take);
  ask(
      self, process.list_reader, std::move(list), for_ever,
      [read, take](list_outcome outcome) {
        read(outcome);
        take(std::move(outcome));
      },
      [self, status](const std::string& error) { fail(self, status, "the list reader: " + error); });
}

void poll(self_pointer self) {
  auto& state = state_of(self);
  if (std::exchange(state.polling, true))
    return;
  auto& context = *state.context;
  const auto& settings = context.process->configuration.delegation;
  context.probe.polls.fetch_add(1, std::memory_order_relaxed);
  platform_request request;
  request.workspace = context.number;
  request.method = "GET";
  request.target = "/workspaces/" + encode_path_segment(context.settings.id) + "/delegations";
  request.lane = static_cast<std::int32_t>(request_lane::poll);
  request.timeout_ms = settings.timeout.count();
  request.max_body = settings.max_response;
  request.expects_json = true;
  request.repeatable = true;
  ask(
      self, context.process->platform_client, std::move(request), std::chrono::seconds{1},
      [self](platform_answer answer) { take_answer(self, std::move(answer)); },
      [self](const std::string& error) { fail(self, 0, "platform client: " + error); });
}

// -- filing: recorded results become lines of the results file
// -----------------------------------------------------

/// What was ordered while the results file was being written. @returns whether this is the end.
bool end_if_ordered(self_pointer self) {
  auto& state = state_of(self);
  state.writing = false;
  if (state.ending)
    self->quit(caf::exit_reason::user_shutdown);
  return state.ending;
}

void end_filing(self_pointer self) {
  auto& state = state_of(self);
  state.filing = false;
  if (std::exchange(state.file_again, false))
    file_pending(self);
}

void tell_notifier(self_pointer self) {
  ask(
      self, state_of(self).context->notifier, results_filed{}, for_ever, [](done) {},
      [](const std::string&) {});
}

void filing_failed(self_pointer self, const std::string& error) {
  if (end_if_ordered(self))
    return;
  auto& state = state_of(self);
  if (std::exchange(state.filed_untold, false))
    tell_notifier(self); // of what was filed before
  auto& context = *state.context;
  context.probe.filing_failures.fetch_add(1, std::memory_order_relaxed);
  const auto level = level_of_failure(++state.filing_failures);
  context.process->events->emit(
      make_event(level, "results-file.failed", context.settings.id,
                 "results are held back, the results file cannot be written: " + error)
          .with("failures", std::int64_t{state.filing_failures})
          .with("error", error));
  auto delay = filing_retry_min;
  for (int doubled = 1; doubled < state.filing_failures && delay < filing_retry_max; ++doubled)
    delay *= 2;
  self->after(std::min(delay, filing_retry_max), [self] {
    state_of(self).file_again = true;
    end_filing(self);
  });
}

void mark_filed(self_pointer self, std::vector<std::int64_t> seqs) {
  auto& context = *state_of(self).context;
  const auto count = seqs.size();
  ask(
      self, context.process->store_actor, mark_results{context.settings.id, "filed", std::move(seqs)},
      for_ever,
      [self, count](done) {
        auto& state = state_of(self);
        state.filing_failures = 0;
        state.filed_untold = true;
        state.context->process->events->emit(
            make_event(log_level::info, "results.filed", state.context->settings.id,
                       std::to_string(count) + " results filed for the agent")
                .with("count", static_cast<std::int64_t>(count)));
        if (end_if_ordered(self))
          return;
        state.file_again = true; // there may be more: they come some at a time
        end_filing(self);
      },
      [self](const std::string& error) { filing_failed(self, "the store: " + error); });
}

void file_results(self_pointer self, stored_results unfiled) {
  if (unfiled.results.empty()) {
    // A predecessor may have crashed between the record that they are filed and telling so.
    const bool first = !std::exchange(state_of(self).told_of_earlier, true);
    if (std::exchange(state_of(self).filed_untold, false) || first)
      tell_notifier(self);
    return end_filing(self);
  }
  auto& context = *state_of(self).context;
  std::vector<std::int64_t> seqs;
  for (const auto& stored : unfiled.results)
    seqs.push_back(stored.seq);
  state_of(self).writing = true;
  ask(
      self, context.process->result_files,
      append_to_results_file{context.settings.results_file, std::move(unfiled.results)}, for_ever,
      [self, seqs = std::move(seqs)](file_outcome outcome) {
        if (outcome.error.empty())
          mark_filed(self, seqs);
        else
          filing_failed(self, outcome.error);
      },
      [self](const std::string& error) { filing_failed(self, error); });
}

void file_pending(self_pointer self) {
  auto& state = state_of(self);
  if (state.filing) {
    state.file_again = true;
    return;
  }
  state.filing = true;
  auto& context = *state.context;
  ask(
      self, context.process->store_actor, get_unfiled{context.settings.id}, for_ever,
      [self](stored_results unfiled) { file_results(self, std::move(unfiled)); },
      [self](const std::string& error) { filing_failed(self, "the store: " + error); });
}

} // namespace

delegation_poller_interface::behavior_type delegation_poller(self_pointer self, workspace_context* context,
                                                             kept<poll_memory>* memory) {
  self->observe(context->held_probe_of(workspace_actor::delegation_poller));
  state_of(self).context = context;
  state_of(self).memory = memory;
  // Lines that the agent has, but no record, would come again after a restart.
  self->set_exit_handler([self](caf::exit_msg& message) {
    if (state_of(self).writing && message.reason == caf::exit_reason::user_shutdown)
      state_of(self).ending = true;
    else
      self->quit(std::move(message.reason));
  });
  file_pending(self);
  arm(self);
  return {
      [self](poll_now) -> caf::result<poll_outcome> {
        auto& promise = state_of(self).waiting.emplace_back(self);
        auto answer = promise.result();
        poll(self);
        return answer;
      },
  };
}

} // namespace workspace_supervisor
