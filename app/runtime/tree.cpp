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

/// So many workspaces the root starts in a row, which takes them some 2 ms: what beats already waits no
/// longer.
constexpr std::size_t started_at_once = 32;

/// A child whose start holds no more than two pointers: that costs no allocation, in thousands of workspaces.
template <auto Place, auto Behavior, class... Memory>
child_spec workspace_child(workspace_context& context, workspace_actor actor, Memory*... memory) {
  auto spec = child_of(name_of(actor), context.*Place, context.probe_of(actor));
  spec.start = [&context, memory...](caf::actor_system& system) {
    return put_at(context.*Place, system.spawn(Behavior, &context, memory...));
  };
  return spec;
}

/// Holds the workspace for as long as the root supervises it.
child_spec workspace_supervisor_child(process_parts& process, const workspace_table::pointer& held) {
  auto& workspace = static_cast<hosted_workspace&>(*held);
  auto spec = child_of("supervisor " + workspace.settings.id, workspace.supervisor,
                       workspace.probe_of(workspace_actor::supervisor));
  spec.number = workspace.number;
  spec.start = [&process, &workspace, held](caf::actor_system& system) {
    return put_at(workspace.supervisor, system.spawn(supervisor, workspace_plan(process, workspace)));
  };
  spec.is_supervisor = true;
  spec.shutdown = std::chrono::milliseconds{3000};
  spec.if_given_up = when_given_up::leave_failed;
  spec.on_failed = [&workspace] {
    workspace.probe.status.store(workspace_status::failed, std::memory_order_relaxed);
  };
  return spec;
}

} // namespace

supervisor_plan workspace_plan(process_parts& process, hosted_workspace& workspace) {
  workspace_context& context = workspace;
  supervisor_plan plan;
  plan.workspace = context.settings.id;
  plan.policy = restart_policy_of(process.configuration);
  plan.events = process.events;
  plan.probe = context.held_probe_of(workspace_actor::supervisor);
  plan.children.reserve(workspace_actor_names.size() - 1);
  using context_type = workspace_context;
  plan.children.push_back(
      workspace_child<&context_type::token, token_actor>(context, workspace_actor::token));
  plan.children.push_back(
      workspace_child<&context_type::activity, activity_actor>(context, workspace_actor::activity));
  plan.children.push_back(workspace_child<&context_type::heartbeat, heartbeat_actor>(
      context, workspace_actor::heartbeat, &workspace.schedule));
  plan.children.push_back(
      workspace_child<&context_type::parent_name, parent_name_actor>(context, workspace_actor::parent_name));
  plan.children.push_back(
      workspace_child<&context_type::notifier, notifier>(context, workspace_actor::notifier));
  auto poller = workspace_child<&context_type::delegation_poller, delegation_poller>(
      context, workspace_actor::delegation_poller, &workspace.polled);
  // It ends once the lines under way are written and recorded: on a disk that is slow, or they are written
  // twice.
  poller.shutdown = std::chrono::milliseconds{2000};
  plan.children.push_back(std::move(poller));
  plan.children.push_back(
      workspace_child<&context_type::agent, agent_actor>(context, workspace_actor::agent, process.launcher));
  return plan;
}

supervisor_plan root_plan(process_parts& process, std::vector<child_spec> more) {
  supervisor_plan plan;
  plan.policy = restart_policy_of(process.configuration);
  plan.events = process.events;
  plan.probe = process.held_probe_of(shared_actor::root);
  plan.started_at_once = started_at_once;
  plan.further = [&process](std::uint32_t number) -> std::optional<child_spec> {
    const auto workspace = process.workspaces.at(number);
    if (!workspace)
      return std::nullopt;
    return workspace_supervisor_child(process, workspace);
  };
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
  plan.children.push_back(
      child_at(name_of(shared_actor::workspaces), process.workspaces_actor,
               process.probe_of(shared_actor::workspaces), [&process](caf::actor_system& system) {
                 return system.spawn<caf::detached>(workspaces_actor, &process, &process.hosting,
                                                    &process.running_configuration);
               }));
  for (auto& spec : more)
    plan.children.push_back(std::move(spec));
  const auto workspaces = process.workspaces.all();
  plan.children.reserve(plan.children.size() + workspaces.size());
  for (const auto& workspace : workspaces)
    plan.children.push_back(workspace_supervisor_child(process, workspace));
  return plan;
}

workspace_table::pointer make_workspace(process_parts& process, workspace_settings settings,
                                        std::string& error) {
  auto workspace = std::make_shared<hosted_workspace>();
  if (!platform_url::parse(settings.platform_url, workspace->platform, error)) {
    error = "workspace " + settings.id + ": platform-url: " + error;
    return nullptr;
  }
  workspace->process = &process;
  workspace->settings = std::move(settings);
  const auto now = std::chrono::steady_clock::now();
  workspace->agent_facts.update([now](agent_facts& facts) { facts.awaited_since = now; });
  return workspace;
}

std::string make_workspaces(process_parts& process) {
  process.hash_seed = std::random_device{}() | std::uint64_t{std::random_device{}()} << 32;
  // Moved, not copied: with thousands of workspaces a copy is long.
  auto configured = std::exchange(process.configuration.workspaces, {});
  const auto count = configured.size();
  for (std::size_t index = 0; index < count; ++index) {
    std::string error;
    const auto workspace = make_workspace(process, std::move(configured[index]), error);
    if (!workspace)
      return error;
    if (index == 0 && process.configuration.has_main)
      workspace->origin.store(workspace_origin::main);
    if (count > begun_at_once)
      workspace->first_at = static_cast<double>(index) / static_cast<double>(count);
    process.workspaces.add(workspace);
  }
  return {};
}

} // namespace workspace_supervisor
