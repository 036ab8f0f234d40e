#include "tests/system/harness.hpp"

#include <gtest/gtest.h>

namespace workspace_supervisor {
namespace {

struct activity_system : system_under_test {
  activity_system()
      : system_under_test([] {
        system_options options;
        options.adjust = only_when_asked;
        return options;
      }()) {
    start();
    EXPECT_TRUE(wait_until([this] { return probe().last_delivered.load() > 0; }));
  }
  platform_beat last_beat() { return platform().beats().back(); }
};

TEST(activity, error_rate_is_errors_over_requests) {
  activity_system system;
  system.say(record_outcomes{3, 0, false, {}});
  system.record_error("boom");
  ASSERT_TRUE(system.beat().delivered);
  EXPECT_DOUBLE_EQ(system.last_beat().error_rate, 0.25);
  EXPECT_EQ(system.last_beat().sample_error, "boom");
}

TEST(activity, rate_is_none_without_requests) {
  activity_system system;
  ASSERT_TRUE(system.beat().delivered);
  EXPECT_DOUBLE_EQ(system.last_beat().error_rate, 0);
}

TEST(activity, delivered_beat_takes_from_the_window_what_it_told) {
  activity_system system;
  system.record_error("boom");
  ASSERT_TRUE(system.beat().delivered);
  ASSERT_TRUE(system.beat().delivered);
  EXPECT_DOUBLE_EQ(system.last_beat().error_rate, 0);
  EXPECT_EQ(system.last_beat().sample_error, "");
}

TEST(activity, error_recorded_while_the_beat_was_under_way_is_told_by_the_next) {
  activity_system system;
  system.record_error("first");
  system.platform().order(fault(fault_action::hang, request_class::beat, 1));
  system.set_task("makes a beat");
  ASSERT_TRUE(system.platform().wait_for(request_class::beat, 2));
  system.say(record_outcomes{1, 0, false, {}});
  system.record_error("second");
  system.platform().release();
  ASSERT_TRUE(system.wait_until([&] { return system.activity().requests == 2; }));
  ASSERT_TRUE(system.beat().delivered);
  EXPECT_EQ(system.last_beat().sample_error, "second");
  EXPECT_DOUBLE_EQ(system.last_beat().error_rate, 0.5);
}

TEST(activity, failed_beat_takes_nothing) {
  activity_system system;
  system.record_error("boom");
  system.platform().order(answer_status(500, request_class::beat, 1));
  ASSERT_FALSE(system.beat().delivered);
  ASSERT_TRUE(system.beat().delivered);
  EXPECT_EQ(system.last_beat().sample_error, "boom");
  EXPECT_DOUBLE_EQ(system.last_beat().error_rate, 1);
}

TEST(activity, metadata_goes_with_each_beat_until_cleared) {
  activity_system system;
  system.say(set_runtime_metadata{R"({"model":"m"})"});
  for (int beat = 0; beat < 2; ++beat) {
    ASSERT_TRUE(system.beat().delivered);
    EXPECT_EQ(system.last_beat().runtime_metadata, R"({"model":"m"})");
  }
  system.say(set_runtime_metadata{""});
  ASSERT_TRUE(system.beat().delivered);
  EXPECT_EQ(system.last_beat().runtime_metadata, "");
}

TEST(activity, error_of_the_window_is_told_when_the_runtime_is_no_longer_wedged) {
  activity_system system;
  system.record_error("boom");
  system.say(set_runtime_state{true, "stuck"});
  ASSERT_TRUE(system.beat().delivered);
  EXPECT_EQ(system.last_beat().sample_error, "stuck");
  system.say(set_runtime_state{false, ""});
  EXPECT_TRUE(system.platform().wait_until(
      [](const platform_view& view) { return view.beats().back().sample_error == "boom"; }));
}

TEST(activity, crash_of_its_actor_loses_nothing) {
  activity_system system;
  for (std::uint64_t restart = 1; restart <= 4; ++restart) {
    const auto error = "error " + std::to_string(restart);
    system.record_error(error);
    system.set_task("reading " + std::to_string(restart));
    system.say(set_runtime_metadata{R"({"model":"m"})"});
    ASSERT_TRUE(system.crash("activity"));
    EXPECT_EQ(system.actor("activity").restarts(), restart);
    const auto report = system.activity();
    EXPECT_EQ(report.current_task, "reading " + std::to_string(restart));
    EXPECT_EQ(report.active_tasks, 1);
    EXPECT_EQ(report.runtime_metadata, R"({"model":"m"})");
    ASSERT_TRUE(system.beat().delivered);
    EXPECT_EQ(system.last_beat().current_task, report.current_task);
  }
}

TEST(activity, window_survives_a_crash) {
  activity_system system;
  system.record_error("boom");
  ASSERT_TRUE(system.crash("activity"));
  ASSERT_TRUE(system.beat().delivered);
  EXPECT_EQ(system.last_beat().sample_error, "boom");
  EXPECT_DOUBLE_EQ(system.last_beat().error_rate, 1);
}

TEST(activity, beat_waits_for_nobody) {
  activity_system system;
  system.record_error("boom");
  system.set_task("reading");
  // However often it crashes, beats tell what was last known.
  for (int time = 0; time < 3; ++time) {
    system.strike("activity");
    ASSERT_TRUE(system.beat().delivered);
    EXPECT_EQ(system.last_beat().current_task, "reading");
  }
}

} // namespace
} // namespace workspace_supervisor
