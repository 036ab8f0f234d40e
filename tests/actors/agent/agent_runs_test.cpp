#include "actors/agent/agent_runs.hpp"

#include <gtest/gtest.h>

namespace workspace_supervisor {
namespace {

using namespace std::chrono_literals;
using time = launched_agent::time;

const time t0 = time{} + 1h;
const restart_policy policy{2, 60s, 100ms, 30s};

class agent_runs_test : public testing::Test {
protected:
  /// It runs from `from` and ends at `at`.
  void end(time from, time at, int code = 1) {
    launched.started = from;
    launched.ended = launched_agent::end{};
    launched.ended->code = code;
    launched.ended->orderly = code == 0;
    launched.ended->how = "ended with status " + std::to_string(code);
    if (at < from)
      throw std::logic_error("ends before it starts");
  }
  void deal(time now) { deal_with_end(launched, settings, policy, now); }

  launched_agent launched;
  agent_settings settings;
};

TEST_F(agent_runs_test, the_first_start_is_ordered_once) {
  EXPECT_TRUE(order_due_launch(launched, t0));
  launched.launch_ordered = false;
  launched.process = 812;
  EXPECT_FALSE(order_due_launch(launched, t0));
}

TEST_F(agent_runs_test, restarts_come_at_once_and_then_later_and_later) {
  end(t0, t0 + 1s);
  deal(t0 + 1s);
  EXPECT_EQ(launched.restart_at, t0 + 1s);
  EXPECT_TRUE(order_due_launch(launched, t0 + 1s));
  launched.launch_ordered = false;
  end(t0 + 1s, t0 + 2s);
  deal(t0 + 2s);
  EXPECT_EQ(launched.restart_at, t0 + 2s + 100ms);
  EXPECT_FALSE(order_due_launch(launched, t0 + 2s));
  EXPECT_TRUE(order_due_launch(launched, t0 + 2s + 100ms));
  EXPECT_EQ(launched.restarts, 2);
  EXPECT_EQ(launched.last_end, "ended with status 1");
}

TEST_F(agent_runs_test, after_the_last_restart_it_is_given_up_with_its_code) {
  for (int number = 0; number < 3; ++number) {
    EXPECT_FALSE(launched.give_up_code);
    end(t0, t0, 7);
    deal(t0);
  }
  EXPECT_EQ(launched.give_up_code, 7);
  EXPECT_FALSE(order_due_launch(launched, t0 + 1h));
}

TEST_F(agent_runs_test, one_that_has_lasted_starts_the_row_anew) {
  for (int number = 0; number < 10; ++number) {
    end(t0, t0 + 60s);
    deal(t0 + 60s);
  }
  EXPECT_FALSE(launched.give_up_code);
  EXPECT_EQ(launched.intensity.in_a_row(), 1);
  EXPECT_EQ(launched.restarts, 10);
}

TEST_F(agent_runs_test, an_orderly_end_is_restarted_only_where_every_end_is) {
  end(t0, t0, 0);
  deal(t0);
  EXPECT_EQ(launched.give_up_code, 0);
  launched = {};
  settings.restart = agent_restart::always;
  end(t0, t0, 0);
  deal(t0);
  EXPECT_FALSE(launched.give_up_code);
  EXPECT_TRUE(launched.restart_at);
}

TEST_F(agent_runs_test, no_end_is_restarted_where_none_is) {
  settings.restart = agent_restart::never;
  end(t0, t0, 139);
  deal(t0);
  EXPECT_EQ(launched.give_up_code, 139);
}

TEST_F(agent_runs_test, a_command_that_never_ran_is_wrong_and_one_that_did_may_be_back) {
  end(t0, t0, 127);
  launched.ended->never_ran = true;
  deal(t0);
  EXPECT_EQ(launched.give_up_code, 127);
  launched = {};
  end(t0, t0);
  deal(t0);
  end(t0, t0, 127);
  launched.ended->never_ran = true;
  deal(t0);
  EXPECT_FALSE(launched.give_up_code);
}

TEST_F(agent_runs_test, an_end_that_was_ordered_is_no_failure) {
  launched.restart_wanted = true;
  launched.told_to_end = t0;
  end(t0, t0, 143);
  deal(t0);
  EXPECT_FALSE(launched.restart_at);
  EXPECT_TRUE(order_due_launch(launched, t0));
  EXPECT_EQ(launched.restarts, 0);
  EXPECT_FALSE(launched.told_to_end);

  launched = {};
  launched.stop_wanted = true;
  end(t0, t0, 143);
  deal(t0);
  EXPECT_FALSE(launched.give_up_code);
  EXPECT_FALSE(order_due_launch(launched, t0 + 1h));
}

TEST_F(agent_runs_test, nobody_is_started_while_the_supervisor_ends) {
  launched.ending = true;
  end(t0, t0);
  deal(t0);
  EXPECT_FALSE(launched.give_up_code);
  EXPECT_FALSE(order_due_launch(launched, t0 + 1h));
}

TEST_F(agent_runs_test, who_interrupts_it_at_the_terminal_wants_both_to_end) {
  end(t0, t0, 130);
  launched.ended->interrupted = true;
  deal(t0);
  EXPECT_EQ(launched.give_up_code, 130);
}

} // namespace
} // namespace workspace_supervisor
