#include "app/runtime/tree.hpp"

#include "actors/activity/activity.hpp"
#include "actors/agent/agent.hpp"
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
#include "actors/workspace/restart_settings.hpp"

#include <random>
#include <utility>

namespace workspace_supervisor {

namespace {

/// A child whose start holds no more than two pointers: that costs no allocation, in thousands of workspaces.
template <auto Place, auto Behavior, class... Memory>
child_spec workspace_child(workspace_context& context, workspace_actor actor, Memory*... memory) {
  auto spec = child_of(name_of(actor), context.*Place, context.probe_of(actor));
  spec.start = [&context, memory...](caf::actor_system& system) {
    return put_at(context.*Place, system.spawn(Behavior, &context, memory...));
  };
  return spec;
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
  plan.policy = restart_policy_of(process.configuration);
  plan.events = process.events;
  plan.probe = &context.probe_of(workspace_actor::supervisor);
  plan.children.reserve(workspace_actor_names.size() - 1);
  using context_type = workspace_context;
  plan.children.push_back(
      workspace_child<&context_type::token, token_actor>(context, workspace_actor::token));
  plan.children.push_back(
      workspace_child<&context_type::activity, activity_actor>(context, workspace_actor::activity));
  plan.children.push_back(workspace_child<&context_type::heartbeat, heartbeat_actor>(
      context, workspace_actor::heartbeat, &memory.schedule));
  plan.children.push_back(
      workspace_child<&context_type::parent_name, parent_name_actor>(context, workspace_actor::parent_name));
  plan.children.push_back(
      workspace_child<&context_type::notifier, notifier>(context, workspace_actor::notifier));
  plan.children.push_back(workspace_child<&context_type::delegation_poller, delegation_poller>(
      context, workspace_actor::delegation_poller, &memory.polled));
  plan.children.push_back(
      workspace_child<&context_type::agent, agent_actor>(context, workspace_actor::agent, process.launcher));
  return plan;
}

supervisor_plan root_plan(process_parts& process, std::vector<child_spec> more) {
  supervisor_plan plan;
  plan.policy = restart_policy_of(process.configuration);
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
  // Moved, not copied: with thousands of workspaces a copy is long.
  for (auto& settings : std::exchange(process.configuration.workspaces, {})) {
    process.memories.emplace_back();
    auto& context = process.workspaces.emplace_back();
    context.process = &process;
    context.index = static_cast<workspace_index>(process.workspaces.size() - 1);
    context.settings = std::move(settings);
    context.agent_facts.update([&process](agent_facts& facts) { facts.awaited_since = process.started; });
    std::string error;
    if (!platform_url::parse(context.settings.platform_url, context.platform, error))
      return "workspace " + context.settings.id + ": platform-url: " + error;
  }
  return {};
}

} // namespace workspace_supervisor
