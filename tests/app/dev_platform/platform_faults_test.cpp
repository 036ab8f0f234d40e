#include "app/dev_platform/platform.hpp"
#include "tests/app/dev_platform/raw_client.hpp"
#include "tests/support/unreachable_port.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace workspace_supervisor;
namespace json = boost::json;

namespace {

class platform_faults : public testing::Test {
protected:
  platform_faults() {
    server.add_workspace("ws-a", "Alpha", "", "token-a");
    server.add_workspace("ws-b", "Beta", "", "token-b");
  }

  std::uint64_t order(fault_action action, const std::function<void(platform_fault&)>& change = nullptr) {
    platform_fault fault;
    fault.action = action;
    fault.kind = request_class::workspace;
    if (change)
      change(fault);
    return server.order(fault);
  }

  raw_answer get() { return client.get("/workspaces/ws-a", "token-a"); }
  void send_get(raw_client& from) {
    from.send("GET /workspaces/ws-a HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer token-a\r\n\r\n");
  }
  /// The last request's record once it has ended.
  recorded_request last() {
    EXPECT_TRUE(server.wait_until(
        [](const platform_view& view) { return !view.requests().empty() && view.requests().back().ended; }));
    return server.requests().back();
  }

  platform_server server;
  raw_client client{server.port()};
};

TEST_F(platform_faults, a_status_comes_with_its_headers_and_body) {
  order(fault_action::status, [](platform_fault& fault) {
    fault.status = 503;
    fault.headers = {{"Retry-After", "7"}, {"content-type", "text/plain"}};
    fault.body = "later";
  });
  auto answer = get();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.headers["retry-after"], "7");
  EXPECT_EQ(answer.headers["content-type"], "text/plain");
  EXPECT_EQ(answer.body, "later");
  EXPECT_EQ(last().status, 503);
  EXPECT_EQ(last().fault, "status");
}

TEST_F(platform_faults, a_status_without_a_body_has_none) {
  order(fault_action::status, [](platform_fault& fault) { fault.status = 204; });
  EXPECT_EQ(get().status, 204);
  EXPECT_EQ(get().headers.count("content-length"), 0u);
}

TEST_F(platform_faults, apply_for_as_many_requests_as_ordered) {
  order(fault_action::status, [](platform_fault& fault) {
    fault.skip = 1;
    fault.times = 2;
  });
  EXPECT_EQ(get().status, 200);
  EXPECT_EQ(get().status, 500);
  EXPECT_EQ(get().status, 500);
  EXPECT_EQ(get().status, 200);
}

TEST_F(platform_faults, last_until_they_are_cleared) {
  auto first = order(fault_action::status);
  order(fault_action::status, [](platform_fault& fault) { fault.status = 502; });
  EXPECT_EQ(get().status, 500);
  server.clear_fault(first);
  EXPECT_EQ(get().status, 502);
  server.clear_faults();
  EXPECT_EQ(get().status, 200);
}

TEST_F(platform_faults, apply_to_the_class_and_workspace_they_were_ordered_for) {
  order(fault_action::status, [](platform_fault& fault) { fault.workspace = "ws-b"; });
  EXPECT_EQ(get().status, 200);
  EXPECT_EQ(client.get("/workspaces/ws-b", "token-b").status, 500);
  EXPECT_EQ(client.get("/workspaces/ws-b/delegations", "token-b").status, 200);
  order(fault_action::status, [](platform_fault& fault) { fault.kind = request_class::any; });
  EXPECT_EQ(client.get("/workspaces/ws-b/delegations", "token-b").status, 500);
}

TEST_F(platform_faults, a_token_is_rejected_until_it_has_changed) {
  order(fault_action::reject_token);
  EXPECT_EQ(get().status, 401);
  EXPECT_EQ(get().status, 401);
  auto token = server.rotate_token("ws-a");
  EXPECT_EQ(client.get("/workspaces/ws-a", token).status, 200);
  EXPECT_EQ(client.get("/workspaces/ws-b", "token-b").status, 401) << "each workspace's own";
}

TEST_F(platform_faults, a_hang_is_answered_when_released) {
  order(fault_action::hang);
  send_get(client);
  ASSERT_TRUE(server.wait_until([](const platform_view& view) { return view.counts().hanging == 1; }));
  EXPECT_FALSE(client.readable_within(0));
  EXPECT_EQ(server.requests().back().status, 0);
  server.release();
  EXPECT_EQ(client.read_answer().status, 200);
}

TEST_F(platform_faults, clearing_a_hang_releases_it) {
  auto id = order(fault_action::hang);
  send_get(client);
  ASSERT_TRUE(server.wait_until([](const platform_view& view) { return view.counts().hanging == 1; }));
  server.clear_fault(id);
  EXPECT_EQ(client.read_answer().status, 200);
}

TEST_F(platform_faults, a_client_that_leaves_a_hang_is_noticed) {
  order(fault_action::hang);
  {
    raw_client leaving{server.port()};
    send_get(leaving);
    ASSERT_TRUE(server.wait_until([](const platform_view& view) { return view.counts().hanging == 1; }));
  }
  EXPECT_TRUE(last().client_gone);
  EXPECT_EQ(server.counts().hanging, 0u);
}

TEST_F(platform_faults, a_hang_holds_up_nobody_else) {
  order(fault_action::hang, [](platform_fault& fault) { fault.times = 1; });
  send_get(client);
  ASSERT_TRUE(server.wait_until([](const platform_view& view) { return view.counts().hanging == 1; }));
  EXPECT_EQ(raw_client{server.port()}.get("/workspaces/ws-a", "token-a").status, 200);
}

TEST_F(platform_faults, closes_before_the_answer) {
  order(fault_action::close);
  auto answer = get();
  EXPECT_EQ(answer.status, 0);
  EXPECT_FALSE(answer.reset);
  EXPECT_TRUE(client.ends());
  EXPECT_EQ(last().status, 0);
}

TEST_F(platform_faults, closes_only_reused_connections_when_so_ordered) {
  order(fault_action::close, [](platform_fault& fault) { fault.reused_only = true; });
  EXPECT_EQ(get().status, 200);
  EXPECT_EQ(get().status, 0);
  EXPECT_EQ(raw_client{server.port()}.get("/workspaces/ws-a", "token-a").status, 200);
}

TEST_F(platform_faults, closes_in_the_middle_of_a_body) {
  order(fault_action::close_in_body);
  auto answer = get();
  EXPECT_EQ(answer.status, 200);
  EXPECT_FALSE(answer.whole);
  EXPECT_FALSE(answer.body.empty());
}

TEST_F(platform_faults, resets) {
  order(fault_action::reset);
  auto answer = get();
  EXPECT_EQ(answer.status, 0);
  EXPECT_TRUE(answer.reset);
}

TEST_F(platform_faults, answers_byte_by_byte) {
  order(fault_action::slow, [](platform_fault& fault) { fault.interval = std::chrono::milliseconds{1}; });
  auto answer = get();
  EXPECT_TRUE(answer.whole);
  // By the sender's times: a reader that is late finds many bytes at once.
  auto record = last();
  EXPECT_EQ(record.bytes_sent, answer.head.size() + answer.body.size());
  EXPECT_GE(record.ended_at - record.at, record.bytes_sent * std::chrono::milliseconds{1});
  EXPECT_EQ(get().status, 200) << "the connection goes on";
}

TEST_F(platform_faults, a_client_that_leaves_a_slow_answer_is_noticed) {
  order(fault_action::slow, [](platform_fault& fault) { fault.interval = std::chrono::hours{1}; });
  {
    raw_client leaving{server.port()};
    send_get(leaving);
    ASSERT_TRUE(leaving.readable_within(30000));
  }
  EXPECT_TRUE(last().client_gone);
}

TEST_F(platform_faults, a_large_body_is_as_large_as_ordered_in_every_framing) {
  for (auto framing : {body_framing::content_length, body_framing::chunked, body_framing::until_close}) {
    server.clear_faults();
    order(fault_action::large_body, [&](platform_fault& fault) { fault.framing = framing; });
    raw_client fresh{server.port()};
    auto answer = fresh.get("/workspaces/ws-a", "token-a");
    EXPECT_TRUE(answer.whole);
    ASSERT_EQ(answer.body.size(), 20u << 20);
    EXPECT_TRUE(json::parse(answer.body).is_array());
    EXPECT_EQ(answer.headers.count("content-length"), framing == body_framing::content_length ? 1u : 0u);
    EXPECT_GE(last().bytes_sent, 20u << 20);
  }
}

TEST_F(platform_faults, a_large_body_that_nobody_reads_ends_with_the_client) {
  order(fault_action::large_body);
  {
    raw_client leaving{server.port()};
    send_get(leaving);
    ASSERT_TRUE(leaving.readable_within(30000));
  }
  EXPECT_TRUE(last().client_gone);
  EXPECT_LT(last().bytes_sent, 20u << 20);
}

TEST_F(platform_faults, invalid_json) {
  order(fault_action::invalid_json);
  auto answer = get();
  json::error_code error;
  json::parse(answer.body, error);
  EXPECT_TRUE(error);
  EXPECT_EQ(answer.status, 200);
}

TEST_F(platform_faults, a_wrong_content_type) {
  order(fault_action::wrong_content_type);
  EXPECT_TRUE(get().headers["content-type"].starts_with("text/html"));
}

TEST_F(platform_faults, a_content_encoding) {
  order(fault_action::gzip);
  auto answer = get();
  EXPECT_EQ(answer.headers["content-encoding"], "gzip");
  EXPECT_TRUE(answer.body.starts_with("\x1f\x8b"));
}

TEST_F(platform_faults, something_that_is_not_http) {
  order(fault_action::raw);
  send_get(client);
  auto text = client.read_to_end();
  EXPECT_FALSE(text.empty());
  EXPECT_FALSE(text.starts_with("HTTP"));
}

TEST_F(platform_faults, bytes_of_ones_own) {
  order(fault_action::raw,
        [](platform_fault& fault) { fault.body = "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"; });
  send_get(client);
  EXPECT_EQ(client.read_to_end(), "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n");
}

TEST_F(platform_faults, huge_headers) {
  order(fault_action::huge_headers, [](platform_fault& fault) { fault.bytes = 1u << 20; });
  EXPECT_EQ(get().headers["x-huge"].size(), 1u << 20);
}

TEST_F(platform_faults, closes_after_an_answer_that_promised_to_stay) {
  order(fault_action::close_after);
  auto answer = get();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.count("connection"), 0u);
  EXPECT_TRUE(client.ends());
}

TEST_F(platform_faults, a_delay_comes_before_the_answer) {
  order(fault_action::answer, [](platform_fault& fault) { fault.delay = std::chrono::milliseconds{50}; });
  EXPECT_EQ(get().status, 200);
  auto record = last();
  EXPECT_GE(record.ended_at - record.at, std::chrono::milliseconds{50});
}

TEST_F(platform_faults, headers_of_the_right_answer_can_be_replaced) {
  order(fault_action::answer, [](platform_fault& fault) {
    fault.headers = {{"Date", "Thu, 02 Jan 2020 03:04:05 GMT"}};
  });
  auto answer = get();
  EXPECT_EQ(answer.headers["date"], "Thu, 02 Jan 2020 03:04:05 GMT");
  EXPECT_EQ(json::parse(answer.body).at("name"), "Alpha");
}

TEST_F(platform_faults, only_the_right_answer_has_an_effect) {
  const std::string body = R"({"message":"m","type":"delegation_result"})";
  for (auto action :
       {fault_action::status, fault_action::close, fault_action::reset, fault_action::close_in_body}) {
    server.clear_faults();
    order(action, [](platform_fault& fault) { fault.kind = request_class::notify; });
    raw_client{server.port()}.post("/workspaces/ws-a/notify", "token-a", body);
  }
  EXPECT_EQ(server.notifications().size(), 1u) << "of close_in_body alone";
}

TEST_F(platform_faults, stops_listening_and_listens_again_on_the_same_port) {
  auto port = server.port();
  EXPECT_EQ(get().status, 200);
  server.stop_listening();
  EXPECT_THROW(raw_client{port}, std::runtime_error);
  EXPECT_EQ(get().status, 200) << "an open connection stays";
  server.listen_again();
  EXPECT_EQ(raw_client{port}.get("/workspaces/ws-a", "token-a").status, 200);
}

TEST_F(platform_faults, accepts_without_reading) {
  server.set_reading(false);
  raw_client fresh{server.port()};
  send_get(fresh);
  send_get(client);
  EXPECT_FALSE(server.wait_for(request_class::workspace, 1, "", std::chrono::milliseconds{50}));
  server.set_reading(true);
  EXPECT_EQ(fresh.read_answer().status, 200);
  EXPECT_EQ(client.read_answer().status, 200);
}

TEST_F(platform_faults, closes_idle_connections) {
  EXPECT_EQ(get().status, 200);
  order(fault_action::hang);
  raw_client busy{server.port()};
  send_get(busy);
  ASSERT_TRUE(server.wait_until([](const platform_view& view) { return view.counts().hanging == 1; }));
  server.close_connections(true);
  EXPECT_TRUE(client.ends());
  EXPECT_EQ(server.counts().hanging, 1u);
  server.close_connections();
  EXPECT_TRUE(busy.ends());
}

TEST_F(platform_faults, the_server_ends_while_requests_hang) {
  auto own = std::make_unique<platform_server>();
  platform_fault fault;
  fault.action = fault_action::hang;
  own->order(fault);
  raw_client waiting{own->port()};
  send_get(waiting);
  ASSERT_TRUE(own->wait_until([](const platform_view& view) { return view.counts().hanging == 1; }));
  own.reset();
  EXPECT_TRUE(waiting.ends());
}

TEST(unreachable, a_connection_to_it_stays_open_ended) {
  unreachable_port target;
  int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(target.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_NE(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  pollfd ready{socket, POLLOUT, 0};
  EXPECT_EQ(::poll(&ready, 1, 300), 0);
  ::close(socket);
}

} // namespace
