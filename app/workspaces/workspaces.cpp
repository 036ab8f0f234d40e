#include "app/workspaces/workspaces.hpp"

#include "app/configuration/configuration_keys.hpp"
#include "app/workspaces/hosting.hpp"

#include <algorithm>
#include <utility>

namespace workspace_supervisor {

namespace {

using namespace hosting;
using self_pointer = workspaces_self;

workspace_settings to_settings(const added_workspace& workspace) {
  return {workspace.id, workspace.platform_url, workspace.configs_dir, workspace.results_file,
          workspace.socket};
}

// -- over the control API
// ---------------------------------------------------------------------------------------

/// What one is answered who waits, and then the next is served.
using answer = std::function<void(workspace_change)>;

answer answer_to(std::shared_ptr<promised<workspace_change>> promise, then next) {
  return [promise = std::move(promise), next = std::move(next)](workspace_change change) {
    promise->deliver(std::move(change));
    next();
  };
}

std::function<void(const std::string&)> tell_silence_of_store(const answer& tell_outcome) {
  return [tell_outcome](const std::string& error) {
    tell_outcome({503, "the actor store gives no answer: " + error, {}});
  };
}

/// How it is with the workspace of this id already; status 0: there is none.
workspace_change as_it_is(const workspace_context& existing, const added_workspace& wanted) {
  if (existing.origin.load() != workspace_origin::control_api)
    return {409, "the configuration names a workspace of this id: change it there, and reload", {}};
  if (existing.settings == to_settings(wanted))
    return {200, {}, wanted};
  return {409, "a workspace of this id is there already, with other settings: remove it first", {}};
}

void put(self_pointer self, added_workspace wanted, const answer& tell_outcome) {
  auto& state = state_of(self);
  const auto& configuration = state.context->configuration;
  if (auto problem = complete(wanted, configuration); !problem.empty())
    return tell_outcome({400, std::move(problem), {}});
  if (const auto existing = state.context->workspaces.find(wanted.id))
    return tell_outcome(as_it_is(*existing, wanted));
  if (!configuration.agent.command.empty())
    return tell_outcome({409, "agent.command is set, which needs exactly one workspace", {}});
  auto settings = to_settings(wanted);
  if (auto problem = places_of(self).taken(settings); !problem.empty())
    return tell_outcome({409, std::move(problem), {}});
  if (!wanted.socket.empty())
    if (auto problem = state.hosting->serve_socket(settings); !problem.empty())
      return tell_outcome({409, "socket: " + problem, {}});
  ask(
      self, state.context->store_actor, keep_added{wanted}, for_ever,
      [self, wanted, settings, tell_outcome](file_outcome kept) {
        if (!kept.error.empty()) {
          state_of(self).hosting->close_socket(wanted.id);
          return tell_outcome(
              {503, "the workspace cannot be kept over restarts, so it was not added: " + kept.error, {}});
        }
        take_in(self, settings, workspace_origin::control_api, 0, [tell_outcome, wanted] {
          tell_outcome({201, {}, wanted});
        });
      },
      tell_silence_of_store(tell_outcome));
}

/// @param workspace empty where the store alone knows it.
void let_leave(self_pointer self, const std::string& id, const workspace_table::pointer& workspace,
               const answer& tell_outcome) {
  const auto forget = [self, id, tell_outcome] {
    forget_in_store(self, id, [tell_outcome] { tell_outcome({204, {}, {}}); });
  };
  ask(
      self, state_of(self).context->store_actor, mark_leaving{id}, for_ever,
      [self, workspace, forget, tell_outcome](file_outcome marked) {
        if (!marked.error.empty())
          tell_outcome({503, "it would be back after a restart, so it was not removed: " + marked.error, {}});
        else if (workspace)
          let_go(self, workspace, forget);
        else
          forget();
      },
      tell_silence_of_store(tell_outcome));
}

/// One that does not run may have been added all the same: it was refused at the start, or the store could
/// not be read until now.
void remove_from_store(self_pointer self, const std::string& id, const answer& tell_outcome) {
  if (!state_of(self).context->probe.store_durable.load())
    return tell_outcome(
        {503, "storage is in trouble: it may have been added, and be back when that can be read", {}});
  ask(
      self, state_of(self).context->store_actor, get_added_workspaces{}, for_ever,
      [self, id, tell_outcome](const added_workspaces& known) {
        const bool was_added = std::any_of(known.workspaces.begin(), known.workspaces.end(),
                                           [&](const added_workspace& added) { return added.id == id; });
        if (was_added)
          let_leave(self, id, {}, tell_outcome);
        else
          tell_outcome({404, "there is no such workspace", {}});
      },
      tell_silence_of_store(tell_outcome));
}

void remove(self_pointer self, const std::string& id, const answer& tell_outcome) {
  const auto workspace = state_of(self).context->workspaces.find(id);
  if (!workspace)
    remove_from_store(self, id, tell_outcome);
  else if (workspace->origin.load() != workspace_origin::control_api)
    tell_outcome({409, "the configuration names this workspace: remove it there, and reload", {}});
  else
    let_leave(self, id, workspace, tell_outcome);
}

// -- those that an earlier process was given, and what a predecessor has left unfinished
// ---------------------------

/// Why it cannot run beside those that are there; "": it can.
std::string refusal(self_pointer self, const workspace_settings& wanted) {
  if (!state_of(self).context->configuration.agent.command.empty())
    return "agent.command is set, which needs exactly one workspace";
  return places_of(self).taken(wanted);
}

void take_in_again(self_pointer self, const added_workspace& added, double first_at, const then& next) {
  auto& state = state_of(self);
  if (const auto existing = state.context->workspaces.find(added.id)) {
    if (existing->origin.load() == workspace_origin::control_api)
      return next();
    tell(self, log_level::warning, "workspace.adopted", added.id,
         "the configuration names this workspace, which was added over the control API: it is the "
         "configuration's "
         "from now on");
    return forget_addition(self, added.id, next);
  }
  auto settings = to_settings(added);
  if (const auto problem = refusal(self, settings); !problem.empty()) {
    tell(self, log_level::error, "workspace.refused", added.id,
         "a workspace that was added over the control API cannot run: " + problem);
    return next();
  }
  if (!settings.socket.empty())
    if (const auto problem = state.hosting->serve_socket(settings); !problem.empty())
      tell(self, log_level::error, "control.unavailable", added.id, problem);
  take_in(self, std::move(settings), workspace_origin::control_api, first_at, next);
}

void look_at_store(self_pointer self, const then& next) {
  ask(
      self, state_of(self).context->store_actor, get_added_workspaces{}, for_ever,
      [self, next](added_workspaces known) {
        std::vector<step> steps;
        for (const auto& id : known.leaving)
          steps.emplace_back([self, id](const then& next) {
            const auto workspace = state_of(self).context->workspaces.find(id);
            if (!workspace || workspace->origin.load() != workspace_origin::control_api)
              return forget_in_store(self, id, next);
            let_go(self, workspace, [self, id, next] { forget_in_store(self, id, next); });
          });
        const auto all = state_of(self).context->workspaces.size() + known.workspaces.size();
        for (std::size_t index = 0; index < known.workspaces.size(); ++index) {
          const double first_at = all <= begun_at_once ? 0
                                                       : static_cast<double>(index) /
                                                             static_cast<double>(known.workspaces.size());
          steps.emplace_back([self, added = std::move(known.workspaces[index]), first_at](const then& next) {
            take_in_again(self, added, first_at, next);
          });
        }
        queue_first(self, std::move(steps));
        next();
      },
      [next](const std::string&) { next(); });
}

// -- by the configuration, read anew
// ----------------------------------------------------------------------------

void tell_reload(self_pointer self, const reload_outcome& outcome) {
  for (const auto& error : outcome.errors)
    tell(self, log_level::error, "configuration.invalid", {}, error);
  if (!outcome.errors.empty())
    return tell(self, log_level::error, "configuration.refused", {},
                "the configuration has errors: nothing was changed");
  for (const auto& key : outcome.waiting)
    tell(self, log_level::warning, "configuration.waits", {}, key + " is changed, and waits for a restart");
  tell(self, log_level::info, "configuration.reloaded", {},
       outcome.taken_up.empty()
           ? "the configuration was read: nothing to take up"
           : "the configuration was read: " + std::to_string(outcome.taken_up.size()) + " changes taken up");
}

std::vector<running_workspace> running_workspaces(const process_context& context) {
  std::vector<running_workspace> running;
  for (const auto& workspace : context.workspaces.all())
    running.push_back({workspace->settings, workspace->origin.load()});
  return running;
}

std::vector<step> steps_of(self_pointer self, reload_plan plan) {
  std::vector<step> steps;
  for (const auto& id : plan.leaving)
    steps.emplace_back([self, id](const then& next) {
      if (const auto workspace = state_of(self).context->workspaces.find(id))
        let_go(self, workspace, next);
      else
        next();
    });
  for (const auto& id : plan.adopted)
    steps.emplace_back([self, id](const then& next) {
      if (const auto workspace = state_of(self).context->workspaces.find(id))
        workspace->origin.store(workspace_origin::configuration);
      forget_addition(self, id, next);
    });
  const auto count = plan.coming.size();
  const auto all = state_of(self).context->workspaces.size() + count;
  for (std::size_t index = 0; index < count; ++index) {
    const double first_at =
        all <= begun_at_once ? 0 : static_cast<double>(index) / static_cast<double>(count);
    steps.emplace_back([self, wanted = std::move(plan.coming[index]), first_at](const then& next) {
      if (!wanted.socket.empty())
        if (const auto problem = state_of(self).hosting->serve_socket(wanted); !problem.empty())
          tell(self, log_level::error, "control.unavailable", wanted.id, problem);
      take_in(self, wanted, workspace_origin::configuration, first_at, next);
    });
  }
  return steps;
}

/// Begins a reload; `tell_outcome` is called when it is done.
void reload(self_pointer self, const std::function<void(reload_outcome)>& tell_outcome, const then& next) {
  auto& state = state_of(self);
  reload_outcome outcome;
  if (!state.hosting->load) {
    outcome.errors.emplace_back("this process has no configuration that could be read again");
    tell_reload(self, outcome);
    tell_outcome(std::move(outcome));
    return next();
  }
  const auto loaded = state.hosting->load();
  auto plan = plan_reload(running_workspaces(*state.context), state.configuration->running.get(), loaded);
  outcome.errors = std::move(plan.errors);
  outcome.taken_up = std::move(plan.taken_up);
  outcome.waiting = std::move(plan.waiting);
  if (outcome.errors.empty())
    for (const auto& warning : loaded.warnings)
      tell(self, log_level::warning, "configuration.warning", {}, warning);
  if (plan.level) {
    state.hosting->set_log_level(*plan.level);
    state.configuration->running.update([&loaded](configuration_keys_and_values& running) {
      running["log.level"] = keys_and_values(loaded)["log.level"];
    });
  }
  auto steps = steps_of(self, std::move(plan));
  steps.emplace_back([self, outcome, tell_outcome](const then& next) {
    tell_reload(self, outcome);
    tell_outcome(outcome);
    next();
  });
  queue_first(self, std::move(steps));
  next();
}

/// As often as a signal has asked; what a crash has left undone is done by the successor.
void reload_as_wanted(self_pointer self) {
  queue(self, [self](const then& next) {
    auto& state = state_of(self);
    const auto wanted = state.context->reloads_wanted.load();
    if (state.configuration->reloads_done.load() == wanted)
      return next();
    reload(
        self,
        [self, wanted](const reload_outcome&) { state_of(self).configuration->reloads_done.store(wanted); },
        next);
  });
}

} // namespace

std::string complete(added_workspace& wanted, const settings& configuration) {
  if (const auto problem = check_workspace_id(wanted.id); !problem.empty())
    return "the id: expected " + configuration_expectation(configuration_key_named("workspace.id")) +
           ", found " + quote_for_message(wanted.id) + ": " + problem;
  if (wanted.results_file.empty() && !wanted.configs_dir.empty())
    wanted.results_file = join_path(wanted.configs_dir, "delegation_results.jsonl");
  if (wanted.platform_url.empty())
    wanted.platform_url = configuration.platform_url;
  if (wanted.platform_url.empty())
    return "platform_url: required, for workspace.platform-url is not configured";
  const auto check = [](const char* member, const char* key, const std::string& text) {
    const auto problem = check_configuration_value(configuration_key_named(key), configuration_value{text});
    return problem.empty() ? problem : std::string{member} + ": " + problem;
  };
  for (auto problem : {check("configs_dir", "workspaces.ID.configs-dir", wanted.configs_dir),
                       check("results_file", "workspaces.ID.results-file", wanted.results_file),
                       check("platform_url", "workspaces.ID.platform-url", wanted.platform_url),
                       check("socket", "workspaces.ID.socket", wanted.socket)})
    if (!problem.empty())
      return problem;
  for (const auto& [member, path] : {std::pair{"configs_dir", &wanted.configs_dir},
                                     {"results_file", &wanted.results_file},
                                     {"socket", &wanted.socket}})
    if (!path->empty() && !path->starts_with('/')) // the next process may be started in another folder
      return std::string{member} + ": expected an absolute path, found " + quote_for_message(*path);
  if (wanted.socket.empty())
    return {};
  const auto problem = check_socket_path(wanted.socket, configuration.state_dir);
  return problem.empty() ? problem : "socket: " + problem;
}

workspaces_interface::behavior_type workspaces_actor(self_pointer self, process_context* context,
                                                     workspace_hosting* hosting,
                                                     kept_configuration* configuration) {
  self->observe(context->held_probe_of(shared_actor::workspaces));
  name_this_thread(name_of(shared_actor::workspaces));
  auto& state = state_of(self);
  state.context = context;
  state.hosting = hosting;
  state.configuration = configuration;
  queue(self, [self](const then& next) { look_at_store(self, next); });
  reload_as_wanted(self);
  return {
      [self](put_workspace& order) -> caf::result<workspace_change> {
        auto promise = std::make_shared<promised<workspace_change>>(self);
        auto result = promise->result();
        queue(self, [self, promise, wanted = std::move(order.wanted)](const then& next) {
          put(self, wanted, answer_to(promise, next));
        });
        return result;
      },
      [self](remove_workspace& order) -> caf::result<workspace_change> {
        auto promise = std::make_shared<promised<workspace_change>>(self);
        auto result = promise->result();
        queue(self, [self, promise, id = std::move(order.id)](const then& next) {
          remove(self, id, answer_to(promise, next));
        });
        return result;
      },
      [self](reload_configuration) -> caf::result<reload_outcome> {
        auto promise = std::make_shared<promised<reload_outcome>>(self);
        auto result = promise->result();
        queue(self, [self, promise](const then& next) {
          reload(
              self, [promise](reload_outcome outcome) { promise->deliver(std::move(outcome)); }, next);
        });
        return result;
      },
      [self](reload_wanted) { reload_as_wanted(self); },
      [self](look_for_added) { queue(self, [self](const then& next) { look_at_store(self, next); }); },
  };
}

} // namespace workspace_supervisor
