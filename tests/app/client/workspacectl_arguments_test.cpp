#include "app/client/arguments.hpp"
#include "app/client/command_line.hpp"

#include <gtest/gtest.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdlib>
#include <iterator>

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

std::string trouble(std::vector<std::string> words) {
  return read(std::move(words)).trouble;
}

TEST(workspacectl_arguments, a_misspelt_word_is_told_with_the_nearest) {
  EXPECT_EQ(trouble({"staus"}), "there is no command \"staus\"; did you mean status?");
  EXPECT_EQ(trouble({"status", "--jsno"}), "there is no option --jsno; did you mean --json?");
  EXPECT_EQ(trouble({"results", "--limits=3"}), "there is no option --limits; did you mean --limit?");
  EXPECT_EQ(trouble({"nonsense"}), "there is no command \"nonsense\"");
}

TEST(workspacectl_arguments, an_option_of_another_command_is_told_with_that) {
  EXPECT_EQ(trouble({"status", "--done"}), "--done is no option of \"status\", but of \"task\"");
  EXPECT_EQ(trouble({"--done", "task"}), "--done stands after \"task\"");
}

TEST(workspacectl_arguments, what_is_missing_is_told) {
  EXPECT_EQ(trouble({"wedge"}), "\"wedge\" needs REASON: why it is stuck");
  EXPECT_EQ(trouble({"task"}), "\"task\" needs the task's text, or --done");
  EXPECT_EQ(trouble({"outcome", "--count=2"}), "\"outcome\" needs either --success or --error TEXT");
  EXPECT_EQ(trouble({"results", "--limit"}), "--limit needs a value");
  EXPECT_EQ(trouble({"token"}), "\"token\" needs a word more: set");
  EXPECT_EQ(trouble({"status", "--workspace="}), "--workspace: expected a value, found none");
  EXPECT_EQ(trouble({}).substr(0, 14), "which command?");
}

TEST(workspacectl_arguments, what_goes_not_together_is_told) {
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"task", "x", "--done"}, {"task", "--done", "--active=2"}, {"outcome", "--success", "--error=x"}})
    EXPECT_EQ(trouble(words).substr(0, 7), "either ") << trouble(words);
}

TEST(workspacectl_arguments, a_number_is_told_with_its_bounds) {
  EXPECT_EQ(trouble({"results", "--limit=5000"}),
            "--limit: expected an integer from 1 to 1000, found \"5000\"");
  EXPECT_EQ(read({"results", "--limit=010"}).limit, 10);
  EXPECT_NE(trouble({"results", "--limit=0x10"}), "");
  EXPECT_NE(trouble({"status", "--watch="}), "");
}

TEST(workspacectl_arguments, a_flag_takes_no_value) {
  for (const auto* word : {"--json=1", "--json=no", "--json=false", "--json="})
    EXPECT_EQ(trouble({"status", word}), "--json: takes no value") << word;
}

TEST(workspacectl_arguments, an_empty_value_is_a_value) {
  const auto outcome = read({"outcome", "--error=", "--count=2"});
  EXPECT_EQ(outcome.trouble, "");
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.count, 2);
  EXPECT_EQ(read({"outcome", "--error", ""}).error, "");
}

TEST(workspacectl_arguments, a_text_is_what_was_written) {
  for (const std::string text :
       {"status", "set", "++", "{}", "[a,b]", "%%", "- a list", "a=b", "-", "", "--a b="})
    EXPECT_EQ(read({"task", "--", text}).operands, std::vector<std::string>{text}) << text;
  for (const std::string text : {"status", "task", "++", "{}", "[a,b]", "%%", "- a list", "a=b", "-", ""}) {
    EXPECT_EQ(read({"task", text}).operands, std::vector<std::string>{text}) << text;
    EXPECT_EQ(read({"outcome", "--error", text}).error, text) << text;
  }
  EXPECT_EQ(trouble({"task", "-hello"}),
            "there is no option -hello; a text that looks like one goes after --"); // no call for help
}

TEST(workspacectl_arguments, of_an_option_given_twice_the_last_counts) {
  EXPECT_EQ(read({"results", "--limit=1", "--limit=2"}).limit, 2);
  EXPECT_EQ(read({"status", "--json", "--json"}).trouble, "");
}

TEST(workspacectl_arguments, a_token_on_the_command_line_is_not_repeated) {
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"token", "secret"}, {"token", "set", "secret"}, {"token", "set", "-secret"}}) {
    EXPECT_NE(trouble(words), "");
    EXPECT_EQ(trouble(words).find("secret"), std::string::npos) << trouble(words);
  }
}

TEST(workspacectl_arguments, what_steers_a_terminal_is_escaped_in_troubles) {
  EXPECT_EQ(trouble({"\x1b[2J"}).find('\x1b'), std::string::npos);
}

TEST(workspacectl_arguments, help_is_of_the_command_that_was_given) {
  EXPECT_NE(read({"--help"}).answer.find("token set"), std::string::npos);
  const auto task = read({"task", "-h"}).answer;
  EXPECT_EQ(task.substr(0, 24), "workspacectl task [TEXT]");
  EXPECT_NE(task.find("--done"), std::string::npos);
  EXPECT_NE(task.find("--workspace=ID"), std::string::npos);
  EXPECT_EQ(task.find("--limit"), std::string::npos);
  EXPECT_EQ(read({"--version"}).answer, "workspacectl " WORKSPACE_SUPERVISOR_VERSION "\n");
}

TEST(workspacectl_command_line, everything_has_a_description) {
  client_arguments into;
  const auto program = client_command_line(into);
  const std::function<void(const CLI::App&)> check = [&check](const CLI::App& command) {
    EXPECT_NE(command.get_description(), "") << command.get_name();
    for (const auto* option : command.get_options())
      EXPECT_NE(option->get_description(), "") << command.get_name() << ' ' << option->get_name();
    for (const auto* below : command.get_subcommands({}))
      check(*below);
  };
  check(*program);
}

} // namespace
