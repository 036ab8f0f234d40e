#include "actors/delegation_list/rfc3339.hpp"

#include <gtest/gtest.h>

namespace workspace_supervisor {
namespace {

TEST(parse_rfc3339, reads_what_platforms_write) {
  EXPECT_EQ(parse_rfc3339("2026-11-23T20:37:22Z"), 1795466242);
  EXPECT_EQ(parse_rfc3339("2026-11-23T20:37:22.5Z"), 1795466242.5);
  EXPECT_NEAR(parse_rfc3339("2026-11-23T20:37:22.123456789Z"), 1795466242.123456789, 1e-6);
  EXPECT_EQ(parse_rfc3339("2026-11-23t20:37:22z"), 1795466242);
  EXPECT_EQ(parse_rfc3339("2026-11-23 20:37:22"), 1795466242);
  EXPECT_EQ(parse_rfc3339("2026-11-23T21:37:22+01:00"), 1795466242);
  EXPECT_EQ(parse_rfc3339("2026-11-23T21:37:22+0100"), 1795466242);
  EXPECT_EQ(parse_rfc3339("2026-11-23 21:37:22.0+01"), 1795466242);
  EXPECT_EQ(parse_rfc3339("2026-11-23T15:07:22-05:30"), 1795466242);
  EXPECT_EQ(parse_rfc3339("2026-11-23T20:37:22-00:00"), 1795466242);
}

TEST(parse_rfc3339, knows_the_calendar) {
  EXPECT_EQ(parse_rfc3339("2024-02-29T00:00:00Z"), 1709164800);
  EXPECT_EQ(parse_rfc3339("2000-02-29T00:00:00Z"), 951782400);
  EXPECT_EQ(parse_rfc3339("2023-02-29T00:00:00Z"), 0);
  EXPECT_EQ(parse_rfc3339("2100-02-29T00:00:00Z"), 0);
  EXPECT_EQ(parse_rfc3339("2026-04-31T00:00:00Z"), 0);
  EXPECT_EQ(parse_rfc3339("2016-12-31T23:59:60Z"), 1483228800);
  EXPECT_EQ(parse_rfc3339("9999-12-31T23:59:59Z"), 253402300799);
}

TEST(parse_rfc3339, refuses_what_is_no_time) {
  for (const char* text : {"",
                           "now",
                           "2026",
                           "2026-11-23",
                           "2026-11-23T20:37Z",
                           "2026-13-01T00:00:00Z",
                           "2026-00-01T00:00:00Z",
                           "2026-01-00T00:00:00Z",
                           "2026-01-32T00:00:00Z",
                           "2026-01-01T24:00:00Z",
                           "2026-01-01T00:60:00Z",
                           "2026-01-01T00:00:61Z",
                           "2026-01-01T00:00:00.Z",
                           "2026-01-01T00:00:00,5Z",
                           "2026-01-01T00:00:00ZZ",
                           "2026-01-01T00:00:00+1",
                           "2026-01-01T00:00:00+24:00",
                           "2026-01-01T00:00:00+01:60",
                           "2026-01-01T00:00:00+01:",
                           "2026-01-01T00:00:00 UTC",
                           " 2026-01-01T00:00:00Z",
                           "2026-01-01X00:00:00Z",
                           "2026/01/01T00:00:00Z",
                           "26-01-01T00:00:00Z",
                           "-026-01-01T00:00:00Z",
                           "1795466242"}) {
    EXPECT_EQ(parse_rfc3339(text), 0) << text;
  }
}

TEST(parse_rfc3339, takes_a_time_before_1970_for_none) {
  EXPECT_EQ(parse_rfc3339("0001-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00+00:01"), 0);
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:01Z"), 1);
}

} // namespace
} // namespace workspace_supervisor
