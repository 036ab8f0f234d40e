#include "actors/heartbeat/beat_schedule.hpp"

#include <gtest/gtest.h>

namespace workspace_supervisor {
namespace {

using namespace std::chrono_literals;

using schedule_time = beat_schedule::time;

const schedule_time origin = schedule_time{} + 1h;
constexpr beat_schedule::policy usual{30s, 1s, 180s, 1s};

beat_schedule started() {
  return {usual, origin};
}

/// A beat at `at` that is over at once.
void beat(beat_schedule& schedule, schedule_time at) {
  schedule.begun(at);
  schedule.delivered(at);
}

/// Failed beats, each when it is due, without jitter. @returns when the last one failed.
schedule_time fail(beat_schedule& schedule, int times) {
  schedule_time at = schedule.due();
  for (int failure = 0; failure < times; ++failure) {
    at = schedule.due();
    schedule.begun(at);
    schedule.failed(at, 1, {});
  }
  return at;
}

TEST(beat_schedule, first_beat_is_due_at_once) {
  EXPECT_FALSE(beat_schedule{}.started());
  EXPECT_TRUE(started().started());
  EXPECT_EQ(started().due(), origin);
}

TEST(beat_schedule, then_one_is_due_every_interval) {
  auto schedule = started();
  for (int tick = 0; tick < 5; ++tick) {
    EXPECT_EQ(schedule.due(), origin + tick * 30s);
    beat(schedule, schedule.due());
  }
}

TEST(beat_schedule, lateness_does_not_move_the_phase) {
  auto schedule = started();
  beat(schedule, origin + 7s);
  EXPECT_EQ(schedule.due(), origin + 30s);
}

TEST(beat_schedule, ticks_that_fall_into_a_beat_are_skipped) {
  auto schedule = started();
  schedule.begun(origin);
  schedule.delivered(origin + 65s);
  EXPECT_EQ(schedule.due(), origin + 90s);
}

TEST(beat_schedule, extra_beat_does_not_move_the_phase) {
  auto schedule = started();
  beat(schedule, origin);
  beat(schedule, origin + 12s);
  EXPECT_EQ(schedule.due(), origin + 30s);
}

TEST(beat_schedule, retries_do_not_move_the_phase) {
  auto schedule = started();
  const auto last = fail(schedule, 3);
  schedule.begun(last + 4s);
  schedule.delivered(last + 4s);
  EXPECT_EQ(schedule.due(), origin + 30s);
}

TEST(beat_schedule, change_is_due_at_once) {
  auto schedule = started();
  beat(schedule, origin);
  schedule.changed(origin + 5s);
  EXPECT_LE(schedule.due(), origin + 5s);
}

TEST(beat_schedule, changes_are_told_at_most_once_a_second) {
  auto schedule = started();
  beat(schedule, origin);
  schedule.changed(origin + 5s);
  beat(schedule, origin + 5s);
  schedule.changed(origin + 5100ms);
  schedule.changed(origin + 5200ms);
  EXPECT_EQ(schedule.due(), origin + 6s);
  beat(schedule, origin + 6s);
  EXPECT_EQ(schedule.due(), origin + 30s) << "both were told by one beat";
}

TEST(beat_schedule, change_does_not_put_the_tick_off) {
  auto schedule = started();
  beat(schedule, origin);
  schedule.changed(origin + 29500ms);
  beat(schedule, origin + 29500ms);
  schedule.changed(origin + 29600ms);
  EXPECT_EQ(schedule.due(), origin + 30s);
}

TEST(beat_schedule, change_during_a_beat_is_told_by_the_next) {
  auto schedule = started();
  schedule.begun(origin);
  schedule.changed(origin + 100ms);
  schedule.delivered(origin + 200ms);
  EXPECT_LE(schedule.due(), origin + 200ms);
}

TEST(beat_schedule, change_right_after_a_tick_is_due_at_once) {
  auto schedule = started();
  beat(schedule, origin);
  beat(schedule, origin + 30s);
  schedule.changed(origin + 30100ms);
  EXPECT_LE(schedule.due(), origin + 30100ms) << "only beats for changes keep a distance from each other";
}

TEST(beat_schedule, change_before_the_first_beat_does_not_wait_for_it) {
  beat_schedule schedule{usual, origin + 20s};
  schedule.changed(origin);
  EXPECT_LE(schedule.due(), origin);
}

TEST(beat_schedule, failed_beat_is_retried_after_retry_min) {
  auto schedule = started();
  schedule.begun(origin);
  EXPECT_EQ(schedule.failed(origin + 2s, 1, {}), 1);
  EXPECT_EQ(schedule.due(), origin + 3s);
}

TEST(beat_schedule, delay_doubles_up_to_the_interval) {
  auto schedule = started();
  auto at = origin;
  for (const auto expected : {1s, 2s, 4s, 8s, 16s, 30s, 30s, 30s}) {
    schedule.begun(at);
    schedule.failed(at, 1, {});
    EXPECT_EQ(schedule.due() - at, expected);
    at = schedule.due();
  }
}

TEST(beat_schedule, delay_stays_at_the_interval_however_often_it_fails) {
  auto schedule = started();
  const auto last = fail(schedule, 1000);
  EXPECT_EQ(schedule.due() - last, 30s);
  EXPECT_EQ(schedule.failures(), 1000);
}

TEST(beat_schedule, jitter_shortens_a_delay_and_never_to_nothing) {
  for (const double random : {0.0, 0.3, 0.999}) {
    auto schedule = started();
    schedule.begun(origin);
    schedule.failed(origin, random, {});
    EXPECT_GE(schedule.due() - origin, 500ms);
    EXPECT_LE(schedule.due() - origin, 1s);
  }
}

TEST(beat_schedule, jitter_spreads) {
  auto early = started();
  auto late = started();
  early.failed(origin, 0, {});
  late.failed(origin, 0.9, {});
  EXPECT_LT(early.due(), late.due());
}

TEST(beat_schedule, retry_takes_the_place_of_the_ticks) {
  auto schedule = started();
  const auto last = fail(schedule, 7); // at 0, 1, 3, 7, 15, 31, 61 s: none of them but the first is a tick
  EXPECT_EQ(last, origin + 61s);
  EXPECT_EQ(schedule.due(), origin + 91s);
}

TEST(beat_schedule, retry_min_above_the_interval_is_the_interval) {
  beat_schedule schedule{{500ms, 1s, 180s, 1s}, origin};
  schedule.begun(origin);
  schedule.failed(origin, 1, {});
  EXPECT_EQ(schedule.due(), origin + 500ms);
}

TEST(beat_schedule, change_waits_for_the_retry) {
  auto schedule = started();
  const auto last = fail(schedule, 3);
  schedule.changed(last + 2s);
  EXPECT_EQ(schedule.due(), last + 4s);
}

TEST(beat_schedule, retry_after_is_honoured) {
  auto schedule = started();
  schedule.begun(origin);
  schedule.failed(origin, 1, 20s);
  EXPECT_EQ(schedule.due(), origin + 20s);
}

TEST(beat_schedule, retry_after_is_honoured_up_to_half_the_liveness_ttl) {
  auto schedule = started();
  schedule.begun(origin);
  schedule.failed(origin, 1, 24h);
  EXPECT_EQ(schedule.due(), origin + 90s);
}

TEST(beat_schedule, retry_after_never_makes_a_busy_loop) {
  auto schedule = started();
  schedule.begun(origin);
  schedule.failed(origin, 1, 0s);
  EXPECT_EQ(schedule.due(), origin + 1s);
}

TEST(beat_schedule, delivery_tells_how_many_failures_it_ended) {
  auto schedule = started();
  const auto last = fail(schedule, 4);
  schedule.begun(last + 8s);
  EXPECT_EQ(schedule.delivered(last + 8s), 4);
  EXPECT_EQ(schedule.failures(), 0);
  schedule.begun(last + 30s);
  EXPECT_EQ(schedule.delivered(last + 30s), 0);
}

TEST(beat_schedule, back_off_starts_anew_after_a_delivery) {
  auto schedule = started();
  fail(schedule, 5);
  beat(schedule, schedule.due());
  const auto at = fail(schedule, 1);
  EXPECT_EQ(schedule.due() - at, 1s);
}

TEST(beat_schedule, held_one_has_no_beat_due_until_it_is_let_go) {
  auto schedule = started();
  schedule.hold();
  schedule.changed(origin + 5s);
  EXPECT_EQ(schedule.due(), schedule_time::max());
  schedule.let_go(origin + 10s);
  EXPECT_LE(schedule.due(), origin + 10s);
  beat(schedule, origin + 10s);
  EXPECT_EQ(schedule.due(), origin + 40s) << "ticks count from the first beat";
  schedule.let_go(origin + 20s);
  EXPECT_EQ(schedule.due(), origin + 40s) << "once is enough";
}

TEST(beat_schedule, held_one_keeps_its_place_among_many) {
  auto schedule = started();
  schedule.hold();
  schedule.let_go(origin - 10s);
  EXPECT_EQ(schedule.due(), origin);
}

TEST(beat_schedule, successor_goes_on_with_the_phase) {
  auto schedule = started();
  beat(schedule, origin);
  schedule.resumed();
  EXPECT_EQ(schedule.due(), origin + 30s);
}

TEST(beat_schedule, successor_finds_the_tick_that_was_under_way_overdue) {
  auto schedule = started();
  schedule.begun(origin);
  schedule.resumed();
  EXPECT_LE(schedule.due(), origin);
}

TEST(beat_schedule, successor_makes_a_beat_for_a_change_again_that_was_under_way) {
  auto schedule = started();
  beat(schedule, origin);
  schedule.changed(origin + 5s);
  schedule.begun(origin + 5s);
  schedule.resumed();
  EXPECT_EQ(schedule.due(), origin + 6s);
  beat(schedule, origin + 6s);
  EXPECT_EQ(schedule.due(), origin + 30s);
}

TEST(beat_schedule, what_is_prompted_is_due_at_once_while_beats_fail) {
  auto schedule = started();
  schedule.prompted(origin);
  EXPECT_EQ(schedule.due(), origin);
  schedule.begun(origin);
  schedule.delivered(origin);
  const auto tick = schedule.due();
  schedule.prompted(origin + 1s);
  EXPECT_EQ(schedule.due(), tick) << "nothing fails";
  schedule.begun(tick);
  schedule.failed(tick, 0.5, 60s);
  EXPECT_GT(schedule.due(), tick + 5s);
  schedule.prompted(tick + 3s);
  EXPECT_EQ(schedule.due(), tick + 3s);
}

TEST(beat_schedule, prompting_again_and_again_is_no_busy_loop) {
  auto schedule = started();
  auto now = origin;
  int beats = 0;
  for (; now < origin + 10s; now += 10ms) {
    if (schedule.due() <= now) {
      ++beats;
      schedule.begun(now);
      schedule.failed(now, 0.5, std::nullopt);
    }
    schedule.prompted(now);
  }
  EXPECT_LE(beats, 12);
  EXPECT_GE(beats, 9);
}

} // namespace
} // namespace workspace_supervisor
