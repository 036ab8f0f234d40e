#include "tests/system/harness.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace workspace_supervisor {
namespace {

using namespace std::chrono_literals;

const std::array workspace_actors{"token",       "activity", "heartbeat", "delegation-poller",
                                  "parent-name", "notifier", "supervisor"};
const std::array shared_actors{"platform-client", "store",       "token-files",
                               "result-files",    "list-reader", "root"};

/// An actor by its name in stats, of the workspace or shared.
struct place {
  std::string name;
  std::string workspace;
};

std::vector<place> all_places() {
  std::vector<place> all;
  for (const auto* name : workspace_actors)
    all.push_back({name, "ws-a"});
  for (const auto* name : shared_actors)
    all.push_back({name, ""});
  return all;
}

std::string name_of(const testing::TestParamInfo<place>& info) {
  auto name = info.param.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

/// Follows results from the platform's list to the file, the agent and the user.
class result_follower {
public:
  explicit result_follower(system_under_test& system)
      : system_{system} {}

  void expect_through(const std::string& id) {
    EXPECT_TRUE(system_.wait_until([&] {
      for (const auto& line : system_.take_results())
        filed_ += line;
      return filed_.find(id) != std::string::npos;
    })) << id
        << " was not filed";
    EXPECT_TRUE(system_.platform().wait_until([&](const platform_view& view) {
      return std::any_of(view.messages().begin(), view.messages().end(),
                         [&](const auto& message) { return message.text.find(id) != std::string::npos; });
    })) << "the agent was not told of "
        << id;
    EXPECT_TRUE(system_.platform().wait_until([&](const platform_view& view) {
      return std::any_of(
          view.notifications().begin(), view.notifications().end(),
          [&](const auto& notification) { return notification.message.find(id) != std::string::npos; });
    })) << "the user was not told of "
        << id;
  }

private:
  system_under_test& system_;
  std::string filed_; ///< what was taken so far
};

/// Adds a result and expects it to be filed, told to the agent and told to the user.
void expect_result_goes_through(system_under_test& system, const std::string& id) {
  system.add_result(id);
  result_follower{system}.expect_through(id);
}

/// A started system whose supervisors give up at the restart after so many in a row.
struct giving_up_after : system_under_test {
  explicit giving_up_after(int restarts, std::vector<std::string> workspaces = {"ws-a"})
      : system_under_test([&] {
        system_options options;
        options.workspaces = std::move(workspaces);
        options.adjust = [restarts](settings& configuration) {
          configuration.supervisor.max_restarts = restarts;
        };
        return options;
      }()) {
    start();
  }
};

struct two_workspaces : giving_up_after {
  explicit two_workspaces(int restarts)
      : giving_up_after(restarts, {"ws-a", "ws-b"}) {}
};

/// A started system whose supervisors wait so long before a restart that is not the first.
struct backing_off : system_under_test {
  backing_off(std::chrono::milliseconds least, std::chrono::milliseconds most)
      : system_under_test([&] {
        system_options options;
        options.adjust = [least, most](settings& configuration) {
          configuration.supervisor.backoff_min = least;
          configuration.supervisor.backoff_max = most;
        };
        return options;
      }()) {
    start();
  }
};

/// Strikes the actor, and each of its successors, until the whole tree has ended; that it gave up is
/// expected.
void expect_given_up_by_strikes_at(system_under_test& system, const std::string& name,
                                   const std::string& workspace) {
  EXPECT_TRUE(system.wait_until([&] {
    if (!system.ended())
      system.strike(name, workspace);
    return system.ended();
  }));
  EXPECT_TRUE(system.gave_up());
}

class each_actor : public testing::TestWithParam<place> {};

TEST_P(each_actor, is_restarted_while_requests_are_under_way_and_nothing_is_lost) {
  const auto& [name, workspace] = GetParam();
  system_under_test system;
  system.start();
  ASSERT_TRUE(system.wait_for_more(request_class::delegations, 2));
  system.record_error("boom");
  system.set_task("reading");
  for (const auto kind : {request_class::beat, request_class::delegations, request_class::workspace,
                          request_class::a2a, request_class::notify})
    system.platform().order(fault(fault_action::hang, kind, 1));
  system.add_result("under-way");
  ASSERT_TRUE(
      system.platform().wait_until([](const platform_view& view) { return view.counts().hanging >= 2; }));
  ASSERT_TRUE(system.crash(name, workspace));
  system.platform().clear_faults();
  result_follower results{system};
  EXPECT_EQ(system.actor(name, workspace).restarts(), 1u);
  EXPECT_EQ(system.actor(name, workspace).last_error(), "struck by a test");
  EXPECT_TRUE(system.wait_for_more(request_class::beat, 3));
  results.expect_through("under-way");
  expect_result_goes_through(system, "later---1");
  EXPECT_EQ(system.activity().current_task, "reading");
  EXPECT_TRUE(system.platform().wait_until([](const platform_view& view) {
    for (const auto& beat : view.beats())
      if (beat.sample_error == "boom")
        return true;
    return false;
  }));
  EXPECT_EQ(system.token(), "token-of-ws-a");
}

TEST_P(each_actor, may_crash_at_any_of_its_messages) {
  const auto& [name, workspace] = GetParam();
  for (std::uint64_t message = 1; message <= 6; ++message) {
    SCOPED_TRACE("at message " + std::to_string(message));
    system_options options;
    options.adjust = [](settings& configuration) {
      configuration.heartbeat.interval = 50ms;
      configuration.delegation.interval = 50ms;
      configuration.notifier.cooldown = 10ms;
    };
    system_under_test system{options};
    system.add_result("first---1");
    system.start_crashing(name, workspace, message);
    system.set_task("reading");
    system.add_result("second--1");
    result_follower results{system};
    results.expect_through("first---1");
    results.expect_through("second--1");
    EXPECT_TRUE(system.platform().wait_until([](const platform_view& view) {
      return !view.beats().empty() && view.beats().back().current_task == "reading";
    }));
    EXPECT_TRUE(system.wait_for_more(request_class::beat, 2));
  }
}

TEST_P(each_actor, has_no_predecessor_left_when_it_has_been_restarted) {
  const auto& [name, workspace] = GetParam();
  system_under_test system;
  system.start();
  ASSERT_TRUE(system.wait_for_more(request_class::beat, 2));
  const auto before = system.running_actors();
  for (int time = 0; time < 3; ++time) {
    ASSERT_TRUE(system.crash(name, workspace));
    ASSERT_TRUE(system.wait_for_more(request_class::beat, 2));
    EXPECT_TRUE(system.wait_until([&] { return system.running_actors() == before; }))
        << system.running_actors() << " instead of " << before;
  }
}

INSTANTIATE_TEST_SUITE_P(supervision, each_actor, testing::ValuesIn(all_places()), name_of);

TEST(supervision, all_at_once_may_crash_again_and_again) {
  system_under_test system;
  system.start();
  for (int round = 0; round < 4; ++round) {
    const auto id = "round-" + std::to_string(round) + "-";
    system.add_result(id);
    for (const auto& one : all_places())
      system.strike(one.name, one.workspace);
    result_follower{system}.expect_through(id);
    ASSERT_TRUE(system.wait_for_more(request_class::beat, 2));
  }
  EXPECT_FALSE(system.ended());
}

TEST(supervision, first_restart_is_at_once_and_further_ones_wait_longer_each_time) {
  backing_off system{200ms, 400ms};
  for (int crash = 0; crash < 4; ++crash)
    ASSERT_TRUE(system.crash("parent-name"));
  const auto crashed = system.events("actor.crashed");
  const auto restarted = system.events("actor.restarted");
  ASSERT_EQ(crashed.size(), 4u);
  ASSERT_TRUE(system.wait_for_event("actor.restarted", 4));
  const std::array least{0.0, 0.18, 0.36, 0.36};
  for (std::size_t crash = 0; crash < 4; ++crash)
    EXPECT_GE(system.events("actor.restarted")[crash].time - crashed[crash].time, least[crash]);
}

TEST(supervision, row_of_restarts_starts_anew_when_the_child_has_run_for_a_while) {
  system_options options;
  options.adjust = [](settings& configuration) {
    configuration.supervisor.max_restarts = 2;
    configuration.supervisor.within = 300ms;
  };
  system_under_test system{options};
  system.start();
  for (int crash = 0; crash < 5; ++crash) {
    const auto ran_since = std::chrono::steady_clock::now();
    ASSERT_TRUE(system.wait_until([&] { return std::chrono::steady_clock::now() - ran_since > 400ms; }));
    ASSERT_TRUE(system.crash("parent-name"));
  }
  EXPECT_TRUE(system.events("actor.given-up").empty());
}

TEST(supervision, given_up_actor_ends_its_supervisor_which_the_root_restarts) {
  giving_up_after system{2};
  system.set_task("reading");
  ASSERT_TRUE(system.crash_for_good("parent-name"));
  ASSERT_TRUE(system.wait_until([&] {
    return system.actor("supervisor").restarts() == 1 &&
           system.actor("supervisor").state() == actor_state::running;
  }));
  EXPECT_FALSE(system.ended());
  EXPECT_EQ(system.activity().current_task, "reading");
  EXPECT_TRUE(system.wait_for_more(request_class::beat, 3));
  expect_result_goes_through(system, "later---1");
  EXPECT_TRUE(system.parent().known);
}

TEST(supervision, restarts_before_the_last_allowed_one_end_nothing) {
  giving_up_after system{3};
  for (int crash = 0; crash < 3; ++crash)
    ASSERT_TRUE(system.crash("parent-name"));
  EXPECT_TRUE(system.parent().known);
  EXPECT_TRUE(system.events("actor.given-up").empty());
  EXPECT_EQ(system.actor("supervisor").restarts(), 0u);
}

TEST(supervision, root_that_gives_up_on_the_only_workspace_ends) {
  giving_up_after system{1};
  ASSERT_TRUE(system.crash_for_good("supervisor"));
  ASSERT_TRUE(system.wait_ended());
  EXPECT_TRUE(system.gave_up());
  EXPECT_EQ(system.probe().status.load(), workspace_status::failed);
}

TEST(supervision, actor_that_can_never_run_ends_the_process_in_the_end) {
  giving_up_after system{1};
  expect_given_up_by_strikes_at(system, "heartbeat", "ws-a");
}

TEST(supervision, root_that_cannot_be_kept_running_ends_the_process) {
  giving_up_after system{1};
  expect_given_up_by_strikes_at(system, "root", "");
}

TEST(supervision, one_workspace_given_up_leaves_the_other_alone) {
  two_workspaces system{1};
  ASSERT_TRUE(system.crash_for_good("supervisor", "ws-b"));
  EXPECT_TRUE(
      system.wait_until([&] { return system.probe("ws-b").status.load() == workspace_status::failed; }));
  EXPECT_TRUE(system.wait_for_more(request_class::beat, 5, "ws-a"));
  expect_result_goes_through(system, "later---1");
  EXPECT_FALSE(system.ended());
  for (const auto* name : workspace_actors)
    EXPECT_EQ(system.actor(name, "ws-a").restarts(), 0u) << name;
}

TEST(supervision, all_workspaces_given_up_end_the_process) {
  two_workspaces system{1};
  ASSERT_TRUE(system.crash_for_good("supervisor", "ws-b"));
  EXPECT_FALSE(system.wait_ended(100ms));
  ASSERT_TRUE(system.crash_for_good("supervisor", "ws-a"));
  ASSERT_TRUE(system.wait_ended());
  EXPECT_TRUE(system.gave_up());
}

TEST(supervision, crashes_of_one_workspace_touch_no_other) {
  two_workspaces system{10};
  ASSERT_TRUE(system.wait_for_more(request_class::beat, 1, "ws-a"));
  for (const auto* name : workspace_actors)
    ASSERT_TRUE(system.crash(name, "ws-b"));
  for (const auto* name : workspace_actors)
    EXPECT_EQ(system.actor(name, "ws-a").restarts(), 0u) << name;
  EXPECT_EQ(system.probe("ws-a").beats_failed.load(), 0u);
  EXPECT_TRUE(system.wait_for_more(request_class::beat, 3, "ws-a"));
  EXPECT_TRUE(system.wait_for_more(request_class::beat, 3, "ws-b"));
}

TEST(supervision, trouble_of_the_platform_with_one_workspace_touches_no_other) {
  two_workspaces system{10};
  auto stuck = fault(fault_action::hang, request_class::any);
  stuck.workspace = "ws-b";
  system.platform().order(stuck);
  EXPECT_TRUE(system.wait_for_more(request_class::beat, 5, "ws-a"));
  expect_result_goes_through(system, "delegation-1");
  EXPECT_EQ(system.probe("ws-a").beats_failed.load(), 0u);
}

TEST(supervision, tokens_of_workspaces_are_their_own) {
  two_workspaces system{10};
  ASSERT_TRUE(system.beat("ws-a").delivered);
  ASSERT_TRUE(system.beat("ws-b").delivered);
  for (const auto& request : system.platform().requests())
    EXPECT_EQ(request.header("Authorization"), "Bearer token-of-" + request.workspace);
}

TEST(supervision, control_request_to_an_actor_that_is_down_is_made_again) {
  backing_off system{300ms, 300ms};
  ASSERT_TRUE(system.crash("activity"));
  ASSERT_TRUE(system.strike("activity"));
  system.set_task("reading");
  EXPECT_EQ(system.activity().current_task, "reading");
}

TEST(supervision, stops_in_order_while_requests_hang) {
  system_under_test system;
  system.platform().order(fault(fault_action::hang, request_class::any));
  system.start();
  ASSERT_TRUE(
      system.platform().wait_until([](const platform_view& view) { return view.counts().hanging >= 2; }));
  system.stop(); // fails the test when it does not end
}

TEST(supervision, stops_in_order_while_actors_are_being_restarted) {
  backing_off system{10s, 10s};
  for (const auto& one : all_places())
    if (one.name != "root" && one.name != "supervisor") {
      ASSERT_TRUE(system.crash(one.name, one.workspace));
      system.strike(one.name, one.workspace);
    }
  system.stop();
}

} // namespace
} // namespace workspace_supervisor
