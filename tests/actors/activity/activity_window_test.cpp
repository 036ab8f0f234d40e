#include "actors/activity/activity_window.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace workspace_supervisor {
namespace {

set_activity tasks(std::int64_t count) {
  set_activity change;
  change.has_active_tasks = true;
  change.active_tasks = count;
  return change;
}

set_activity task(const std::string& text) {
  set_activity change;
  change.has_current_task = true;
  change.current_task = text;
  return change;
}

record_outcomes outcomes(std::int64_t successes, std::int64_t errors) {
  return {successes, errors, false, {}};
}

record_outcomes error(const std::string& text) {
  return {0, 1, true, text};
}

/// What a beat that tells all of `report` takes back when it is delivered.
report_delivered all_of(const activity_report& report) {
  return {report.requests, report.errors, report.sample_error.empty() ? 0 : report.sample_number};
}

TEST(activity_window, change_of_tasks_or_task_asks_for_a_beat) {
  activity_report report;
  EXPECT_TRUE(apply(report, tasks(2)));
  EXPECT_TRUE(apply(report, task("reading")));
  EXPECT_EQ(report.active_tasks, 2);
  EXPECT_EQ(report.current_task, "reading");
}

TEST(activity_window, what_is_said_again_asks_for_none) {
  activity_report report;
  apply(report, tasks(2));
  apply(report, task("reading"));
  EXPECT_FALSE(apply(report, tasks(2)));
  EXPECT_FALSE(apply(report, task("reading")));
  EXPECT_FALSE(apply(report, set_activity{}));
}

TEST(activity_window, part_that_is_not_given_stays) {
  activity_report report;
  apply(report, tasks(2));
  apply(report, task("reading"));
  apply(report, tasks(3));
  EXPECT_EQ(report.current_task, "reading");
  apply(report, task(""));
  EXPECT_EQ(report.active_tasks, 3);
  EXPECT_EQ(report.current_task, "");
}

TEST(activity_window, rate_is_errors_over_requests) {
  activity_report report;
  apply(report, outcomes(6, 1));
  apply(report, outcomes(0, 1));
  EXPECT_DOUBLE_EQ(report.error_rate(), 0.25);
}

TEST(activity_window, rate_without_requests_is_none) {
  EXPECT_DOUBLE_EQ(activity_report{}.error_rate(), 0);
}

TEST(activity_window, delivered_report_is_taken_from_the_window) {
  activity_report report;
  apply(report, outcomes(3, 1));
  apply(report, error("boom"));
  apply(report, all_of(report));
  EXPECT_EQ(report.requests, 0);
  EXPECT_EQ(report.errors, 0);
  EXPECT_EQ(report.sample_error, "");
}

TEST(activity_window, what_came_while_the_beat_was_under_way_stays) {
  activity_report report;
  apply(report, error("first"));
  const auto told = all_of(report);
  apply(report, outcomes(1, 0));
  apply(report, error("second"));
  apply(report, told);
  EXPECT_EQ(report.requests, 2);
  EXPECT_EQ(report.errors, 1);
  EXPECT_EQ(report.sample_error, "second");
}

TEST(activity_window, equal_error_text_that_came_meanwhile_stays_too) {
  activity_report report;
  apply(report, error("boom"));
  const auto told = all_of(report);
  apply(report, error("boom"));
  apply(report, told);
  EXPECT_EQ(report.sample_error, "boom");
}

TEST(activity_window, error_text_that_was_not_told_stays) {
  activity_report report;
  apply(report, error("boom"));
  apply(report, report_delivered{report.requests, report.errors, 0});
  EXPECT_EQ(report.sample_error, "boom");
}

TEST(activity_window, report_taken_twice_leaves_no_negative_counts) {
  activity_report report;
  apply(report, error("boom"));
  const auto told = all_of(report);
  apply(report, told);
  apply(report, told);
  EXPECT_EQ(report.requests, 0);
  EXPECT_EQ(report.errors, 0);
}

TEST(activity_window, counts_have_an_upper_end) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  activity_report report;
  apply(report, outcomes(most, most));
  apply(report, outcomes(most, most));
  EXPECT_GT(report.requests, 0);
  EXPECT_GT(report.errors, 0);
  EXPECT_LE(report.error_rate(), 1.0);
}

TEST(activity_window, wedged_asks_for_a_beat_and_so_does_its_end) {
  activity_report report;
  EXPECT_TRUE(apply(report, set_runtime_state{true, "stuck"}));
  EXPECT_EQ(report.wedged_reason, "stuck");
  EXPECT_FALSE(apply(report, set_runtime_state{true, "still stuck"}));
  EXPECT_EQ(report.wedged_reason, "still stuck");
  EXPECT_TRUE(apply(report, set_runtime_state{false, "ignored"}));
  EXPECT_EQ(report.wedged_reason, "");
}

TEST(activity_window, metadata_is_kept_and_cleared) {
  activity_report report;
  apply(report, set_runtime_metadata{R"({"model":"m"})"});
  EXPECT_EQ(report.runtime_metadata, R"({"model":"m"})");
  apply(report, set_runtime_metadata{""});
  EXPECT_EQ(report.runtime_metadata, "");
}

// -- what the supervisor has found out of the agent

TEST(activity_window, an_agent_in_trouble_is_told_of_before_what_it_said_itself) {
  activity_report report;
  apply(report, set_runtime_state{true, "its own words"});
  EXPECT_TRUE(apply(report, set_agent_state{"agent process 812 is gone", false, 0}));
  EXPECT_EQ(*report.trouble(), "agent process 812 is gone");
  EXPECT_FALSE(apply(report, set_agent_state{"agent process 813 is gone", false, 0}));
  EXPECT_TRUE(apply(report, set_agent_state{}));
  EXPECT_EQ(*report.trouble(), "its own words");
  apply(report, set_runtime_state{});
  EXPECT_EQ(report.trouble(), nullptr);
}

TEST(activity_window, tasks_of_one_that_went_are_taken_back_and_later_ones_kept) {
  activity_report report;
  apply(report, tasks(2));
  apply(report, task("reading"));
  report.tasks_set_at = 100;
  EXPECT_FALSE(apply(report, set_agent_state{"", false, 100})) << "set when it had gone";
  EXPECT_EQ(report.active_tasks, 2);
  EXPECT_TRUE(apply(report, set_agent_state{"", false, 101}));
  EXPECT_EQ(report.active_tasks, 0);
  EXPECT_EQ(report.current_task, "");
}

TEST(activity_window, tasks_of_one_that_is_stopped_rest_until_it_goes_on) {
  activity_report report;
  apply(report, tasks(2));
  EXPECT_TRUE(apply(report, set_agent_state{"agent process 812 is stopped", true, 0}));
  EXPECT_EQ(report.told_tasks(), 0);
  EXPECT_TRUE(apply(report, set_agent_state{}));
  EXPECT_EQ(report.told_tasks(), 2);
}

TEST(activity_window, a_task_stalls_without_a_sign_of_life_and_the_next_one_clears_it) {
  constexpr std::int64_t second = 1000000000;
  activity_report report;
  EXPECT_FALSE(find_stalled(report, 60 * second, 1000 * second)) << "there is no task";
  apply(report, task("reading"));
  note_sign_of_life(report, 1000 * second);
  EXPECT_FALSE(find_stalled(report, 60 * second, 1060 * second - 1));
  EXPECT_TRUE(find_stalled(report, 60 * second, 1060 * second));
  EXPECT_EQ(*report.trouble(), "no progress for 60 s: reading");
  EXPECT_FALSE(find_stalled(report, 60 * second, 2000 * second)) << "it has been said";
  apply(report, report_progress{"page\n12"});
  EXPECT_TRUE(note_sign_of_life(report, 2000 * second));
  EXPECT_EQ(report.trouble(), nullptr);
  apply(report, report_progress{});
  EXPECT_TRUE(find_stalled(report, 60 * second, 2060 * second));
  EXPECT_EQ(*report.trouble(), "no progress for 60 s: reading (last: page 12)") << "the last note is kept";
}

} // namespace
} // namespace workspace_supervisor
