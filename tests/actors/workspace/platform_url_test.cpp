#include "actors/workspace/platform_url.hpp"

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

TEST(platform_url, says_what_is_wrong) {
  EXPECT_EQ(refusal("http://::1/"), "the host is missing");
  EXPECT_EQ(refusal("http://2001:db8::1/"), "what follows the host is no port from 1 to 65535");
  EXPECT_EQ(refusal("http://a:80x/"), "what follows the host is no port from 1 to 65535");
  EXPECT_EQ(refusal("http://[v1.a]/"), "the brackets hold no IPv6 address");
  EXPECT_EQ(refusal("http://[::1]x"), "what follows the host is no port from 1 to 65535");
  EXPECT_EQ(refusal("http://a:"), "what follows the host is no port from 1 to 65535");
  EXPECT_EQ(refusal("http://:80"), "the host is missing");
  EXPECT_EQ(refusal("http://a..b"), "the host is neither a name nor an address");
  EXPECT_EQ(refusal("http://a@b:c"), "it has user information");
  EXPECT_EQ(refusal("http://[::1]:x"), "what follows the host is no port from 1 to 65535");
  EXPECT_EQ(refusal("http://" + std::string(254, 'a')), "the host is neither a name nor an address");
}

TEST(platform_url, does_not_repeat_user_information) {
  EXPECT_EQ(refusal("https://user:secret@a.example/").find("secret"), std::string::npos);
}

TEST(encode_path_segment, leaves_unreserved_characters_alone) {
  EXPECT_EQ(encode_path_segment("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(encode_path_segment("a/b c?%\xc3\xa4"), "a%2Fb%20c%3F%25%C3%A4");
  EXPECT_EQ(encode_path_segment(std::string("\0", 1)), "%00");
}

} // namespace
} // namespace workspace_supervisor
