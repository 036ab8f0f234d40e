#include "actors/agent/agent_verdict.hpp"

#include <gtest/gtest.h>

namespace workspace_supervisor {
namespace {

using namespace std::chrono_literals;
using time = agent_facts::time;

const time start = time{} + 1h;
constexpr pid_t process = 812;

/// One workspace's agent, and the settings it is judged by.
class agent_verdict_test : public testing::Test {
protected:
  agent_verdict_test() {
    facts.awaited_since = start;
    settings.grace = 10s;
    settings.start_timeout = 60s;
  }

  agent_verdict judge(time now) const {
    return judge_agent(facts, launches ? &launched : nullptr, supervision, settings, now);
  }
  agent_attachment attachment(std::uint64_t number, pid_t of = process) const { return {number, of, 0}; }
  /// The process that is launched here has run since `at`.
  void runs(time at) {
    launches = true;
    launched.process = process;
    launched.started = at;
  }
  void ends(time at) {
    launched.process = 0;
    launched.last_end = "ended with status 1";
    facts.child_ended(process, at);
  }

  agent_facts facts;
  bool launches = false;
  launched_agent launched;
  agent_settings settings;
  supervision_settings supervision;
};

TEST_F(agent_verdict_test, one_that_never_attached_is_not_judged) {
  const auto verdict = judge(start + 24h);
  EXPECT_EQ(verdict.trouble, "");
  EXPECT_EQ(verdict.phase, agent_phase::none);
  EXPECT_FALSE(verdict.hold_first_beat);
  EXPECT_FALSE(verdict.look_again);
}

TEST_F(agent_verdict_test, one_that_is_expected_holds_the_first_beat_until_it_attaches) {
  settings.expected = true;
  const auto waiting = judge(start + 59s);
  EXPECT_TRUE(waiting.hold_first_beat);
  EXPECT_EQ(waiting.phase, agent_phase::waiting);
  EXPECT_EQ(waiting.trouble, "");
  EXPECT_EQ(waiting.look_again, start + 60s);
  facts.attach(attachment(1), start + 59s);
  EXPECT_FALSE(judge(start + 59s).hold_first_beat);
}

TEST_F(agent_verdict_test, one_that_is_expected_and_does_not_come_is_told_of) {
  settings.expected = true;
  const auto late = judge(start + 60s);
  EXPECT_FALSE(late.hold_first_beat);
  EXPECT_EQ(late.trouble, "agent has not attached");
  facts.attach(attachment(1), start + 61s);
  EXPECT_EQ(judge(start + 61s).trouble, "");
}

TEST_F(agent_verdict_test, is_told_of_when_it_has_been_gone_for_the_grace) {
  facts.attach(attachment(1), start);
  EXPECT_EQ(judge(start).phase, agent_phase::attached);
  facts.connection_ended(1, false, start + 5s);
  EXPECT_EQ(judge(start + 14s).trouble, "");
  EXPECT_EQ(judge(start + 14s).look_again, start + 15s);
  EXPECT_FALSE(judge(start + 14s).take_back_tasks);
  EXPECT_EQ(judge(start + 15s).trouble, "agent process 812 has closed its connection");
  EXPECT_TRUE(judge(start + 15s).take_back_tasks);
  EXPECT_EQ(judge(start + 15s).phase, agent_phase::gone);
}

TEST_F(agent_verdict_test, the_end_of_its_process_is_known_at_once) {
  facts.attach(attachment(1), start);
  facts.connection_ended(1, false, start + 5s);
  facts.process_gone(process, false, start + 5s + 1ms);
  EXPECT_EQ(facts.take_back, start + 5s + 1ms);
  EXPECT_EQ(judge(start + 15s).trouble, "agent process 812 is gone");
}

TEST_F(agent_verdict_test, of_a_process_that_is_not_known_the_connection_is_told) {
  facts.attach(attachment(1, 0), start);
  facts.connection_ended(1, false, start);
  EXPECT_EQ(judge(start + 10s).trouble, "the agent's connection has ended");
}

TEST_F(agent_verdict_test, one_that_is_back_within_the_grace_was_never_gone) {
  facts.attach(attachment(1), start);
  facts.connection_ended(1, false, start + 5s);
  facts.attach(attachment(2), start + 14s);
  EXPECT_EQ(judge(start + 1h).trouble, "");
}

TEST_F(agent_verdict_test, any_attachment_is_enough) {
  facts.attach(attachment(1), start);
  facts.attach(attachment(2, process + 1), start);
  facts.process_gone(process, false, start);
  EXPECT_EQ(judge(start + 1h).trouble, "");
  EXPECT_FALSE(facts.take_back);
  facts.connection_ended(1, false, start); // of one that is known to be gone
  EXPECT_EQ(facts.attachments.size(), 1U);
}

TEST_F(agent_verdict_test, no_more_than_four_attach) {
  for (std::uint64_t number = 1; number <= 4; ++number)
    EXPECT_TRUE(facts.attach(attachment(number), start));
  EXPECT_FALSE(facts.attach(attachment(5), start));
}

TEST_F(agent_verdict_test, one_that_says_goodbye_is_not_missed_and_its_tasks_rest_for_the_grace) {
  facts.attach(attachment(1), start);
  facts.attach(attachment(2), start);
  EXPECT_EQ(facts.goodbye(process, start + 5s), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(judge(start + 14s).phase, agent_phase::none);
  EXPECT_FALSE(judge(start + 14s).take_back_tasks);
  EXPECT_EQ(judge(start + 14s).look_again, start + 15s);
  EXPECT_TRUE(judge(start + 15s).take_back_tasks);
  EXPECT_EQ(judge(start + 24h).trouble, "");
}

TEST_F(agent_verdict_test, an_expected_one_that_said_goodbye_is_expected_again) {
  settings.expected = true;
  facts.attach(attachment(1), start);
  facts.goodbye(process, start + 1h);
  EXPECT_EQ(judge(start + 1h + 59s).trouble, "");
  EXPECT_EQ(judge(start + 1h + 60s).trouble, "agent has not attached");
}

TEST_F(agent_verdict_test, one_that_is_stopped_by_a_signal_is_told_of_and_its_tasks_withheld) {
  facts.attach(attachment(1), start);
  facts.suspended_since = start + 5s;
  facts.suspended = process;
  EXPECT_EQ(judge(start + 14s).trouble, "");
  const auto verdict = judge(start + 15s);
  EXPECT_EQ(verdict.trouble, "agent process 812 is stopped");
  EXPECT_TRUE(verdict.withhold_tasks);
  EXPECT_FALSE(verdict.take_back_tasks);
  EXPECT_EQ(verdict.phase, agent_phase::suspended);
}

TEST_F(agent_verdict_test, a_launched_one_that_ended_is_told_of_with_its_restart) {
  runs(start);
  EXPECT_EQ(judge(start).phase, agent_phase::running);
  ends(start + 5s);
  launched.intensity.started(start);
  for (int restart = 0; restart < 3; ++restart)
    launched.intensity.ended({}, start + 5s);
  launched.restart_at = start + 19s;
  const auto verdict = judge(start + 15s);
  EXPECT_EQ(verdict.trouble, "agent ended with status 1, restart 3 of 10 in 4 s");
  EXPECT_EQ(verdict.phase, agent_phase::restarting);
  EXPECT_EQ(judge(start + 14s).trouble, "");
  launched.restart_at = start + 15s + 400ms;
  EXPECT_EQ(judge(start + 15s).trouble, "agent ended with status 1, restart 3 of 10 in 0.4 s");
}

TEST_F(agent_verdict_test, a_launched_one_that_crashes_again_and_again_counts_as_gone_all_the_while) {
  runs(start);
  ends(start + 1s);
  runs(start + 1s);
  EXPECT_EQ(judge(start + 1s).look_again, start + 2s) << "it has to last";
  ends(start + 1s + 500ms);
  runs(start + 8s);
  ends(start + 8s + 1ms);
  EXPECT_EQ(facts.gone_since, start + 1s);
  EXPECT_NE(judge(start + 11s).trouble, "");
}

TEST_F(agent_verdict_test, one_that_an_operator_stopped_is_told_of_as_such) {
  runs(start);
  ends(start);
  launched.stop_wanted = true;
  EXPECT_EQ(judge(start + 10s).trouble, "agent was stopped by an operator");
  EXPECT_EQ(judge(start + 10s).phase, agent_phase::stopped);
}

TEST_F(agent_verdict_test, an_attachment_that_ends_while_the_launched_process_runs_means_nothing) {
  runs(start);
  facts.attach(attachment(1), start);
  facts.connection_ended(1, true, start + 5s);
  EXPECT_EQ(judge(start + 1h).trouble, "");
}

} // namespace
} // namespace workspace_supervisor
