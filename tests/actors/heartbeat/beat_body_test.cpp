#include "actors/heartbeat/beat_body.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace workspace_supervisor {
namespace {

boost::json::object body_of(const activity_report& report, std::int64_t uptime = 7) {
  return boost::json::parse(beat_body("ws-1", report, uptime)).as_object();
}

TEST(beat_body, has_what_the_platform_asks_for) {
  activity_report report;
  report.active_tasks = 2;
  report.current_task = "reading";
  report.requests = 4;
  report.errors = 1;
  report.sample_error = "boom";
  const auto body = body_of(report);
  EXPECT_EQ(body, boost::json::parse(R"({"workspace_id":"ws-1","error_rate":0.25,"sample_error":"boom",
      "active_tasks":2,"current_task":"reading","uptime_seconds":7})"));
}

TEST(beat_body, uptime_is_an_integer) {
  EXPECT_TRUE(body_of({}).at("uptime_seconds").is_int64());
}

TEST(beat_body, texts_are_escaped) {
  activity_report report;
  report.current_task = "a \"quoted\"\n\\ \x01 task \xE2\x80\xA8";
  report.sample_error = "\t\"";
  const auto body = body_of(report);
  EXPECT_EQ(body.at("current_task").as_string(), report.current_task);
  EXPECT_EQ(body.at("sample_error").as_string(), report.sample_error);
}

TEST(beat_body, id_is_escaped) {
  const auto body = boost::json::parse(beat_body("a\"b", {}, 0)).as_object();
  EXPECT_EQ(body.at("workspace_id").as_string(), "a\"b");
}

TEST(beat_body, healthy_runtime_has_no_state) {
  EXPECT_FALSE(body_of({}).contains("runtime_state"));
}

TEST(beat_body, wedged_runtime_tells_its_reason_as_the_error) {
  activity_report report;
  report.sample_error = "of the window";
  report.wedged = true;
  report.wedged_reason = "agent process 812 is gone";
  const auto body = body_of(report);
  EXPECT_EQ(body.at("runtime_state").as_string(), "wedged");
  EXPECT_EQ(body.at("sample_error").as_string(), "agent process 812 is gone");
}

TEST(beat_body, metadata_is_passed_on_when_there_is_some) {
  EXPECT_FALSE(body_of({}).contains("runtime_metadata"));
  activity_report report;
  report.runtime_metadata = R"({"model":"m","n":[1,2]})";
  EXPECT_EQ(body_of(report).at("runtime_metadata"), boost::json::parse(report.runtime_metadata));
}

TEST(beat_body, rate_is_between_none_and_all) {
  activity_report report;
  report.requests = 1;
  report.errors = 3;
  EXPECT_DOUBLE_EQ(body_of(report).at("error_rate").to_number<double>(), 1.0);
  EXPECT_DOUBLE_EQ(body_of({}).at("error_rate").to_number<double>(), 0.0);
}

} // namespace
} // namespace workspace_supervisor
