#include "actors/platform/http_engine.hpp"
#include "tests/actors/platform/http_test_peer.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace workspace_supervisor {
namespace {

using namespace testing;
using std::chrono::milliseconds;

http_engine_options defaults() {
  http_engine_options options;
  options.user_agent = "workspace-supervisor/test";
  return options;
}

/// Opened once; scripts wait for it.
class gate {
public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(30), [this] { return open_; });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

/// A port of 127.0.0.1 on which nobody listens.
class closed_port {
public:
  closed_port()
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(name);
    ::bind(socket_, reinterpret_cast<sockaddr*>(&name), size);
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&name), &size);
    port_ = ntohs(name.sin_port);
  }
  closed_port(const closed_port&) = delete;
  closed_port& operator=(const closed_port&) = delete;
  ~closed_port() { ::close(socket_); }
  platform_url url() const {
    platform_url url;
    url.host = "127.0.0.1";
    url.port = port_;
    return url;
  }

private:
  int socket_;
  std::uint16_t port_ = 0;
};

platform_url by_name(platform_url url, const std::string& name) {
  url.host = name;
  return url;
}

void wait_until(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    ASSERT_LT(std::chrono::steady_clock::now(), end) << "did not come about within 30 s";
    std::this_thread::sleep_for(milliseconds(1));
  }
}

// --- requests

TEST(http_engine, sends_a_get_as_asked) {
  std::promise<std::string> seen;
  test_peer peer([&](peer_connection& connection, int) {
    seen.set_value(connection.read_request());
    connection.write(json_answer("[1]"));
  });
  http_engine engine(defaults());
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
  http_engine engine(defaults());
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
  http_engine engine(defaults());
  EXPECT_EQ(ask(engine, post(peer.url(), body)).outcome, http_outcome::answered);
  EXPECT_EQ(seen.get_future().get(), body.size());
}

TEST(http_engine, refuses_headers_that_could_inject_others) {
  test_peer peer(answer_always(json_answer("{}")));
  http_engine engine(defaults());
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
  http_engine engine(defaults());
  http_request request = get(peer.url());
  request.max_body = 10;
  request.repeatable = false;
  const http_response response = ask(engine, request);
  EXPECT_EQ(response.outcome, expected.outcome) << response.error;
  EXPECT_EQ(response.status, expected.status);
  EXPECT_EQ(response.body, expected.body);
  EXPECT_EQ(response.error.empty(), expected.outcome == http_outcome::answered) << response.error;
}

const std::string json_type = "Content-Type: application/json\r\n";
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
  http_engine engine(defaults());
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
  http_engine engine(defaults());
  const http_response response = ask(engine, get(peer.url()));
  EXPECT_EQ(response.outcome, http_outcome::answered) << response.error;
  EXPECT_EQ(response.body, "[1]");
}

TEST(http_engine, reads_a_body_of_many_megabytes) {
  const std::string body = "[\"" + std::string(std::size_t{12} << 20, 'x') + "\"]";
  test_peer peer(answer_always(json_answer(body)));
  http_engine engine(defaults());
  http_request request = get(peer.url());
  request.max_body = std::size_t{16} << 20;
  const http_response response = ask(engine, request);
  EXPECT_EQ(response.outcome, http_outcome::answered) << response.error;
  EXPECT_TRUE(response.body == body);
}

TEST(http_engine, tells_when_to_come_again_by_the_answers_own_clock) {
  test_peer peer(answer_always("HTTP/1.1 503 No\r\nRetry-After: Sun, 06 Nov 1994 08:50:07 GMT\r\n"
                               "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n"));
  http_engine engine(defaults());
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
  http_engine engine(defaults());
  const http_response response = ask(engine, post(peer.url(), std::string(std::size_t{16} << 20, 'x')));
  EXPECT_EQ(response.outcome, http_outcome::answered) << response.error;
  EXPECT_EQ(response.status, 413);
}

// --- connections

TEST(http_engine, uses_a_connection_again) {
  test_peer peer(answer_always(json_answer("{}")));
  http_engine engine(defaults());
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(ask(engine, get(peer.url())).outcome, http_outcome::answered);
  EXPECT_EQ(peer.connections(), 1);
  EXPECT_EQ(engine.open_connections(), 1u);
}

TEST(http_engine, lanes_share_no_connection) {
  test_peer peer(answer_always(json_answer("{}")));
  http_engine engine(defaults());
  for (const request_lane lane : {request_lane::beat, request_lane::poll, request_lane::message}) {
    http_request request = get(peer.url());
    request.lane = lane;
    EXPECT_EQ(ask(engine, request).outcome, http_outcome::answered);
  }
  EXPECT_EQ(peer.connections(), 3);
}

TEST(http_engine, a_fresh_connection_is_neither_taken_nor_left) {
  std::atomic<int> asked_to_close{0};
  test_peer peer([&](peer_connection& connection, int) {
    for (std::string request = connection.read_request(); !request.empty();
         request = connection.read_request()) {
      asked_to_close += request.find("\r\nConnection: close\r\n") != std::string::npos ? 1 : 0;
      connection.write(json_answer("{}"));
    }
  });
  http_engine engine(defaults());
  ask(engine, get(peer.url()));
  http_request fresh = get(peer.url());
  fresh.fresh_connection = true;
  EXPECT_EQ(ask(engine, fresh).outcome, http_outcome::answered);
  EXPECT_EQ(peer.connections(), 2);
  EXPECT_EQ(engine.open_connections(), 1u);
  EXPECT_EQ(asked_to_close, 1);
  ask(engine, get(peer.url()));
  EXPECT_EQ(peer.connections(), 2);
}

TEST(http_engine, does_not_keep_what_the_peer_wants_closed) {
  for (const std::string& answer :
       {json_answer("{}", "Connection: close\r\n"),
        std::string("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"),
        json_answer("{}") + "unasked"}) {
    test_peer peer(answer_always(answer));
    http_engine engine(defaults());
    EXPECT_EQ(ask(engine, get(peer.url())).outcome, http_outcome::answered);
    EXPECT_EQ(engine.open_connections(), 0u) << answer;
  }
}

TEST(http_engine, repeats_what_met_a_connection_closed_meanwhile) {
  test_peer peer([](peer_connection& connection, int) {
    connection.read_request();
    connection.write(json_answer("{}"));
    connection.read_request(); // taken, and never answered
  });
  http_engine engine(defaults());
  EXPECT_EQ(ask(engine, get(peer.url())).outcome, http_outcome::answered);
  EXPECT_EQ(ask(engine, get(peer.url())).outcome, http_outcome::answered);
  EXPECT_EQ(peer.connections(), 2);
}

TEST(http_engine, repeats_once_alone) {
  test_peer peer([](peer_connection& connection, int number) {
    connection.read_request();
    if (number == 0) {
      connection.write(json_answer("{}"));
      connection.read_request();
    }
  });
  http_engine engine(defaults());
  EXPECT_EQ(ask(engine, get(peer.url())).outcome, http_outcome::answered);
  EXPECT_EQ(ask(engine, get(peer.url())).outcome, http_outcome::closed);
  EXPECT_EQ(peer.connections(), 2);
}

TEST(http_engine, does_not_repeat_what_must_not_be) {
  test_peer peer([](peer_connection& connection, int) {
    connection.read_request();
    connection.write(json_answer("{}"));
    connection.read_request();
  });
  http_engine engine(defaults());
  EXPECT_EQ(ask(engine, post(peer.url())).outcome, http_outcome::answered);
  EXPECT_EQ(ask(engine, post(peer.url())).outcome, http_outcome::closed);
  EXPECT_EQ(peer.connections(), 1);
}

TEST(http_engine, does_not_repeat_after_the_first_byte_of_an_answer) {
  test_peer peer([](peer_connection& connection, int) {
    connection.read_request();
    connection.write(json_answer("{}"));
    connection.read_request();
    connection.write("H");
  });
  http_engine engine(defaults());
  EXPECT_EQ(ask(engine, get(peer.url())).outcome, http_outcome::answered);
  EXPECT_EQ(ask(engine, get(peer.url())).outcome, http_outcome::closed);
  EXPECT_EQ(peer.connections(), 1);
}

TEST(http_engine, a_reset_connection_is_closed) {
  test_peer peer([](peer_connection& connection, int) {
    connection.read_request();
    connection.reset_on_close();
  });
  http_engine engine(defaults());
  const http_response response = ask(engine, get(peer.url()));
  EXPECT_EQ(response.outcome, http_outcome::closed);
  EXPECT_EQ(engine.open_connections(), 0u);
}

TEST(http_engine, drops_an_idle_connection_that_the_peer_closes) {
  test_peer peer([](peer_connection& connection, int) {
    connection.read_request();
    connection.write(json_answer("{}"));
  });
  http_engine engine(defaults());
  EXPECT_EQ(ask(engine, get(peer.url())).outcome, http_outcome::answered);
  wait_until([&] { return engine.open_connections() == 0; });
}

TEST(http_engine, closes_what_is_idle_for_too_long) {
  test_peer peer(answer_always(json_answer("{}")));
  http_engine_options options = defaults();
  options.idle_timeout = milliseconds(20);
  http_engine engine(options);
  EXPECT_EQ(ask(engine, get(peer.url())).outcome, http_outcome::answered);
  wait_until([&] { return engine.open_connections() == 0; });
}

TEST(http_engine, further_requests_wait_their_turn) {
  std::mutex mutex;
  std::vector<std::string> order;
  gate go;
  test_peer peer([&](peer_connection& connection, int) {
    for (std::string request = connection.read_request(); !request.empty();
         request = connection.read_request()) {
      go.wait();
      {
        const std::lock_guard lock(mutex);
        order.push_back(request.substr(4, 2));
      }
      connection.write(json_answer("{}"));
    }
  });
  http_engine_options options = defaults();
  options.connections_per_lane = 1;
  http_engine engine(options);
  std::vector<std::future<http_response>> answers;
  for (const char* target : {"/0", "/1", "/2", "/3", "/4"})
    answers.push_back(begin(engine, get(peer.url(), target)));
  go.open();
  for (auto& answer : answers)
    EXPECT_EQ(wait_for(answer).outcome, http_outcome::answered);
  EXPECT_EQ(peer.connections(), 1);
  EXPECT_EQ(order, (std::vector<std::string>{"/0", "/1", "/2", "/3", "/4"}));
}

TEST(http_engine, time_counts_while_a_request_waits) {
  gate go;
  test_peer peer([&](peer_connection& connection, int) {
    connection.read_request();
    go.wait();
    connection.write(json_answer("{}"));
  });
  http_engine_options options = defaults();
  options.connections_per_lane = 1;
  http_engine engine(options);
  std::future<http_response> first = begin(engine, get(peer.url()));
  http_request waiting = get(peer.url());
  waiting.timeout = milliseconds(20);
  EXPECT_EQ(ask(engine, waiting).outcome, http_outcome::timed_out);
  go.open();
  EXPECT_EQ(wait_for(first).outcome, http_outcome::answered);
}

TEST(http_engine, a_messages_time_begins_with_its_connection) {
  gate go;
  test_peer peer([&](peer_connection& connection, int number) {
    connection.read_request();
    if (number == 0)
      go.wait();
    connection.write(json_answer("{}"));
  });
  http_engine_options options = defaults();
  options.connections_per_lane = 1;
  http_engine engine(options);
  http_request message = post(peer.url());
  message.lane = request_lane::message;
  message.fresh_connection = true;
  std::future<http_response> first = begin(engine, message);
  message.timeout = milliseconds(2000);
  std::future<http_response> second = begin(engine, message);
  EXPECT_EQ(second.wait_for(milliseconds(2200)), std::future_status::timeout);
  go.open();
  EXPECT_EQ(wait_for(second).outcome, http_outcome::answered);
  EXPECT_EQ(wait_for(first).outcome, http_outcome::answered);
}

TEST(http_engine, requests_that_fail_at_once_do_not_stop_the_queue) {
  closed_port port;
  http_engine_options options = defaults();
  options.connections_per_lane = 2;
  http_engine engine(options);
  std::vector<std::future<http_response>> answers;
  for (int i = 0; i < 2000; ++i)
    answers.push_back(begin(engine, get(port.url())));
  for (auto& answer : answers)
    EXPECT_EQ(wait_for(answer).outcome, http_outcome::connect_failed);
}

TEST(http_engine, reconnect_drops_idle_and_busy_connections) {
  gate go;
  test_peer peer([&](peer_connection& connection, int) {
    for (std::string request = connection.read_request(); !request.empty();
         request = connection.read_request()) {
      if (request.starts_with("GET /slow"))
        go.wait();
      connection.write(json_answer("{}"));
    }
  });
  http_engine engine(defaults());
  ask(engine, get(peer.url())); // idle by now
  http_request slow = get(peer.url(), "/slow");
  slow.lane = request_lane::beat;
  std::future<http_response> busy = begin(engine, slow);
  wait_until([&] { return peer.connections() == 2; });
  engine.reconnect(peer.url());
  wait_until([&] { return engine.open_connections() <= 1; });
  go.open();
  EXPECT_EQ(wait_for(busy).outcome, http_outcome::answered);
  EXPECT_EQ(engine.open_connections(), 0u);
  EXPECT_EQ(ask(engine, get(peer.url())).outcome, http_outcome::answered);
  EXPECT_EQ(peer.connections(), 3);
}

TEST(http_engine, serves_many_threads_at_once) {
  test_peer peer(answer_always(json_answer("{}")));
  http_engine_options options = defaults();
  options.connections_per_lane = 8;
  http_engine engine(options);
  std::atomic<int> answered{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&] {
      std::vector<std::future<http_response>> answers;
      for (int i = 0; i < 100; ++i)
        answers.push_back(begin(engine, get(peer.url())));
      for (auto& answer : answers)
        answered += wait_for(answer).outcome == http_outcome::answered ? 1 : 0;
    });
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(answered, 400);
  EXPECT_LE(peer.connections(), 8);
}

// --- time

TEST(http_engine, an_unanswered_request_was_acknowledged) {
  test_peer peer([](peer_connection& connection, int) { connection.wait_for_end(); });
  http_engine engine(defaults());
  http_request request = post(peer.url());
  request.timeout = milliseconds(200);
  const http_response response = ask(engine, request);
  EXPECT_EQ(response.outcome, http_outcome::timed_out_acknowledged) << response.error;
  EXPECT_EQ(response.status, 0);
  EXPECT_EQ(engine.open_connections(), 0u);
}

TEST(http_engine, a_request_that_the_peer_never_takes_whole_was_not_acknowledged) {
  gate go;
  test_peer peer([&](peer_connection&, int) { go.wait(); });
  http_engine engine(defaults());
  http_request request = post(peer.url(), std::string(std::size_t{32} << 20, 'x'));
  request.timeout = milliseconds(200);
  EXPECT_EQ(ask(engine, request).outcome, http_outcome::timed_out);
  go.open();
}

TEST(http_engine, a_trickling_answer_has_to_end_in_time) {
  gate go;
  test_peer peer([&](peer_connection& connection, int) {
    connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\n" + json_type + "Content-Length: 3\r\n\r\n[");
    go.wait();
  });
  http_engine engine(defaults());
  http_request request = get(peer.url());
  request.timeout = milliseconds(100);
  EXPECT_EQ(ask(engine, request).outcome, http_outcome::timed_out_acknowledged);
  request = post(peer.url());
  request.timeout = milliseconds(100);
  EXPECT_EQ(ask(engine, request).status, 200); // for a POST the status decides
  go.open();
}

TEST(http_engine, a_refused_connection_is_named) {
  closed_port port;
  http_engine engine(defaults());
  const http_response response = ask(engine, get(port.url()));
  EXPECT_EQ(response.outcome, http_outcome::connect_failed);
  EXPECT_NE(response.error.find("connect to " + port.url().origin()), std::string::npos) << response.error;
  EXPECT_NE(response.error.find("refused"), std::string::npos) << response.error;
}

// --- look-ups

TEST(http_engine, resolves_a_host_once) {
  test_peer peer(answer_always(json_answer("{}", "Connection: close\r\n")));
  std::atomic<int> look_ups{0};
  http_engine_options options = defaults();
  options.look_up = [&](const std::string&) {
    ++look_ups;
    return resolved_host{{"127.0.0.1"}, {}};
  };
  http_engine engine(options);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(ask(engine, get(by_name(peer.url(), "p.example"))).outcome, http_outcome::answered);
  EXPECT_EQ(look_ups, 1);
}

TEST(http_engine, resolves_anew_after_reconnect) {
  test_peer peer(answer_always(json_answer("{}")));
  std::atomic<int> look_ups{0};
  http_engine_options options = defaults();
  options.look_up = [&](const std::string&) {
    ++look_ups;
    return resolved_host{{"127.0.0.1"}, {}};
  };
  http_engine engine(options);
  const platform_url url = by_name(peer.url(), "p.example");
  ask(engine, get(url));
  engine.reconnect(url);
  EXPECT_EQ(ask(engine, get(url)).outcome, http_outcome::answered);
  EXPECT_EQ(look_ups, 2);
}

TEST(http_engine, resolves_anew_when_no_address_works) {
  test_peer peer(answer_always(json_answer("{}")), {}, "127.0.0.2");
  std::atomic<int> look_ups{0};
  http_engine_options options = defaults();
  options.look_up = [&](const std::string&) {
    return ++look_ups == 1 ? resolved_host{{"127.0.0.3"}, {}} : resolved_host{{"127.0.0.2"}, {}};
  };
  http_engine engine(options);
  const platform_url url = by_name(peer.url(), "p.example");
  EXPECT_EQ(ask(engine, get(url)).outcome, http_outcome::connect_failed);
  EXPECT_EQ(ask(engine, get(url)).outcome, http_outcome::answered);
  EXPECT_EQ(look_ups, 2);
}

TEST(http_engine, tries_the_next_address) {
  test_peer peer(answer_always(json_answer("{}")), {}, "127.0.0.2");
  http_engine_options options = defaults();
  options.look_up = [](const std::string&) {
    return resolved_host{{"::1", "127.0.0.3", "127.0.0.2"}, {}};
  };
  http_engine engine(options);
  EXPECT_EQ(ask(engine, get(by_name(peer.url(), "p.example"))).outcome, http_outcome::answered);
}

/// Accepts nothing and has no room left: further connections to it hang.
class deaf_listener {
public:
  deaf_listener(const std::string& address, std::uint16_t port) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    name.sin_addr.s_addr = htonl(address == "127.0.0.4" ? 0x7f000004 : INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
    EXPECT_EQ(::listen(listener_, 0), 0);
    for (int& filler : fillers_) {
      filler = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      ::connect(filler, reinterpret_cast<sockaddr*>(&name), sizeof(name));
    }
  }
  deaf_listener(const deaf_listener&) = delete;
  deaf_listener& operator=(const deaf_listener&) = delete;
  ~deaf_listener() {
    for (const int filler : fillers_)
      ::close(filler);
    ::close(listener_);
  }

private:
  int listener_ = -1;
  int fillers_[4] = {-1, -1, -1, -1};
};

TEST(http_engine, an_address_that_hangs_leaves_time_for_the_next) {
  test_peer peer(answer_always(json_answer("{}")), {}, "127.0.0.2");
  deaf_listener deaf("127.0.0.4", peer.port());
  http_engine_options options = defaults();
  options.look_up = [](const std::string&) {
    return resolved_host{{"127.0.0.4", "127.0.0.2"}, {}};
  };
  http_engine engine(options);
  EXPECT_EQ(ask(engine, get(by_name(peer.url(), "p.example"))).outcome, http_outcome::answered);
}

TEST(http_engine, a_connect_that_hangs_ends_in_time) {
  test_peer peer(answer_always(json_answer("{}")), {}, "127.0.0.2"); // for a port that is free elsewhere
  deaf_listener deaf("127.0.0.4", peer.port());
  http_engine_options options = defaults();
  options.connect_timeout = milliseconds(100);
  http_engine engine(options);
  const http_response response = ask(engine, get(by_name(peer.url(), "127.0.0.4")));
  EXPECT_EQ(response.outcome, http_outcome::connect_failed) << response.error;
}

TEST(http_engine, all_who_waited_for_addresses_that_do_not_work_are_told) {
  closed_port port;
  gate go;
  http_engine_options options = defaults();
  options.connect_timeout = std::chrono::seconds(30);
  options.look_up = [&](const std::string&) {
    go.wait();
    return resolved_host{{"not an address", "127.0.0.1"}, {}};
  };
  http_engine engine(options);
  std::future<http_response> first = begin(engine, get(by_name(port.url(), "p.example")));
  std::future<http_response> second = begin(engine, get(by_name(port.url(), "p.example")));
  go.open();
  for (auto* answer : {&first, &second}) {
    const http_response response = wait_for(*answer);
    EXPECT_EQ(response.outcome, http_outcome::connect_failed);
    EXPECT_NE(response.error.find("127.0.0.1: Connection refused"), std::string::npos) << response.error;
  }
}

TEST(http_engine, a_failed_look_up_is_named) {
  http_engine_options options = defaults();
  options.look_up = [](const std::string&) {
    return resolved_host{{}, "no such name"};
  };
  http_engine engine(options);
  platform_url url;
  url.host = "p.example";
  url.port = 80;
  const http_response response = ask(engine, get(url));
  EXPECT_EQ(response.outcome, http_outcome::resolve_failed);
  EXPECT_EQ(response.error, "look-up of p.example: no such name");
}

TEST(http_engine, a_look_up_that_hangs_delays_nothing_else) {
  test_peer peer(answer_always(json_answer("{}")));
  const auto release = std::make_shared<std::promise<void>>();
  const std::shared_future<void> released = release->get_future().share();
  std::future<http_response> left_behind;
  {
    http_engine_options options = defaults();
    options.connect_timeout = milliseconds(100);
    options.look_up = [released](const std::string& host) {
      if (host == "hung.example")
        released.wait();
      return resolved_host{{"127.0.0.1"}, {}};
    };
    http_engine engine(options);
    const platform_url hung = by_name(peer.url(), "hung.example");
    EXPECT_EQ(ask(engine, get(hung)).outcome, http_outcome::resolve_failed);
    http_request hurried = get(hung);
    hurried.timeout = milliseconds(20);
    EXPECT_EQ(ask(engine, hurried).outcome, http_outcome::timed_out);
    EXPECT_EQ(ask(engine, get(by_name(peer.url(), "p.example"))).outcome, http_outcome::answered);
    left_behind = begin(engine, get(hung));
  }
  EXPECT_TRUE(wait_for(left_behind).outcome == http_outcome::cancelled);
  release->set_value();
}

TEST(http_engine, serves_who_waited_for_a_late_look_up) {
  test_peer peer(answer_always(json_answer("{}")));
  gate go;
  http_engine_options options = defaults();
  options.connect_timeout = std::chrono::seconds(30);
  options.look_up = [&](const std::string&) {
    go.wait();
    return resolved_host{{"127.0.0.1"}, {}};
  };
  http_engine engine(options);
  std::future<http_response> first = begin(engine, get(by_name(peer.url(), "p.example")));
  std::future<http_response> second = begin(engine, get(by_name(peer.url(), "p.example")));
  go.open();
  EXPECT_EQ(wait_for(first).outcome, http_outcome::answered);
  EXPECT_EQ(wait_for(second).outcome, http_outcome::answered);
}

// --- the end

TEST(http_engine, cancels_what_is_under_way_when_it_ends) {
  test_peer peer([](peer_connection& connection, int) { connection.wait_for_end(); });
  std::vector<std::future<http_response>> answers;
  {
    http_engine_options options = defaults();
    options.connections_per_lane = 1;
    http_engine engine(options);
    for (int i = 0; i < 3; ++i)
      answers.push_back(begin(engine, get(peer.url())));
    wait_until([&] { return peer.connections() == 1; });
    answers.push_back(begin(engine, get(peer.url())));
  }
  for (auto& answer : answers)
    EXPECT_EQ(wait_for(answer).outcome, http_outcome::cancelled);
}

TEST(http_engine, a_completion_may_send_again) {
  test_peer peer(answer_always(json_answer("{}")));
  http_engine engine(defaults());
  std::promise<http_response> second;
  engine.send(get(peer.url()), [&](const http_response&) {
    engine.send(get(peer.url()), [&](http_response response) { second.set_value(std::move(response)); });
  });
  std::future<http_response> answer = second.get_future();
  EXPECT_EQ(wait_for(answer).outcome, http_outcome::answered);
  EXPECT_EQ(peer.connections(), 1);
}

} // namespace
} // namespace workspace_supervisor
