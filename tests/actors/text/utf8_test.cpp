#include "actors/text/utf8.hpp"

#include <gtest/gtest.h>

#include <string>

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
  const std::string r = "\uFFFD";
  for (const char* bad :
       {"\xff", "\x80", "\xc3", "\xe2\x82", "\xed\xa0\x80", "\xc0\xaf", "\xf4\x90\x80\x80"}) {
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
