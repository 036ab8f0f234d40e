#include "tests/system/harness.hpp"

#include <gtest/gtest.h>

namespace workspace_supervisor {
namespace {

using namespace std::chrono_literals;

/// A workspace below another one; beats and polls only when asked.
struct parent_system : system_under_test {
  explicit parent_system(milliseconds ttl = 10min, milliseconds timeout = 30s)
      : system_under_test([=] {
        system_options options;
        options.adjust = [=](settings& configuration) {
          only_when_asked(configuration);
          configuration.parent.ttl = ttl;
          configuration.parent.timeout = timeout;
        };
        return options;
      }()) {
    platform().add_open_workspace("parent/1", "The Boss");
    set_parent("parent/1");
    start();
  }
  void set_parent(const std::string& id) {
    platform().add_workspace("ws-a", "A", id, "token-of-ws-a", token_file());
  }
  /// A new result, found by a poll.
  void find(const std::string& id) {
    add_result(id);
    ASSERT_TRUE(poll().succeeded);
  }
  std::size_t look_ups() { return platform().requests(request_class::workspace).size(); }
};

TEST(parent_name, is_looked_up_through_the_workspace_and_its_parent) {
  parent_system system;
  const auto found = system.parent();
  EXPECT_TRUE(found.known);
  EXPECT_EQ(found.name, "The Boss");
  const auto asked = system.platform().requests(request_class::workspace);
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(asked[0].target, "/workspaces/ws-a");
  EXPECT_EQ(asked[1].target, "/workspaces/parent%2F1") << "an id from the platform is encoded as well";
}

TEST(parent_name, is_looked_up_on_demand_only) {
  parent_system system;
  ASSERT_TRUE(system.beat().delivered);
  ASSERT_TRUE(system.poll().succeeded);
  EXPECT_EQ(system.look_ups(), 0u);
}

TEST(parent_name, found_name_is_cached) {
  parent_system system;
  for (int time = 0; time < 3; ++time)
    EXPECT_EQ(system.parent().name, "The Boss");
  EXPECT_EQ(system.look_ups(), 2u);
}

TEST(parent_name, found_absence_of_a_parent_is_cached) {
  parent_system system;
  system.set_parent("");
  for (int time = 0; time < 3; ++time) {
    const auto found = system.parent();
    EXPECT_TRUE(found.known);
    EXPECT_EQ(found.name, "");
  }
  EXPECT_EQ(system.look_ups(), 1u);
}

TEST(parent_name, is_looked_up_anew_after_its_ttl) {
  parent_system system{1ms};
  EXPECT_EQ(system.parent().name, "The Boss");
  system.platform().add_open_workspace("parent/1", "The New Boss");
  EXPECT_TRUE(system.wait_until([&] { return system.parent().name == "The New Boss"; }));
}

TEST(parent_name, failed_look_up_is_not_cached) {
  parent_system system;
  system.platform().order(answer_status(500, request_class::workspace, 1));
  EXPECT_FALSE(system.parent().known);
  EXPECT_EQ(system.events("parent.failed").size(), 1u);
  EXPECT_EQ(system.parent().name, "The Boss");
}

TEST(parent_name, failure_at_the_second_step_is_not_cached_either) {
  parent_system system;
  auto ordered = answer_status(500, request_class::workspace, 1);
  ordered.skip = 1;
  system.platform().order(ordered);
  EXPECT_FALSE(system.parent().known);
  EXPECT_EQ(system.parent().name, "The Boss");
}

TEST(parent_name, every_fault_of_the_platform_costs_one_look_up) {
  parent_system system{1ms};
  for (const auto action : {fault_action::close_in_body, fault_action::reset, fault_action::large_body,
                            fault_action::invalid_json, fault_action::wrong_content_type, fault_action::gzip,
                            fault_action::raw, fault_action::huge_headers}) {
    const auto cached_at = std::chrono::steady_clock::now();
    ASSERT_TRUE(system.wait_until([&] { return std::chrono::steady_clock::now() - cached_at > 5ms; }));
    const auto ordered = system.platform().order(fault(action, request_class::workspace));
    EXPECT_FALSE(system.parent().known) << static_cast<int>(action);
    system.platform().clear_fault(ordered);
    EXPECT_EQ(system.parent().name, "The Boss") << static_cast<int>(action);
  }
}

TEST(parent_name, platform_that_hangs_costs_one_look_up) {
  parent_system system{1ms, 2s};
  // All of it again where the next look-up took that long for another reason, on a busy machine.
  EXPECT_TRUE(system.wait_until([&] {
    system.platform().order(fault(fault_action::hang, request_class::workspace));
    EXPECT_FALSE(system.parent().known);
    system.platform().clear_faults();
    return system.parent().name == "The Boss";
  }));
}

TEST(parent_name, concurrent_demands_share_one_look_up) {
  parent_system system;
  auto late = fault(fault_action::answer, request_class::workspace);
  late.delay = 300ms; // the others come while it is under way
  system.platform().order(late);
  const auto found = system.parents_at_once(10);
  ASSERT_EQ(found.size(), 10u);
  for (const auto& one : found)
    EXPECT_EQ(one.name, "The Boss");
  EXPECT_EQ(system.look_ups(), 2u);
}

TEST(parent_name, concurrent_demands_share_a_failure_too) {
  parent_system system;
  auto late = answer_status(500, request_class::workspace);
  late.delay = 300ms;
  system.platform().order(late);
  const auto found = system.parents_at_once(10);
  ASSERT_EQ(found.size(), 10u);
  for (const auto& one : found)
    EXPECT_FALSE(one.known);
  EXPECT_LT(system.look_ups(), 10u);
}

TEST(parent_name, message_goes_out_without_a_name_that_cannot_be_found) {
  parent_system system;
  system.platform().order(answer_status(500, request_class::workspace));
  system.find("delegation-1");
  ASSERT_TRUE(system.wait_for_event("self-message.delivered"));
  EXPECT_EQ(system.platform().messages()[0].text.find("The Boss"), std::string::npos);
}

TEST(parent_name, message_names_the_parent) {
  parent_system system;
  system.find("delegation-1");
  ASSERT_TRUE(system.wait_for_event("self-message.delivered"));
  const auto text = system.platform().messages()[0].text;
  EXPECT_NE(text.find("\"The Boss\""), std::string::npos) << text;
  EXPECT_NE(text.find("delegate_task"), std::string::npos);
}

TEST(parent_name, is_found_again_after_each_crash) {
  parent_system system;
  for (std::uint64_t restart = 1; restart <= 4; ++restart) {
    ASSERT_TRUE(system.crash("parent-name"));
    EXPECT_EQ(system.actor("parent-name").restarts(), restart);
    EXPECT_EQ(system.parent().name, "The Boss");
  }
}

TEST(parent_name, crash_during_a_look_up_delays_the_message_and_loses_nothing) {
  parent_system system;
  system.platform().order(fault(fault_action::hang, request_class::workspace, 1));
  system.find("delegation-1");
  ASSERT_TRUE(system.platform().wait_for(request_class::workspace));
  ASSERT_TRUE(system.crash("parent-name"));
  EXPECT_TRUE(system.wait_for_event("self-message.delivered"));
}

} // namespace
} // namespace workspace_supervisor
