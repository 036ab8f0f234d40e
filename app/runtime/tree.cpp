#include "app/runtime/tree.hpp"

#include "actors/activity/activity.hpp"
#include "actors/delegation_list/list_reader.hpp"
#include "actors/delegations/delegation_poller.hpp"
#include "actors/heartbeat/heartbeat.hpp"
#include "actors/notifier/notifier.hpp"
#include "actors/parent_name/parent_name.hpp"
#include "actors/platform/platform_client.hpp"
#include "actors/results_file/result_files.hpp"
#include "actors/store/store.hpp"
#include "actors/token/token.hpp"
#include "actors/token/token_files.hpp"

#include <random>
#include <utility>

namespace workspace_supervisor {

namespace {

restart_policy policy_of(const settings& configuration) {
  const auto& supervisor = configuration.supervisor;
  return {supervisor.max_restarts, supervisor.within, supervisor.backoff_min, supervisor.backoff_max};
}

template <class Interface, class Behavior, class... Memory>
child_spec workspace_child(workspace_context& context, workspace_actor actor, address<Interface>& place,
                           Behavior behavior, Memory*... memory) {
  return child_at(name_of(actor), place, context.probe_of(actor),
                  [&context, behavior, memory...](caf::actor_system& system) {
                    return system.spawn(behavior, &context, memory...);
                  });
}

child_spec workspace_supervisor_child(process_parts& process, workspace_context& context) {
  auto spec = child_at("supervisor " + context.settings.id, context.supervisor,
                       context.probe_of(workspace_actor::supervisor),
                       [&process, &context](caf::actor_system& system) {
                         return system.spawn(supervisor, workspace_plan(process, context));
                       });
  spec.is_supervisor = true;
  spec.shutdown = std::chrono::milliseconds{3000};
  spec.if_given_up =
      process.workspaces.size() == 1 ? when_given_up::end_supervisor : when_given_up::leave_failed;
  spec.on_failed = [&context] {
    context.probe.status.store(workspace_status::failed, std::memory_order_relaxed);
  };
  return spec;
}

} // namespace

supervisor_plan workspace_plan(process_parts& process, workspace_context& context) {
  auto& memory = process.memories.at(context.index);
  supervisor_plan plan;
  plan.workspace = context.settings.id;
  plan.policy = policy_of(process.configuration);
  plan.events = process.events;
  plan.probe = &context.probe_of(workspace_actor::supervisor);
  plan.children.reserve(workspace_actor_names.size() - 1);
  plan.children.push_back(workspace_child(context, workspace_actor::token, context.token, token_actor));
  plan.children.push_back(
      workspace_child(context, workspace_actor::activity, context.activity, activity_actor));
  plan.children.push_back(workspace_child(context, workspace_actor::heartbeat, context.heartbeat,
                                          heartbeat_actor, &memory.schedule));
  plan.children.push_back(
      workspace_child(context, workspace_actor::parent_name, context.parent_name, parent_name_actor));
  plan.children.push_back(workspace_child(context, workspace_actor::notifier, context.notifier, notifier));
  plan.children.push_back(workspace_child(context, workspace_actor::delegation_poller,
                                          context.delegation_poller, delegation_poller, &memory.polled));
  return plan;
}

supervisor_plan root_plan(process_parts& process, std::vector<child_spec> more) {
  supervisor_plan plan;
  plan.policy = policy_of(process.configuration);
  plan.events = process.events;
  plan.probe = &process.probe_of(shared_actor::root);
  plan.children.push_back(child_at(name_of(shared_actor::platform_client), process.platform_client,
                                   process.probe_of(shared_actor::platform_client),
                                   [&process](caf::actor_system& system) {
                                     return system.spawn(platform_client, &process, process.http);
                                   }));
  plan.children.push_back(
      child_at(name_of(shared_actor::store), process.store_actor, process.probe_of(shared_actor::store),
               [&process](caf::actor_system& system) {
                 return system.spawn<caf::detached>(store_actor, &process, &process.stored);
               }));
  plan.children.push_back(child_at(name_of(shared_actor::token_files), process.token_files,
                                   process.probe_of(shared_actor::token_files),
                                   [&process](caf::actor_system& system) {
                                     return system.spawn<caf::detached>(token_files_actor, &process);
                                   }));
  plan.children.push_back(child_at(name_of(shared_actor::result_files), process.result_files,
                                   process.probe_of(shared_actor::result_files),
                                   [&process](caf::actor_system& system) {
                                     return system.spawn<caf::detached>(result_files_actor, &process);
                                   }));
  plan.children.push_back(child_at(name_of(shared_actor::list_reader), process.list_reader,
                                   process.probe_of(shared_actor::list_reader),
                                   [&process](caf::actor_system& system) {
                                     return system.spawn<caf::detached>(list_reader_actor, &process);
                                   }));
  for (auto& spec : more)
    plan.children.push_back(std::move(spec));
  for (auto& context : process.workspaces)
    plan.children.push_back(workspace_supervisor_child(process, context));
  return plan;
}

std::string make_workspaces(process_parts& process) {
  process.hash_seed = std::random_device{}() | std::uint64_t{std::random_device{}()} << 32;
  for (const auto& settings : process.configuration.workspaces) {
    process.memories.emplace_back();
    auto& context = process.workspaces.emplace_back();
    context.process = &process;
    context.index = static_cast<workspace_index>(process.workspaces.size() - 1);
    context.settings = settings;
    std::string error;
    if (!platform_url::parse(settings.platform_url, context.platform, error))
      return "workspace " + settings.id + ": platform-url: " + error;
  }
  return {};
}

} // namespace workspace_supervisor
