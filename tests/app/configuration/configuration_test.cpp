#include "tests/app/configuration/configuration_fixture.hpp"

using namespace workspace_supervisor;
using namespace std::chrono_literals;

namespace {

using configuration_test = configuration_fixture;

TEST_F(configuration_test, has_the_defaults_of_the_settings) {
  const auto result = load();
  ASSERT_TRUE(result.errors.empty()) << errors_of(result);
  const settings plain;
  const auto& values = result.values;
  EXPECT_EQ(values.heartbeat.interval, plain.heartbeat.interval);
  EXPECT_EQ(values.heartbeat.timeout, plain.heartbeat.timeout);
  EXPECT_EQ(values.heartbeat.retry_min, plain.heartbeat.retry_min);
  EXPECT_EQ(values.heartbeat.reconnect_after, plain.heartbeat.reconnect_after);
  EXPECT_EQ(values.heartbeat.liveness_ttl, plain.heartbeat.liveness_ttl);
  EXPECT_EQ(values.delegation.interval, plain.delegation.interval);
  EXPECT_EQ(values.delegation.timeout, plain.delegation.timeout);
  EXPECT_EQ(values.delegation.max_response, plain.delegation.max_response);
  EXPECT_EQ(values.delegation.backlog, plain.delegation.backlog);
  EXPECT_EQ(values.parent.timeout, plain.parent.timeout);
  EXPECT_EQ(values.parent.ttl, plain.parent.ttl);
  EXPECT_EQ(values.notifier.cooldown, plain.notifier.cooldown);
  EXPECT_EQ(values.notifier.timeout, plain.notifier.timeout);
  EXPECT_EQ(values.notifier.notify, plain.notifier.notify);
  EXPECT_EQ(values.notifier.max_per_hour, plain.notifier.max_per_hour);
  EXPECT_EQ(values.notifier.max_age, plain.notifier.max_age);
  EXPECT_EQ(values.agent.command, plain.agent.command);
  EXPECT_EQ(values.agent.user.given, plain.agent.user.given);
  EXPECT_EQ(values.agent.expected, plain.agent.expected);
  EXPECT_EQ(values.agent.start_timeout, plain.agent.start_timeout);
  EXPECT_EQ(values.agent.restart, plain.agent.restart);
  EXPECT_EQ(values.agent.stop_timeout, plain.agent.stop_timeout);
  EXPECT_EQ(values.agent.grace, plain.agent.grace);
  EXPECT_EQ(values.agent.task_stale_after, plain.agent.task_stale_after);
  EXPECT_EQ(values.supervisor.max_restarts, plain.supervisor.max_restarts);
  EXPECT_EQ(values.supervisor.within, plain.supervisor.within);
  EXPECT_EQ(values.supervisor.backoff_min, plain.supervisor.backoff_min);
  EXPECT_EQ(values.supervisor.backoff_max, plain.supervisor.backoff_max);
  EXPECT_EQ(values.supervisor.may_be_empty, plain.supervisor.may_be_empty);
  EXPECT_EQ(values.supervisor.fault_injection, plain.supervisor.fault_injection);
  EXPECT_EQ(values.control.http, plain.control.http);
  EXPECT_EQ(values.control.http_hosts, plain.control.http_hosts);
  EXPECT_EQ(values.ca_file, plain.ca_file);
  EXPECT_EQ(values.connect_timeout, plain.connect_timeout);
  EXPECT_EQ(values.level, plain.level);
  EXPECT_EQ(values.format, plain.format);
  EXPECT_TRUE(values.caf.empty());
}

TEST_F(configuration_test, has_the_default_places_of_a_workspace) {
  const auto result = load();
  ASSERT_EQ(result.values.workspaces.size(), 1u);
  const auto& workspace = result.values.workspaces.front();
  EXPECT_EQ(workspace.id, "ws-a");
  EXPECT_EQ(workspace.platform_url, "https://platform.example");
  EXPECT_EQ(workspace.configs_dir, "/configs");
  EXPECT_EQ(workspace.results_file, "/tmp/delegation_results.jsonl");
  EXPECT_EQ(workspace.socket, "");
  EXPECT_EQ(result.values.state_dir, "/configs/.supervisor");
  EXPECT_EQ(result.values.control.socket, "/configs/.supervisor/control.sock");
}

TEST_F(configuration_test, takes_every_environment_variable) {
  write("");
  sources.environment = {{"WORKSPACE_ID", "ws"},
                         {"PLATFORM_URL", "http://h"},
                         {"CONFIGS_DIR", folder},
                         {"DELEGATION_RESULTS_FILE", folder + "/r"},
                         {"WORKSPACE_STATE_DIR", folder + "/state"},
                         {"WORKSPACE_SUPERVISOR_SOCKET", folder + "/s"},
                         {"SSL_CERT_FILE", folder + "/caf-application.conf"}};
  const auto result = load();
  ASSERT_TRUE(result.errors.empty()) << errors_of(result);
  EXPECT_EQ(result.values.workspaces.front().id, "ws");
  EXPECT_EQ(result.values.workspaces.front().platform_url, "http://h");
  EXPECT_EQ(result.values.workspaces.front().configs_dir, folder);
  EXPECT_EQ(result.values.workspaces.front().results_file, folder + "/r");
  EXPECT_EQ(result.values.state_dir, folder + "/state");
  EXPECT_EQ(result.values.control.socket, folder + "/s");
  EXPECT_EQ(result.values.ca_file, folder + "/caf-application.conf");
}

TEST_F(configuration_test, takes_an_empty_variable_as_not_set) {
  sources.environment["CONFIGS_DIR"] = "";
  EXPECT_EQ(load().values.workspaces.front().configs_dir, "/configs");
}

TEST_F(configuration_test, prefers_argument_to_environment_to_file_to_default) {
  sources.environment.erase("WORKSPACE_ID");
  const std::string file = "workspace { id = \"file\", configs-dir = \"/file\" }\nheartbeat.interval = 7s";
  EXPECT_EQ(load_file(file).values.workspaces.front().id, "file");
  sources.environment["WORKSPACE_ID"] = "environment";
  EXPECT_EQ(load_file(file).values.workspaces.front().id, "environment");
  const auto result = load_file(file, {"--workspace.id=argument"});
  EXPECT_EQ(result.values.workspaces.front().id, "argument");
  EXPECT_EQ(result.values.workspaces.front().configs_dir, "/file");
  EXPECT_EQ(result.values.heartbeat.interval, 7s);
  EXPECT_EQ(result.values.heartbeat.timeout, 10s);
  EXPECT_TRUE(result.given("heartbeat.interval"));
  EXPECT_FALSE(result.given("heartbeat.timeout"));
}

TEST_F(configuration_test, takes_every_type_from_the_command_line) {
  const auto result =
      load({"--heartbeat.interval=100ms", "--heartbeat.reconnect-after=3", "--agent.expected=true",
            "--supervisor.fault-injection", "--log.level=debug", "--log.format=json",
            "--control.http-hosts=[\"a\", \"b\"]", "--control.http=", "--notifier.notify-user=failures",
            "--agent.restart=always", "--caf.scheduler.max-throughput=2", "--caf.logger.file.path=/x y",
            "--heartbeat.interval=200ms"});
  ASSERT_TRUE(result.errors.empty()) << errors_of(result);
  EXPECT_EQ(result.values.heartbeat.interval, 200ms) << "the last one holds";
  EXPECT_EQ(result.values.heartbeat.reconnect_after, 3);
  EXPECT_TRUE(result.values.agent.expected);
  EXPECT_TRUE(result.values.supervisor.fault_injection);
  EXPECT_EQ(result.values.level, log_level::debug);
  EXPECT_EQ(result.values.format, log_format::json);
  EXPECT_EQ(result.values.control.http_hosts, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(result.values.control.http, "");
  EXPECT_EQ(result.values.notifier.notify, notify_user::failures);
  EXPECT_EQ(result.values.agent.restart, agent_restart::always);
  EXPECT_EQ(result.values.caf, (std::map<std::string, std::string>{{"scheduler.max-throughput", "2"},
                                                                   {"logger.file.path", "/x y"}}));
}

TEST_F(configuration_test, names_every_choice_as_its_enumeration_does) {
  EXPECT_EQ(load({"--log.level=error"}).values.level, log_level::error);
  EXPECT_EQ(load({"--log.level=warning"}).values.level, log_level::warning);
  EXPECT_EQ(load({"--log.level=info"}).values.level, log_level::info);
  EXPECT_EQ(load({"--notifier.notify-user=none"}).values.notifier.notify, notify_user::none);
  EXPECT_EQ(load({"--notifier.notify-user=all"}).values.notifier.notify, notify_user::all);
  EXPECT_EQ(load({"--agent.restart=never"}).values.agent.restart, agent_restart::never);
  EXPECT_EQ(load({"--agent.restart=on-failure"}).values.agent.restart, agent_restart::on_failure);
  EXPECT_EQ(load({"--log.format=text"}).values.format, log_format::text);
}

TEST_F(configuration_test, takes_further_workspaces) {
  const auto result =
      load_file("workspaces { \"ws b\" { configs-dir = \"/b\" } }\n"
                "workspaces.\"ws.c\".configs-dir = \"/c/\"\n"
                "workspaces.\"ws.c\" { platform-url = \"http://other\", results-file = \"/c/r\" }",
                {"--workspaces.\"ws.c\".socket=" + folder + "/c.sock"});
  ASSERT_TRUE(result.errors.empty()) << errors_of(result);
  ASSERT_EQ(result.values.workspaces.size(), 3u);
  const auto& b = result.values.workspaces[1];
  EXPECT_EQ(b.id, "ws b");
  EXPECT_EQ(b.configs_dir, "/b");
  EXPECT_EQ(b.results_file, "/b/delegation_results.jsonl");
  EXPECT_EQ(b.platform_url, "https://platform.example");
  EXPECT_EQ(b.socket, "");
  const auto& c = result.values.workspaces[2];
  EXPECT_EQ(c.id, "ws.c");
  EXPECT_EQ(c.results_file, "/c/r");
  EXPECT_EQ(c.platform_url, "http://other");
  EXPECT_EQ(c.socket, folder + "/c.sock");
}

TEST_F(configuration_test, needs_no_workspace_of_its_own_beside_further_ones) {
  sources.environment.clear();
  const auto result = load_file("workspaces { b { configs-dir = \"/b\", platform-url = \"http://h\" }\n"
                                "c { configs-dir = \"/c\", platform-url = \"http://h\" } }");
  ASSERT_TRUE(result.errors.empty()) << errors_of(result);
  EXPECT_EQ(result.values.workspaces.size(), 2u);
  EXPECT_EQ(result.values.state_dir, "/b/.supervisor");
}

TEST_F(configuration_test, needs_no_workspace_at_all_where_there_may_be_none) {
  sources.environment.clear();
  const std::string may = "supervisor.may-be-empty = true\n";
  const auto result = load_file(may + "workspace.state-dir = \"" + folder + "/state\"");
  ASSERT_TRUE(result.errors.empty()) << errors_of(result);
  EXPECT_TRUE(result.values.workspaces.empty());
  EXPECT_EQ(result.values.control.socket, folder + "/state/control.sock");
  EXPECT_EQ(load_file(effective_configuration_text(result)).values.state_dir, folder + "/state");

  EXPECT_CONTAINS(only_error(load_file(may)), "workspace.state-dir: required, but not set: expected a path");
  const auto unused = load_file(may + "workspace { state-dir = \"" + folder + "/s\", configs-dir = \"/c\" }");
  ASSERT_EQ(unused.warnings.size(), 1u) << errors_of(unused);
  EXPECT_CONTAINS(unused.warnings.front(), "workspace.configs-dir is not used");
}

TEST_F(configuration_test, may_miss_the_default_file_only) {
  EXPECT_TRUE(load().errors.empty());
  const auto error = only_error(load({"--config-file=" + folder + "/none.conf"}));
  EXPECT_CONTAINS(error,
                  "argument --config-file: expected a configuration file that can be read, found '" + folder);
  EXPECT_CONTAINS(error, "No such file");
}

TEST_F(configuration_test, refuses_a_folder_as_its_file) {
  EXPECT_CONTAINS(only_error(load({"--config-file=" + folder})), "directory");
}

TEST_F(configuration_test, reads_the_file_that_is_named) {
  std::ofstream(folder + "/other.conf") << "log.level = \"debug\"";
  write("log.level = \"error\"");
  const auto result = load({"--config-file=" + folder + "/other.conf"});
  EXPECT_EQ(result.values.level, log_level::debug);
  EXPECT_EQ(result.file, folder + "/other.conf");
}

TEST_F(configuration_test, answers_help_and_version_whatever_else_is_wrong) {
  EXPECT_TRUE(load_file("broken {", {"--nonsense", "--help"}).help);
  EXPECT_TRUE(load({"-h"}).help);
  const auto result = load({"--version"});
  EXPECT_TRUE(result.version);
  EXPECT_TRUE(result.errors.empty());
}

TEST_F(configuration_test, takes_nothing_after_two_dashes_as_an_option) {
  const auto result = load({"--", "--help", "--heartbeat.interval=1s"});
  EXPECT_FALSE(result.help);
  EXPECT_EQ(result.values.agent.command, (std::vector<std::string>{"--help", "--heartbeat.interval=1s"}));
}

TEST_F(configuration_test, runs_dev_mode_without_file_environment_and_default_paths) {
  write("log.level = \"debug\"\nbroken");
  sources.environment["HTTP_PROXY"] = "http://proxy";
  const auto result = load({"--dev", "--dev.duration=20s", "--heartbeat.interval=2s"});
  ASSERT_TRUE(result.errors.empty()) << errors_of(result);
  EXPECT_TRUE(result.dev);
  EXPECT_EQ(result.dev_duration, 20s);
  EXPECT_EQ(result.values.heartbeat.interval, 2s);
  EXPECT_EQ(result.values.level, log_level::info);
  EXPECT_TRUE(result.values.workspaces.empty());
  EXPECT_TRUE(result.values.state_dir.empty());
  EXPECT_TRUE(result.values.control.socket.empty());
  EXPECT_TRUE(result.warnings.empty());
}

TEST_F(configuration_test, has_the_numeric_user_and_the_named_one) {
  const auto numeric = load({"--agent.user=1234:567"}).values.agent.user;
  EXPECT_TRUE(numeric.given);
  EXPECT_EQ(numeric.user, 1234u);
  EXPECT_EQ(numeric.group, 567u);
  const auto named = load({"--agent.user=root"}).values.agent.user;
  EXPECT_TRUE(named.given);
  EXPECT_EQ(named.user, 0u);
  EXPECT_EQ(named.name, "root");
}

} // namespace
