#include "app/client/control_client.hpp"
#include "app/client/http_reply.hpp"

#include <gtest/gtest.h>

using namespace workspace_supervisor;

namespace {

TEST(http_reply_reader, reads_an_answer_however_it_is_cut) {
  const std::string answer = "HTTP/1.1 404 Not Found\r\nDate: x\r\ncontent-LENGTH: 5\r\n\r\nhello";
  for (std::size_t size = 1; size <= answer.size(); ++size) {
    http_reply_reader reader;
    std::string body;
    for (std::size_t begin = 0; begin < answer.size(); begin += size) {
      reader.take(std::string_view{answer}.substr(begin, size));
      body += reader.take_body();
    }
    EXPECT_TRUE(reader.complete()) << size;
    EXPECT_EQ(reader.status(), 404) << size;
    EXPECT_EQ(body, "hello") << size;
  }
}

TEST(http_reply_reader, an_answer_without_a_length_goes_on_until_the_end) {
  http_reply_reader reader;
  reader.take("HTTP/1.1 200 OK\r\n\r\none ");
  EXPECT_FALSE(reader.complete());
  reader.take("two");
  reader.end();
  EXPECT_TRUE(reader.complete());
  EXPECT_EQ(reader.take_body(), "one two");
}

TEST(http_reply_reader, what_comes_after_the_length_is_left_out) {
  http_reply_reader reader;
  reader.take("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabcdef");
  EXPECT_EQ(reader.take_body(), "ab");
}

TEST(http_reply_reader, an_empty_body_is_complete_with_its_head) {
  http_reply_reader reader;
  reader.take("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(reader.complete());
}

TEST(http_reply_reader, names_what_is_wrong) {
  for (const std::string answer :
       {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 OK 200\r\n\r\n", "HTTP/1.1\r\n\r\n", "\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"}) {
    http_reply_reader reader;
    reader.take(answer);
    EXPECT_NE(reader.error(), "") << answer;
  }
}

TEST(http_reply_reader, an_endless_head_is_given_up) {
  http_reply_reader reader;
  for (int count = 0; count < 100 && reader.error().empty(); ++count)
    reader.take(std::string(1000, 'x'));
  EXPECT_NE(reader.error(), "");
}

TEST(http_reply_reader, an_answer_that_ends_early_is_no_answer) {
  for (const std::string answer : {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na"}) {
    http_reply_reader reader;
    reader.take(answer);
    reader.end();
    EXPECT_NE(reader.error(), "") << answer;
    EXPECT_FALSE(reader.complete()) << answer;
  }
}

TEST(percent_encoded, leaves_nothing_that_means_something_in_a_url) {
  EXPECT_EQ(percent_encoded("a-Z_0.9~"), "a-Z_0.9~");
  EXPECT_EQ(percent_encoded("../x?y=1&z#\xc3\xa4 %"), "..%2Fx%3Fy%3D1%26z%23%C3%A4%20%25");
}

} // namespace
