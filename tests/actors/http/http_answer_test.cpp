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

TEST(http_answer_test, parts_of_the_head_have_their_bound_wherever_they_stand) {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const auto& text :
       {head + "2;" + std::string(70000, 'x'), head + "0\r\nTrailer: " + std::string(70000, 'x')}) {
    http_answer answer(false, most);
    auto state = answer_state::incomplete;
    for (std::size_t at = 0; at < text.size() && state == answer_state::incomplete; at += 4096)
      state = answer.take(text.data() + at, std::min<std::size_t>(4096, text.size() - at));
    EXPECT_EQ(state, answer_state::refused) << text.substr(head.size(), 12);
    EXPECT_FALSE(answer.error().empty());
  }
}

TEST(http_answer_test, a_status_that_is_none_is_refused) {
  const std::string text = "HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n";
  http_answer answer(false, most);
  EXPECT_EQ(answer.take(text.data(), text.size()), answer_state::refused);
  EXPECT_FALSE(answer.error().empty());
}

} // namespace
