#include "actors/http/http_answer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

using namespace workspace_supervisor;

namespace {

constexpr std::size_t most = 1024;

TEST(http_answer_test, what_is_not_http_is_told_alike_in_whatever_pieces_it_comes) {
  for (const std::string text : {"HTTQ/1.1 200 OK\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "SSH-2.0-x\r\n"}) {
    for (std::size_t piece = 1; piece <= text.size(); ++piece) {
      http_answer answer(false, most);
      auto state = answer_state::incomplete;
      for (std::size_t at = 0; at < text.size() && state == answer_state::incomplete; at += piece)
        state = answer.take(text.data() + at, std::min(piece, text.size() - at));
      EXPECT_EQ(state, answer_state::refused) << text << " in pieces of " << piece;
      EXPECT_EQ(answer.error(), "the answer is not HTTP") << text << " in pieces of " << piece;
    }
  }
}

TEST(http_answer_test, an_answer_may_come_byte_by_byte) {
  const std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
  http_answer answer(false, most);
  for (std::size_t at = 0; at + 1 < text.size(); ++at)
    ASSERT_EQ(answer.take(&text[at], 1), answer_state::incomplete) << at;
  EXPECT_EQ(answer.take(&text.back(), 1), answer_state::complete);
  EXPECT_EQ(answer.response().body, "hi");
}

} // namespace
