#include "app/client/json_look.hpp"
#include "app/client/status_text.hpp"
#include "app/client/terminal_text.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

using namespace workspace_supervisor;

namespace {

TEST(safe_text, keeps_what_is_harmless) {
  EXPECT_EQ(safe_text("Prüfung – 試験 🙂 \"q\" \\"), "Prüfung – 試験 🙂 \"q\" \\");
}

TEST(safe_text, escapes_what_steers_a_terminal) {
  EXPECT_EQ(safe_text("\x1b[2J"), "\\x1b[2J");
  EXPECT_EQ(safe_text("a\nb\tc\rd"), "a\\nb\\tc\\x0dd");
  EXPECT_EQ(safe_text(std::string_view{"\0\x7f", 2}), "\\x00\\x7f");
  EXPECT_EQ(safe_text("\xc2\x9b"), "\\x9b"); // CSI in one character
  EXPECT_EQ(safe_text("\u202e\u2066\u2028\u200f"), "\\u202e\\u2066\\u2028\\u200f");
}

TEST(safe_text, escapes_bytes_that_are_no_character) {
  EXPECT_EQ(safe_text("\xff\x80"), "\\xff\\x80");
  EXPECT_EQ(safe_text("\xc0\x9b"), "\\xc0\\x9b");                   // too long for what it says
  EXPECT_EQ(safe_text("\xed\xa0\x80"), "\\xed\\xa0\\x80");          // a surrogate
  EXPECT_EQ(safe_text("\xe2\x82"), "\\xe2\\x82");                   // cut off
  EXPECT_EQ(safe_text("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80"); // beyond Unicode
}

TEST(shortened, counts_characters_and_not_bytes) {
  EXPECT_EQ(shortened("äöü", 3), "äöü");
  EXPECT_EQ(shortened("äöüx", 3), "äö…");
  EXPECT_EQ(shortened("", 3), "");
}

TEST(duration_text, has_at_most_two_units) {
  EXPECT_EQ(duration_text(-1), "0 s");
  EXPECT_EQ(duration_text(59.9), "59 s");
  EXPECT_EQ(duration_text(60), "1 min");
  EXPECT_EQ(duration_text(185), "3 min 5 s");
  EXPECT_EQ(duration_text(7800), "2 h 10 min");
  EXPECT_EQ(duration_text(4 * 86400 + 3 * 3600 + 59), "4 d 3 h");
}

TEST(text_table, sets_columns_by_characters) {
  text_table table{{"NAME", ">COUNT"}, 1};
  table.add({"äö", "1"});
  table.add({"longer", "1000000"});
  EXPECT_EQ(table.text(), " NAME      COUNT\n äö            1\n longer  1000000\n");
}

boost::json::object stats_of(const char* text) {
  return boost::json::parse(text).as_object();
}

TEST(number_in, is_a_number_within_its_bounds_whatever_stands_there) {
  const auto numbers = parsed(R"({"none":0e400,"huge":1e400,"small":-1e400,"text":"7","some":7})");
  EXPECT_EQ(number_in(numbers, "none"), 0);
  EXPECT_EQ(number_in(numbers, "huge"), 1e15);
  EXPECT_EQ(number_in(numbers, "small"), -1e15);
  EXPECT_EQ(number_in(numbers, "text"), 0);
  EXPECT_EQ(number_in(numbers, "some"), 7);
  EXPECT_EQ(number_in(numbers, "absent"), 0);
  EXPECT_EQ(count_in(numbers, "none"), "0");
}

TEST(status_text, an_answer_of_another_version_is_shown_as_far_as_it_goes) {
  for (const auto* answer : {"{}", R"({"workspaces":{"a":{}}})", R"({"workspaces":[1]})",
                             R"({"workspaces":{"a":{"heartbeat":3,"actors":{"x":null},"status":7}}})"})
    EXPECT_NE(status_text(stats_of(answer), ""), "") << answer;
}

TEST(status_text, tells_details_of_one_workspace_alone) {
  const auto two = stats_of(R"({"workspaces":{"a":{"status":"online"},"b":{"status":"online"}}})");
  EXPECT_EQ(status_text(two, "").find("notifications"), std::string::npos);
  EXPECT_NE(status_text(two, "a").find("notifications"), std::string::npos);
}

TEST(all_online, is_about_what_is_shown) {
  const auto two = stats_of(R"({"workspaces":{"a":{"status":"online"},"b":{"status":"failed"}}})");
  EXPECT_FALSE(all_online(two, ""));
  EXPECT_TRUE(all_online(two, "a"));
  EXPECT_FALSE(all_online(two, "c"));
}

} // namespace
