#include "actors/text/json_text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace workspace_supervisor {
namespace {

std::string json_string(std::string_view text) {
  std::string json;
  append_json_string(json, text);
  return json;
}

std::string replaced(std::string_view json) {
  std::string buffer;
  return std::string(replace_half_surrogates(json, buffer));
}

TEST(append_json_string, writes_ascii_alone) {
  EXPECT_EQ(json_string("a\"b\\c/"), R"("a\"b\\c/")");
  EXPECT_EQ(json_string(std::string_view("\0\x1f\n\t\x7f", 5)), R"("\u0000\u001f\n\u0009\u007f")");
  EXPECT_EQ(json_string("\u0085\u2028\u00e9\U0001F600"), R"("\u0085\u2028\u00e9\ud83d\ude00")");
  EXPECT_EQ(json_string("a\xffz"), R"("a\ufffdz")");
}

TEST(replace_half_surrogates, copies_nothing_where_there_is_none) {
  for (const std::string_view json :
       {"", "[]", R"(["\ud83d\ude00 \uD83D\uDE00 \u00e9 \n \\ud83d \\\\ude00"])", R"(\)", R"(\u)",
        R"(\ud8)"}) {
    std::string buffer;
    EXPECT_EQ(replace_half_surrogates(json, buffer).data(), json.data()) << json;
    EXPECT_EQ(buffer, "");
  }
}

TEST(replace_half_surrogates, replaces_each) {
  EXPECT_EQ(replaced(R"("\ud83d")"), R"("\ufffd")");
  EXPECT_EQ(replaced(R"("\uDE00")"), R"("\ufffd")");
  EXPECT_EQ(replaced(R"("\ud83d\n")"), R"("\ufffd\n")");
  EXPECT_EQ(replaced(R"("\ud83d\u0041")"), R"("\ufffd\u0041")");
  EXPECT_EQ(replaced(R"("\ude00\ud83d")"), R"("\ufffd\ufffd")");
  EXPECT_EQ(replaced(R"("\ud83d\ud83d\ude00\ude00")"), R"("\ufffd\ud83d\ude00\ufffd")");
  EXPECT_EQ(replaced(R"("\\\ud83d")"), R"("\\\ufffd")");
  EXPECT_EQ(replaced(R"("\udbff\udbff)"), R"("\ufffd\ufffd)");
}

} // namespace
} // namespace workspace_supervisor
