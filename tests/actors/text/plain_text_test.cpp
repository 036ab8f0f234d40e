#include "actors/text/plain_text.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace workspace_supervisor {

TEST(flatten, makes_one_space_of_each_run_of_what_ends_hides_or_reorders_text) {
  for (const char* mark :
       {" ",      "\n",     "\r\n",   "\t",     "\x01",   "\x1b",   "\x7f",   "\u0080",
        "\u0085", "\u009f", "\u00a0", "\u061c", "\u1680", "\u2000", "\u200a", "\u200e",
        "\u200f", "\u2028", "\u2029", "\u202a", "\u202b", "\u202c", "\u202d", "\u202e",
        "\u202f", "\u205f", "\u2066", "\u2067", "\u2068", "\u2069", "\u3000", " \n \u2028\u202e "}) {
    EXPECT_EQ(flatten(std::string("a") + mark + 'b'), "a b") << mark;
  }
  EXPECT_EQ(flatten(std::string_view("a\0b", 3)), "a b");
}

TEST(flatten, takes_white_space_off_the_ends) {
  EXPECT_EQ(flatten(" \n a b\t "), "a b");
  EXPECT_EQ(flatten(" \n\t"), "");
  EXPECT_EQ(flatten(""), "");
}

TEST(flatten, keeps_all_other_text) {
  const std::string text = "Gr\u00fc\u00dfe, \u4f60\u597d \U0001F469\u200d\U0001F680 \"quoted\" \\ e\u0301";
  EXPECT_EQ(flatten(text), text);
}

TEST(flatten, replaces_invalid_utf8) {
  EXPECT_EQ(flatten("a\xff\xc3(z\xe2\x82"), "a\uFFFD\uFFFD(z\uFFFD");
}

TEST(cut, counts_code_points_and_splits_none) {
  EXPECT_EQ(cut("abc", 2), "ab");
  EXPECT_EQ(cut("abc", 3), "abc");
  EXPECT_EQ(cut("abc", 9), "abc");
  EXPECT_EQ(cut("abc", 0), "");
  EXPECT_EQ(cut("a\u00fc\u20ac\U0001F600z", 4), "a\u00fc\u20ac\U0001F600");
  EXPECT_EQ(cut(std::string(10, '\xbf'), 3).size(), 3u);
}

TEST(quote, escapes_quotes_and_backslashes) {
  EXPECT_EQ(quote("a"), "\"a\"");
  EXPECT_EQ(quote("a\"b\\c"), "\"a\\\"b\\\\c\"");
  EXPECT_EQ(quote("\\"), "\"\\\\\"");
}

} // namespace workspace_supervisor
