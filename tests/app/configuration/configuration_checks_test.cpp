#include "tests/app/configuration/configuration_fixture.hpp"

using namespace workspace_supervisor;

namespace {

using configuration_checks_test = configuration_fixture;

TEST_F(configuration_checks_test, tells_an_unknown_key_with_place_and_suggestion) {
  EXPECT_EQ(
      only_error(load_file("\nheartbeat {\n  intervall = 5s\n}")),
      folder +
          "/caf-application.conf:3: heartbeat.intervall: expected a known key, found an unknown one; did you "
          "mean heartbeat.interval?");
  write("");
  EXPECT_EQ(only_error(load({"--heartbeat.intervall=5s"})),
            "argument --heartbeat.intervall: heartbeat.intervall: expected a known key, found an unknown "
            "one; did you mean "
            "--heartbeat.interval?");
  EXPECT_CONTAINS(only_error(load({"--chek-config"})), "did you mean --check-config?");
}

TEST_F(configuration_checks_test, tells_a_wrong_type_with_place_and_expectation) {
  EXPECT_EQ(only_error(load_file("heartbeat.interval = 30")),
            folder +
                "/caf-application.conf:1: heartbeat.interval: expected a timespan from 1ms to 24h in whole "
                "milliseconds, found the integer 30");
}

TEST_F(configuration_checks_test, tells_a_wrong_variable_by_name) {
  sources.environment["PLATFORM_URL"] = "platform.example";
  const auto error = only_error(load());
  EXPECT_TRUE(
      error.starts_with("environment variable PLATFORM_URL: workspace.platform-url: expected a base URL"))
      << error;
  EXPECT_CONTAINS(error, "found the string 'platform.example'");
}

TEST_F(configuration_checks_test, tells_a_wrong_argument) {
  EXPECT_EQ(only_error(load({"--heartbeat.interval=soon"})),
            "argument --heartbeat.interval: heartbeat.interval: expected a timespan from 1ms to 24h in whole "
            "milliseconds, "
            "found 'soon'");
  EXPECT_CONTAINS(only_error(load({"--heartbeat.interval"})), "behind '=', found nothing");
  EXPECT_CONTAINS(only_error(load({"heartbeat.interval=5s"})), "expected --KEY=VALUE or an option");
  EXPECT_CONTAINS(only_error(load({"--config-file"})), "expected a value: --config-file=PATH");
  EXPECT_CONTAINS(only_error(load({"--check-config=yes"})), "expected no value, found 'yes'");
  EXPECT_CONTAINS(only_error(load({"--a..b=1"})), "expected --KEY=VALUE");
}

TEST_F(configuration_checks_test, tells_everything_at_once) {
  sources.environment.clear();
  const auto errors =
      errors_of(load_file("log.level = \"loud\"\nnonsense = 1\nparent.ttl = soon\nlog.format = \"xml\"",
                          {"--control.http=nowhere"}));
  EXPECT_CONTAINS(errors, ":1: log.level");
  EXPECT_CONTAINS(errors, ":2: nonsense");
  EXPECT_CONTAINS(errors, ":3:14: expected a value, found 'soon'");
  EXPECT_CONTAINS(errors, ":4: log.format");
  EXPECT_CONTAINS(errors, "argument --control.http: control.http");
}

TEST_F(configuration_checks_test, tells_both_lines_of_a_duplicate) {
  const auto error = only_error(load_file("log.level = \"info\"\nlog {\n level = \"debug\"\n}"));
  EXPECT_CONTAINS(error, "caf-application.conf:3:2: ");
  EXPECT_CONTAINS(error, "in line 1");
}

TEST_F(configuration_checks_test, requires_id_and_url) {
  sources.environment.clear();
  const auto result = load();
  ASSERT_EQ(result.errors.size(), 2u) << errors_of(result);
  EXPECT_EQ(result.errors[0].key, "workspace.id");
  EXPECT_CONTAINS(result.errors[0].text(), "WORKSPACE_ID");
  EXPECT_EQ(result.errors[1].key, "workspace.platform-url");
  EXPECT_CONTAINS(result.errors[1].text(), "--workspace.platform-url=");
}

TEST_F(configuration_checks_test, does_not_miss_what_is_wrong) {
  sources.environment = {{"WORKSPACE_ID", ".."}, {"PLATFORM_URL", "http://h"}};
  EXPECT_CONTAINS(only_error(load()), "environment variable WORKSPACE_ID: workspace.id: expected an id");
}

TEST_F(configuration_checks_test, requires_configs_dir_and_url_of_further_workspaces) {
  sources.environment.clear();
  const auto result = load_file("\nworkspaces { b { } }");
  ASSERT_EQ(result.errors.size(), 2u) << errors_of(result);
  EXPECT_CONTAINS(result.errors[0].text(), ":2: workspaces.b.configs-dir: required");
  EXPECT_CONTAINS(result.errors[1].text(), ":2: workspaces.b.platform-url: required");
}

TEST_F(configuration_checks_test, checks_ids_of_further_workspaces) {
  for (const auto* id : {"", ".", "..", "a\\n"}) {
    const auto error = only_error(load_file("workspaces.\"" + std::string(id) + "\".configs-dir = \"/b\""));
    EXPECT_CONTAINS(error, "caf-application.conf:1: workspaces.");
    EXPECT_CONTAINS(error, "expected an id");
  }
}

TEST_F(configuration_checks_test, refuses_one_id_twice) {
  EXPECT_CONTAINS(only_error(load_file("workspaces.ws-a.configs-dir = \"/b\"")),
                  "workspaces.ws-a: expected an id of its own");
}

TEST_F(configuration_checks_test, refuses_one_configs_dir_twice) {
  const auto error = only_error(load_file("workspaces.b.configs-dir = \"/x/../configs/\""));
  EXPECT_CONTAINS(error, ":1: workspaces.b.configs-dir: expected a folder of its own");
  EXPECT_CONTAINS(error, "workspace.configs-dir (default)");
}

TEST_F(configuration_checks_test, refuses_one_configs_dir_by_a_link) {
  std::filesystem::create_directory(folder + "/real");
  std::filesystem::create_directory_symlink("real", folder + "/link");
  const auto error = only_error(load_file("workspace.configs-dir = \"" + folder +
                                          "/real\"\nworkspaces.b.configs-dir = \"" + folder + "/link\""));
  EXPECT_CONTAINS(error, ":2: workspaces.b.configs-dir");
  EXPECT_CONTAINS(error, "workspace.configs-dir (" + folder + "/caf-application.conf:1)");
}

TEST_F(configuration_checks_test, refuses_one_results_file_twice) {
  EXPECT_CONTAINS(
      only_error(load_file(
          "workspaces.b { configs-dir = \"/b\", results-file = \"/tmp/./delegation_results.jsonl\" }")),
      "workspaces.b.results-file: expected a file of its own");
}

TEST_F(configuration_checks_test, refuses_one_results_file_by_a_hard_link) {
  std::ofstream(folder + "/one") << "";
  std::filesystem::create_hard_link(folder + "/one", folder + "/two");
  sources.environment["DELEGATION_RESULTS_FILE"] = folder + "/one";
  EXPECT_CONTAINS(
      only_error(load_file("workspaces.b { configs-dir = \"/b\", results-file = \"" + folder + "/two\" }")),
      "expected a file of its own");
}

TEST_F(configuration_checks_test, refuses_one_socket_twice) {
  sources.environment["WORKSPACE_SUPERVISOR_SOCKET"] = folder + "/s";
  EXPECT_CONTAINS(
      only_error(load_file("workspaces.b { configs-dir = \"/b\", socket = \"" + folder + "/./s\" }")),
      "expected a socket of its own");
}

TEST_F(configuration_checks_test, bounds_a_socket_path) {
  const auto base = folder + "/";
  EXPECT_TRUE(load({"--control.socket=" + base + std::string(107 - base.size(), 's')}).errors.empty());
  EXPECT_CONTAINS(
      only_error(load({"--control.socket=" + base + std::string(108 - base.size(), 's')})),
      "argument --control.socket: control.socket: expected a socket path of at most 107 bytes, found 108");
}

TEST_F(configuration_checks_test, bounds_the_default_socket_path_too) {
  EXPECT_CONTAINS(only_error(load({"--workspace.state-dir=/" + std::string(100, 's')})),
                  "configuration: control.socket: expected a socket path of at most 107 bytes");
}

TEST_F(configuration_checks_test, needs_the_folder_of_a_socket) {
  EXPECT_CONTAINS(only_error(load({"--control.socket=" + folder + "/none/s"})), "No such file");
  EXPECT_CONTAINS(
      only_error(load_file("workspaces.b { configs-dir = \"/b\", socket = \"" + folder + "/none/s\" }")),
      ":1: workspaces.b.socket: expected a socket path in a folder");
}

TEST_F(configuration_checks_test, lets_a_socket_be_in_a_state_directory_that_is_not_there_yet) {
  EXPECT_TRUE(load({"--workspace.state-dir=" + folder + "/state", "--control.socket=" + folder + "/state/s"})
                  .errors.empty());
}

TEST_F(configuration_checks_test, refuses_a_socket_where_something_else_is) {
  EXPECT_CONTAINS(only_error(load({"--control.socket=" + folder})), "found something else");
}

TEST_F(configuration_checks_test, needs_the_certificates_only_for_https) {
  EXPECT_CONTAINS(only_error(load({"--platform.ca-file=" + folder + "/none"})),
                  "platform.ca-file: expected a file of certificates that can be read");
  sources.environment["PLATFORM_URL"] = "http://platform.example";
  EXPECT_TRUE(load({"--platform.ca-file=" + folder + "/none"}).errors.empty());
}

TEST_F(configuration_checks_test, takes_a_command_from_the_line_or_the_file) {
  EXPECT_EQ(load({"--", "agent", "--flag"}).values.agent.command,
            (std::vector<std::string>{"agent", "--flag"}));
  EXPECT_EQ(load_file("agent.command = [\"agent\", \"--flag\"]").values.agent.command,
            (std::vector<std::string>{"agent", "--flag"}));
  EXPECT_CONTAINS(only_error(load({"--", ""})), "agent.command: expected a program as the first string");
  EXPECT_CONTAINS(only_error(load({"--dev", "--", "agent"})), "expected no command with --dev");
}

TEST_F(configuration_checks_test, wants_exactly_one_workspace_with_a_command) {
  EXPECT_CONTAINS(errors_of(load_file("workspaces.b.configs-dir = \"/b\"", {"--", "agent"})),
                  "expected exactly one workspace with a command, found 2");
}

TEST_F(configuration_checks_test, wants_one_command) {
  EXPECT_CONTAINS(errors_of(load({"--agent.command=[\"a\"]", "--", "b"})),
                  "expected one command, found another");
  EXPECT_CONTAINS(only_error(load({"--"})), "expected a command behind '--'");
}

TEST_F(configuration_checks_test, knows_no_such_user) {
  EXPECT_CONTAINS(only_error(load({"--agent.user=no-such-user-here"})),
                  "found no user of the name 'no-such-user-here'");
}

TEST_F(configuration_checks_test, wants_the_least_back_off_below_the_longest) {
  EXPECT_CONTAINS(
      only_error(load({"--supervisor.backoff-max=50ms"})),
      "expected supervisor.backoff-min to be at most supervisor.backoff-max, found 100ms and 50ms");
}

TEST_F(configuration_checks_test, warns_of_an_interval_beyond_the_liveness) {
  const auto result = load({"--heartbeat.interval=10min"});
  EXPECT_TRUE(result.errors.empty());
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_CONTAINS(result.warnings.front(), "heartbeat.liveness-ttl");
}

TEST_F(configuration_checks_test, warns_once_of_proxies_without_their_values) {
  sources.environment["HTTP_PROXY"] = "http://user:secret@proxy";
  sources.environment["https_proxy"] = "http://proxy";
  sources.environment["ALL_PROXY"] = "";
  const auto result = load();
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_EQ(result.warnings.front(), "proxies are not used; set in the environment: HTTP_PROXY, https_proxy");
}

TEST_F(configuration_checks_test, warns_of_what_no_workspace_uses) {
  sources.environment = {{"PLATFORM_URL", "http://h"}, {"CONFIGS_DIR", "/x"}};
  const auto result = load_file("workspaces.b.configs-dir = \"/b\"");
  EXPECT_TRUE(result.errors.empty()) << errors_of(result);
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_CONTAINS(result.warnings.front(),
                  "environment variable CONFIGS_DIR: workspace.configs-dir is not used");
}

TEST_F(configuration_checks_test, tells_a_group_from_a_value) {
  EXPECT_CONTAINS(only_error(load_file("heartbeat = 5s")), "expected a group of keys");
  EXPECT_CONTAINS(only_error(load_file("heartbeet { }")), "heartbeet: expected a known key");
  EXPECT_TRUE(load_file("heartbeat { }\ncaf { }\nworkspaces { }").errors.empty());
}

TEST_F(configuration_checks_test, keeps_dev_mode_to_itself) {
  EXPECT_CONTAINS(only_error(load({"--dev", "--config-file=x"})), "expected no file with --dev");
  EXPECT_CONTAINS(only_error(load({"--dev", "--workspace.id=x"})), "expected no such key with --dev");
  EXPECT_CONTAINS(only_error(load({"--dev.duration=20s"})), "expected --dev beside it");
  EXPECT_CONTAINS(only_error(load({"--dev", "--dev.duration=0s"})), "expected a timespan from 1ms to 24h");
}

TEST_F(configuration_checks_test, keys_of_a_scheduler_that_is_not_there_are_refused) {
  for (const char* key : {"policy = \"sharing\"", "max-threads = 2", "anything = 1"}) {
    const auto result = load_file(std::string{"caf.scheduler."} + key);
    ASSERT_EQ(result.errors.size(), 1u) << key;
    EXPECT_CONTAINS(errors_of(result), "only caf.scheduler.max-throughput means something");
  }
  EXPECT_CONTAINS(errors_of(load_file("caf.work-stealing.relaxed-steal-interval = 1")),
                  "caf.work-stealing.relaxed-steal-interval");
  EXPECT_TRUE(load_file("caf.scheduler.max-throughput = 10").errors.empty());
}

} // namespace
