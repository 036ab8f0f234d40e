#include "app/event_log/event_log.hpp"

#include <gtest/gtest.h>

using namespace workspace_supervisor;

namespace {

/// Everything that could break a line, turn it, colour a terminal or spoil the JSON.
const std::string hostile = "a\nb\r\t\x1b[31m\"\\\xe2\x80\xa8\xe2\x80\xae\xc2\x85 \x7f\xff\xc3";

event hostile_event() {
  auto happened = make_event(log_level::warning, "beat.failed", hostile, hostile);
  happened.time = 1'800'000'000.25;
  return happened.with("error", hostile).with("reason", hostile).with("status", std::int64_t{503});
}

TEST(event_log_format, text_is_one_line_without_what_would_change_how_it_is_shown) {
  const auto line = format_text(hostile_event());
  EXPECT_EQ(line.find("2027-01-15T08:00:00.250Z warning beat.failed workspace=\""), 0U) << line;
  for (const auto* forbidden :
       {"\n", "\r", "\t", "\x1b", "\x7f", "\xe2\x80\xa8", "\xe2\x80\xae", "\xc2\x85", "\xff"})
    EXPECT_EQ(line.find(forbidden), std::string::npos) << line;
}

TEST(event_log_format, json_is_one_line_of_valid_utf8) {
  const auto line = format_json(hostile_event());
  for (const auto* forbidden : {"\n", "\r", "\t", "\x1b", "\xff"})
    EXPECT_EQ(line.find(forbidden), std::string::npos) << line;
  EXPECT_NE(line.find("\"status\":503"), std::string::npos) << line;
  EXPECT_NE(line.find("\xef\xbf\xbd\""), std::string::npos) << line; // for the byte that was cut
}

TEST(event_log_format, both_say_the_same_of_a_harmless_event) {
  auto happened = make_event(log_level::info, "results.filed", "ws-1", "2 results filed for the agent");
  happened.time = 1'800'000'000;
  happened.with("count", std::int64_t{2});
  EXPECT_EQ(format_text(happened), "2027-01-15T08:00:00.000Z info results.filed workspace=ws-1 count=2: "
                                   "2 results filed for the agent");
  EXPECT_EQ(format_json(happened),
            R"({"time":"2027-01-15T08:00:00.000Z","level":"info","event":"results.filed","workspace":"ws-1",)"
            R"("count":2,"text":"2 results filed for the agent"})");
}

} // namespace
