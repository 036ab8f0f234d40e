#include "app/workspaces/reload.hpp"

#include "app/configuration/configuration_file.hpp"
#include "app/workspaces/workspace_places.hpp"

#include <unordered_map>
#include <unordered_set>

namespace workspace_supervisor {

namespace {

constexpr const char* level_key = "log.level";

/// What the file has among `workspaces`, by id.
std::vector<const workspace_settings*> further_workspaces(const settings& values) {
  std::vector<const workspace_settings*> further;
  for (const auto& workspace : values.workspaces)
    if (!values.has_main || &workspace != &values.workspaces.front())
      further.push_back(&workspace);
  return further;
}

void compare_keys(const configuration_keys_and_values& running, const configuration_keys_and_values& wanted,
                  const settings& values, reload_plan& plan) {
  const auto differs = [&plan, &values](const std::string& key) {
    if (key != level_key)
      return plan.waiting.push_back(key);
    plan.level = values.level;
  };
  for (const auto& [key, value] : wanted) {
    const auto found = running.find(key);
    if (found == running.end() || found->second != value)
      differs(key);
    if (plan.level && key == level_key)
      plan.taken_up.push_back(key + " = " + value);
  }
  for (const auto& [key, value] : running)
    if (!wanted.contains(key))
      differs(key);
}

} // namespace

configuration_keys_and_values keys_and_values(const configuration_result& loaded) {
  configuration_keys_and_values result;
  for (const auto& [key, value, origin] : loaded.effective)
    if (key.front() != "workspaces")
      result.emplace(print_configuration_key(key), print_configuration_value(value));
  return result;
}

reload_plan plan_reload(const std::vector<running_workspace>& running,
                        const configuration_keys_and_values& running_keys,
                        const configuration_result& loaded) {
  reload_plan plan;
  for (const auto& error : loaded.errors)
    plan.errors.push_back(error.text());
  if (!plan.errors.empty())
    return plan;

  const auto further = further_workspaces(loaded.values);
  const std::string main = loaded.values.has_main ? loaded.values.workspaces.front().id : "";
  std::unordered_map<std::string_view, const workspace_settings*> wanted;
  for (const auto* workspace : further)
    wanted.emplace(workspace->id, workspace);
  std::unordered_set<std::string_view> known;   // that run
  std::unordered_set<std::string_view> staying; // and go on as they are
  workspace_places places;                      // of those
  for (const auto& workspace : running) {
    const auto& id = workspace.settings.id;
    known.insert(id);
    const auto found = wanted.find(id);
    const bool named = found != wanted.end();
    // `workspace` itself waits for a restart, whether it comes, goes or moves.
    const bool stays =
        workspace.origin == workspace_origin::main || id == main ||
        (named ? *found->second == workspace.settings : workspace.origin == workspace_origin::control_api);
    if (stays) {
      staying.insert(id);
      places.add(workspace.settings);
      if (named && workspace.origin == workspace_origin::control_api)
        plan.adopted.push_back(id);
      continue;
    }
    plan.leaving.push_back(id);
    plan.taken_up.push_back("workspace " + id + (named ? " changed" : " removed"));
    if (named && workspace.origin == workspace_origin::control_api)
      plan.adopted.push_back(id);
  }
  for (const auto* workspace : further) {
    if (staying.contains(workspace->id))
      continue;
    // Those of the file have been told apart from each other already.
    if (auto problem = places.taken(*workspace); !problem.empty())
      plan.errors.push_back(print_configuration_key({"workspaces", workspace->id}) + ": " + problem);
    plan.coming.push_back(*workspace);
    if (!known.contains(workspace->id))
      plan.taken_up.push_back("workspace " + workspace->id + " added");
  }
  compare_keys(running_keys, keys_and_values(loaded), loaded.values, plan);
  if (!plan.errors.empty()) {
    auto errors = std::move(plan.errors);
    plan = {};
    plan.errors = std::move(errors);
  }
  return plan;
}

} // namespace workspace_supervisor
