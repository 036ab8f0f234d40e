#include "actors/notifier/notifier_requests.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace workspace_supervisor {
namespace {

TEST(notifier_requests, self_message_is_a_message_send_call) {
  const auto call = boost::json::parse(self_message_body("id-1", "hello")).as_object();
  EXPECT_EQ(call.at("jsonrpc").as_string(), "2.0");
  EXPECT_EQ(call.at("method").as_string(), "message/send");
  EXPECT_TRUE(call.contains("id")) << "without it the call would have no answer";
}

TEST(notifier_requests, self_message_has_one_text_part_from_the_user) {
  const auto call = boost::json::parse(self_message_body("id-1", "hello")).as_object();
  const auto& message = call.at("params").at("message").as_object();
  EXPECT_EQ(message.at("role").as_string(), "user");
  EXPECT_EQ(message.at("messageId").as_string(), "id-1");
  ASSERT_TRUE(message.at("parts").is_array());
  ASSERT_EQ(message.at("parts").as_array().size(), 1u);
  EXPECT_EQ(message.at("parts").as_array()[0],
            boost::json::parse(R"({"kind":"text","type":"text","text":"hello"})"));
}

TEST(notifier_requests, message_ids_are_uuids_and_each_is_new) {
  const auto first = make_message_id();
  EXPECT_EQ(first.size(), 36u);
  EXPECT_EQ(first.find_first_not_of("0123456789abcdef-"), std::string::npos) << first;
  EXPECT_EQ(first[14], '4') << "the version that is random: " << first;
  EXPECT_NE(first, make_message_id());
}

TEST(notifier_requests, text_is_escaped) {
  const std::string text = "a \"b\"\n\\";
  const auto call = boost::json::parse(self_message_body("id-1", text));
  EXPECT_EQ(call.at_pointer("/params/message/parts/0/text").as_string(), text);
  EXPECT_EQ(boost::json::parse(user_notification_body(text)).at("message").as_string(), text);
}

TEST(notifier_requests, notification_has_message_and_type) {
  EXPECT_EQ(boost::json::parse(user_notification_body("hello")),
            boost::json::parse(R"({"message":"hello","type":"delegation_result"})"));
}

} // namespace
} // namespace workspace_supervisor
