#include "app/client/arguments.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

using namespace workspace_supervisor;

namespace {

client_arguments read(std::vector<std::string> words) {
  return read_client_arguments(words);
}

TEST(workspacectl_arguments, options_may_stand_anywhere) {
  const auto before = read({"--json", "--workspace", "ws-1", "task", "a text", "--active=3"});
  EXPECT_EQ(before.trouble, "");
  EXPECT_EQ(before.command, "task");
  EXPECT_EQ(before.operands, std::vector<std::string>{"a text"});
  EXPECT_EQ(before.workspace, "ws-1");
  EXPECT_EQ(before.tasks, 3);
  EXPECT_TRUE(before.json);
}

TEST(workspacectl_arguments, a_value_may_follow_or_stand_behind_an_equals_sign) {
  EXPECT_EQ(read({"results", "--after", "7"}).after, 7);
  EXPECT_EQ(read({"results", "--after=7"}).after, 7);
  EXPECT_EQ(read({"outcome", "--error", "--success"}).error, "--success");
  EXPECT_EQ(read({"outcome", "--error=a=b"}).error, "a=b");
}

TEST(workspacectl_arguments, after_two_dashes_nothing_is_an_option) {
  const auto read_task = read({"task", "--", "--done"});
  EXPECT_EQ(read_task.trouble, "");
  EXPECT_EQ(read_task.operands, std::vector<std::string>{"--done"});
}

TEST(workspacectl_arguments, watch_has_an_interval_behind_an_equals_sign_alone) {
  EXPECT_EQ(read({"status", "--watch=5"}).watch_interval, std::chrono::seconds{5});
  EXPECT_EQ(read({"status", "--watch", "5"}).trouble,
            "\"5\" is too much here; a text of several words stands in quotes");
}

TEST(workspacectl_arguments, numbers_have_bounds) {
  for (const auto* wrong :
       {"--limit=0", "--limit=1001", "--limit=1x", "--limit=", "--limit=-1", "--limit=99999999999999999999"})
    EXPECT_NE(read({"results", wrong}).trouble, "") << wrong;
  EXPECT_EQ(read({"results", "--limit=1000"}).trouble, "");
}

TEST(workspacectl_arguments, help_wins_over_what_else_is_wrong_with_a_command) {
  EXPECT_EQ(read({"task", "--help"}).trouble, "");
  EXPECT_EQ(read({"--version"}).trouble, "");
}

TEST(workspacectl_arguments, the_socket_comes_from_option_then_environment_then_the_usual_place) {
  ::unsetenv("WORKSPACE_SUPERVISOR_SOCKET");
  ::unsetenv("CONFIGS_DIR");
  EXPECT_EQ(read({"status"}).socket, "/configs/.supervisor/control.sock");
  ::setenv("CONFIGS_DIR", "/etc/agent", 1);
  EXPECT_EQ(read({"status"}).socket, "/etc/agent/.supervisor/control.sock");
  ::setenv("WORKSPACE_SUPERVISOR_SOCKET", "/run/it.sock", 1);
  EXPECT_EQ(read({"status"}).socket, "/run/it.sock");
  EXPECT_EQ(read({"status", "--socket", "/other.sock"}).socket, "/other.sock");
}

} // namespace
