#include "actors/delegations/delegation_poller.hpp"

#include "actors/delegations/delegation_rows.hpp"
#include "actors/delegations/results_file.hpp"

#include <algorithm>
#include <string_view>

namespace workspace_supervisor {

namespace {

using self_pointer = actor_of<delegation_poller_interface, delegation_poller_state>*;
using clock = std::chrono::steady_clock;

/// How many foreign delegation ids are remembered so that each is logged once.
constexpr std::size_t foreign_remembered = 1024;
constexpr std::chrono::seconds filing_retry_min{1};
constexpr std::chrono::seconds filing_retry_max{60};

void poll(self_pointer self);
void file_pending(self_pointer self);

/// FNV-1a with a seed that nobody outside knows: 0 is kept for "none".
std::uint64_t hash(std::string_view text, std::uint64_t seed) {
  std::uint64_t value = 14695981039346656037ULL ^ seed;
  for (const char character : text)
    value = (value ^ static_cast<unsigned char>(character)) * 1099511628211ULL;
  value ^= value >> 32;
  return value == 0 ? 1 : value;
}

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
      memory.next_due = now;
      const auto all = context.process->workspaces.size();
      if (all > 50)
        memory.next_due += interval * context.index / all;
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

void report_foreign(self_pointer self, const std::vector<std::string>& foreign) {
  auto& context = *state_of(self).context;
  for (const auto& id : foreign) {
    const bool first = state_of(self).memory->update([&id](poll_memory& memory) {
      auto& reported = memory.reported_foreign;
      if (std::find(reported.begin(), reported.end(), id) != reported.end())
        return false;
      if (reported.size() >= foreign_remembered)
        reported.erase(reported.begin());
      reported.push_back(id);
      return true;
    });
    if (!first)
      continue;
    context.probe.foreign_rows.fetch_add(1, std::memory_order_relaxed);
    context.process->events->emit(
        make_event(log_level::warning, "delegation.foreign", context.settings.id,
                   "a result that claims another workspace as its source was ignored: a possible injection")
            .with("delegation_id", id.substr(0, 64)));
  }
}

/// What the store found to be new.
void take_news(self_pointer self, const stored_results& news, int status) {
  auto& context = *state_of(self).context;
  for (const auto& stored : news.results) {
    auto& counted = stored.result.status == "failed" ? context.probe.new_failed : context.probe.new_completed;
    counted.fetch_add(1, std::memory_order_relaxed);
    context.process->events->emit(
        make_event(log_level::info, "delegation.new", context.settings.id,
                   "delegation " + stored.result.delegation_id.substr(0, 8) + " " + stored.result.status)
            .with("seq", stored.seq)
            .with("delegation_id", stored.result.delegation_id.substr(0, 64))
            .with("status", stored.result.status));
  }
  if (!news.results.empty())
    file_pending(self);
  poll_outcome outcome;
  outcome.succeeded = true;
  outcome.status = status;
  outcome.news = static_cast<std::int64_t>(news.results.size());
  finish(self, outcome);
}

void take_answer(self_pointer self, const platform_answer& answer) {
  auto& context = *state_of(self).context;
  auto& process = *context.process;
  if (!answer.ok())
    return fail(self, answer.status,
                answer.error.empty() ? "status " + std::to_string(answer.status) : answer.error);
  process.probe.poll_latency.add(std::chrono::nanoseconds{static_cast<std::int64_t>(answer.seconds * 1e9)});
  const auto body = hash(answer.body, process.hash_seed);
  const auto memory = state_of(self).memory->get();
  if (body == memory.last_body)
    return take_news(self, {}, answer.status);
  delegation_rows rows;
  std::string error;
  if (!parse_delegation_rows(answer.body, context.settings.id, rows, error))
    return fail(self, answer.status, error);
  context.probe.malformed_rows.fetch_add(static_cast<std::uint32_t>(rows.malformed),
                                         std::memory_order_relaxed);
  report_foreign(self, rows.foreign);

  poll_record record;
  std::vector<std::uint64_t> listed;
  for (auto& result : rows.finished) {
    auto key = result_key(result.delegation_id, result.status);
    const auto hashed = hash(key, process.hash_seed);
    listed.push_back(hashed);
    record.listed.push_back(std::move(key));
    if (!std::binary_search(memory.handled.begin(), memory.handled.end(), hashed))
      record.results.push_back(std::move(result));
  }
  std::sort(listed.begin(), listed.end());
  const auto remember = [self, body, listed = std::move(listed)] {
    state_of(self).memory->update([&](poll_memory& memory) {
      memory.last_body = body;
      memory.handled = listed;
    });
  };
  // The first answer is recorded even when it is empty: from then on nothing is history.
  if (record.results.empty() && memory.last_body != 0) {
    remember();
    return take_news(self, {}, answer.status);
  }
  record.workspace = context.settings.id;
  record.answered_at = answer.date > 0 ? answer.date : wall_clock_now();
  record.backlog = std::chrono::duration<double>(process.configuration.delegation.backlog).count();
  ask(
      self, process.store_actor, std::move(record), for_ever,
      [self, remember, status = answer.status](stored_results news) {
        remember();
        take_news(self, news, status);
      },
      [self, status = answer.status](const std::string& error) {
        fail(self, status, "the store: " + error);
      });
}

void poll(self_pointer self) {
  auto& state = state_of(self);
  if (std::exchange(state.polling, true))
    return;
  auto& context = *state.context;
  const auto& settings = context.process->configuration.delegation;
  context.probe.polls.fetch_add(1, std::memory_order_relaxed);
  platform_request request;
  request.workspace = context.index;
  request.method = "GET";
  request.target = "/workspaces/" + encode_path_segment(context.settings.id) + "/delegations";
  request.lane = static_cast<std::int32_t>(request_lane::poll);
  request.timeout_ms = settings.timeout.count();
  request.max_body = settings.max_response;
  request.expects_json = true;
  request.repeatable = true;
  ask(
      self, context.process->platform_client, std::move(request), std::chrono::seconds{1},
      [self](platform_answer answer) { take_answer(self, answer); },
      [self](const std::string& error) { fail(self, 0, "platform client: " + error); });
}

// -- filing: recorded results become lines of the results file
// -----------------------------------------------------

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
  auto& state = state_of(self);
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
        state.context->process->events->emit(
            make_event(log_level::info, "results.filed", state.context->settings.id,
                       std::to_string(count) + " results filed for the agent")
                .with("count", static_cast<std::int64_t>(count)));
        tell_notifier(self);
        end_filing(self);
      },
      [self](const std::string& error) { filing_failed(self, "the store: " + error); });
}

void file_results(self_pointer self, const stored_results& unfiled) {
  if (unfiled.results.empty()) {
    // A predecessor may have crashed between the record that they are filed and telling so.
    if (!std::exchange(state_of(self).told_of_earlier, true))
      tell_notifier(self);
    return end_filing(self);
  }
  auto& context = *state_of(self).context;
  std::string lines;
  std::vector<std::int64_t> seqs;
  for (const auto& stored : unfiled.results) {
    lines += results_file_line(stored.result, stored.recorded_at);
    seqs.push_back(stored.seq);
  }
  ask(
      self, context.process->result_files,
      append_to_results_file{context.settings.results_file, std::move(lines)}, for_ever,
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
      [self](stored_results unfiled) { file_results(self, unfiled); },
      [self](const std::string& error) { filing_failed(self, "the store: " + error); });
}

} // namespace

delegation_poller_interface::behavior_type delegation_poller(self_pointer self, workspace_context* context,
                                                             kept<poll_memory>* memory) {
  self->observe(&context->probe_of(workspace_actor::delegation_poller));
  state_of(self).context = context;
  state_of(self).memory = memory;
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
