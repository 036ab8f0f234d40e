#include "app/stats/beat_history.hpp"
#include "app/stats/json_writer.hpp"

#include <gtest/gtest.h>

using namespace workspace_supervisor;

namespace {

constexpr double start = 1'800'000'000; // a whole minute

class beat_history_test : public testing::Test {
protected:
  beat_history_test() {
    for (const auto* id : {"a", "b"}) {
      auto workspace = std::make_shared<workspace_context>();
      workspace->settings.id = id;
      process.workspaces.add(std::move(workspace));
    }
  }
  void deliver(workspace_number workspace, double seconds) {
    auto& probe = process.workspaces.at(workspace)->probe;
    probe.last_latency.store(seconds);
    probe.beat_latency.add(std::chrono::nanoseconds{static_cast<std::int64_t>(seconds * 1e9)});
  }
  void fail(workspace_number workspace) { process.workspaces.at(workspace)->probe.beats_failed.fetch_add(1); }
  std::string told(workspace_number workspace) const {
    json_writer json;
    history.write(json, workspace);
    return json.take();
  }

  process_context process;
  beat_history history;
};

TEST_F(beat_history_test, nothing_is_told_before_the_first_sample) {
  EXPECT_EQ(told(1), R"({"start":0,"step_seconds":60,"delivered":[],"failed":[],"latency_max":[]})"
                     "\n");
}

TEST_F(beat_history_test, beats_are_counted_in_the_minute_in_which_they_are_read) {
  history.sample(process, start);
  deliver(1, 0.25);
  fail(1);
  history.sample(process, start + 10);
  deliver(1, 0.125);
  history.sample(process, start + 20);
  deliver(1, 0.5);
  history.sample(process, start + 60);
  EXPECT_EQ(told(1), R"({"start":1800000000,"step_seconds":60,"delivered":[2,1],"failed":[1,0],)"
                     R"("latency_max":[0.25,0.5]})"
                     "\n");
}

TEST_F(beat_history_test, workspaces_are_kept_apart) {
  deliver(2, 0.25);
  history.sample(process, start);
  EXPECT_NE(told(1).find(R"("delivered":[0])"), std::string::npos);
  EXPECT_NE(told(2).find(R"("delivered":[1])"), std::string::npos);
}

TEST_F(beat_history_test, a_minute_without_a_sample_is_empty) {
  fail(1);
  history.sample(process, start);
  fail(1);
  history.sample(process, start + 180);
  EXPECT_NE(told(1).find(R"("failed":[1,0,0,1])"), std::string::npos) << told(1);
}

TEST_F(beat_history_test, an_hour_is_kept) {
  for (int minute = 0; minute < 100; ++minute) {
    deliver(1, 0.001);
    history.sample(process, start + 60.0 * minute);
  }
  const auto text = told(1);
  EXPECT_EQ(text.find("{\"start\":" + std::to_string(1'800'000'000 + 60 * 40) + ","), 0U) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), ','), 3 * 59 + 4);
}

TEST_F(beat_history_test, a_sleep_of_days_leaves_an_empty_hour) {
  deliver(1, 0.001);
  history.sample(process, start);
  history.sample(process, start + 3 * 86400);
  EXPECT_EQ(told(1).find('1', told(1).find("delivered")), std::string::npos) << told(1);
}

TEST_F(beat_history_test, a_clock_that_is_set_back_loses_no_beat) {
  deliver(1, 0.001);
  history.sample(process, start);
  deliver(1, 0.001);
  history.sample(process, start - 7200);
  EXPECT_NE(told(1).find(R"("delivered":[2])"), std::string::npos) << told(1);
}

TEST_F(beat_history_test, more_beats_than_a_minute_holds_are_not_told_as_few) {
  history.sample(process, start);
  process.workspaces.at(1)->probe.beats_failed.store(100'000);
  history.sample(process, start + 1);
  EXPECT_NE(told(1).find(R"("failed":[65535])"), std::string::npos) << told(1);
}

TEST_F(beat_history_test, of_a_workspace_that_has_gone_nothing_is_kept) {
  history.sample(process, start);
  deliver(1, 0.25);
  deliver(2, 0.25);
  history.sample(process, start + 1);
  process.workspaces.remove(1);
  history.sample(process, start + 2);
  EXPECT_NE(told(1).find(R"("delivered":[])"), std::string::npos) << told(1);
  EXPECT_NE(told(2).find(R"("delivered":[1])"), std::string::npos) << told(2);
}

} // namespace
