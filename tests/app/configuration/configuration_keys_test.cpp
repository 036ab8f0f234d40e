#include "app/configuration/configuration_keys.hpp"
#include "tests/app/configuration/configuration_fixture.hpp"

using namespace workspace_supervisor;

namespace {

std::string check(const std::string& name, const std::string& text) {
  std::string error;
  const auto value = parse_configuration_value(text, error);
  EXPECT_TRUE(value) << error;
  return check_configuration_value(configuration_key_named(name), *value);
}

TEST(configuration_keys, have_defaults_that_pass_their_own_check) {
  for (const auto& key : configuration_keys()) {
    if (key.default_value.empty())
      continue;
    EXPECT_EQ(check(std::string(key.name), std::string(key.default_value)), "") << key.name;
  }
}

TEST(configuration_keys, are_each_in_the_table_once) {
  std::map<std::string_view, int> count;
  for (const auto& key : configuration_keys())
    EXPECT_EQ(++count[key.name], 1) << key.name;
}

TEST(configuration_keys, match_patterns) {
  ASSERT_NE(find_configuration_key({"workspaces", "a.b", "socket"}), nullptr);
  EXPECT_EQ(find_configuration_key({"workspaces", "a.b", "socket"})->name, "workspaces.ID.socket");
  EXPECT_EQ(find_configuration_key({"caf", "logger", "x", "y"})->name, "caf.*");
  EXPECT_EQ(find_configuration_key({"caf", "scheduler", "max-throughput"})->name,
            "caf.scheduler.max-throughput");
  EXPECT_EQ(find_configuration_key({"caf"}), nullptr);
  EXPECT_EQ(find_configuration_key({"workspaces", "a"}), nullptr);
}

struct range_case {
  const char* key;
  const char* good;
  const char* bad;
};

class range_test : public testing::TestWithParam<range_case> {};

TEST_P(range_test, takes_the_one_and_not_the_other) {
  EXPECT_EQ(check(GetParam().key, GetParam().good), "");
  const auto problem = check(GetParam().key, GetParam().bad);
  EXPECT_CONTAINS(problem, "expected " + configuration_expectation(configuration_key_named(GetParam().key)) +
                               ", found ");
}

INSTANTIATE_TEST_SUITE_P(
    ranges, range_test,
    testing::Values(
        range_case{"heartbeat.interval", "1ms", "0s"}, range_case{"heartbeat.interval", "24h", "25h"},
        range_case{"heartbeat.interval", "1500ms", "1500us"}, range_case{"heartbeat.interval", "5s", "5"},
        range_case{"heartbeat.interval", "5s", "-5s"}, range_case{"heartbeat.interval", "5s", "\"5s\""},
        range_case{"heartbeat.timeout", "1s", "0s"}, range_case{"heartbeat.retry-min", "1s", "0s"},
        range_case{"heartbeat.reconnect-after", "1", "0"},
        range_case{"heartbeat.reconnect-after", "0x10", "1.0"},
        range_case{"delegation.max-response", "1073741824", "1073741825"},
        range_case{"delegation.backlog", "0s", "-1s"}, range_case{"parent.ttl", "0s", "-1s"},
        range_case{"notifier.cooldown", "0s", "\"all\""}, range_case{"notifier.timeout", "1ms", "0s"},
        range_case{"notifier.max-per-hour", "1", "0"}, range_case{"notifier.max-age", "1ms", "0s"},
        range_case{"notifier.notify-user", "\"none\"", "\"some\""},
        range_case{"notifier.notify-user", "\"failures\"", "\"all failures\""},
        range_case{"agent.task-stale-after", "0s", "0"}, range_case{"agent.expected", "true", "1"},
        range_case{"agent.restart", "\"never\"", "\"\""}, range_case{"supervisor.max-restarts", "0", "-1"},
        range_case{"supervisor.within", "1s", "0s"}, range_case{"supervisor.backoff-min", "1ms", "0s"},
        range_case{"log.level", "\"debug\"", "\"trace\""}, range_case{"log.format", "\"json\"", "true"},
        range_case{"agent.command", "[\"a\", \"-b\"]", "\"a -b\""},
        range_case{"control.http-hosts", "[\"a\"]", "[1]"},
        range_case{"workspace.configs-dir", "\"/a\"", "\"\""},
        range_case{"workspace.configs-dir", "\"/a\"", "\"/a\\n\""},
        range_case{"agent.user", "\"1000:100\"", "\"1000:users\""},
        range_case{"agent.user", "\"0:0\"", "\"4294967295:0\""},
        range_case{"agent.user", "\"someone\"", "1000"}, range_case{"control.http", "\"\"", "\"127.0.0.1\""},
        range_case{"control.http", "\"localhost:0\"", "\"localhost:65536\""},
        range_case{"control.http", "\"[::1]:80\"", "\"::1:80\""},
        range_case{"control.http", "\"0.0.0.0:9640\"", "\":9640\""},
        range_case{"caf.scheduler.max-throughput", "300", "3s"}));

TEST(workspace_ids, are_checked) {
  EXPECT_EQ(check_workspace_id("a"), "");
  EXPECT_EQ(check_workspace_id("a/b ü?%"), "");
  EXPECT_EQ(check_workspace_id("..."), "");
  std::string umlauts;
  for (int i = 0; i < 128; ++i)
    umlauts += "ü";
  EXPECT_EQ(check_workspace_id(umlauts), "");
  EXPECT_EQ(check_workspace_id(umlauts + "x"), "it has 129 characters");
  EXPECT_NE(check_workspace_id(""), "");
  EXPECT_NE(check_workspace_id("."), "");
  EXPECT_NE(check_workspace_id(".."), "");
  EXPECT_NE(check_workspace_id("a\n"), "");
  EXPECT_NE(check_workspace_id("a\x7f"), "");
  EXPECT_NE(check_workspace_id("a\xc2\x85"), "") << "a control character of two bytes";
  EXPECT_EQ(check_workspace_id("a\xff"), "it is not valid UTF-8");
  EXPECT_EQ(check_workspace_id("\xed\xa0\x80"), "it is not valid UTF-8");
}

TEST(platform_urls, are_checked) {
  const auto good = {"http://h",           "https://h/",        "HTTPS://h:8443/a/b/",
                     "http://127.0.0.1:1", "http://[::1]:80/x", "http://h/a%20b"};
  for (const auto* url : good)
    EXPECT_EQ(check("workspace.platform-url", "\"" + std::string(url) + "\""), "") << url;
  const std::map<std::string, std::string> bad{{"", "begin with http"},
                                               {"h", "begin with http"},
                                               {"ftp://h", "begin with http"},
                                               {"http:/h", "begin with http"},
                                               {"http://", "the host is missing"},
                                               {"http:///a", "the host is missing"},
                                               {"http://h?a", "query"},
                                               {"http://h/#a", "fragment"},
                                               {"http://u:p@h", "user information"},
                                               {"http://h:0", "no port"},
                                               {"http://h:65536", "no port"},
                                               {"http://h:x", "no port"},
                                               {"http://[::1", "']' is missing"},
                                               {"http://h:", "no port"},
                                               {"http://a..b", "neither a name nor an address"},
                                               {"http://[a]", "no IPv6"},
                                               {"http://h/a b", "percent-encoded"},
                                               {"http://h/%2", "hexadecimal"}};
  for (const auto& [url, reason] : bad)
    EXPECT_CONTAINS(check("workspace.platform-url", "\"" + url + "\""), reason);
}

TEST(platform_urls, keep_a_password_out_of_the_message) {
  EXPECT_LACKS(check("workspace.platform-url", "\"http://user:secret@h\""), "secret");
}

TEST(nearest_key, is_by_edit_distance) {
  EXPECT_EQ(nearest_configuration_key({"heartbeet", "intervall"}), "heartbeat.interval");
  EXPECT_EQ(nearest_configuration_key({"log", "levle"}), "log.level");
  EXPECT_EQ(nearest_configuration_key({"workspace", "config-dir"}), "workspace.configs-dir");
  EXPECT_EQ(nearest_configuration_key({"workspaces", "a b", "result-file"}),
            "workspaces.\"a b\".results-file");
  EXPECT_EQ(nearest_configuration_key({"platform-url"}), "workspace.platform-url");
  EXPECT_EQ(nearest_configuration_key({"completely", "different"}), std::nullopt);
  EXPECT_EQ(nearest_configuration_option("--chek-config"), "--check-config");
}

} // namespace
