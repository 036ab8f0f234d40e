#include "app/workspaces/reload.hpp"
#include "app/workspaces/workspaces.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace workspace_supervisor {
namespace {

using texts = std::vector<std::string>;

workspace_settings settings_of(const std::string& id, const std::string& results = "results") {
  return {id, "http://platform.example", "/none/" + id, "/none/" + id + '/' + results, ""};
}

/// A configuration that was read: `main` first, if there is one.
configuration_result loaded(const std::string& main, const texts& further) {
  configuration_result result;
  if (!main.empty())
    result.values.workspaces.push_back(settings_of(main));
  result.values.has_main = !main.empty();
  for (const auto& id : further)
    result.values.workspaces.push_back(settings_of(id));
  return result;
}

void set(configuration_result& result, const texts& key, const configuration_value& value) {
  result.effective.push_back({key, value, {}});
}

running_workspace runs(const std::string& id, workspace_origin origin = workspace_origin::configuration) {
  return {settings_of(id), origin};
}

texts ids_of(const std::vector<workspace_settings>& all) {
  texts ids;
  for (const auto& one : all)
    ids.push_back(one.id);
  return ids;
}

TEST(reload_plan, nothing_changes_where_all_is_as_before) {
  const auto plan = plan_reload({runs("m", workspace_origin::main), runs("a")}, {}, loaded("m", {"a"}));
  EXPECT_TRUE(plan.errors.empty());
  EXPECT_TRUE(plan.leaving.empty());
  EXPECT_TRUE(plan.coming.empty());
  EXPECT_TRUE(plan.taken_up.empty());
  EXPECT_TRUE(plan.waiting.empty());
}

TEST(reload_plan, workspaces_come_and_go) {
  const auto plan = plan_reload({runs("a"), runs("b")}, {}, loaded("", {"b", "c"}));
  EXPECT_EQ(plan.leaving, (texts{"a"}));
  EXPECT_EQ(ids_of(plan.coming), (texts{"c"}));
  EXPECT_EQ(plan.taken_up, (texts{"workspace a removed", "workspace c added"}));
}

TEST(reload_plan, one_that_changed_goes_and_comes) {
  auto wanted = loaded("", {"a"});
  wanted.values.workspaces[0] = settings_of("a", "other");
  const auto plan = plan_reload({runs("a")}, {}, wanted);
  EXPECT_EQ(plan.leaving, (texts{"a"}));
  EXPECT_EQ(ids_of(plan.coming), (texts{"a"}));
  EXPECT_EQ(plan.taken_up, (texts{"workspace a changed"}));
}

TEST(reload_plan, one_may_take_over_what_another_leaves) {
  auto wanted = loaded("", {"b"});
  wanted.values.workspaces[0] = settings_of("a");
  wanted.values.workspaces[0].id = "b";
  const auto plan = plan_reload({runs("a")}, {}, wanted);
  EXPECT_TRUE(plan.errors.empty());
  EXPECT_EQ(plan.leaving, (texts{"a"}));
  EXPECT_EQ(ids_of(plan.coming), (texts{"b"}));
}

TEST(reload_plan, added_ones_stay) {
  const auto plan = plan_reload({runs("a"), runs("x", workspace_origin::control_api)}, {}, loaded("", {"a"}));
  EXPECT_TRUE(plan.leaving.empty());
  EXPECT_TRUE(plan.adopted.empty());
}

TEST(reload_plan, the_file_takes_over_an_added_one) {
  const auto running = std::vector{runs("a", workspace_origin::control_api)};
  auto plan = plan_reload(running, {}, loaded("", {"a"}));
  EXPECT_EQ(plan.adopted, (texts{"a"}));
  EXPECT_TRUE(plan.leaving.empty());
  auto changed = loaded("", {"a"});
  changed.values.workspaces[0] = settings_of("a", "other");
  plan = plan_reload(running, {}, changed);
  EXPECT_EQ(plan.adopted, (texts{"a"}));
  EXPECT_EQ(plan.leaving, (texts{"a"}));
  EXPECT_EQ(ids_of(plan.coming), (texts{"a"}));
}

TEST(reload_plan, what_an_added_one_has_is_an_error_and_nothing_is_done) {
  auto wanted = loaded("", {"b", "c"});
  wanted.values.workspaces[0].configs_dir = settings_of("x").configs_dir;
  const auto plan = plan_reload({runs("a"), runs("x", workspace_origin::control_api)}, {}, wanted);
  ASSERT_EQ(plan.errors.size(), 1U);
  EXPECT_NE(plan.errors[0].find("workspaces.b: configs_dir: expected a folder of its own"),
            std::string::npos);
  EXPECT_TRUE(plan.leaving.empty());
  EXPECT_TRUE(plan.coming.empty());
  EXPECT_TRUE(plan.taken_up.empty());
}

TEST(reload_plan, the_main_one_stays_wherever_the_file_has_it_now) {
  const auto running = std::vector{runs("m", workspace_origin::main), runs("a")};
  for (const auto& wanted :
       {loaded("", {"a", "m"}), loaded("", {"a"}), loaded("a", {"m"}), loaded("a", {})}) {
    const auto plan = plan_reload(running, {}, wanted);
    EXPECT_TRUE(plan.leaving.empty());
    EXPECT_TRUE(plan.coming.empty());
  }
}

TEST(reload_plan, errors_of_the_file_are_all_there_is) {
  auto wanted = loaded("", {"b"});
  wanted.errors.push_back({"file:3", "heartbeat.interval", "expected a timespan", ""});
  const auto plan = plan_reload({runs("a")}, {}, wanted);
  EXPECT_EQ(plan.errors, (texts{"file:3: heartbeat.interval: expected a timespan"}));
  EXPECT_TRUE(plan.leaving.empty());
}

TEST(reload_plan, the_log_level_is_taken_up_and_other_keys_wait) {
  auto wanted = loaded("", {"a"});
  wanted.values.level = log_level::debug;
  set(wanted, {"log", "level"}, {std::string{"debug"}});
  set(wanted, {"heartbeat", "timeout"}, {std::int64_t{5}});
  set(wanted, {"agent", "command"}, {configuration_list{}});
  set(wanted, {"workspaces", "a", "configs-dir"}, {std::string{"/none/a"}});
  const auto plan = plan_reload(
      {runs("a")}, {{"log.level", "\"info\""}, {"heartbeat.timeout", "4"}, {"control.http", "\"\""}}, wanted);
  EXPECT_EQ(plan.level, log_level::debug);
  EXPECT_EQ(plan.taken_up, (texts{"log.level = \"debug\""}));
  auto waiting = plan.waiting;
  std::sort(waiting.begin(), waiting.end());
  EXPECT_EQ(waiting, (texts{"agent.command", "control.http", "heartbeat.timeout"}));
}

TEST(complete, fills_what_is_empty) {
  settings configuration;
  configuration.platform_url = "http://platform.example";
  added_workspace wanted;
  wanted.id = "a";
  wanted.configs_dir = "/none/a/";
  EXPECT_EQ(complete(wanted, configuration), "");
  EXPECT_EQ(wanted.results_file, "/none/a/delegation_results.jsonl");
  EXPECT_EQ(wanted.platform_url, "http://platform.example");
}

} // namespace
} // namespace workspace_supervisor
