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

} // namespace
} // namespace workspace_supervisor
