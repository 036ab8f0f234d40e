#include "actors/platform/http_date.hpp"
#include "actors/platform/http_engine.hpp"

#include <gtest/gtest.h>

namespace workspace_supervisor {
namespace {

platform_url parsed(const std::string& text) {
  platform_url url;
  std::string error;
  EXPECT_TRUE(platform_url::parse(text, url, error)) << text << ": " << error;
  return url;
}

std::string refusal(const std::string& text) {
  platform_url url;
  std::string error;
  EXPECT_FALSE(platform_url::parse(text, url, error)) << text;
  return error;
}

TEST(platform_url, takes_a_plain_url_apart) {
  const platform_url url = parsed("http://Platform.Example:8080/api/v1/");
  EXPECT_FALSE(url.tls);
  EXPECT_EQ(url.host, "platform.example");
  EXPECT_EQ(url.port, 8080);
  EXPECT_EQ(url.prefix, "/api/v1");
  EXPECT_EQ(url.origin(), "http://platform.example:8080");
  EXPECT_EQ(url.host_header(), "platform.example:8080");
}

TEST(platform_url, leaves_the_default_port_out_of_the_host_header) {
  EXPECT_EQ(parsed("https://a.example").host_header(), "a.example");
  EXPECT_EQ(parsed("https://a.example:443/").host_header(), "a.example");
  EXPECT_EQ(parsed("https://a.example:80").host_header(), "a.example:80");
  EXPECT_EQ(parsed("HTTP://a.example").port, 80);
  EXPECT_EQ(parsed("https://a.example").port, 443);
}

TEST(platform_url, reads_an_ipv6_address) {
  const platform_url url = parsed("https://[2001:DB8::1]:8443/p");
  EXPECT_EQ(url.host, "2001:db8::1");
  EXPECT_EQ(url.origin(), "https://[2001:db8::1]:8443");
  EXPECT_EQ(url.host_header(), "[2001:db8::1]:8443");
  EXPECT_EQ(parsed("http://[::1]").host_header(), "[::1]");
}

TEST(platform_url, ignores_slashes_at_the_end) {
  EXPECT_EQ(parsed("http://a/").prefix, "");
  EXPECT_EQ(parsed("http://a").prefix, "");
  EXPECT_EQ(parsed("http://a/b///").prefix, "/b");
  EXPECT_EQ(parsed("http://a/%7Eb").prefix, "/%7Eb");
}

TEST(platform_url, refuses_what_is_no_base_url) {
  for (const char* text : {"",
                           "a.example",
                           "ftp://a",
                           "http://",
                           "http:///x",
                           "http://a b/",
                           "http://a/?q=1",
                           "http://a/#f",
                           "http://a:0",
                           "http://a:65536",
                           "http://a:8x",
                           "http://a:-1",
                           "http://[::1",
                           "http://[::1]x",
                           "http://[a]/",
                           "http://::1/",
                           "http://a/\x01",
                           "http://a/%zz",
                           "http://a/%4",
                           "http://a\r\nHost: b",
                           "http://a/\xc3\xa4",
                           "http://a/<b>",
                           "http://.a",
                           "http://a..b",
                           " http://a",
                           "http://a%2fb/"})
    EXPECT_FALSE(refusal(text).empty()) << text;
}

TEST(platform_url, does_not_repeat_user_information) {
  EXPECT_EQ(refusal("https://user:secret@a.example/").find("secret"), std::string::npos);
}

TEST(encode_path_segment, leaves_unreserved_characters_alone) {
  EXPECT_EQ(encode_path_segment("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(encode_path_segment("a/b c?%\xc3\xa4"), "a%2Fb%20c%3F%25%C3%A4");
  EXPECT_EQ(encode_path_segment(std::string("\0", 1)), "%00");
}

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
