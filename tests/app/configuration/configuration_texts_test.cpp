#include "app/configuration/configuration_keys.hpp"
#include "tests/app/configuration/configuration_fixture.hpp"

#include <regex>
#include <sstream>

using namespace workspace_supervisor;

// What people read: --help, --check-config, the example file, the reference.

namespace {

using configuration_texts_test = configuration_fixture;

/// Key, value and nothing of where it came from.
std::vector<std::pair<std::string, std::string>> values_of(const configuration_result& result) {
  std::vector<std::pair<std::string, std::string>> values;
  for (const auto& effective : result.effective)
    values.emplace_back(print_configuration_key(effective.key), print_configuration_value(effective.value));
  return values;
}

std::string example() {
  return read_text(SOURCE_FOLDER "/config/caf-application.conf");
}

/// The example file with every line that is an entry, or a brace, taken out of its comment.
std::string uncommented_example() {
  const std::regex entry(R"(^(\s*)# ([a-z][a-z-]* = .*|"[^"]*" \{|\})$)");
  std::istringstream lines(example());
  std::string text;
  for (std::string line; std::getline(lines, line);)
    text += std::regex_replace(line, entry, "$1$2") + '\n';
  return text;
}

TEST_F(configuration_texts_test, check_config_says_where_each_value_came_from) {
  const auto text =
      effective_configuration_text(load_file("\nlog.level = \"debug\"", {"--heartbeat.interval=5s"}));
  EXPECT_CONTAINS(text, "log.level = \"debug\"  # from " + folder + "/caf-application.conf:2\n");
  EXPECT_CONTAINS(text, "workspace.id = \"ws-a\"  # from environment WORKSPACE_ID\n");
  EXPECT_CONTAINS(text, "heartbeat.interval = 5s  # from argument --heartbeat.interval\n");
  EXPECT_CONTAINS(text, "heartbeat.timeout = 10s  # default\n");
  EXPECT_CONTAINS(text, "control.socket = \"/configs/.supervisor/control.sock\"  # default\n");
}

TEST_F(configuration_texts_test, check_config_names_every_key) {
  const auto text = effective_configuration_text(load_file("workspaces.b.configs-dir = \"/b\""));
  for (const auto& key : configuration_keys()) {
    auto name = std::string(key.name);
    if (name == "caf.*")
      continue;
    if (const auto id = name.find(".ID."); id != std::string::npos)
      name.replace(id, 4, ".b.");
    EXPECT_CONTAINS("\n" + text, name + (key.default_note == "CAF's own" ? "" : " "));
  }
}

TEST_F(configuration_texts_test, says_an_argument_that_is_no_utf8_in_utf8) {
  EXPECT_EQ(only_error(load({"\xf1\xf1"})),
            "argument " + quote_for_message("\xf1\xf1") + ": expected --KEY=VALUE or an option, see --help");
  EXPECT_LACKS(quote_for_message("\xf1\xf1"), "\xf1");
}

TEST_F(configuration_texts_test, suggests_a_key_that_is_no_utf8_in_utf8) {
  const auto error = errors_of(load_file("workspaces.\"\xc0 b\".configs--ir = \"/b\""));
  EXPECT_CONTAINS(error, "did you mean");
  EXPECT_LACKS(error, "\xc0");
}

TEST_F(configuration_texts_test, prints_an_agents_words_of_any_characters_as_they_are_read_again) {
  const std::vector<std::string> words = {"sh", "-c", "printf '\x1b[1m\t\x7f%s\r\n' \"ü\""};
  const auto given = load({"--", words[0], words[1], words[2]});
  EXPECT_EQ(load_file(effective_configuration_text(given)).values.agent.command, words);
}

TEST_F(configuration_texts_test, check_config_is_a_configuration_file_of_the_same_meaning) {
  const auto first =
      load_file("workspaces { \"ws \\\"b\\\" ü\" { configs-dir = \"/b\\t\" }\n c.configs-dir = \"/c\" }\n"
                "caf { scheduler.max-throughput = 2, logger.x = [1, 2.5, true], \"a.b\" = 5s }\n"
                "control { http = \"\", http-hosts = [\"a\", \"b\"] }\nnotifier.max-age = 90s",
                {"--agent.user=1:2"});
  // A tab in a path is a control character.
  ASSERT_EQ(first.errors.size(), 1u) << errors_of(first);
  write(std::regex_replace(read_text(sources.default_file), std::regex(R"(\\t)"), ""));
  const auto good = load({"--agent.user=1:2"});
  ASSERT_TRUE(good.errors.empty()) << errors_of(good);
  const auto text = effective_configuration_text(good);
  sources.environment.clear();
  const auto again = load_file(text);
  EXPECT_TRUE(again.errors.empty()) << errors_of(again) << text;
  EXPECT_EQ(values_of(again), values_of(good));
  EXPECT_EQ(again.values.caf, good.values.caf);
  ASSERT_EQ(again.values.workspaces.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(again.values.workspaces[i].id, good.values.workspaces[i].id);
    EXPECT_EQ(again.values.workspaces[i].results_file, good.values.workspaces[i].results_file);
  }
  EXPECT_EQ(again.values.agent.user.user, 1u);
}

TEST_F(configuration_texts_test, check_config_marks_what_is_wrong) {
  const auto result = load({"--log.level=loud", "--check-config"});
  EXPECT_CONTAINS(effective_configuration_text(result), "# log.level has an error");
  std::ostringstream output, errors;
  EXPECT_EQ(answer_without_running(result, output, errors), 78);
  EXPECT_CONTAINS(errors.str(),
                  "error: argument --log.level: log.level: expected one of \"error\", \"warning\"");
}

TEST_F(configuration_texts_test, answers_check_config_with_the_configuration) {
  std::ostringstream output, errors;
  EXPECT_EQ(answer_without_running(load({"--check-config"}), output, errors), 0);
  EXPECT_CONTAINS(output.str(), "workspace.id = \"ws-a\"");
  EXPECT_EQ(errors.str(), "");
}

TEST_F(configuration_texts_test, answers_nothing_when_it_is_to_run) {
  std::ostringstream output, errors;
  EXPECT_EQ(answer_without_running(load(), output, errors), std::nullopt);
  EXPECT_EQ(output.str() + errors.str(), "");
}

TEST_F(configuration_texts_test, helps_with_every_key_and_option) {
  std::ostringstream output, errors;
  EXPECT_EQ(answer_without_running(load({"--help"}), output, errors), 0);
  for (const auto& key : configuration_keys())
    EXPECT_CONTAINS(output.str(), "\n  " + std::string(key.name) + "\n");
  for (const auto& option : configuration_options())
    EXPECT_CONTAINS(output.str(), "\n  " + std::string(option.name));
}

TEST_F(configuration_texts_test, has_an_example_that_is_valid_as_it_stands) {
  const auto result = load_file(example());
  EXPECT_TRUE(result.errors.empty()) << errors_of(result);
}

TEST_F(configuration_texts_test, has_an_example_that_is_valid_uncommented) {
  sources.environment.clear();
  const auto result = load_file(uncommented_example());
  EXPECT_TRUE(result.errors.empty()) << errors_of(result);
  EXPECT_EQ(result.values.workspaces.size(), 2u);
}

TEST_F(configuration_texts_test, has_an_example_with_every_key_and_its_default) {
  sources.environment.clear();
  const auto result = load_file(uncommented_example());
  std::map<std::string, std::string> values;
  for (const auto& [key, value] : values_of(result)) {
    if (result.given(key))
      values[key] = value;
  }
  for (const auto& key : configuration_keys()) {
    auto name = std::string(key.name);
    if (name == "caf.*")
      continue;
    if (const auto id = name.find(".ID."); id != std::string::npos)
      name.replace(id, 4, ".another-workspace.");
    ASSERT_TRUE(values.contains(name)) << name;
    std::string error;
    if (!key.default_value.empty()) {
      EXPECT_EQ(values[name], print_configuration_value(*parse_configuration_value(key.default_value, error)))
          << name;
    }
  }
}

TEST_F(configuration_texts_test, has_a_reference_with_every_key_option_and_variable) {
  const auto text = read_text(SOURCE_FOLDER "/docs/configuration.md");
  for (const auto& key : configuration_keys()) {
    EXPECT_CONTAINS(text, "| `" + std::string(key.name) + "` | ");
    EXPECT_CONTAINS(text, std::string(key.environment));
  }
  for (const auto& option : configuration_options())
    EXPECT_CONTAINS(text, std::string(option.name));
}

} // namespace
