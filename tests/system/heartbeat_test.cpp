#include "tests/system/harness.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace workspace_supervisor {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

system_options with(std::function<void(settings&)> adjust) {
  system_options options;
  options.adjust = std::move(adjust);
  return options;
}

/// Polls only when asked; beats as `adjust` has them.
system_options beats_alone(std::function<void(heartbeat_settings&)> adjust) {
  return with([adjust](settings& configuration) {
    configuration.delegation.interval = 1h;
    adjust(configuration.heartbeat);
  });
}

TEST(heartbeat, first_beat_is_sent_at_once) {
  system_under_test system{with(only_when_asked)};
  system.start();
  EXPECT_TRUE(system.platform().wait_for(request_class::beat));
}

TEST(heartbeat, then_one_is_sent_every_interval) {
  system_under_test system{beats_alone([](heartbeat_settings& beats) { beats.interval = 100ms; })};
  const auto before = steady::now();
  system.start();
  ASSERT_TRUE(system.platform().wait_for(request_class::beat, 6));
  const auto arrivals = system.platform().arrivals(request_class::beat);
  for (std::size_t number = 0; number < 6; ++number)
    EXPECT_GE(arrivals[number].at - before, number * 100ms) << "none comes before its tick";
}

TEST(heartbeat, beat_says_who_and_since_when) {
  system_under_test system{with(only_when_asked)};
  system.start();
  ASSERT_TRUE(system.platform().wait_for(request_class::beat));
  const auto body = system.platform().requests(request_class::beat)[0].body;
  EXPECT_EQ(member(body, "/workspace_id"), "ws-a");
  EXPECT_EQ(std::stod(member(body, "/error_rate")), 0.0);
  EXPECT_EQ(member(body, "/active_tasks"), "0");
  EXPECT_EQ(member(body, "/current_task"), "");
  EXPECT_EQ(member(body, "/sample_error"), "");
  EXPECT_EQ(member(body, "/uptime_seconds").find_first_not_of("0123456789"), std::string::npos);
  EXPECT_EQ(member(body, "/runtime_state"), "");
}

TEST(heartbeat, extra_beat_and_restart_bring_no_further_one) {
  system_under_test system{with(only_when_asked)};
  system.start();
  ASSERT_TRUE(system.wait_until([&] { return system.probe().last_delivered.load() > 0; }));
  EXPECT_TRUE(system.beat().delivered);
  ASSERT_TRUE(system.crash("heartbeat"));
  EXPECT_TRUE(system.beat().delivered);
  EXPECT_EQ(system.count(request_class::beat), 3u) << "the first and the two that were asked for";
}

TEST(heartbeat, successor_of_a_crashed_actor_makes_the_overdue_beat_at_once) {
  system_under_test system{with(only_when_asked)};
  system.platform().order(fault(fault_action::hang, request_class::beat, 1));
  system.start();
  ASSERT_TRUE(system.platform().wait_for(request_class::beat, 1));
  ASSERT_TRUE(system.crash("heartbeat"));
  EXPECT_TRUE(system.platform().wait_for(request_class::beat, 2));
  EXPECT_TRUE(system.wait_until([&] { return system.probe().last_delivered.load() > 0; }));
}

TEST(heartbeat, beats_go_on_after_each_crash) {
  system_under_test system{beats_alone([](heartbeat_settings& beats) { beats.interval = 100ms; })};
  system.start();
  for (std::uint64_t restart = 1; restart <= 4; ++restart) {
    ASSERT_TRUE(system.crash("heartbeat"));
    EXPECT_EQ(system.actor("heartbeat").restarts(), restart);
    ASSERT_TRUE(system.wait_for_more(request_class::beat, 2));
  }
}

TEST(heartbeat, one_beat_is_under_way_at_a_time) {
  system_under_test system{with([](settings& configuration) {
    configuration.heartbeat.interval = 50ms;
    configuration.heartbeat.timeout = 60s; // longer than anything here is waited for
    configuration.delegation.interval = 50ms;
  })};
  system.platform().order(fault(fault_action::hang, request_class::beat, 1));
  system.start();
  ASSERT_TRUE(system.platform().wait_for(request_class::beat, 1));
  system.set_task("a change does not start another either");
  ASSERT_TRUE(system.wait_for_more(request_class::delegations, 10)) << "ten intervals";
  EXPECT_EQ(system.count(request_class::beat), 1u);
  system.platform().release();
  EXPECT_TRUE(system.platform().wait_for(request_class::beat, 3)) << "and on they go";
}

TEST(heartbeat, beats_asked_for_at_once_share_one_request) {
  system_under_test system{with(only_when_asked)};
  system.start();
  ASSERT_TRUE(system.wait_until([&] { return system.probe().last_delivered.load() > 0; }));
  system.platform().order(fault(fault_action::hang, request_class::beat, 1));
  beat_outcome first;
  std::thread asking{[&] {
    first = system.beat();
  }};
  EXPECT_TRUE(system.platform().wait_for(request_class::beat, 2));
  // The others come while it is under way, during which the actor hears nothing else.
  const auto heard = system.actor("heartbeat").messages();
  std::vector<beat_outcome> others;
  std::thread asking_too{[&] {
    others = system.beats_at_once(4);
  }};
  EXPECT_TRUE(system.wait_until([&] { return system.actor("heartbeat").messages() >= heard + 4; }));
  system.platform().release();
  asking.join();
  asking_too.join();
  EXPECT_TRUE(first.delivered);
  ASSERT_EQ(others.size(), 4u);
  for (const auto& outcome : others)
    EXPECT_TRUE(outcome.delivered);
  EXPECT_EQ(system.count(request_class::beat), 2u) << "the first one and theirs";
}

TEST(heartbeat, change_of_the_task_sends_a_beat_at_once) {
  system_under_test system{with(only_when_asked)};
  system.start();
  ASSERT_TRUE(system.platform().wait_for(request_class::beat));
  system.set_task("reading");
  EXPECT_TRUE(system.platform().wait_until([](const platform_view& view) {
    return !view.beats().empty() && view.beats().back().current_task == "reading" &&
           view.beats().back().active_tasks == 1;
  }));
}

TEST(heartbeat, wedged_runtime_is_told_at_once) {
  system_under_test system{with(only_when_asked)};
  system.start();
  ASSERT_TRUE(system.platform().wait_for(request_class::beat));
  system.say(set_runtime_state{true, "stuck"});
  EXPECT_TRUE(system.platform().wait_until([](const platform_view& view) {
    return !view.beats().empty() && view.beats().back().runtime_state == "wedged" &&
           view.beats().back().sample_error == "stuck";
  }));
  system.say(set_runtime_state{false, ""});
  EXPECT_TRUE(system.platform().wait_until(
      [](const platform_view& view) { return view.beats().back().runtime_state.empty(); }));
}

TEST(heartbeat, changes_are_told_at_most_once_a_second_and_the_last_wins) {
  system_under_test system{with(only_when_asked)};
  system.start();
  ASSERT_TRUE(system.platform().wait_for(request_class::beat));
  const auto before = steady::now();
  for (int number = 0; number < 50; ++number)
    system.set_task("task " + std::to_string(number));
  ASSERT_TRUE(system.platform().wait_until([](const platform_view& view) {
    return !view.beats().empty() && view.beats().back().current_task == "task 49";
  }));
  const auto elapsed = std::chrono::duration_cast<std::chrono::seconds>(steady::now() - before).count();
  EXPECT_LE(system.count(request_class::beat), static_cast<std::size_t>(elapsed) + 3);
  const auto beats = system.count(request_class::beat);
  system.poll();
  EXPECT_EQ(system.count(request_class::beat), beats) << "nothing is told twice";
}

TEST(heartbeat, change_under_way_survives_a_crash) {
  system_under_test system{with(only_when_asked)};
  system.start();
  ASSERT_TRUE(system.wait_until([&] { return system.probe().last_delivered.load() > 0; }));
  system.platform().order(fault(fault_action::hang, request_class::beat, 1));
  system.set_task("reading");
  ASSERT_TRUE(system.platform().wait_for(request_class::beat, 2));
  ASSERT_TRUE(system.crash("heartbeat"));
  EXPECT_TRUE(system.platform().wait_until([](const platform_view& view) {
    return !view.beats().empty() && view.beats().back().current_task == "reading";
  }));
}

TEST(heartbeat, failed_beat_is_retried_long_before_the_next_tick) {
  system_under_test system{beats_alone([](heartbeat_settings& beats) {
    beats.interval = 1h;
    beats.retry_min = 30ms;
  })};
  system.platform().order(answer_status(500, request_class::beat, 4));
  system.start();
  ASSERT_TRUE(system.wait_for_event("beat.recovered"));
  EXPECT_EQ(system.count(request_class::beat), 5u);
  EXPECT_EQ(system.probe().beats_failed.load(), 4u);
  EXPECT_EQ(system.probe().beats_consecutive_failures.load(), 0u);
  EXPECT_EQ(system.probe().status.load(), workspace_status::online);
}

TEST(heartbeat, retries_never_make_a_busy_loop) {
  system_under_test system{beats_alone([](heartbeat_settings& beats) {
    beats.interval = 40ms;
    beats.retry_min = 40ms;
  })};
  system.platform().order(answer_status(500, request_class::beat));
  const auto before = steady::now();
  system.start();
  ASSERT_TRUE(system.platform().wait_for(request_class::beat, 11));
  EXPECT_GE(steady::now() - before, 10 * 20ms);
}

TEST(heartbeat, change_waits_for_the_retry) {
  system_under_test system{with(only_when_asked)};
  system.platform().order(answer_status(500, request_class::beat));
  system.start();
  ASSERT_TRUE(system.wait_for_event("beat.failed"));
  const auto heard = system.actor("heartbeat").messages();
  system.set_task("reading");
  ASSERT_TRUE(system.wait_until([&] { return system.actor("heartbeat").messages() > heard; }));
  system.poll();
  EXPECT_EQ(system.count(request_class::beat), 1u);
}

TEST(heartbeat, retry_after_is_honoured) {
  system_under_test system{beats_alone([](heartbeat_settings& beats) { beats.retry_min = 10ms; })};
  auto busy = answer_status(503, request_class::beat, 1);
  busy.headers = {{"Retry-After", "2"}};
  system.platform().order(busy);
  system.start();
  ASSERT_TRUE(system.platform().wait_for(request_class::beat, 2));
  const auto arrivals = system.platform().arrivals(request_class::beat);
  EXPECT_GE(arrivals[1].at - arrivals[0].at, 1900ms);
}

TEST(heartbeat, retry_after_is_honoured_up_to_half_the_liveness_ttl_only) {
  system_under_test system{beats_alone([](heartbeat_settings& beats) {
    beats.retry_min = 10ms;
    beats.liveness_ttl = 1s;
  })};
  auto busy = answer_status(503, request_class::beat, 1);
  busy.headers = {{"Retry-After", "86400"}};
  system.platform().order(busy);
  system.start();
  EXPECT_TRUE(system.platform().wait_for(request_class::beat, 2));
}

TEST(heartbeat, connections_are_dropped_after_so_many_failures) {
  system_under_test system{beats_alone([](heartbeat_settings& beats) {
    beats.retry_min = 50ms;
    beats.reconnect_after = 3;
  })};
  system.platform().order(answer_status(500, request_class::beat));
  system.start();
  ASSERT_TRUE(system.platform().wait_for(request_class::beat, 6));
  const auto beats = system.platform().requests(request_class::beat);
  EXPECT_EQ(beats[0].connection, beats[2].connection) << "kept until then";
  EXPECT_NE(beats[2].connection, beats[3].connection);
  EXPECT_EQ(beats[3].connection, beats[5].connection);
}

TEST(heartbeat, failures_one_to_three_and_every_tenth_are_warnings_and_recovery_is_told_once) {
  system_under_test system{beats_alone([](heartbeat_settings& beats) {
    beats.interval = 10ms;
    beats.retry_min = 5ms;
  })};
  system.platform().order(answer_status(500, request_class::beat, 21));
  system.start();
  ASSERT_TRUE(system.wait_for_event("beat.recovered"));
  ASSERT_TRUE(system.wait_for_more(request_class::beat, 3));
  const auto failed = system.events("beat.failed");
  ASSERT_EQ(failed.size(), 21u);
  for (int number = 1; number <= 21; ++number) {
    const bool loud = number <= 3 || number % 10 == 0;
    EXPECT_EQ(failed[static_cast<std::size_t>(number - 1)].level,
              static_cast<int>(loud ? log_level::warning : log_level::debug))
        << number;
  }
  EXPECT_EQ(system.events("beat.recovered").size(), 1u);
}

TEST(heartbeat, above_fifty_workspaces_first_beats_are_spread_over_an_interval) {
  system_options options;
  options.workspaces.clear();
  for (int number = 0; number < 60; ++number)
    options.workspaces.push_back("ws-" + std::to_string(number));
  options.adjust = [](settings& configuration) {
    configuration.heartbeat.interval = 3s;
    configuration.delegation.interval = 1h;
  };
  system_under_test system{options};
  const auto before = steady::now();
  system.start();
  ASSERT_TRUE(system.platform().wait_for(request_class::beat, 1, "ws-59"));
  EXPECT_GE(steady::now() - before, 2900ms) << "the last one comes near the interval's end";
  EXPECT_TRUE(system.platform().wait_for(request_class::beat, 1, "ws-0"));
}

TEST(heartbeat, fifty_workspaces_beat_at_once) {
  system_options options;
  options.workspaces.clear();
  for (int number = 0; number < 50; ++number)
    options.workspaces.push_back("ws-" + std::to_string(number));
  options.adjust = only_when_asked;
  system_under_test system{options};
  system.start();
  EXPECT_TRUE(system.platform().wait_for(request_class::beat, 50)) << "the interval is an hour";
}

TEST(heartbeat, goes_on_however_stuck_all_else_is) {
  system_under_test system;
  system.platform().order(fault(fault_action::hang, request_class::delegations));
  system.platform().order(fault(fault_action::hang, request_class::workspace));
  system.start();
  ASSERT_TRUE(system.platform().wait_for(request_class::delegations));
  EXPECT_TRUE(system.wait_for_more(request_class::beat, 5));
}

} // namespace
} // namespace workspace_supervisor
