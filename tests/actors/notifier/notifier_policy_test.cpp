#include "actors/notifier/notifier_policy.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace workspace_supervisor {
namespace {

constexpr double now = 1'000'000;
constexpr self_message_limits limits{60, 3};

attempt_outcome answered(int status, bool jsonrpc_error = false) {
  attempt_outcome outcome;
  outcome.answered = true;
  outcome.status = status;
  outcome.jsonrpc_error = jsonrpc_error;
  return outcome;
}

TEST(classify_delivery, every_status_has_its_meaning) {
  for (int status = 100; status <= 599; ++status) {
    delivery expected = delivery::again;
    if ((status >= 200 && status <= 299) || status == 504) {
      expected = delivery::delivered;
    }
    for (const int final_status : {400, 403, 404, 405, 410, 413, 422}) {
      if (status == final_status) {
        expected = delivery::dropped;
      }
    }
    EXPECT_EQ(classify_delivery(answered(status)), expected) << status;
  }
}

TEST(classify_delivery, jsonrpc_error_drops_a_2xx_alone) {
  EXPECT_EQ(classify_delivery(answered(200, true)), delivery::dropped);
  EXPECT_EQ(classify_delivery(answered(202, true)), delivery::dropped);
  EXPECT_EQ(classify_delivery(answered(503, true)), delivery::again);
  EXPECT_EQ(classify_delivery(answered(504, true)), delivery::delivered);
}

TEST(classify_delivery, arrived_whole_and_unanswered_is_delivered) {
  attempt_outcome outcome;
  EXPECT_EQ(classify_delivery(outcome), delivery::again);
  outcome.acknowledged = true;
  EXPECT_EQ(classify_delivery(outcome), delivery::delivered);
}

TEST(classify_delivery, an_answer_decides_whatever_was_acknowledged) {
  attempt_outcome outcome = answered(503);
  outcome.acknowledged = true;
  EXPECT_EQ(classify_delivery(outcome), delivery::again);
}

TEST(is_jsonrpc_error, error_member_that_is_not_null) {
  EXPECT_TRUE(is_jsonrpc_error(R"({"jsonrpc":"2.0","id":"1","error":{"code":-32603,"message":"x"}})"));
  EXPECT_TRUE(is_jsonrpc_error(R"( { "error" : {} , "result" : null } )"));
  EXPECT_TRUE(is_jsonrpc_error(R"({"error":"text"})"));
  EXPECT_TRUE(is_jsonrpc_error(R"({"err\u006fr":1})"));
}

TEST(is_jsonrpc_error, anything_else_is_none) {
  for (const char* body :
       {"", "null", "error", "[]", "{}", R"({"error":null})", R"({"result":{"error":{"code":1}}})",
        R"([{"error":{}}])", R"("error")", R"({"error":{})", R"({"error":1)", R"({"error"})",
        R"({"error":1,})", R"({"error":1} x)", R"({"error":1,"error":null})", R"({"errors":1})",
        R"({"Error":1})"}) {
    EXPECT_FALSE(is_jsonrpc_error(body)) << body;
  }
}

TEST(is_jsonrpc_error, depth_and_bad_text_hide_no_error) {
  const std::string deep = std::string(60, '[') + std::string(60, ']');
  EXPECT_TRUE(is_jsonrpc_error("{\"data\":" + deep + ",\"text\":\"\\ud800\xff\",\"error\":{}}"));
}

TEST(is_jsonrpc_error, answer_nested_too_deep_is_none) {
  const std::string deep = std::string(30'000, '[') + std::string(30'000, ']');
  EXPECT_FALSE(is_jsonrpc_error("{\"error\":" + deep + "}"));
}

TEST(next_self_message, first_one_goes_at_once) {
  const auto next = next_self_message({}, limits, now);
  EXPECT_EQ(next.at, now);
  EXPECT_FALSE(next.hour_is_full);
}

TEST(next_self_message, cooldown_counts_from_the_start_of_the_last_delivered_one) {
  outbox box;
  box.last_delivered_start = now - 10;
  EXPECT_EQ(next_self_message(box, limits, now).at, now + 50);
  EXPECT_FALSE(next_self_message(box, limits, now).hour_is_full);
  box.last_delivered_start = now - 60;
  EXPECT_EQ(next_self_message(box, limits, now).at, now);
  box.last_delivered_start = now - 5000;
  EXPECT_EQ(next_self_message(box, limits, now).at, now);
}

TEST(next_self_message, full_hour_waits_until_its_oldest_leaves_it) {
  outbox box;
  box.recent_messages = {now - 3000, now - 2000, now - 100};
  const auto next = next_self_message(box, limits, now);
  EXPECT_EQ(next.at, now + 600);
  EXPECT_TRUE(next.hour_is_full);
  EXPECT_EQ(next_self_message(box, limits, next.at).at, next.at);
}

TEST(next_self_message, hour_slides) {
  outbox box;
  box.recent_messages = {now - 3600, now - 2000, now - 100};
  EXPECT_EQ(next_self_message(box, limits, now).at, now);
  EXPECT_FALSE(next_self_message(box, limits, now).hour_is_full);
}

TEST(next_self_message, more_messages_than_the_bound_wait_for_as_many_to_leave) {
  outbox box; // the bound was lowered by a new configuration
  box.recent_messages = {now - 3000, now - 2000, now - 1000, now - 500};
  EXPECT_EQ(next_self_message(box, limits, now).at, now + 1600);
}

TEST(next_self_message, order_of_the_recent_ones_does_not_matter) {
  outbox box; // a clock set back in between
  box.recent_messages = {now - 100, now - 3000, now - 2000};
  EXPECT_EQ(next_self_message(box, limits, now).at, now + 600);
}

TEST(next_self_message, the_later_of_both_bounds_decides_and_is_named) {
  outbox box;
  box.recent_messages = {now - 3590, now - 2000, now - 10};
  box.last_delivered_start = now - 10;
  EXPECT_EQ(next_self_message(box, limits, now).at, now + 50);
  EXPECT_FALSE(next_self_message(box, limits, now).hour_is_full);
  box.recent_messages[0] = now - 3000;
  EXPECT_EQ(next_self_message(box, limits, now).at, now + 600);
  EXPECT_TRUE(next_self_message(box, limits, now).hour_is_full);
}

TEST(next_self_message, clock_set_back_holds_nothing_back) {
  outbox box;
  box.last_delivered_start = now + 86'400;
  box.recent_messages = {now + 86'000, now + 86'100, now + 86'400};
  EXPECT_EQ(next_self_message(box, limits, now).at, now);
  EXPECT_FALSE(next_self_message(box, limits, now).hour_is_full);
}

TEST(next_self_message, never_waits_longer_than_the_limits_wherever_the_clock_goes) {
  outbox box;
  box.last_delivered_start = now;
  box.recent_messages = {now - 20, now - 10, now};
  for (const double step : {-1e6, -3600.0, -61.0, -15.0, -1.0, 0.0, 1.0, 61.0, 3600.0, 1e6}) {
    const auto next = next_self_message(box, limits, now + step);
    EXPECT_GE(next.at, now + step);
    EXPECT_LE(next.at, now + step + 3600);
  }
}

TEST(next_self_message, clock_set_forward_ends_the_wait) {
  outbox box;
  box.last_delivered_start = now;
  box.recent_messages = {now, now, now};
  EXPECT_EQ(next_self_message(box, limits, now + 86'400).at, now + 86'400);
}

TEST(next_self_message, bound_below_one_is_one) {
  outbox box;
  EXPECT_EQ(next_self_message(box, {60, 0}, now).at, now);
  box.recent_messages = {now - 100};
  EXPECT_EQ(next_self_message(box, {60, -1}, now).at, now + 3500);
}

TEST(retry_delay, doubles_from_one_second_to_five_minutes) {
  const double expected[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300};
  for (int attempts = 1; attempts <= 11; ++attempts) {
    EXPECT_EQ(retry_delay(attempts, 1), expected[attempts - 1]);
    EXPECT_EQ(retry_delay(attempts, 0), expected[attempts - 1] * 0.75);
    EXPECT_EQ(retry_delay(attempts, 0.5), expected[attempts - 1] * 0.875);
  }
}

TEST(retry_delay, any_count_has_a_delay) {
  EXPECT_EQ(retry_delay(0, 1), 1);
  EXPECT_EQ(retry_delay(std::numeric_limits<int>::min(), 1), 1);
  EXPECT_EQ(retry_delay(std::numeric_limits<int>::max(), 1), 300);
}

TEST(retry_delay, what_is_asked_for_goes_before_up_to_five_minutes) {
  EXPECT_EQ(retry_delay(1, 0.5, 42'000), 42);
  EXPECT_EQ(retry_delay(9, 0.5, 42'000), 42);
  EXPECT_EQ(retry_delay(1, 0.5, 3'600'000), 300);
  EXPECT_EQ(retry_delay(1, 0.5, 0), 1) << "no busy loop";
  EXPECT_EQ(retry_delay(3, 0.5, -1), retry_delay(3, 0.5));
}

} // namespace
} // namespace workspace_supervisor
