#include "tests/system/harness.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace workspace_supervisor {
namespace {

using namespace std::chrono_literals;

/// Beats and polls only when asked; notifier as `adjust` has it.
struct notifier_system : system_under_test {
  explicit notifier_system(std::function<void(notifier_settings&)> adjust = {}, bool durable = false)
      : system_under_test([&] {
        system_options options;
        options.durable = durable;
        options.adjust = [adjust](settings& configuration) {
          only_when_asked(configuration);
          if (adjust)
            adjust(configuration.notifier);
        };
        return options;
      }()) {}
  /// A new result, found by a poll. @returns when it is filed.
  void find(const std::string& id, const std::string& status = "completed") {
    const auto filed = events("results.filed").size();
    add_result(id, status);
    ASSERT_TRUE(poll().succeeded);
    ASSERT_TRUE(wait_for_event("results.filed", filed + 1));
  }
  std::vector<recorded_request> messages() { return platform().requests(request_class::a2a); }
  std::string text(std::size_t number) {
    return member(messages().at(number).body, "/params/message/parts/0/text");
  }
};

TEST(notifier, result_wakes_the_agent_and_is_told_to_the_user) {
  notifier_system system;
  system.start();
  system.find("delegation-1");
  ASSERT_TRUE(system.wait_for_event("self-message.delivered"));
  ASSERT_TRUE(system.wait_for_event("notification.delivered"));
  ASSERT_EQ(system.platform().messages().size(), 1u);
  const auto text = system.platform().messages()[0].text;
  EXPECT_NE(text.find("\"delegati\""), std::string::npos) << text;
  EXPECT_NE(text.find("\"summary of delegation-1\""), std::string::npos) << text;
  EXPECT_EQ(text.find("preview of"), std::string::npos) << "another agent's words are no instruction";
  ASSERT_EQ(system.platform().notifications().size(), 1u);
  const auto told = system.platform().notifications()[0];
  EXPECT_EQ(told.type, "delegation_result");
  EXPECT_NE(told.message.find("summary of delegation-1"), std::string::npos);
  EXPECT_NE(told.message.find("\npreview of delegation-1"), std::string::npos);
}

TEST(notifier, results_of_the_cooldown_go_together_in_one_message_when_it_ends) {
  notifier_system system{[](notifier_settings& notifier) {
    notifier.cooldown = 3s;
  }};
  system.start();
  const auto before = std::chrono::steady_clock::now();
  system.find("first---1");
  ASSERT_TRUE(system.wait_for_event("self-message.delivered"));
  // All in one list: on a busy machine one list after the other might take longer than the cooldown.
  for (int number = 0; number < 4; ++number)
    system.add_result("later-" + std::to_string(number));
  system.find("later-4");
  ASSERT_TRUE(system.wait_for_event("notification.delivered", 6)) << "the user is told at once";
  ASSERT_TRUE(system.wait_for_event("self-message.delivered", 2));
  const auto messages = system.messages();
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_GE(messages[1].at - before, 2900ms);
  for (int number = 0; number < 5; ++number)
    EXPECT_NE(system.text(1).find("later-" + std::to_string(number)), std::string::npos);
}

TEST(notifier, one_self_message_is_under_way_at_a_time_and_none_is_dropped) {
  notifier_system system{[](notifier_settings& notifier) {
    notifier.cooldown = 0ms;
  }};
  system.platform().order(fault(fault_action::hang, request_class::a2a, 1));
  system.start();
  system.find("first---1");
  ASSERT_TRUE(system.platform().wait_for(request_class::a2a));
  system.find("second--1");
  system.find("third---1");
  ASSERT_TRUE(system.wait_for_event("notification.delivered", 3));
  EXPECT_EQ(system.messages().size(), 1u);
  system.platform().release();
  ASSERT_TRUE(system.wait_for_event("self-message.delivered", 2));
  EXPECT_NE(system.text(1).find("second--"), std::string::npos);
  EXPECT_NE(system.text(1).find("third---"), std::string::npos);
}

TEST(notifier, every_result_of_many_is_told_once) {
  system_options options;
  options.adjust = [](settings& configuration) {
    configuration.delegation.interval = 30ms;
    configuration.notifier.cooldown = 50ms;
  };
  system_under_test system{options};
  system.start();
  for (int number = 10; number < 70; ++number)
    system.add_result("result" + std::to_string(number));
  ASSERT_TRUE(system.wait_for_event("notification.delivered", 60));
  const auto told = [&] {
    std::multiset<std::string> ids;
    for (const auto& message : system.platform().messages())
      for (int number = 10; number < 70; ++number)
        if (message.text.find("result" + std::to_string(number) + "\"") != std::string::npos)
          ids.insert(std::to_string(number));
    return ids;
  };
  EXPECT_TRUE(system.wait_until([&] { return told().size() >= 50; }));
  for (const auto& id : told())
    EXPECT_EQ(told().count(id), 1u) << id;
  EXPECT_EQ(system.platform().notifications().size(), 60u);
}

TEST(notifier, message_of_more_than_fifty_results_says_how_many_more) {
  notifier_system system;
  system.start();
  ASSERT_TRUE(system.poll().succeeded);
  for (int number = 0; number < 57; ++number)
    system.add_result("delegation-" + std::to_string(number));
  ASSERT_TRUE(system.poll().succeeded);
  ASSERT_TRUE(system.wait_for_event("self-message.delivered"));
  EXPECT_NE(system.text(0).find("and 7 more"), std::string::npos);
  ASSERT_TRUE(system.wait_for_event("notification.delivered", 57));
  EXPECT_EQ(system.messages().size(), 1u);
}

TEST(notifier, hundreds_of_results_are_all_told_of_though_they_are_not_all_held) {
  constexpr int count = 300;
  notifier_system system;
  system.start();
  ASSERT_TRUE(system.poll().succeeded);
  for (int number = 0; number < count; ++number)
    system.add_result("delegation-" + std::to_string(number));
  ASSERT_TRUE(system.poll().succeeded);
  ASSERT_TRUE(system.wait_for_event("self-message.delivered"));
  EXPECT_NE(system.text(0).find("and 250 more"), std::string::npos);
  ASSERT_TRUE(system.wait_for_event("notification.delivered", count));
  EXPECT_EQ(system.messages().size(), 1u);
  EXPECT_EQ(system.platform().notifications().size(), static_cast<std::size_t>(count));
}

TEST(notifier, attempts_have_fresh_connections_and_the_same_message) {
  notifier_system system;
  system.platform().order(answer_status(500, request_class::a2a, 2));
  system.platform().order(answer_status(500, request_class::notify, 1));
  system.start();
  system.find("delegation-1");
  ASSERT_TRUE(system.wait_for_event("self-message.failed"));
  system.find("later---1"); // waits for the next message: this one does not change
  ASSERT_TRUE(system.wait_for_event("self-message.delivered"));
  const auto messages = system.messages();
  ASSERT_GE(messages.size(), 3u);
  for (std::size_t attempt = 0; attempt < 3; ++attempt) {
    EXPECT_EQ(messages[attempt].body, messages[0].body);
    EXPECT_EQ(messages[attempt].on_connection, 1u);
  }
  ASSERT_TRUE(system.wait_for_event("notification.delivered", 2));
  for (const auto& notified : system.platform().requests(request_class::notify))
    EXPECT_EQ(notified.on_connection, 1u);
  ASSERT_TRUE(system.wait_for_event("self-message.delivered", 2));
  EXPECT_NE(member(system.messages().back().body, "/params/message/messageId"),
            member(messages[0].body, "/params/message/messageId"));
}

TEST(notifier, retries_come_with_growing_delays) {
  notifier_system system;
  system.platform().order(answer_status(503, request_class::a2a, 3));
  system.start();
  system.find("delegation-1");
  ASSERT_TRUE(system.wait_for_event("self-message.delivered"));
  const auto messages = system.messages();
  ASSERT_EQ(messages.size(), 4u);
  EXPECT_GE(messages[1].at - messages[0].at, 700ms);
  EXPECT_GE(messages[2].at - messages[1].at, 1400ms);
  EXPECT_GE(messages[3].at - messages[2].at, 2900ms);
}

TEST(notifier, what_the_platform_asks_for_goes_before_the_growing_delays) {
  notifier_system system;
  for (const auto kind : {request_class::a2a, request_class::notify}) {
    auto busy = answer_status(503, kind, 1);
    busy.headers = {{"Retry-After", "3"}};
    system.platform().order(busy);
  }
  system.start();
  system.find("delegation-1");
  for (const auto kind : {request_class::a2a, request_class::notify}) {
    ASSERT_TRUE(system.platform().wait_for(kind, 2));
    const auto arrivals = system.platform().arrivals(kind);
    EXPECT_GE(arrivals[1].at - arrivals[0].at, 2900ms);
  }
}

TEST(notifier, delivered_by_any_2xx_and_by_504) {
  for (const int status : {200, 201, 202, 204, 504}) {
    notifier_system system;
    auto ordered = answer_status(status, request_class::a2a);
    ordered.body = status == 204 ? "" : R"({"jsonrpc":"2.0","result":{}})";
    system.platform().order(ordered);
    system.start();
    system.find("delegation-1");
    EXPECT_TRUE(system.wait_for_event("self-message.delivered")) << status;
    EXPECT_EQ(system.probe().messages_delivered.load(), 1u);
    EXPECT_EQ(system.messages().size(), 1u);
  }
}

TEST(notifier, request_that_arrived_whole_but_is_not_answered_counts_as_delivered) {
  notifier_system system{[](notifier_settings& notifier) {
    notifier.timeout = 3s; // within it the request has to arrive
  }};
  system.platform().order(fault(fault_action::hang, request_class::a2a));
  system.start();
  system.find("delegation-1");
  ASSERT_TRUE(system.wait_for_event("self-message.delivered"));
  ASSERT_TRUE(system.platform().wait_for(request_class::a2a)) << "acknowledged is not yet read";
  EXPECT_EQ(system.messages().size(), 1u) << "the agent's turn may be running";
}

TEST(notifier, final_statuses_drop_the_message) {
  for (const int status : {400, 403, 404, 405, 410, 413, 422}) {
    notifier_system system;
    system.platform().order(answer_status(status, request_class::a2a));
    system.start();
    system.find("delegation-1");
    EXPECT_TRUE(system.wait_for_event("self-message.dropped")) << status;
    EXPECT_EQ(system.probe().messages_dropped.load(), 1u);
    EXPECT_EQ(system.events("self-message.dropped").at(0).level, static_cast<int>(log_level::error));
    system.platform().clear_faults();
    system.find("later---1");
    ASSERT_TRUE(system.wait_for_event("self-message.delivered"));
    EXPECT_EQ(system.text(1).find("summary of delegation-1"), std::string::npos);
  }
}

TEST(notifier, a_notification_that_is_refused_for_good_is_dropped_and_the_next_is_not) {
  notifier_system system;
  system.platform().order(answer_status(404, request_class::notify, 1));
  system.start();
  system.find("delegation-1");
  EXPECT_TRUE(system.wait_for_event("notification.dropped"));
  EXPECT_EQ(system.probe().notifications_dropped.load(), 1u);
  system.find("later---1");
  ASSERT_TRUE(system.wait_for_event("notification.delivered"));
  EXPECT_EQ(system.probe().notifications_delivered.load(), 1u);
}

TEST(notifier, jsonrpc_error_drops_the_message) {
  notifier_system system;
  auto ordered = answer_status(200, request_class::a2a);
  ordered.body = R"({"jsonrpc":"2.0","id":"x","error":{"code":-32602,"message":"no"}})";
  system.platform().order(ordered);
  system.start();
  system.find("delegation-1");
  EXPECT_TRUE(system.wait_for_event("self-message.dropped"));
  EXPECT_EQ(system.messages().size(), 1u);
}

/// Everything that is neither delivered nor final.
class notifier_retry : public testing::TestWithParam<int> {};

TEST_P(notifier_retry, is_tried_again) {
  notifier_system system;
  const int status = GetParam();
  for (const auto kind : {request_class::a2a, request_class::notify}) {
    auto ordered = answer_status(status, kind, status == 401 ? 2 : 1);
    if (status == 302)
      ordered.headers = {{"Location", "/"}};
    system.platform().order(ordered);
  }
  system.start();
  system.find("delegation-1");
  EXPECT_TRUE(system.wait_for_event("self-message.delivered"));
  EXPECT_TRUE(system.wait_for_event("notification.delivered"));
  EXPECT_EQ(system.probe().messages_failed.load(), 1u);
  EXPECT_EQ(system.probe().notifications_failed.load(), 1u);
}

INSTANTIATE_TEST_SUITE_P(status, notifier_retry,
                         testing::Values(302, 401, 402, 408, 418, 425, 429, 500, 502, 503),
                         testing::PrintToStringParamName());

TEST(notifier, broken_connections_are_tried_again) {
  for (const auto action : {fault_action::close, fault_action::reset, fault_action::raw}) {
    notifier_system system;
    system.platform().order(fault(action, request_class::a2a, 1));
    system.platform().order(fault(action, request_class::notify, 1));
    system.start();
    system.find("delegation-1");
    EXPECT_TRUE(system.wait_for_event("self-message.delivered")) << static_cast<int>(action);
    EXPECT_TRUE(system.wait_for_event("notification.delivered")) << static_cast<int>(action);
    EXPECT_EQ(system.messages().size(), 2u);
  }
}

TEST(notifier, platform_that_is_away_is_tried_again) {
  notifier_system system;
  system.start();
  ASSERT_TRUE(system.poll().succeeded);
  system.add_result("delegation-1");
  system.platform().order(fault(fault_action::close_after, request_class::delegations));
  system.platform().order(fault(fault_action::close_after, request_class::workspace));
  ASSERT_TRUE(system.poll().succeeded);
  system.platform().stop_listening();
  ASSERT_TRUE(system.wait_until(
      [&] { return system.probe().messages_failed.load() + system.probe().messages_delivered.load() > 0; }));
  system.platform().listen_again();
  EXPECT_TRUE(system.wait_for_event("self-message.delivered"));
  EXPECT_TRUE(system.wait_for_event("notification.delivered"));
}

TEST(notifier, undeliverable_message_is_dropped_after_its_longest_age) {
  notifier_system system{[](notifier_settings& notifier) {
    notifier.max_age = 1500ms;
  }};
  system.platform().order(answer_status(500, request_class::a2a));
  system.platform().order(answer_status(500, request_class::notify));
  system.start();
  system.find("delegation-1");
  ASSERT_TRUE(system.wait_for_event("self-message.dropped"));
  ASSERT_TRUE(system.wait_for_event("notification.dropped"));
  EXPECT_EQ(system.probe().messages_dropped.load(), 1u);
  EXPECT_EQ(system.probe().notifications_dropped.load(), 1u);
  system.platform().clear_faults();
  system.find("later---1");
  EXPECT_TRUE(system.wait_for_event("self-message.delivered")) << "it blocks no other";
}

TEST(notifier, no_more_messages_than_the_hour_allows) {
  notifier_system system{[](notifier_settings& notifier) {
    notifier.cooldown = 0ms;
    notifier.max_per_hour = 3;
  }};
  system.platform().order(answer_status(500, request_class::a2a, 1)); // a retry is not counted
  system.start();
  for (int number = 0; number < 3; ++number) {
    system.find("result-" + std::to_string(number));
    ASSERT_TRUE(system.wait_for_event("self-message.delivered", static_cast<std::size_t>(number) + 1));
  }
  system.find("result-3");
  ASSERT_TRUE(system.wait_for_event("loop.suspected"));
  system.find("result-4");
  ASSERT_TRUE(system.wait_for_event("notification.delivered", 5)) << "the user is told all the same";
  EXPECT_EQ(system.messages().size(), 4u);
  EXPECT_TRUE(system.probe().suspected_loop.load());
  EXPECT_EQ(system.events("loop.suspected").size(), 1u);
}

TEST(notifier, hour_counts_over_crashes_and_restarts) {
  notifier_system system{[](notifier_settings& notifier) {
                           notifier.cooldown = 0ms;
                           notifier.max_per_hour = 1;
                         },
                         true};
  system.start();
  system.find("result-0");
  ASSERT_TRUE(system.wait_for_event("self-message.delivered"));
  ASSERT_TRUE(system.crash("notifier"));
  system.find("result-1");
  ASSERT_TRUE(system.wait_for_event("notification.delivered", 2));
  system.stop();
  system.start();
  system.find("result-2");
  ASSERT_TRUE(system.wait_for_event("notification.delivered", 3));
  EXPECT_EQ(system.messages().size(), 1u);
}

TEST(notifier, user_is_told_of_failures_alone_or_of_nothing_when_so_configured) {
  for (const auto mode : {notify_user::failures, notify_user::none}) {
    notifier_system system{[mode](notifier_settings& notifier) {
      notifier.notify = mode;
    }};
    system.start();
    ASSERT_TRUE(system.poll().succeeded);
    system.add_result("good----1");
    system.add_result("bad-----1", "failed");
    ASSERT_TRUE(system.poll().succeeded);
    ASSERT_TRUE(system.wait_for_event("self-message.delivered"));
    if (mode == notify_user::failures) {
      ASSERT_TRUE(system.wait_for_event("notification.delivered"));
      EXPECT_NE(system.platform().notifications().at(0).message.find("failed"), std::string::npos);
    }
    EXPECT_EQ(system.platform().notifications().size(), mode == notify_user::failures ? 1u : 0u);
    EXPECT_NE(system.text(0).find("\"good----\""), std::string::npos);
    EXPECT_NE(system.text(0).find("\"bad-----\""), std::string::npos);
  }
}

TEST(notifier, self_message_that_hangs_delays_no_beat_no_poll_and_no_notification) {
  system_options options;
  options.adjust = [](settings& configuration) {
    configuration.notifier.timeout = 5min; // longer than anything here is waited for
  };
  system_under_test system{options};
  system.platform().order(fault(fault_action::hang, request_class::a2a, 1));
  system.start();
  system.add_result("delegation-1");
  ASSERT_TRUE(system.platform().wait_for(request_class::a2a));
  const auto beats = system.count(request_class::beat);
  const auto polls = system.count(request_class::delegations);
  system.add_result("later---1");
  ASSERT_TRUE(system.wait_for_event("notification.delivered", 2));
  ASSERT_TRUE(system.platform().wait_for(request_class::beat, beats + 5));
  ASSERT_TRUE(system.platform().wait_for(request_class::delegations, polls + 5));
  EXPECT_EQ(system.probe().messages_delivered.load(), 0u) << "all that while it was under way";
  system.platform().release();
  ASSERT_TRUE(system.wait_for_event("self-message.delivered", 2));
  EXPECT_EQ(system.count(request_class::a2a), 2u) << "it is not repeated";
}

TEST(notifier, crash_between_attempts_sends_the_same_message_again) {
  notifier_system system;
  system.platform().order(answer_status(500, request_class::a2a, 1));
  system.start();
  system.find("delegation-1");
  ASSERT_TRUE(system.wait_for_event("self-message.failed"));
  ASSERT_TRUE(system.crash("notifier"));
  ASSERT_TRUE(system.wait_for_event("self-message.delivered"));
  EXPECT_EQ(system.messages().at(0).body, system.messages().at(1).body);
}

TEST(notifier, crash_while_a_message_is_under_way_loses_none) {
  notifier_system system;
  system.platform().order(fault(fault_action::hang, request_class::a2a, 1));
  system.platform().order(fault(fault_action::hang, request_class::notify, 1));
  system.start();
  system.find("delegation-1");
  ASSERT_TRUE(system.platform().wait_for(request_class::a2a));
  ASSERT_TRUE(system.platform().wait_for(request_class::notify));
  ASSERT_TRUE(system.crash("notifier"));
  system.platform().release();
  EXPECT_TRUE(system.wait_for_event("self-message.delivered"));
  EXPECT_TRUE(system.wait_for_event("notification.delivered"));
}

TEST(notifier, what_did_not_go_out_before_the_end_goes_out_after_the_next_start) {
  notifier_system system{{}, true};
  system.platform().order(answer_status(500, request_class::a2a));
  system.platform().order(answer_status(500, request_class::notify));
  system.start();
  system.find("delegation-1");
  ASSERT_TRUE(system.wait_for_event("self-message.failed"));
  ASSERT_TRUE(system.wait_for_event("notification.failed"));
  system.stop();
  system.platform().clear_faults();
  system.start();
  ASSERT_TRUE(system.wait_for_event("self-message.delivered"));
  ASSERT_TRUE(system.wait_for_event("notification.delivered"));
  EXPECT_EQ(system.messages().front().body, system.messages().back().body);
}

TEST(notifier, wakes_the_agent_after_each_crash) {
  notifier_system system;
  system.start();
  for (std::uint64_t restart = 1; restart <= 4; ++restart) {
    ASSERT_TRUE(system.crash("notifier"));
    EXPECT_EQ(system.actor("notifier").restarts(), restart);
    system.find("result-" + std::to_string(restart));
    ASSERT_TRUE(system.wait_for_event("self-message.delivered", restart));
    ASSERT_TRUE(system.wait_for_event("notification.delivered", restart));
  }
}

} // namespace
} // namespace workspace_supervisor
