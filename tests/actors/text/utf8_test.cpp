#include "actors/text/utf8.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace workspace_supervisor {
namespace {

TEST(valid_utf8, leaves_valid_text_alone) {
  for (const std::string& text :
       {std::string(), std::string("a"), std::string(100, 'x'), std::string("\0a", 2),
        std::string("eight by\u00fctes and \u20ac, \U0001F600\U0001F600 and \U0010FFFF")}) {
    EXPECT_EQ(valid_utf8(text), text);
  }
}

TEST(valid_utf8, replaces_what_is_invalid_wherever_it_stands) {
  // One for as many bytes as could have begun a character.
  const std::pair<const char*, std::size_t> cases[] = {{"\xff", 1},
                                                       {"\x80", 1},
                                                       {"\xc3", 1},
                                                       {"\xe2\x82", 1},
                                                       {"\xf0\x9f", 1},
                                                       {"\xf0\x9f\x98", 1},
                                                       {"\xed\xa0\x80", 3},
                                                       {"\xc0\xaf", 2},
                                                       {"\xf4\x90\x80\x80", 4},
                                                       {"\xe2\x82\xe2\x82", 2}};
  for (const auto& [bad, count] : cases) {
    std::string r;
    for (std::size_t index = 0; index < count; ++index) {
      r += "\uFFFD";
    }
    for (std::size_t before = 0; before < 20; ++before) {
      const std::string start(before, 'a');
      EXPECT_EQ(valid_utf8(start + bad), start + r);
      EXPECT_EQ(valid_utf8(start + bad + "z\u00fc"), start + r + "z\u00fc");
      EXPECT_EQ(valid_utf8(start + "\u00fc" + bad + std::string(20, 'z')),
                start + "\u00fc" + r + std::string(20, 'z'));
    }
  }
}

} // namespace
} // namespace workspace_supervisor
