#include "actors/supervision/restart_policy.hpp"

#include <gtest/gtest.h>

namespace workspace_supervisor {
namespace {

using namespace std::chrono_literals;

const restart_intensity::time begin = restart_intensity::time{} + 1h;
const restart_policy usual{10, 60s, 100ms, 30s};

TEST(restart_intensity, first_restart_is_at_once) {
  restart_intensity intensity;
  intensity.started(begin);
  EXPECT_EQ(intensity.ended(usual, begin + 1s), 0ms);
  EXPECT_EQ(intensity.in_a_row(), 1);
}

TEST(restart_intensity, then_the_delay_doubles_up_to_its_bound) {
  restart_policy patient = usual;
  patient.max_restarts = 13;
  restart_intensity intensity;
  intensity.started(begin);
  for (const auto expected : {0ms, 100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 6400ms, 12800ms, 25600ms,
                              30000ms, 30000ms, 30000ms}) {
    EXPECT_EQ(intensity.ended(patient, begin), expected);
    intensity.started(begin);
  }
}

TEST(restart_intensity, gives_up_at_the_restart_after_the_last_allowed) {
  restart_intensity intensity;
  for (int restart = 0; restart < 10; ++restart) {
    intensity.started(begin);
    ASSERT_TRUE(intensity.ended(usual, begin)) << restart;
  }
  intensity.started(begin);
  EXPECT_FALSE(intensity.ended(usual, begin));
}

TEST(restart_intensity, child_that_ran_for_within_starts_the_row_anew) {
  restart_intensity intensity;
  for (int restart = 0; restart < 10; ++restart) {
    intensity.started(begin);
    intensity.ended(usual, begin);
  }
  intensity.started(begin);
  EXPECT_EQ(intensity.ended(usual, begin + 60s), 0ms);
  EXPECT_EQ(intensity.in_a_row(), 1);
}

TEST(restart_intensity, child_that_ran_a_little_less_does_not) {
  restart_intensity intensity;
  intensity.started(begin);
  intensity.ended(usual, begin);
  intensity.started(begin);
  EXPECT_EQ(intensity.ended(usual, begin + 60s - 1ms), 100ms);
}

TEST(restart_intensity, only_the_time_it_ran_counts_and_not_the_delay) {
  restart_intensity intensity;
  intensity.started(begin);
  intensity.ended(usual, begin);
  intensity.started(begin + 59s); // after a long delay
  intensity.ended(usual, begin + 61s);
  EXPECT_EQ(intensity.in_a_row(), 2);
}

TEST(restart_intensity, without_restarts_it_gives_up_at_the_first_end) {
  restart_policy none = usual;
  none.max_restarts = 0;
  restart_intensity intensity;
  intensity.started(begin);
  EXPECT_FALSE(intensity.ended(none, begin));
  intensity.started(begin);
  EXPECT_FALSE(intensity.ended(none, begin + 2h)) << "however long it ran";
}

} // namespace
} // namespace workspace_supervisor
