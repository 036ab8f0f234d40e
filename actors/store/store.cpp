#include "actors/store/store.hpp"

namespace workspace_supervisor {

namespace {

using self_pointer = actor_of<store_interface, store_actor_state>*;

/// What is filed at once, and what the notifier holds: he tells of more than 50 results only how many.
constexpr result_bounds filed_at_once{256, 262144};
constexpr result_bounds told_at_once{256, 1048576, 4096};
constexpr std::chrono::milliseconds save_pause_min{1000};
constexpr std::chrono::milliseconds save_pause_max{60000};

void save_again_later(self_pointer self);

/// A word of a workspace's actors may come later than that of its end: nothing is begun for it.
bool is_gone(const process_context& process, const std::string& workspace) {
  return !process.workspaces.find(workspace);
}

/// Tells of a change in how well the store keeps what it is given.
void watch_health(self_pointer self) {
  auto& state = state_of(self);
  auto& process = *state.context;
  for (auto& notice : state.kept->store->take_notices())
    process.events->emit(make_event(log_level::error, "store.notice", {}, notice));
  const auto health = state.kept->store->health();
  const bool in_order = health.trouble.empty();
  process.probe.store_durable.store(in_order, std::memory_order_relaxed);
  if (in_order != std::exchange(state.durable, in_order)) {
    if (in_order) {
      process.events->emit(
          make_event(log_level::info, "store.recovered", {}, "the durable state is saved again"));
      // What could not be read before may name workspaces.
      if (const auto workspaces = process.workspaces_actor.get())
        self->send(workspaces, look_for_added{});
    } else
      process.events->emit(make_event(log_level::error, "store.degraded", {},
                                      "results are kept in memory alone: " + health.trouble)
                               .with("unsaved", health.unsaved));
  }
  process.store_status.set({in_order, health.trouble, health.unsaved, health.commits, health.failures});
  if (!in_order)
    save_again_later(self);
  else
    state.pause = save_pause_min;
}

void save_again_later(self_pointer self) {
  auto& state = state_of(self);
  if (std::exchange(state.saving_again, true))
    return;
  self->after(state.pause, [self] {
    auto& state = state_of(self);
    state.saving_again = false;
    state.pause = std::min(2 * state.pause, save_pause_max);
    state.kept->store->save_waiting();
    watch_health(self);
  });
}

} // namespace

store_interface::behavior_type store_actor(self_pointer self, process_context* context, kept_store* kept) {
  self->observe(context->held_probe_of(shared_actor::store));
  name_this_thread(name_of(shared_actor::store));
  state_of(self).context = context;
  state_of(self).kept = kept;
  if (!kept->store)
    kept->store = kept->open();
  auto& store = *kept->store;
  watch_health(self);
  return {
      [self, context, &store](const poll_record& poll) {
        if (is_gone(*context, poll.workspace))
          return stored_results{};
        stored_results news{store.record(poll, wall_clock_now())};
        watch_health(self);
        return news;
      },
      [&store](const get_unfiled& request) {
        return stored_results{store.unfiled(request.workspace, filed_at_once)};
      },
      [&store](const get_outbox& request) {
        return store.pending(request.workspace, wall_clock_now(), told_at_once);
      },
      [&store](const get_results& request) {
        return stored_results{
            store.results(request.workspace, request.after,
                          static_cast<std::size_t>(std::max<std::int64_t>(0, request.limit)))};
      },
      [self, &store](const mark_results& request) {
        if (request.step == "filed")
          store.mark_filed(request.workspace, request.seqs);
        else
          store.mark_notified(request.workspace, request.seqs);
        watch_health(self);
        return done{};
      },
      [self, context, &store](const open_self_message& request) {
        if (is_gone(*context, request.workspace))
          return done{};
        // Asked again after a crash between effect and answer, the message may be there already.
        const auto box = store.pending(request.workspace, wall_clock_now(), told_at_once);
        if (!box.has_open_message || box.open_message.message_id != request.message.message_id)
          store.open_message(request.workspace, request.message);
        watch_health(self);
        return done{};
      },
      [self, &store](const close_self_message& request) {
        store.close_message(request.workspace, request.message_id, request.delivered_start);
        watch_health(self);
        return done{};
      },
      [context, &store](get_all_outbox_counts) {
        all_outbox_counts all;
        for (const auto& workspace : context->workspaces.all()) {
          const auto counts = store.counts(workspace->settings.id);
          if (counts.unfiled > 0 || counts.unwoken > 0 || counts.unnotified > 0)
            all.workspaces.push_back({workspace->number, counts});
        }
        return all;
      },
      [&store](get_added_workspaces) { return store.added(); },
      [self, &store](const keep_added& request) {
        file_outcome outcome{store.keep_added(request.workspace)};
        watch_health(self);
        return outcome;
      },
      [self, &store](const mark_leaving& request) {
        file_outcome outcome{store.mark_leaving(request.id)};
        watch_health(self);
        return outcome;
      },
      [self, &store](const forget_added& request) {
        store.forget_added(request.id);
        watch_health(self);
        return done{};
      },
      [self, &store](const forget_workspace& request) {
        store.forget_workspace(request.id);
        watch_health(self);
        return done{};
      },
  };
}

} // namespace workspace_supervisor
