#include "tests/actors/http/http_engine_fixture.hpp"

#include <gtest/gtest.h>

#include <future>
#include <sys/socket.h>
#include <thread>

namespace workspace_supervisor {
namespace {

using namespace testing;
using std::chrono::milliseconds;

// --- requests

TEST(http_engine, sends_a_get_as_asked) {
  std::promise<std::string> seen;
  test_peer peer([&](peer_connection& connection, int) {
    seen.set_value(connection.read_request());
    connection.write(json_answer("[1]"));
  });
  test_engine engine(defaults());
  http_request request = get(peer.url(), "/list");
  request.url.prefix = "/api";
  request.headers = {{"Authorization", "Bearer t"}};
  const http_response response = ask(engine, request);
  EXPECT_EQ(response.outcome, http_outcome::answered) << response.error;
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "[1]");
  EXPECT_EQ(response.error, "");
  EXPECT_EQ(response.retry_after_ms, -1);
  EXPECT_EQ(seen.get_future().get(),
            "GET /api/list HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(peer.port()) +
                "\r\nUser-Agent: workspace-supervisor/test\r\nAccept: application/json"
                "\r\nAuthorization: Bearer t\r\n\r\n");
}

TEST(http_engine, sends_a_post_with_its_body) {
  std::promise<std::string> seen;
  test_peer peer([&](peer_connection& connection, int) {
    seen.set_value(connection.read_request());
    connection.write("HTTP/1.1 204 No Content\r\n\r\n");
  });
  test_engine engine(defaults());
  const http_response response = ask(engine, post(peer.url(), R"({"a":1})"));
  EXPECT_EQ(response.status, 204) << response.error;
  const std::string request = seen.get_future().get();
  EXPECT_TRUE(request.starts_with("POST /x HTTP/1.1\r\n")) << request;
  EXPECT_NE(request.find("\r\nContent-Type: application/json\r\nContent-Length: 7\r\n"), std::string::npos)
      << request;
  EXPECT_TRUE(request.ends_with("\r\n\r\n{\"a\":1}")) << request;
}

TEST(http_engine, sends_a_large_body_whole) {
  const std::string body(std::size_t{8} << 20, 'b');
  std::promise<std::size_t> seen;
  test_peer peer([&](peer_connection& connection, int) {
    const std::string request = connection.read_request();
    seen.set_value(request.size() - request.find("\r\n\r\n") - 4);
    connection.write(json_answer("{}"));
  });
  test_engine engine(defaults());
  EXPECT_EQ(ask(engine, post(peer.url(), body)).outcome, http_outcome::answered);
  EXPECT_EQ(seen.get_future().get(), body.size());
}

TEST(http_engine, refuses_headers_that_could_inject_others) {
  test_peer peer(answer_always(json_answer("{}")));
  test_engine engine(defaults());
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"Authorization", "Bearer secret\r\nX: y"},
      {"Authorization", "Bearer secret\nX: y"},
      {"Authorization", std::string("Bearer secret\0", 14)},
      {"Auth orization", "secret"},
      {"X\r\nY", "secret"},
      {"", "secret"},
      {"content-length", "4"},
      {"Host", "elsewhere"}};
  for (const auto& header : bad) {
    http_request request = get(peer.url());
    request.headers = {header};
    const http_response response = ask(engine, request);
    EXPECT_EQ(response.outcome, http_outcome::connect_failed);
    EXPECT_TRUE(response.error.starts_with("refused: ")) << response.error;
    EXPECT_EQ(response.error.find("secret"), std::string::npos) << response.error;
  }
  for (const char* target : {"x", "", "/a b", "/a\r\nX: y", "/\xc3\xa4"})
    EXPECT_EQ(ask(engine, get(peer.url(), target)).outcome, http_outcome::connect_failed) << target;
  EXPECT_EQ(peer.connections(), 0);
}

// --- answers

struct answer_case {
  std::string name;
  std::string answer; ///< after which the peer closes
  http_outcome outcome;
  int status;
  std::string body;
};

class json_answers : public ::testing::TestWithParam<answer_case> {};

TEST_P(json_answers, to_a_get) {
  const answer_case& expected = GetParam();
  test_peer peer([&](peer_connection& connection, int) {
    connection.read_request();
    connection.write(expected.answer);
  });
  test_engine engine(defaults());
  http_request request = get(peer.url());
  request.max_body = 10;
  request.repeatable = false;
  const http_response response = ask(engine, request);
  EXPECT_EQ(response.outcome, expected.outcome) << response.error;
  EXPECT_EQ(response.status, expected.status);
  EXPECT_EQ(response.body, expected.body);
  EXPECT_EQ(response.error.empty(), expected.outcome == http_outcome::answered) << response.error;
}

const std::string chunked = "Transfer-Encoding: chunked\r\n";

INSTANTIATE_TEST_SUITE_P(
    http_engine, json_answers,
    ::testing::Values(
        answer_case{"until_end", "HTTP/1.1 200 OK\r\n" + json_type + "\r\n[1]", http_outcome::answered, 200,
                    "[1]"},
        answer_case{"http_1_0", "HTTP/1.0 200 OK\r\n" + json_type + "\r\n[1]", http_outcome::answered, 200,
                    "[1]"},
        answer_case{"chunks",
                    "HTTP/1.1 200 OK\r\n" + json_type + chunked +
                        "\r\n2\r\n[1\r\n1;x=y\r\n]\r\n0\r\nT: v\r\n\r\n",
                    http_outcome::answered, 200, "[1]"},
        answer_case{"exactly_as_long",
                    "HTTP/1.1 200 OK\r\n" + json_type + "Content-Length: 10\r\n\r\n[12345678]",
                    http_outcome::answered, 200, "[12345678]"},
        answer_case{"type_with_parameter",
                    "HTTP/1.1 200 OK\r\nContent-Type: Application/JSON ; charset=utf-8\r\nContent-Length: "
                    "2\r\n\r\n[]",
                    http_outcome::answered, 200, "[]"},
        answer_case{
            "type_with_suffix",
            "HTTP/1.1 200 OK\r\nContent-Type: application/problem+json\r\nContent-Length: 2\r\n\r\n[]",
            http_outcome::answered, 200, "[]"},
        answer_case{"identity",
                    "HTTP/1.1 200 OK\r\n" + json_type +
                        "Content-Encoding: identity\r\nContent-Length: 2\r\n\r\n[]",
                    http_outcome::answered, 200, "[]"},
        answer_case{
            "interim",
            "HTTP/1.1 103 Early Hints\r\nContent-Type: text/html\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" +
                json_answer("[]"),
            http_outcome::answered, 200, "[]"},
        answer_case{"other_status_any_type",
                    "HTTP/1.1 404 No\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nno",
                    http_outcome::answered, 404, "no"},
        answer_case{"other_status_too_long",
                    "HTTP/1.1 500 No\r\nContent-Length: 20\r\n\r\n01234567890123456789",
                    http_outcome::answered, 500, "0123456789"},
        answer_case{"redirect",
                    "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
                    http_outcome::answered, 302, ""},
        answer_case{"not_modified", "HTTP/1.1 304 Not Modified\r\nContent-Length: 20\r\n\r\n",
                    http_outcome::answered, 304, ""},
        answer_case{"announced_too_long", "HTTP/1.1 200 OK\r\n" + json_type + "Content-Length: 11\r\n\r\n",
                    http_outcome::bad_answer, 200, ""},
        answer_case{"chunks_too_long",
                    "HTTP/1.1 200 OK\r\n" + json_type + chunked +
                        "\r\n8\r\n[1234567\r\n8\r\n89012345\r\n0\r\n\r\n",
                    http_outcome::bad_answer, 200, ""},
        answer_case{"until_end_too_long", "HTTP/1.1 200 OK\r\n" + json_type + "\r\n[123456789]",
                    http_outcome::bad_answer, 200, ""},
        answer_case{"other_type", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\n[]",
                    http_outcome::bad_answer, 200, ""},
        answer_case{"no_type", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", http_outcome::bad_answer,
                    200, ""},
        answer_case{"encoded",
                    "HTTP/1.1 200 OK\r\n" + json_type +
                        "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n[]",
                    http_outcome::bad_answer, 200, ""},
        answer_case{"transfer_encoded",
                    "HTTP/1.1 200 OK\r\n" + json_type + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                    http_outcome::bad_answer, 200, ""},
        answer_case{"garbage", "SSH-2.0-OpenSSH_9.2\r\n", http_outcome::bad_answer, 0, ""},
        answer_case{"garbage_one_byte", "x", http_outcome::bad_answer, 0, ""},
        answer_case{"http_2", "HTTP/2.0 200 OK\r\n\r\n", http_outcome::bad_answer, 0, ""},
        answer_case{"no_status", "HTTP/1.1 OK\r\n\r\n", http_outcome::bad_answer, 0, ""},
        answer_case{"two_lengths",
                    "HTTP/1.1 200 OK\r\n" + json_type + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n[]",
                    http_outcome::bad_answer, 200, ""},
        answer_case{"length_not_a_number", "HTTP/1.1 200 OK\r\n" + json_type + "Content-Length: -2\r\n\r\n[]",
                    http_outcome::bad_answer, 200, ""},
        answer_case{"bad_chunk", "HTTP/1.1 200 OK\r\n" + json_type + chunked + "\r\nzz\r\n",
                    http_outcome::bad_answer, 200, ""},
        answer_case{"switching", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", http_outcome::bad_answer,
                    101, ""},
        answer_case{"head_too_long", "HTTP/1.1 200 OK\r\nX: " + std::string(70000, 'x') + "\r\n\r\n",
                    http_outcome::bad_answer, 200, ""},
        answer_case{"head_long",
                    "HTTP/1.1 200 OK\r\n" + json_type + "Content-Length: 2\r\nX: " + std::string(60000, 'x') +
                        "\r\n\r\n[]",
                    http_outcome::answered, 200, "[]"},
        answer_case{"nothing", "", http_outcome::closed, 0, ""},
        answer_case{"half_a_head", "HTTP/1.1 200 OK\r\nContent-", http_outcome::closed, 0, ""},
        answer_case{"half_a_body", "HTTP/1.1 200 OK\r\n" + json_type + "Content-Length: 3\r\n\r\n[1",
                    http_outcome::closed, 0, ""},
        answer_case{"half_the_chunks", "HTTP/1.1 200 OK\r\n" + json_type + chunked + "\r\n2\r\n[1\r\n",
                    http_outcome::closed, 0, ""}),
    [](const auto& info) { return info.param.name; });

class post_answers : public ::testing::TestWithParam<answer_case> {};

TEST_P(post_answers, to_a_post) {
  const answer_case& expected = GetParam();
  test_peer peer([&](peer_connection& connection, int) {
    connection.read_request();
    connection.write(expected.answer);
  });
  test_engine engine(defaults());
  http_request request = post(peer.url());
  request.max_body = 10;
  const http_response response = ask(engine, request);
  EXPECT_EQ(response.outcome, expected.outcome) << response.error;
  EXPECT_EQ(response.status, expected.status);
  EXPECT_EQ(response.body, expected.body);
}

INSTANTIATE_TEST_SUITE_P(
    http_engine, post_answers,
    ::testing::Values(answer_case{"any_type",
                                  "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok",
                                  http_outcome::answered, 200, "ok"},
                      answer_case{"too_long", "HTTP/1.1 202 OK\r\nContent-Length: 1000000\r\n\r\n0123456789",
                                  http_outcome::answered, 202, "0123456789"},
                      answer_case{"chunks_too_long",
                                  "HTTP/1.1 200 OK\r\n" + chunked + "\r\nc\r\n012345678901\r\n",
                                  http_outcome::answered, 200, "0123456789"},
                      answer_case{"breaks_off", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
                                  http_outcome::answered, 200, "ab"},
                      answer_case{"bad_chunk", "HTTP/1.1 200 OK\r\n" + chunked + "\r\nzz\r\n",
                                  http_outcome::answered, 200, ""},
                      answer_case{"half_a_head", "HTTP/1.1 200 OK\r\nContent", http_outcome::closed, 0, ""},
                      answer_case{"garbage", "hello", http_outcome::bad_answer, 0, ""}),
    [](const auto& info) { return info.param.name; });

TEST(http_engine, puts_an_answer_together_from_single_bytes) {
  const std::string answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n" + json_type + chunked +
                             "\r\n2\r\n[1\r\n1\r\n]\r\n0\r\n\r\n";
  test_peer peer([&](peer_connection& connection, int) {
    connection.read_request();
    for (const char c : answer) {
      connection.write(std::string(1, c));
      std::this_thread::yield();
    }
    connection.wait_for_end();
  });
  test_engine engine(defaults());
  const http_response response = ask(engine, get(peer.url()));
  EXPECT_EQ(response.outcome, http_outcome::answered) << response.error;
  EXPECT_EQ(response.body, "[1]");
}

TEST(http_engine, reads_a_body_of_many_megabytes) {
  const std::string body = "[\"" + std::string(std::size_t{12} << 20, 'x') + "\"]";
  test_peer peer(answer_always(json_answer(body)));
  test_engine engine(defaults());
  http_request request = get(peer.url());
  request.max_body = std::size_t{16} << 20;
  const http_response response = ask(engine, request);
  EXPECT_EQ(response.outcome, http_outcome::answered) << response.error;
  EXPECT_TRUE(response.body == body);
}

TEST(http_engine, tells_when_to_come_again_by_the_answers_own_clock) {
  test_peer peer(answer_always("HTTP/1.1 503 No\r\nRetry-After: Sun, 06 Nov 1994 08:50:07 GMT\r\n"
                               "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n"));
  test_engine engine(defaults());
  const http_response response = ask(engine, post(peer.url()));
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.date, 784111777);
  EXPECT_EQ(response.retry_after_ms, 30000);
}

TEST(http_engine, an_answer_that_comes_before_the_request_was_read_counts) {
  test_peer peer([&](peer_connection& connection, int) {
    char byte = 0;
    ::recv(connection.socket(), &byte, 1, 0);
    connection.write("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    ::shutdown(connection.socket(), SHUT_WR);
    connection.wait_for_end();
  });
  test_engine engine(defaults());
  const http_response response = ask(engine, post(peer.url(), std::string(std::size_t{16} << 20, 'x')));
  EXPECT_EQ(response.outcome, http_outcome::answered) << response.error;
  EXPECT_EQ(response.status, 413);
}

} // namespace
} // namespace workspace_supervisor
