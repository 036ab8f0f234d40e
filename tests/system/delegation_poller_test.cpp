#include "tests/system/harness.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <thread>

namespace workspace_supervisor {
namespace {

using namespace std::chrono_literals;

system_options asked_alone() {
  system_options options;
  options.adjust = only_when_asked;
  return options;
}

/// Polls only when asked, after the first.
struct poller_system : system_under_test {
  explicit poller_system(system_options options = asked_alone())
      : system_under_test(std::move(options)) {}
  /// Polls, and waits until what is new has been filed. @returns the lines that were filed.
  std::vector<std::string> filed_by_poll(std::size_t expected) {
    EXPECT_TRUE(poll().succeeded);
    std::vector<std::string> lines;
    EXPECT_TRUE(wait_until([&] {
      // Taken away just while it was written, a line comes twice.
      for (auto& line : take_results())
        if (seen_.insert(line).second)
          lines.push_back(std::move(line));
      return lines.size() >= expected;
    }));
    EXPECT_EQ(lines.size(), expected);
    return lines;
  }

private:
  std::set<std::string> seen_;
};

std::string time_text(std::time_t seconds) {
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

platform_delegation row(const std::string& id, std::time_t created_at) {
  platform_delegation result;
  result.delegation_id = id;
  result.source_id = "ws-a";
  result.status = "completed";
  result.created_at = time_text(created_at);
  return result;
}

TEST(delegation_poller, polls_every_interval_on_its_own_clock) {
  system_options options;
  options.adjust = [](settings& configuration) {
    only_when_asked(configuration);
    configuration.delegation.interval = 50ms;
  };
  system_under_test system{options};
  system.platform().order(fault(fault_action::hang, request_class::beat));
  system.start();
  EXPECT_TRUE(system.platform().wait_for(request_class::delegations, 6));
}

TEST(delegation_poller, one_poll_is_under_way_at_a_time) {
  system_options options;
  options.adjust = [](settings& configuration) {
    configuration.heartbeat.interval = 50ms;
    configuration.delegation.interval = 50ms;
    configuration.delegation.timeout = 60s; // longer than anything here is waited for
  };
  system_under_test system{options};
  system.platform().order(fault(fault_action::hang, request_class::delegations, 1));
  system.start();
  ASSERT_TRUE(system.platform().wait_for(request_class::delegations));
  ASSERT_TRUE(system.wait_for_more(request_class::beat, 10));
  EXPECT_EQ(system.count(request_class::delegations), 1u);
  system.platform().release();
  EXPECT_TRUE(system.wait_for_more(request_class::delegations, 2));
}

TEST(delegation_poller, new_result_is_filed_as_one_line) {
  poller_system system;
  system.start();
  system.add_result("delegation-1", "failed");
  const auto lines = system.filed_by_poll(1);
  EXPECT_EQ(member(lines[0], "/delegation_id"), "delegation-1");
  EXPECT_EQ(member(lines[0], "/target_id"), "target-1");
  EXPECT_EQ(member(lines[0], "/source_id"), "ws-a");
  EXPECT_EQ(member(lines[0], "/status"), "failed");
  EXPECT_EQ(member(lines[0], "/summary"), "summary of delegation-1");
  EXPECT_EQ(member(lines[0], "/response_preview"), "preview of delegation-1");
  EXPECT_EQ(member(lines[0], "/error"), "error of delegation-1");
  EXPECT_GT(std::stod(member(lines[0], "/timestamp")), 1.6e9);
}

/// So many rows that their list is not read on the loop, and that they are filed in several parts.
constexpr int long_list = 600;

void add_long_list(system_under_test& system) {
  for (int number = 0; number < long_list; ++number)
    system.add_result("delegation-" + std::to_string(number));
}

TEST(delegation_poller, a_long_list_is_read_beside_the_loop_and_filed_whole) {
  poller_system system;
  system.start();
  ASSERT_TRUE(system.poll().succeeded);
  EXPECT_EQ(system.actor("list-reader", "").messages(), 0u);
  add_long_list(system);
  EXPECT_EQ(system.filed_by_poll(long_list).size(), static_cast<std::size_t>(long_list));
  EXPECT_GT(system.actor("list-reader", "").messages(), 0u);
  EXPECT_EQ(system.events("delegation.new").size(), static_cast<std::size_t>(long_list));
}

TEST(delegation_poller, a_long_list_that_has_not_changed_is_no_news) {
  poller_system system;
  add_long_list(system); // before the first poll, which would find a part of it
  system.start();
  system.filed_by_poll(long_list);
  EXPECT_EQ(system.poll().news, 0);
  system.add_result("one-more");
  EXPECT_EQ(system.poll().news, 1);
}

TEST(delegation_poller, a_crash_of_the_list_reader_costs_no_result) {
  // When it comes to the list, and when the store has recorded what is in it.
  for (const std::uint64_t message : {1u, 2u}) {
    poller_system system;
    add_long_list(system);
    system.start_crashing("list-reader", "", message);
    EXPECT_TRUE(system.wait_for_event("actor.crashed")) << message;
    system.filed_by_poll(long_list);
  }
}

TEST(delegation_poller, results_file_is_private) {
  poller_system system;
  system.start();
  system.add_result("delegation-1");
  ASSERT_TRUE(system.poll().succeeded);
  ASSERT_TRUE(system.wait_for_event("results.filed"));
  EXPECT_EQ(mode_of(system.results_file()), 0600u);
}

TEST(delegation_poller, result_is_handled_once) {
  poller_system system;
  system.start();
  system.add_result("delegation-1");
  system.filed_by_poll(1);
  for (int poll = 0; poll < 3; ++poll)
    EXPECT_EQ(system.poll().news, 0);
  system.add_result("delegation-2");
  const auto lines = system.filed_by_poll(1);
  EXPECT_EQ(member(lines[0], "/delegation_id"), "delegation-2");
}

TEST(delegation_poller, status_is_part_of_what_was_handled) {
  poller_system system;
  system.start();
  system.add_result("delegation-1", "failed");
  system.filed_by_poll(1);
  system.add_result("delegation-1", "completed");
  EXPECT_EQ(member(system.filed_by_poll(1)[0], "/status"), "completed");
}

TEST(delegation_poller, only_completed_and_failed_rows_count) {
  poller_system system;
  system.start();
  for (const auto* status : {"pending", "in_progress", "COMPLETED", "queued"})
    system.add_result(std::string{"delegation-"} + status, status);
  const auto outcome = system.poll();
  EXPECT_TRUE(outcome.succeeded);
  EXPECT_EQ(outcome.news, 0);
  EXPECT_EQ(system.probe().malformed_rows.load(), 0u);
}

TEST(delegation_poller, broken_rows_cost_themselves_alone) {
  poller_system system;
  system.start();
  ASSERT_TRUE(system.poll().succeeded); // the first one might find a part of the list
  system.add_result("delegation-1");
  for (const auto* broken :
       {R"({"status":"completed","source_id":"ws-a"})", R"({"delegation_id":"b1","source_id":"ws-a"})",
        R"({"delegation_id":"b2","status":"completed"})",
        R"({"delegation_id":"b3","status":7,"source_id":"ws-a"})",
        R"({"delegation_id":"b4","status":"completed","source_id":null})", "null", "17", "[]"})
    system.platform().add_raw_delegation("ws-a", broken);
  system.platform().add_raw_delegation(
      "ws-a", R"({"delegation_id":"odd","status":"completed","source_id":"ws-a","summary":5,"error":{},
                  "response_preview":[1],"target_id":null,"created_at":false})");
  const auto lines = system.filed_by_poll(2);
  EXPECT_GE(system.probe().malformed_rows.load(), 4u);
  bool odd = false;
  for (const auto& line : lines)
    if (member(line, "/delegation_id") == "odd") {
      odd = true;
      EXPECT_EQ(member(line, "/summary"), "");
      EXPECT_EQ(member(line, "/target_id"), "");
    }
  EXPECT_TRUE(odd);
}

TEST(delegation_poller, request_and_result_rows_are_one_result) {
  poller_system system;
  system.start();
  system.platform().set_raw_delegations(
      "ws-a", {R"({"delegation_id":"d","status":"completed","source_id":"ws-a","target_id":"t",
                   "summary":"of the result","response_preview":"preview"})",
               R"({"delegation_id":"d","status":"completed","source_id":"ws-a","summary":"of the request",
                   "error":"e"})"});
  const auto lines = system.filed_by_poll(1);
  EXPECT_EQ(member(lines[0], "/summary"), "of the result");
  EXPECT_EQ(member(lines[0], "/response_preview"), "preview");
  EXPECT_EQ(member(lines[0], "/error"), "e");
}

TEST(delegation_poller, foreign_result_is_told_once_and_never_handled) {
  poller_system system;
  system.start();
  auto foreign = row("delegation-1", std::time(nullptr));
  foreign.source_id = "ws-evil";
  system.platform().add_delegation("ws-a", foreign);
  for (int poll = 0; poll < 3; ++poll) {
    EXPECT_EQ(system.poll().news, 0);
    system.add_result("pending-" + std::to_string(poll), "pending"); // another answer each time
  }
  EXPECT_EQ(system.events("delegation.foreign").size(), 1u);
  EXPECT_EQ(system.probe().foreign_rows.load(), 1u);
  EXPECT_TRUE(system.take_results().empty());
}

TEST(delegation_poller, foreign_row_does_not_keep_the_genuine_one_away) {
  poller_system system;
  system.start();
  auto foreign = row("delegation-1", std::time(nullptr));
  foreign.source_id = "ws-evil";
  foreign.summary = "injected";
  system.platform().add_delegation("ws-a", foreign);
  EXPECT_EQ(system.poll().news, 0);
  system.add_result("delegation-1");
  system.platform().add_delegation("ws-a", foreign);
  const auto lines = system.filed_by_poll(1);
  EXPECT_EQ(member(lines[0], "/source_id"), "ws-a");
  EXPECT_EQ(member(lines[0], "/summary"), "summary of delegation-1");
}

TEST(delegation_poller, foreign_row_is_told_once_across_crashes) {
  poller_system system;
  system.start();
  auto foreign = row("delegation-1", std::time(nullptr));
  foreign.source_id = "ws-evil";
  system.platform().add_delegation("ws-a", foreign);
  system.poll();
  ASSERT_TRUE(system.crash("delegation-poller"));
  system.add_result("pending-1", "pending");
  EXPECT_TRUE(system.poll().succeeded);
  EXPECT_EQ(system.events("delegation.foreign").size(), 1u);
}

TEST(delegation_poller, of_many_foreign_rows_the_newest_are_remembered) {
  constexpr std::size_t rows = 1100, remembered = 1024;
  poller_system system;
  system.start();
  ASSERT_TRUE(system.poll().succeeded);
  for (std::size_t number = 0; number < rows; ++number) {
    auto foreign = row("foreign-" + std::to_string(number), std::time(nullptr));
    foreign.source_id = "ws-evil";
    system.platform().add_delegation("ws-a", foreign);
  }
  EXPECT_EQ(system.poll().news, 0);
  EXPECT_EQ(system.probe().foreign_rows.load(), rows);
  system.add_result("pending-1", "pending"); // another answer
  EXPECT_EQ(system.poll().news, 0);
  EXPECT_EQ(system.probe().foreign_rows.load(), rows + (rows - remembered));
}

TEST(delegation_poller, results_older_than_the_backlog_are_history_in_the_first_poll) {
  poller_system system;
  const auto now = std::time(nullptr);
  system.platform().add_delegation("ws-a", row("old", now - 3700));
  system.platform().add_delegation("ws-a", row("new", now - 3500));
  auto undated = row("undated", now);
  undated.created_at = "yesterday";
  system.platform().add_delegation("ws-a", undated);
  system.start();
  const auto lines = system.filed_by_poll(2);
  for (const auto& line : lines)
    EXPECT_NE(member(line, "/delegation_id"), "old");
  ASSERT_TRUE(system.wait_for_event("notification.delivered", 2));
  for (const auto& told : system.platform().messages())
    EXPECT_EQ(told.text.find("\"old\""), std::string::npos);
  EXPECT_EQ(system.platform().notifications().size(), 2u);
}

TEST(delegation_poller, backlog_counts_by_the_platforms_clock) {
  poller_system system;
  auto ahead = fault(fault_action::answer, request_class::delegations);
  ahead.headers = {{"Date", "Thu, 02 Jan 2020 12:00:00 GMT"}};
  system.platform().order(ahead);
  auto recent = row("recent", 0);
  recent.created_at = "2020-01-02T11:30:00Z";
  auto old = row("old", 0);
  old.created_at = "2020-01-02T10:30:00Z";
  system.platform().add_delegation("ws-a", recent);
  system.platform().add_delegation("ws-a", old);
  system.start();
  EXPECT_EQ(member(system.filed_by_poll(1)[0], "/delegation_id"), "recent");
}

TEST(delegation_poller, after_the_first_poll_nothing_is_history) {
  poller_system system;
  system.start();
  ASSERT_TRUE(system.poll().succeeded) << "an empty list counts";
  system.platform().add_delegation("ws-a", row("old", std::time(nullptr) - 86400));
  EXPECT_EQ(member(system.filed_by_poll(1)[0], "/delegation_id"), "old");
}

TEST(delegation_poller, failed_first_poll_does_not_end_the_time_of_history) {
  poller_system system;
  system.platform().order(fault(fault_action::invalid_json, request_class::delegations, 1));
  system.platform().add_delegation("ws-a", row("old", std::time(nullptr) - 86400));
  system.start();
  ASSERT_TRUE(system.wait_for_event("poll.failed"));
  const auto outcome = system.poll();
  EXPECT_TRUE(outcome.succeeded);
  EXPECT_EQ(outcome.news, 0);
}

TEST(delegation_poller, what_was_handled_is_remembered_over_a_restart) {
  auto options = asked_alone();
  options.durable = true;
  poller_system system{options};
  system.start();
  system.add_result("delegation-1");
  system.filed_by_poll(1);
  ASSERT_TRUE(system.wait_for_event("self-message.delivered"));
  ASSERT_TRUE(system.wait_for_event("notification.delivered"));
  system.stop();
  system.platform().add_delegation("ws-a", row("late", std::time(nullptr) - 86400));
  system.start();
  EXPECT_EQ(member(system.filed_by_poll(1)[0], "/delegation_id"), "late") << "with state nothing is history";
  ASSERT_TRUE(system.wait_for_event("notification.delivered", 2));
  EXPECT_EQ(system.platform().notifications().size(), 2u);
}

TEST(delegation_poller, what_was_handled_is_not_forgotten_while_it_is_listed) {
  poller_system system;
  system.start();
  system.add_result("delegation-0");
  system.filed_by_poll(1);
  std::vector<std::string> rows;
  for (int number = 0; number < 6000; ++number)
    rows.push_back(R"({"delegation_id":"delegation-)" + std::to_string(number) +
                   R"(","status":"completed","source_id":"ws-a"})");
  system.platform().set_raw_delegations("ws-a", rows);
  EXPECT_EQ(system.poll().news, 5999);
  rows.push_back(R"({"delegation_id":"one more","status":"completed","source_id":"ws-a"})");
  system.platform().set_raw_delegations("ws-a", rows);
  EXPECT_EQ(system.poll().news, 1);
}

TEST(delegation_poller, results_file_that_cannot_be_written_holds_results_back) {
  poller_system system;
  std::filesystem::create_directory(system.results_file());
  system.start();
  system.add_result("delegation-1");
  ASSERT_TRUE(system.poll().succeeded);
  ASSERT_TRUE(system.wait_for_event("results-file.failed"));
  EXPECT_TRUE(system.beat().delivered);
  EXPECT_TRUE(system.platform().messages().empty()) << "told once they are filed";
  EXPECT_TRUE(system.platform().notifications().empty());
  std::filesystem::remove(system.results_file());
  ASSERT_TRUE(system.wait_for_event("self-message.delivered"));
  ASSERT_TRUE(system.wait_for_event("notification.delivered"));
  EXPECT_EQ(system.take_results().size(), 1u);
}

TEST(delegation_poller, symbolic_link_is_not_followed) {
  poller_system system;
  const auto elsewhere = system.configs_dir() + "/elsewhere";
  write_content(elsewhere, "");
  std::filesystem::create_symlink(elsewhere, system.results_file());
  system.start();
  system.add_result("delegation-1");
  ASSERT_TRUE(system.poll().succeeded);
  ASSERT_TRUE(system.wait_for_event("results-file.failed"));
  EXPECT_EQ(content_of(elsewhere), "");
}

TEST(delegation_poller, agent_may_take_the_file_away_at_any_moment) {
  system_options options;
  options.adjust = [](settings& configuration) {
    configuration.delegation.interval = 20ms;
  };
  poller_system system{options};
  system.start();
  std::vector<std::string> taken;
  for (int number = 0; number < 60; ++number) {
    system.add_result("delegation-" + std::to_string(number));
    for (auto& line : system.take_results())
      taken.push_back(member(line, "/delegation_id"));
  }
  EXPECT_TRUE(system.wait_until([&] {
    for (auto& line : system.take_results())
      taken.push_back(member(line, "/delegation_id"));
    std::sort(taken.begin(), taken.end());
    taken.erase(std::unique(taken.begin(), taken.end()), taken.end());
    return taken.size() == 60;
  })) << taken.size();
}

TEST(delegation_poller, polls_go_on_after_each_crash) {
  system_options options;
  options.adjust = [](settings& configuration) {
    configuration.delegation.interval = 100ms;
  };
  poller_system system{options};
  system.start();
  for (std::uint64_t restart = 1; restart <= 4; ++restart) {
    ASSERT_TRUE(system.crash("delegation-poller"));
    EXPECT_EQ(system.actor("delegation-poller").restarts(), restart);
    ASSERT_TRUE(system.wait_for_more(request_class::delegations, 2));
  }
}

TEST(delegation_poller, result_that_was_polled_in_a_crash_is_filed) {
  poller_system system;
  system.start();
  ASSERT_TRUE(system.poll().succeeded);
  system.add_result("delegation-1");
  system.platform().order(fault(fault_action::hang, request_class::delegations, 1));
  std::thread asking{[&] {
    system.poll();
  }};
  EXPECT_TRUE(
      system.platform().wait_until([](const platform_view& view) { return view.counts().hanging == 1; }));
  EXPECT_TRUE(system.crash("delegation-poller"));
  system.platform().clear_faults();
  asking.join();
  EXPECT_TRUE(system.wait_for_event("results.filed"));
  EXPECT_EQ(system.take_results().size(), 1u);
}

TEST(delegation_poller, failures_are_told_as_those_of_beats) {
  system_options options;
  options.adjust = [](settings& configuration) {
    configuration.delegation.interval = 10ms;
  };
  system_under_test system{options};
  system.platform().order(answer_status(500, request_class::delegations, 11));
  system.start();
  ASSERT_TRUE(system.wait_for_event("poll.recovered"));
  const auto failed = system.events("poll.failed");
  ASSERT_EQ(failed.size(), 11u);
  for (int number = 1; number <= 11; ++number)
    EXPECT_EQ(failed[static_cast<std::size_t>(number - 1)].level,
              static_cast<int>(number <= 3 || number == 10 ? log_level::warning : log_level::debug));
}

} // namespace
} // namespace workspace_supervisor
