#include "actors/http/http_date.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <ctime>
#include <string>

namespace workspace_supervisor {
namespace {

TEST(http_date, reads_its_three_forms) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994"), 784111777);
  EXPECT_EQ(parse_http_date("Thu, 29 Feb 2024 00:00:00 GMT"), 1709164800);
}

TEST(http_date, refuses_what_is_no_date) {
  for (const char* text : {"", "yesterday", "Sun, 06 Nov 1994 08:49:37", "Sun, 31 Feb 2024 08:49:37 GMT",
                           "Sun, 06 Nov 1994 25:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT+1"})
    EXPECT_FALSE(parse_http_date(text)) << text;
}

TEST(http_date, is_not_taken_for_the_one_before) {
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
    EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:38 GMT"), 784111778);
    EXPECT_FALSE(parse_http_date("Sun, 06 Nov 1994 08:49:38"));
    EXPECT_FALSE(parse_http_date(""));
  }
}

TEST(retry_after, takes_seconds_and_dates) {
  EXPECT_EQ(parse_retry_after("7", 0), 7000);
  EXPECT_EQ(parse_retry_after("0", 0), 0);
  EXPECT_EQ(parse_retry_after("99999999999999999999999999", 0), std::int64_t{365} * 24 * 3600 * 1000);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784111777 - 20), 20000);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784111777 + 20), 0);
  EXPECT_EQ(parse_retry_after("-5", 0), -1);
  EXPECT_EQ(parse_retry_after("soon", 0), -1);
}

} // namespace
} // namespace workspace_supervisor
