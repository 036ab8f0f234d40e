#include "app/client/control_client.hpp"
#include "tests/app/client/scripted_server.hpp"

#include <gtest/gtest.h>

#include <vector>

using namespace workspace_supervisor;

namespace {

constexpr std::chrono::seconds long_enough{60};
constexpr std::chrono::milliseconds short_patience{300};

using connection = scripted_server::connection;

/// What a call leads to at a server that answers with these bytes and closes.
control_result answered_with(const std::string& bytes, const std::string& body = {}) {
  const scripted_server server{[&bytes](const connection& client, const std::string&) {
    client.send(bytes);
  }};
  return control_client{server.path()}.call("POST", "/v1/x", body, long_enough);
}

TEST(control_client, asks_as_http_has_it) {
  std::string request;
  const scripted_server server{[&request](const connection& client, const std::string& head) {
    request = head;
    while (!request.ends_with("{\"a\":1}"))
      request += client.receive();
    client.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  }};
  const auto result = control_client{server.path()}.call("PUT", "/v1/x?y=1", "{\"a\":1}", long_enough);
  EXPECT_EQ(result.error, "");
  EXPECT_TRUE(request.starts_with("PUT /v1/x?y=1 HTTP/1.1\r\nHost: localhost\r\n")) << request;
  EXPECT_NE(request.find("\r\nContent-Type: application/json\r\n"), std::string::npos) << request;
  EXPECT_NE(request.find("\r\nContent-Length: 7\r\n"), std::string::npos) << request;
}

TEST(control_client, reads_an_answer_however_it_is_cut) {
  const std::string answer = "HTTP/1.1 404 Not Found\r\nDate: x\r\ncontent-LENGTH: 5\r\n\r\nhello";
  for (std::size_t size = 1; size <= answer.size(); size += 7) {
    const scripted_server server{[&](const connection& client, const std::string&) {
      for (std::size_t begin = 0; begin < answer.size(); begin += size)
        client.send(std::string_view{answer}.substr(begin, size));
    }};
    const auto result = control_client{server.path()}.call("GET", "/", {}, long_enough);
    EXPECT_EQ(result.trouble, control_trouble::none) << result.error;
    EXPECT_EQ(result.reply.status, 404) << size;
    EXPECT_EQ(result.reply.body, "hello") << size;
  }
}

TEST(control_client, an_answer_without_a_length_goes_on_until_the_end) {
  EXPECT_EQ(answered_with("HTTP/1.1 200 OK\r\n\r\none two").reply.body, "one two");
}

TEST(control_client, reads_chunks) {
  const auto result = answered_with("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                    "3\r\none\r\n4\r\n two\r\n0\r\n\r\n");
  EXPECT_EQ(result.error, "");
  EXPECT_EQ(result.reply.body, "one two");
}

TEST(control_client, what_comes_after_the_length_is_left_out) {
  EXPECT_EQ(answered_with("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabcdef").reply.body, "ab");
}

TEST(control_client, does_not_wait_for_an_end_that_the_length_tells) {
  const scripted_server server{[](const connection& client, const std::string&) {
    client.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab");
    client.wait_for_end();
  }};
  EXPECT_EQ(control_client{server.path()}.call("GET", "/", {}, long_enough).reply.body, "ab");
}

TEST(control_client, a_body_larger_than_any_buffer_comes_whole) {
  const std::string large(3000000, 'x');
  const auto result = answered_with("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(large.size()) +
                                    "\r\n\r\n" + large);
  EXPECT_TRUE(result.reply.body == large) << result.reply.body.size() << ' ' << result.error;
}

TEST(control_client, reads_the_refusal_of_what_was_not_read_whole) {
  const scripted_server server{[](const connection& client, const std::string&) {
                                 client.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig");
                               },
                               scripted_server::requests::unread};
  const auto result = control_client{server.path()}.call("PUT", "/", std::string(4000000, 'x'), long_enough);
  EXPECT_EQ(result.reply.status, 413) << result.error;
  EXPECT_EQ(result.reply.body, "big");
}

TEST(control_client, names_what_is_wrong_with_an_answer) {
  for (const std::string answer :
       {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 OK 200\r\n\r\n", "HTTP/1.1\r\n\r\n", "\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2000000000\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"}) {
    const auto result = answered_with(answer);
    EXPECT_EQ(result.trouble, control_trouble::broken) << answer;
    EXPECT_NE(result.error, "") << answer;
  }
}

TEST(control_client, an_answer_that_ends_early_is_no_answer) {
  for (const std::string answer : {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na",
                                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\non"}) {
    const auto result = answered_with(answer);
    EXPECT_EQ(result.trouble, control_trouble::broken) << answer;
    EXPECT_EQ(result.error, "the connection ended before the answer did") << answer;
  }
}

TEST(control_client, an_endless_head_is_given_up) {
  const scripted_server server{[](const connection& client, const std::string&) {
    client.send("HTTP/1.1 200 OK\r\n");
    while (client.send("X-More: and more\r\n"))
      ;
  }};
  EXPECT_EQ(control_client{server.path()}.call("GET", "/", {}, long_enough).trouble, control_trouble::broken);
}

TEST(control_client, a_trickle_does_not_hold_up_the_end_of_patience) {
  const scripted_server server{[](const connection& client, const std::string&) {
    client.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
    while (client.send("x"))
      ;
  }};
  const auto result = control_client{server.path()}.call("GET", "/", {}, short_patience);
  EXPECT_EQ(result.trouble, control_trouble::no_answer);
  EXPECT_EQ(result.error, "no answer in time");
}

TEST(control_client, silence_ends_with_patience) {
  const scripted_server server{[](const connection& client, const std::string&) {
    client.wait_for_end();
  }};
  EXPECT_EQ(control_client{server.path()}.call("GET", "/", {}, short_patience).trouble,
            control_trouble::no_answer);
}

TEST(control_client, a_full_queue_of_connections_ends_with_patience) {
  const temporary_directory folder;
  const auto path = folder.file("control.sock");
  const int listener = scripted_server::listening(path, 0);
  const auto address = scripted_server::address_of(path);
  std::vector<int> waiting;
  do
    waiting.push_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  while (::connect(waiting.back(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  EXPECT_EQ(control_client{path}.call("GET", "/", {}, short_patience).trouble, control_trouble::no_answer);
  for (const int one : waiting)
    ::close(one);
  ::close(listener);
}

TEST(control_client, says_why_there_is_no_connection) {
  const temporary_directory folder;
  const auto at = [&folder](const std::string& name) {
    return control_client{folder.file(name)}.call("GET", "/", {}, long_enough);
  };
  EXPECT_EQ(at("nothing").trouble, control_trouble::no_socket);
  EXPECT_EQ(at("nothing").error, "No such file or directory");
  write_content(folder.file("file"), "");
  EXPECT_EQ(at("file").trouble, control_trouble::nobody_listens);
  EXPECT_EQ(at("file/below").trouble, control_trouble::no_socket);
  ::close(scripted_server::listening(folder.file("left")));
  EXPECT_EQ(at("left").trouble, control_trouble::nobody_listens);
  EXPECT_EQ(at(std::string(200, 'x')).trouble, control_trouble::bad_path);
}

// -- streams

constexpr const char* stream_head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";

TEST(control_client_stream, gives_each_line_as_it_comes) {
  const scripted_server server{[](const connection& client, const std::string&) {
    client.send(stream_head);
    client.send("data: one\r\nda");
    client.send("ta: two\n\nhalf");
    // Not before these lines were taken does the client go; otherwise this would wait in vain.
    client.wait_for_end();
  }};
  std::vector<std::string> lines;
  const auto result = control_client{server.path()}.stream("/v1/events", long_enough, [&](const auto& line) {
    lines.push_back(line);
    return lines.size() < 3;
  });
  EXPECT_EQ(result.trouble, control_trouble::none) << result.error;
  EXPECT_EQ(lines, (std::vector<std::string>{"data: one", "data: two", ""}));
}

TEST(control_client_stream, has_no_limit_on_its_total) {
  const std::string line(999, 'x');
  constexpr int count = 20000; // beyond Beast's limit of 8 MB for a body
  const scripted_server server{[&line](const connection& client, const std::string&) {
    client.send(stream_head);
    for (int sent = 0; sent < count; ++sent)
      client.send(line + '\n');
  }};
  int taken = 0;
  const auto result = control_client{server.path()}.stream("/v1/events", long_enough, [&](const auto& one) {
    taken += one == line ? 1 : 0;
    return true;
  });
  EXPECT_EQ(result.trouble, control_trouble::none) << result.error;
  EXPECT_EQ(taken, count);
}

TEST(control_client_stream, a_line_without_end_is_given_up) {
  const scripted_server server{[](const connection& client, const std::string&) {
    client.send(stream_head);
    while (client.send(std::string(100000, 'x')))
      ;
  }};
  const auto result =
      control_client{server.path()}.stream("/v1/events", long_enough, [](const auto&) { return true; });
  EXPECT_EQ(result.trouble, control_trouble::broken);
  EXPECT_EQ(result.error, "a line of the stream is too long");
}

TEST(control_client_stream, silence_ends_with_patience) {
  const scripted_server server{[](const connection& client, const std::string&) {
    client.send(std::string{stream_head} + "one\n");
    client.wait_for_end();
  }};
  int taken = 0;
  // Long enough for the head and the line, for which it is the limit, too.
  const std::chrono::seconds patience{3};
  const auto result = control_client{server.path()}.stream("/v1/events", patience, [&](const auto&) {
    ++taken;
    return true;
  });
  EXPECT_EQ(result.trouble, control_trouble::no_answer);
  EXPECT_EQ(taken, 1);
}

TEST(control_client_stream, a_refusal_comes_whole) {
  const scripted_server server{[](const connection& client, const std::string&) {
    client.send("HTTP/1.1 503 Too many\r\nContent-Length: 12\r\n\r\ndata: no\nmore");
  }};
  const auto result =
      control_client{server.path()}.stream("/v1/events", long_enough, [](const auto&) { return true; });
  EXPECT_EQ(result.reply.status, 503);
  EXPECT_EQ(result.reply.body, "data: no\nmor");
}

TEST(percent_encoded, leaves_nothing_that_means_something_in_a_url) {
  EXPECT_EQ(percent_encoded("a-Z_0.9~"), "a-Z_0.9~");
  EXPECT_EQ(percent_encoded("../x?y=1&z#\xc3\xa4 %"), "..%2Fx%3Fy%3D1%26z%23%C3%A4%20%25");
}

} // namespace
